"""Renewing a session takes a fresh token of this room, however long the present one still holds."""

import pytest

from dashboard_protocol.auth.links import Access
from tests.dashboard_protocol.staging import ROOM, SECRET, a_stage

FOREIGN = Access(b"another secret of thirty-two bytes")
OURS = Access(SECRET)


@pytest.mark.parametrize(
    "token",
    [
        "nonsense",
        OURS.standing_link(ROOM),
        OURS.exchange("another room", OURS.standing_link("another room"))[0],
        FOREIGN.exchange(ROOM, FOREIGN.standing_link(ROOM))[0],
        OURS.consents.grant(ROOM, "Anna"),
    ],
    ids=["nonsense", "a link", "another room's", "another secret's", "a consent"],
)
async def test_token_that_opens_nothing_ends_a_session_that_would_still_hold(token: str) -> None:
    async with a_stage() as stage:
        await stage.writer()
        async with stage.watch() as reader:
            await reader.next()
            await reader.send({"type": "renew", "token": token})
            assert await reader.close_code() == 4403


async def test_fresh_token_prolongs_the_session() -> None:
    async with a_stage(access=Access(SECRET, session_s=30.0)) as stage:
        await stage.writer()
        longer = Access(SECRET, session_s=300.0)
        async with stage.watch() as reader:
            await reader.send({"type": "renew", "token": longer.exchange(ROOM, longer.standing_link(ROOM))[0]})
            while (message := await reader.next())["type"] != "renewed":
                pass
            assert 290 < message["expires_in_s"] <= 300
