"""A directory in the settings: whoever issues the tokens that callers prove themselves with."""

from typing import Literal, Self

from pydantic import Field, model_validator

from relay.settings.load import Branch, SettingsPath
from relay.settings.shapes import Claim, Guid, IssuerUrl, KeysUrl, TokenText

# Asymmetric ones alone: whoever can check a token must not be able to make one.
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]


class Directory(Branch):
    """An Entra ID directory, told by its guid; or any other issuer of OpenID Connect, told by its URL."""

    tenant_id: Guid | None = Field(
        default=None, description="Of an Entra ID directory: issuers (v1 and v2) and the address of keys follow."
    )
    issuer: IssuerUrl | None = Field(
        default=None, description="Of any other: its iss, to the letter, with or without a slash at its end."
    )
    audiences: tuple[TokenText, ...] = Field(
        min_length=1,
        max_length=8,
        description="What aud has to be: in Entra the client id of the relay's registration, and its App ID URI.",
    )
    keys_url: KeysUrl | None = Field(
        default=None, description="Where its keys (JWKS) are; empty: where Entra has them, or discovery tells."
    )
    algorithms: tuple[Algorithm, ...] = Field(
        default=("RS256",), min_length=1, description="Those that tokens may be signed with."
    )
    application_claim: Claim = Field(
        default="client_id",
        description="With issuer: the claim that names the application, as RFC 9068 has it; elsewhere azp.",
    )
    trust: SettingsPath | None = Field(
        default=None, description="PEM of the authorities whose certificate it shows; empty: the web's."
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.tenant_id is None) == (self.issuer is None):
            raise ValueError("give either tenant_id (Entra ID) or issuer (any other)")
        if self.tenant_id is not None and {"application_claim", "algorithms"} & self.model_fields_set:
            raise ValueError("application_claim and algorithms belong to issuer: those of Entra ID are known")
        return self
