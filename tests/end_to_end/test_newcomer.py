"""What README.md has a newcomer type, typed into a shell: from a Redis to people in a room, and a page of them."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.dashboard_protocol.web.browser import CHROMIUM

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"<!-- newcomer -->\n```console\n(.*?)```\n", re.DOTALL)
ALONE = ("unshare", "--user", "--map-root-user", "--net")
"""A network of its own: the commands use the usual ports, which others of this machine may use as well."""
MOST_COMMANDS = 10
PATIENCE_S = 120


def lacking() -> str | None:
    absent = [program for program in ("redis-server", "unshare", "ip") if shutil.which(program) is None]
    if absent:
        return f"{', '.join(absent)} is not installed"
    if subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode:
        return "this system lets nobody make a network of its own"
    return None


pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(bool(lacking()), reason=lacking() or ""),
    pytest.mark.timeout(400),
]


class Shell:
    """A person at a shell, who reads what it says before typing on."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin, self._stdout = process.stdin, process.stdout
        self.heard = ""

    def type(self, line: str) -> None:
        self._stdin.write(line.encode() + b"\n")

    async def hear(self, text: str) -> None:
        """Read on until a text has come, once more than before."""
        from_here = len(self.heard)
        try:
            async with asyncio.timeout(PATIENCE_S):
                while text not in self.heard[from_here:]:
                    said = await self._stdout.read(4096)
                    assert said, "the shell ended"
                    self.heard += said.decode(errors="replace")
        except (TimeoutError, AssertionError):
            raise AssertionError(f"never said {text!r}:\n{self.heard}") from None


@asynccontextmanager
async def a_shell(folder: Path) -> AsyncIterator[Shell]:
    own = str(Path(sys.executable).parent)
    path = ":".join(part for part in os.environ["PATH"].split(":") if part != own)  # the newcomer finds it as announced
    environment = {
        "PATH": path, "HOME": str(folder), "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1",
    }  # fmt: skip
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *ALONE, "--pid", "--fork", "--kill-child", "bash", "-e",
        stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT, env=environment, cwd=folder,
    )  # fmt: skip
    try:
        shell = Shell(process)
        shell.type("ip link set lo up")
        yield shell
    finally:
        process.kill()  # and with the first process of its namespace all others
        await process.wait()


def steps() -> list[tuple[str, str]]:
    """Return what to type, and what the shell says then."""
    found = BLOCK.search((ROOT / "README.md").read_text())
    assert found, "README.md has lost its block for newcomers"
    typed = [re.match(r"(.*?)\s*(?:# (.*))?$", line) for line in found.group(1).splitlines()]
    return [(step.group(1), step.group(2) or "") for step in typed if step]


async def test_newcomer_gets_from_a_redis_to_people_in_a_room_and_a_page_that_shows_them(tmp_path: Path) -> None:
    commands = steps()
    assert commands[1][0].startswith("redis-server")
    assert "watch" in commands[-1][0]
    assert len(commands) <= MOST_COMMANDS
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    async with a_shell(tmp_path) as shell:
        for command, answer in commands[:-1]:
            shell.type(command)
            await shell.hear(answer)
        if CHROMIUM.exists():
            shell.type(f'PYTHONPATH={ROOT} python -m tests.end_to_end.shown_page 8 "$(classpulse link seminar)"')
            await shell.hear("the page shows 8")
        command, answer = commands[-1]
        shell.type(command)
        await shell.hear(answer)
