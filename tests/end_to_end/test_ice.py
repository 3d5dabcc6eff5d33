"""Media through a real TURN server, in a network of its own."""

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiortc import RTCPeerConnection

from bot.errors import RoomUnreachable
from bot.ice_servers import Ice, read_ice
from bot.rooms.base import CameraOn, RoomEvent
from bot.rooms.janus.room import JanusRoom
from bot.rooms.notice import Notice
from bot.rooms.webrtc import ice as webrtc_ice
from bot.rooms.webrtc.traffic import RECEIVE_BUFFER_BYTES
from bot.rooms.whep import WhepRoom
from tests.benchmarks.janus_server import janus_server
from tests.benchmarks.network import BOT, PEOPLE, SERVER, PrivateNetwork, missing
from tests.contracts.turn_server import CREDENTIALS, PORT, turn_server
from tests.contracts.whep_server import WhepServer, whep_server

WHY_NOT = missing("turnserver")
pytestmark = [pytest.mark.integration, pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))]

NOTICE = Notice(bot_name="Ada", profile="presence", summary="Counts only.")
TURN = f"turn:{SERVER}:{PORT}"


@pytest.fixture
async def turn(network: PrivateNetwork) -> AsyncIterator[None]:
    async with turn_server(network):
        yield


@pytest.fixture
async def people(network: PrivateNetwork) -> AsyncIterator[WhepServer]:
    async with whep_server(PEOPLE) as server:
        yield server


def room(people: WhepServer, ice: Ice) -> WhepRoom:
    return WhepRoom(people.url("Eve"), clock=time.time, notice_given=True, ice=ice)


async def camera(events: AsyncIterator[RoomEvent]) -> CameraOn:
    async with asyncio.timeout(20):
        async for event in events:
            if isinstance(event, CameraOn):
                return event
    raise AssertionError("no camera")


def sources(sdp: str) -> set[tuple[str, str]]:
    """Return the kind and address of every candidate."""
    lines = (line.split() for line in sdp.splitlines() if line.startswith("a=candidate"))
    return {(line[7], line[4]) for line in lines}


@pytest.mark.usefixtures("turn")
@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_media_goes_through_the_relay_and_nobody_learns_our_address(people: WhepServer, transport: str) -> None:
    live = people.go_live("Eve")
    ice = read_ice([f"{TURN}?transport={transport}"], CREDENTIALS, relay_only=True)
    async with room(people, ice) as there:
        on = await camera(there.events())
        frames = aiter(on.track.frames())
        async with asyncio.timeout(30):
            for _ in range(10):
                assert (await anext(frames)).width_px == 640
        assert sources(live.offer) == {("relay", SERVER)}
        assert BOT not in live.offer
        assert live.deleted.is_set() is False
    assert live.deleted.is_set()


@pytest.mark.usefixtures("turn")
async def test_socket_to_the_relay_keeps_as_much_as_any_other(
    people: WhepServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []

    def new_connection(ice: Ice) -> RTCPeerConnection:
        made.append(connection := webrtc_ice.new_connection(ice))
        return connection

    monkeypatch.setattr("bot.rooms.webrtc.peer_connection.new_connection", new_connection)
    people.go_live("Eve")
    async with room(people, read_ice([TURN], CREDENTIALS, relay_only=True)) as there:
        await camera(there.events())
        [protocol] = made[0].getTransceivers()[0].receiver.transport.transport._connection._protocols
        inner = protocol.transport._TurnTransport__inner_protocol.transport.get_extra_info("socket")
        assert inner.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= RECEIVE_BUFFER_BYTES


@pytest.mark.usefixtures("turn")
@pytest.mark.parametrize("relay_only", [True, False])
async def test_wrong_password_is_reported_in_one_line(people: WhepServer, relay_only: bool) -> None:
    people.go_live("Eve")
    began_s = time.monotonic()
    with pytest.raises(RoomUnreachable, match=r"refused the user or the password \(401") as reported:
        async with room(people, read_ice([TURN], "bob:mellon", relay_only=relay_only)):
            pass
    assert time.monotonic() - began_s < 15.0
    assert "\n" not in str(reported.value)
    assert "mellon" not in str(reported.value)
    assert people.asked == [], "nobody learned of a bot that cannot come"


@pytest.mark.usefixtures("network")
async def test_relay_that_does_not_answer_is_missed_only_where_media_may_go_no_other_way(
    people: WhepServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(webrtc_ice, "ANSWER_WITHIN_S", 0.5)
    silent = socket.socket(type=socket.SOCK_DGRAM)
    silent.bind((PEOPLE, 0))
    address = f"turn:{PEOPLE}:{silent.getsockname()[1]}"
    with pytest.raises(RoomUnreachable, match="does not answer"):
        async with room(people, read_ice([address], CREDENTIALS, relay_only=True)):
            pass
    live = people.go_live("Eve")
    with caplog.at_level(logging.WARNING):
        async with room(people, read_ice([address], CREDENTIALS)) as there:
            await camera(there.events())
    assert "does not answer" in caplog.text
    assert ("host", BOT) in sources(live.offer)
    silent.close()


@pytest.mark.usefixtures("turn")
async def test_servers_that_the_room_names_are_used(people: WhepServer) -> None:
    people.links = [f'<{TURN}>; rel="ice-server"; username="bob"; credential="se:same"; credential-type="password"']
    live = people.go_live("Eve")
    async with room(people, Ice()) as there:
        await camera(there.events())
    assert {kind for kind, _ in sources(live.offer)} == {"host", "relay"}


@pytest.mark.usefixtures("turn")
@pytest.mark.skipif(missing("janus") is not None, reason=str(missing("janus")))
async def test_janus_sees_only_the_relay(network: PrivateNetwork) -> None:
    async with janus_server(network) as server:
        ice = read_ice([TURN], CREDENTIALS, relay_only=True)
        bot = JanusRoom(server.url(), clock=time.time, notice=NOTICE, addresses=[BOT], ice=ice)
        async with bot:
            [session] = await server.sessions()
            reported = [str(await server.handle(session, handle)) for handle in await server.handles(session)]
        assert any("relay" in text for text in reported)
        assert not any(f"{BOT}:" in text for text in reported)
