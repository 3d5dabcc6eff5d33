"""What `classpulse serve` runs: the gateway with the control API, and the courier of its webhooks."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from prometheus_client import REGISTRY, CollectorRegistry
from starlette.routing import BaseRoute

from bot.formula_page import formula_routes
from bot.privacy import routes as privacy_routes
from bot.privacy.audit_log import audit_obstacle
from bot.privacy.gateway_desk import GatewayBackend
from bot.rooms.local import gateway_routes
from dashboard_protocol.auth.links import Access
from dashboard_protocol.auth.revocations import open_revocations
from dashboard_protocol.auth.secrets_store import load_secret, state_directory
from dashboard_protocol.auth.tokens import Signer
from dashboard_protocol.bus import Bus, open_bus
from dashboard_protocol.bus.retention import sweeping
from dashboard_protocol.control_api.api_keys import ApiKeys
from dashboard_protocol.control_api.service import Control
from dashboard_protocol.errors import BusError, BusRefused
from dashboard_protocol.gateway.app import create_app
from dashboard_protocol.gateway.connection import Limits
from dashboard_protocol.http.metrics_endpoint import metrics_app
from dashboard_protocol.http.request_rules import OWN_ONLY, RequestRules
from dashboard_protocol.http.server import Tls, serve
from dashboard_protocol.lti.platform_keys import PlatformKeys
from dashboard_protocol.lti.platforms import Platforms
from dashboard_protocol.lti.routes import Launches, lti_routes
from dashboard_protocol.lti.spent import open_nonces
from dashboard_protocol.privacy_requests import open_privacy_requests
from dashboard_protocol.privacy_requests.base import PrivacyRequests
from dashboard_protocol.queue import Queue, open_queue
from dashboard_protocol.room_urls import AllowedRooms
from dashboard_protocol.supervisor import Supervisor
from dashboard_protocol.vocabulary import Profile
from dashboard_protocol.webhooks.addresses import AllowedReceivers
from dashboard_protocol.webhooks.metrics import WebhookMetrics
from dashboard_protocol.webhooks.sender import WebhookSender

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GatewayProcess:
    """How one gateway is served."""

    bus: str
    """URL of bus and queue."""
    host: str
    port: int
    tls: Tls | None
    rooms: AllowedRooms
    receivers: AllowedReceivers
    policy: Profile | None
    policies: frozenset[Profile]
    retention_s: float
    public_url: str | None = None
    rules: RequestRules = OWN_ONLY
    """Which requests are taken."""
    limits: Limits = field(default_factory=Limits)
    """What it grants, and whose pages may show the compact view."""
    platforms: Platforms | None = None
    """Whose courses open their classes here; None for nobody's."""
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = None
    """Where figures are served; None for nowhere."""

    async def run(self, stop: asyncio.Event, say: Callable[[str], None]) -> None:
        """Serve until `stop` is set.

        Raises:
            DashboardError: It cannot be served like this; the text says what to do.
        """
        async with AsyncExitStack() as stack:
            bus = open_bus(self.bus, retention_s=self.retention_s)
            stack.push_async_callback(bus.close)
            secret = load_secret()
            queue = open_queue(self.bus, secret, retention_s=self.retention_s)
            stack.push_async_callback(queue.close)
            await _see_that_they_can_be_used(bus, queue)
            access = Access(secret, revocations=open_revocations(self.bus, state_directory()))
            stack.push_async_callback(access.revocations.close)
            await access.revocations.begin()
            control = Control(
                queue, bus, access, ApiKeys(), self.rooms, self.policy, self.policies, self.receivers, self.public_url
            )
            requests = open_privacy_requests(self.bus)
            if requests is not None:
                stack.push_async_callback(requests.close)
            public = _public_routes(requests, bus, queue, access)
            if self.platforms is not None:
                nonces = open_nonces(self.bus)
                stack.push_async_callback(nonces.close)
                public += lti_routes(Launches(self.platforms, control, Signer(secret), nonces, PlatformKeys()))
            registry = CollectorRegistry()
            background = Supervisor()
            app = create_app(
                bus, access, registry=registry, limits=self.limits, control=control, extra_routes=public,
                obstacle=lambda: background.obstacle() or audit_obstacle(state_directory()),
            )  # fmt: skip
            serving = serve(app, self.host, self.port, tls=self.tls, rules=self.rules)
            server = await stack.enter_async_context(serving)
            if self.metrics_port is not None:
                figures = serve(metrics_app(registry, REGISTRY), self.metrics_host, self.metrics_port, rules=self.rules)
                say(f"figures    {(await stack.enter_async_context(figures)).origin}/metrics")
            # Behind the server: what it raises must come out as it is, and not in a group.
            sender = WebhookSender(queue, self.receivers, WebhookMetrics(registry))
            await stack.enter_async_context(sender.delivering(background))
            await stack.enter_async_context(sweeping(bus, background))
            say(f"serving    {server.origin}   (API: {server.origin}/docs)")
            await stop.wait()


def _public_routes(requests: PrivacyRequests | None, bus: Bus, queue: Queue, access: Access) -> list[BaseRoute]:
    """Build what people in a room use; a bus of one process brings nobody's bots."""
    if requests is None:
        return formula_routes()
    backend = GatewayBackend(requests, bus, queue, access)
    return [*formula_routes(), *privacy_routes.routes(backend), *gateway_routes.routes(queue, backend.notice)]


async def _see_that_they_can_be_used(bus: Bus, queue: Queue) -> None:
    """Refuse to start on a Redis that answers and will not do; one that is away is asked again by everybody."""
    try:
        await bus.ping()
        await queue.ping()
    except BusRefused:
        raise
    except BusError as error:
        log.warning("%s Readers and callers are asked to come back.", error)
