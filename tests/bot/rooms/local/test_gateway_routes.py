"""Local rooms of a worker's bots at a gateway: real people, a real room, and a real server in between."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.applications import Starlette

from bot.rooms.base import Admitted, Joined, Left, RoomEvent
from bot.rooms.local import gateway_routes
from bot.rooms.notice import Notice
from bot.rooms.publishing.camera import ClipCamera
from bot.rooms.publishing.encoded_clip import read_clip
from bot.rooms.publishing.publisher import Publisher
from bot.samples.story import clip_path
from dashboard_protocol.http.request_rules import RequestRules, trusted_proxies
from dashboard_protocol.http.server import Served, serve
from dashboard_protocol.queue import Invitation, MemoryQueue, Moment
from dashboard_protocol.queue.worker_names import new_worker_name
from dashboard_protocol.rate_limit import RateLimiter
from dashboard_protocol.vocabulary import Profile, State
from tests.contracts.rooms import routes_of
from tests.hostile import FOREIGN_STAYS

if TYPE_CHECKING:
    from tests.bot.rooms.conftest import WhipStage

KEY = "demo-abcdefghij"
NOTICE = Notice(bot_name="Ada", profile="presence", summary="Counts only.", points=(), title="Biology")
OF_A_GATEWAY = RequestRules(proxies=trusted_proxies(["127.0.0.1"]))
SDP = {"Content-Type": "application/sdp"}


class Site:
    """A queue that knows the stage's bot, and a gateway on it."""

    def __init__(self, stage: "WhipStage", gateway: Served, queue: MemoryQueue) -> None:
        self.stage = stage
        self.queue = queue
        self.http = httpx.AsyncClient(base_url=gateway.origin, trust_env=False)
        self.whip = f"{gateway.origin}/whip/{KEY}"

    async def invite(self, room_url: str = "local://demo") -> None:
        invitation = Invitation(id="b", room=KEY, room_url=room_url, policy=Profile.PRESENCE, requested_at=1.0)
        await self.queue.submit(invitation)

    async def serve(self, worker: str | None = None, join: str | None = None) -> None:
        worker = worker or new_worker_name()
        await self.queue.claim(worker)
        join = join or f"{self.stage.http.base_url.join('/join/demo')}#t=secret"
        assert await self.queue.report(worker, "b", Moment(state=State.LIVE, since=2.0), join)

    def person(self, name: str, token: str | None = None) -> Publisher:
        return Publisher(self.whip, name, ClipCamera(read_clip(clip_path("noor", "calm"))), token)


@pytest.fixture
async def site(stage: "WhipStage") -> AsyncIterator[Site]:
    queue = MemoryQueue()

    async def notice(room: str) -> Notice | None:
        return NOTICE if room == KEY else None

    app = Starlette(routes=gateway_routes.routes(queue, notice))
    async with serve(app, port=0) as gateway:
        site = Site(stage, gateway, queue)
        yield site
        await site.http.aclose()


async def next_of(events: AsyncIterator[RoomEvent], kind: type[RoomEvent]) -> RoomEvent:
    async with asyncio.timeout(30):
        async for event in events:
            if isinstance(event, kind):
                return event
    raise AssertionError(f"no {kind.__name__} came")


async def test_people_join_and_leave_the_room_of_a_worker_at_its_gateway(site: Site) -> None:
    await site.invite()
    await site.serve()
    async with site.stage.room as room:
        events = aiter(room.events())
        assert isinstance(await anext(events), Admitted)
        async with site.person("Noor"):
            joined = await next_of(events, Joined)
            assert isinstance(joined, Joined)
            assert joined.participant.name == "Noor"
        assert isinstance(await next_of(events, Left), Left)


async def test_stay_is_named_by_the_gateways_own_address_and_ended_there(site: Site) -> None:
    await site.invite()
    await site.serve()
    async with site.stage.room:
        guest = site.stage.newcomer()
        answer = await site.http.post(f"/whip/{KEY}", content=await guest.offer(), headers=SDP)
        assert answer.status_code == 201
        assert re.fullmatch(rf"/whip/{KEY}/[A-Za-z0-9_-]{{32,}}", answer.headers["Location"])
        assert (await site.http.delete(answer.headers["Location"])).status_code == 200


async def test_join_page_at_the_gateway_reports_what_awaits_people_before_the_bot_comes_and_after(site: Site) -> None:
    await site.invite()
    assert "join.js" in (await site.http.get(f"/join/{KEY}")).text
    assert (await site.http.get("/join-assets/join.js")).status_code == 200
    reported = (await site.http.get(f"/join/{KEY}/info.json")).json()
    assert (reported["title"], reported["is_open"], reported["needs_token"]) == ("Biology", False, True)
    assert (await site.http.post(f"/whip/{KEY}", content="v=0", headers=SDP)).status_code == 503
    await site.serve()
    async with site.stage.room:
        assert (await site.http.get(f"/join/{KEY}/info.json")).json()["is_open"] is True


