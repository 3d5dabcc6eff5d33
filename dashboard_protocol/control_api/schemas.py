"""What goes into the control API and comes out of it."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from dashboard_protocol.auth.consent_bounds import CONSENT_S, LONGEST_CONSENT_S, MAX_NAME
from dashboard_protocol.queue.records import Moment
from dashboard_protocol.settings.invitation import InvitationOptions
from dashboard_protocol.vocabulary import Profile, State

Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]


class WebhookRequest(BaseModel):
    """Who is notified of the states of a bot."""

    model_config = ConfigDict(extra="forbid")

    url: Annotated[str, Field(max_length=500)]
    secret: Annotated[str, Field(max_length=200, repr=False)]
    """`whsec_` and the base64 of 24 to 64 random bytes; signs what is sent."""


class BotRequest(InvitationOptions):
    """An invitation as it comes in."""

    webhook: WebhookRequest | None = None
    """Who is notified of every state of the bot."""


class BotView(BaseModel):
    """Where a bot stands."""

    id: str
    room: str
    room_url: str
    """Without its query, where secrets stand."""
    policy: Profile
    state: State
    since: float
    """Unix seconds."""
    reason: str | None
    states: tuple[Moment, ...]
    """Every state so far, oldest first."""
    join: str | None
    """Where people join a local room, as a guest's link; None for other rooms, and once the bot has left."""
    link: str | None
    """For an instructor of this class; None where the key lacks the scope `watch`, or an hour after the class."""
    report: str | None
    """For an instructor after this class, for as long as it is kept; None where the key lacks the scope `watch`."""
    privacy: str
    """For everybody: what is computed there, and how not to be read."""
    webhook: str | None
    """Who is notified of the states, without its query; None for nobody."""


class RoomView(BaseModel):
    """What a meeting is known by."""

    room: str


class RevocationView(BaseModel):
    """What was revoked, and for whom."""

    generation: int
    """Links and consents of a lower one open nothing any more."""
    reach: str
    """Where that holds, in words."""


class LinkView(BaseModel):
    """A link for an instructor."""

    link: str


class ConsentRequest(BaseModel):
    """Whose consent: somebody who was asked, and agreed."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    """The display name with which the person joins."""
    valid_s: Annotated[float, Field(gt=0, le=LONGEST_CONSENT_S)] = CONSENT_S


class ConsentView(BaseModel):
    """A token for the person: `&c=TOKEN` behind their join link, or the header `Classpulse-Consent` of a WHIP POST."""

    token: str
    expires_in_s: float


class Withdrawal(BaseModel):
    """Whose consents end."""

    model_config = ConfigDict(extra="forbid")

    name: Name
