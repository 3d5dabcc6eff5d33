"""Between Playwright and Chromium, `keeper.py FOLDER CHROMIUM ARGUMENT…`: nothing of a bot's browser outlives it.

Whoever is killed with -9 can clean nothing up. So Chromium's parent is this process, which holds nothing else: the
kernel signals it when its own parent dies, it ends Chromium, and removes the folder with the profile. Were this process
killed too, the kernel ends Chromium. It is run by its path, and imports nothing but the standard library.
"""

import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from types import FrameType

PR_SET_PDEATHSIG = 1
DEVTOOLS = (3, 4)
"""The pipes by which Playwright speaks with Chromium."""
DIE_S = 5.0
"""Chromium's processes end so soon after their first; then their folder may go."""


def main(folder: str, command: list[str]) -> int:
    """Run Chromium until it ends or nobody is left to use it; return its exit code."""
    libc = ctypes.CDLL(None)
    parent = os.getppid()
    lock = os.open(folder, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_SH)  # whoever sweeps leaves it alone for as long

    def die_with_keeper() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    chromium = subprocess.Popen(command, pass_fds=DEVTOOLS, preexec_fn=die_with_keeper)
    for pipe in DEVTOOLS:
        os.close(pipe)  # else Chromium would not notice when nobody speaks to it any more

    def end(number: int, frame: FrameType | None) -> None:
        chromium.kill()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before
        chromium.kill()
    code = chromium.wait()
    _remove(folder)
    return code if code >= 0 else 128 - code


def _remove(folder: str) -> None:
    """Remove the folder; Chromium's other processes may write into it for a moment."""
    until = time.monotonic() + DIE_S
    while os.path.exists(folder) and time.monotonic() < until:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
