"""What keeps a connection from coming about, as the system and TLS tell it; and where to look for it."""

import errno
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from cryptography import x509

from relay.doctor.itinerary import Place
from relay.people.matter import foreign
from relay.x509.identity import readable

# X509_V_ERR_* of OpenSSL's x509_vfy.h, as they stand in verify_code.
_NOT_YET_VALID, _EXPIRED, _OTHER_NAME = 9, 10, (62, 64)
_MOST_NAMES = 3


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What is in the way, as a sentence goes on, and what to do about it; `ours` where nobody else can help."""

    what: str
    then: str
    ours: bool = False


def of_tcp(error: BaseException | None, place: Place, source: IPv4Address, seconds: float) -> Obstacle:
    """Return why no connection from `source` came about: of an OSError, or within so many seconds."""
    host, port = place
    if isinstance(error, TimeoutError):
        return Obstacle(
            f"nothing came back within {seconds:g} seconds",
            f"A firewall that drops calls does it like that: have whoever keeps it let {source} out to {host} on port "
            f"{port}, and the answers back in. If other places can be reached from {source}, ask VECOZO Support.",
        )
    match getattr(error, "errno", None):
        case errno.ECONNREFUSED:
            return Obstacle(
                "the connection is refused",
                f"Nothing listens on port {port} there, or a firewall refuses it. See whether host and port in the "
                f"settings are right, and whether the firewall lets {source} out to them. If both are so, ask VECOZO "
                "Support.",
            )
        case errno.ENETUNREACH:
            return Obstacle(
                "this machine knows no way there",
                f"Give this machine a route: `ip route get {host} from {source}` tells which it takes.",
                ours=True,
            )
        case errno.EHOSTUNREACH:
            return Obstacle(
                "a router or firewall on the way says that it is not to be reached",
                f"Have whoever keeps the firewall let {source} out to {host} on port {port}; `traceroute -T -p {port} "
                f"{host}` shows how far calls come. If other places can be reached from {source}, ask VECOZO Support.",
            )
        case number:
            return Obstacle(
                os.strerror(number) if number and number > 0 else str(error),
                f"See whether {source} has a way to {host} (`ip route get`), and whether the firewall lets it out. If "
                f"other places can be reached from {source}, ask VECOZO Support.",
            )


def of_tls(error: BaseException | None, place: Place, source: IPv4Address, seconds: float) -> Obstacle:
    """Return why a connection that stands does not come to TLS, within so many seconds."""
    host, port = place
    filtered = (
        f"TCP passes and TLS does not, so have whoever keeps the firewall see that it lets {source} through to {host} "
        "without opening or filtering TLS"
    )
    if isinstance(error, TimeoutError):
        large = f"`ping -I {source} -M do -s 1472 {host}`"
        then = f"{filtered}, and that large packets pass ({large}). If so, ask VECOZO Support."
        return Obstacle(f"the connection stands, but the TLS handshake is not done within {seconds:g} seconds", then)
    if not isinstance(error, ssl.SSLError):
        return Obstacle("the connection is ended as soon as TLS begins", f"{filtered}. If so, ask VECOZO Support.")
    reason = error.reason or "no reason given"
    for words, what in _OTHER_TALK.items():
        if words in reason:
            then = (
                f"See whether host and port in the settings are right: port {port} of {host} is asked. If they are, a "
                "proxy on the way answers in its place: have whoever keeps it let calls through untouched."
            )
            return Obstacle(f"{what} ({reason})", then)
    return Obstacle(f"the TLS handshake failed ({reason})", f"{filtered}. If so, ask VECOZO Support.")


_OTHER_TALK: Final[Mapping[str, str]] = {
    "WRONG_VERSION_NUMBER": "what answers there does not speak TLS",
    "HTTP_REQUEST": "what answers there does not speak TLS",
    "RECORD_LAYER_FAILURE": "what answers there does not speak TLS",
    "ALERT_PROTOCOL_VERSION": "what answers there speaks no TLS 1.2 or 1.3",
    "UNSUPPORTED_PROTOCOL": "what answers there speaks no TLS 1.2 or 1.3",
}


def of_trust(error: BaseException | None, place: Place, shown: x509.Certificate | None, key: str) -> Obstacle:
    """Return why the certificate that is `shown` there is not trusted; `key` names the setting of whom to trust."""
    host = place[0]
    code, why = getattr(error, "verify_code", 0), getattr(error, "verify_message", "it cannot be verified")
    issuer = foreign(readable(shown.issuer)) if shown else "whom was not to be seen"
    if shown is not None and code == _EXPIRED:
        return Obstacle(
            f"the certificate shown there expired on {shown.not_valid_after_utc:%d %B %Y}",
            f"See whether this machine's clock is right (`date -u`). If it is, whoever runs {host} has to renew it; a "
            f"firewall that opens TLS may be who that is, as it was issued by {issuer}.",
        )
    if shown is not None and code == _NOT_YET_VALID:
        return Obstacle(
            f"the certificate shown there is valid from {shown.not_valid_before_utc:%d %B %Y, %H:%M} UTC only",
            "Set this machine's clock and have it kept (`timedatectl set-ntp true`, or chrony): it is behind, or the "
            f"certificate, issued by {issuer}, is wrong.",
        )
    if shown is not None and code in _OTHER_NAME:
        return Obstacle(
            f"the certificate shown there is for {_names(shown)}, and not for {host}",
            f"See whether the name in the settings is right, and whether {host} is looked up right here (`getent "
            f"ahostsv4 {host}`; /etc/hosts). If both are so, a proxy on the way answers in its place.",
        )
    return Obstacle(
        f"the certificate shown there is not trusted here: it was issued by {issuer} ({why})",
        f"If that is a firewall or proxy of your own, it opens TLS: have whoever keeps it exempt {host}, as no system "
        f"certificate passes there. Else see that ca-certificates is up to date, the clock right, and that {key}, if "
        "set, holds the authority.",
    )


def _names(certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        told = [str(name.value) for name in names if isinstance(name, x509.DNSName | x509.IPAddress)]
    except (x509.ExtensionNotFound, ValueError):
        told = []
    return foreign(", ".join(told[:_MOST_NAMES]) or readable(certificate.subject))
