"""A browser that uses more than a meeting may is ended, and its folder goes with it."""

import asyncio
import sys
from pathlib import Path

from bot.rooms.browser.launcher import KEEPER

GREEDY = "import time; all = bytearray(300 << 20); print('has it', flush=True); time.sleep(600)"


async def test_browser_that_uses_more_than_a_meeting_may_is_ended(tmp_path: Path) -> None:
    folder = tmp_path / "browser"
    folder.mkdir()
    # Sub-shells of bash count in KB; 3 and 4 are the pipes by which Playwright speaks.
    script = 'ulimit -S -d 250000; exec 3</dev/null 4>/dev/null; exec "$@"'
    keeper = await asyncio.create_subprocess_exec(
        "bash", "-c", script, "-", sys.executable, "-I", "-S", str(KEEPER), str(folder), sys.executable, "-c", GREEDY,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(60):
        said, complained = await keeper.communicate()
    assert said == b"has it\n", "what it inherits does not keep it from reserving memory"
    assert b"more than a meeting may" in complained
    assert keeper.returncode == 128 + 9
    assert not await asyncio.to_thread(folder.exists)
