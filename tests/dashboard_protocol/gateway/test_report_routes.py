"""The report for whoever holds what a session hands out: on the page, as a file, as a table, until it is revoked."""

import json
import time

import pytest

from dashboard_protocol.auth.links import Access, report_path
from dashboard_protocol.bus import MemoryBus
from dashboard_protocol.bus.writer import EventWriter
from dashboard_protocol.codec import decode
from dashboard_protocol.events import BotState, Bye, EndReason, Hello, Snapshot, State
from dashboard_protocol.gateway.report_routes import BURST
from tests.dashboard_protocol.staging import SECRET, Clock, Stage, a_stage, hello, summary
from tests.hostile import MARKUP, SCRIPTS

ROOM = "biology"
MEETING = "m1"


async def a_class(bus: MemoryBus, meeting: str = MEETING, title: str = "Biology", at: float = 1000.0) -> None:
    """A minute of class that has ended."""
    writer = await EventWriter.open(bus, ROOM)
    said = hello().model_copy(update={"meeting": meeting, "title": title})
    await writer.publish(said, at=at)
    await writer.publish(BotState(state=State.LIVE, since=at), at=at)
    for second in range(60):
        await writer.publish(summary(), at=at + second)
    await writer.publish(
        Bye(reason=EndReason.ROOM_CLOSED, report=None, live_s=60, present_max=12, alerts=0), at=at + 60
    )


async def ask(stage: Stage, token: str, kind: str = "page", room: str = ROOM) -> tuple[int, str]:
    answer = await stage.http("POST", report_path(room), data={"token": token, "as": kind})
    return answer.status_code, answer.text


async def test_session_hands_out_what_opens_the_report_of_its_class() -> None:
    bus, access = MemoryBus(), Access(SECRET)
    async with a_stage(bus=bus, access=access) as stage:
        await a_class(bus, at=time.time() - 60)
        granted = await stage.http("POST", f"/v1/rooms/{ROOM}/session", json={"link": access.link(ROOM, MEETING)})
        status, text = await ask(stage, granted.json()["report"], "html")
        assert (status, "Biology" in text) == (200, True)


async def test_report_authorisation_is_not_given_to_somebody_in_the_class() -> None:
    bus, access = MemoryBus(), Access(SECRET)
    async with a_stage(bus=bus, access=access) as stage:
        await a_class(bus, at=time.time() - 60)
        said = {}
        for who, link in (("instructor", access.link(ROOM, MEETING)), ("class", access.class_link(ROOM, MEETING))):
            granted = await stage.http("POST", f"/v1/rooms/{ROOM}/session", json={"link": link})
            said[who] = granted.json()
        assert (said["instructor"]["may"], said["class"]["may"]) == (["mark", "overlay", "report"], [])
        assert said["class"]["report"] is None


async def test_report_outlives_the_link_of_its_class(clock: Clock) -> None:
    bus, access = MemoryBus(), Access(SECRET, clock=clock)
    async with a_stage(bus=bus, access=access) as stage:
        await a_class(bus)
        token, link = access.report_link(ROOM, MEETING), access.link(ROOM, MEETING)
        clock.now += 13 * 3600
        assert (await stage.http("POST", f"/v1/rooms/{ROOM}/session", json={"link": link})).status_code == 403
        status, text = await ask(stage, token)
        assert status == 200
        said = json.loads(text)
        assert said["headline"].startswith("For 1\u00a0min the class was with the screen")
        assert 1 <= len(said["findings"]) <= 3
        first, last = (decode(json.dumps(event)).body for event in said["events"])
        assert isinstance(first, Hello)
        assert isinstance(last, Snapshot)
        assert len(last.series.at) == 60
        assert set(last.series.mean) == {0.65}
        assert last.bye is not None


