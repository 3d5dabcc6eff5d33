"""Files that are written whole or not at all."""

import os
import tempfile
from pathlib import Path

from build_engine.errors import SaveFailed


def save(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash, finds the old one or the new one, whole.

    Args:
        path: where to; missing folders are made.
        content: all of it.

    Raises:
        SaveFailed: The disk is full or the folder cannot be written; what stood at `path` still does.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(prefix=f".{path.name}.", dir=path.parent, delete=False) as file:
            temporary = Path(file.name)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), 0o644)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise SaveFailed(
            f"{path} could not be written ({error.strerror}): make room; what stood there is untouched"
        ) from error
