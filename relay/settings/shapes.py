"""What single settings look like: names, paths, URLs, addresses, digests. Each fault says what to write instead."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field

from relay.message.hops import NOT_SENT_ON

_HOST: Final = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
_AUTHORITY: Final = rf"https://{_HOST}(?::(?P<port>[0-9]{{1,5}}))?"
_HOST_ALONE: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?\Z")
_ORIGIN: Final = re.compile(rf"{_AUTHORITY}/?\Z")
_WITNESS: Final = re.compile(rf"{_AUTHORITY}(?:[/?][!-~]*)?\Z")
_ISSUER: Final = re.compile(rf"{_AUTHORITY}(?:/[A-Za-z0-9._~/-]*)?\Z")
_REDIS: Final = re.compile(
    rf"(?:rediss://{_HOST}|redis://(?:localhost|127(?:\.[0-9]{{1,3}}){{3}}))(?::(?P<port>[0-9]{{1,5}}))?(?:/[0-9]{{1,4}})?\Z"
)
_DATABASE: Final = re.compile(
    rf"postgresql://[A-Za-z0-9_.-]{{1,63}}@{_HOST}(?::(?P<port>[0-9]{{1,5}}))?/[A-Za-z0-9_.-]{{1,63}}\Z"
)
_GUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_CLAIM: Final = re.compile(r"[A-Za-z0-9_.:/-]{1,100}\Z")
_SHOWN: Final = re.compile(r"[!-~]{1,300}\Z")
_AZURE_SECRET: Final = re.compile(rf"{_AUTHORITY}/(?:secrets|certificates)/[A-Za-z0-9-]{{1,127}}\Z")
_AWS_SECRET: Final = re.compile(
    r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]{1,519}\Z"
)
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")
_KEY_ID: Final = re.compile(r"[a-z2-7]{16}\Z")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}\Z")
_PASSWORD_DIGEST: Final = re.compile(
    r"\$argon2id\$v=19\$m=(?P<memory>[0-9]{1,6}),t=(?P<passes>[0-9]{1,2}),p=(?P<lanes>[0-9])"
    r"\$[A-Za-z0-9+/]{22,86}\$[A-Za-z0-9+/]{22,86}\Z"
)
# KiB, and times over it. Less is no protection; more would let one call keep a processor, or a machine's memory, busy.
_MEMORY: Final = range(19 * 1024, 128 * 1024 + 1)
_PASSES: Final = range(1, 11)
_A_TAG: Final = "azure:PowerPlatformPlex.WestEurope"
_SERVICE_TAG: Final = re.compile(r"azure:[A-Za-z0-9._]{1,128}\Z")
_USER: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f:]{1,128}\Z")
_SIGNING_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}\Z")
_SEGMENTS: Final = r"(/[A-Za-z0-9._~-]+)+"
_PREFIX: Final = re.compile(rf"{_SEGMENTS}\Z")
_PROBE: Final = re.compile(rf"{_SEGMENTS}(\?[A-Za-z0-9._~=&-]*)?\Z")
# A token of RFC 9110, section 5.6.2. Callers' fields have no underscore: a head with one is refused.
_FIELD: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}\Z")
_CALLERS_FIELD: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^`|~-]{1,64}\Z")
# What means something to HTTP, to services or to another way of proving oneself.
_NOT_FOR_SECRETS: Final = NOT_SENT_ON | frozenset(
    (
        b"accept",
        b"accept-encoding",
        b"authorization",
        b"content-digest",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"cookie",
        b"date",
        b"idempotency-key",
        b"prefer",
        b"range",
        b"signature",
        b"signature-input",
        b"soapaction",
        b"user-agent",
        b"via",
    )
)
_MEDIA_TYPE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,63}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,63}\Z")
_ENVIRONMENT_ID: Final = re.compile(r"[A-Za-z0-9{][A-Za-z0-9.}-]{0,127}\Z")
_WEEKDAY: Final = "(?:mon|tue|wed|thu|fri|sat|sun)"
_WINDOW: Final = re.compile(
    rf"{_WEEKDAY}(?:-{_WEEKDAY})? ((?:[01][0-9]|2[0-3]):[0-5][0-9])-(?!\1)(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)\Z"
)
# What each call has, or what proves the caller: no two calls would have keys of their own.
_NOT_KEYS: Final = frozenset(
    ("authorization", "connection", "content-length", "content-type", "host", "via", "x-api-key")
)
# Of a range whose peers are believed when they tell who calls: 10.0.0.0/8 is as wide as an inner network gets.
_WIDEST: Final = 8


def formed(pattern: re.Pattern[str], told: str) -> AfterValidator:
    """Refuse text of another form, in words that never repeat it: a secret or a patient's number may be there."""

    def judged(text: str) -> str:
        if not pattern.match(text):
            raise ValueError(told)
        return text

    return AfterValidator(judged)


