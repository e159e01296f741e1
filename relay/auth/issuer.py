"""Who issues tokens, and what one of theirs has to say: a directory as the settings have it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_V1 = "https://sts.windows.net/{tenant_id}/"
_V2 = "https://login.microsoftonline.com/{tenant_id}/v2.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """A directory. `applications` has the claim that names the application, for each `iss` that it writes.

    `tenant_id` is what `tid` has to be, where tokens have it; `scopes` is the claim with the scopes. Where
    `delegated_by_scopes`, a token without these is of the application alone, and one with them acts for a user.
    """

    name: str
    applications: Mapping[str, str]
    audiences: frozenset[str]
    algorithms: frozenset[str]
    tenant_id: str | None
    scopes: str
    delegated_by_scopes: bool

    @classmethod
    def entra(cls, name: str, tenant_id: str, audiences: Sequence[str]) -> "Issuer":
        """Return an Entra ID directory, whose applications get tokens of version 1 or 2 as these were registered."""
        return cls(
            name=name,
            applications={_V1.format(tenant_id=tenant_id): "appid", _V2.format(tenant_id=tenant_id): "azp"},
            audiences=frozenset(audiences),
            algorithms=frozenset(("RS256",)),
            tenant_id=tenant_id,
            scopes="scp",
            delegated_by_scopes=True,
        )

    @classmethod
    def other(
        cls, name: str, issuer: str, audiences: Sequence[str], algorithms: Sequence[str], application: str
    ) -> "Issuer":
        """Return any other issuer; its claims are those of RFC 9068, but for the `application`."""
        return cls(
            name=name,
            applications={issuer: application},
            audiences=frozenset(audiences),
            algorithms=frozenset(algorithms),
            tenant_id=None,
            scopes="scope",
            delegated_by_scopes=False,
        )
