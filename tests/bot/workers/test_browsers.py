"""How many meetings that are pages a worker takes is a matter of memory, and what fits no more is left to others."""

import asyncio
from pathlib import Path

import pytest

from bot.workers import browsers
from bot.workers.browsers import MEETING_MB, PAGE_MB, REST_MB, browsers_that_fit, memory_mb
from dashboard_protocol.vocabulary import State
from tests.bot.workers.test_worker import a_shift


@pytest.mark.parametrize(
    ("memory", "capacity", "fit"),
    [(1000, 4, 1), (4_000, 4, 3), (8_000, 4, 4), (8_000, 8, 7), (64_000, 16, 16), (2_000, 1, 1)],
)
def test_as_many_browsers_fit_as_have_their_memory_beside_the_other_meetings(
    memory: int, capacity: int, fit: int
) -> None:
    assert browsers_that_fit(memory, capacity) == fit
    if fit > 1:
        assert REST_MB + fit * PAGE_MB + (capacity - fit) * MEETING_MB <= memory


def test_limit_of_a_container_counts_and_that_of_the_groups_around_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = memory_mb()
    inner = tmp_path / "groups" / "service" / "worker"
    inner.mkdir(parents=True)
    (tmp_path / "own").write_text("0::/service/worker\n")
    monkeypatch.setattr(browsers, "CGROUPS", tmp_path / "groups")
    monkeypatch.setattr(browsers, "OWN_CGROUP", tmp_path / "own")
    (inner / "memory.max").write_text("max\n")
    (inner.parent / "memory.max").write_text("64000000\n")
    assert memory_mb() == 64
    (inner.parent / "memory.max").write_text("max\n")
    assert memory_mb() >= whole


async def test_worker_without_room_for_another_browser_takes_the_meetings_that_need_none() -> None:
    async with a_shift(capacity=3, browser_bots=0) as shift:
        await shift.invite("browser+https://127.0.0.1:9/a", id="page")
        await shift.invite("local://r", id="local")
        await shift.until(State.LIVE, bot="local")
        record = await shift.queue.bot("page")
        assert record is not None
        assert record.worker is None
        async with asyncio.timeout(5):
            taken = await shift.queue.claim("other")
        assert taken is not None
        assert taken.invitation.id == "page"
