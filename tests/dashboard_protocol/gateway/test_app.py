"""The gateway, with real sockets."""

import json
from contextlib import AsyncExitStack
from typing import Any

import jwt
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from websockets.exceptions import InvalidStatus

from dashboard_protocol.auth.links import Access
from dashboard_protocol.errors import EpochOver
from dashboard_protocol.events import BotState, Bye, EndReason, Forget, State
from dashboard_protocol.gateway.connection import Limits
from dashboard_protocol.http.request_rules import RequestRules
from tests.dashboard_protocol.staging import ROOM, SECRET, Reader, Stage, a_stage, hello, participant, summary

REFUSAL = {
    "type": "about:blank",
    "title": "Forbidden",
    "status": 403,
    "detail": "This link does not open this class.",
}
LIVE = BotState(state=State.LIVE, since=1)


async def opening(reader: Reader) -> dict[str, Any]:
    assert (await reader.next())["type"] == "hello"
    snapshot = await reader.next()
    assert snapshot["type"] == "snapshot"
    return snapshot


async def test_link_is_exchanged_for_a_session(stage: Stage) -> None:
    answer = await stage.http("POST", f"/v1/rooms/{ROOM}/session", json={"link": stage.access.standing_link(ROOM)})
    assert answer.status_code == 200
    assert answer.json()["expires_in_s"] == 600
    assert answer.headers["cache-control"] == "no-store"
    stage.access.verify(ROOM, answer.json()["token"])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"nonsense",
        b"[]",
        b'{"link": 3}',
        b'{"link": ""}',
        json.dumps({"link": Access(SECRET).standing_link("x")}).encode(),
    ],
)
async def test_every_refused_exchange_reads_the_same(stage: Stage, content: bytes) -> None:
    answer = await stage.http("POST", f"/v1/rooms/{ROOM}/session", content=content)
    assert (answer.status_code, answer.json()) == (403, REFUSAL)


async def test_large_body_is_refused(stage: Stage) -> None:
    answer = await stage.http("POST", f"/v1/rooms/{ROOM}/session", content=b"x" * 5000)
    assert answer.status_code == 413


async def test_address_that_tries_too_often_has_to_wait() -> None:
    async with a_stage(limits=Limits(sessions_burst=2, sessions_per_s=0.001)) as stage:
        codes = [(await stage.http("POST", "/v1/rooms/r/session", json={"link": "x"})).status_code for _ in range(3)]
    assert codes == [403, 403, 429]


async def test_reader_gets_hello_snapshot_and_a_gapless_chain(stage: Stage) -> None:
    writer = await stage.writer()
    await writer.publish(LIVE, at=2)
    await writer.publish(summary(7), at=3)
    async with stage.watch() as reader:
        snapshot = await opening(reader)
        assert snapshot["seq"] == 2
        assert snapshot["summary"]["present"] == 7
        assert snapshot["bot_state"]["state"] == "live"
        last = snapshot["seq"]
        for number in range(20):
            await writer.publish(summary(number) if number % 3 else LIVE, at=4 + number)
            event = await reader.next()
            assert event["prev"] == last
            last = event["seq"]
    assert last == 22


async def test_reader_who_keeps_up_gets_every_event_of_a_burst(stage: Stage) -> None:
    writer = await stage.writer()
    async with stage.watch() as reader:
        await opening(reader)
        for number in range(100):
            await writer.publish(summary(number), at=2)
        assert [(await reader.next())["seq"] for _ in range(100)] == list(range(1, 101))


async def test_all_readers_of_a_room_share_one_view_and_rooms_are_apart(stage: Stage) -> None:
    writer = await stage.writer()
    other = Stage(stage.bus, stage.access, stage.registry, stage.server, room="other")
    await other.writer()
    async with stage.watch() as first, stage.watch() as second, other.watch() as foreign:
        for reader in (first, second, foreign):
            await opening(reader)
        assert stage.metric("readers") == 3
        await writer.publish(LIVE, at=2)
        assert await first.next() == await second.next()
        await (await other.writer()).publish(LIVE, at=2)
        assert {(await foreign.next())["room"] for _ in range(3)} == {"other"}


