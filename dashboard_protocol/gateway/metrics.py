"""What a gateway counts, for Prometheus, and the app that shows it on a port of its own."""

from prometheus_client import CollectorRegistry, Counter, Gauge


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
