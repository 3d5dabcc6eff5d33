"""Pure: which size of a simulcast video is asked for, by how large its faces are and what each size turned out to be.

Janus numbers the sizes 0 to 2 and does not say how large they are. Most publishers send the smallest as 0, some the
largest, and any may be missing for lack of bandwidth: only what has come in says.
"""

import math

from bot.rooms.size_demand import LARGER_FROM, SizeDemand

LAYERS = range(3)
ANSWERED_WITHIN_S = 3.0
"""What begins to come so soon after it was asked for was there all the time."""
SETTLED_AFTER_S = 1.0
"""Pictures of the layer before may still come for so long."""


class LayerChoice:
    """Asks for the smallest size that serves, of one video. Call `relayed` and `prefer` as things happen."""

    def __init__(self) -> None:
        self.asked = 0
        """The layer to ask Janus for."""
        self._tried = {0}
        self._missing: set[int] = set()
        self._silent: tuple[float, int] | None = None
        self._relayed = 0
        self._widths: dict[int, float] = {}
        self._width_px = 0
        self._changed_at = 0.0
        self._demand = SizeDemand()

    def relayed(self, at: float, layer: int) -> None:
        """Note what Janus sends from now on; where the asked layer is missing it takes one of a lower number."""
        self._relayed, self._changed_at = layer, at
        self._tried = {self.asked}
        if self._silent is not None and at - self._silent[0] < ANSWERED_WITHIN_S:
            self._missing.add(self._silent[1])
        self._silent = None

    def silent(self, at: float) -> bool:
        """Note that nothing comes: the camera is off, or else the asked layer is missing and there is none below it.

        Returns:
            Whether another layer is to be asked for now: with the highest number Janus sends whatever there is.
        """
        if self.asked == LAYERS[-1]:
            return False
        self._silent, self.asked = (at, self.asked), LAYERS[-1]
        return True

    def prefer(self, at: float, width_px: int, factor: float) -> bool:
        """Take what would serve the reader of these pictures.

        Args:
            at: When the picture was decoded, in seconds on the room's clock.
            width_px: Its width.
            factor: How many times as wide it would have to be.

        Returns:
            Whether another layer is to be asked for now.
        """
        self._learn(at, width_px)
        direction = self._demand.take(at, factor)
        if direction == 0:
            return False
        self._demand.restart(at)
        chosen = self._choose(direction, width_px * factor)
        is_new, self.asked = chosen != self.asked, chosen
        self._tried.add(chosen)
        return is_new

    def _learn(self, at: float, width_px: int) -> None:
        if width_px != self._width_px:
            self._width_px, self._changed_at = width_px, max(at, self._changed_at)
        if at - self._changed_at < SETTLED_AFTER_S:
            return
        # A camera that changes its size changes all layers alike.
        scale = width_px / self._widths.get(self._relayed, width_px)
        widths = {layer: width * scale for layer, width in self._widths.items()}
        # No two layers are alike: one of them was learned from pictures of the other, which came late.
        self._widths = {layer: width for layer, width in widths.items() if round(width) != width_px}
        self._widths[self._relayed] = width_px

    def _choose(self, direction: int, wanted_px: float) -> int:
        """The smallest known layer that serves, else one that was never seen, else the largest of the known."""
        known = {layer: width for layer, width in self._widths.items() if layer not in self._missing}
        if known.keys() == {0, 2} and 1 not in self._tried:
            known[1] = math.sqrt(known[0] * known[2])
        better = [layer for layer in known if (known[layer] - self._width_px) * direction > 0]
        serving = [layer for layer in better if known[layer] * LARGER_FROM >= wanted_px]
        if serving:
            return min(serving, key=known.__getitem__)
        # Most publishers number their sizes upwards, so the likely ones come first.
        likely = sorted(LAYERS, key=lambda layer: (layer - self._relayed) * direction % len(LAYERS))
        unseen = [layer for layer in likely if layer not in known.keys() | self._tried | self._missing]
        largest = max(better, key=known.__getitem__, default=self.asked) if direction > 0 else self.asked
        return unseen[0] if unseen else largest
