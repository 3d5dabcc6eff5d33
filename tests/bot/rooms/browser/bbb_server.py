"""A double of a BigBlueButton server: its API's join, its GraphQL socket, and the page that `bbb.js` makes."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboard_protocol.http.server import serve

FOLDER = Path(__file__).parent
SECRET = "speak-friend-and-enter"
TOKEN = "mellon-token"
FIELDS = ("user_current", "user_camera", "chat_message_public", "user", "meeting")


class BbbServer:
    """What the server knows is in `rows`, by field; `publish` says it to the client, as changes where it wants them."""

    def __init__(self) -> None:
        self.origin = ""
        self.is_open = True
        """Whether there is such a meeting."""
        self.secrets = FOLDER
        """File of the API's secret."""
        self.joins: list[dict[str, str]] = []
        """What the bot's joins asked for."""
        self.mutations: list[dict[str, Any]] = []
        self.rows: dict[str, Any] = {
            "user_current": [{"userId": "bot", "joined": False, "guestStatus": "ALLOW", "locked": True}],
            "user": [{"userId": "bot", "name": "the bot", "bot": True}],
            "user_camera": [],
            "meeting": [{"pageSize": 25}],
            "chat_message_public": [],
        }
        self.patches = 0
        self._sockets: dict[WebSocket, dict[str, tuple[str, Any]]] = {}
        self._news = asyncio.Condition()

    @property
    def me(self) -> dict[str, Any]:
        """The bot's own row."""
        row: dict[str, Any] = self.rows["user_current"][0]
        return row

    def add(self, user: str, name: str, colour: tuple[int, int] | None = None, **more: Any) -> str:
        """Let somebody come, with a camera of a colour; returns its id."""
        row = {"userId": user, "name": name, "bot": False, "isModerator": False, **more}
        self.rows["user"].append(row)
        stream = f"{user}_s_{'.'.join(map(str, colour or ()))}"
        if colour is not None:
            self.rows["user_camera"].append({"streamId": stream, "user": row})
        return stream

    async def publish(self) -> None:
        """Say what has changed."""
        for socket in list(self._sockets):
            for id_ in list(self._sockets[socket]):
                await self._answer(socket, id_)

    async def order(self, name: str, **what: object) -> None:
        """Have the page do something."""
        for socket in self._sockets:
            await socket.send_json({"type": "order", "payload": {"name": name, **what}})

    async def until(self, holds: Any) -> None:
        """Wait until something holds that the page brings about."""
        async with asyncio.timeout(60), self._news:
            await self._news.wait_for(holds)

    def asked(self, mutation: str) -> list[dict[str, Any]]:
        """Return what was asked for by a mutation."""
        return [each.get("variables", {}) for each in self.mutations if mutation in each["query"]]

    def app(self) -> Starlette:
        """Build what is served."""
        return Starlette(
            routes=[
                Route("/bigbluebutton/api/join", self._join),
                Route("/html5client/join", lambda _: FileResponse(FOLDER / "bbb.html")),
                Route("/bbb.js", lambda _: FileResponse(FOLDER / "bbb.js")),
                Route("/", lambda _: HTMLResponse("<title>BigBlueButton</title>")),
                WebSocketRoute("/graphql", self._serve),
            ]
        )

    async def _join(self, request: Request) -> Response:
        signed, _, checksum = request.url.query.rpartition("&checksum=")
        self.joins.append(dict(parse_qsl(signed)))
        if checksum != hashlib.sha256(f"join{signed}{SECRET}".encode()).hexdigest():
            return _refused("checksumError", "The checksums do not match")
        if not self.is_open:
            return _refused("notFound", "There is no such meeting")
        return RedirectResponse(f"/html5client/join?sessionToken={TOKEN}")

    async def _serve(self, socket: WebSocket) -> None:
        await socket.accept(subprotocol="graphql-transport-ws")
        self._sockets[socket] = {}
        try:
            async for text in socket.iter_text():
                await self._take(socket, json.loads(text))
        except WebSocketDisconnect:
            pass
        finally:
            del self._sockets[socket]

    async def _take(self, socket: WebSocket, message: dict[str, Any]) -> None:
        if message["type"] == "connection_init":
            assert message["payload"]["headers"]["X-Session-Token"] == TOKEN
            await socket.send_json({"type": "connection_ack"})
        elif message["type"] == "subscribe" and message["payload"]["query"].startswith("mutation"):
            await self._mutate(socket, message)
        elif message["type"] == "subscribe":
            self._sockets[socket][message["id"]] = (message["payload"]["query"], None)
            await self._answer(socket, message["id"])

    async def _mutate(self, socket: WebSocket, message: dict[str, Any]) -> None:
        self.mutations.append(message["payload"])
        if "userJoinMeeting" in message["payload"]["query"]:
            self.me["joined"] = True
        if "cameraBroadcastStart" in message["payload"]["query"]:
            self.rows["user_camera"].append({"streamId": "bot_s_1.1", "user": {"userId": "bot", "name": "the bot"}})
        await socket.send_json({"id": message["id"], "type": "next", "payload": {"data": {"done": True}}})
        await socket.send_json({"id": message["id"], "type": "complete"})
        await self.publish()
        async with self._news:
            self._news.notify_all()

    async def _answer(self, socket: WebSocket, id_: str) -> None:
        query, before = self._sockets[socket][id_]
        field = next(field for field in FIELDS if f"{field} {{" in query or f"{field}(" in query)
        now = self.rows[field]
        if now == before:
            return
        self._sockets[socket][id_] = (query, deepcopy(now))
        data = {field: now}
        both = [*(before or ()), *(now or ())] if isinstance(before, list) and isinstance(now, list) else []
        if "Patched_UserList" in query and both and all("userId" in row for row in both):
            data = {field: [], "patch": _patch(before, now)}
            self.patches += 1
        await socket.send_json({"id": id_, "type": "next", "payload": {"data": data}})


def _patch(before: list[Any], now: list[Any]) -> list[dict[str, Any]]:
    """Return changes as the server makes them: fields, then who left, then who came; order is not changed here."""
    ids = [row["userId"] for row in now]
    kept = [row for row in before if row["userId"] in ids]
    patch: list[dict[str, Any]] = []
    for at, row in enumerate(before):
        new = next((each for each in now if each["userId"] == row["userId"]), row)
        patch += [
            {"op": "replace", "path": f"/{at}/{key}", "value": new[key]} for key in new if row.get(key) != new[key]
        ]
    gone = [at for at, row in enumerate(before) if row["userId"] not in ids]
    patch += [{"op": "remove", "path": f"/{at}"} for at in reversed(gone)]
    return patch + [{"op": "add", "path": f"/{at}", "value": now[at]} for at in range(len(kept), len(now))]


def _refused(key: str, message: str) -> Response:
    return RedirectResponse(f"/?errors={quote(json.dumps([{'key': key, 'message': message}]))}")


@asynccontextmanager
async def bbb_server() -> AsyncIterator[BbbServer]:
    """Serve it on loopback."""
    server = BbbServer()
    async with serve(server.app(), "127.0.0.1", 0) as listening:
        server.origin = listening.origin
        yield server


def signed_link(server: BbbServer, query: str) -> str:
    """Sign a join link, as a front end does that has the secret; its query stays as it is written."""
    checksum = hashlib.sha256(f"join{query}{SECRET}".encode()).hexdigest()
    return f"bbb+{server.origin}/bigbluebutton/api/join?{query}&checksum={checksum}"
