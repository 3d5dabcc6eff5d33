"""Every request of ours to a server that somebody named: one origin, no redirects, an answer of bounded size and time.

A server that says "ask elsewhere" is not followed: elsewhere may be a host of the operator's own network, and the token
that goes along was given for this server alone.
"""

import asyncio
import json
import logging
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

import httpx

from dashboard_protocol.errors import OutboundRefused, OutboundUnreachable
from dashboard_protocol.http.problems import PROBLEM_TYPE
from dashboard_protocol.http.proxies import goes_by_proxy

# It logs every URL, and one that somebody names may carry a token.
logging.getLogger("httpx").setLevel(logging.WARNING)
MAX_ANSWER_BYTES = 64 << 10
MOST_PORT = 65_535
ASK_S = 15.0
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said."""

    status: int
    headers: httpx.Headers
    text: str
    """At most 64 KB."""

    @property
    def reason(self) -> str:
        """Why it refuses: the sentence of a problem (RFC 9457), else its text; of at most 300 characters."""
        said: object = self.text
        if self.headers.get("content-type", "").startswith(PROBLEM_TYPE):
            with suppress(ValueError, KeyError, TypeError):
                said = json.loads(self.text)["detail"]
        return str(said).strip()[:300]


class Server:
    """A server at one origin, and what it is shown to prove who asks.

    Args:
        url: any address of it.
        token: bearer token that was given for it; None for none.

    Raises:
        ProxyRefused: The environment names a proxy that cannot be used.
    """

    def __init__(self, url: httpx.URL, token: str | None = None) -> None:
        self._origin = _origin(url)
        self._by_proxy = goes_by_proxy(str(url))
        self._authorization = {"authorization": f"Bearer {token}"} if token else {}

    def has(self, url: httpx.URL) -> bool:
        """Whether an address is of this server: scheme, host and port."""
        return _origin(url) == self._origin

    async def ask(
        self,
        method: str,
        url: httpx.URL,
        *,
        content: str | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        within_s: float = ASK_S,
    ) -> Answer:
        """Ask once.

        Raises:
            OutboundUnreachable: No whole answer in time.
            OutboundRefused: The address is another server's or none, or the answer a redirect or too long.
        """
        if (url.port or 0) > MOST_PORT:
            raise OutboundRefused(f"{_shown(url)} names no port: the last one is {MOST_PORT}")
        if not self.has(url):
            raise OutboundRefused(f"{_shown(url)} is not of the server that was named")
        try:
            async with asyncio.timeout(within_s), new_client(trust_env=self._by_proxy) as http:
                sent = {**self._authorization, **headers}
                answer = await bounded(http, http.build_request(method, url, content=content, headers=sent))
        except TimeoutError as error:
            raise OutboundUnreachable(f"no answer within {within_s:g} s") from error
        except httpx.HTTPError as error:
            raise OutboundUnreachable(str(error) or type(error).__name__) from error
        if 300 <= answer.status < 400:
            raise OutboundRefused(f"{_shown(url)} leads elsewhere ({answer.status}): name the address itself")
        return answer


def new_client(*, trust_env: bool = False, verify: ssl.SSLContext | None = None, **options: Any) -> httpx.AsyncClient:
    """Make an HTTP client that follows nothing and asks for no compression, which would hide how long an answer is."""
    return httpx.AsyncClient(
        verify=verify or _authorities(),
        trust_env=trust_env,
        follow_redirects=False,
        headers={"accept-encoding": "identity"},
        **options,
    )


async def bounded(client: httpx.AsyncClient, request: httpx.Request) -> Answer:
    """Send a request and read its answer, at most 64 KB of it.

    Raises:
        OutboundRefused: It is longer, or compressed.
        httpx.HTTPError: It did not come.
    """
    response = await client.send(request, stream=True)
    try:
        body = b""
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise OutboundRefused(f"{_shown(request.url)} answered in a compressed form that nobody asked for")
        async for part in response.aiter_raw():
            body += part
            if len(body) > MAX_ANSWER_BYTES:
                raise OutboundRefused(f"{_shown(request.url)} answered more than {MAX_ANSWER_BYTES >> 10} KB")
    finally:
        await response.aclose()
    return Answer(response.status_code, response.headers, body.decode(errors="replace"))


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port  # httpx leaves a scheme's own port out


def _shown(url: httpx.URL) -> str:
    """Write an address without what may be secret in it."""
    return str(url.copy_with(query=None, userinfo=b"", fragment=None))


@cache
def _authorities() -> ssl.SSLContext:
    """Load the certificates once: it takes longer than a whole request."""
    return ssl.create_default_context()
