"""Files of the state directory: their owner's alone, written whole or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def in_turn(path: Path) -> Iterator[None]:
    """Let nobody else change a file of the same folder while inside; others wait. The folder is made if it is absent.

    Raises:
        OSError: It cannot be made or locked.
    """
    import fcntl  # Unix only; what imports this module to speak to a gateway runs elsewhere too

    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # The folder, not the file, which is replaced by every change; and no file beside it, which would stay.
    turn = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield
    finally:
        os.close(turn)


def write_draft(path: Path, text: str) -> Path:
    """Write a new file beside `path` that only its owner may read, and return it: to be put in its place in one step.

    Raises:
        OSError: It cannot be written.
    """
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError:
        draft.unlink(missing_ok=True)  # of a disk that is full: half a secret is nobody's
        raise
    return draft
