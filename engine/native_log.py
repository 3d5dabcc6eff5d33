"""Keeps the start-up chatter of native libraries off stderr, and nothing else."""

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_CHATTER: Final = re.compile(
    rb"[IW]\d{4} \d\d:\d\d:|INFO: Created TensorFlow Lite|WARNING: All log messages before absl::InitializeLog"
)
_STDERR: Final = 2
_one_at_a_time = threading.Lock()


@contextmanager
def native_chatter_withheld() -> Iterator[None]:
    """Drop what absl and TensorFlow Lite print to the process's stderr in this block; pass on all else at its end.

    They have no switch for it: what they print before their logging is initialised always goes to file descriptor 2.
    """
    with _one_at_a_time, tempfile.TemporaryFile() as caught:
        _flush()
        try:
            kept = os.dup(_STDERR)
        except OSError:  # a daemon without stderr has nothing to withhold
            yield
            return
        os.dup2(caught.fileno(), _STDERR)
        try:
            yield
        finally:
            _flush()
            os.dup2(kept, _STDERR)
            os.close(kept)
            caught.seek(0)
            for line in caught:
                if not _CHATTER.match(line):
                    os.write(_STDERR, line)


def _flush() -> None:
    if sys.stderr is not None:
        sys.stderr.flush()
