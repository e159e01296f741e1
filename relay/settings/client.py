"""One caller in the settings: what it proves itself with, and what it may do."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from relay.settings.limits import Limits
from relay.settings.load import Branch, SettingsPath
from relay.settings.policy import Policy
from relay.settings.shapes import (
    Digest,
    Fingerprint,
    KeyField,
    KeyId,
    Name,
    PasswordDigest,
    SigningId,
    Source,
    Subject,
    TokenText,
    User,
)

# Where each way to prove oneself has its proofs. A new way adds its line, and its word to `Way`.
PROOFS: Final[Mapping[str, str]] = {
    "api_key": "api_keys",
    "client_certificate": "certificates",
    "basic": "passwords",
    "signature": "signature_keys",
    "token": "tokens",
}
Way = Literal["api_key", "client_certificate", "basic", "signature", "token"]


class ApiKey(Branch):
    """The digest of a key that `relay client new` made; the key itself is with the caller alone."""

    id: KeyId = Field(description="The part of the key between its underscores.")
    digest: Digest = Field(description="SHA-256 of the whole key.")
    expires: AwareDatetime | None = Field(
        default=None, description="From this moment on it proves nobody: 2027-01-31T06:00:00+01:00."
    )


class Password(Branch):
    """The digest of a password that `relay client new --basic` made; the password itself is with the caller alone."""

    user: User = Field(description="Who shows it in Basic, in Authorization or X-Relay-Authorization.")
    digest: PasswordDigest = Field(description="Argon2id of the password.")


class ClientCertificate(Branch):
    """A certificate that a caller shows in TLS: a certain one, or any that an authority of ours issued to a name."""

    fingerprint: Fingerprint | None = Field(
        default=None, description="Pins one certificate, whoever issued it: the SHA-256 of its DER, in hexadecimal."
    )
    subject: Subject | None = Field(
        default=None,
        description='Any certificate of listen.client_authorities with this whole subject, such as "CN=f-and-o,O=Us".',
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.fingerprint is None) == (self.subject is None):
            raise ValueError("give either fingerprint or subject")
        return self


class SignatureKey(Branch):
    """A key that a caller signs its calls with (RFC 9421): a secret that both sides have, or its public key."""

    id: SigningId = Field(description="The keyid of its signatures; of one client, and no other.")
    algorithm: Literal["hmac-sha256", "ed25519", "ecdsa-p256-sha256"] = Field(
        default="hmac-sha256", description="What is signed with. A signature that names another is refused."
    )
    secret_file: SettingsPath | None = Field(
        default=None, description="For hmac-sha256: at least 32 random octets in base64; `openssl rand -base64 32`."
    )
    public_key: str | None = Field(default=None, description="For the others: the public key in PEM.")
    public_key_file: SettingsPath | None = Field(default=None, description="The same in a file.")

    @model_validator(mode="after")
    def _one_of_all(self) -> Self:
        given = [self.secret_file, self.public_key, self.public_key_file]
        if sum(each is not None for each in given) != 1 or (
            (self.secret_file is not None) != (self.algorithm == "hmac-sha256")
        ):
            raise ValueError(
                "give secret_file for hmac-sha256, and either public_key or public_key_file for the other algorithms"
            )
        return self


class TokenGrant(Branch):
    """An application of a directory, whose tokens prove this client."""

    directory: Name = Field(description="One under [directories].")
    application: TokenText = Field(description="Its client id: appid or azp of Entra's tokens, a guid in lower case.")
    role: TokenText | None = Field(default=None, description="An app role that its token has to have (roles).")
    scope: TokenText | None = Field(
        default=None, description="A scope that its token has to have (scp); needed for tokens that act for a user."
    )
    granted: bool = Field(
        default=False, description="It needs neither: any application-only token for the relay will do."
    )
    until: AwareDatetime | None = Field(
        default=None, description="When this ends: a directory that moves has two grants side by side for a while."
    )

    @model_validator(mode="after")
    def _demands_something(self) -> Self:
        if self.granted == (self.role is not None or self.scope is not None):
            raise ValueError(
                "give role, scope or both; or granted = true for an application that has neither: in Entra any "
                "application of a directory gets a token for the relay without them"
            )
        return self


class Client(Branch):
    """A caller: what it proves itself with, and the tenants it is bound to."""

    tenants: tuple[str, ...] = Field(
        min_length=1,
        description="On whose behalf it may call; with several, each call names one in X-Relay-Tenant or its path.",
    )
    api_keys: tuple[ApiKey, ...] = Field(
        default=(), max_length=2, description="Two while a key is being replaced; none where certificates prove it."
    )
    key_in_query: bool = Field(
        default=False,
        description="Its keys count in the parameter code of the query as well, for webhooks; it never travels on.",
    )
    certificates: tuple[ClientCertificate, ...] = Field(
        default=(), max_length=8, description="Once one client has any, callers are asked for one in TLS."
    )
    passwords: tuple[Password, ...] = Field(
        default=(),
        max_length=2,
        description="For clients that know nothing better than Basic, which is off while none has any.",
    )
    signature_keys: tuple[SignatureKey, ...] = Field(
        default=(), max_length=2, description="What it signs its calls with; two while a key is being replaced."
    )
    tokens: tuple[TokenGrant, ...] = Field(
        default=(), max_length=8, description="Once one client has any, Authorization never travels on by itself."
    )
    requires: Annotated[tuple[Way, ...], Field(max_length=len(PROOFS))] = Field(
        default=(),
        description='Ways it must prove itself in at once: ["api_key", "client_certificate"]; empty: any one.',
    )
    sources: tuple[Source, ...] = Field(
        default=(),
        max_length=256,
        description="Where it may call from: IPv4 ranges, azure:TAG of sources.azure_service_tags; empty: anywhere.",
    )
    soap_faults: Literal["true status", "500"] = Field(
        default="true status", description='"500" for WCF clients, which read a SOAP Fault from a 500 only.'
    )
    idempotency_field: KeyField = Field(
        default="Idempotency-Key",
        description="The field in which it names a key for a call that must go at most once. Calls without it may.",
    )
    never_repeats: bool = Field(
        default=False,
        description="It sends no call again by itself: may be told 502 and 504 where others get 409 outcome_unknown.",
    )
    policy: Policy | None = None
    limits: Limits | None = None

    @model_validator(mode="after")
    def _proves_itself(self) -> Self:
        if not any(getattr(self, field) for field in PROOFS.values()):
            raise ValueError(
                "cannot prove itself: give api_keys (`relay client new` makes one), certificates, passwords, tokens or "
                "signature_keys"
            )
        if lacking := [f"{way} has no {PROOFS[way]}" for way in self.requires if not getattr(self, PROOFS[way])]:
            raise ValueError(f"requires what it cannot show, so that nobody passes: {', '.join(lacking)}")
        return self
