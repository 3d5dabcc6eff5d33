"""Every setting, once: name, type, bounds, default, unit, flag, variable, help; and how they are read.

Flags, variables and help are made from the models here (`flags`), the options that a worker hands to a meeting, the
API's description of an invitation (`dashboard_protocol.settings`), and `deploy/SETTINGS.md` (`table`). Only
`bot/app.py` and the commands read them.
"""

from bot.settings.joining import DEMO_ALERTS, Settings
from bot.settings.meeting import MeetingOptions

__all__ = ["DEMO_ALERTS", "MeetingOptions", "Settings"]
