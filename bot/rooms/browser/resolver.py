"""Pure: whose a frame is. A site may show another person in the same stream at any time, and nobody is ever guessed.

What a site says and what its streams carry travel on different ways, so that either may be ahead of the other. So a
frame is somebody's only if the site has said so from `SETTLE_MS` before it came until `SETTLE_MS` after, without a
break. Decoding needs what came before: each stay of a person in a stream has a decoder of its own, which is fed with
such frames and no others, and so begins with a key frame of theirs.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.rooms.browser.site_state import VideoSource

SETTLE_MS = 700.0
"""So long a site's word has to stand before and after: word and media may be half a second apart, in both directions,
and the page is looked at every 100 ms."""
LATE_MS = 400.0
"""Between two looks that are so far apart much may have happened."""


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """One stay of a person in a stream; each is one object, so that a later one of the same person is another."""

    person: str
    source: VideoSource
    since: float
    """Since when the site says so, in milliseconds of the page's clock."""


class Resolver:
    """Follows what a site says of its streams."""

    def __init__(self) -> None:
        self._bindings: dict[VideoSource, Binding] = {}
        self._looked_at: float | None = None
        self._proven_at = float("-inf")

    @property
    def bindings(self) -> Mapping[VideoSource, Binding]:
        """Who is where by the site's last word."""
        return self._bindings

    def look(self, at: float, owners: Mapping[VideoSource, str] | None) -> None:
        """Take what the site says.

        Args:
            at: When, in milliseconds of the page's clock.
            owners: Whose each stream is; None where it is as before.
        """
        before, self._looked_at = self._looked_at, at
        if owners is not None:
            for source in [source for source in self._bindings if source not in owners]:
                del self._bindings[source]
            for source, person in owners.items():
                known = self._bindings.get(source)
                if known is None or known.person != person:
                    self._bindings[source] = Binding(person, source, at)
        # What was news to the page at one look, it has worked off by the next, unless it was too busy to.
        if before is not None and 0 <= at - before <= LATE_MS:
            self._proven_at = before

    def claimed(self, came_at: float, receiver: int | None, ssrc: int) -> Binding | None:
        """Return whose a frame may turn out to be; None for nobody's, which is to be dropped.

        Args:
            came_at: When the page had it.
            receiver: The hook's number of its receiver; None in another document than the main one.
            ssrc: Of its packets.
        """
        found = [
            binding
            for source, binding in self._bindings.items()
            if (source.receiver is not None and source.receiver == receiver) or source.ssrc == ssrc
        ]
        if not found or any(binding.person != found[0].person for binding in found):
            return None
        binding = max(found, key=lambda each: each.since)
        return binding if came_at >= binding.since + SETTLE_MS else None

    def is_proven(self, came_at: float, receiver: int | None, ssrc: int, binding: Binding) -> bool | None:
        """Return whether a claimed frame is that person's, by now; None as long as it cannot be known."""
        if self.claimed(came_at, receiver, ssrc) is not binding:
            return False
        return True if self._proven_at >= came_at + SETTLE_MS else None

    def forget(self) -> None:
        """Another page begins: nothing is known."""
        self._bindings.clear()
        self._looked_at, self._proven_at = None, float("-inf")
