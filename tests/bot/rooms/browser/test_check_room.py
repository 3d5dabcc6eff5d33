"""`classpulse check-room` visits pages in a real Chromium, says what it found, and leaves."""

import asyncio
import json
import sys
from typing import Any

import pytest

from bot.rooms.browser.launcher import find_chromium
from tests.bot.rooms.browser.pages import meeting_server

try:
    find_chromium(None)
    WHY_NOT = None
except Exception as error:
    WHY_NOT = str(error)

pytestmark = [pytest.mark.integration, pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))]


async def checked(url: str, *flags: str) -> tuple[int, Any, str]:
    """Run the command; return its exit code, what it prints for machines, and what it says to people."""
    command = [sys.executable, "-m", "bot", "check-room", url, "--json", *flags]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, json.loads(out or "null"), err.decode()


async def test_page_is_visited_and_left_and_its_codec_and_pictures_are_found() -> None:
    async with meeting_server() as meeting:
        code, found, said = await checked(meeting.url("simple.html", codec="VP9"), "--duration", "30")
    assert code == 0, said
    assert found["ok"] is True
    assert [step["state"] for step in found["states"]] == ["live"]
    assert found["people"] == 1
    (camera,) = found["cameras"]
    assert camera["codec"] == "VP9"
    assert "Eve" not in f"{found}{said}"
    assert "left" in said


async def test_room_of_jitsi_is_visited_and_no_secret_is_said() -> None:
    async with meeting_server() as meeting:
        url = meeting.url("jitsi.html", "jitsi", locked="mellon", password="mellon", jwt="abc.def")
        order = meeting.order(come={"name": "Eve", "colour": [200, 40]})
        (code, found, said), _ = await asyncio.gather(checked(url, "--duration", "30"), order)
        assert code == 0, said
        assert (found["people"], len(found["cameras"]), found["ok"]) == (1, 1, True)
        assert {"left": True} in meeting.reports
        code, found, said = await checked(meeting.url("jitsi.html", "jitsi", locked="mellon"))
    assert code == 4, said
    assert found["error"] == "The meeting refused the bot: it has a password: add ?password=… to the address"
    assert said.splitlines()[-1].startswith("classpulse: The meeting refused the bot")
    assert "mellon" not in f"{found}{said}"
    assert "abc.def" not in f"{found}{said}"
