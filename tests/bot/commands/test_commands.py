"""The commands of the service, in this process."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from bot.commands import add_clients, add_servers, service
from bot.commands.service import serve_gateway, work
from bot.errors import SettingsRefused
from dashboard_protocol.auth.links import Access
from dashboard_protocol.bus import MemoryBus
from dashboard_protocol.bus.writer import EventWriter
from dashboard_protocol.control_api.api_keys import ApiKeys, Scope
from dashboard_protocol.control_api.service import Control
from dashboard_protocol.errors import AccessDenied, ControlRefused, ReportRefused
from dashboard_protocol.events import Body
from dashboard_protocol.gateway.app import create_app
from dashboard_protocol.http.server import serve
from dashboard_protocol.queue import MemoryQueue
from dashboard_protocol.room_urls import AllowedRooms
from tests.dashboard_protocol.staging import hello, summary

app = typer.Typer()
add_servers(app)
add_clients(app)


@pytest.fixture(autouse=True)
def _state_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for name in ("CLASSPULSE_POLICY", "CLASSPULSE_KEYS", "CLASSPULSE_BUS", "CLASSPULSE_URL"):
        monkeypatch.delenv(name, raising=False)


@asynccontextmanager
async def a_gateway(folder: Path, bus: MemoryBus | None = None) -> AsyncIterator[str]:
    keys = ApiKeys(folder / "classpulse" / "keys.json")
    control = Control(MemoryQueue(), bus or MemoryBus(), Access(b"x" * 32), keys, AllowedRooms(["local"]))
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
        assert f"{url}/rooms/r-" in said
        [bot] = json.loads(await run("bots", "--json"))
        assert bot["id"] in said
        assert "requested" in await run("bots")
        other = json.loads(
            await run("invite", "local://s", "--policy", "presence", "--join-at", "2100-01-01T09:00:00Z", "--json")
        )
        assert json.loads(await run("leave", other["id"], "--json"))["state"] == "ended"
        assert "ended" in await run("leave", bot["id"])


@pytest.mark.parametrize("columns", ["80", "40"])
async def test_table_folds_and_no_address_is_cut_however_narrow_the_terminal_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    async with a_gateway(tmp_path) as url:
        monkeypatch.setenv(
            "CLASSPULSE_API_KEY", await run("key", "add", "a-name-that-is-rather-long-for-a-key-of-a-shell")
        )
        monkeypatch.setenv("CLASSPULSE_URL", url)
        title = "a-room-with-a-name-that-is-as-long-as-a-name-may-be-0123456789"
        said = await run("invite", f"local://{title}", "--policy", "presence")
        [bot] = json.loads(await run("bots", "--json"))
        link, join, privacy = (line.split()[-1] for line in said.splitlines()[2:])
        assert (link.count("."), join, privacy) == (bot["link"].count("."), bot["join"], bot["privacy"])
        shown = await run("bots")
        assert bot["join"] in shown
        keys = await run("key", "list")
        for table in (shown, keys):
            assert "…" not in table
        assert bot["id"] in "".join(shown.split()) or columns == "40"


async def test_shell_invites_with_a_webhook_and_reads_its_ledger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    async with a_gateway(tmp_path) as url:
        monkeypatch.setenv("CLASSPULSE_API_KEY", await run("key", "add", "shell"))
        monkeypatch.setenv("CLASSPULSE_URL", url)
        invitation = ("invite", "local://r", "--policy", "presence", "--webhook", "https://8.8.8.8/bots")
        with pytest.raises(ControlRefused, match="openssl rand"):
            await run(*invitation)
        secret = tmp_path / "webhook_secret"
        secret.write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
        monkeypatch.setenv("CLASSPULSE_WEBHOOK_SECRET_FILE", str(secret))
        bot = json.loads(await run(*invitation, "--json"))
        assert bot["webhook"] == "https://8.8.8.8/bots"
        assert "waiting" in await run("webhooks", bot["id"])
        [reported] = json.loads(await run("webhooks", bot["id"], "--json"))
        assert (reported["id"], reported["attempts"]) == (f"{bot['id']}-0", [])
        with pytest.raises(ControlRefused, match="no such bot"):
            await run("webhooks", "unknown")


async def test_shell_writes_the_report_of_a_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bus, room = MemoryBus(), Access(b"x" * 32).key_of("local://biology-101")
    async with a_gateway(tmp_path, bus) as url:
        monkeypatch.setenv("CLASSPULSE_API_KEY", await run("key", "add", "shell", "--scope", "admin"))
        monkeypatch.setenv("CLASSPULSE_URL", url)
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ReportRefused, match="nothing to report"):
            await run("report", room)
        writer = await EventWriter.open(bus, room)
        bodies: tuple[Body, ...] = (hello(), summary(), summary())
        for at, body in enumerate(bodies):
            await writer.publish(body, at=at)
        written = json.loads(await run("report", room, "--json"))
        assert written == {"html": f"{room}.html", "csv": f"{room}.csv"}
        assert (tmp_path / f"{room}.html").read_text().startswith("<!doctype html>")
        assert len((tmp_path / f"{room}.csv").read_text().splitlines()) == 3
        said = await run("report", room, "--out", str(tmp_path / "own.html"))
        assert "own.html" in said
        with pytest.raises(ReportRefused, match="another path"):
            await run("report", room, "--out", str(tmp_path / "absent" / "own.html"))


async def test_key_has_the_scopes_it_was_given() -> None:
    key = await run("key", "add", "lms", "--scope", "watch")
    assert ApiKeys().check(key).scopes == {Scope.WATCH}


async def test_keys_are_listed_and_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    key = await run("key", "add", "[/lms]", "--scope", "watch", "--days", "2", "--max-bots", "3")
    other = await run("key", "add", "other", "--max-bots", "0")
    mark = ApiKeys().check(key).fingerprint
    shown = await run("key", "list")
    assert "[/lms]" in shown
    assert mark in shown
    facts = json.loads(await run("key", "list", "--json"))
    assert [(each["name"], each["scopes"], each["bots"]) for each in facts] == [
        ("[/lms]", "watch", 3),
        ("other", "invite watch", None),
    ]
    assert facts[0]["expires"] > facts[0]["made"]
    await run("key", "remove", "[/lms]")
    with pytest.raises(AccessDenied):
        ApiKeys().check(key)
    ApiKeys().check(other)
    with pytest.raises(SettingsRefused, match="no key of this name"):
        await run("key", "remove", "[/lms]")


async def test_impossible_invitation_is_one_clear_line() -> None:
    with pytest.raises(SettingsRefused, match=r"^--join-at tomorrow cannot be used: give a time"):
        await run("invite", "local://r", "--policy", "presence", "--join-at", "tomorrow")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"host": "0.0.0.0"}, "--behind-proxy"),
        ({"rooms": "nonsense"}, "--rooms"),
        ({"webhooks": "nonsense"}, "--webhooks"),
        ({"allowed_policies": "all"}, "--allowed-policies"),
    ],
)
def test_unusable_settings_of_a_gateway_are_refused(options: dict[str, str], problem: str) -> None:
    with pytest.raises(SettingsRefused, match=problem):
        serve_gateway(bus="memory://", port=0, **options)


@pytest.mark.parametrize(
    "command", [lambda: serve_gateway(bus="memory://", port=0), lambda: work(bus="memory://", metrics_port=0)]
)
def test_server_ends_when_it_is_asked_to(
    command: Callable[[], None], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    say = service._say

    def say_and_stop(text: str) -> None:
        say(text)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(service, "_say", say_and_stop)
    command()
    reported = capfd.readouterr().err
    assert any(reported.startswith(word) for word in ("serving", "figures"))
