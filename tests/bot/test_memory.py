"""Knots of objects are found soon, however much is loaded."""

import gc
import platform
import subprocess
import sys
import weakref
from collections import deque

import pytest

from bot.memory import swift_collection


class Knot:
    """Refers to itself, as a closed connection does."""

    def __init__(self) -> None:
        self.self = self
        self.parts = [[] for _ in range(200)]  # type: ignore[var-annotated]


STAY = 60
"""So many are in use at a time: garbage that was in use for long is looked for only rarely."""


def most_garbage(knots: int) -> int:
    """Use and drop knots, one after the other; return how many dropped ones there were at most."""
    used: deque[Knot] = deque(maxlen=STAY)
    alive: weakref.WeakSet[Knot] = weakref.WeakSet()
    most = 0
    for _ in range(knots):
        used.append(Knot())
        alive.add(used[-1])
        most = max(most, len(alive) - len(used))
    return most


def test_garbage_does_not_pile_up_beside_what_is_loaded() -> None:
    loaded = [[] for _ in range(400_000)]  # type: ignore[var-annotated]
    gc.collect()
    usual = most_garbage(1000)
    with swift_collection():
        swift = most_garbage(1000)
    assert swift < 0.5 * usual
    assert len(loaded) == 400_000


def test_nothing_is_exempt_for_good() -> None:
    before = gc.get_threshold()
    with swift_collection():
        assert gc.get_freeze_count() > 0
    assert gc.get_freeze_count() == 0
    assert gc.get_threshold() == before


STARTS = {
    "command": "import sys; sys.argv[1:] = ['version']; from bot.__main__ import main; start = main",
    "what a worker's meetings are forked from": """
import os, socket
from bot.workers import fork_server

def start():
    fork_server.NEARLY_ALWAYS_USED = ()
    stdout, (worker, own) = os.dup(1), socket.socketpair()
    os.dup2(own.fileno(), 0)
    worker.shutdown(socket.SHUT_WR)
    fork_server.main(os.getppid())
    os.dup2(stdout, 1)
""",
}
PROBE = """
import ctypes

try:
    start()
except SystemExit:
    pass
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
# glibc learns from the first free of something large to keep such things, unless it was set otherwise.
libc.free(ctypes.c_void_p(libc.malloc(4 << 20)))
header = ctypes.c_size_t.from_address(libc.malloc(700_000) - 8).value
print("of its own" if header & 2 else "in a heap")
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is another one")
@pytest.mark.parametrize("name", STARTS)
def test_pictures_lie_outside_of_the_heaps_in_every_process_that_sees_them(name: str) -> None:
    command = [sys.executable, "-c", STARTS[name] + PROBE]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "of its own"