async def test_room_without_bot_shows_requested_until_the_bot_comes(stage: Stage) -> None:
    async with stage.watch() as reader:
        snapshot = await reader.next()
        assert (snapshot["type"], snapshot["epoch"], snapshot["bot_state"]["state"]) == ("snapshot", 0, "requested")
        await stage.writer()
        assert (await opening(reader))["epoch"] == 1


async def test_new_bot_in_a_room_starts_readers_over(stage: Stage) -> None:
    first = await stage.writer()
    async with stage.watch() as reader:
        await opening(reader)
        await first.publish(Bye(reason=EndReason.WORKER_LOST, report=None, live_s=1, present_max=1, alerts=0), at=2)
        assert (await reader.next())["reason"] == "worker_lost"
        await stage.writer()
        snapshot = await opening(reader)
        assert (snapshot["epoch"], snapshot["seq"], snapshot["bye"]) == (2, 0, None)
        with pytest.raises(EpochOver):
            await first.publish(LIVE, at=3)
        assert await reader.hears_nothing(for_s=0.1)


async def test_policy_change_reaches_open_pages(stage: Stage) -> None:
    writer = await stage.writer()
    async with stage.watch() as reader:
        await opening(reader)
        await writer.publish(hello().model_copy(update={"title": "Renamed"}), at=2)
        assert (await reader.next())["title"] == "Renamed"
    async with stage.watch() as late:
        assert (await late.next())["title"] == "Renamed"


async def test_forgotten_person_leaves_pages_snapshot_and_history(stage: Stage) -> None:
    writer = await stage.writer()
    async with stage.watch() as reader:
        await opening(reader)
        await writer.publish(participant("ann"), at=2)
        assert (await reader.next())["participant"] == "ann"
        await writer.publish(Forget(participant="ann"), at=3)
        forget = await reader.next()
        assert (forget["type"], forget["participant"], forget["prev"]) == ("forget", "ann", 1)
    for resume in (None, {"epoch": 1, "seq": 0}):
        async with stage.watch(**({"resume": resume} if resume else {})) as late:
            texts = [json.dumps(await late.next()) for _ in range(2)]
            assert not any("Ann" in text for text in texts)


async def test_bye_reaches_readers_and_those_who_come_after(stage: Stage) -> None:
    writer = await stage.writer()
    bye = Bye(reason=EndReason.ROOM_CLOSED, report="/report", live_s=60, present_max=28, alerts=2)
    async with stage.watch() as reader:
        await opening(reader)
        await writer.publish(bye, at=2)
        assert (await reader.next())["report"] == "/report"
    async with stage.watch() as late:
        assert (await opening(late))["bye"]["reason"] == "room_closed"


async def test_returning_reader_gets_what_it_missed(stage: Stage) -> None:
    writer = await stage.writer()
    for number in range(10):
        await writer.publish(summary(number), at=2 + number)
    async with stage.watch(resume={"epoch": 1, "seq": 7}) as reader:
        assert (await reader.next())["type"] == "hello"
        await writer.publish(LIVE, at=20)
        got = [await reader.next() for _ in range(4)]
    assert [(event["seq"], event["prev"]) for event in got] == [(8, 7), (9, 8), (10, 9), (11, 10)]


@pytest.mark.parametrize("resume", [{"epoch": 1, "seq": 99}, {"epoch": 7, "seq": 1}, {"epoch": 1, "seq": 1}])
async def test_reader_that_missed_too_much_gets_a_snapshot(stage: Stage, resume: dict[str, int]) -> None:
    writer = await stage.writer()
    for _ in range(300 if resume["seq"] == 1 else 3):
        await writer.publish(LIVE, at=2)
    async with stage.watch(resume=resume) as reader:
        assert (await opening(reader))["seq"] == writer.seq


async def test_snapshot_can_be_asked_for(stage: Stage) -> None:
    writer = await stage.writer()
    async with stage.watch() as reader:
        await opening(reader)
        await writer.publish(summary(), at=2)
        await reader.next()
        await reader.send({"type": "snapshot"})
        assert (await opening(reader))["seq"] == 1


