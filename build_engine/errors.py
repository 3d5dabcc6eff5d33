"""What can go wrong while an engine is built; each text is one line that says what to do.

BuildError
├── DataUnreadable     labelled faces that are missing, broken or incomplete
├── RunUnusable        a run's folder that cannot be resumed or exported
├── WeightsUnusable    weights to begin with that are missing, broken or of another network
├── SaveFailed         a file could not be written; the previous one is untouched
├── TrainingDiverged   the loss is no number any more; the last checkpoint is good
├── ParityBroken       two forms of one network disagree; nothing is written
└── PlanRefused        a TensorRT plan that cannot be built here; nothing is written
"""


class BuildError(Exception):
    """Base of every error that a user of `build-engine` can cause or meet; the command ends in one line."""


class DataUnreadable(BuildError):
    """The labelled faces are missing, broken, of another size than 48x48, or lack a class."""


class RunUnusable(BuildError):
    """The folder of a run holds no checkpoint, or one of another recipe."""


class WeightsUnusable(BuildError):
    """The file of weights that a network should begin with is missing, broken, or of another network."""


class SaveFailed(BuildError):
    """A file could not be written, for instance because the disk is full; what stood there before still does."""


class TrainingDiverged(BuildError):
    """The loss became infinite or not a number."""


class ParityBroken(BuildError):
    """The exported network answers differently from the trained one."""


class PlanRefused(BuildError):
    """No plan can be built of this model, with these options, on this machine."""
