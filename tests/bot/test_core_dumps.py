"""A core dump would hold pictures of people: no process of ours that sees any leaves one."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

HARD = resource.getrlimit(resource.RLIMIT_CORE)[1]
COMMANDS = {
    "bot": (
        [sys.executable, "-m", "bot", "join", "local://r", "--policy", "presence", "--port", "0"],
        "stderr",
        "live",
    ),
    "meeting of a worker": ([sys.executable, "-m", "bot.workers.child", str(os.getpid())], "stdout", "warm"),
}

pytestmark = pytest.mark.skipif(
    HARD == 0 or not Path("/proc/self/limits").exists(), reason="core dumps are off here for everybody"
)


def allow_core_dumps() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (HARD, HARD))


@pytest.mark.parametrize("name", COMMANDS)
def test_process_that_sees_people_leaves_no_core_dump(name: str, tmp_path: Path) -> None:
    command, stream, ready = COMMANDS[name]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
        preexec_fn=allow_core_dumps,
    ) as process:
        try:
            told = getattr(process, stream)
            assert any(line.startswith(ready) for line in told)
            (limit,) = (line for line in Path(f"/proc/{process.pid}/limits").read_text().splitlines() if "core" in line)
        finally:
            process.kill()
    assert limit.split()[4:6] == ["0", "0"]
