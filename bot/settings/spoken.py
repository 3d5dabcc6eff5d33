"""The setting that says in which language a command speaks to people."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict

from dashboard_protocol.language import Language
from dashboard_protocol.settings.setting import Setting


class SpokenSettings(BaseModel):
    """In which language people are spoken to."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)

    language: Annotated[
        Language,
        Setting(
            "Language of the report, of a class in a terminal, and of what the bot shows and writes in the room; pages "
            "follow each browser.",
            commands="demo join recording worker watch report",
            flag="--lang",
            variable="CLASSPULSE_LANG",
            value="LANGUAGE",
        ),
    ] = Language.EN
