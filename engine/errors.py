"""What can go wrong in the engine.

EngineError
├── ModelRefused        a model or manifest that must not be used; never retried
├── ImageUnreadable     a picture that cannot be read
└── InferenceFailed     the runtime rejected one batch; it stays usable
"""


class EngineError(Exception):
    """Base of every error the engine raises; its text is one line that says what to do."""


class ModelRefused(EngineError):
    """The model file, its manifest or its runtime does not fit; using it would give wrong answers."""


class ImageUnreadable(EngineError):
    """The picture is missing, no picture, or of a shape the engine does not take."""


class InferenceFailed(EngineError):
    """The runtime rejected a batch; the next one may succeed."""