def _path(pattern: re.Pattern[str], told: str) -> AfterValidator:
    def judged(path: str) -> str:
        if not pattern.match(path) or {".", ".."} & set(path.partition("?")[0].split("/")):
            raise ValueError(told)
        return path

    return AfterValidator(judged)


def _url(pattern: re.Pattern[str], told: str) -> AfterValidator:
    def judged(url: str) -> str:
        match = pattern.match(url)
        if not match or int(match["port"] or 443) > 65535 or "#" in url:
            raise ValueError(told)
        return url

    return AfterValidator(judged)


_WITHOUT_SLASH: Final = AfterValidator(lambda url: url.rstrip("/"))


def _one_address(address: IPv4Address) -> IPv4Address:
    if address.is_unspecified:
        raise ValueError("0.0.0.0 is any address, and calls have to leave from one: `ip -4 address` lists them")
    return address


def _whole_range(network: object) -> object:
    """Masking what somebody wrote would believe more peers than were meant; pydantic refuses it without saying why."""
    try:
        masked = IPv4Network(str(network), strict=False)
    except ValueError:
        return network
    if str(network).partition("/")[0] != str(masked.network_address):
        raise ValueError(f"{network} has host bits set; the range that it is in is {masked}")
    return network


def _not_open(network: IPv4Network) -> IPv4Network:
    if network.prefixlen < _WIDEST:
        raise ValueError(
            f"{network} lets almost anybody tell whose call it is: give the load balancer's own addresses, /{_WIDEST} "
            "at the widest"
        )
    return network


def _source(text: str) -> str:
    if _SERVICE_TAG.match(text):
        return text
    try:
        network = IPv4Network(_whole_range(text))
    except (AddressValueError, NetmaskValueError):
        raise ValueError(f"is neither an IPv4 range such as 20.50.0.0/16 nor a tag of Azure's: {_A_TAG}") from None
    if not network.prefixlen:
        raise ValueError("is every address there is; leave sources out to let it call from anywhere")
    return str(network)


def _fingerprinted(text: str) -> str:
    """Take what OpenSSL (upper case, with colons) and others print; keep 64 digits."""
    digits = text.strip().casefold().removeprefix("sha256 fingerprint=").removeprefix("sha256:").replace(":", "")
    if not _FINGERPRINT.match(digits):
        raise ValueError(
            "a fingerprint is the SHA-256 of the certificate, 64 hexadecimal digits: `openssl x509 -noout -fingerprint "
            "-sha256 -in FILE` prints it (what Windows shows as thumbprint is a SHA-1)"
        )
    return digits


def _subject(text: str) -> str:
    """Take the whole line that OpenSSL prints. An empty subject is that of many a certificate."""
    subject = text.strip().removeprefix("subject=").strip()
    if not subject:
        raise ValueError("is empty; `openssl x509 -noout -subject -nameopt RFC2253 -in FILE` prints it")
    return subject


def _password_digest(text: str) -> str:
    match = _PASSWORD_DIGEST.match(text)
    if not match:
        raise ValueError(_NO_ARGON2ID)
    if int(match["memory"]) not in _MEMORY or int(match["passes"]) not in _PASSES or match["lanes"] == "0":
        raise ValueError("takes other than 19 to 128 MiB (m=19456 to 131072) or 1 to 10 passes (t=)")
    return text


def _key_field(name: str) -> str:
    if not _CALLERS_FIELD.match(name) or name.lower() in _NOT_KEYS:
        raise ValueError("is no field for a key; give one of the client's own, such as Idempotency-Key")
    return name


def _secret_field(name: str) -> str:
    lower = name.lower()
    if (
        not _CALLERS_FIELD.match(name)
        or lower.encode() in _NOT_FOR_SECRETS
        or lower.startswith(("x-relay-", "x-forwarded-"))
    ):
        raise ValueError("is no field for a secret; give one of its own, such as X-Api-Key")
    return name


def _plain(text: str) -> str:
    if not text.isprintable():
        raise ValueError("is looked for as it stands, so it has no line ends or other control characters")
    return text


def is_guid(text: str) -> bool:
    """Whether this is a guid as Entra writes it in tokens: in lower case."""
    return _GUID.match(text) is not None


