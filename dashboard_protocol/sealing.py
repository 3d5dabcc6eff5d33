"""What is kept where others may look, and is for our own processes alone: sealed under the secret that they share.

AES-256-GCM: whoever holds Redis, or a copy of its files, can neither read what is sealed, nor change it, nor put it in
another place.
"""

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from dashboard_protocol.errors import SealBroken, SealForeign

_VERSION = "s1"
_NONCE_BYTES = 12
_KEY_BYTES, _LABEL_BYTES = 32, 6


class Sealer:
    """Seals and opens texts.

    Args:
        secret: as of links and tokens.
    """

    def __init__(self, secret: bytes) -> None:
        made = HKDF(SHA256(), _KEY_BYTES + _LABEL_BYTES, salt=None, info=b"classpulse sealing").derive(secret)
        self._box = AESGCM(made[:_KEY_BYTES])
        self.label = _written(made[_KEY_BYTES:])
        """Of the secret, so that another one is known as what it is."""

    def seal(self, text: str, place: str) -> str:
        """Return a text that only the secret opens, and only in the same place.

        Args:
            text: at most a few KB.
            place: what it is and whose, e.g. `invitation ID`; not secret.
        """
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._box.encrypt(nonce, text.encode(), place.encode())
        return f"{_VERSION}.{self.label}.{_written(nonce + sealed)}"

    def unseal(self, sealed: str, place: str) -> str:
        """Return what was sealed.

        Raises:
            SealForeign: It was sealed under another secret.
            SealBroken: It was not sealed for this place, or changed since.
        """
        version, _, rest = sealed.partition(".")
        label, _, written = rest.partition(".")
        if version == _VERSION and written and label != self.label:
            raise SealForeign("It is sealed under another secret: give all gateways, workers and bots the same one.")
        try:
            raw = base64.urlsafe_b64decode(written.encode("ascii"))
            # Python's decoder passes over what no seal of ours holds: foreign signs, bits after the end.
            if version != _VERSION or len(raw) <= _NONCE_BYTES or _written(raw) != written:
                raise SealBroken("It is not sealed.")
            return self._box.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], place.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError):  # of UnicodeError too
            raise SealBroken("Its seal is broken.") from None


def _written(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()
