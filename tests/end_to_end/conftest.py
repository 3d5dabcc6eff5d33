"""Real rooms in networks of their own."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.benchmarks.janus_server import JanusServer, janus_server
from tests.benchmarks.network import PrivateNetwork, private_network


@pytest.fixture
def network() -> Iterator[PrivateNetwork]:
    """A network that only this test sees."""
    with private_network() as network:
        yield network


@pytest.fixture
async def server(network: PrivateNetwork) -> AsyncIterator[JanusServer]:
    """Janus in it."""
    async with janus_server(network) as server:
        yield server
