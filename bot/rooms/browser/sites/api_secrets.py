"""The secrets of servers' APIs, as an operator keeps them in a file: a line each, `HOST SECRET`."""

from collections.abc import Mapping
from pathlib import Path

from bot.errors import SettingsRefused

MOST_BYTES = 1 << 16


def read_site_secrets(file: Path | None) -> Mapping[str, str]:
    """Return host → secret; empty lines and those that begin with `#` say nothing.

    Raises:
        SettingsRefused: The file cannot be read, or a line is none; the text repeats nothing of it.
    """
    if file is None:
        return {}
    try:
        with file.open("rb") as opened:
            text = opened.read(MOST_BYTES + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SettingsRefused(f"--site-secrets {file} cannot be read: {reason}") from error
    if len(text) > MOST_BYTES:
        raise SettingsRefused(f"--site-secrets {file}: {MOST_BYTES} bytes are the most")
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 2:
            raise SettingsRefused(f"--site-secrets {file}: line {number} is not of the form HOST SECRET")
        found[words[0].lower()] = words[1]
    return found
