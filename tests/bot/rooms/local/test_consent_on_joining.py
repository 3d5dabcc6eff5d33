"""Who brings a signed consent into a local room, and what they are then."""

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from bot.rooms.base import Admitted, Joined, Left, OptedIn, Participant
from bot.rooms.local.room import LocalRoom
from bot.rooms.notice import Notice
from dashboard_protocol.auth.consent import Consents
from dashboard_protocol.auth.links import Access
from tests.contracts.rooms import expect

if TYPE_CHECKING:
    from tests.bot.rooms.conftest import WhipGuest, WhipStage

SECRET = b"a secret of more than thirty-two bytes"
HEADER = "Classpulse-Consent"


@pytest.fixture
def consents() -> Consents:
    return Access(SECRET).consents


@pytest.fixture
def room(consents: Consents, request: pytest.FixtureRequest) -> LocalRoom:
    asks = getattr(request, "param", True)
    notice = Notice("Ada", "individual", "Values of people who opted in.", offers_individual=asks)
    return LocalRoom("demo", clock=time.monotonic, notice=notice, consents=consents)


def bringing(stage: "WhipStage", token: str) -> "WhipGuest":
    guest = stage.newcomer()
    guest._headers = {HEADER: token}
    return guest


async def joined(stage: "WhipStage", token: str, **query: str) -> Participant:
    await bringing(stage, token).join(**query)
    events = stage.room.events()
    async with asyncio.timeout(30):
        while not isinstance(event := await anext(events), Joined):
            assert isinstance(event, Admitted | OptedIn)
    return event.participant


async def test_consent_opts_its_person_in(stage: "WhipStage", consents: Consents) -> None:
    async with stage.room:
        anna = await joined(stage, consents.grant("demo", "Anna"), name=" anna ")
        assert (anna.name, anna.opted_in) == ("anna", True)
        assert anna.consent is not None
        assert anna.consent.name == "Anna"


@pytest.mark.parametrize("forged", ["nonsense", "another's", "another room's", "expired", "revoked", "another secret"])
async def test_consent_that_does_not_hold_lets_nobody_in(stage: "WhipStage", consents: Consents, forged: str) -> None:
    tokens = {
        "nonsense": "nonsense",
        "another's": consents.grant("demo", "Berta"),
        "another room's": consents.grant("biology", "Anna"),
        "expired": consents.grant("demo", "Anna", 1e-6),
        "revoked": consents.grant("demo", "Anna"),
        "another secret": Access(SECRET + b"!").consents.grant("demo", "Anna"),
    }
    if forged == "revoked":
        await consents.revoke("demo", "Anna")
    async with stage.room:
        guest = bringing(stage, tokens[forged])
        refused = await guest.post(await guest.offer(), name="Anna")
        assert refused.status_code == 403
        assert refused.json()["detail"] == (
            "This consent does not hold here: join without it, or ask for one for this name and this room."
        )
        assert stage.room.participant("") is None


async def test_without_a_consent_nobody_is_opted_in_by_her_name(stage: "WhipStage", consents: Consents) -> None:
    consents.grant("demo", "Anna")
    async with stage.room:
        await stage.guest("Anna")
        anna = (await expect(stage.room.events(), Joined)).participant
        assert (anna.opted_in, anna.consent) == (False, None)


async def test_word_in_the_name_is_stronger_than_a_consent(stage: "WhipStage", consents: Consents) -> None:
    async with stage.room:
        anna = await joined(stage, consents.grant("demo", "Anna #optout"), name="Anna #optout")
        assert (anna.opted_in, anna.consent) == (False, None)


@pytest.mark.parametrize("room", [False], indirect=True)
async def test_consent_does_nothing_where_nobody_is_asked(stage: "WhipStage", consents: Consents) -> None:
    async with stage.room:
        anna = await joined(stage, consents.grant("demo", "Anna"), name="Anna", individual="1")
        assert (anna.opted_in, anna.consent) == (False, None)


async def test_stay_is_known_by_its_secret_address_and_only_while_it_lasts(stage: "WhipStage") -> None:
    async with stage.room:
        guest = await stage.guest("Anna")
        events = stage.room.events()
        anna = (await expect(events, Joined)).participant
        resource = guest.location.rpartition("/")[2]
        assert stage.room.participant(resource) == anna
        assert stage.room.participant(anna.id) is None
        await guest.leave()
        await expect(events, Left)
        assert stage.room.participant(resource) is None


async def test_consent_is_a_word_of_when_it_was_brought_so_that_an_opt_out_on_the_way_in_is_newer(
    stage: "WhipStage", consents: Consents
) -> None:
    async with stage.room:
        events = stage.room.events()
        guest = bringing(stage, consents.grant("demo", "Anna"))
        await expect(events, Admitted)
        posted = await guest.post(await guest.offer(), name="Anna")
        assert posted.status_code == 201, "and nothing is connected yet"
        anna = stage.room.participant(posted.headers["location"].rpartition("/")[2])
        assert (await expect(events, OptedIn)).participant == anna
