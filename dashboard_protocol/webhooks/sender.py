"""Notifies webhooks of bots' states and of alerts: each once where all goes well, again with growing pauses where not.

Any number of gateways deliver side by side: the queue leases a notification to one of them at a time.
"""

import asyncio
import logging
import random
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx

from dashboard_protocol.backoff import Backoff
from dashboard_protocol.errors import BusError, WebhookRefused
from dashboard_protocol.http.outbound import new_client
from dashboard_protocol.queue.base import Queue
from dashboard_protocol.queue.records import Attempt, Due, delivery_id
from dashboard_protocol.supervisor import Supervisor
from dashboard_protocol.webhooks.addresses import AllowedReceivers
from dashboard_protocol.webhooks.messages import message_of
from dashboard_protocol.webhooks.metrics import WebhookMetrics
from dashboard_protocol.webhooks.signature import sign

CONNECT_S = 3.0
TRY_S = 8.0
"""For one try, from asking for the address to the head of the answer."""
LEASE_S = 15.0
"""Longer than a try: else two gateways would send the same."""
POLL_S = 1.0
"""What is to be sent again comes by time: no news says so."""
LONGEST_POLL_S = 5.0
MAX_TRIES = 8
PAUSES = Backoff(1.0, 3600.0, factor=4.0, spread=0.5)
AT_ONCE = 32

log = logging.getLogger(__name__)


def pause_s(failed: int, luck: float) -> float | None:
    """Return how long to wait after so many failed tries; None when it is enough.

    1, 4, 16 … seconds, at most an hour, and up to half of that again, so that what failed together does not come back
    together: eight tries over about an hour and a half.

    Args:
        failed: from 1.
        luck: in [0, 1).
    """
    if failed >= MAX_TRIES:
        return None
    return PAUSES.after(failed, luck)


class WebhookSender:
    """Delivers what the queue holds for webhooks.

    Args:
        queue: where the notifications wait.
        receivers: which addresses may be notified.
        metrics: counts the tries.
        tls: what certificates are checked against; None for the public authorities.
    """

    def __init__(
        self, queue: Queue, receivers: AllowedReceivers, metrics: WebhookMetrics, tls: ssl.SSLContext | None = None
    ) -> None:
        self._queue = queue
        self._receivers = receivers
        self._metrics = metrics
        self._tls = tls
        self._free = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def delivering(self, background: Supervisor | None = None) -> AsyncIterator[None]:
        """Deliver while inside; leaving finishes the tries in work and begins no other.

        Args:
            background: keeps at it; None for one of its own.
        """
        client = new_client(  # by no proxy, which would resolve the name again
            verify=self._tls,
            timeout=httpx.Timeout(TRY_S, connect=CONNECT_S),
            # A connection belongs to an address and a name; the next receiver at the address may have another name.
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        # The group holds tries alone, which raise nothing: what breaks in here is nobody else's end.
        tasks = background or Supervisor()
        async with client, asyncio.TaskGroup() as tries, tasks.running("webhooks", lambda: self._take(client, tries)):
            yield

    async def _take(self, client: httpx.AsyncClient, tasks: asyncio.TaskGroup) -> None:
        backoff = Backoff(POLL_S, LONGEST_POLL_S)
        while True:
            await self._free.acquire()
            due, pause_s = None, 0.0
            try:
                due = await self._queue.take_delivery(LEASE_S)
            except BusError as error:
                pause_s = backoff.failed()
                log.warning("%s Webhooks wait.", error)
            finally:
                if due is None:
                    self._free.release()
            if pause_s:
                await asyncio.sleep(pause_s)
            elif due is None:
                backoff.went_well()
                with suppress(BusError):  # the next look meets it again, and says so
                    await self._queue.wait_for_delivery(POLL_S)
            else:
                tasks.create_task(self._deliver(client, due), name=f"webhook of {due.record.invitation.id}")

    async def _deliver(self, client: httpx.AsyncClient, due: Due) -> None:
        try:
            attempt = await self._try(client, due)
            retry_s = None if attempt.problem is None else pause_s(due.tries + 1, random.random())
            self._metrics.count(attempt, is_last=retry_s is None)
            if attempt.problem is not None:
                log.warning(
                    "notification %d of bot %s was not taken (%s), %s.",
                    due.number, due.record.invitation.id, attempt.problem,
                    "given up" if retry_s is None else f"again in {retry_s:.0f} s",
                )  # fmt: skip
            await self._queue.settle_delivery(due, attempt, retry_s)
        except BusError as error:
            log.warning("%s A webhook may be notified twice.", error)
        except Exception:
            log.exception("notification %d of bot %s could not be sent.", due.number, due.record.invitation.id)
        finally:
            self._free.release()

    async def _try(self, client: httpx.AsyncClient, due: Due) -> Attempt:
        started_s = time.monotonic()
        at, status, problem = time.time(), None, None
        try:
            async with asyncio.timeout(TRY_S):
                status = await self._post(client, due, int(at))
            if not 200 <= status < 300:
                problem = "redirect" if 300 <= status < 400 else f"http_{status}"
        except (TimeoutError, httpx.TimeoutException):
            problem = "timeout"
        except WebhookRefused:
            problem = "address_refused"
        except OSError:
            problem = "no_address"
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            problem = "tls" if "SSL" in str(error) else "unreachable"
        took_s = round(time.monotonic() - started_s, 3)
        return Attempt(number=due.number, at=round(at, 3), took_s=took_s, status=status, problem=problem)

    async def _post(self, client: httpx.AsyncClient, due: Due, timestamp_s: int) -> int:
        webhook = due.record.invitation.webhook
        assert webhook is not None
        checked = await self._receivers.check(webhook.url)
        url = httpx.URL(webhook.url)
        # The very addresses and port that were checked, under the name of the URL.
        targets = [url.copy_with(host=address, port=checked.origin.port) for address in checked.addresses]
        body = message_of(due).model_dump_json(by_alias=True).encode()
        headers = {
            "host": url.netloc.decode(),
            "content-type": "application/json",
            "user-agent": "classpulse-webhook/1",
        }
        headers |= sign(webhook.secret, delivery_id(due.record, due.number), timestamp_s, body)
        name = {"sni_hostname": checked.origin.host}
        requests = [
            client.build_request("POST", target, content=body, headers=headers, extensions=name) for target in targets
        ]
        for request in requests[:-1]:
            try:
                return await _answer(client, request)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await _answer(client, requests[-1])


async def _answer(client: httpx.AsyncClient, request: httpx.Request) -> int:
    """Return the status, and read no body, however long it is."""
    answer = await client.send(request, stream=True)
    await answer.aclose()
    return answer.status_code
