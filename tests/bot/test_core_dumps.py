"""A core dump would hold pictures of people: no process of ours that sees any leaves one."""

import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.workers.fork_server import ASK

HARD = resource.getrlimit(resource.RLIMIT_CORE)[1]
pytestmark = pytest.mark.skipif(
    HARD == 0 or not Path("/proc/self/limits").exists(), reason="core dumps are off here for everybody"
)


def allow_core_dumps() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (HARD, HARD))


def core_limit(pid: int) -> list[str]:
    (limit,) = (line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if "core" in line)
    return limit.split()[4:6]


@contextmanager
def started(*arguments: str, state: Path, stdin: int = subprocess.DEVNULL) -> Iterator[subprocess.Popen[str]]:
    """Run a module of ours in a shell that would have its core dumped."""
    environment = {**os.environ, "XDG_STATE_HOME": str(state)}
    command = (sys.executable, "-m", *arguments)
    with subprocess.Popen(
        command, stdin=stdin, stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=allow_core_dumps
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_bot_leaves_no_core_dump(tmp_path: Path) -> None:
    with started("bot", "join", "local://r", "--policy", "presence", "--port", "0", state=tmp_path) as process:
        assert process.stderr is not None
        assert any(line.startswith("live") for line in process.stderr)
        assert core_limit(process.pid) == ["0", "0"]


def test_meeting_of_a_worker_leaves_no_core_dump_nor_does_what_it_is_forked_from(tmp_path: Path) -> None:
    worker, theirs = socket.socketpair()
    meeting, its_own = socket.socketpair()
    with worker, theirs, meeting, its_own:
        arguments = ("bot.workers.fork_server", str(os.getpid()))
        with started(*arguments, state=tmp_path, stdin=theirs.fileno()) as process, worker.makefile() as lines:
            assert lines.readline() == "warm\n"
            assert core_limit(process.pid) == ["0", "0"]
            socket.send_fds(worker, [ASK], [its_own.fileno()])
            pid = int(lines.readline())
            assert pid != process.pid
            assert core_limit(pid) == ["0", "0"]