async def test_gateway_of_another_machine_says_why_nobody_joins_there(site: Site) -> None:
    await site.invite()
    await site.serve("elsewhere-1-abcd")
    for answer in (
        await site.http.get(f"/join/{KEY}"),
        await site.http.get(f"/join/{KEY}/info.json"),
        await site.http.post(f"/whip/{KEY}", content="v=0", headers=SDP),
    ):
        assert (answer.status_code, "another machine" in answer.text) == (409, True)


async def test_room_that_is_not_ours_or_not_local_is_reported_as_that(site: Site) -> None:
    assert (await site.http.get("/join/nobody-abcdefghij")).status_code == 404
    await site.invite("janus+ws://h:8188/1234")
    answer = await site.http.get(f"/join/{KEY}")
    assert (answer.status_code, "its own address" in answer.text) == (404, True)


async def test_bot_that_is_gone_is_reported_as_that_and_the_page_goes_on(site: Site) -> None:
    await site.invite()
    await site.serve(join="http://127.0.0.1:9/join/demo")
    answer = await site.http.post(f"/whip/{KEY}", content="v=0", headers=SDP)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert (await site.http.get(f"/join/{KEY}/info.json")).json()["is_open"] is False


async def test_person_from_elsewhere_is_reported_that_video_is_received_on_loopback_alone(site: Site) -> None:
    app = Starlette(routes=routes_of(site.stage.room))
    async with site.stage.room, serve(app, port=0, rules=OF_A_GATEWAY) as bot:
        for asker, status in (("203.0.113.9", 409), ("127.0.0.1", 201)):
            offer = await site.stage.newcomer().offer()
            headers = {**SDP, "X-Forwarded-For": asker}
            answer = await site.http.post(f"{bot.origin}/whip/demo", content=offer, headers=headers)
            assert (answer.status_code, "--media-host" in answer.text) == (status, status == 409)


@pytest.mark.parametrize(
    ("join", "status"), [("http://192.0.2.1:80/join/demo", 409), ("http://localhost.evil.example/join/demo", 409),
                         ("http://[::1/join/demo", 503), ("//", 409), ("http://127.0.0.1:99999/", 503)],
)  # fmt: skip
async def test_gateway_asks_nobody_but_this_machine_whatever_stands_where_a_bot_is(
    site: Site, join: str, status: int
) -> None:
    await site.invite()
    await site.serve(join=join)
    async with asyncio.timeout(5):
        assert (await site.http.post(f"/whip/{KEY}", content="v=0", headers=SDP)).status_code == status


async def test_only_so_many_offers_are_handed_on_at_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_routes, "MOST_OFFERS", 0)
    await site.invite()
    await site.serve()
    answer = await site.http.post(f"/whip/{KEY}", content="v=0", headers=SDP)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


async def test_offer_is_bounded_at_the_gateway(site: Site) -> None:
    await site.invite()
    await site.serve()
    async with site.stage.room:
        answer = await site.http.post(f"/whip/{KEY}", content=b"v" * (64 << 10) + b"v", headers=SDP)
        assert answer.status_code == 413


async def test_opt_out_of_a_stay_at_the_gateway_is_refused_by_no_limit(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RateLimiter, "take", lambda *_: False)
    await site.invite()
    await site.serve()
    async with site.stage.room:
        assert (await site.http.get(f"/join/{KEY}")).status_code == 429
        request = await site.http.put(f"/whip/{KEY}/{'a' * 32}/reading", json={"read": False})
        assert request.status_code == 404, "it was asked, and knows no such stay"


@pytest.mark.parametrize("stay", FOREIGN_STAYS)
async def test_no_address_of_a_stay_leads_elsewhere(site: Site, stay: str) -> None:
    await site.invite()
    await site.serve()
    async with site.stage.room:
        assert (await site.http.delete(f"/whip/{KEY}/{stay}")).status_code in (404, 405)


async def test_host_check_and_origin_hold_for_local_rooms_at_the_gateway(site: Site) -> None:
    await site.invite()
    await site.serve()
    for path in (f"/join/{KEY}", f"/join/{KEY}/info.json", f"/whip/{KEY}"):
        assert (await site.http.get(path, headers={"host": "evil.example.org"})).status_code == 421
    foreign = {**SDP, "origin": "https://evil.example.org"}
    assert (await site.http.post(f"/whip/{KEY}", content="v=0", headers=foreign)).status_code == 403
