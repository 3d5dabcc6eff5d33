"""The server against peers that are slow, silent or rude."""

import asyncio
import resource
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from dashboard_protocol.errors import ServerRefused
from dashboard_protocol.events import BotState, State
from dashboard_protocol.http.descriptors import most_descriptors
from dashboard_protocol.http.request_rules import RequestRules, trusted_proxies
from dashboard_protocol.http.server import Pace, Served, Tls, serve
from tests.dashboard_protocol.staging import ROOM, Stage, a_stage, summary

QUICK = Pace(ping_s=0.2, silence_s=1.5, request_s=0.3, response_s=0.3, farewell_s=0.2)
HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


async def hello_world(_: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


APP = Starlette(routes=[Route("/", hello_world, methods=["GET", "POST"])])


def masked_text(text: str) -> bytes:
    payload = text.encode()
    assert 125 < len(payload) < 65_536
    return bytes([0x81, 0x80 | 126]) + struct.pack("!H", len(payload)) + b"\0\0\0\0" + payload  # masked with zeros


class RawReader:
    """A WebSocket reader on a bare socket with a small buffer, so that it can really stop reading."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.setblocking(False)

    async def authenticate(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.sock_connect(self.socket, ("127.0.0.1", self._stage.server.port))
        path = f"/v1/rooms/{ROOM.replace(' ', '%20')}/events"
        await loop.sock_sendall(self.socket, HANDSHAKE.format(path=path).encode())
        assert (await loop.sock_recv(self.socket, 4096)).startswith(b"HTTP/1.1 101")
        message = f'{{"type":"authenticate","v":1,"token":"{self._stage.token()}"}}'
        await loop.sock_sendall(self.socket, masked_text(message))


async def reached(stage: Stage, metric: str, value: float, within_s: float) -> None:
    async with asyncio.timeout(within_s):
        while stage.metric(metric) != value:
            await stage.http("GET", "/healthz")


async def test_reader_that_stops_reading_is_cut_off_and_slows_nobody() -> None:
    async with a_stage(pace=QUICK) as stage:
        writer = await stage.writer()
        stalled = RawReader(stage)
        with stalled.socket:
            await stalled.authenticate()
            async with stage.watch() as reader:
                await reader.until("snapshot")
                await reached(stage, "readers", 2, 10)
                started, delays = time.monotonic(), []
                while stage.metric("readers") == 2:
                    sent = time.monotonic()
                    await writer.publish(summary(), at=sent)
                    await reader.until("class_summary")
                    delays.append(time.monotonic() - sent)
                    assert sent - started < 10
                assert time.monotonic() - started >= QUICK.silence_s - QUICK.ping_s
                assert sorted(delays)[int(len(delays) * 0.95)] < 0.5
                assert stage.metric("readers_aborted_total") == 1
                assert reader.socket.close_code is None


async def test_reader_whose_queue_is_full_is_cut_off_in_the_middle_of_a_write() -> None:
    patient = Pace(ping_s=60, silence_s=60)
    async with a_stage(pace=patient) as stage:
        writer = await stage.writer()
        stalled = RawReader(stage)
        with stalled.socket:
            await stalled.authenticate()
            await reached(stage, "readers", 1, 10)
            state = BotState(state=State.RECONNECTING, since=1, reason="x" * 100_000)
            async with asyncio.timeout(30):
                while stage.metric("readers_aborted_total") == 0:
                    await writer.publish(state, at=1)
                    await stage.http("GET", "/healthz")
            await reached(stage, "readers", 0, 10)


async def test_reader_that_only_writes_is_cut_off_once_its_buffer_stays_full() -> None:
    async with a_stage(pace=QUICK) as stage:
        writer = await stage.writer()
        stalled = RawReader(stage)
        with stalled.socket:
            await stalled.authenticate()
            await reached(stage, "readers", 1, 10)
            for _ in range(60):
                await writer.publish(BotState(state=State.LIVE, since=1, reason="x" * 200_000), at=1)
                await stage.http("GET", "/healthz")
            message = masked_text('{"type":"rate","rate_hz":null,"padding":"' + "x" * 120 + '"}')
            async with asyncio.timeout(3):
                while stage.metric("readers_aborted_total") == 0:
                    with suppress(ConnectionError, BlockingIOError):
                        stalled.socket.send(message)
                    await stage.http("GET", "/healthz")


async def test_reader_that_answers_pings_stays() -> None:
    async with a_stage(pace=QUICK) as stage:
        writer = await stage.writer()
        async with stage.watch() as reader:
            await reader.until("snapshot")
            assert await reader.hears_nothing(for_s=3 * QUICK.silence_s)
            await writer.publish(summary(), at=1)
            await reader.until("class_summary")
        assert stage.metric("readers_aborted_total") == 0


async def test_readers_are_notified_when_the_server_goes() -> None:
    started = 0.0
    async with AsyncExitStack() as readers:
        async with a_stage(pace=QUICK) as stage:
            reader = await readers.enter_async_context(stage.connect())
            watching = await readers.enter_async_context(stage.watch())
            stalled = RawReader(stage)
            readers.callback(stalled.socket.close)
            await stalled.authenticate()
            await reached(stage, "readers", 2, 10)
            started = time.monotonic()
        assert time.monotonic() - started < 2
        assert await watching.close_code() == 1001
        assert await reader.close_code() == 1001


async def exchange(server: Served, *parts: bytes) -> tuple[bytes, float]:
    """Send parts and read until the server closes; return what came and how long it took."""
    started = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    for part in parts:
        writer.write(part)
        await writer.drain()
    try:
        async with asyncio.timeout(30):
            answer = await reader.read()
    except ConnectionResetError:
        answer = b""
    writer.close()
    return answer, time.monotonic() - started


@pytest.mark.parametrize(
    "request_head",
    [
        b"",
        b"GET / HTT",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc",
    ],
    ids=["nothing", "line", "head", "body"],
)
async def test_request_that_never_ends_is_cut_off(request_head: bytes) -> None:
    async with serve(APP, port=0, pace=QUICK) as server:
        _, took_s = await exchange(server, request_head)
    assert QUICK.request_s * 0.9 < took_s < 30


async def test_trickling_does_not_extend_the_deadline() -> None:
    async with serve(APP, port=0, pace=QUICK) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        started = time.monotonic()
        with suppress(ConnectionError):
            while time.monotonic() - started < 60:
                writer.write(b"G")
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.02):
                        assert await reader.read(1) == b""
                        break
        assert time.monotonic() - started < 30
        writer.close()


async def test_quick_requests_may_follow_each_other_for_longer_than_the_deadline() -> None:
    async with serve(APP, port=0, pace=QUICK) as server, httpx.AsyncClient(base_url=server.origin) as client:
        started = time.monotonic()
        while time.monotonic() - started < 3 * QUICK.request_s:
            assert (await client.post("/", content=b"abc")).text == "hello"


async def test_response_that_nobody_takes_is_cut_off() -> None:
    given_up = asyncio.Event()

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 1_000_000
        given_up.set()

    async def large(_: Request) -> StreamingResponse:
        return StreamingResponse(parts())

    async with serve(Starlette(routes=[Route("/large", large)]), port=0, pace=QUICK) as server:
        with socket.socket() as idle:
            idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            idle.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(idle, ("127.0.0.1", server.port))
            await loop.sock_sendall(idle, b"GET /large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            async with asyncio.timeout(30):
                await given_up.wait()
            got = 0
            with suppress(ConnectionError):
                while part := await loop.sock_recv(idle, 65_536):
                    got += len(part)
    assert got < 20_000_000


async def test_taken_port_is_one_clear_line() -> None:
    async with serve(APP, port=0) as server:
        with pytest.raises(ServerRefused, match=rf"127\.0\.0\.1:{server.port} .*choose another host or port"):
            async with serve(APP, port=server.port):
                pass


@pytest.mark.parametrize(("host", "port"), [("host.invalid", 0), ("127.0.0.1", 70_000)])
async def test_unusable_address_is_one_clear_line(host: str, port: int) -> None:
    with pytest.raises(ServerRefused, match="choose"):
        async with serve(APP, host, port):
            pass


async def test_caller_s_error_passes_through_and_frees_the_port() -> None:
    with pytest.raises(KeyError):
        async with serve(APP, port=0) as server:
            raise KeyError("the caller's")
    async with serve(APP, port=server.port):
        pass


async def test_cancelled_server_frees_its_port() -> None:
    started: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def run() -> None:
        async with serve(APP, port=0) as server:
            started.set_result(server.port)
            await asyncio.Event().wait()

    running = asyncio.create_task(run())
    port = await started
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    async with serve(APP, port=port):
        pass


def _certificate(folder: Path) -> Tls:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    tls = Tls(folder / "certificate.pem", folder / "key.pem")
    tls.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    no_password = serialization.NoEncryption()
    tls.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, no_password))
    return tls


async def test_https_is_served(tmp_path: Path) -> None:
    tls = _certificate(tmp_path)
    trust = ssl.create_default_context(cafile=str(tls.certificate))
    async with serve(APP, port=0, tls=tls) as server, httpx.AsyncClient(verify=trust) as client:
        assert server.origin.startswith("https://")
        assert (await client.get(server.origin)).text == "hello"


async def test_unusable_certificate_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ServerRefused, match="check both PEM files"):
        async with serve(APP, port=0, tls=Tls(tmp_path / "none.pem", tmp_path / "none.pem")):
            pass


async def half_open(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: 127.0")
    await writer.drain()
    return reader, writer


@pytest.mark.parametrize("trusted", [(), ("127.0.0.1",)])
async def test_requests_that_never_arrive_keep_nobody_out(trusted: tuple[str, ...]) -> None:
    rules = RequestRules(proxies=trusted_proxies(trusted))
    async with serve(APP, port=0, connections=64, rules=rules) as server:
        idle = [await half_open(server.port) for _ in range(60)]
        async with httpx.AsyncClient(base_url=server.origin) as client, asyncio.timeout(30):
            assert (await client.get("/")).text == "hello"
            if not trusted:  # a proxy's own connections are its own affair
                with suppress(ConnectionError):  # all but the newest eight have gone
                    assert await idle[0][0].read() == b""
        for _, writer in idle:
            writer.close()


async def test_connections_are_taken_up_to_the_most_and_the_next_one_ends_at_once() -> None:
    held, began = asyncio.Event(), asyncio.Semaphore(0)

    async def hold(_: Request) -> PlainTextResponse:
        began.release()
        await held.wait()
        return PlainTextResponse("held")

    app = Starlette(routes=[Route("/", hello_world), Route("/hold", hold)])
    async with serve(app, port=0, connections=16) as server, httpx.AsyncClient(base_url=server.origin) as client:
        holding = []
        for _ in range(16):
            holding.append(asyncio.create_task(client.get("/hold")))
            await began.acquire()
        async with httpx.AsyncClient(base_url=server.origin) as other:
            with pytest.raises(httpx.TransportError):
                await other.get("/")
        held.set()
        assert {(await answer).text for answer in holding} == {"held"}


def test_server_may_hold_as_many_descriptors_as_the_system_allows() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    try:
        most = most_descriptors()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(hard, 65_536) == most
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
