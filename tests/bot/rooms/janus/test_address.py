"""Addresses of Janus rooms."""

import time

import pytest

from bot.errors import SettingsRefused
from bot.rooms import open_room
from bot.rooms.janus.address import read_address
from bot.rooms.janus.room import JanusRoom
from bot.rooms.notice import Notice


def test_address_is_taken_apart() -> None:
    address = read_address("janus+wss://meet.example:9000/janus/1234?pin=se%20same&token=abc")
    assert (address.url, address.host) == ("wss://meet.example:9000/janus", "meet.example")
    assert (address.room, address.room_id, address.pin, address.token) == ("1234", 1234, "se same", "abc")


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("janus+ws://10.0.0.1/biology", "ws://10.0.0.1:8188"),
        ("janus+wss://[::1]/biology", "wss://[::1]:8989"),
    ],
)
def test_ports_of_janus_are_the_defaults(url: str, where: str) -> None:
    address = read_address(url)
    assert (address.url, address.room_id, address.pin) == (where, "biology", None)


def test_secrets_are_not_shown() -> None:
    assert "sesame" not in repr(read_address("janus+ws://h/1?pin=sesame&token=sesame"))


@pytest.mark.parametrize(
    "url",
    ["janus+ws://h", "janus+ws:///1", "janus+ws://h/", "janus+ws://h/a%20b?pin=x", "janus+ws://h:x/1", "ws://h/1"],
)
def test_what_is_no_address_is_reported_with_an_example_and_without_secrets(url: str) -> None:
    with pytest.raises(SettingsRefused, match=r"write janus\+ws://HOST:8188/ROOM") as refused:
        read_address(url)
    assert "pin=x" not in str(refused.value)


def test_url_picks_the_janus_room() -> None:
    notice = Notice("Ada", "presence", "Counts only.")
    room = open_room("janus+ws://10.0.0.1/1234?pin=x", clock=time.time, notice=notice)
    assert isinstance(room, JanusRoom)
    assert room.name == "1234"


def test_secrets_of_an_unknown_kind_of_room_are_not_repeated() -> None:
    with pytest.raises(SettingsRefused) as refused:
        open_room("jitsi://h/1?pin=sesame", clock=time.time, notice=Notice("Ada", "presence", "Counts only."))
    assert "sesame" not in str(refused.value)
