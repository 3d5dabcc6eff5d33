"""Engagement of one person: (time, face reading) → observables, index, level. Pure: no clock, no I/O."""

from bot.engagement.levels import LEVEL_NAMES, LevelHold, LevelName
from bot.engagement.meter import EngagementMeter
from bot.engagement.parameters import FORMULA, EngagementParameters
from bot.engagement.presence import Meter, PresenceMeter, ReadSink
from bot.engagement.values import Factors, Grade, Observables, PersonValues

__all__ = [
    "FORMULA",
    "LEVEL_NAMES",
    "EngagementMeter",
    "EngagementParameters",
    "Factors",
    "Grade",
    "LevelHold",
    "LevelName",
    "Meter",
    "Observables",
    "PersonValues",
    "PresenceMeter",
    "ReadSink",
]
