"""Which of the kept events belong to the newest class. Pure."""

from dashboard_protocol.events import Event, Hello
from dashboard_protocol.record import Record

SAME_CLASS_S = 120.0
"""A bot that comes so soon after another said goodbye goes on with its class: it took over, or was invited again."""
LOST_S = 1800.0
"""One that was lost says no goodbye, and may be missed for longer."""


class NewestClass:
    """Folds a room's kept events into the record of the class that came last, over the bots that served it."""

    def __init__(self) -> None:
        self.record = Record()
        self._at: float | None = None

    def apply(self, event: Event) -> None:
        """Take one event in, in the order in which the bus keeps them."""
        if isinstance(event.body, Hello) and self._at is not None:
            apart_s = event.at - self._at
            if apart_s > (SAME_CLASS_S if self.record.bye else LOST_S):
                self.record = Record()
        self.record.apply(event)
        self._at = event.at
