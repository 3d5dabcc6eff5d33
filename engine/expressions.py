"""Names and order of the displayed expressions, defined here and nowhere else."""

from enum import StrEnum


class Expression(StrEnum):
    """The seven displayed expressions of FER-2013, in the order of its labels."""

    ANGRY = "angry"
    DISGUST = "disgust"
    FEAR = "fear"
    HAPPY = "happy"
    SAD = "sad"
    SURPRISE = "surprise"
    NEUTRAL = "neutral"


FER7: tuple[Expression, ...] = tuple(Expression)
"""Class order of every seven-class output: index i of a probability vector means `FER7[i]`."""

FERPLUS8: tuple[str, ...] = (
    "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt",
)  # fmt: skip
"""Class order of every eight-class output, the column order of the FERPlus votes."""
