"""The description of the API: complete, true to what is answered, and of one form."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from dashboard_protocol.control_api import schemas
from dashboard_protocol.control_api.api_keys import Scope
from dashboard_protocol.control_api.openapi import TAGS
from dashboard_protocol.gateway.app import create_app
from dashboard_protocol.http.described import Described, operation
from tests.dashboard_protocol.control_api.test_routes import WANTED, Desk, a_desk

PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with a_desk(tmp_path) as desk:
        yield desk


async def described(desk: Desk) -> dict[str, Any]:
    document: dict[str, Any] = (await desk.ask("GET", "/openapi.json", None)).json()
    return document


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            yield method.upper(), path, call


async def test_every_call_has_a_tag_a_sentence_a_name_of_its_own_and_says_who_may_ask(desk: Desk) -> None:
    document = await described(desk)
    assert document["openapi"].startswith("3.1")
    assert document["components"]["securitySchemes"]["key"] | {"description": ""} == {
        "type": "http", "scheme": "bearer", "description": "",
    }  # fmt: skip
    names = [call["operationId"] for _, _, call in operations(document)]
    assert len(names) == len(set(names))
    for method, path, call in operations(document):
        assert set(call["tags"]) <= set(TAGS), path
        assert call["summary"].endswith((".", "…")), (path, call["summary"])
        assert "security" in call, (method, path)
        for part in path.split("/"):
            if part.startswith("{"):
                assert any(p["name"] == part[1:-1] and p["in"] == "path" for p in call["parameters"]), path


async def test_webhooks_are_described_with_what_is_sent_and_how_it_is_signed(desk: Desk) -> None:
    document = await described(desk)
    assert set(document["webhooks"]) == {"bot.state", "class.alert"}
    for kind, methods in document["webhooks"].items():
        call = methods["post"]
        ref = call["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        schema = document["components"]["schemas"][ref.rpartition("/")[2]]
        assert schema["properties"]["type"]["const"] == kind
        assert {"webhook-id", "webhook-timestamp", "webhook-signature"} == {each["name"] for each in call["parameters"]}
    assert "your webhook: class.alert" in (await desk.ask("GET", "/docs", None)).text


async def test_every_refusal_is_a_problem_and_every_status_that_may_come_is_listed(desk: Desk) -> None:
    document = await described(desk)
    for method, path, call in operations(document):
        refusals = {status for status in call["responses"] if status >= "4"}
        assert "421" in refusals, path
        assert method == "GET" or "403" in refusals, path
        is_keyed = any("key" in scheme for scheme in call["security"])
        assert not is_keyed or {"401", "403", "429", "503"} <= refusals, path
        assert not call["security"] or "401" in refusals, path
        assert not path.startswith("/v1/") or "422" in refusals, path
        assert "requestBody" not in call or {"400", "413"} <= refusals, path
        for status in refusals:
            held = dict(call["responses"][status]["content"])
            assert held.pop("text/html", None) is None or not path.startswith("/v1/")
            assert held == PROBLEM, (path, status)
    assert "HTTPValidationError" not in document["components"]["schemas"]


async def test_report_and_history_are_of_their_media_types(desk: Desk) -> None:
    document = await described(desk)
    held = {
        what: set(document["paths"][f"/v1/rooms/{{room}}/{what}"]["get"]["responses"]["200"]["content"])
        for what in ("history", "report")
    }
    assert held == {"history": {"application/x-ndjson"}, "report": {"text/html", "text/csv"}}


async def test_examples_are_what_they_are_examples_of_and_fields_are_explained(desk: Desk) -> None:
    document = await described(desk)
    for name in ("BotRequest", "WebhookRequest", "BotView", "ConsentRequest", "Withdrawal"):
        examples = document["components"]["schemas"][name]["examples"]
        assert all(getattr(schemas, name).model_validate(example) for example in examples)
    explained = document["components"]["schemas"]["BotView"]["properties"]["privacy"]["description"]
    assert explained == "For everybody: what is computed there, and how not to be read."


async def test_every_422_is_of_one_shape_and_says_where_and_what_to_give(desk: Desk) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"json": {"policy": "presence"}}, "/room_url"),
        ({"json": WANTED | {"surprise": 1}}, "/surprise"),
        ({"json": WANTED | {"leave_out": ["ok", ""]}}, "/leave_out/1"),
        ({"json": WANTED | {"policy": "all"}}, "/policy"),
        ({"json": {"room_url": "local://r"}}, "/policy"),
        ({"json": WANTED | {"room_url": "file:///etc/passwd"}}, "/room_url"),
        ({"json": WANTED | {"webhook": {"url": "http://127.0.0.1/", "secret": "x"}}}, "/webhook"),
        ({"content": b"{", "headers": {"content-type": "application/json"}}, ""),
        ({"content": b"{}", "headers": {"content-type": "text/plain"}}, ""),
    ]
    for options, at in wrong:
        answer = await desk.ask("POST", "/v1/bots", **options)
        problem = answer.json()
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), options
        assert set(problem) == {"type", "title", "status", "detail", "errors"}
        assert [(each["in"], each["at"]) for each in problem["errors"]] == [("body", at)], options
        assert all(each["detail"] for each in problem["errors"])
        assert problem["detail"], options
    absent = (await desk.ask("GET", "/v1/rooms")).json()
    assert absent["errors"] == [{"in": "query", "at": "named", "detail": "a value, which is needed"}]
    many = (await desk.ask("GET", "/v1/bots?limit=1000")).json()
    assert many["errors"] == [{"in": "query", "at": "limit", "detail": "500 at most"}]


async def test_query_parameter_that_a_call_does_not_know_is_refused_by_every_call(desk: Desk) -> None:
    asked = 0
    for method, path, _ in operations(await described(desk)):
        if not path.startswith("/v1/"):
            continue
        filled = path.replace("{room}", "r").replace("{bot}", "b")
        answer = await desk.ask(method, f"{filled}?surprise=1", Scope.ADMIN)
        assert (answer.status_code, answer.json()["errors"][0]["at"]) == (422, "surprise"), path
        asked += 1
    assert asked >= 13
    assert (await desk.ask("GET", "/docs?utm_source=mail", None)).status_code == 200, "what mail programs add to links"


async def test_method_that_an_address_does_not_take_is_answered_with_all_that_it_takes(desk: Desk) -> None:
    for path, taken in (("/v1/bots", "GET, POST"), ("/v1/bots/b", "DELETE, GET"), ("/docs", "GET, HEAD")):
        answer = await desk.ask("PATCH", path)
        assert (answer.status_code, answer.headers["allow"]) == (405, taken)
        assert answer.headers["content-type"] == "application/problem+json"


async def test_what_goes_wrong_here_is_a_problem_that_says_nothing_of_it(tmp_path: Path) -> None:
    async def broken(_: Request) -> Response:
        raise RuntimeError("a secret of the inside")

    said = operation("broken", "It breaks.", "service", answers={200: None})
    async with a_desk(tmp_path) as desk:
        control = desk.control
        route = Described("/broken", broken, {"get": said})
        app = create_app(control.bus, control.access, control=control, extra_routes=[route])
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        answer = await http.get("/broken")
    assert (answer.status_code, answer.json()["title"]) == (500, "Internal Server Error")
    assert "secret" not in answer.text


async def test_bots_come_in_pages_with_the_address_of_the_next(desk: Desk) -> None:
    made = [(await desk.invite({**WANTED, "room_url": f"local://r{n}"})).json()["id"] for n in range(5)]
    found, page, pages = [], "/v1/bots?limit=2", 0
    while page:
        answer = await desk.ask("GET", page)
        found += [bot["id"] for bot in answer.json()]
        page = answer.links.get("next", {}).get("url", "")
        pages += 1
    assert (found, pages) == (made[::-1], 3)
    gone = await desk.ask("GET", "/v1/bots?after=gone")
    assert (gone.status_code, gone.json()["errors"][0]["at"]) == (422, "after")
