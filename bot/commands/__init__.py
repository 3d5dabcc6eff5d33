"""Commands of `classpulse` that run the service or speak to it."""

from bot.commands.clients import add_clients
from bot.commands.service import add_servers

__all__ = ["add_clients", "add_servers"]
