"""The control API, over real sockets."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from dashboard_protocol.auth.links import Access
from dashboard_protocol.bus import MemoryBus
from dashboard_protocol.bus.writer import EventWriter
from dashboard_protocol.control_api.api_keys import ApiKeys, Scope
from dashboard_protocol.control_api.client import ControlClient
from dashboard_protocol.control_api.schemas import BotRequest
from dashboard_protocol.control_api.service import Control
from dashboard_protocol.errors import ControlRefused
from dashboard_protocol.gateway.app import create_app
from dashboard_protocol.http.server import serve
from dashboard_protocol.queue import Attempt, MemoryQueue, Moment
from dashboard_protocol.room_urls import AllowedRooms
from dashboard_protocol.vocabulary import Profile, State
from dashboard_protocol.webhooks.addresses import AllowedReceivers
from tests.contracts.queues import ALERT
from tests.dashboard_protocol.staging import SECRET, hello, key_of, participant, summary

SECRET_OF_WEBHOOK = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
WANTED: dict[str, Any] = {"room_url": "local://r", "policy": "presence"}
R = key_of("local://r")


class Desk:
    """A served control API and a client with a key for each scope."""

    def __init__(self, control: Control, http: httpx.AsyncClient, keys: dict[Scope, str]) -> None:
        self.control = control
        self.origin = str(http.base_url)
        self.keys = keys
        self._http = http

    async def ask(self, method: str, path: str, scope: Scope | None = Scope.INVITE, **options: Any) -> httpx.Response:
        headers = options.pop("headers", {})
        if scope is not None:
            headers["authorization"] = f"Bearer {self.keys[scope]}"
        return await self._http.request(method, path, headers=headers, **options)

    async def invite(self, wanted: dict[str, Any] | None = None, key: str | None = None) -> httpx.Response:
        headers = {} if key is None else {"idempotency-key": key}
        return await self.ask("POST", "/v1/bots", json=wanted or WANTED, headers=headers)


@asynccontextmanager
async def a_desk(folder: Path, **options: Any) -> AsyncIterator[Desk]:
    keys = ApiKeys(folder / "keys.json")
    made = {scope: keys.add(scope.value, frozenset({scope})) for scope in Scope}
    rooms = AllowedRooms(["local", "janus+wss://janus.example.org"])
    control = replace(Control(MemoryQueue(), MemoryBus(), Access(SECRET), keys, rooms), **options)
    app = create_app(control.bus, control.access, control=control)
    async with serve(app, port=0) as server, httpx.AsyncClient(base_url=server.origin, verify=False) as http:
        yield Desk(control, http, made)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with a_desk(tmp_path) as desk:
        yield desk


async def test_invitation_is_queued_and_reported_truthfully(desk: Desk) -> None:
    before = time.time()
    answer = await desk.invite({**WANTED, "bot_name": "Pulse", "title": "Biology", "max_duration_s": 60})
    assert answer.status_code == 201
    view = answer.json()
    assert (view["room"], view["state"], view["reason"]) == (R, "requested", None)
    assert view["privacy"].endswith(f"/privacy/{R}")
    assert before - 1 <= datetime.fromisoformat(view["since"]).timestamp() <= time.time() + 1
    assert view["states"] == [{"state": "requested", "since": view["since"], "reason": None}]
    assert (await desk.ask("GET", f"/v1/bots/{view['id']}")).json() | {"link": ""} == view | {"link": ""}
    claimed = await desk.control.queue.claim("w")
    assert claimed is not None
    wanted = claimed.invitation
    assert (wanted.bot_name, wanted.title, wanted.max_duration_s) == ("Pulse", "Biology", 60)
    await desk.control.queue.report("w", view["id"], Moment(state=State.LIVE, since=5.0))
    [listed] = (await desk.ask("GET", "/v1/bots")).json()
    assert [moment["state"] for moment in listed["states"]] == ["requested", "live"]
    assert (listed["state"], listed["since"]) == ("live", "1970-01-01T00:00:05Z"), "times are RFC 3339"


async def test_whom_to_leave_out_is_for_the_bot_alone(desk: Desk) -> None:
    answer = await desk.invite({**WANTED, "leave_out": ["Dr Öz", "A Visitor"]})
    assert answer.status_code == 201
    claimed = await desk.control.queue.claim("w")
    assert claimed is not None
    assert claimed.invitation.leave_out == ("Dr Öz", "A Visitor")
    shown = answer.text + (await desk.ask("GET", f"/v1/bots/{answer.json()['id']}")).text
    assert "Öz" not in shown
    assert "leave_out" not in shown
    for wrong in ("Dr Öz", [""], ["x" * 201], ["x"] * 51, [1]):
        assert (await desk.invite({**WANTED, "leave_out": wrong})).status_code == 422


async def test_word_that_people_were_informed_reaches_the_bot_and_is_nobodys_unless_given(desk: Desk) -> None:
    for given in (True, False):
        body = {**WANTED, "room_url": f"local://{given}".lower()} | ({"notice_given": True} if given else {})
        assert (await desk.invite(body)).status_code == 201
        claimed = await desk.control.queue.claim("w")
        assert claimed is not None
        assert claimed.invitation.notice_given is given


async def test_the_link_of_an_invitation_opens_its_room(desk: Desk) -> None:
    assert (await desk.invite()).json()["link"] is None, "a key of the scope invite alone opens no page"
    answer = await desk.ask("POST", "/v1/bots", Scope.ADMIN, json=WANTED | {"room_url": "local://s"})
    link = answer.json()["link"]
    room = key_of("local://s")
    assert link.startswith(f"{desk.origin}/rooms/{room}#t=")
    assert desk.control.access.read_link(room, link.partition("#t=")[2]).meeting == answer.json()["id"]


async def test_secrets_of_a_room_url_are_not_shown(desk: Desk) -> None:
    answer = await desk.invite({"room_url": "janus+wss://janus.example.org/5?pin=secret", "policy": "presence"})
    assert answer.json()["room_url"] == "janus+wss://janus.example.org:8989/5"
    assert "secret" not in answer.text


async def test_later_join_waits_until_its_time(desk: Desk) -> None:
    answer = await desk.invite({**WANTED, "join_at": "2100-01-01T09:00:00+01:00"})
    assert answer.status_code == 201
    assert await desk.control.queue.claim("w") is None
    record = await desk.control.queue.bot(answer.json()["id"])
    assert record is not None
    assert record.invitation.join_at == 4102473600.0
    soon = datetime.now(UTC) + timedelta(seconds=0.5)
    await desk.invite({**WANTED, "room_url": "local://soon", "join_at": soon.isoformat()})
    assert await desk.control.queue.claim("w") is None
    async with asyncio.timeout(30):
        while (claimed := await desk.control.queue.claim("w")) is None:  # noqa: ASYNC110  queues are polled
            await asyncio.sleep(0.02)
    assert time.time() >= soon.timestamp()
    assert claimed.invitation.room == key_of("local://soon")


async def test_repeated_request_with_its_key_invites_once(desk: Desk) -> None:
    first = await desk.invite(key="k")
    again = await desk.invite(key="k")
    assert (again.status_code, again.json()["id"]) == (201, first.json()["id"])
    other = await desk.invite({**WANTED, "room_url": "local://other"}, key="k")
    assert other.status_code == 409
    assert len(await desk.control.queue.bots()) == 1


async def test_room_gets_one_bot_at_a_time(desk: Desk) -> None:
    first = (await desk.invite()).json()["id"]
    assert (await desk.invite()).status_code == 409
    left = await desk.ask("DELETE", f"/v1/bots/{first}")
    assert (left.status_code, left.json()["state"], left.json()["reason"]) == (202, "ended", "asked_to_leave")
    assert (await desk.invite()).status_code == 201


@pytest.mark.parametrize(
    "wanted",
    [
        {"room_url": "file:///etc/passwd", "policy": "presence"},
        {"room_url": "redis://127.0.0.1/0", "policy": "presence"},
        {"room_url": "janus+ws://169.254.169.254/1", "policy": "presence"},
        {"room_url": "janus+ws://192.168.1.1/1", "policy": "presence"},
        {"room_url": "local://r"},
        {"room_url": "local://r", "policy": "everything"},
        {"room_url": "local://r", "policy": "presence", "max_duration_s": -1},
        {"room_url": "local://r", "policy": "presence", "join_at": "2100-01-01T09:00:00"},
        {"room_url": "local://r", "policy": "presence", "webhook": "https://example.org/"},
        {"room_url": "local://r", "policy": "presence", "surprise": 1},
        {"room_url": "local://r", "policy": "presence", "max_duration_s": 86_401},
        {"policy": "presence"},
    ],
)
async def test_invitation_that_cannot_be_is_refused(desk: Desk, wanted: dict[str, Any]) -> None:
    assert (await desk.invite(wanted)).status_code == 422
    assert await desk.control.queue.bots() == []


def webhook(url: str, secret: str = SECRET_OF_WEBHOOK) -> dict[str, Any]:
    return WANTED | {"webhook": {"url": url, "secret": secret}}


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("https://127.0.0.1/", SECRET_OF_WEBHOOK),
        ("https://localhost:9/", SECRET_OF_WEBHOOK),
        ("https://169.254.169.254/latest/meta-data", SECRET_OF_WEBHOOK),
        ("https://[fd00:ec2::254]/", SECRET_OF_WEBHOOK),
        ("http://8.8.8.8/", SECRET_OF_WEBHOOK),
        ("redis://127.0.0.1:6379/", SECRET_OF_WEBHOOK),
        ("https://user:pass@8.8.8.8/", SECRET_OF_WEBHOOK),
        (f"https://8.8.8.8/{'x' * 500}", SECRET_OF_WEBHOOK),
        ("https://8.8.8.8/", "guessable"),
        ("https://8.8.8.8/", ""),
    ],
)
async def test_webhook_that_leads_inside_or_cannot_be_signed_is_refused(desk: Desk, url: str, secret: str) -> None:
    assert (await desk.invite(webhook(url, secret))).status_code == 422
    assert await desk.control.queue.bots() == []


async def test_webhook_is_queued_and_its_ledger_shown_without_secrets(desk: Desk) -> None:
    answer = await desk.invite(webhook("https://8.8.8.8/bots?token=hidden"))
    assert (answer.status_code, answer.json()["webhook"]) == (201, "https://8.8.8.8/bots")
    bot = answer.json()["id"]
    due = await desk.control.queue.take_delivery(30)
    assert due is not None
    wanted = due.record.invitation.webhook
    assert wanted is not None
    assert (wanted.url, wanted.secret) == ("https://8.8.8.8/bots?token=hidden", SECRET_OF_WEBHOOK)
    await desk.control.queue.settle_delivery(due, Attempt(number=0, at=7, took_s=1, problem="timeout"), 60)
    ledger = await desk.ask("GET", f"/v1/bots/{bot}/webhooks")
    [reported] = ledger.json()
    assert (reported["id"], reported["state"]["state"], reported["status"]) == (f"{bot}-0", "requested", "waiting")
    assert [(each["at"], each["problem"]) for each in reported["attempts"]] == [("1970-01-01T00:00:07Z", "timeout")]
    assert datetime.fromisoformat(reported["next_at"]).timestamp() == pytest.approx(time.time() + 60, abs=30)
    for text in (answer.text, ledger.text, (await desk.ask("GET", "/v1/bots")).text):
        assert SECRET_OF_WEBHOOK not in text
        assert "hidden" not in text
    assert (await desk.ask("GET", "/v1/bots/unknown/webhooks")).status_code == 404


async def test_webhook_authorisation_of_alerts_takes_a_key_that_may_watch(desk: Desk) -> None:
    wanted = WANTED | {"webhook": {"url": "https://8.8.8.8/", "secret": SECRET_OF_WEBHOOK, "alerts": True}}
    refused = await desk.invite(wanted)
    assert (refused.status_code, "scope 'watch'" in refused.json()["detail"]) == (403, True)
    both = desk.control.keys.add("both", frozenset({Scope.INVITE, Scope.WATCH}))
    taken = await desk.ask("POST", "/v1/bots", None, json=wanted, headers={"authorization": f"Bearer {both}"})
    bot = taken.json()["id"]
    assert await desk.control.queue.claim("w") is not None
    assert await desk.control.queue.report("w", bot, ALERT)
    [_, alert] = (await desk.ask("GET", f"/v1/bots/{bot}/webhooks", Scope.ADMIN)).json()
    assert (alert["type"], alert["state"], alert["at"]) == ("class.alert", None, "1970-01-01T00:00:09Z")
    assert "0.6" not in str(alert), "the ledger has no class values"


async def test_webhook_whose_name_has_no_address_yet_is_taken(desk: Desk) -> None:
    assert (await desk.invite(webhook("https://nobody.invalid/"))).status_code == 201


async def test_operator_may_list_a_private_receiver(tmp_path: Path) -> None:
    async with a_desk(tmp_path, receivers=AllowedReceivers(["http://127.0.0.1:9000"])) as desk:
        assert (await desk.invite(webhook("http://127.0.0.1:9000/bots"))).status_code == 201
        assert (await desk.invite(webhook("http://127.0.0.1:9001/bots"))).status_code == 422


async def test_requests_of_one_key_at_the_same_time_invite_once(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.invite(key="k") for _ in range(6)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_idempotency_keys_of_different_api_keys_are_different(desk: Desk) -> None:
    first = await desk.invite(key="k")
    headers = {"idempotency-key": "k"}
    other = await desk.ask(
        "POST", "/v1/bots", Scope.ADMIN, json=WANTED | {"room_url": "local://other"}, headers=headers
    )
    assert other.status_code == 201
    assert other.json()["id"] != first.json()["id"]


async def test_operator_chooses_and_limits_policies(tmp_path: Path) -> None:
    async with a_desk(tmp_path, policy=Profile.PRESENCE, policies=frozenset({Profile.PRESENCE})) as desk:
        assert (await desk.invite({"room_url": "local://r"})).json()["policy"] == "presence"
        assert (await desk.invite({"room_url": "local://s", "policy": "individual"})).status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/v1/bots", Scope.INVITE),
        ("GET", "/v1/bots", Scope.INVITE),
        ("GET", "/v1/bots/x", Scope.INVITE),
        ("DELETE", "/v1/bots/x", Scope.INVITE),
        ("GET", "/v1/bots/x/webhooks", Scope.INVITE),
        ("POST", "/v1/rooms/r/link", Scope.WATCH),
        ("GET", "/v1/rooms/r/history", Scope.WATCH),
        ("GET", "/v1/rooms/r/report", Scope.WATCH),
        ("DELETE", "/v1/rooms/r/history", Scope.ADMIN),
    ],
)
async def test_every_route_asks_for_its_scope(desk: Desk, method: str, path: str, scope: Scope) -> None:
    body = {"json": WANTED} if method == "POST" else {}
    nobody = await desk.ask(method, path, None, **body)
    assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, "Bearer")
    forged = await desk.ask(method, path, None, headers={"authorization": "Bearer cpk_forged"}, **body)
    assert forged.status_code == 401
    for other in set(Scope) - {scope, Scope.ADMIN}:
        assert (await desk.ask(method, path, other, **body)).status_code == 403
    assert (await desk.ask(method, path, Scope.ADMIN, **body)).status_code not in (401, 403)


async def test_stranger_who_guesses_keys_has_to_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard_protocol.control_api.auth.UNAUTHENTICATED_PER_S", 1e-6)
    async with a_desk(tmp_path) as desk:
        codes = [(await desk.ask("GET", "/v1/bots", None)).status_code for _ in range(22)]
        assert codes == [401] * 20 + [429] * 2
        assert (await desk.ask("GET", "/v1/bots")).status_code == 200


async def test_key_that_asks_too_often_has_to_wait_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard_protocol.control_api.auth.REQUESTS_PER_S", 1e-6)
    async with a_desk(tmp_path) as desk:
        answers = [await desk.ask("GET", "/v1/bots") for _ in range(62)]
        assert [answer.status_code for answer in answers] == [200] * 60 + [429] * 2
        assert answers[-1].headers["retry-after"] == "5"
        assert (await desk.ask("GET", "/v1/bots", Scope.ADMIN)).status_code == 200


async def test_large_body_is_refused(desk: Desk) -> None:
    assert (await desk.ask("POST", "/v1/bots", content=b"x" * 20_000)).status_code == 413
    assert (await desk.ask("POST", "/v1/bots", None, content=b"x" * 20_000)).status_code == 401, "asked for first"


async def test_body_beside_the_api_has_the_bounds_of_its_own_route(tmp_path: Path) -> None:
    """An offer of a join page may have 64 KB."""

    async def size(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(len(await request.body())))

    async with a_desk(tmp_path) as desk:
        app = create_app(
            desk.control.bus, desk.control.access, control=desk.control,
            extra_routes=[Route("/whip/r", size, methods=["POST"])],
        )  # fmt: skip
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as http:
            answer = await http.post("/whip/r", content=b"x" * 60_000)
    assert (answer.status_code, answer.text) == (200, "60000")


async def test_unknown_bot_is_404(desk: Desk) -> None:
    assert (await desk.ask("GET", "/v1/bots/x")).status_code == 404
    assert (await desk.ask("DELETE", "/v1/bots/x")).status_code == 404


async def test_history_and_report_hold_the_class_until_they_are_erased(desk: Desk) -> None:
    assert (await desk.ask("GET", f"/v1/rooms/{R}/report", Scope.ADMIN)).status_code == 404
    writer = await EventWriter.open(desk.control.bus, R)
    for body in (hello(), summary(), participant("somebody"), summary()):
        await writer.publish(body, at=1.0 + writer.seq)
    history = (await desk.ask("GET", f"/v1/rooms/{R}/history", Scope.ADMIN)).text
    assert [line.count('"type":"class_summary"') for line in history.splitlines()] == [0, 1, 1]
    assert "somebody" not in history
    report = await desk.ask("GET", f"/v1/rooms/{R}/report", Scope.ADMIN)
    assert report.text.startswith("<!doctype html>")
    assert "attachment" in report.headers["content-disposition"]
    table = await desk.ask("GET", f"/v1/rooms/{R}/report?format=csv", Scope.ADMIN)
    assert table.headers["content-type"].startswith("text/csv")
    assert len(table.text.splitlines()) == 3
    bot = (await desk.invite()).json()["id"]
    assert (await desk.ask("DELETE", f"/v1/rooms/{R}/history", Scope.ADMIN)).status_code == 409
    await desk.ask("DELETE", f"/v1/bots/{bot}")
    assert (await desk.ask("DELETE", f"/v1/rooms/{R}/history", Scope.ADMIN)).status_code == 204
    assert (await desk.ask("GET", f"/v1/rooms/{R}/history", Scope.ADMIN)).text == ""
    assert (await desk.ask("GET", f"/v1/rooms/{R}/report", Scope.ADMIN)).status_code == 404
    assert await desk.control.bus.snapshot(R) is None
    assert (await desk.ask("GET", f"/v1/bots/{bot}")).status_code == 404


async def test_absent_bus_is_503(desk: Desk) -> None:
    await desk.control.bus.close()
    answer = await desk.ask("GET", "/v1/rooms/r/history", Scope.WATCH)
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert answer.json()["detail"] == "The memory bus is closed."
    assert answer.headers["retry-after"] == "5"


async def test_api_describes_itself(desk: Desk) -> None:
    described = (await desk.ask("GET", "/openapi.json", None)).json()["paths"]
    assert {"/v1/bots", "/v1/bots/{bot}", "/v1/rooms/{room}/history"} <= set(described)


async def test_client_invites_lists_and_ends(desk: Desk) -> None:
    def talk() -> list[str]:
        with ControlClient(desk.origin, desk.keys[Scope.ADMIN]) as client:
            bot = client.invite(BotRequest(room_url="local://a.b", policy=Profile.PRESENCE))
            assert client.bots() != []
            assert client.link(client.room("a.b")).startswith(f"{desk.origin}/rooms/{bot.room}#t=")
            with pytest.raises(ControlRefused, match="ask it to leave first"):
                client.invite(BotRequest(room_url="local://a.b", policy=Profile.PRESENCE))
            with pytest.raises(ControlRefused, match="Choose a policy"):
                client.invite(BotRequest(room_url="local://b"))
            return [bot.state, client.leave(bot.id).state]

    assert await asyncio.to_thread(talk) == ["requested", "ended"]


async def test_client_without_a_key_or_gateway_gets_one_clear_line(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(url: str) -> str:
        with ControlClient(url) as client, pytest.raises(ControlRefused) as error:
            client.bots()
        return str(error.value)

    monkeypatch.delenv("CLASSPULSE_API_KEY", raising=False)
    assert "classpulse key add" in await asyncio.to_thread(refused, desk.origin)
    assert "classpulse serve" in await asyncio.to_thread(refused, "http://127.0.0.1:9")
