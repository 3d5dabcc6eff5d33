"""Consents and revocations by the control API, and what links begin with behind a proxy."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard_protocol.auth.links import Access
from dashboard_protocol.bus import MemoryBus
from dashboard_protocol.control_api.api_keys import ApiKeys, Scope
from dashboard_protocol.control_api.service import Control
from dashboard_protocol.errors import AccessDenied, ConsentRefused
from dashboard_protocol.gateway.app import create_app
from dashboard_protocol.http.public_url import checked_public_url
from dashboard_protocol.queue import Invitation, MemoryQueue
from dashboard_protocol.room_urls import AllowedRooms
from dashboard_protocol.vocabulary import Profile
from tests.dashboard_protocol.staging import SECRET


@asynccontextmanager
async def an_api(folder: Path, public_url: str | None = None) -> AsyncIterator[tuple[Control, httpx.AsyncClient]]:
    """The API, and a client that holds a key for all but `admin`; the scopes of its key are its name."""
    keys = ApiKeys(folder / "keys.json")
    control = replace(
        Control(MemoryQueue(), MemoryBus(), Access(SECRET), keys, AllowedRooms(["local"])), public_url=public_url
    )
    for room in "rs":
        wanted = Invitation(
            id=f"bot-{room}",
            room=room,
            room_url=f"local://{room}",
            policy=Profile.PRESENCE,
            requested_at=1,
            owner="all",
        )
        await control.queue.submit(wanted)
    transport = httpx.ASGITransport(create_app(control.bus, control.access, control=control))
    key = keys.add("all", frozenset(Scope) - {Scope.ADMIN})
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://10.0.0.7:8080", headers=headers) as http:
        yield control, http


async def test_consent_is_made_for_one_person_and_revoked(tmp_path: Path) -> None:
    async with an_api(tmp_path) as (control, http):
        made = await http.post("/v1/rooms/r/consents", json={"name": "Anna", "valid_s": 60})
        assert (made.status_code, made.json()["expires_in_s"]) == (201, 60)
        token, consents = made.json()["token"], control.access.consents
        assert consents.check("r", "anna", token).name == "Anna"
        ended = await http.post("/v1/rooms/r/consents/revocations", json={"name": "ANNA"})
        assert (ended.status_code, ended.json()["generation"]) == (200, 1)
        with pytest.raises(ConsentRefused):
            consents.check("r", "Anna", token)


@pytest.mark.parametrize(
    "wanted",
    [{}, {"name": ""}, {"name": " "}, {"name": "x" * 51}, {"name": "A", "valid_s": 0}, {"name": "A", "valid_s": 1e9},
     {"name": "A", "x": 1}],
)  # fmt: skip
async def test_consent_of_nobody_or_for_ever_is_refused(tmp_path: Path, wanted: dict[str, object]) -> None:
    async with an_api(tmp_path) as (_, http):
        assert (await http.post("/v1/rooms/r/consents", json=wanted)).status_code == 422


async def test_links_of_a_room_are_closed_and_those_of_others_are_not(tmp_path: Path) -> None:
    async with an_api(tmp_path) as (control, http):
        links = {room: control.access.standing_link(room) for room in "rs"}
        closed = await http.delete("/v1/rooms/r/links")
        assert (closed.status_code, closed.json()) == (200, {"generation": 1, "reach": "this process alone"})
        with pytest.raises(AccessDenied):
            control.access.exchange("r", links["r"])
        control.access.exchange("s", links["s"])


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/v1/rooms/r/consents", Scope.INVITE),
        ("POST", "/v1/rooms/r/consents", Scope.WATCH),
        ("POST", "/v1/rooms/r/consents/revocations", Scope.WATCH),
        ("DELETE", "/v1/rooms/r/links", Scope.CONSENT),
    ],
)
async def test_key_of_another_scope_may_not(tmp_path: Path, method: str, path: str, scope: Scope) -> None:
    async with an_api(tmp_path) as (control, http):
        headers = {"authorization": f"Bearer {control.keys.add('one', frozenset({scope}))}"}
        answer = await http.request(method, path, headers=headers, json={"name": "Anna"})
        assert (answer.status_code, "lacks the scope" in answer.text) == (403, True)
        assert (await http.request(method, path, headers={"authorization": ""}, json={})).status_code == 401


async def test_nothing_in_the_api_opts_anybody_in(tmp_path: Path) -> None:
    """A key makes tokens for people to bring; no address takes one on their behalf."""
    async with an_api(tmp_path) as (_, http):
        paths = (await http.get("/openapi.json")).json()["paths"]
        assert [path for path in paths if "consent" in path or "opt" in path or "agree" in path] == [
            "/v1/rooms/{room}/consents",
            "/v1/rooms/{room}/consents/revocations",
        ]


async def test_links_begin_with_the_public_address(tmp_path: Path) -> None:
    async with an_api(tmp_path, "https://class.example.org") as (_, http):
        link = (await http.post("/v1/rooms/r/link")).json()["link"]
        assert link.startswith("https://class.example.org/rooms/r#t=")
    async with an_api(tmp_path) as (_, http):
        assert (await http.post("/v1/rooms/t/link")).status_code == 404, "no class is on"
        link = (await http.post("/v1/rooms/r/link")).json()["link"]
        assert link.startswith("http://10.0.0.7:8080/rooms/r#t=")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://class.example.org", "https://class.example.org"),
        ("https://Class.Example.org/", "https://class.example.org"),
        ("http://[::1]:8443", "http://[::1]:8443"),
    ],
)
def test_public_address_is_scheme_and_host(text: str, address: str) -> None:
    assert checked_public_url(text) == address


@pytest.mark.parametrize(
    "text",
    ["", "class.example.org", "ftp://h", "https://", "https://h/sub", "https://h?a=1", "https://h#t=1",
     "https://user:word@h", "https://h:0", "https://h:99999", "https://a b"],
)  # fmt: skip
def test_what_begins_no_link_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write https://HOST"):
        checked_public_url(text)


@given(st.text(max_size=60))
def test_public_address_is_never_something_else(text: str) -> None:
    try:
        address = checked_public_url(text)
    except ValueError:
        return
    assert address.startswith(("http://", "https://"))
    assert not set(" /?#@") & set(address.partition("://")[2])
