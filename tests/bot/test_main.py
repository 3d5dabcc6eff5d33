"""The command `classpulse` as a person or a script meets it: a real process, its output and its exit code."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from bot.__main__ import main
from dashboard_protocol.codec import decode
from dashboard_protocol.events import BotState, Bye, Hello, State

PATIENCE_S = 60
MOST_MODULES = {"help": 390, "client": 570, "watch": 620}
"""Python's own included."""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "XDG_STATE_HOME": str(tmp_path), "PYTHONWARNINGS": "error::ResourceWarning"}


def classpulse(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments], capture_output=True, text=True, timeout=PATIENCE_S, env=environment
    )


@contextmanager
def running(environment: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-m", "bot", *arguments], stdout=pipe, stderr=pipe, text=True, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_real_meeting_has_no_default_policy(environment: dict[str, str]) -> None:
    refused = classpulse(environment, "join", "local://seminar")
    assert refused.returncode == 2
    assert "--policy" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert not refused.stdout


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["zoom://1234"], "local://NAME"),
        (["local://no/such name"], "letters"),
        (["local://r", "--host", "0.0.0.0"], "--behind-proxy"),
        (["local://r", "--bus", "kafka://127.0.0.1"], "memory://"),
        (["local://r", "--bus", "redis://127.0.0.1:1"], "127.0.0.1:1"),
        (["local://r", "--reads-per-s", "0"], "--reads-per-s"),
        (["local://r", "--policy", "aggregate", "--engine", "no-such.onnx"], "no-such.onnx"),
        (["local://r", "--report", "/no/such/folder/report.html"], "/no/such/folder"),
    ],
    ids=["scheme", "name", "host", "bus", "redis", "rate", "engine", "report"],
)
def test_flag_that_cannot_be_used_ends_in_one_line(
    arguments: list[str], hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = [] if "--policy" in arguments else ["--policy", "presence"]
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["classpulse", "join", *arguments, *policy, "--port", "0", "--json"])
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)  # it would hold for every later test of this process
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code in (2, 3)
    assert hint in said.err.splitlines()[-1]
    assert "Traceback" not in said.err


def test_error_that_is_a_bug_comes_out_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["classpulse", "version"])
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    monkeypatch.delattr("bot.__version__")
    with pytest.raises(ImportError):
        main()


def test_command_that_needs_no_server_and_no_pictures_imports_neither(environment: dict[str, str]) -> None:
    """They cost a second of every `classpulse link` and `classpulse bots`."""
    heavy = ("aiortc", "fastapi", "httpx", "jwt", "numpy", "redis", "rich.table", "uvicorn", "websockets")
    asked = f"import sys, bot.__main__; print([name for name in {heavy} if name in sys.modules])"
    reported = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True, env=environment
    )
    assert reported.stdout.strip() == "[]"


IMPORTED = """
import sys
from bot.__main__ import main
try:
    main()
except SystemExit:
    pass
print(*sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("command", "most"),
    [
        (("--help",), MOST_MODULES["help"]),
        (("bots",), MOST_MODULES["client"]),
        (("invite", "local://r", "--policy", "presence"), MOST_MODULES["client"]),
        (("link", "r"), MOST_MODULES["client"]),
        (("watch", "http://127.0.0.1:9/rooms/r-abcdefghij#t=x"), MOST_MODULES["watch"]),
    ],
)
def test_client_imports_little_and_nothing_that_only_servers_need(
    command: tuple[str, ...], most: int, environment: dict[str, str]
) -> None:
    """What a command imports is what it costs: 0.3 s of a processor at most, which no busy machine can time."""
    nobody = {"CLASSPULSE_URL": "http://127.0.0.1:9", "CLASSPULSE_API_KEY": "k"}
    ran = subprocess.run(
        [sys.executable, "-c", IMPORTED, *command], capture_output=True, text=True, env=environment | nobody
    )
    imported = ran.stderr.splitlines()[-1].split()
    packages = {name.partition(".")[0] for name in imported}
    assert "bot" in packages
    assert not packages & {"aiortc", "cryptography", "fastapi", "jwt", "numpy", "redis", "starlette", "uvicorn"}
    assert len(imported) <= most


def test_taken_port_ends_in_one_line(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = classpulse(environment, "join", "local://r", "--policy", "presence", "--port", port)
    assert refused.returncode == 2
    assert port in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_json_output_is_events_and_nothing_else_from_hello_to_bye(environment: dict[str, str]) -> None:
    report = Path(environment["XDG_STATE_HOME"]) / "report.html"
    flags = ["--policy", "presence", "--port", "0", "--duration", "2", "--json", "--report", str(report)]
    done = classpulse(environment, "join", "local://r", *flags)
    assert done.returncode == 0, done.stderr
    assert "<svg" in report.read_text() or "<html" in report.read_text()
    assert report.with_suffix(".csv").exists()
    events = [decode(line) for line in done.stdout.splitlines()]
    assert isinstance(events[0].body, Hello)
    states = [event.body.state for event in events if isinstance(event.body, BotState)]
    assert states == [State.REQUESTED, State.JOINING, State.LIVE, State.LEAVING, State.ENDED]
    assert [event.seq for event in events] == list(range(len(events)))
    assert isinstance(events[-1].body, Bye)
    assert events[-1].body.reason == "max_duration"
    assert 2.0 <= events[-1].body.live_s < 4.0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_signal_makes_the_bot_leave_cleanly(environment: dict[str, str], number: signal.Signals) -> None:
    with running(environment, "join", "local://r", "--policy", "presence", "--port", "0", "--json") as bot:
        assert bot.stdout is not None
        for line in bot.stdout:
            if json.loads(line).get("state") == "live":
                break
        bot.send_signal(number)
        rest, errors = bot.communicate(timeout=PATIENCE_S)
    assert bot.returncode == 0, errors
    assert json.loads(rest.splitlines()[-1])["type"] == "bye"
    assert json.loads(rest.splitlines()[-1])["reason"] == "asked_to_leave"
    assert "Traceback" not in errors


def test_links_are_made_and_revoked_at_a_bot_that_nobody_invited(environment: dict[str, str]) -> None:
    with running(environment, "join", "local://biology-101", "--policy", "presence", "--port", "0") as bot:
        assert bot.stderr is not None
        dashboard = next(line.split()[1] for line in bot.stderr if line.startswith("dashboard"))
        here = environment | {"CLASSPULSE_URL": dashboard.partition("/rooms/")[0]}
        made = classpulse(here, "link", "biology-101").stdout.strip()
        room, _, token = made.rpartition("/")[2].partition("#t=")
        assert made.partition("#t=")[0] == dashboard.partition("#t=")[0]
        address = f"{here['CLASSPULSE_URL']}/v1/rooms/{room}/session"
        assert httpx.post(address, json={"link": token}).status_code == 200
        revoked = classpulse(here, "revoke", "local://biology-101")
        assert (revoked.returncode, room in revoked.stdout) == (0, True)
        for link in (token, dashboard.partition("#t=")[2]):
            assert httpx.post(address, json={"link": link}).status_code == 403


def test_watching_what_is_no_link_ends_in_one_line(environment: dict[str, str]) -> None:
    refused = classpulse(environment, "watch", "nonsense")
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1
    assert not refused.stdout
