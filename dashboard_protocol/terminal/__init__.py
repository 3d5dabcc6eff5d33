"""`classpulse watch`: the live feed in a terminal, in the page's words."""

from dashboard_protocol.terminal.live import watch_in_terminal
from dashboard_protocol.terminal.screen import render
from dashboard_protocol.terminal.state import Watched

__all__ = ["Watched", "render", "watch_in_terminal"]
