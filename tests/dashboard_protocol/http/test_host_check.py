"""Which requests a server takes, by Host and Origin, and for whose it takes them."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from dashboard_protocol.http.request_guard import SAFE_HEADERS
from dashboard_protocol.http.request_rules import (
    OWN_ONLY,
    WRONG_HOST,
    WRONG_ORIGIN,
    Asked,
    RequestRules,
    allowed_hosts,
    asker,
    share_of,
    trusted_proxies,
)
from dashboard_protocol.http.server import serve
from tests.dashboard_protocol.staging import a_stage
from tests.hostile import FOREIGN_HOSTS, FOREIGN_ORIGINS, FORWARDED


def asked(host: str, *, method: str = "GET", path: str = "/", **more: str) -> Asked:
    return Asked(path=path, method=method, host=host, reached_at="127.0.0.1", **more)


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
@pytest.mark.parametrize("method", ["GET", "POST", ""])
def test_foreign_name_is_not_served(host: str, method: str) -> None:
    assert OWN_ONLY.serving("127.0.0.1").refusal(asked(host, method=method)) is WRONG_HOST


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:8080", "LocalHost:1", "localhost.", "[::1]:8080", "class.example.org", "lan.example:8443"],
)
def test_own_names_are_served_on_any_port(host: str) -> None:
    rules = RequestRules.reached_under("https://class.example.org", hosts=allowed_hosts(["lan.example"]))
    assert rules.refusal(asked(host)) is None


def test_server_on_every_address_is_served_by_the_one_it_was_reached_at_and_no_other() -> None:
    rules = OWN_ONLY.serving("0.0.0.0")
    arrived = Asked(path="/", method="GET", host="192.0.2.1:8080", reached_at="192.0.2.1")
    assert rules.refusal(arrived) is None
    assert rules.refusal(Asked(path="/", method="GET", host="192.0.2.2", reached_at="192.0.2.1")) is WRONG_HOST
    v6 = Asked(path="/", method="GET", host="[2001:DB8::1]", reached_at="2001:db8:0::1")
    assert rules.refusal(v6) is None


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_may_ask_for_health_under_any_name_and_change_nothing(path: str) -> None:
    assert OWN_ONLY.refusal(asked("10.1.2.3:8080", path=path)) is None
    assert OWN_ONLY.refusal(asked("10.1.2.3:8080", path=path, method="POST")) is WRONG_HOST
    assert OWN_ONLY.refusal(asked("10.1.2.3:8080", path=path + "/x")) is WRONG_HOST


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", ""])
def test_page_of_another_site_changes_nothing_and_opens_no_feed(origin: str, method: str) -> None:
    assert OWN_ONLY.refusal(asked("127.0.0.1:8080", method=method, origin=origin)) is WRONG_ORIGIN


@pytest.mark.parametrize(
    ("origin", "site", "refusal"),
    [
        ("", "", None),
        ("", "same-origin", None),
        ("null", "same-origin", None),  # a form of a page that says no-referrer
        ("http://127.0.0.1:8080", "", None),
        ("HTTP://127.0.0.1:8080", "", None),
        ("https://lms.example.org", "cross-site", None),
        ("", "cross-site", WRONG_ORIGIN),
        ("", "same-site", WRONG_ORIGIN),
        ("http://127.0.0.1:8080", "cross-site", WRONG_ORIGIN),
        ("", "nonsense", WRONG_ORIGIN),
    ],
)
def test_browser_says_whose_page_asks(origin: str, site: str, refusal: object) -> None:
    rules = RequestRules(origins=frozenset({"https://lms.example.org"}))
    assert rules.refusal(asked("127.0.0.1:8080", method="POST", origin=origin, fetch_site=site)) is refusal


def test_page_behind_a_proxy_that_ends_tls_is_the_servers_own() -> None:
    rules = RequestRules(frozenset({"class.example.org"}))
    asking = asked("class.example.org", method="POST", origin="https://class.example.org")
    assert rules.refusal(asking) is None
    asking = asked("class.example.org:443", method="POST", origin="https://class.example.org")
    assert rules.refusal(asking) is None


@pytest.mark.parametrize(("forwarded", "proxies", "address"), FORWARDED)
def test_whose_request_a_proxy_brings_only_a_trusted_one_says(
    forwarded: tuple[str, ...], proxies: tuple[str, ...], address: str
) -> None:
    rules = RequestRules(proxies=trusted_proxies(proxies))
    assert rules.asker("10.0.0.1", forwarded) == address


@pytest.mark.parametrize(
    ("address", "share"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8::7", "2001:db8::/64"),
        ("2001:db8::ffff:7", "2001:db8::/64"),
        ("2001:db8:0:1::7", "2001:db8:0:1::/64"),
        ("", ""),
    ],
)
def test_ipv6_asker_is_a_network_of_64_bits(address: str, share: str) -> None:
    assert share_of(address) == share


@pytest.mark.parametrize("text", ["evil", "10.0.0.0/33", "10.0.0.1/8", "*", ""])
def test_proxy_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write an address or a network"):
        trusted_proxies([text])


@pytest.mark.parametrize("text", ["https://h", "a b", "h:x", "*", "*.example.org", "h/x"])
def test_allowed_host_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="host name or an address"):
        allowed_hosts([text])


async def test_host_check_answers_421_to_every_request_and_feed_of_a_foreign_name() -> None:
    async with a_stage() as stage:
        for method, path in (("GET", "/rooms/r"), ("GET", "/static/feed.js"), ("POST", "/v1/rooms/r/session")):
            answer = await stage.http(method, path, headers={"host": "evil.example.org"})
            assert (answer.status_code, answer.headers["cache-control"]) == (421, "no-store")
            assert "evil" not in answer.text
        with pytest.raises(InvalidStatus, match="421"):
            async with connect("ws://evil.example.org/v1/rooms/r/events", host="127.0.0.1", port=stage.server.port):
                pass


async def whose(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"{asker(request)} {request.url.scheme}")


async def broken(request: Request) -> PlainTextResponse:
    raise RuntimeError("a bug")


APP = Starlette(
    routes=[
        Route("/", whose),
        Route("/bug", broken),
        Mount("/files", StaticFiles(directory="/nowhere", check_dir=False)),
    ]
)


async def test_forwarded_headers_count_only_from_a_trusted_proxy() -> None:
    reported = {"x-forwarded-for": "203.0.113.5, 2001:db8::7", "x-forwarded-proto": "https"}
    async with serve(APP, port=0) as server, httpx.AsyncClient(base_url=server.origin) as http:
        assert (await http.get("/", headers=reported)).text == "127.0.0.1 http"
    rules = RequestRules(proxies=trusted_proxies(["127.0.0.1"]))
    async with serve(APP, port=0, rules=rules) as server, httpx.AsyncClient(base_url=server.origin) as http:
        assert (await http.get("/", headers=reported)).text == "2001:db8::/64 https"
        assert (await http.get("/", headers={"x-forwarded-proto": "gopher"})).text == "127.0.0.1 http"


async def test_every_answer_carries_safe_headers_also_errors_mounts_and_refusals() -> None:
    async with serve(APP, port=0) as server, httpx.AsyncClient(base_url=server.origin) as http:
        answers = [await http.get(path) for path in ("/", "/absent", "/files/absent")]
        answers += [await http.get("/", headers={"host": "evil"})]
        answers.append(await http.post("/", headers={"origin": "http://e"}))
        answers.append(await http.delete("/"))
        answers.append(await http.get("/bug"))
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"no HTTP at all\r\n\r\n")
        head = (await reader.read()).decode()
        writer.close()
    assert [answer.status_code for answer in answers] == [200, 404, 500, 421, 403, 405, 500]
    for answer in answers:
        assert {name: answer.headers.get(name) for name in SAFE_HEADERS} == SAFE_HEADERS
    assert head.startswith("HTTP/1.1 400 ")
    assert all(f"{name}: {value}\r\n" in head for name, value in SAFE_HEADERS.items())
