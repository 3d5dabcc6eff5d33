"""What is written for aiortc's maintainers is true: each script shows the fault, and each test that it names exists."""

import re
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
TEXT = (ROOT / "bot/rooms/webrtc/UPSTREAM.md").read_text()
CASES = re.findall(r"^## \d\. (.+?)\n.*?```python\n(.*?)```\n\n```text\n(.*?)```", TEXT, re.MULTILINE | re.DOTALL)


def test_every_fault_has_its_script_and_its_test() -> None:
    assert len(CASES) == TEXT.count("\n## ") == TEXT.count("**Held by**") == 4


@pytest.mark.parametrize(("script", "output"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
async def test_script_shows_the_fault_with_aiortc_as_it_is(script: str, output: str) -> None:
    """Where it prints something else, aiortc has mended it: the patch may go."""
    process = await create_subprocess_exec(sys.executable, "-W", "ignore", "-c", script, stdout=PIPE, stderr=PIPE)
    printed, errors = await process.communicate()
    assert printed.decode() == output, errors.decode()


def test_every_test_that_is_named_exists() -> None:
    held_by = "".join(re.findall(r"\*\*Held by\*\*.*?\n\n", TEXT, re.DOTALL))
    names, file = re.findall(r"`(tests/[\w/]+\.py)?::(test_\w+)`", held_by), ""
    assert len(names) >= 4
    for path, name in names:
        file = path or file
        assert f"def {name}(" in (ROOT / file).read_text(), f"{file}::{name}"
