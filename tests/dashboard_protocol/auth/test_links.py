"""Links, session tokens and the secret that signs them."""

import stat
from pathlib import Path
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard_protocol.auth.links import STANDING, Access, instructor_url
from dashboard_protocol.auth.secrets_store import load_secret, state_directory
from dashboard_protocol.errors import AccessDenied, SecretRefused
from tests.dashboard_protocol.staging import SECRET, Clock


def claims(**changes: Any) -> dict[str, Any]:
    return {"use": "link", "room": "r", "meeting": "m", "gen": 0, "exp": 1_000_600.0, **changes}


def test_link_opens_its_room(access: Access) -> None:
    token, expires_in_s = access.exchange("r", access.link("r", "m"))
    assert expires_in_s == 600
    assert access.remaining_s(access.verify("r", token)) == 600


def test_link_lasts_twelve_hours(access: Access, clock: Clock) -> None:
    link = access.link("r", "m")
    clock.now += 12 * 3600 - 1
    token, expires_in_s = access.exchange("r", link)
    assert expires_in_s == 1, "a session never outlives its link"
    clock.now += 1
    with pytest.raises(AccessDenied):
        access.exchange("r", link)
    with pytest.raises(AccessDenied):
        access.verify("r", token)


def test_authorisation_of_somebody_in_the_class_is_to_watch_and_nothing_else(access: Access) -> None:
    link = access.class_link("r", "m")
    token, _ = access.exchange("r", link)
    reader = access.verify_reader("r", token)
    assert (reader.meeting, reader.only_watches) == ("m", True)
    assert not access.opens("r", "m", link), "neither to teach nor to share a window"
    for opening in (access.read_link, access.read_report, access.verify):
        for held in (link, token):
            with pytest.raises(AccessDenied):
                opening("r", held)
    with pytest.raises(AccessDenied):
        access.verify_reader("s", token)
    instructor = access.verify_reader("r", access.exchange("r", access.link("r", "m"))[0])
    assert not instructor.only_watches


def test_session_lasts_ten_minutes(access: Access, clock: Clock) -> None:
    session = access.verify("r", access.exchange("r", access.link("r", "m"))[0])
    clock.now += 599
    assert access.remaining_s(session) == 1
    clock.now += 5
    assert access.remaining_s(session) == 0


async def test_revoking_closes_links_and_sessions_of_that_room_alone_whatever_the_clock_says(
    access: Access, clock: Clock
) -> None:
    links = {room: access.link(room, "m") for room in "rs"}
    standing = access.standing_link("r")
    session = access.verify("r", access.exchange("r", links["r"])[0])
    clock.now -= 100  # a clock that was set back must not revive anything
    assert await access.revoke("r") == 1
    assert access.remaining_s(session) == 0
    for link in (links["r"], standing):
        with pytest.raises(AccessDenied):
            access.exchange("r", link)
    access.exchange("s", links["s"])
    access.exchange("r", access.link("r", "m"))


def test_session_is_of_its_links_class_and_ends_with_it(access: Access, clock: Clock) -> None:
    link = access.link("r", "m")
    assert access.read_link("r", link).meeting == "m"
    token, expires_in_s = access.exchange("r", link, until=clock.now + 60)
    assert (access.verify("r", token).meeting, expires_in_s) == ("m", 60)
    with pytest.raises(AccessDenied):
        access.exchange("r", link, until=clock.now)


def test_standing_link_is_of_no_class_and_lasts_a_term(access: Access, clock: Clock) -> None:
    link = access.standing_link("r")
    clock.now += 199 * 86_400
    assert access.verify("r", access.exchange("r", link)[0]).meeting == STANDING
    clock.now += 2 * 86_400
    with pytest.raises(AccessDenied):
        access.exchange("r", link)


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "nonsense",
        "a.b.c",
        jwt.encode(claims(), "", algorithm="none"),
        jwt.encode(claims(), SECRET + SECRET, algorithm="HS512"),
        jwt.encode(claims(), b"another secret of thirty-two bytes", algorithm="HS256"),
        jwt.encode(claims(room="s"), SECRET, algorithm="HS256"),
        jwt.encode(claims(use="session"), SECRET, algorithm="HS256"),
        jwt.encode(claims(exp=999_999), SECRET, algorithm="HS256"),
        jwt.encode(claims(exp="NaN"), SECRET, algorithm="HS256"),
        jwt.encode(claims(gen="0"), SECRET, algorithm="HS256"),
        jwt.encode(claims(gen=True), SECRET, algorithm="HS256"),
        jwt.encode(claims(gen=0.5), SECRET, algorithm="HS256"),
        jwt.encode(claims(gen=-1), SECRET, algorithm="HS256"),
        jwt.encode(claims(meeting=None), SECRET, algorithm="HS256"),
        jwt.encode({"use": "link", "room": "r", "gen": 0, "exp": 1_000_600}, SECRET, algorithm="HS256"),
        jwt.encode({"use": "link", "room": "r", "since": 1.0, "exp": 1_000_600}, SECRET, algorithm="HS256"),
    ],
)
def test_every_refusal_reads_the_same(access: Access, forged: str) -> None:
    with pytest.raises(AccessDenied, match=r"^This link does not open this class\.$"):
        access.exchange("r", forged)


