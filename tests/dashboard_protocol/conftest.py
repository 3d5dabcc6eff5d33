"""Fixtures of this package."""

from collections.abc import AsyncIterator

import pytest

from tests.dashboard_protocol.staging import Stage, a_stage


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """A gateway with the default limits."""
    async with a_stage() as stage:
        yield stage
