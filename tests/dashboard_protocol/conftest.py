"""Fixtures of this package."""

from collections.abc import AsyncIterator

import pytest

from dashboard_protocol.access import Access
from tests.dashboard_protocol.staging import SECRET, Clock, Stage, a_stage


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """A gateway with the default limits."""
    async with a_stage() as stage:
        yield stage


@pytest.fixture
def clock() -> Clock:
    """What `access` goes by."""
    return Clock()


@pytest.fixture
def access(clock: Clock) -> Access:
    """Access that goes by a clock which a test moves."""
    return Access(SECRET, clock=clock)
