"""The numbers of the engagement formula as a bot's settings have them, with the learned head if there is one."""

from pathlib import Path
from typing import Final

from bot.disclosure.policy import Policy
from bot.engagement import FORMULA, EngagementParameters
from bot.engagement.learned_head import LearnedHead, read_head
from bot.errors import SettingsRefused
from bot.settings import Settings

_MOST_BYTES: Final = 2**20


def parameters_of(settings: Settings, policy: Policy) -> EngagementParameters:
    """Return the parameters of every meter.

    A learned head is loaded only where it is shown: beside the index of single people, under `individual`.

    Raises:
        SettingsRefused: Its file cannot be read, or is none of this version.
    """
    path = settings.engagement_model if policy.names_people else None
    head = None if path is None else _load(Path(path))
    return EngagementParameters(reads_per_s=settings.reads_per_s, head=head)


def _load(path: Path) -> LearnedHead:
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise ValueError("no learned head (it is too large)")
        return read_head(text, FORMULA)
    except OSError as error:
        raise SettingsRefused(f"--engagement-model: {path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise SettingsRefused(f"--engagement-model: {path} is {error}") from error
