"""People come and go, and the bot gives back what they cost; `tests/benchmarks/soak.py` does it for longer."""

import asyncio

import pytest

from tests.benchmarks.network import missing, private_network
from tests.benchmarks.soak import Plan, soak

WHY_NOT = missing("janus")
pytestmark = [pytest.mark.integration, pytest.mark.alone, pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))]

PLAN = Plan(minutes=0.2, publishers=4, churn_s=2.0, settling_s=6.0, giving_back_s=4.0)


def test_threads_and_sockets_are_given_back() -> None:
    """Memory needs a longer look: in seconds only something gross would show."""
    with private_network() as network:
        figures = asyncio.run(soak(network, PLAN))
    # The event loop's own pool takes a second thread when two short jobs meet; each leaver's decoder would be one more.
    assert figures["threads_left"] <= 2 < figures["churned"]
    assert figures["sockets_left"] <= 0
    assert figures["growth_mb"] < 30.0
