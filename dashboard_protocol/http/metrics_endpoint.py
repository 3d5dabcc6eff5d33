"""`/metrics` for Prometheus, on a port of its own that only operators reach."""

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def metrics_route(*registries: CollectorRegistry) -> Route:
    """Build `/metrics`, which shows these registries.

    It belongs on a port that only operators reach: a figure that moves when one face comes into view shows a person.
    """

    async def metrics(_: Request) -> Response:
        return Response(b"".join(map(generate_latest, registries)), media_type=CONTENT_TYPE_LATEST)

    return Route("/metrics", metrics)


def metrics_app(*registries: CollectorRegistry) -> Starlette:
    """Build the app of that port."""
    return Starlette(routes=[metrics_route(*registries)])
