"""What a gateway counts, for Prometheus, and the app that shows it on a port of its own."""

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dashboard_protocol.queue.records import Attempt


class GatewayMetrics:
    """The gateway's metrics in a registry of the caller's; one set a registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.connections = Gauge(
            "classpulse_gateway_connections", "Open WebSocket connections, authenticated or not.", registry=registry
        )
        self.readers = Gauge("classpulse_gateway_readers", "Dashboards that watch a room.", registry=registry)
        self.queued = Gauge(
            "classpulse_gateway_queued_events", "Events that wait for readers, all readers together.", registry=registry
        )
        self.sent = Counter("classpulse_gateway_messages_sent", "Messages handed to sockets.", registry=registry)
        self.replaced = Counter(
            "classpulse_gateway_events_replaced", "Events replaced by newer ones before sending.", registry=registry
        )
        self.aborted = Counter(
            "classpulse_gateway_readers_aborted", "Readers cut off because they no longer read.", registry=registry
        )
        self.closed = Counter(
            "classpulse_gateway_connections_closed", "Connections the gateway closed.", ["code"], registry=registry
        )
        self.sessions = Counter(
            "classpulse_gateway_sessions", "Links exchanged for session tokens.", ["outcome"], registry=registry
        )


class WebhookMetrics:
    """What is told to webhooks, in a registry of the caller's; one set a registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._tries = Counter(
            "classpulse_webhook_tries",
            "Tries to tell a state: delivered, failed (it is tried again), dead (it is not).",
            ["outcome"],
            registry=registry,
        )
        self._took = Histogram(
            "classpulse_webhook_seconds",
            "How long a try took.",
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8),
            registry=registry,
        )

    def count(self, attempt: Attempt, *, is_last: bool) -> None:
        """Count a try; the last one is delivered or dead."""
        outcome = "delivered" if attempt.problem is None else "dead" if is_last else "failed"
        self._tries.labels(outcome=outcome).inc()
        self._took.observe(attempt.took_s)


def metrics_route(*registries: CollectorRegistry) -> Route:
    """Build `/metrics`, which shows these registries.

    It belongs on a port that only operators reach: a figure that moves when one face comes into view tells of a person.
    """

    async def metrics(_: Request) -> Response:
        return Response(b"".join(map(generate_latest, registries)), media_type=CONTENT_TYPE_LATEST)

    return Route("/metrics", metrics)


def metrics_app(*registries: CollectorRegistry) -> Starlette:
    """Build the app of that port."""
    return Starlette(routes=[metrics_route(*registries)])
