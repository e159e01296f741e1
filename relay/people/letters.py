"""The letters that go with a matter: who has to be asked what, by the form of registration (FAQ Q11, Q20-Q31). Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from relay.people.dutch import ENVIRONMENTS, day
from relay.people.letter import Letter, Reader, letter, party, provider, steps
from relay.people.matter import Facts, Matter, foreign
from relay.people.remedies import MENDED_HERE
from relay.settings.card import Card
from relay.settings.words import Registration
from relay.x509.mistake import Mistake

_CONTACT, _PARTY, _SUPPORT = Reader.CONTACT_PERSON, Reader.SOFTWARE_PARTY, Reader.SUPPORT
_CONSENT = Registration.CONSENT

_LOG_IN: Final = (
    "Ga naar www.vecozo.nl en klik op Inloggen.",
    "Log in met uw geldige persoonlijke certificaat en klik op uw naam/gebruikersnummer.",
    "Klik op Mijn gegevens en vervolgens op Algemene instellingen.",
)
_RENEW: Final = "https://www.vecozo.nl/certificaten-installerenvernieuwen/"
_AUTHORISE: Final = (
    "https://www.vecozo.nl/support/aanvragen-wijzigen/certificaten/"
    "hoe-wijzig-ik-de-autorisaties-van-een-bestaand-certificaat/"
)
_AT_ONCE: Final = "Dat kan op elk moment van de dag, en de wijziging werkt direct."


def letters(matter: Matter, card: Card, facts: Facts) -> tuple[Letter, ...]:
    """Return the letters, the one to send first in front; none where the operator alone can act."""
    write = _LETTERS.get(matter)
    return tuple(write(card, facts)) if write else ()


# -- the address ------------------------------------------------------------------------------------------------


def _address(card: Card, facts: Facts) -> Iterator[Letter]:
    refused = (
        f"VECOZO weigert de aanroepen die de relay voor {provider(card)} doet. Waarschijnlijk is het IP-adres waarvan "
        f"ze komen, {facts.egress}, niet geregistreerd."
    )
    yield from _registrations(card, facts, facts.egress, refused)
    yield letter(
        _SUPPORT,
        card,
        facts,
        subject=f"Systeemcertificaat geweigerd vanaf {facts.egress}: is het geblokkeerd?",
        body=[
            f"VECOZO weigert de aanroepen die de relay voor {provider(card)} doet met onderstaand systeemcertificaat. "
            f"Het IP-adres {facts.egress} is geregistreerd; daarom denken wij dat het certificaat geblokkeerd is.",
            "Wilt u nagaan of dat zo is, waarom, en wat wij moeten doen om de blokkade te laten opheffen?",
        ],
        only_if="the address is registered and calls are still refused",
    )


def _not_registered(card: Card, facts: Facts) -> Iterator[Letter]:
    why = (
        f"Het IP-adres waarvan de relay voor {provider(card)} VECOZO aanroept, {facts.egress}, staat niet "
        "geregistreerd bij het systeemcertificaat. VECOZO weigert aanroepen van een adres dat niet geregistreerd is."
    )
    yield from _registrations(card, facts, facts.egress, why)


def _registrations(card: Card, facts: Facts, address: str, why: str) -> Iterator[Letter]:
    """Yield the letters that ask whoever it takes to register `address`."""
    match card.registration:
        case Registration.OWN:
            yield _own_registration(card, facts, address, why)
        case Registration.PARTY:
            yield _party_registration(card, facts, address, why)
            yield _party_selection(card, facts, address, why)
        case Registration.CONSENT:
            yield _consent_registration(card, facts, address, why)


def _own_registration(card: Card, facts: Facts, address: str, why: str) -> Letter:
    return letter(
        _CONTACT,
        card,
        facts,
        subject=f"Graag IP-adres {address} registreren bij VECOZO",
        body=[
            why,
            f"Wilt u, als contactpersoon bij VECOZO, het IP-adres {address} registreren bij uw systeemcertificaat? "
            f"{_AT_ONCE} Zo doet u het:",
            steps(
                *_LOG_IN,
                "Klik in het scherm met gebruikersgegevens op de knop IP-adressen.",
                f"Klik in de overzichtspagina op het systeemcertificaat{_number(card)}.",
                f"Registreer in het scherm het IP-adres {address}.",
            ),
            "Is uw persoonlijke certificaat verlopen? Installeer het dan eerst opnieuw. Staat het adres er al? Laat "
            "het ons weten: dan is het systeemcertificaat misschien geblokkeerd, en vragen wij dat na bij VECOZO "
            "Support.",
        ],
    )


def _party_registration(card: Card, facts: Facts, address: str, why: str) -> Letter:
    return letter(
        _PARTY,
        card,
        facts,
        subject=f"Graag IP-adres {address} registreren bij VECOZO, voor uw klanten",
        body=[
            why,
            f"U bent bij VECOZO de softwarepartij van {provider(card)}. Wilt u het IP-adres {address} "
            f"registreren bij uw IP-adressen voor klanten? {_AT_ONCE} Zo doet uw contactpersoon het:",
            steps(
                *_LOG_IN,
                "Klik in het scherm met gebruikersgegevens op de knop IP-adressen.",
                "Klik op de knop Instellen IP-adressen voor klanten en daarna op Instellen IP-adressen.",
                f"Registreer in het scherm het IP-adres {address}.",
            ),
            "Hebt u nog geen persoonlijk certificaat voor IP-registratie? Vraag het aan: vul het aanvraagformulier in "
            "en mail het naar softwarehelpdesk@vecozo.nl.",
        ],
    )


def _party_selection(card: Card, facts: Facts, address: str, why: str) -> Letter:
    return letter(
        _CONTACT,
        card,
        facts,
        subject=f"Graag {party(card)} als softwarepartij selecteren bij VECOZO",
        body=[
            why,
            f"{_sentence(party(card))} registreert het IP-adres {address} bij VECOZO. Dat geldt voor uw "
            "systeemcertificaat zodra u deze softwarepartij hebt geselecteerd. Wilt u, als contactpersoon bij VECOZO, "
            f"nagaan of dat zo is, en het anders alsnog doen? {_AT_ONCE} Zo doet u het:",
            steps(
                *_LOG_IN,
                "Klik in het scherm met gebruikersgegevens op de knop IP-adressen en vervolgens op Selecteer uw "
                "softwarepartij.",
                f"Zet het vinkje bij {party(card)}.",
            ),
            f"Staat {party(card)} er niet tussen? Dan heeft deze nog geen IP-adres geregistreerd bij VECOZO. Laat het "
            "ons weten.",
        ],
    )


def _consent_registration(card: Card, facts: Facts, address: str, why: str) -> Letter:
    return letter(
        _PARTY,
        card,
        facts,
        subject=f"Graag IP-adres {address} registreren bij VECOZO, bij uw eigen systeemcertificaat",
        body=[
            why,
            f"U werkt voor {provider(card)} met een toestemmingsverklaring en met uw eigen systeemcertificaat. Wilt u "
            f"het IP-adres {address} registreren bij dat certificaat? {_AT_ONCE} Uw klant hoeft niets te doen. Zo doet "
            "uw contactpersoon het:",
            steps(
                *_LOG_IN,
                "Klik in het scherm met gebruikersgegevens op de knop IP-adressen.",
                f"Klik in de overzichtspagina op het systeemcertificaat van uw organisatie{_number(card)}.",
                f"Registreer in het scherm het IP-adres {address}.",
            ),
            "Staat het adres er al? Laat het ons weten: dan is het systeemcertificaat misschien geblokkeerd, en vragen "
            "wij dat na bij VECOZO Support.",
        ],
    )


def _egress_out(card: Card, facts: Facts) -> Iterator[Letter]:
    if not facts.seen_as:
        return
    address = foreign(facts.seen_as)
    why = (
        f"Het IP-adres waarvan de relay voor {provider(card)} VECOZO aanroept, verandert van {facts.egress} in "
        f"{address}. Tot het nieuwe adres geregistreerd is, versturen wij niets. Laat het oude adres staan tot wij "
        "melden dat alles werkt."
    )
    for each in _registrations(card, replace(facts, egress=address), address, why):
        yield replace(each, only_if=f"the new address {address} is to stay")


# -- the certificate --------------------------------------------------------------------------------------------


def _certificate_refused(card: Card, facts: Facts) -> Iterator[Letter]:
    environment = ENVIRONMENTS[facts.environment]
    yield _renewal(
        card,
        facts,
        subject=f"VECOZO accepteert het systeemcertificaat van {_holder(card)} niet",
        why=(
            f"VECOZO accepteert het systeemcertificaat niet waarmee de relay voor {provider(card)} aanroepen doet. "
            f"Het kan verlopen of ingetrokken zijn, of niet bij de omgeving {environment} horen: daarvoor is een "
            "certificaat van die omgeving nodig."
        ),
    )
    yield letter(
        _SUPPORT,
        card,
        facts,
        subject="Systeemcertificaat geweigerd: waarom?",
        body=[
            "VECOZO weigert onderstaand systeemcertificaat. Volgens de gegevens erin is het geldig, en bedoeld voor de "
            f"omgeving {environment}.",
            "Wilt u nagaan waarom het geweigerd wordt: is het ingetrokken, geblokkeerd, of van een andere omgeving?",
        ],
        only_if="the certificate is valid and of this environment, and still refused",
    )


def _unusable(card: Card, facts: Facts) -> Iterator[Letter]:
    yield _renewal(
        card,
        facts,
        subject=f"Graag een nieuw bestand met het systeemcertificaat van {_holder(card)}",
        why=(
            f"De relay kan het bestand niet gebruiken waarmee hij voor {provider(card)} VECOZO moet aanroepen. "
            f"{_IN_DUTCH[facts.mistake] if facts.mistake else _USUALLY}"
        ),
        only_if="the file cannot be mended here" if facts.mistake in MENDED_HERE else "",
    )


_USUALLY: Final = (
    "Meestal is dan het certificaat verlopen, is een persoonlijk certificaat gekozen, ontbreekt de persoonlijke "
    "sleutel, of hoort het wachtwoord niet bij het bestand."
)
# What makes a file unusable: relay/x509/mistake.py has it in English.
_IN_DUTCH: Final[Mapping[Mistake, str]] = {
    Mistake.EMPTY: "Het bestand is leeg.",
    Mistake.NOT_PKCS12: "Het is geen certificaatbestand (.pfx of .p12).",
    Mistake.BASE64: "Het is geen certificaatbestand (.pfx of .p12), maar een tekst waar het in verpakt is.",
    Mistake.PEM: "Het is een PEM-bestand, en er is een bestand .pfx of .p12 nodig.",
    Mistake.CERTIFICATE_ONLY: (
        "In het bestand (.cer, .crt of .p7b) staat alleen het certificaat, zonder de persoonlijke sleutel."
    ),
    Mistake.DAMAGED: "Het bestand is niet in zijn geheel overgekomen.",
    Mistake.NO_PASSWORD: "Het bestand is beveiligd met een wachtwoord, en dat hebben wij niet.",
    Mistake.WRONG_PASSWORD: "Het wachtwoord dat wij hebben, hoort niet bij het bestand.",
    Mistake.UNSUPPORTED: (
        "Het bestand is versleuteld op een manier die de relay niet kent: kies bij het exporteren AES256-SHA256."
    ),
    Mistake.NO_KEY: "Het certificaat is geëxporteerd zonder de persoonlijke sleutel.",
    Mistake.NO_CERTIFICATE: "In het bestand staat een persoonlijke sleutel, maar niet het certificaat dat erbij hoort.",
    Mistake.PERSONAL: "Het is een persoonlijk certificaat, en daarmee kan geen software VECOZO aanroepen.",
    Mistake.WRONG_PURPOSE: "Het certificaat is er niet voor bedoeld om VECOZO mee aan te roepen.",
    Mistake.NOT_YET_VALID: "Het certificaat is nog niet geldig.",
    Mistake.EXPIRED: "Het certificaat is verlopen.",
    Mistake.TEST_IN_PRODUCTION: (
        "Het certificaat lijkt voor test of acceptatie te zijn, en er is een certificaat voor productie nodig."
    ),
    Mistake.NOT_LISTED: "Het is een ander certificaat dan bij de relay is opgegeven.",
}


def _expiring(card: Card, facts: Facts) -> Iterator[Letter]:
    over = facts.not_after is not None and facts.not_after < facts.at
    when = f" op {day(facts.not_after)}" if facts.not_after else " binnenkort"
    expires = f"is{when} verlopen" if over else f"verloopt{when}"
    after = "Tot het vernieuwd is" if over else "Daarna"
    yield _renewal(
        card,
        facts,
        subject=f"Het systeemcertificaat van {_holder(card)} {expires}",
        why=(
            f"Het systeemcertificaat waarmee de relay voor {provider(card)} VECOZO aanroept, {expires}. {after} "
            "weigert VECOZO alle aanroepen."
        ),
    )


def _renewal(card: Card, facts: Facts, *, subject: str, why: str, only_if: str = "") -> Letter:
    return letter(
        _PARTY if card.registration is _CONSENT else _CONTACT,
        card,
        facts,
        subject=subject,
        body=[
            why,
            "Wilt u het certificaat zo nodig vernieuwen, en ons het nieuwe bestand geven? Zo doet u het:",
            steps(
                f"Ga naar {_RENEW} en vernieuw het systeemcertificaat{_number(card)}. U hebt het gebruikersnummer en "
                "de pincode nodig. Let op: na vijf foute pogingen kan alleen VECOZO Support de blokkade opheffen.",
                "Exporteer het certificaat uit uw browser als .pfx of .p12. Kies het certificaat waar geen "
                "persoonsnaam in staat, met de hoogste verloopdatum.",
                "Zet het vinkje bij 'Ja, de persoonlijke sleutel exporteren' en bij 'Indien mogelijk exporteren met "
                "alle certificaten in het certificeringspad', en kies een wachtwoord.",
                "Geef ons het bestand en het wachtwoord elk langs een andere weg, en nooit in één e-mail. De pincode "
                "houdt u voor uzelf.",
                f"Kijk daarna bij VECOZO of het IP-adres {facts.egress} ook bij het nieuwe certificaat geregistreerd "
                "staat.",
            ),
            "Wij wisselen het certificaat zonder onderbreking.",
        ],
        only_if=only_if,
    )


# -- the service ------------------------------------------------------------------------------------------------


def _functional(card: Card, facts: Facts) -> Iterator[Letter]:
    service = f"de dienst {foreign(facts.service)}" if facts.service else "een dienst van VECOZO"
    if card.registration is _CONSENT:
        yield letter(
            _CONTACT,
            card,
            facts,
            subject=f"Graag de toestemmingsverklaring voor {party(card)} nagaan bij VECOZO",
            body=[
                f"{_sentence(service)} weigert een aanroep die {party(card)} met uw toestemmingsverklaring doet.",
                f"Wilt u, als contactpersoon bij VECOZO, inloggen op www.vecozo.nl met uw persoonlijke certificaat, en "
                f"nagaan of u voor deze dienst een toestemmingsverklaring hebt afgegeven aan {party(card)}? Is die "
                "ingetrokken of nooit afgegeven, geef die dan (opnieuw) af.",
            ],
            only_if="the service's answer names the consent",
        )
        return
    yield letter(
        _CONTACT,
        card,
        facts,
        subject="Graag de autorisaties van het systeemcertificaat nagaan bij VECOZO",
        body=[
            f"{_sentence(service)} weigert een aanroep van de relay voor {provider(card)}. Waarschijnlijk mist uw "
            "systeemcertificaat de autorisatie voor deze dienst.",
            f"Wilt u die bij VECOZO aanvragen? Hoe dat gaat, staat op {_AUTHORISE}",
        ],
        only_if="the service's answer names an authorisation",
    )


def _quota(card: Card, facts: Facts) -> Iterator[Letter]:
    yield _unblocking(
        card,
        facts,
        f"VECOZO meldt dat de relay voor {provider(card)} het quotum van de dienst heeft overschreden (antwoord 429). "
        "De relay heeft de aanroepen met dit systeemcertificaat naar deze dienst meteen gestopt.",
    )


def _blocked(card: Card, facts: Facts) -> Iterator[Letter]:
    yield _unblocking(
        card,
        facts,
        f"VECOZO weigert de aanroepen van de relay voor {provider(card)}, nadat eerder het quotum van de dienst is "
        "overschreden. Daarom denken wij dat het systeemcertificaat geblokkeerd is.",
    )


def _unblocking(card: Card, facts: Facts, why: str) -> Letter:
    return letter(
        _SUPPORT,
        card,
        facts,
        subject="Graag de blokkade na overschrijding van het quotum opheffen",
        body=[
            why,
            "Wilt u de blokkade opheffen, en ons melden wanneer wij weer mogen aanroepen en welk quotum geldt? Wij "
            "versturen niets tot wij dat van u horen.",
        ],
    )


def _unreachable(card: Card, facts: Facts) -> Iterator[Letter]:
    host = foreign(facts.host) or "VECOZO"
    yield letter(
        _SUPPORT,
        card,
        facts,
        subject=f"{host} is niet bereikbaar vanaf {facts.egress}",
        body=[
            f"De relay krijgt vanaf het IP-adres {facts.egress} geen verbinding met {host}. Andere adressen zijn vanaf "
            "dezelfde plaats wel bereikbaar.",
            "Is er bij u een storing, of wordt ons IP-adres tegengehouden?",
        ],
        only_if="other places can be reached from the same address",
    )


def _out_of_order(card: Card, facts: Facts) -> Iterator[Letter]:
    host = foreign(facts.host) or "VECOZO"
    yield letter(
        _SUPPORT,
        card,
        facts,
        subject=f"{host} geeft geen goed antwoord",
        body=[
            f"De relay krijgt vanaf het IP-adres {facts.egress} wel verbinding met {host}, maar geen goed antwoord.",
            "Is er bij u een storing?",
        ],
        only_if="it stays so",
    )


def _holder(card: Card) -> str:
    return party(card) if card.registration is _CONSENT else provider(card)


def _number(card: Card) -> str:
    return f" met gebruikersnummer {card.user_number}" if card.user_number else ""


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:]


_LETTERS: Final[Mapping[Matter, Callable[[Card, Facts], Iterator[Letter]]]] = {
    Matter.ADDRESS_OR_BLOCKED: _address,
    Matter.CERTIFICATE_INVALID: _certificate_refused,
    Matter.SYSTEM_CERTIFICATE_REFUSED: _certificate_refused,
    Matter.CERTIFICATE_EXPIRING: _expiring,
    Matter.CERTIFICATE_UNUSABLE: _unusable,
    Matter.FUNCTIONAL: _functional,
    Matter.QUOTA: _quota,
    Matter.BLOCKED: _blocked,
    Matter.EGRESS_OUT: _egress_out,
    Matter.ADDRESS_NOT_REGISTERED: _not_registered,
    Matter.UPSTREAM_UNREACHABLE: _unreachable,
    Matter.UPSTREAM_OUT_OF_ORDER: _out_of_order,
}
