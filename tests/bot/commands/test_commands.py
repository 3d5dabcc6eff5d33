"""The commands of the service, in this process."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from bot.commands import add_clients, add_servers
from bot.commands.service import serve_gateway, work
from bot.errors import SettingsRefused
from dashboard_protocol.access import Access
from dashboard_protocol.bus import MemoryBus
from dashboard_protocol.control import Control
from dashboard_protocol.gateway import create_app
from dashboard_protocol.keys import ApiKeys, Scope
from dashboard_protocol.queue import MemoryQueue
from dashboard_protocol.room_urls import AllowedRooms
from dashboard_protocol.server import serve

app = typer.Typer()
add_servers(app)
add_clients(app)


@pytest.fixture(autouse=True)
def _state_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for name in ("CLASSPULSE_POLICY", "CLASSPULSE_KEYS", "CLASSPULSE_BUS", "CLASSPULSE_URL"):
        monkeypatch.delenv(name, raising=False)


@asynccontextmanager
async def a_gateway(folder: Path) -> AsyncIterator[str]:
    keys = ApiKeys(folder / "classpulse" / "keys.json")
    control = Control(MemoryQueue(), MemoryBus(), Access(b"x" * 32), keys, AllowedRooms(["local"]))
    async with serve(create_app(control.bus, control.access, control=control), port=0) as server:
        yield server.origin


async def run(*words: str) -> str:
    result = await asyncio.to_thread(CliRunner().invoke, app, words)
    if result.exception is not None:
        raise result.exception
    return result.stdout.strip()


async def test_shell_invites_lists_and_ends_a_bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    async with a_gateway(tmp_path) as url:
        monkeypatch.setenv("CLASSPULSE_API_KEY", await run("key", "add", "shell"))
        monkeypatch.setenv("CLASSPULSE_URL", url)
        said = await run("invite", "local://r", "--policy", "presence", "--title", "Biology")
        assert f"{url}/rooms/r#t=" in said
        [bot] = json.loads(await run("bots", "--json"))
        assert bot["id"] in said
        assert "requested" in await run("bots")
        other = json.loads(
            await run("invite", "local://s", "--policy", "presence", "--join-at", "2100-01-01T09:00:00Z", "--json")
        )
        assert json.loads(await run("leave", other["id"], "--json"))["state"] == "ended"
        assert "ended" in await run("leave", bot["id"])


async def test_key_has_the_scopes_it_was_given() -> None:
    key = await run("key", "add", "lms", "--scope", "watch")
    assert ApiKeys().check(key).scopes == {Scope.WATCH}


async def test_impossible_invitation_is_one_clear_line() -> None:
    with pytest.raises(SettingsRefused, match="join_at"):
        await run("invite", "local://r", "--policy", "presence", "--join-at", "tomorrow")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"host": "0.0.0.0"}, "--behind-proxy"),
        ({"rooms": "nonsense"}, "--rooms"),
        ({"allowed_policies": "all"}, "--allowed-policies"),
    ],
)
def test_unusable_settings_of_a_gateway_are_refused(options: dict[str, str], problem: str) -> None:
    with pytest.raises(SettingsRefused, match=problem):
        serve_gateway(bus="memory://", port=0, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("command", [lambda: serve_gateway(bus="memory://", port=0), lambda: work(bus="memory://")])
def test_server_ends_when_it_is_told_to(command: object, capfd: pytest.CaptureFixture[str]) -> None:
    # The command prints once it can be stopped; SIGALRM is not its own, so nothing is lost if it comes early.
    def stop(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 5)
    try:
        assert callable(command)
        command()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    told = capfd.readouterr().err
    assert any(told.startswith(word) for word in ("serving", "worker"))
