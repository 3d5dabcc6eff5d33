"""A small learning platform: it has a key, says it at an address, and signs launches as Moodle and Canvas do."""

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from dashboard_protocol.http.server import serve

ISSUER = "https://moodle.example.org"
CLIENT = "a-client-of-moodle"
DEPLOYMENT = "7"
COURSE = "biology-101"
CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
MEMBER = "http://purl.imsglobal.org/vocab/lis/v2/membership"
TEACHER = f"{MEMBER}#Instructor"
STUDENT = f"{MEMBER}#Learner"


@cache
def private_key(name: str) -> rsa.RSAPrivateKey:
    """One key a name for all tests: making one takes a tenth of a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public_key(name: str) -> dict[str, Any]:
    """As it stands in a key set."""
    made: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private_key(name).public_key()))
    return made | {"kid": name, "alg": "RS256", "use": "sig"}


def claims(nonce: str, /, **changes: Any) -> dict[str, Any]:
    """What a launch says; `changes` replace claims, and None takes one away."""
    now = int(time.time())
    said = {
        "iss": ISSUER, "aud": CLIENT, "sub": "user-17", "nonce": nonce, "iat": now, "exp": now + 60,
        f"{CLAIM}version": "1.3.0", f"{CLAIM}message_type": "LtiResourceLinkRequest",
        f"{CLAIM}deployment_id": DEPLOYMENT, f"{CLAIM}target_link_uri": "http://127.0.0.1/",
        f"{CLAIM}resource_link": {"id": "link-3", "title": "The class"},
        f"{CLAIM}context": {"id": COURSE, "label": "BIO 101", "title": "Biology 101"},
        f"{CLAIM}roles": [STUDENT], "name": "Ada Obi", "email": "ada@example.org",
    }  # fmt: skip
    said |= changes
    return {name: value for name, value in said.items() if value is not None}


def signed(said: dict[str, Any], key: str = "k1", *, algorithm: str = "RS256", kid: str | None = None) -> str:
    """Sign a launch."""
    return jwt.encode(said, private_key(key), algorithm=algorithm, headers={"kid": kid or key})


@asynccontextmanager
async def key_server(keys: list[str]) -> AsyncIterator[tuple[str, list[str]]]:
    """Serve the public keys; yield where, and what was asked."""
    asked: list[str] = []

    async def jwks(request: Request) -> Response:
        asked.append(str(request.url))
        return JSONResponse({"keys": [{"kty": "oct", "kid": "k0", "k": "c2VjcmV0"}, *map(public_key, keys)]})

    async def elsewhere(_: Request) -> Response:
        return RedirectResponse("/jwks")

    routes = [Route("/jwks", jwks), Route("/elsewhere", elsewhere)]
    async with serve(Starlette(routes=routes), port=0) as server:
        yield f"{server.origin}/jwks", asked


class Browser:
    """Goes to and fro between platform and tool, and keeps the tool's cookies, https or not."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.cookies: dict[str, str] = {}

    async def begin(self, method: str = "POST", **changes: str | None) -> dict[str, str]:
        """Begin a launch; return with what the tool sends the browser back to the platform."""
        said = {"iss": ISSUER, "login_hint": "17", "client_id": CLIENT, "lti_message_hint": "m3"} | changes
        fields = {name: value for name, value in said.items() if value is not None}
        options: dict[str, Any] = {"data": fields} if method == "POST" else {"params": fields}
        origin = {"origin": ISSUER, "sec-fetch-site": "cross-site"}
        answer = await self.http.request(method, "/lti/login", headers=origin, **options)
        assert answer.status_code == 302, answer.text
        self.keep(answer)
        where = urlsplit(answer.headers["location"])
        assert f"{where.scheme}://{where.netloc}{where.path}" == f"{ISSUER}/mod/lti/auth.php"
        return {name: value for name, [value] in parse_qs(where.query, strict_parsing=True).items()}

    def keep(self, answer: httpx.Response) -> None:
        """Do as a browser does with cookies."""
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            if "Max-Age=0" in line:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value

    async def end(self, state: str, id_token: str, cookies: dict[str, str] | None = None) -> httpx.Response:
        """Post a launch as a page of the platform does."""
        kept = self.cookies if cookies is None else cookies
        headers = {
            "origin": ISSUER, "sec-fetch-site": "cross-site",
            "cookie": "; ".join(f"{name}={value}" for name, value in kept.items()),
        }  # fmt: skip
        answer = await self.http.post("/lti/launch", data={"state": state, "id_token": id_token}, headers=headers)
        self.keep(answer)
        return answer

    async def launch(self, **changes: Any) -> httpx.Response:
        """Go all the way."""
        begun = await self.begin()
        return await self.end(begun["state"], signed(claims(begun["nonce"], **changes)))