async def test_slower_rate_can_be_asked_for(stage: Stage) -> None:
    writer = await stage.writer()
    async with stage.watch(rate_hz=0.01) as reader:
        await opening(reader)
        for number in range(3):
            await writer.publish(summary(number), at=2)
        await reader.next()
        await writer.publish(summary(9), at=2)
        await writer.publish(LIVE, at=3)
        assert (await reader.next())["type"] == "bot_state"
        await reader.send({"type": "rate"})
        assert (await reader.next())["present"] == 9


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ({"type": "authenticate", "v": 1, "token": "nonsense"}, 4401),
        ({"type": "authenticate", "v": 1, "token": Access(SECRET).standing_link(ROOM)}, 4401),
        ({"type": "authenticate", "v": 1, "token": jwt.encode({"room": ROOM}, "", algorithm="none")}, 4401),
        ({"type": "authenticate", "v": 1}, 4400),
        ({"type": "snapshot", "v": 1}, 4400),
        ({"type": "authenticate", "token": "x"}, 4400),
        ("nonsense", 4400),
        (b"\x00", 4400),
    ],
)
async def test_reader_that_does_not_authenticate_is_closed(stage: Stage, first: object, code: int) -> None:
    async with stage.connect() as reader:
        await reader.send(first)
        assert await reader.close_code() == code
    assert stage.metric("readers") == 0


async def test_token_of_another_room_is_refused(stage: Stage) -> None:
    async with stage.connect() as reader:
        await reader.send({"type": "authenticate", "v": 1, "token": stage.token("other")})
        assert await reader.close_code() == 4401


async def test_silent_reader_is_closed() -> None:
    async with a_stage(limits=Limits(authenticate_s=0.05)) as stage, stage.connect() as reader:
        assert await reader.close_code() == 4401


async def test_reader_of_another_version_is_answered_with_ours(stage: Stage) -> None:
    async with stage.connect() as reader:
        await reader.send({"type": "authenticate", "v": 2, "credentials": {}})
        problem = await reader.next()
        assert problem["code"] == "unknown_version"
        assert "speaks 1" in problem["message"]
        assert await reader.close_code() == 4406


async def test_session_that_runs_out_is_closed_unless_renewed() -> None:
    async with a_stage(access=Access(SECRET, session_s=0.6)) as stage:
        await stage.writer()
        async with stage.watch() as idle, stage.watch() as renewing:
            await opening(renewing)
            assert await renewing.hears_nothing(for_s=0.3)
            await renewing.send({"type": "renew", "token": stage.token()})
            assert 0 < (await renewing.next())["expires_in_s"] <= 0.6
            assert await idle.close_code() == 4403
            assert renewing.socket.close_code is None
            await renewing.send({"type": "renew", "token": "nonsense"})
            assert await renewing.close_code() == 4403


async def test_revoked_reader_is_closed_at_the_next_event(stage: Stage) -> None:
    writer = await stage.writer()
    async with stage.watch() as reader:
        await opening(reader)
        await stage.access.revoke(ROOM)
        await writer.publish(summary(), at=2)
        assert await reader.close_code() == 4403


async def test_unknown_messages_are_refused_politely(stage: Stage) -> None:
    writer = await stage.writer()
    async with stage.watch() as reader:
        await opening(reader)
        for message in ("nonsense", "{}", '{"type":"applause"}', '{"type":"rate","rate_hz":5}', b"\xff"):
            await reader.send(message)
            problem = await reader.next()
            assert (problem["type"], problem["code"]) == ("error", "unknown_message")
        await reader.send({"type": "authenticate", "v": 1, "token": "x"})
        assert "already" in (await reader.next())["message"]
        await writer.publish(LIVE, at=2)
        assert (await reader.next())["prev"] == 0


async def test_reader_that_keeps_talking_nonsense_is_closed(stage: Stage) -> None:
    async with stage.watch() as reader:
        for _ in range(22):
            await reader.send("nonsense")
        assert await reader.close_code() == 4400


async def test_reader_that_talks_too_much_is_closed() -> None:
    async with a_stage(limits=Limits(messages_burst=3, messages_per_s=0.001)) as stage, stage.watch() as reader:
        for _ in range(4):
            await reader.send({"type": "rate"})
        assert await reader.close_code() == 4400


