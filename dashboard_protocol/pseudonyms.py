"""What processes keep and pass on in place of a person's name: a keyed hash, from which no list of names arises."""

import hashlib
import hmac
import unicodedata


class Pseudonyms:
    """Makes them; the same everywhere that has the secret, and another in every room.

    Args:
        secret: as of links and tokens.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._label = self._hash("label of the secret")[:8] + "."

    def of(self, room: str, name: str) -> str:
        """Return that of everybody of a name in a room; capitals, spaces and forms of the same letter do not matter."""
        return self._hash(f"{room}\0{bare_name(name)}")

    def labelled(self, room: str, name: str) -> str:
        """Return the same behind a label of the secret, for readers that may hold another one by mistake."""
        return self._label + self.of(room, name)

    def is_ours(self, labelled: str) -> bool:
        """Whether it was made with this secret: else nobody can be found by it."""
        return labelled.startswith(self._label)

    def _hash(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()[:32]


def bare_name(name: str) -> str:
    """Reduce a display name to what is the same however it is written."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