def test_link_is_no_session_token(access: Access) -> None:
    with pytest.raises(AccessDenied):
        access.verify("r", access.link("r", "m"))


def test_short_secret_is_refused() -> None:
    with pytest.raises(SecretRefused, match="32"):
        Access(b"short")


def test_instructors_address_hides_the_link_in_the_fragment() -> None:
    assert instructor_url("http://h:1/", "Biology 1/2", "L") == "http://h:1/rooms/Biology%201%2F2#t=L"


@pytest.fixture
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLASSPULSE_SECRET", raising=False)


def test_secret_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CLASSPULSE_SECRET", "x" * 40)
    assert load_secret(tmp_path) == b"x" * 40
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("CLASSPULSE_SECRET", "x")
    with pytest.raises(SecretRefused, match="CLASSPULSE_SECRET is too short"):
        load_secret(tmp_path)


@pytest.mark.usefixtures("no_variable")
def test_secret_is_made_once_for_this_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    first = load_secret()
    assert len(first) == 64
    assert load_secret() == first
    (file,) = state_directory().iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.usefixtures("no_variable")
def test_state_directory_has_a_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert state_directory() == Path.home() / ".local/state/classpulse"


@pytest.mark.usefixtures("no_variable")
def test_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    load_secret(tmp_path)
    (tmp_path / "secret").chmod(0o644)
    with pytest.raises(SecretRefused, match="chmod 600"):
        load_secret(tmp_path)


@pytest.mark.usefixtures("no_variable")
def test_secret_made_by_another_process_meanwhile_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_secret(tmp_path)
    monkeypatch.setattr(Path, "exists", lambda self: False)
    assert load_secret(tmp_path) == first
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


@pytest.mark.usefixtures("no_variable")
def test_secret_that_cannot_be_stored_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SecretRefused, match="set CLASSPULSE_SECRET instead"):
        load_secret(tmp_path / "file")


@given(
    room=st.text(min_size=1, max_size=30),
    other=st.text(min_size=1, max_size=30),
    age_s=st.floats(0, 50_000, allow_nan=False),
    place=st.integers(0, 10_000),
)
def test_link_opens_its_own_room_in_its_time_and_nothing_else(room: str, other: str, age_s: float, place: int) -> None:
    clock = Clock()
    access = Access(SECRET, clock=clock)
    link = access.link(room, "m")
    clock.now += age_s
    if age_s < 12 * 3600:
        token, expires_in_s = access.exchange(room, link)
        assert 0 < expires_in_s <= 600
        assert access.verify(room, token).room == room
    else:
        with pytest.raises(AccessDenied):
            access.exchange(room, link)
    if other != room:
        with pytest.raises(AccessDenied):
            access.exchange(other, link)
    head, body, signature = link.split(".")
    place %= len(body)
    forged = f"{head}.{body[:place]}{'A' if body[place] != 'A' else 'B'}{body[place + 1 :]}.{signature}"
    with pytest.raises(AccessDenied):
        access.exchange(room, forged)


@given(st.one_of(st.text(max_size=300), st.binary(max_size=100).map(lambda raw: raw.decode("latin-1"))))
def test_whatever_else_is_presented_is_denied_and_breaks_nothing(text: str) -> None:
    for read in (Access(SECRET).exchange, Access(SECRET).verify):
        with pytest.raises(AccessDenied, match=r"^This link does not open this class\.$"):
            read("r", text)
