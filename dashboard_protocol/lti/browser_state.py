"""What binds a launch to the browser that began it: a cookie that we signed, for five minutes and one launch."""

import secrets
from dataclasses import dataclass

from dashboard_protocol.auth.tokens import Signer
from dashboard_protocol.errors import AccessDenied, LaunchRefused
from dashboard_protocol.lti.platforms import Platform

BEGUN_S = 300.0
"""A launch that takes longer is begun anew."""
_USE, _NO_ROOM = "lti launch", ""


@dataclass(frozen=True, slots=True)
class Begun:
    """A launch that a browser began."""

    state: str
    """Goes to the platform and back, and names the cookie: several launches may be under way in one browser."""
    nonce: str
    """Comes back within the token."""
    issuer: str
    client_id: str


def begin(platform: Platform) -> Begun:
    """Make one, which nobody can guess."""
    return Begun(secrets.token_urlsafe(24), secrets.token_urlsafe(24), platform.issuer, platform.client_id)


def cookie_name(state: str) -> str:
    """Return the name of a launch's cookie."""
    return f"lti-{state}"


def cookie(begun: Begun, signer: Signer) -> str:
    """Return what the browser keeps."""
    claims = {"state": begun.state, "nonce": begun.nonce, "issuer": begun.issuer, "client": begun.client_id}
    return signer.sign(_USE, _NO_ROOM, 0, signer.clock() + BEGUN_S, **claims)


def read_cookie(text: str | None, state: str, signer: Signer) -> Begun:
    """Return what the browser began.

    Args:
        text: the cookie; None where the browser brings none.
        state: what came back from the platform.
        signer: made it.

    Raises:
        LaunchRefused: This browser did not begin this launch, or too long ago.
    """
    try:
        claims = signer.read(_USE, _NO_ROOM, text or "", "state", "nonce", "issuer", "client")
    except AccessDenied:
        raise LaunchRefused("This browser did not begin this launch, or over five minutes ago") from None
    if not secrets.compare_digest(claims["state"], state):
        raise LaunchRefused("This browser began another launch")
    return Begun(state, claims["nonce"], claims["issuer"], claims["client"])
