"""Between Playwright and Chromium, `keeper.py FOLDER CHROMIUM ARGUMENT…`: nothing of a bot's browser outlives it.

Whoever is killed with -9 can clean nothing up. So Chromium's parent is this process, which holds nothing else: the
kernel signals it when its own parent dies, it ends Chromium, and removes the folder with the profile. Were this process
killed too, the kernel ends Chromium. It is run by its path, and imports nothing but the standard library.

It also holds Chromium to what a meeting's process may allocate, where that is limited (RLIMIT_DATA). The kernel's own
count would end every page at once: a browser reserves far more than it uses. So what its processes use is counted here.
"""

import ctypes
import fcntl
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from types import FrameType

PR_SET_PDEATHSIG = 1
DEVTOOLS = (3, 4)
"""The pipes by which Playwright speaks with Chromium."""
COUNT_EVERY_S = 5.0
"""How often what Chromium uses is counted, where it is limited."""
DIE_S = 5.0
"""Chromium's processes end so soon after their first; then their folder may go."""


def main(folder: str, command: list[str]) -> int:
    """Run Chromium until it ends or nobody is left to use it; return its exit code."""
    libc = ctypes.CDLL(None)
    parent = os.getppid()
    lock = os.open(folder, os.O_RDONLY)
    with open(os.path.join(folder, "keeper"), "w") as file:
        file.write(str(os.getpid()))
    fcntl.flock(lock, fcntl.LOCK_SH)  # whoever sweeps leaves it alone for as long

    def die_with_keeper() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    most = _own_limit()
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
    code = _wait(chromium, most)
    _remove(folder)
    return code if code >= 0 else 128 - code


def _own_limit() -> int | None:
    """Lift the limit of what may be allocated, which Chromium would inherit; return what it was, in bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if soft == resource.RLIM_INFINITY:
        return None
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
    return soft


def _wait(chromium: "subprocess.Popen[bytes]", most: int | None) -> int:
    """Wait until Chromium has ended, and end it where it uses more than `most` bytes; return its exit code."""
    while True:
        try:
            return chromium.wait(None if most is None else COUNT_EVERY_S)
        except subprocess.TimeoutExpired:
            if most is not None and (used := sum(map(_used, _tree(chromium.pid)))) > most:
                print(f"Chromium uses {used >> 20} MB, more than a meeting may, and is ended", file=sys.stderr)
                chromium.kill()


def _tree(pid: int) -> list[int]:
    children: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                children += map(int, file.read().split())
    except OSError:  # it has ended meanwhile
        pass
    return [pid, *(each for child in children for each in _tree(child))]


def _used(pid: int) -> int:
    """Return the bytes of memory that a process uses; of what several share its part."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            return next((int(line.split()[1]) << 10 for line in file if line.startswith("Pss:")), 0)
    except OSError:
        return 0


def _remove(folder: str) -> None:
    """Remove the folder; Chromium's other processes may write into it for a moment."""
    until = time.monotonic() + DIE_S
    while os.path.exists(folder) and time.monotonic() < until:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
