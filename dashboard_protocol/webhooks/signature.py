"""Signatures of webhooks, as Standard Webhooks has them: HMAC-SHA256 over id, timestamp and body. Pure.

A receiver in Python needs this module alone; one in another language takes any library of Standard Webhooks
(https://www.standardwebhooks.com), or recomputes `v1,` and the base64 of HMAC-SHA256(key, "ID.TIMESTAMP.BODY"), where
the key is the base64 after `whsec_`.
"""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping

from dashboard_protocol.errors import WebhookRefused

ID_HEADER = "webhook-id"
TIMESTAMP_HEADER = "webhook-timestamp"
SIGNATURE_HEADER = "webhook-signature"
WINDOW_S = 300.0
PREFIX = "whsec_"
KEY_BYTES = range(24, 65)


def read_secret(secret: str) -> bytes:
    """Return the key of a secret, which is `whsec_` and the base64 of 24 to 64 random bytes.

    Raises:
        WebhookRefused: It is none.
    """
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or len(key) not in KEY_BYTES:
        raise WebhookRefused(
            f"A webhook's secret is {PREFIX} and the base64 of 24 to 64 random bytes: "
            f'"{PREFIX}$(openssl rand -base64 32)".'
        )
    return key


def sign(secret: str, message_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """Return the headers that prove where a message comes from.

    Args:
        secret: see `read_secret`.
        message_id: the same at every try of one message.
        timestamp_s: when it is sent, Unix seconds.
        body: as it goes out.

    Raises:
        WebhookRefused: The secret is unusable.
    """
    digest = hmac.digest(read_secret(secret), f"{message_id}.{timestamp_s}.".encode() + body, hashlib.sha256)
    return {
        ID_HEADER: message_id,
        TIMESTAMP_HEADER: str(timestamp_s),
        SIGNATURE_HEADER: f"v1,{base64.b64encode(digest).decode()}",
    }


class Verifier:
    """What a receiver checks messages with: only what was signed with its secret, just now, and not heard before.

    A message that is sent again, because its answer was lost, is signed anew and passes: its id is as before.

    Args:
        secret: see `read_secret`.
        window_s: how old a message may be, and how far the sender's clock may run ahead.
        clock: Unix seconds.

    Raises:
        WebhookRefused: The secret is unusable.
    """

    def __init__(self, secret: str, *, window_s: float = WINDOW_S, clock: Callable[[], float] = time.time) -> None:
        read_secret(secret)
        self._secret = secret
        self._window_s = window_s
        self._clock = clock
        self._heard: dict[tuple[str, str], float] = {}

    def verify(self, headers: Mapping[str, str], body: bytes) -> str:
        """Return the message's id.

        Args:
            headers: the request's; their names in any case.
            body: as it came, before anything parsed it.

        Raises:
            WebhookRefused: It is not signed with the secret, is too old, or was heard before.
        """
        given = {name.lower(): value for name, value in headers.items()}
        message_id, timestamp = given.get(ID_HEADER, ""), given.get(TIMESTAMP_HEADER, "")
        is_timed = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12
        if not is_timed or not message_id or "." in message_id:  # the dot ends the id in what is signed
            raise WebhookRefused("The message carries no id or no timestamp.")
        expected = sign(self._secret, message_id, int(timestamp), body)[SIGNATURE_HEADER].encode()
        # Several signatures stand there while a secret is being changed.
        signatures = given.get(SIGNATURE_HEADER, "").encode().split()
        if not any(hmac.compare_digest(expected, signature) for signature in signatures):
            raise WebhookRefused("The message is not signed with this secret.")
        now = self._clock()
        if abs(now - int(timestamp)) > self._window_s:
            raise WebhookRefused("The message is too old, or from the future: check both clocks.")
        self._heard = {known: at for known, at in self._heard.items() if at >= now - self._window_s}
        if (message_id, timestamp) in self._heard:
            raise WebhookRefused("The message was heard before.")
        self._heard[message_id, timestamp] = float(timestamp)
        return message_id
