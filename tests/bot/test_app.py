"""One running bot: what it serves, and how truthfully it ends."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import pytest

from bot import app
from bot.app import Addresses, Guests, Surroundings, run
from bot.errors import RoomClosed, RoomError, RoomKicked, RoomRefused, RoomUnreachable
from bot.rooms.base import Admitted, Room, RoomEvent
from bot.rooms.remote_session import RemoteSession
from bot.settings import Settings
from dashboard_protocol.bus import MemoryBus
from dashboard_protocol.client import watch
from dashboard_protocol.control_api.client import ControlClient
from dashboard_protocol.errors import BusError, SecretRefused
from dashboard_protocol.events import BotState, Bye, EndReason, Event, Hello, Profile, State
from dashboard_protocol.vocabulary import SHARES_CLASS


@pytest.fixture(autouse=True)
def _state_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


class Run:
    """A bot that runs in the background of a test."""

    def __init__(self, *, guests: Guests | None = None, opens_at_root: bool = False, **settings: object) -> None:
        chosen = {"room_url": "local://r", "policy": Profile.PRESENCE, "port": 0, **settings}
        self.settings = Settings.model_validate(chosen)
        self.events: list[Event] = []
        self.addresses: asyncio.Future[Addresses] = asyncio.get_running_loop().create_future()
        self.stop = asyncio.Event()
        self._changed = asyncio.Event()
        self.surroundings = Surroundings(
            stop=self.stop,
            report_addresses=self.addresses.set_result,
            show=self._show,
            guests=guests,
            opens_at_root=opens_at_root,
        )

    def _show(self, event: Event) -> None:
        self.events.append(event)
        self._changed.set()

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(run(self.settings, self.surroundings))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop.set()
        await asyncio.wait([self.task])

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not reached():
                self._changed.clear()
                await self._changed.wait()

    @property
    def states(self) -> list[State]:
        return [event.body.state for event in self.events if isinstance(event.body, BotState)]


class TroubledRoom:
    """A room that refuses, cannot be reached, or ends the stay."""

    name = "r"

    def __init__(self, on_entering: RoomError | None = None, on_staying: RoomError | None = None) -> None:
        self.on_entering = on_entering
        self.on_staying = on_staying

    async def __aenter__(self) -> Self:
        if self.on_entering:
            raise self.on_entering
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    async def events(self) -> AsyncIterator[RoomEvent]:
        yield Admitted()
        if self.on_staying:
            raise self.on_staying
        await asyncio.Event().wait()


def offer_room(monkeypatch: pytest.MonkeyPatch, room: Room) -> None:
    monkeypatch.setattr(app, "open_room", lambda *_, **__: room)


async def test_dashboard_sees_the_whole_life_of_a_bot_from_hello_to_bye() -> None:
    bodies = []
    async with Run(title="Biology 101") as bot, watch((await bot.addresses).dashboard) as feed:
        async for event in feed:
            bodies.append(event.body)
            if State.LIVE in bot.states:
                bot.stop.set()
    hello = next(body for body in bodies if isinstance(body, Hello))
    assert hello.title == "Biology 101"
    assert hello.bot_name == "Reads faces (classpulse) · Class view"
    assert hello.alerts is None, "presence has no alerts"
    assert isinstance(bodies[-1], Bye)
    assert await bot.task is EndReason.ASKED_TO_LEAVE


@pytest.mark.parametrize(
    ("policy", "shares", "shown"),
    [(Profile.AGGREGATE, True, True), (Profile.AGGREGATE, False, False), (Profile.INDIVIDUAL, True, False)],
)
async def test_authorisation_of_people_to_see_the_class_is_the_operators_and_never_under_individual(
    policy: Profile, shares: bool, shown: bool
) -> None:
    async with Run(policy=policy, share_with_class=shares) as bot:
        origin = (await bot.addresses).dashboard.partition("/rooms/")[0]
        async with httpx.AsyncClient() as http:
            info = (await http.get(f"{origin}/join/r/info.json")).json()
            privacy = (await http.get(f"{origin}/privacy/r")).text
        await bot.until(lambda: any(isinstance(event.body, Hello) for event in bot.events))
        [hello] = [event.body for event in bot.events if isinstance(event.body, Hello)]
        assert (info["shares_class"], SHARES_CLASS in hello.capabilities) == (shown, shown)
        assert ("You may see what your teacher sees" in privacy) is shown
        assert "never you" in info["summary"] or policy is Profile.INDIVIDUAL


async def test_home_of_a_bot_alone_shows_its_class_to_a_teachers_link() -> None:
    async with Run(title="Biology 101") as bot:
        origin = (await bot.addresses).dashboard.partition("/rooms/")[0]
        await bot.until(lambda: State.LIVE in bot.states)

        def made() -> str:
            with ControlClient(origin) as client:
                return client.teacher_link([client.room("local://r")])

        link = await asyncio.to_thread(made)
        async with httpx.AsyncClient() as http:
            page = await http.get(origin + "/", headers={"accept": "text/html"})
            [room] = (await http.post(f"{origin}/v1/home", json={"token": link.partition("#t=")[2]})).json()["rooms"]
        assert page.headers["content-type"].startswith("text/html")
        [held] = room["classes"]
        assert (held["title"], held["state"], room["can_start"]) == ("Biology 101", "on", False)
        assert held["link"].startswith(f"{origin}/rooms/{room['room']}#t=")


async def test_root_opens_the_page_only_where_that_was_asked_for() -> None:
    for opens, status in ((True, 303), (False, 200)):
        async with Run(opens_at_root=opens) as bot:
            origin = (await bot.addresses).dashboard.partition("/rooms/")[0]
            async with httpx.AsyncClient() as http:
                response = await http.get(origin + "/")
                formula = await http.get(origin + "/formula")
            assert response.status_code == status
            assert ("/rooms/" in response.text) is False, "elsewhere it is a home, which a teacher's link opens"
            assert "classpulse-engagement/2" in formula.text
    assert response.headers.get("location") is None


async def test_room_that_refuses_ends_the_bot_as_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    offer_room(monkeypatch, TroubledRoom(on_entering=RoomRefused("no")))
    async with Run() as bot:
        with pytest.raises(RoomRefused):
            await bot.task
    assert bot.states == [State.REQUESTED, State.JOINING, State.LEAVING, State.ENDED]
    assert isinstance(bot.events[-1].body, Bye)
    assert bot.events[-1].body.reason is EndReason.REFUSED


async def test_bot_that_knows_its_meeting_by_another_name_than_the_gateway_does_not_come() -> None:
    """Else it would not know who opted out."""
    async with Run(room_key="r-aaaaaaaaaa") as bot:
        with pytest.raises(SecretRefused, match="the same CLASSPULSE_SECRET"):
            await bot.task
    assert bot.events == []


async def test_room_that_cannot_be_reached_ends_the_bot_as_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    offer_room(monkeypatch, TroubledRoom(on_entering=RoomUnreachable("no answer")))
    async with Run() as bot:
        with pytest.raises(RoomUnreachable):
            await bot.task
    assert isinstance(bot.events[-1].body, Bye)
    assert bot.events[-1].body.reason is EndReason.UNREACHABLE


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (RoomClosed("over"), EndReason.ROOM_CLOSED),
        (RoomUnreachable("lost"), EndReason.UNREACHABLE),
        (RoomKicked("out"), EndReason.KICKED),
    ],
    ids=lambda value: str(value),
)
async def test_stay_that_the_room_ends_has_its_true_reason(
    monkeypatch: pytest.MonkeyPatch, trouble: RoomError, reason: EndReason
) -> None:
    offer_room(monkeypatch, TroubledRoom(on_staying=trouble))
    async with Run() as bot:
        assert await bot.task is reason
    assert State.LIVE in bot.states


class BrokenRoom:
    """A room whose own task breaks, not the connection to it."""

    name = "r"

    def __init__(self) -> None:
        self._attending = RemoteSession("the room r")

    async def __aenter__(self) -> Self:
        await self._attending.begin(self._attend())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._attending.leave()

    async def _attend(self) -> None:
        self._attending.publish(Admitted())
        await asyncio.sleep(0.1)
        raise ZeroDivisionError

    def events(self) -> AsyncIterator[RoomEvent]:
        return self._attending.events()


async def test_bug_in_a_room_ends_the_bot_as_failed_and_is_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    offer_room(monkeypatch, BrokenRoom())
    async with Run() as bot:
        with pytest.raises(ExceptionGroup):
            await bot.task
    assert isinstance(bot.events[-1].body, Bye)
    assert bot.events[-1].body.reason is EndReason.FAILED
    assert "attending the room r broke" in caplog.text


async def test_bug_ends_the_bot_as_failed_and_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    offer_room(monkeypatch, TroubledRoom())
    monkeypatch.setattr("bot.meeting.meeting.Meeting.publish_second", lambda self: 1 / 0)
    async with Run() as bot:
        with pytest.raises(ExceptionGroup):
            await bot.task
    assert isinstance(bot.events[-1].body, Bye)
    assert bot.events[-1].body.reason is EndReason.FAILED


async def test_broken_guests_do_not_end_the_bot(caplog: pytest.LogCaptureFixture) -> None:
    async def guests(addresses: Addresses) -> None:
        raise ZeroDivisionError

    async with Run(guests=guests, max_duration_s=1.5) as bot:
        assert await bot.task is EndReason.MAX_DURATION
    assert "the bot stays" in caplog.text


async def test_bot_that_nobody_hears_leaves_the_room(monkeypatch: pytest.MonkeyPatch) -> None:
    bus = MemoryBus()
    monkeypatch.setattr(app, "open_bus", lambda _, **__: bus)
    async with Run() as bot:
        await bot.until(lambda: State.LIVE in bot.states)
        await bus.close()
        with pytest.raises(BusError):
            await bot.task
