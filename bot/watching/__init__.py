"""`classpulse watch`: the live feed in a terminal, in the page's words."""

from bot.watching.screen import render
from bot.watching.terminal import watch_in_terminal
from bot.watching.watched import Watched

__all__ = ["Watched", "render", "watch_in_terminal"]