Seconds = Annotated[float, Field(gt=0, le=600)]
Port = Annotated[int, Field(ge=0, le=65535)]
Name = Annotated[
    str,
    formed(_NAME, "a name has lower-case letters, digits and hyphens, at most 63, and starts with no hyphen"),
]
Prefix = Annotated[
    str, _path(_PREFIX, "a prefix is whole path segments such as /cov/vz801802, without a slash at its end")
]
ProbePath = Annotated[
    str,
    _path(_PROBE, "a probe has the path of a harmless call, such as /whoami, below one of the tenant's routes"),
]
UpstreamUrl = Annotated[
    str,
    _url(
        _ORIGIN, "an upstream is https://host or https://host:port, without user name or path (paths travel unchanged)"
    ),
    _WITHOUT_SLASH,
]
RegistryUrl = Annotated[
    str,
    _url(_ORIGIN, "a registry is https://host or https://host:port: the paths of its API are known"),
    _WITHOUT_SLASH,
]
WitnessUrl = Annotated[
    str, _url(_WITNESS, "a witness is https://host/path: who can change what it says can stop all calls")
]
# Exact to the letter, so that nothing is added or taken away.
IssuerUrl = Annotated[
    str, _url(_ISSUER, "an issuer is https://host/path, to the letter as iss in its tokens, without query")
]
KeysUrl = Annotated[
    str, _url(_WITNESS, "the address of keys is https://host/path: who can change what it says can call as anybody")
]
Guid = Annotated[
    str,
    BeforeValidator(lambda text: text.lower() if isinstance(text, str) else text),
    formed(_GUID, "is no guid such as 72f988bf-86f1-41af-91ab-2d7cd011db47"),
]
Claim = Annotated[str, formed(_CLAIM, "is no name of a claim such as client_id")]
TokenText = Annotated[
    str, formed(_SHOWN, "has to be as it stands in tokens: letters, digits and signs, without spaces")
]
AzureSecret = Annotated[
    str,
    _url(
        _AZURE_SECRET,
        "a secret or certificate in Azure Key Vault is https://VAULT.vault.azure.net/secrets/NAME; leave its version "
        "out, for a renewed one is another version",
    ),
]
AwsSecret = Annotated[
    str,
    formed(
        _AWS_SECRET, "a secret in AWS Secrets Manager is told by its ARN, arn:aws:secretsmanager:REGION:...:secret:NAME"
    ),
]
RedisUrl = Annotated[
    str,
    _url(
        _REDIS,
        "a Redis or Valkey server is rediss://host:port/number, with its password elsewhere; redis:// is readable on "
        "the way, and for a server on this machine alone: localhost, or 127.0.0.1",
    ),
]
DatabaseUrl = Annotated[
    str, _url(_DATABASE, "a PostgreSQL database is postgresql://user@host:port/name, with its password elsewhere")
]
Host = Annotated[
    str,
    formed(_HOST_ALONE, "is no host; give a name such as smtp.example.nl, or an IPv4 address, and the port as port"),
]
LocalAddress = Annotated[IPv4Address, AfterValidator(_one_address)]
Balancers = Annotated[IPv4Network, BeforeValidator(_whole_range), AfterValidator(_not_open)]
_PASTED: Final = "is not as `relay client new` prints it; paste the whole stanza"
_NO_ARGON2ID: Final = (
    "is no Argon2id digest ($argon2id$v=19$...) as `relay client new --basic` prints it; never the password itself"
)
PasswordDigest = Annotated[str, AfterValidator(_password_digest)]
Source = Annotated[str, AfterValidator(_source)]
User = Annotated[str, formed(_USER, "a user has 1 to 128 characters, none of them a colon or a control character")]
KeyId = Annotated[str, formed(_KEY_ID, _PASTED)]
Digest = Annotated[str, formed(_DIGEST, _PASTED)]
SigningId = Annotated[
    str, formed(_SIGNING_ID, "the id of a key has letters, digits, dots, hyphens and underscores, at most 64")
]
Fingerprint = Annotated[str, AfterValidator(_fingerprinted)]
Subject = Annotated[str, AfterValidator(_subject)]
SecretField = Annotated[str, AfterValidator(_secret_field)]
KeyField = Annotated[str, AfterValidator(_key_field)]
MediaType = Annotated[
    str, formed(_MEDIA_TYPE, "is no media type such as text/xml; leave out parameters such as charset")
]
EnvironmentId = Annotated[
    str, formed(_ENVIRONMENT_ID, "is no id of a Dataverse environment: a GUID, or the host name of its organisation")
]
Window = Annotated[
    str, formed(_WINDOW, "is no window such as mon-fri 07:00-19:00 or sun 00:00-24:00: days, a blank, and two times")
]
CallersField = Annotated[
    str, formed(_CALLERS_FIELD, "is no name of a field that callers send, such as X-Ms-Dynamics-Organization")
]
FieldName = Annotated[str, formed(_FIELD, "is no name of a field such as X-Gateway-Error")]
# Longer ones are no phrase and no mark, but a whole page pasted.
Phrase = Annotated[str, Field(max_length=200), AfterValidator(_plain)]
Part = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_plain)]
