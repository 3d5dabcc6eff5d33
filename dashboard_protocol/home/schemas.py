"""What the home asks and is answered. Times are RFC 3339 in UTC, shares lie in [0, 1]."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from dashboard_protocol.room_urls import MAX_ADDRESS
from dashboard_protocol.vocabulary import Profile

LONGEST_TOKEN = 8192
"""Characters: some mail programs break longer addresses."""


class HomeRequest(BaseModel):
    """The part of a teacher's link after `#t=`."""

    model_config = ConfigDict(extra="forbid")

    token: Annotated[str, Field(max_length=LONGEST_TOKEN)]


class StartRequest(HomeRequest):
    """A class that is to begin now."""

    room: Annotated[str, Field(max_length=200)]
    """One of the link's, by its key."""
    policy: Profile | None = None
    """None for the operator's choice, where there is one."""
    title: Annotated[str, Field(min_length=1, max_length=120)] | None = None


class Started(BaseModel):
    """The class that begins."""

    id: str
    link: str
    """Opens its page."""


class ClassView(BaseModel):
    """One class in short."""

    id: str
    title: str
    policy: Profile | None
    state: Literal["to_come", "on", "over"]
    began: datetime | None
    """When it began, or is to begin."""
    duration_s: float
    present_max: int
    index: float | None
    """The middle of the class index; None where it was never published."""
    attentive: float | None
    rounding_points: int
    """In which steps it was published, in percentage points; 0 where nothing was."""
    alerts: int
    curve: list[float | None]
    """The class index in stretches of equal length, 60 at most."""
    link: str | None
    """To its live page, while that opens; else to its report, while something is kept."""


class QrCode(BaseModel):
    """A QR code as one path of an SVG."""

    side: int
    """In modules, the border included."""
    path: str


class RoomHome(BaseModel):
    """One room of a teacher."""

    room: str
    name: str
    classes: list[ClassView]
    """Newest first."""
    join: str | None
    """Where people join, while a class is on or about to come in a room of this service."""
    join_code: QrCode | None
    share: str | None
    """Where a window of another meeting is shared into such a room."""
    privacy: str
    can_start: bool


class HomeView(BaseModel):
    """What a teacher's link opens."""

    rooms: list[RoomHome]
    policies: list[Profile]
    """What a class may be started with; empty where the link starts none."""


class TeacherLinkRequest(BaseModel):
    """For whom a teacher's link is."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"rooms": ["local://seminar", "local://lab"], "may_start": True}]},
    )

    rooms: Annotated[tuple[Annotated[str, Field(max_length=MAX_ADDRESS)], ...], Field(min_length=1, max_length=50)]
    """Their addresses or keys."""
    may_start: bool = False
    """Whether classes may be started with it; takes a key that also has the scope `invite`."""