async def test_message_over_64_kb_ends_the_connection(stage: Stage) -> None:
    async with stage.watch() as reader:
        await reader.send("x" * 70_000)
        assert await reader.close_code() == 1009


async def test_foreign_origin_is_refused() -> None:
    async with a_stage(rules=RequestRules(origins=frozenset({"https://lms.example.org"}))) as stage:
        with pytest.raises(InvalidStatus, match="403"):
            async with stage.connect(origin="https://evil.example.org"):
                pass
        for origin in ("https://lms.example.org", stage.server.origin):
            async with stage.watch({"origin": origin}) as reader:
                assert (await reader.next())["type"] == "snapshot"


async def test_gateway_that_is_full_says_so() -> None:
    async with a_stage(limits=Limits(connections=1)) as stage, stage.watch() as first:
        await first.next()
        async with stage.watch() as second:
            assert await second.close_code() == 4429
        assert first.socket.close_code is None


async def test_bus_that_is_away_closes_with_try_again() -> None:
    async with a_stage(limits=Limits(bus_s=0.05)) as stage:
        await stage.bus.close()
        async with stage.watch() as reader:
            assert await reader.close_code() == 1013
        ready = await stage.http("GET", "/readyz")
        assert (ready.status_code, ready.headers["content-type"]) == (503, "application/problem+json")
        assert ready.json()["detail"] == "The memory bus is closed."
        assert (await stage.http("GET", "/healthz")).status_code == 200


async def test_health_is_reported_and_readers_are_counted(stage: Stage) -> None:
    assert (await stage.http("GET", "/healthz")).json() == {"status": "ok"}
    assert (await stage.http("GET", "/readyz")).json() == {"status": "ready"}
    await stage.writer()
    async with stage.watch() as reader:
        await opening(reader)
        assert stage.metric("readers") == 1
    assert stage.metric("messages_sent_total") == 2


async def test_page_and_its_files_carry_safe_headers(stage: Stage) -> None:
    page = await stage.http("GET", f"/rooms/{ROOM}")
    module = await stage.http("GET", "/static/feed.js")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-store"
    assert module.headers["content-type"] == "text/javascript; charset=utf-8"
    for answer in (page, module, await stage.http("GET", "/static/text.en.json")):
        assert answer.status_code == 200
        assert answer.headers["content-security-policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
            "frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )
        assert answer.headers["referrer-policy"] == ("same-origin" if answer is page else "no-referrer")
        assert answer.headers["x-content-type-options"] == "nosniff"
    sentences = await stage.http("GET", "/static/text.en.json")
    assert sentences.headers["content-type"] == "application/json"
    assert sentences.json()["state"]["live"] == "Live"
    assert "Connecting to the class" in page.text
    again = await stage.http("GET", "/static/feed.js", headers={"if-none-match": module.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/docs",
        "/redoc",
        "/openapi.json",
        "/static/../gateway.py",
        "/static/missing.js",
        "/static/index.html",
        "/static/text.py",
        "/static/",
        "/static/%2e%2e/events.py",
    ],
)
async def test_nothing_else_is_served(stage: Stage, path: str) -> None:
    assert (await stage.http("GET", path)).status_code == 404


async def test_extra_routes_come_first() -> None:
    async def answer(_: Request) -> PlainTextResponse:
        return PlainTextResponse("a room")

    async with a_stage(extra_routes=[Route("/whip/{room}", answer)]) as stage:
        response = await stage.http("GET", "/whip/demo")
    assert response.text == "a room"
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_silent_strangers_keep_nobody_out_the_oldest_goes_and_never_a_token_holder() -> None:
    async with a_stage(limits=Limits(unauthenticated=3, connections=3)) as stage, AsyncExitStack() as stack:
        await stage.writer()
        silent = [await stack.enter_async_context(stage.connect()) for _ in range(3)]
        known = []
        for number in range(3):
            known.append(await stack.enter_async_context(stage.watch()))
            await opening(known[-1])
            if number == 0:  # they came as a fourth stranger
                assert await silent[0].close_code() == 4429
        crowd = [await stack.enter_async_context(stage.connect()) for _ in range(4)]
        assert await crowd[0].close_code() == 4429
        assert [reader.socket.close_code for reader in (*known, *crowd[1:])] == [None] * 6
