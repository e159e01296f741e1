"""The remedy of each matter for the relay's operator: what to do next, and by whom. Pure."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from relay.people.dutch import listed
from relay.people.matter import Facts, Matter, foreign
from relay.settings.card import Card
from relay.settings.words import Registration
from relay.x509.mistake import MISTAKES, Mistake

# Mistakes with a certificate's file that whoever runs the relay may be able to mend alone.
MENDED_HERE: Final = frozenset(
    {
        Mistake.EMPTY,
        Mistake.NOT_PKCS12,
        Mistake.BASE64,
        Mistake.PEM,
        Mistake.DAMAGED,
        Mistake.NO_PASSWORD,
        Mistake.WRONG_PASSWORD,
        Mistake.NOT_YET_VALID,
        Mistake.TEST_IN_PRODUCTION,
        Mistake.NOT_LISTED,
    }
)

_OWN, _PARTY, _CONSENT = Registration.OWN, Registration.PARTY, Registration.CONSENT


def remedy(matter: Matter, card: Card, facts: Facts) -> str:
    """Return what the operator does next, in a few sentences."""
    told = _REMEDIES[matter](card, facts)
    return f"{told} The last good call was at {_time(facts.last_good)}." if facts.last_good else told


def contacts(card: Card) -> str:
    """Return the contact persons by name."""
    names = [contact.name for contact in card.contacts]
    return f"contact person {listed(names, 'or')}" if names else "the provider's contact person"


def party(card: Card) -> str:
    """Return the software party by name."""
    return card.party.name if card.party else "the software party"


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%d %B %Y, %H:%M} UTC"


def _certificate(facts: Facts) -> str:
    return f"system certificate {facts.serial}" if facts.serial else "the system certificate"


def _address(card: Card, facts: Facts) -> str:
    return (
        f"{_registration(card, facts)}: it counts at once. If that is so already, the certificate is blocked: VECOZO "
        "answers both alike, so ask VECOZO Support."
    )


def _not_registered(card: Card, facts: Facts) -> str:
    return (
        f"{_registration(card, facts)}: it counts at once, and the registry is asked again within seconds. If another "
        "address is registered for it, see which one this relay should leave from: egress.public_address."
    )


def _registration(card: Card, facts: Facts) -> str:
    match card.registration:
        case Registration.OWN:
            return f"Have {contacts(card)} register {facts.egress} at VECOZO for {_certificate(facts)}"
        case Registration.PARTY:
            return (
                f"Have {party(card)} register {facts.egress} at VECOZO among its addresses for customers, and "
                f"{contacts(card)} tick {party(card)} as software party"
            )
        case Registration.CONSENT:
            return f"Have {party(card)} register {facts.egress} at VECOZO for its own {_certificate(facts)}"


def _certificate_refused(card: Card, facts: Facts) -> str:
    holder = party(card) if card.registration is _CONSENT else contacts(card)
    return (
        f"VECOZO does not accept {_certificate(facts)} for {facts.environment.value}: expired, revoked, personal, or "
        "of another environment. `relay certificate show` tells what the file holds. If the file is not at fault, "
        f"have {holder} renew the certificate and hand over the new file."
    )


def _functional(card: Card, facts: Facts) -> str:
    told = (
        f"The gate let the call pass, and the service{_named(facts.service)} itself refused it: its answer says why "
        "and is for the calling software."
    )
    if card.registration is _CONSENT:
        return f"{told} If it names the consent, have {contacts(card)} give {party(card)} one for this service."
    return f"{told} If it names an authorisation, have {contacts(card)} ask VECOZO for it."


def _quota(_card: Card, facts: Facts) -> str:
    return (
        f"VECOZO has counted too many calls and blocks the account: send nothing more to the service"
        f"{_named(facts.service)} under {_certificate(facts)}. Have the calling software call less often, send VECOZO "
        "Support the message, and run `relay guard lift` only after their word: no pause mends it."
    )


def _blocked(_card: Card, facts: Facts) -> str:
    return (
        f"This refusal follows a 429, so {_certificate(facts)} is blocked for too many calls; registering the address "
        "again changes nothing. Send VECOZO Support the message, and run `relay guard lift` only after their word."
    )


def _egress_out(card: Card, facts: Facts) -> str:
    registrar = contacts(card) if card.registration is _OWN else party(card)
    if facts.seen_as:
        return (
            f"The world sees {foreign(facts.seen_as)} where {facts.egress} is meant: nothing may leave like that. See "
            "which way the machine's calls take (`ip route get`), and which address the NAT gateway uses. If the new "
            f"address is to stay, have {registrar} register it first, then set it as egress.public_address."
        )
    return (
        f"The egress address {facts.egress} is not to be had. Give it back to this machine or its NAT gateway; "
        f"if it is gone for good, have {registrar} register its successor first, then set it in the settings."
    )


def _source_missing(_card: Card, facts: Facts) -> str:
    return (
        f"Give the machine the address that calls for {facts.egress} leave from (`ip -4 address` lists those it has), "
        "or set egress.source_address to one that it has; what VECOZO sees is then egress.public_address."
    )


def _unusable(card: Card, facts: Facts) -> str:
    holder = party(card) if card.registration is _CONSENT else contacts(card)
    used = "A new file under the same name is used at once."
    if facts.mistake in MENDED_HERE:
        return f"{MISTAKES[facts.mistake].remedy} {used} If that does not help, have {holder} export it again."
    if facts.mistake is not None:
        return f"{MISTAKES[facts.mistake].remedy} Have {holder} do that, and hand over the new file. {used}"
    return (
        "The file of the system certificate cannot be used: `relay check` says why, and `relay certificate show` what "
        f"is in it. If it was exported wrongly, or the certificate is over, have {holder} export or renew it again and "
        f"hand over the new file. {used}"
    )


def _expiring(card: Card, facts: Facts) -> str:
    holder = party(card) if card.registration is _CONSENT else contacts(card)
    return (
        f"{_certificate(facts)[0].upper()}{_certificate(facts)[1:]} {_expiry(facts)}. Have {holder} renew it at VECOZO "
        "(user number and PIN; five wrong tries block them) and hand over the new file: put it in place of the old "
        "one, it is taken into use within seconds. Then see that the address is still registered."
    )


def _expiry(facts: Facts) -> str:
    if facts.not_after is None:
        return "expires soon"
    days = (facts.not_after - facts.at).days
    when = facts.not_after.astimezone(UTC)
    return f"expired on {when:%d %B %Y}" if days < 0 else f"expires on {when:%d %B %Y}, in {days} days"


def _clock(_card: Card, _facts: Facts) -> str:
    return (
        "Set this machine's clock and have it kept (`timedatectl set-ntp true`, or chrony): certificates and "
        "the times in the log are judged by it."
    )


def _paused(_card: Card, _facts: Facts) -> str:
    return "Calls are paused by card.paused in the settings: take it out and restart the relay to let them pass."


def _name_unknown(_card: Card, facts: Facts) -> str:
    return (
        f"See whether this machine can look up names (`getent ahostsv4 {facts.host or 'api.vecozo.nl'}`; "
        "/etc/resolv.conf), and whether the name in the settings is right."
    )


def _unreachable(_card: Card, facts: Facts) -> str:
    return (
        f"See whether the firewall lets calls from the source address of {facts.egress} out to"
        f"{_named(facts.host) or ' VECOZO'}, and whether that address has a way there (`ip route get`). If others "
        "can be reached from here, VECOZO may be out of order: ask VECOZO Support."
    )


def _out_of_order(_card: Card, facts: Facts) -> str:
    return (
        f"Try again: {facts.host or 'VECOZO'} takes the connection and gives no proper answer, so it is out of order, "
        "or something on the way meddles with what is sent. If it stays so, ask VECOZO Support."
    )


def _untrusted(_card: Card, facts: Facts) -> str:
    return (
        f"Whoever answers as{_named(facts.host) or ' VECOZO'} shows a certificate that is not trusted here. A firewall "
        "that opens TLS is the usual reason: exempt VECOZO from it. Else see that the clock is right, ca-certificates "
        "is up to date, and `trust` in the settings, if set, holds the upstream's authority."
    )


def _revoked(_card: Card, facts: Facts) -> str:
    return (
        f"Whoever answers as{_named(facts.host) or ' VECOZO'} shows a certificate that its authority has revoked, as "
        "the list in `trust_revocations` says. Its key may be in other hands: send nothing there, and ask VECOZO "
        "Support. If they have replaced it, see that the name leads to them, and not to somebody with the old key."
    )


def _named(name: str) -> str:
    return f" {name}" if name else ""


_REMEDIES: Final[Mapping[Matter, Callable[[Card, Facts], str]]] = {
    Matter.ADDRESS_OR_BLOCKED: _address,
    Matter.CERTIFICATE_INVALID: _certificate_refused,
    Matter.FUNCTIONAL: _functional,
    Matter.QUOTA: _quota,
    Matter.BLOCKED: _blocked,
    Matter.SYSTEM_CERTIFICATE_REFUSED: _certificate_refused,
    Matter.EGRESS_OUT: _egress_out,
    Matter.SOURCE_ADDRESS_MISSING: _source_missing,
    Matter.ADDRESS_NOT_REGISTERED: _not_registered,
    Matter.CERTIFICATE_UNUSABLE: _unusable,
    Matter.CERTIFICATE_EXPIRING: _expiring,
    Matter.CLOCK_WRONG: _clock,
    Matter.TENANT_PAUSED: _paused,
    Matter.UPSTREAM_NAME_UNKNOWN: _name_unknown,
    Matter.UPSTREAM_UNREACHABLE: _unreachable,
    Matter.UPSTREAM_UNTRUSTED: _untrusted,
    Matter.UPSTREAM_REVOKED: _revoked,
    Matter.UPSTREAM_OUT_OF_ORDER: _out_of_order,
}
