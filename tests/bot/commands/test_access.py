"""`classpulse link`, `consent` and `revoke`, as commands, at a gateway and at a bot that nobody invited."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from bot.commands import add_access
from dashboard_protocol.auth.links import Access
from dashboard_protocol.auth.secrets_store import load_secret
from dashboard_protocol.bus import MemoryBus
from dashboard_protocol.control_api.api_keys import ApiKeys, Scope
from dashboard_protocol.control_api.service import Control
from dashboard_protocol.errors import AccessDenied, ConsentRefused, ControlRefused
from dashboard_protocol.gateway.app import create_app
from dashboard_protocol.http.server import serve
from dashboard_protocol.queue import MemoryQueue
from dashboard_protocol.room_urls import AllowedRooms

app = typer.Typer()
add_access(app)
app.callback()(lambda: None)


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for name in ("SECRET", "SECRET_FILE", "API_KEY", "KEYS", "URL"):
        monkeypatch.delenv(f"CLASSPULSE_{name}", raising=False)


async def reported(*arguments: str) -> str:
    result = await asyncio.to_thread(CliRunner().invoke, app, arguments)
    if result.exception is not None:
        raise result.exception
    return result.stdout.strip()


@asynccontextmanager
async def a_process(monkeypatch: pytest.MonkeyPatch, control: Control) -> AsyncIterator[Control]:
    async with serve(create_app(control.bus, control.access, control=control), port=0) as server:
        monkeypatch.setenv("CLASSPULSE_URL", server.origin)
        yield control


def own(room_url: str) -> Control:
    access = Access(load_secret())
    return Control.of_own_room(access.key_of(room_url), "m", MemoryBus(), access, None)


@pytest.mark.parametrize("named", ["seminar", "local://seminar", "KEY"])
async def test_authorisation_of_the_operator_needs_no_key_at_their_own_bot(
    monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    async with a_process(monkeypatch, own("local://seminar")) as control:
        (room,) = control.own
        link = await reported("link", room if named == "KEY" else named)
        assert f"/rooms/{room}#t=" in link
        control.access.exchange(room, link.partition("#t=")[2])


async def test_revoking_reaches_the_process_that_serves_the_room_and_says_which(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with a_process(monkeypatch, own("local://seminar")) as control:
        (room,) = control.own
        link = (await reported("link", "seminar")).partition("#t=")[2]
        consent = await reported("consent", "seminar", "Anna")
        said = await reported("revoke", "seminar", "--name", "anna")
        assert said.startswith(
            f"consents of this person in {room} made so far open nothing any more: revoked at http://127"
        )
        control.access.exchange(room, link)
        with pytest.raises(ConsentRefused):
            control.access.consents.check(room, "Anna", consent)
        assert (await reported("revoke", "seminar")).startswith(
            f"links to {room} made so far open nothing any more: revoked at "
        )
        with pytest.raises(AccessDenied):
            control.access.exchange(room, link)


async def test_consent_is_printed_alone_or_in_the_join_link(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_process(monkeypatch, own("local://r")) as control:
        (room,) = control.own
        consents = control.access.consents
        assert consents.check(room, "anna", await reported("consent", "r", "Anna", "--days", "2")).name == "Anna"
        link = await reported("consent", "r", "Anna", "--join", "https://h/join/r#t=secret")
        assert link.startswith("https://h/join/r#t=secret&c=")
        consents.check(room, "Anna", link.partition("&c=")[2])
        assert (await reported("consent", "r", "Anna", "--join", "https://h/join/r")).startswith("https://h/join/r#c=")


async def test_room_that_cannot_be_distinguished_from_others_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    control = own("local://r")
    names = {control.access.key_of(url) for url in ("local://r", "janus+ws://h/r")}
    shared = Control(control.queue, control.bus, control.access, control.keys, None, own=dict.fromkeys(names, "m"))
    async with a_process(monkeypatch, shared):
        with pytest.raises(ControlRefused, match="name one of r-"):
            await reported("link", "r")
        assert "/rooms/r-" in await reported("link", "janus+ws://h/r?pin=1")
        with pytest.raises(ControlRefused, match="No room of this name"):
            await reported("link", "s")


async def test_authorisation_by_a_key_of_too_narrow_a_scope_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys, access = ApiKeys(), Access(load_secret())
    control = Control(MemoryQueue(), MemoryBus(), access, keys, AllowedRooms(["local"]))
    async with a_process(monkeypatch, control):
        for command in (("link", "r-aaaaaaaaaa"), ("revoke", "r-aaaaaaaaaa"), ("consent", "r-aaaaaaaaaa", "Anna")):
            with pytest.raises(ControlRefused, match="lacks the scope"):
                await reported(*command, "--api-key", keys.add("k", frozenset({Scope.INVITE})))


async def test_authorisation_of_an_operator_with_another_secret_opens_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with a_process(monkeypatch, own("local://r")):
        monkeypatch.setenv("CLASSPULSE_SECRET", "x" * 40)
        with pytest.raises(ControlRefused, match="classpulse key add"):
            await reported("link", "r")


async def test_authorisation_of_an_operator_holds_at_the_port_it_was_made_for_and_at_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    access = Access(load_secret())
    assert access.is_operator(access.operator_token(8080), 8080)
    assert not access.is_operator(access.operator_token(8080), 8081)
    assert not access.is_operator(access.standing_link("port 8080"), 8080)
