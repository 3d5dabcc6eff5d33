"""Which meetings an invitation may name."""

import pytest

from dashboard_protocol.errors import RoomNotAllowed
from dashboard_protocol.room_urls import AllowedRooms, room_name

ROOMS = AllowedRooms(["local", "janus+wss://janus.example.org", "janus+ws://127.0.0.1:8188"])


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("local://Biology%20101", "Biology 101"),
        ("janus+wss://janus.example.org/1234", "1234"),
        ("janus+wss://JANUS.example.org/a/1234?pin=secret", "1234"),
        ("janus+ws://127.0.0.1:8188/5", "5"),
    ],
)
def test_listed_meeting_is_allowed_and_named(url: str, name: str) -> None:
    assert ROOMS.check(url) == name == room_name(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "file:///etc/passwd",
        "redis://127.0.0.1:6379/0",
        "http://169.254.169.254/latest",
        "janus+ws://127.0.0.1:6379/5",
        "janus+ws://10.0.0.1:8188/5",
        "janus+wss://janus.example.org:444/5",
        "janus+wss://janus.example.org.evil.example/5",
        "janus+wss://janus.example.org@evil.example/5",
        "janus+wss://evil@janus.example.org/5",
        "janus+ws://[::1]:8188/5",
        "janus+ws://[::1/5",
        "janus+ws://127.0.0.1:x/5",
        " janus+ws://127.0.0.1:8188/5",
        "JANUS+WSS://janus.example.org/",
        "local://",
        "local://a%0Ab",
        "local://" + "x" * 200,
    ],
)
def test_every_other_url_is_refused(url: str) -> None:
    with pytest.raises(RoomNotAllowed):
        ROOMS.check(url)


def test_nothing_is_allowed_unless_listed() -> None:
    with pytest.raises(RoomNotAllowed, match="CLASSPULSE_ROOMS"):
        AllowedRooms([]).check("local://r")
