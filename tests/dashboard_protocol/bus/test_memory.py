"""The memory bus keeps the contract."""

from collections.abc import AsyncIterator

import pytest

from dashboard_protocol.bus import MemoryBus, open_bus
from dashboard_protocol.errors import BusError
from tests.contracts.buses import BusContract


class TestMemoryBus(BusContract):
    """`memory://`."""

    @pytest.fixture
    async def bus(self) -> AsyncIterator[MemoryBus]:
        bus = open_bus("memory://")
        assert isinstance(bus, MemoryBus)
        yield bus
        await bus.close()

    @pytest.fixture
    async def forgetful(self) -> AsyncIterator[MemoryBus]:
        bus = MemoryBus(retention_s=self.retention_s)
        yield bus
        await bus.close()


@pytest.mark.parametrize("url", ["nats://localhost", "nonsense", ""])
def test_other_buses_are_refused_by_name(url: str) -> None:
    with pytest.raises(BusError, match="memory://"):
        open_bus(url)
