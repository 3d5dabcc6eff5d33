"""What goes into the control API and comes out of it. Times are RFC 3339 (ISO 8601) in UTC, durations seconds."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from dashboard_protocol.auth.consent_bounds import CONSENT_S, LONGEST_CONSENT_S, MAX_NAME
from dashboard_protocol.queue.records import Delivery, DeliveryStatus, Moment, notified_at
from dashboard_protocol.settings.invitation import InvitationOptions
from dashboard_protocol.vocabulary import Profile, State

Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]


class WebhookRequest(BaseModel):
    """Who is notified of the states of a bot, and of the alerts of its class."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"url": "https://lms.example.org/bots", "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}]
        },
    )

    url: Annotated[str, Field(max_length=500)]
    secret: Annotated[str, Field(max_length=200, repr=False)]
    """`whsec_` and the base64 of 24 to 64 random bytes; signs what is sent."""
    alerts: bool = False
    """Also of every alert (`class.alert`); they are class values, so that the key must have the scope `watch` too."""


class BotRequest(InvitationOptions):
    """An invitation as it comes in."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"room_url": "local://seminar", "policy": "presence", "title": "Biology"},
                {
                    "room_url": "janus+wss://meet.example.org/1234",
                    "policy": "aggregate",
                    "join_at": "2026-09-01T09:00:00+02:00",
                    "max_duration_s": 5400,
                    "leave_out": ["Dr Lee"],
                },
            ]
        },
    )

    webhook: WebhookRequest | None = None
    """Who is notified of every state of the bot."""


class MomentView(BaseModel):
    """A state, when it was entered, and why."""

    model_config = ConfigDict(from_attributes=True)

    state: State
    since: datetime
    reason: str | None
    """Machine word: an end reason, `lobby`, `not_open`, `bot_lost`, `worker_lost`, `handed_over`, or a cause."""


class AttemptView(BaseModel):
    """One try to notify a bot's webhook."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    """Of the message, from 0."""
    at: datetime
    took_s: float
    status: int | None
    """What the receiver answered; None where it did not."""
    problem: str | None
    """Machine word; None when it was delivered."""


class DeliveryView(BaseModel):
    """One message to a webhook, and how sending it went."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    """The same at every try, so that a receiver knows what it already has."""
    type: Literal["bot.state", "class.alert"]
    state: MomentView | None
    """None of an alert, whose values the receiver alone is sent."""
    at: datetime
    """When the state was entered, or the alert raised."""
    status: DeliveryStatus
    attempts: tuple[AttemptView, ...]
    """Oldest first."""
    next_at: datetime | None
    """When it is tried next; None where it is not, or where an earlier one comes first."""

    @classmethod
    def of(cls, sent: Delivery) -> Self:
        """Show one without the class values that an alert carries."""
        is_state = isinstance(sent.of, Moment)
        said = {"type": "bot.state" if is_state else "class.alert", "state": sent.of if is_state else None}
        common = {name: getattr(sent, name) for name in ("id", "status", "attempts", "next_at")}
        return cls.model_validate({**common, **said, "at": notified_at(sent.of)}, from_attributes=True)


class BotView(BaseModel):
    """Where a bot stands."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "3f2a9c01d4e5b678",
                    "room": "seminar-q7x2m4k9w5ta",
                    "room_url": "local://seminar",
                    "policy": "presence",
                    "state": "live",
                    "since": "2026-09-01T07:00:02.125Z",
                    "reason": None,
                    "states": [
                        {"state": "requested", "since": "2026-09-01T07:00:00Z", "reason": None},
                        {"state": "live", "since": "2026-09-01T07:00:02.125Z", "reason": None},
                    ],
                    "join": "https://class.example.org/join/seminar-q7x2m4k9w5ta#t=GUEST",
                    "link": "https://class.example.org/rooms/seminar-q7x2m4k9w5ta#t=LINK",
                    "privacy": "https://class.example.org/privacy/seminar-q7x2m4k9w5ta",
                    "report": None,
                    "webhook": None,
                }
            ]
        }
    )

    id: str
    room: str
    room_url: str
    """Without its query, where secrets stand."""
    policy: Profile
    state: State
    since: datetime
    reason: str | None
    states: tuple[MomentView, ...]
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

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "Anna Lindt", "valid_s": 604800}]}
    )

    name: Name
    """The display name with which the person joins."""
    valid_s: Annotated[float, Field(gt=0, le=LONGEST_CONSENT_S)] = CONSENT_S


class ConsentView(BaseModel):
    """A token for the person: `&c=TOKEN` behind their join link, or the header `Classpulse-Consent` of a WHIP POST."""

    token: str
    expires_in_s: float


class Withdrawal(BaseModel):
    """Whose consents end."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "Anna Lindt"}]})

    name: Name
