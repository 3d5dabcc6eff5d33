"""How whoever serves a WebSocket cuts it off, below all that still waits to be written."""

from collections.abc import Callable

ABORT_HANDLE = "classpulse.lifeline"
"""Key in an ASGI scope's extensions under which the server hands over a `AbortHandle`."""


class AbortHandle:
    """The socket under a WebSocket: `abort` frees it at once, also when it cannot be written to."""

    def __init__(self, abort: Callable[[], None]) -> None:
        self.aborted = False
        self._abort = abort

    def abort(self) -> None:
        """Cut the connection without a closing handshake."""
        self.aborted = True
        self._abort()
