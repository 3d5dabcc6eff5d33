"""Which servers media may use, as operators and rooms name them."""

import ast
from pathlib import Path

import pytest
from aiortc import RTCPeerConnection

from bot.errors import RoomRefused, RoomUnreachable, SettingsRefused
from bot.ice_servers import NO_ICE, Ice, IceServer, read_ice, read_links
from bot.rooms.webrtc.ice import check_relay, new_connection, no_address
from bot.settings import Settings

BOT = Path(__file__).resolve().parents[2] / "bot"


def test_addresses_are_taken_apart() -> None:
    ice = read_ice(["stun:a.example", "turn:bob:p%40ss@b.example:99?transport=tcp"], relay_only=True)
    assert ice.servers == (
        IceServer("stun", "a.example", 3478),
        IceServer("turn", "b.example", 99, "tcp", "bob", "p@ss"),
    )
    assert ice.relay == ice.servers[1]
    assert [server.url for server in ice.servers] == ["stun:a.example:3478", "turn:b.example:99?transport=tcp"]


def test_relay_without_its_own_user_takes_the_given_one() -> None:
    assert read_ice(["turns:b.example"], "1700%3Abob:se:same").relay == IceServer(
        "turns", "b.example", 5349, "tcp", "1700:bob", "se:same"
    )


@pytest.mark.parametrize(
    ("urls", "credentials", "relay_only", "reported"),
    [
        (["http://a"], None, False, "no ICE server: write stun:HOST"),
        (["turn:a:b"], None, False, "no ICE server"),
        (["turn:a:99999"], "u:p", False, "no ICE server"),
        (["stun:u:p@a"], None, False, "neither user nor transport"),
        (["turns:a?transport=udp"], "u:p", False, "leave out the transport"),
        (["turn:a"], None, False, "CLASSPULSE_ICE_CREDENTIALS=USER:PASSWORD"),
        (["turn:a"], "u", False, "needs a user and a password"),
        (["turn:a", "turn:b"], "u:p", False, "at most"),
        (["stun:a", "stun:b"], None, False, "at most"),
        (["stun:a"], None, True, "--relay-only needs a TURN server"),
    ],
)
def test_what_cannot_be_used_is_refused(
    urls: list[str], credentials: str | None, relay_only: bool, reported: str
) -> None:
    with pytest.raises(SettingsRefused, match=reported) as refused:
        read_ice(urls, credentials, relay_only=relay_only)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("url", ["turn:bob:sesame@a:port", "turn:bob:sesame", "turns:bob:sesame@a?transport=udp"])
def test_no_error_shows_a_password(url: str) -> None:
    with pytest.raises(SettingsRefused) as refused:
        read_ice([url])
    assert "sesame" not in str(refused.value)


def test_settings_keep_the_password_out_of_sight_and_hand_it_on() -> None:
    settings = Settings(room_url="local://a", policy="presence", ice_server=("turn:bob:sesame@a",))
    assert "sesame" not in f"{settings!r} {settings}"
    assert settings.ice == read_ice(["turn:bob:sesame@a"])
    assert Settings.model_validate_json(settings.model_dump_json()).ice == settings.ice


def test_links_of_a_room_are_read_as_browsers_read_them() -> None:
    ice = read_links(
        [
            '<stun:s.example>; rel="ice-server", <turn:t.example?transport=udp>; rel="ice-server"; '
            'username="17:u"; credential="p,w%"; credential-type="password"',
            "<turn:other.example>; rel=ice-server; username=a; credential=b",
            '<turn:nobody.example>; rel="ice-server"',
            '<https://a/next>; rel="next"',
        ]
    )
    assert ice == Ice(
        (IceServer("stun", "s.example", 3478), IceServer("turn", "t.example", 3478, "udp", "17:u", "p,w%"))
    )
    assert read_links([]) == NO_ICE


async def test_nobody_is_asked_unless_named() -> None:
    """The library by itself asks a public STUN server, which would learn who meets."""
    peer, stock = new_connection(NO_ICE), RTCPeerConnection()
    for each in (peer, stock):
        each.addTransceiver("video", direction="recvonly")
    asked = [each.getTransceivers()[0].receiver.transport.transport._connection for each in (peer, stock)]
    assert (asked[0].stun_server, asked[0].turn_server) == (None, None)
    assert asked[1].stun_server is not None, "if this fails, the library no longer does it"
    for each in (peer, stock):
        await each.close()


def test_every_connection_of_the_bot_is_made_with_the_operators_servers() -> None:
    """Besides, there are people for demos and tests, and a connection that is only looked at."""
    makers = {path.name for path in BOT.rglob("*.py") if "RTCPeerConnection(" in path.read_text()}
    assert makers == {"ice.py", "publisher.py", "aiortc_patches.py"}
    for path in BOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "RTCPeerConnection":
                assert node.args, f"{path.name}:{node.lineno} would ask a public server"
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "RTCConfiguration":
                assert any(word.arg == "iceServers" for word in node.keywords), f"{path.name}:{node.lineno}"


def test_missing_address_is_reported_as_what_it_is() -> None:
    assert isinstance(no_address(NO_ICE), RoomRefused)
    error = no_address(read_ice(["turn:u:p@t.example"], relay_only=True))
    assert isinstance(error, RoomUnreachable)
    assert "t.example" in str(error)


async def test_relay_where_nobody_listens_cannot_be_reached() -> None:
    await check_relay(NO_ICE)
    with pytest.raises(RoomUnreachable, match="cannot be reached"):
        await check_relay(read_ice(["turn:u:p@127.0.0.1:9?transport=tcp"], relay_only=True))
