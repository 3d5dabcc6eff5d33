"""The public keys of learning platforms, fetched where the operator said, and kept for a while."""

import asyncio
import math
from collections import defaultdict
from collections.abc import Callable
from time import monotonic
from typing import Annotated, Literal, NamedTuple

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dashboard_protocol.errors import LaunchRefused, OutboundRefused, OutboundUnreachable
from dashboard_protocol.http.outbound import Server
from dashboard_protocol.lti.platforms import Platform

FRESH_S = 3600.0
AGAIN_S = 30.0
"""A key that is not among them may be new: they are fetched again, but not more often than this."""
MOST_KEYS = 50
Number = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]


class PublicKey(BaseModel):
    """One key for RS256, of 2,048 bits at least."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    kty: Literal["RSA"]
    kid: Annotated[str, Field(min_length=1, max_length=2000)]
    alg: Literal["RS256"] = "RS256"
    use: Literal["sig"] = "sig"
    n: Annotated[Number, Field(min_length=342, max_length=1400)]
    e: Annotated[Number, Field(max_length=12)]


class _KeySet(BaseModel):
    keys: Annotated[list[dict[str, object]], Field(max_length=MOST_KEYS)]


class _Kept(NamedTuple):
    at: float
    """When they were asked for; also where no answer came."""
    keys: tuple[PublicKey, ...]


class PlatformKeys:
    """Fetches and keeps them.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        """A whole course launches at once: one asks the platform, the others wait for its answer."""

    async def find(self, platform: Platform, kid: str) -> PublicKey:
        """Return a platform's key by its name.

        Raises:
            LaunchRefused: It has none of this name, or its keys cannot be had.
        """
        url = platform.jwks_url
        found = self._known(url, kid, FRESH_S)
        if found is None:
            async with self._turns[url]:
                if self._clock() - self._asked_at(url) > AGAIN_S:
                    await self._fetch(url)
                found = self._known(url, kid, FRESH_S)
        if found is None:
            raise LaunchRefused(f"{platform.issuer} has no key {kid[:100]!r}")
        return found

    def _asked_at(self, url: str) -> float:
        return self._kept[url].at if url in self._kept else -math.inf

    def _known(self, url: str, kid: str, for_s: float) -> PublicKey | None:
        kept = self._kept.get(url)
        if kept is None or self._clock() - kept.at > for_s:
            return None
        return next((key for key in kept.keys if key.kid == kid), None)

    async def _fetch(self, url: str) -> None:
        # Known keys hold meanwhile, and where no answer comes; it is not asked again for a while then either.
        self._kept[url] = _Kept(self._clock(), self._kept[url].keys if url in self._kept else ())
        self._kept[url] = _Kept(self._clock(), await _fetched(url))


async def _fetched(url: str) -> tuple[PublicKey, ...]:
    where = httpx.URL(url)
    try:
        answer = await Server(where).ask("GET", where, headers={"accept": "application/json"})
    except (OutboundUnreachable, OutboundRefused) as error:
        raise LaunchRefused(f"The keys at {url} cannot be had: {error}") from error
    if answer.status != 200:
        raise LaunchRefused(f"The keys at {url} cannot be had: {answer.status}")
    return read_keys(answer.text)


def read_keys(text: str) -> tuple[PublicKey, ...]:
    """Return the keys of a set that are for us; others are left out.

    Raises:
        LaunchRefused: It is no key set (JWKS).
    """
    try:
        listed = _KeySet.model_validate_json(text).keys
    except ValidationError as error:
        raise LaunchRefused("The platform's keys are no key set (JWKS)") from error
    keys = []
    for each in listed:
        try:
            keys.append(PublicKey.model_validate(each))
        except ValidationError:
            continue
    return tuple(keys)
