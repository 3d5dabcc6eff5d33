"""The audit log says under which policy a room was read, and names nobody."""

import asyncio
import json
import stat
from pathlib import Path

import httpx
import pytest

from bot.app import Addresses, Surroundings, run
from bot.audit import FILE, Audit
from bot.errors import SettingsRefused
from bot.settings import Settings
from dashboard_protocol.events import Profile


def test_log_keeps_what_was_there_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    for room in ("a", "b"):
        audit = Audit(tmp_path / "state", room)
        audit.started(Profile.AGGREGATE, 5)
        audit.ended("room_closed")
    path = tmp_path / "state" / FILE
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(line["room"], line["event"]) for line in lines] == [
        ("a", "started"), ("a", "ended"), ("b", "started"), ("b", "ended"),
    ]  # fmt: skip
    assert lines[0]["policy"] == "aggregate"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_bot_that_can_leave_no_trace_reads_nobody(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where a folder should be")
    with pytest.raises(SettingsRefused, match="XDG_STATE_HOME"):
        Audit(tmp_path / "state", "r")


async def test_run_is_logged_without_the_name_of_who_opted_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    stop = asyncio.Event()
    told: asyncio.Future[Addresses] = asyncio.get_running_loop().create_future()
    settings = Settings(room_url="local://r", policy=Profile.INDIVIDUAL, port=0)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run(settings, Surroundings(stop=stop, tell=told.set_result)))
        origin = (await told).dashboard.partition("/rooms/")[0]
        async with httpx.AsyncClient() as http:
            answer = await http.post(f"{origin}/v1/rooms/r/opt-outs", json={"name": "Zoraya"})
        stop.set()
    assert answer.status_code == 204
    log = (tmp_path / "classpulse" / FILE).read_text()
    assert [json.loads(line)["event"] for line in log.splitlines()] == ["started", "opted_out", "ended"]
    assert json.loads(log.splitlines()[0])["policy"] == "individual"
    assert "zoraya" not in log.casefold()
