"""Settings of one bot in one room."""

import math
from pathlib import Path
from typing import Annotated

from pydantic import Field

from bot.classroom.change_detection import AlertParameters
from bot.settings.meeting import MeetingOptions
from bot.settings.server import Reach
from dashboard_protocol.http.request_rules import LOOPBACK_NAMES
from dashboard_protocol.settings.invitation import BotName, LeaveOut, MaxDuration, NoticeGiven, Policy, RoomUrl, Title
from dashboard_protocol.settings.setting import Setting
from dashboard_protocol.vocabulary import LEAVES_OUT, SHARES_CLASS, Profile

ALONE_AT_MOST_S = 900.0
"""A bot that came early must still be there when the class begins."""


class Settings(MeetingOptions, Reach):
    """How one bot serves one room."""

    room_url: RoomUrl
    room_key: str | None = None
    """What the gateway that took the invitation calls the meeting; None for a bot that nobody invited."""
    meeting: str | None = None
    """Which class this is: the invitation; None for a bot that nobody invited."""
    policy: Policy
    title: Title | None = None
    bot_name: BotName = "Class view"
    leave_out: LeaveOut = ()
    k: Annotated[
        int, Field(ge=3), Setting("Fewest analysed people for class values.", commands="join recording", value="NUMBER")
    ] = 5
    notice_given: NoticeGiven = False
    debug_page: Annotated[
        Path | None,
        Setting(
            "Folder for the texts of a browser room's page that is not understood; kept only where nobody else is in "
            "the meeting, and never a picture.",
            commands="join check-room",
            value="FOLDER",
            default="nothing is kept",
        ),
    ] = None
    max_duration_s: MaxDuration | None = None
    live_from_s: float | None = None
    """When an earlier process of this bot was first live, by `sleepless_s`: the longest stay counts from there."""
    take_over: Annotated[
        bool, Setting("Take the room from another bot that serves it, which then leaves.", commands="join")
    ] = False
    alerts: AlertParameters = AlertParameters()
    """When a change of the class raises an alert."""

    @property
    def alone_at_most_s(self) -> float:
        """Longest time with nobody else in the room; infinite for a bot that stays."""
        if self.leave_alone_after_s is not None:
            return self.leave_alone_after_s or math.inf
        return math.inf if self.room_url.startswith("local:") else ALONE_AT_MOST_S

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What of this class `hello` says beside its policy."""
        shares = self.share_with_class and self.policy is not Profile.INDIVIDUAL
        return tuple(name for name, is_so in ((LEAVES_OUT, self.leave_out), (SHARES_CLASS, shares)) if is_so)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach page and room."""
        is_relayed = self.public_url is not None or self.behind_proxy or bool(self.trusted_proxies)
        return self.host in LOOPBACK_NAMES and not is_relayed


DEMO_ALERTS = AlertParameters(
    min_people=6, warm_up_s=30.0, block_s=6.0, reference_s=60.0, silence_s=30.0, reset_share=0.5
)
"""A demo has minutes, not hours, and twelve people: everything faster, which `hello` says."""
