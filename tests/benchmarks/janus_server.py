"""A real Janus server in a network of its own, with rooms as a test wants them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiortc.mediastreams import MediaStreamTrack
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from bot.rooms.janus.session import JanusSession, open_session
from bot.rooms.publishing import janus_person
from tests.benchmarks.network import PEOPLE, SERVER, PrivateNetwork

PORT, ADMIN_PORT = 8188, 7188
SECRET = "test"
START_WITHIN_S = 15.0

LIBRARIES = "/usr/lib/x86_64-linux-gnu/janus"
OTHER_PLUGINS = "audiobridge duktape echotest lua nosip recordplay sip streaming textroom videocall voicemail"
OTHER_TRANSPORTS = "http mqtt nanomsg pfunix rabbitmq"
CONFIGURATION = {
    "janus.jcfg": """
general: {{
  debug_level = 3; server_name = "test"; admin_secret = "{secret}"; session_timeout = {session_timeout}
  plugins_folder = "{libraries}/plugins"; transports_folder = "{libraries}/transports"
}}
media: {{ rtp_port_range = "20000-40000"; ipv6 = false; dtls_mtu = 1200 }}
nat: {{ ice_enforce_list = "v0"; ignore_mdns = true; full_trickle = false }}
plugins: {{ disable = "{plugins}" }}
transports: {{ disable = "{transports}" }}
""",
    "janus.transport.websockets.jcfg": """
general: {{ json = "compact"; ws = true; ws_port = {port}; ws_ip = "{host}"; wss = false }}
admin: {{ admin_ws = true; admin_ws_port = {admin_port}; admin_ws_ip = "{host}"; admin_wss = false }}
""",
    "janus.plugin.videoroom.jcfg": """
general: {{ string_ids = false }}
room-1234: {{
  description = "class"; secret = "{secret}"; publishers = 40; bitrate = 2000000; fir_freq = 0
  videocodec = "vp8,h264,vp9,av1"; h264_profile = "42e01f"; notify_joining = true
}}
room-4321: {{ description = "locked"; secret = "{secret}"; pin = "sesame"; publishers = 40; notify_joining = true }}
room-2: {{ description = "small"; secret = "{secret}"; publishers = 1; notify_joining = true }}
""",
}


class JanusServer:
    """The server's process; it can be killed and started again. `url` takes a room's number."""

    def __init__(self, network: PrivateNetwork, folder: Path, session_timeout_s: int) -> None:
        self._network = network
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        values = {
            "secret": SECRET,
            "host": SERVER,
            "port": PORT,
            "admin_port": ADMIN_PORT,
            "session_timeout": session_timeout_s,
            "libraries": LIBRARIES,
            "plugins": _files(OTHER_PLUGINS),
            "transports": _files(OTHER_TRANSPORTS),
        }
        for name, text in CONFIGURATION.items():
            (folder / name).write_text(text.format(**values))

    @staticmethod
    def url(room: int | str = 1234, query: str = "") -> str:
        """Build a room's address."""
        return f"janus+ws://{SERVER}:{PORT}/{room}{query}"

    async def start(self) -> None:
        """Start; returns once it listens."""
        log = await asyncio.to_thread((self._folder / "log").open, "ab")
        with log:
            command = self._network.on_server("janus", "-F", str(self._folder), "-C", str(self._folder / "janus.jcfg"))
            self._process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
        async with asyncio.timeout(START_WITHIN_S):
            while not await _listens(PORT):
                if self._process.returncode is not None:
                    raise RuntimeError(f"janus ended at once: {(self._folder / 'log').read_text()[-500:]}")
                await asyncio.sleep(0.02)

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    async def kill(self) -> None:
        """End it without a word."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def sessions(self) -> list[int]:
        """List the sessions the server knows."""
        return list((await _ask_admin({"janus": "list_sessions"}))["sessions"])

    async def handles(self, session: int | None) -> list[int]:
        """List the handles of a session."""
        return list((await _ask_admin({"janus": "list_handles", "session_id": session}))["handles"])

    async def is_subscriber(self, session: int | None, handle: int) -> bool:
        """Return whether a handle receives."""
        return bool((await self.handle(session, handle))["plugin_specific"].get("type") == "subscriber")

    async def handle(self, session: int | None, handle: int) -> dict[str, Any]:
        """Return what the server knows of a handle."""
        answer = await _ask_admin({"janus": "handle_info", "session_id": session, "handle_id": handle})
        return dict(answer["info"])

    async def hang_up(self, session: int | None, handle: int) -> None:
        """End the media of a handle."""
        await _ask_admin({"janus": "hangup_webrtc", "session_id": session, "handle_id": handle})

    async def ask(self, **request: Any) -> Any:
        """Ask the VideoRoom something as its administrator, e.g. create, destroy, kick, listparticipants."""
        async with self.session() as session:
            handle = await session.attach()
            return (await handle.request({"secret": SECRET, **request})).data

    def session(self) -> AbstractAsyncContextManager[JanusSession]:
        """Open a session, as any client may."""
        return open_session(f"ws://{SERVER}:{PORT}", None)


@asynccontextmanager
async def janus_server(network: PrivateNetwork, *, session_timeout_s: int = 60) -> AsyncIterator[JanusServer]:
    """Run Janus on the server's host of the network that the caller is in."""
    with TemporaryDirectory() as folder:
        server = JanusServer(network, Path(folder), session_timeout_s)
        await server.start()
        try:
            yield server
        finally:
            await server.kill()


class JanusPerson(janus_person.JanusPerson):
    """A participant on the people's host of the network."""

    def __init__(self, url: str, name: str, track: MediaStreamTrack, codec: str = "VP8") -> None:
        super().__init__(url, name, track, codec, addresses=[PEOPLE])


def _files(names: str) -> str:
    return ",".join(f"libjanus_{name}.so" for name in names.split())


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(SERVER, port)
    except OSError:
        return False
    writer.close()
    return True


async def _ask_admin(message: dict[str, Any]) -> dict[str, Any]:
    address = f"ws://{SERVER}:{ADMIN_PORT}"
    async with connect(address, subprotocols=[Subprotocol("janus-admin-protocol")], proxy=None) as socket:
        await socket.send(json.dumps({**message, "transaction": "a", "admin_secret": SECRET}))
        answer: dict[str, Any] = json.loads(await socket.recv())
        return answer