async def test_report_comes_as_a_page_and_as_a_table_that_nobody_else_frames(stage: Stage) -> None:
    bus = stage.bus
    assert isinstance(bus, MemoryBus)
    await a_class(bus)
    token = stage.access.report_link(ROOM, MEETING)
    page = await stage.http("POST", report_path(ROOM), data={"token": token, "as": "html"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-store"
    assert "script" not in page.headers["content-security-policy"]
    assert "frame-ancestors 'self'" in page.headers["content-security-policy"]
    assert "content-disposition" not in page.headers
    assert "What happened" in page.text
    table = await stage.http("POST", report_path(ROOM), data={"token": token, "as": "csv"})
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert table.headers["content-disposition"] == 'attachment; filename="report.csv"'
    assert len(table.text.splitlines()) == 61


async def test_report_authorisation_ends_with_the_rooms_links(stage: Stage) -> None:
    assert isinstance(stage.bus, MemoryBus)
    await a_class(stage.bus)
    token = stage.access.report_link(ROOM, MEETING)
    assert (await ask(stage, token))[0] == 200
    await stage.access.revoke(ROOM)
    assert (await ask(stage, token))[0] == 403


async def test_report_authorisation_is_of_its_use_and_its_room(stage: Stage) -> None:
    assert isinstance(stage.bus, MemoryBus)
    await a_class(stage.bus)
    access = stage.access
    session, _ = access.exchange(ROOM, access.standing_link(ROOM))
    for token in (access.link(ROOM, MEETING), session, access.report_link("chemistry", MEETING), "", *SCRIPTS[:3]):
        status, text = await ask(stage, token)
        assert (status, "Biology" in text) == (403, False)
    report = access.report_link(ROOM, MEETING)
    refused = await stage.http("POST", f"/v1/rooms/{ROOM}/session", json={"link": report})
    assert refused.status_code == 403, "what opens a report opens nothing live"


async def test_report_is_of_one_class_of_its_room(stage: Stage) -> None:
    assert isinstance(stage.bus, MemoryBus)
    await a_class(stage.bus, "m1", "Biology")
    await a_class(stage.bus, "m2", "Chemistry", at=9000.0)
    assert (await ask(stage, stage.access.report_link(ROOM, "m1")))[0] == 404  # memory keeps the newest epoch alone
    for meeting in ("m2", ""):
        status, text = await ask(stage, stage.access.report_link(ROOM, meeting), "html")
        assert (status, "Chemistry" in text, "Biology" in text) == (200, True, False)


@pytest.mark.parametrize("body", [b"", b"as=page", b"token=x&as=other", b"\xff\xfe", b"&" * 30, b"a" * 5000])
async def test_what_is_no_form_is_refused_in_one_line(stage: Stage, body: bytes) -> None:
    kind = {"content-type": "application/x-www-form-urlencoded"}
    answer = await stage.http("POST", report_path(ROOM), content=body, headers=kind)
    assert answer.status_code in (403, 413, 422)
    assert "detail" in answer.json()


async def test_names_from_outside_stand_in_the_report_and_are_not_obeyed(stage: Stage) -> None:
    assert isinstance(stage.bus, MemoryBus)
    title = " ".join((*SCRIPTS, *MARKUP)).encode(errors="ignore").decode()
    await a_class(stage.bus, title=title)
    _, text = await ask(stage, stage.access.report_link(ROOM, MEETING), "html")
    assert "<script" not in text


async def test_reports_are_limited_by_address_and_say_when_to_come_back(stage: Stage) -> None:
    answers = [await stage.http("POST", report_path(ROOM), data={"token": "x", "as": "page"}) for _ in range(3 * BURST)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert {answer.status_code for answer in answers} == {403, 429}
    assert refused[0].headers["retry-after"] == "60"


async def test_times_of_a_report_are_those_of_whoever_asks_and_unknown_zones_this_machines(stage: Stage) -> None:
    assert isinstance(stage.bus, MemoryBus)
    await a_class(stage.bus)
    form = {"token": stage.access.report_link(ROOM, MEETING), "as": "html"}
    for zone in ("Asia/Kolkata", "../../etc/passwd", "Nowhere/Else", "\0", "x" * 500):
        answer = await stage.http("POST", report_path(ROOM), data={**form, "zone": zone})
        assert (answer.status_code, "IST, UTC+5:30" in answer.text) == (200, zone == "Asia/Kolkata")


async def test_address_of_a_report_is_the_page_itself(stage: Stage) -> None:
    page = await stage.http("GET", report_path(ROOM))
    assert page.status_code == 200
    assert "The class has ended" in page.text
