"""What a client may do, in the settings: what is left out is not restricted."""

from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, model_validator

from relay.settings.load import Branch
from relay.settings.shapes import CallersField, EnvironmentId, MediaType, Name, Window
from relay.settings.words import Environment

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_Several = Field(min_length=1)


class Policy(Branch):
    """What a client may do once it has proven itself. Each condition that is given has to be met."""

    mode: Literal["enforce", "report"] = Field(
        default="enforce",
        description='"report" lets calls pass, and notes in log and metrics what "enforce" would refuse.',
    )
    environments: Annotated[tuple[Environment, ...], _Several] | None = Field(
        default=None, description="VECOZO's environments that it may call."
    )
    routes: Annotated[tuple[Name, ...], _Several] | None = Field(
        default=None, description="Names of routes, or families of them: soap, messages, iwlz."
    )
    methods: Annotated[tuple[Method, ...], _Several] | None = Field(default=None, description="Such as POST.")
    content_types: Annotated[tuple[MediaType, ...], _Several] | None = Field(
        default=None, description='What its bodies may be, such as "text/xml"; parameters do not count.'
    )
    hours: Annotated[tuple[Window, ...], _Several] | None = Field(
        default=None,
        description='When it may call: "mon-fri 07:00-19:00", "sat 22:00-06:00" (until Sunday morning).',
    )
    time_zone: str = Field(default="Europe/Amsterdam", description="Whose clock tells the hours.")
    dataverse_field: CallersField | None = Field(
        default=None,
        description="The field in which it sends the id of its Dataverse environment, which a copy has another of.",
    )
    dataverse_environments: Annotated[tuple[EnvironmentId, ...], _Several] | None = Field(
        default=None, description="The ids that may call, in any case; a call without one is refused as well."
    )
    max_body: int | None = Field(default=None, ge=0, description="Bytes, at most listen.max_body.")

    @property
    def zone(self) -> ZoneInfo:
        """The time zone. Raises ValueError."""
        try:
            return ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, OSError, ValueError):
            raise ValueError(
                "time_zone is not known on this machine; give one such as Europe/Amsterdam, or install tzdata"
            ) from None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.dataverse_field is None) != (self.dataverse_environments is None):
            raise ValueError("give both dataverse_field and dataverse_environments, or neither")
        if self.hours is not None:
            _ = self.zone
        return self
