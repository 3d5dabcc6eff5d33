"""What is counted of webhooks, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Histogram

from dashboard_protocol.queue.records import Attempt


class WebhookMetrics:
    """What webhooks are notified of, in a registry of the caller's; one set a registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._tries = Counter(
            "classpulse_webhook_tries",
            "Tries to notify of a state: delivered, failed (it is tried again), dead (it is not).",
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
