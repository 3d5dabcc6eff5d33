"""Commands of `classpulse` that run the service or speak to it."""

from bot.commands.access import add_access
from bot.commands.check_room import add_check_room
from bot.commands.clients import add_clients
from bot.commands.engine import add_engine
from bot.commands.evaluation import add_evaluation
from bot.commands.people import add_people
from bot.commands.recording import add_recording
from bot.commands.service import add_servers

__all__ = [
    "add_access",
    "add_check_room",
    "add_clients",
    "add_engine",
    "add_evaluation",
    "add_people",
    "add_recording",
    "add_servers",
]
