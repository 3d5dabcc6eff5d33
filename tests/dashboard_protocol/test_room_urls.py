"""Which meetings an invitation may name, and what they are known by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard_protocol.errors import RoomNotAllowed
from dashboard_protocol.room_urls import AllowedRooms, is_key, is_page, meeting_key, read_room, slug_of
from tests.dashboard_protocol.staging import SECRET
from tests.hostile import ADDRESSES_THAT_ARE_NONE, NAMES_IN_ADDRESSES

ROOMS = AllowedRooms(
    ["local", "janus+wss://janus.example.org", "janus+ws://127.0.0.1:8188", "whep+https://live.example.org"]
)


def key(url: str) -> str:
    return meeting_key(SECRET, read_room(url))


@pytest.mark.parametrize(
    ("url", "name", "connected_to"),
    [
        ("local://biology%2D101", "biology-101", "local://biology-101"),
        ("janus+wss://janus.example.org/1234", "1234", "janus+wss://janus.example.org:8989/1234"),
        (
            "janus+wss://JANUS.example.org./a/1234/?pin=se%20cret",
            "1234",
            "janus+wss://janus.example.org:8989/a/1234?pin=se+cret",
        ),
        ("janus+ws://127.0.0.1/5", "5", "janus+ws://127.0.0.1:8188/5"),
        (
            "whep+https://live.example.org/a%62?stream=x whep+https://live.example.org/c?token=t",
            "ab",
            "whep+https://live.example.org:443/ab?stream=x whep+https://live.example.org:443/c?token=t",
        ),
    ],
)
def test_listed_meeting_is_allowed_and_connected_to_as_it_was_read(url: str, name: str, connected_to: str) -> None:
    address = ROOMS.check(url)
    assert (address.name, address.url) == (name, connected_to)
    assert read_room(address.url) == address


@pytest.mark.parametrize(
    "url",
    [
        "janus+ws://127.0.0.1:6379/5",
        "janus+ws://10.0.0.1:8188/5",
        "janus+wss://janus.example.org:444/5",
        "janus+wss://janus.example.org.evil.example/5",
        "janus+ws://[::1]:8188/5",
        "JANUS+WSS://janus.example.org/",
        "http://169.254.169.254/latest",
        "redis://127.0.0.1:6379/0",
        "whep+https://live.example.org/a whep+https://10.0.0.1/b",
        "whep+https://live.example.org/a whep+http://live.example.org/b",
        "whep+https://live.example.org/a janus+ws://127.0.0.1:8188/5",
        "whep+https://live.example.org/a local://b",
        *ADDRESSES_THAT_ARE_NONE,
    ],
)
def test_every_other_address_is_refused_also_behind_an_allowed_one(url: str) -> None:
    with pytest.raises(RoomNotAllowed):
        ROOMS.check(url)


def test_nothing_is_allowed_unless_listed() -> None:
    with pytest.raises(RoomNotAllowed, match="CLASSPULSE_ROOMS"):
        AllowedRooms([]).check("local://r")


def test_rooms_of_one_name_in_different_places_are_different_meetings() -> None:
    keys = [key(f"{where}/1234") for where in ("janus+ws://a", "janus+ws://b", "janus+wss://a", "janus+ws://a:99",
            "janus+ws://a/x", "whep+https://a", "local:/")]  # fmt: skip
    assert len(set(keys)) == len(keys)
    assert {slug_of(each) for each in keys} == {"1234"}
    assert key("whep+https://h/live?stream=a") != key("whep+https://h/live?stream=b")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("janus+ws://h/1", "JANUS+WS://H:8188/1/"),
        ("janus+ws://h/1", "janus+ws://h./%31?pin=secret&token=x"),
        ("janus+ws://[::1]/1", "janus+ws://[0:0::1]:8188/1"),
        ("whep+https://h/a?token=x", "whep+https://h:443/a"),
        ("whep+https://h/a whep+https://h/b", "whep+https://h/b whep+https://h/a?token=x"),
    ],
)
def test_meeting_is_one_however_its_address_is_written_and_whatever_opens_it(one: str, other: str) -> None:
    assert key(one) == key(other)


def test_key_is_read_by_people_and_made_by_whoever_holds_the_secret() -> None:
    made = key("local://seminar")
    assert made.startswith("seminar-")
    assert is_key(made)
    assert meeting_key(SECRET + b"x", read_room("local://seminar")) != made
    assert "secret" not in key("janus+ws://h/1?pin=secret")


@pytest.mark.parametrize("name", NAMES_IN_ADDRESSES)
def test_key_stands_in_a_path_and_in_a_terminal_whatever_the_room_is_called(name: str) -> None:
    assert is_key(key(f"whep+https://h/{name}"))


@given(st.text(max_size=60))
def test_address_is_read_as_it_is_written_out_or_refused(text: str) -> None:
    for url in (text, f"whep+https://{text}", f"janus+ws://h/{text}", f"local://{text}"):
        try:
            address = read_room(url)
        except RoomNotAllowed:
            continue
        assert read_room(address.url) == address
        assert is_key(meeting_key(SECRET, address))


def test_pages_that_differ_in_their_query_are_two_meetings_and_what_opens_them_names_nothing() -> None:
    seven = read_room("browser+https://meet.example/class?id=7&token=sesame&password=mellon")
    eight = read_room("browser+https://meet.example/class?id=8&token=sesame")
    again = read_room("browser+https://meet.example/class?token=other&id=7")
    assert seven.bare == eight.bare == "browser+https://meet.example:443/class"
    assert meeting_key(SECRET, seven) != meeting_key(SECRET, eight)
    assert meeting_key(SECRET, seven) == meeting_key(SECRET, again)
    assert "sesame" in seven.url


def test_room_of_jitsi_is_one_meeting_in_whatever_case_and_its_secrets_name_nothing() -> None:
    rooms = [
        read_room(f"jitsi+https://{written}")
        for written in (
            "meet.example/School/Physics",
            "Meet.example/School/PHYSICS?jwt=abc",
            "meet.example/School/physics?password=mellon",
        )
    ]
    assert len({meeting_key(SECRET, room) for room in rooms}) == 1
    assert {room.bare for room in rooms} == {"jitsi+https://meet.example:443/School/physics"}
    assert meeting_key(SECRET, read_room("browser+https://h/A")) != meeting_key(
        SECRET, read_room("browser+https://h/a")
    )


def test_pages_of_a_host_are_allowed_for_each_kind_of_page_by_itself() -> None:
    allowed = AllowedRooms(["browser+https://meet.example"])
    assert allowed.check("browser+https://meet.example/class").places[0].host == "meet.example"
    for url in (
        "browser+https://other.example/class",
        "browser+http://meet.example/class",
        "jitsi+https://meet.example/c",
    ):
        with pytest.raises(RoomNotAllowed):
            allowed.check(url)


def test_join_link_stays_as_it_was_signed_and_names_its_meeting_by_its_id() -> None:
    link = (
        "bbb+https://bbb.example/bigbluebutton/api/join?fullName=a%20b+c&meetingID=algebra&password=mellon&checksum=0a1"
    )
    address = read_room(link)
    assert address.url == link.replace("example", "example:443")
    assert read_room(address.url) == address
    assert address.name == "algebra"
    assert address.bare == "bbb+https://bbb.example:443/bigbluebutton/api/join"
    assert not [
        secret for secret in ("mellon", "0a1", "a b") if secret in f"{address!r}{address.bare}{address.identity}"
    ]
    assert key(link) != key(link.replace("algebra", "biology"))
    assert key(link) == key(link.replace("0a1", "0b2").replace("a%20b", "d"))


@pytest.mark.parametrize(
    ("url", "takes_one"),
    [
        ("bbb+https://h/algebra", True),
        ("browser+https://h/a", True),
        ("mysite+https://h/a", True),
        ("janus+wss://h/5", False),
        ("whep+https://h/a whep+https://h/b", False),
        ("local://r", False),
        ("no address", False),
    ],
)
def test_meeting_that_takes_a_browser_is_known_by_its_address(url: str, takes_one: bool) -> None:
    assert is_page(url) is takes_one
