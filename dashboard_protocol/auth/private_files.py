"""Files of the state directory: their owner's alone, written whole or not at all."""

import os
import secrets
from pathlib import Path


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
