"""What whoever invites a bot into a meeting may choose: at the API, in a shell, or for a bot in the foreground."""

from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from dashboard_protocol.room_urls import MAX_ADDRESS
from dashboard_protocol.settings.setting import Setting
from dashboard_protocol.vocabulary import Profile

RoomUrl = Annotated[
    str,
    Field(max_length=MAX_ADDRESS),  # with a token in it, it is long
    Setting(
        "The meeting: local://NAME (a room of classpulse), janus+ws(s)://HOST:PORT/ROOM, whep+http(s)://HOST/PATH, "
        "jitsi+https://HOST/ROOM, bbb+https://HOST/MEETING_ID, browser+https://HOST/PATH (a page of classpulse's own "
        "language).",
        commands="join invite check-room",
        is_argument=True,
    ),
]
Policy = Annotated[
    Profile,
    Setting(
        "What may be computed and leave the bot: presence (counts), aggregate (class values), individual (and people "
        "who opted in). A real meeting has no default.",
        commands="demo join invite recording",
        variable="CLASSPULSE_POLICY",
        value="POLICY",
        missing="choose a policy: --policy presence, aggregate or individual (or CLASSPULSE_POLICY); "
        "a real meeting has no default",
    ),
]
Title = Annotated[
    str,
    Field(min_length=1, max_length=120),
    Setting("The class's name for people.", commands="join invite recording", value="TEXT", default="the room's name"),
]
BotName = Annotated[
    str,
    Field(min_length=1, max_length=60),
    Setting(
        "The bot's display name, behind what cannot be removed.",
        commands="join invite",
        variable="CLASSPULSE_BOT_NAME",
        value="NAME",
        default="Class view",
    ),
]
JoinAt = Annotated[
    AwareDatetime,
    Setting("When to join: a time with its offset (RFC 3339).", commands="invite", value="TIME", default="now"),
]
MaxDuration = Annotated[
    float,
    Field(gt=0, le=86_400),
    Setting(
        "Leave after so many seconds, counted from live; of a recording, read so many.",
        commands="demo join invite recording check-room",
        flag="--duration",
        value="SECONDS",
        default="when the room closes",
    ),
]

MOST_LEFT_OUT = 50


def _few(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(names) > MOST_LEFT_OUT:
        raise ValueError(f"at most {MOST_LEFT_OUT} people are left out by name")
    return names


LeaveOut = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=200)], ...],
    AfterValidator(_few),
    Field(repr=False),
    Setting(
        "Display name of somebody who is no part of the class, such as who teaches it: neither read nor counted; may "
        "be repeated.",
        commands="join invite recording",
        value="NAME",
        default="nobody",
    ),
]


NoticeGiven = Annotated[
    bool,
    Setting(
        "The people were informed; needed where the bot cannot show itself to them: WHEP, and windows that are shared.",
        commands="join invite check-room",
    ),
]


class InvitationOptions(BaseModel):
    """What an invitation may say of its bot."""

    model_config = ConfigDict(extra="forbid")

    room_url: RoomUrl
    policy: Policy | None = None
    """None for the operator's choice, where there is one."""
    bot_name: BotName | None = None
    title: Title | None = None
    join_at: JoinAt | None = None
    max_duration_s: MaxDuration | None = None
    leave_out: LeaveOut = ()
    notice_given: NoticeGiven = False
