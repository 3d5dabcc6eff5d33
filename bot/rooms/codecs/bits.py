"""Pure: a text of bits, read from its beginning."""


class Bits:
    """Reads bytes bit by bit, the highest of each first."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """Read a number of so many bits.

        Raises:
            ValueError: There are not so many.
        """
        self._left -= count
        if self._left < 0:
            raise ValueError("it ends too early")
        return self._value >> self._left & (1 << count) - 1
