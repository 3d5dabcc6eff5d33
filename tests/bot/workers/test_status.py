"""What an operator learns of a worker."""

import asyncio

import httpx
import pytest
from prometheus_client import generate_latest

from bot.workers import status as worker_status
from bot.workers.status import WorkerFigures, serving_status

FIRST = """# HELP classpulse_reads_total Reads.
# TYPE classpulse_reads_total counter
classpulse_reads_total{outcome="done"} 7.0
# HELP classpulse_read_seconds Duration.
# TYPE classpulse_read_seconds histogram
classpulse_read_seconds_bucket{le="1.0"} 3.0
classpulse_read_seconds_bucket{le="+Inf"} 4.0
classpulse_read_seconds_count 4.0
classpulse_read_seconds_sum 2.5
"""


def test_figures_of_all_bots_stand_beside_each_other_until_a_bot_is_gone() -> None:
    figures = WorkerFigures()
    figures.capacity.set(4)
    figures.report("a", FIRST)
    figures.report("b", FIRST)
    figures.report("b", FIRST.replace("7.0", "9.0"))
    text = generate_latest(figures.registry).decode()
    assert "classpulse_worker_capacity 4.0" in text
    assert text.count("# TYPE classpulse_reads_total counter") == 1
    for line in ('{bot="a",outcome="done"} 7.0', '{bot="b",outcome="done"} 9.0'):
        assert f"classpulse_reads_total{line}" in text
    assert 'classpulse_read_seconds_bucket{bot="a",le="+Inf"} 4.0' in text
    figures.forget("a")
    figures.forget("a")
    text = generate_latest(figures.registry).decode()
    assert 'bot="a"' not in text
    assert 'bot="b"' in text


async def test_worker_is_ready_while_queue_and_engine_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_status, "CHECK_S", 0.2)
    obstacle: str | None = None

    async def queue() -> str | None:
        return obstacle

    async def engine() -> str | None:
        if obstacle == "silence":
            await asyncio.Event().wait()
        return None

    checks = {"queue": queue, "engine": engine}
    async with (
        serving_status(WorkerFigures(), checks, "127.0.0.1", 0) as server,
        httpx.AsyncClient(base_url=server.origin) as http,
    ):
        assert (await http.get("/healthz")).status_code == 200
        assert (await http.get("/readyz")).json() == {"status": "ready"}
        assert "classpulse_worker_meetings" in (await http.get("/metrics")).text
        obstacle = "Redis is away."
        answer = await http.get("/readyz")
        assert (answer.status_code, answer.json()) == (503, {"status": "not ready", "queue": "Redis is away."})
        obstacle = "silence"
        assert "No answer" in (await http.get("/readyz")).json()["engine"]
        assert (await http.get("/healthz")).status_code == 200
