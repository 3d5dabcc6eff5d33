"""Signed tokens (JWT, HS256 and nothing else): each names its use and its room, and opens neither another."""

import time
from collections.abc import Callable
from typing import Any

import jwt

from dashboard_protocol.auth.secrets_store import checked_secret
from dashboard_protocol.errors import AccessDenied

_ALGORITHM = "HS256"
_ALWAYS = ("use", "room", "exp", "gen")


class Signer:
    """Signs and reads tokens with one secret.

    Args:
        secret: at least 32 bytes.
        clock: Unix seconds.

    Raises:
        SecretRefused: The secret is too short.
    """

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        self._secret = checked_secret(secret, "The secret")
        self.clock = clock

    def sign(self, use: str, room: str, generation: int, expires_at: float, **claims: str) -> str:
        """Return a token; `generation` as of `Revocations`, `expires_at` in Unix seconds."""
        known = {"use": use, "room": room, "gen": generation, "exp": expires_at}
        return jwt.encode(claims | known, self._secret, algorithm=_ALGORITHM)

    def read(self, use: str, room: str, token: str, *required: str) -> dict[str, Any]:
        """Return the claims of a token: `gen` is a whole number, `exp` a number, those in `required` texts.

        Raises:
            AccessDenied: It is not signed by us, of another use or room, expired, or lacks a claim; never says which.
        """
        try:
            # The expiry is checked below, on our clock and to the fraction of a second.
            options: Any = {"require": [*_ALWAYS, *required], "verify_exp": False}
            claims: dict[str, Any] = jwt.decode(token, self._secret, algorithms=[_ALGORITHM], options=options)
            claims["exp"] = float(claims["exp"])
        except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError):
            raise AccessDenied("This token opens nothing here.") from None
        is_meant = claims["use"] == use and claims["room"] == room
        is_whole = (
            type(claims["gen"]) is int
            and claims["gen"] >= 0
            and all(isinstance(claims[name], str) for name in required)
        )
        if not (is_meant and is_whole and claims["exp"] > self.clock()):
            raise AccessDenied("This token opens nothing here.")
        return claims
