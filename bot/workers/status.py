"""What a worker shows an operator: figures of itself and of its bots, and whether it can take meetings."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from dashboard_protocol.http.metrics_endpoint import metrics_route
from dashboard_protocol.http.request_rules import OWN_ONLY, RequestRules
from dashboard_protocol.http.server import Served, serve

CHECK_S = 3.0

log = logging.getLogger(__name__)


class WorkerFigures(Collector):
    """A worker's own figures, and the newest that each of its bots reported, with the bot's id beside them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.capacity = Gauge("classpulse_worker_capacity", "Most meetings at once.", registry=self.registry)
        self.meetings = Gauge("classpulse_worker_meetings", "Meetings that are served.", registry=self.registry)
        self.claims = Counter("classpulse_worker_claims", "Invitations claimed.", registry=self.registry)
        self.restarts = Counter("classpulse_worker_restarts", "Bots that broke and began anew.", registry=self.registry)
        self.away = Gauge("classpulse_worker_queue_away", "1 while the queue does not answer.", registry=self.registry)
        self.warm = Gauge(
            "classpulse_worker_warm", "1 while a next meeting's process is to be had at once.", registry=self.registry
        )
        self._reported: dict[str, str] = {}
        self.registry.register(self)

    def report(self, bot: str, text: str) -> None:
        """Take what a bot reports, in Prometheus' text format; it replaces what it reported before."""
        self._reported[bot] = text

    def forget(self, bot: str) -> None:
        """Drop the figures of a bot that is gone."""
        self._reported.pop(bot, None)

    def describe(self) -> Iterator[Metric]:
        """Name nothing before there is something."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Merge what the bots reported."""
        merged: dict[str, Metric] = {}
        for bot, text in self._reported.items():
            for family in _families(bot, text):
                mine = merged.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                for sample in family.samples:
                    mine.add_sample(sample.name, {**sample.labels, "bot": bot}, sample.value)
        yield from merged.values()


def _families(bot: str, text: str) -> list[Metric]:
    try:
        return list(text_string_to_metric_families(text))
    except ValueError as error:  # what one bot reports must not hide the others'
        log.warning("the figures of bot %s cannot be read: %s", bot, error)
        return []


Check = Callable[[], Awaitable[str | None]]
"""Says what stands in the way; None for nothing."""


@asynccontextmanager
async def serving_status(
    figures: WorkerFigures, checks: Mapping[str, Check], host: str, port: int, rules: RequestRules = OWN_ONLY
) -> AsyncIterator[Served]:
    """Serve `/metrics`, `/healthz` and `/readyz` while inside.

    Args:
        figures: what `/metrics` serves.
        checks: what must hold for the worker to be ready, by name.
        host: address to listen on.
        port: 0 for any free one.
        rules: which requests are taken.

    Raises:
        ServerRefused: The address cannot be used.
    """

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok")

    async def readyz(_: Request) -> Response:
        answers = await asyncio.gather(*map(_within_time, checks.values()))
        missing = {name: why for name, why in zip(checks, answers, strict=True) if why is not None}
        if missing:
            return JSONResponse({"status": "not ready", **missing}, 503)
        return JSONResponse({"status": "ready"})

    routes = [metrics_route(figures.registry), Route("/healthz", healthz), Route("/readyz", readyz)]
    async with serve(Starlette(routes=routes), host, port, rules=rules) as server:
        yield server


async def _within_time(check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_S):
            return await check()
    except TimeoutError:
        return f"No answer within {CHECK_S:.0f} s."
