"""How much may be asked, in the settings: of one client, or in all."""

from pydantic import Field

from relay.settings.load import Branch


class Limits(Branch):
    """How much may be asked; what is left out is not limited. Counted over all processes of the relay together.

    Calls in a minute and bytes also over all relays that have `shared`.
    """

    calls_per_minute: int | None = Field(default=None, ge=1, description="Calls in a minute that began with one.")
    calls_per_second: int | None = Field(default=None, ge=1, description="How many of these may come in one burst.")
    in_flight: int | None = Field(default=None, ge=1, description="Calls at once.")
    bytes_per_day: int | None = Field(
        default=None, ge=1, description="Bytes of bodies, both ways, in a day (UTC); calls in progress then still end."
    )
