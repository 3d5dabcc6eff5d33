"""Pure: how long to wait before the next try; longer each time, until one went well."""

from dataclasses import dataclass


@dataclass
class Backoff:
    """The pauses of one thing that is tried again and again: `first_s`, then `factor` times as long, at most `most_s`.

    Attributes:
        failures: tries that failed in a row.
    """

    first_s: float
    most_s: float
    factor: float = 2.0
    spread: float = 0.0
    """What luck may add, as a share of the pause: so that what failed together does not come back together."""
    failures: int = 0

    def failed(self, luck: float = 0.0) -> float:
        """Count a failure and return how many seconds to wait now.

        Args:
            luck: in [0, 1).
        """
        self.failures += 1
        return self.after(self.failures, luck)

    def after(self, failures: int, luck: float = 0.0) -> float:
        """Return how many seconds to wait after so many failures in a row; none after none."""
        if failures < 1:
            return 0.0
        # The exponent is bounded, as a float's is.
        return min(self.most_s, self.first_s * self.factor ** min(failures - 1, 64)) * (1 + self.spread * luck)

    def went_well(self) -> None:
        """Begin anew: the next failure is the first one."""
        self.failures = 0
