"""The audit log says under which policy a room was read, and names nobody."""

import asyncio
import json
import os
import stat
from pathlib import Path

import httpx
import pytest

from bot.app import Addresses, Surroundings, run
from bot.errors import SettingsRefused
from bot.privacy.audit_log import FILE, Audit, audit_obstacle
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
    reported: asyncio.Future[Addresses] = asyncio.get_running_loop().create_future()
    settings = Settings(room_url="local://r", policy=Profile.INDIVIDUAL, port=0)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run(settings, Surroundings(stop=stop, report_addresses=reported.set_result)))
        origin = (await reported).dashboard.partition("/rooms/")[0]
        async with httpx.AsyncClient() as http:
            answer = await http.post(f"{origin}/v1/rooms/r/opt-outs", json={"name": "Zoraya"})
        stop.set()
    assert answer.status_code == 204
    log = (tmp_path / "classpulse" / FILE).read_text()
    assert [json.loads(line)["event"] for line in log.splitlines()] == ["started", "opted_out", "ended"]
    assert json.loads(log.splitlines()[0])["policy"] == "individual"
    assert "zoraya" not in log.casefold()


FULL = Path("/dev/full")
"""A disk that is full: it opens and takes nothing."""


def events_in(path: Path) -> list[str]:
    return [json.loads(line)["event"] for line in path.read_text().splitlines() if line]


def fill(path: Path) -> None:
    path.rename(path.with_suffix(".before"))
    path.symlink_to(FULL)


def empty(path: Path) -> None:
    path.unlink()
    path.with_suffix(".before").rename(path)


def test_bot_whose_audit_log_lies_on_a_full_disk_reads_nobody(tmp_path: Path) -> None:
    (tmp_path / FILE).symlink_to(FULL)
    with pytest.raises(SettingsRefused, match="No space left"):
        Audit(tmp_path, "r").started(Profile.AGGREGATE, 5)


def test_disk_that_becomes_full_keeps_no_opt_out_from_being_carried_out_and_is_reported(tmp_path: Path) -> None:
    audit = Audit(tmp_path, "r")
    audit.started(Profile.AGGREGATE, 5)
    assert audit.obstacle() is None
    fill(tmp_path / FILE)
    audit.opted_out()
    audit.opted_in()
    assert "lacks 2 lines" in (audit.obstacle() or "")
    empty(tmp_path / FILE)
    assert audit.obstacle() is None, "it tries whether it can be written now"
    audit.opted_out()
    fill(tmp_path / FILE)
    audit.opted_out()
    empty(tmp_path / FILE)
    audit.ended("room_closed")
    assert events_in(tmp_path / FILE) == ["started", "lines_missing", "opted_out", "lines_missing", "ended"]
    counts = [json.loads(line).get("count") for line in (tmp_path / FILE).read_text().splitlines()]
    assert counts == [None, 2, None, 1, None]


def test_line_that_a_full_disk_cut_short_spoils_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    audit = Audit(tmp_path, "r")
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, text: write(file, text[:20]))
    audit.opted_out()
    monkeypatch.undo()
    audit.opted_in()
    torn, *whole = (tmp_path / FILE).read_text().splitlines()
    assert len(torn) == 20
    assert [json.loads(line)["event"] for line in whole] == ["lines_missing", "opted_in"]


def test_audit_log_that_cannot_be_opened_is_an_obstacle(tmp_path: Path) -> None:
    assert audit_obstacle(tmp_path / "state") is None
    (tmp_path / "file").touch()
    assert "cannot be written (Not a directory)" in (audit_obstacle(tmp_path / "file" / "state") or "")


async def test_full_disk_ends_no_class_and_readiness_says_that_an_opt_out_is_not_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    stop = asyncio.Event()
    reported: asyncio.Future[Addresses] = asyncio.get_running_loop().create_future()
    settings = Settings(room_url="local://r", policy=Profile.PRESENCE, port=0)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(run(settings, Surroundings(stop=stop, report_addresses=reported.set_result)))
        origin = (await reported).dashboard.partition("/rooms/")[0]
        async with httpx.AsyncClient(base_url=origin) as http:
            await answers(http, "/readyz", 200)
            fill(tmp_path / "classpulse" / FILE)
            assert (await http.post("/v1/rooms/r/opt-outs", json={"name": "Zoraya"})).status_code < 300
            assert "audit log" in (await answers(http, "/readyz", 503))["detail"]
            empty(tmp_path / "classpulse" / FILE)
            await answers(http, "/readyz", 200)
        assert not running.done()
        stop.set()
    assert events_in(tmp_path / "classpulse" / FILE) == ["started", "lines_missing", "ended"]


async def answers(http: httpx.AsyncClient, path: str, status: int) -> dict[str, str]:
    answer = await http.get(path)
    assert answer.status_code == status, answer.text
    found: dict[str, str] = answer.json()
    return found
