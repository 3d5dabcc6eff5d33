"""Every setting of a bot, once: name, unit, default, environment variable. Only `bot/app.py` reads them."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from bot.classroom.change_detection import AlertParameters
from bot.errors import SettingsRefused
from bot.meeting_options import MeetingOptions
from dashboard_protocol.http.public_url import PublicUrl
from dashboard_protocol.http.request_rules import LOOPBACK_NAMES, Network, RequestRules
from dashboard_protocol.vocabulary import Profile

ALONE_AT_MOST_S = 900.0
"""A bot that came early must still be there when the class begins."""


class Settings(MeetingOptions):
    """How one bot serves one room."""

    room_url: str
    """Which meeting; the scheme picks the connector."""
    room_key: str | None = None
    """What the gateway that took the invitation calls the meeting; None for a bot that nobody invited."""
    meeting: str | None = None
    """Which class this is: the invitation; None for a bot that nobody invited."""
    policy: Profile
    """What may be computed and what may leave the bot; nobody chooses it but the operator."""
    title: str | None = None
    """The room's name for people; None takes the room's own."""
    bot_name: str = "Class view"
    """Display name in the meeting, before the suffix that cannot be removed."""
    k: Annotated[int, Field(ge=3)] = 5
    """Fewest analysed people for class values."""
    host: str = "127.0.0.1"
    """Address that HTTP and, in a local room, media listen on."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """TCP port of page and feed; 0 takes a free one."""
    metrics_host: str = "127.0.0.1"
    """Address that the bot's figures are served on."""
    metrics_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    """TCP port of `/metrics`; 0 takes a free one, None serves nothing."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    behind_proxy: bool = False
    """A proxy in front ends TLS."""
    trusted_proxies: tuple[Network, ...] = ()
    """Proxies whose word on who asks is believed."""
    allowed_hosts: frozenset[str] = frozenset()
    """Further names under which this server is reached."""
    public_url: PublicUrl | None = None
    """Under which people reach this server, e.g. through a proxy: what every link begins with; None for its own."""
    notice_given: bool = False
    """The operator says that people were informed, where a room cannot show the bot."""
    max_duration_s: Annotated[float, Field(gt=0)] | None = None
    """Leave after this time, counted from when the bot is live; None stays until the room closes."""
    live_from_s: float | None = None
    """When an earlier process of this bot was first live, by `sleepless_s`: the longest stay counts from there."""
    take_over: bool = False
    """Take the room from another bot that is there."""
    alerts: AlertParameters = AlertParameters()
    """When a change of the class raises an alert."""

    @model_validator(mode="after")
    def _refuse_open_doors(self) -> "Settings":
        check_reach(
            self.host,
            has_tls=bool(self.tls_cert and self.tls_key),
            behind_proxy=self.behind_proxy,
            proxies=self.trusted_proxies,
        )
        if bool(self.tls_cert) != bool(self.tls_key):
            raise SettingsRefused("--tls-cert and --tls-key belong together: give both or none")
        return self

    @property
    def alone_at_most_s(self) -> float:
        """Longest time with nobody else in the room; infinite for a bot that stays."""
        if self.leave_alone_after_s is not None:
            return self.leave_alone_after_s or math.inf
        return math.inf if self.room_url.startswith("local:") else ALONE_AT_MOST_S

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach page and room."""
        is_relayed = self.public_url is not None or self.behind_proxy or bool(self.trusted_proxies)
        return self.host in LOOPBACK_NAMES and not is_relayed

    @property
    def rules(self) -> RequestRules:
        """Which requests are taken."""
        return RequestRules.reached_under(self.public_url, hosts=self.allowed_hosts, proxies=self.trusted_proxies)


def check_reach(host: str, *, has_tls: bool, behind_proxy: bool, proxies: Sequence[Network]) -> None:
    """Refuse a server that would speak openly to other machines, or take everybody behind its proxy for one asker.

    Raises:
        SettingsRefused: It would; the text says what to give.
    """
    if host not in LOOPBACK_NAMES and not (behind_proxy or has_tls):
        raise SettingsRefused(
            f"--host {host} is reachable from other machines: give --tls-cert and --tls-key, "
            "or --behind-proxy when a proxy in front of it ends TLS"
        )
    if behind_proxy and not proxies:
        raise SettingsRefused(
            "--behind-proxy: say by --trusted-proxy ADDRESS which proxy it is, "
            "else everybody behind it shares the limits of one"
        )


DEMO_ALERTS = AlertParameters(
    min_people=6, warm_up_s=30.0, block_s=6.0, reference_s=60.0, silence_s=30.0, reset_share=0.5
)
"""A demo has minutes, not hours, and eight people: everything faster, which `hello` says."""
