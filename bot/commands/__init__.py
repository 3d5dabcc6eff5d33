"""Commands of `classpulse` that run the service or speak to it."""

from bot.commands.access import PublicUrlFlag, add_access, read_public_url
from bot.commands.clients import add_clients
from bot.commands.engine import serve_engine
from bot.commands.people import people
from bot.commands.recording import recording
from bot.commands.service import add_servers

__all__ = [
    "PublicUrlFlag", "add_access", "add_clients", "add_servers", "people", "read_public_url", "recording",
    "serve_engine",
]  # fmt: skip
