"""A person's own word on whether they are read, in their own stay."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from bot.privacy import self_service
from bot.rooms.base import OptedIn, OptedOut, Participant

ANNA = Participant("p1", "Anna")


class Room:
    """A room with one stay."""

    name = "r"

    def participant(self, resource: str) -> Participant | None:
        return ANNA if resource == "unguessable" else None


class Requests:
    """Remembers what was asked for."""

    def __init__(self) -> None:
        self.out: set[str] = set()
        self.left_out: list[Participant] = []

    def is_read(self, participant: Participant) -> bool:
        return participant.id not in self.out

    def take(self, event: OptedOut | OptedIn) -> None:
        (self.out.add if isinstance(event, OptedOut) else self.out.discard)(event.participant.id)

    def leave_out(self, participant: Participant) -> None:
        self.left_out.append(participant)


@pytest.fixture
def requests() -> Requests:
    return Requests()


@pytest.fixture
async def http(requests: Requests) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=self_service.routes(Room(), requests, lambda link: link == "the instructor's"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://class") as client:
        yield client


async def test_person_asks_and_changes_her_mind(http: httpx.AsyncClient) -> None:
    address = "/whip/r/unguessable/reading"
    assert (await http.get(address)).json() == {"read": True}
    assert (await http.put(address, json={"read": False})).json() == {"read": False}
    assert (await http.get(address)).json() == {"read": False}
    answer = await http.put(address, json={"read": True})
    assert answer.json() == {"read": True}
    assert answer.headers["cache-control"] == "no-store"


async def test_authorisation_to_see_the_class_is_a_stays_own_and_only_where_its_operator_allows_it(
    requests: Requests, http: httpx.AsyncClient
) -> None:
    assert (await http.get("/whip/r/unguessable/class")).status_code == 404, "nobody allowed it"
    app = Starlette(routes=self_service.routes(Room(), requests, class_page=lambda: "/rooms/r#t=x"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://class") as client:
        answer = await client.get("/whip/r/unguessable/class")
        assert (answer.json(), answer.headers["cache-control"]) == ({"page": "/rooms/r#t=x"}, "no-store")
        assert (await client.get("/whip/r/guessed/class")).status_code == 404


@pytest.mark.parametrize("resource", ["p1", "Anna", "guessed", "%2e%2e"])
async def test_nobody_else_can_ask_for_her(http: httpx.AsyncClient, resource: str) -> None:
    for answer in (
        await http.get(f"/whip/r/{resource}/reading"),
        await http.put(f"/whip/r/{resource}/reading", json={"read": True}),
    ):
        assert answer.status_code == 404


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"read": 1}', b'{"read": "true"}', b'{"read": true, "id": 1}', b"[" * 99, b" " * 9999]
)
async def test_unclear_request_changes_nothing(http: httpx.AsyncClient, body: bytes) -> None:
    address = "/whip/r/unguessable/reading"
    answer = await http.put(address, content=body)
    assert (answer.status_code, answer.json()["detail"]) == (422, 'Send {"read": true} or {"read": false}.')
    assert (await http.get(address)).json() == {"read": True}


async def test_switching_to_and_fro_ends_after_a_while(http: httpx.AsyncClient) -> None:
    answers = [await http.put("/whip/r/unguessable/reading", json={"read": True}) for _ in range(22)]
    assert [answer.status_code for answer in answers[:20]] == [200] * 20
    assert answers[-1].status_code == 429


async def test_opt_out_is_not_refused_after_whatever_switching(http: httpx.AsyncClient) -> None:
    address = "/whip/r/unguessable/reading"
    for _ in range(30):
        await http.put(address, json={"read": True})
    for _ in range(30):
        assert (await http.put(address, json={"read": False})).json() == {"read": False}


async def test_whoever_holds_the_instructors_link_is_left_out_of_the_class(
    http: httpx.AsyncClient, requests: Requests
) -> None:
    answer = await http.put("/whip/r/unguessable/teaching", json={"link": "the instructor's"})
    assert (answer.status_code, answer.json()) == (200, {"left_out": True})
    assert requests.left_out == [ANNA]


@pytest.mark.parametrize(
    ("resource", "body", "status"),
    [
        ("unguessable", b'{"link": "another"}', 403),
        ("unguessable", b'{"link": 1}', 422),
        ("unguessable", b"{}", 422),
        ("unguessable", b"[" * 9999, 422),
        ("guessed", b'{"link": "the instructor\'s"}', 404),
    ],
)
async def test_nobody_else_leaves_the_class_by_saying_so(
    http: httpx.AsyncClient, requests: Requests, resource: str, body: bytes, status: int
) -> None:
    assert (await http.put(f"/whip/r/{resource}/teaching", content=body)).status_code == status
    assert requests.left_out == []


async def test_links_are_not_guessed_without_end(http: httpx.AsyncClient) -> None:
    answers = [await http.put("/whip/r/unguessable/teaching", json={"link": "x"}) for _ in range(22)]
    assert answers[-1].status_code == 429
