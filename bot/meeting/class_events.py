"""What the class comes to each second, as events. Pure."""

from collections.abc import Iterable, Iterator, Mapping

from bot.classroom.change_detection import AlertParameters, ChangeDetector
from bot.classroom.summary import class_values
from bot.disclosure.gate import Gate
from bot.disclosure.listening import Listening
from bot.disclosure.policy import Policy
from bot.engagement import EngagementParameters, PersonValues
from bot.privacy.opt_out_count import OptOutCount
from bot.rooms.base import Participant
from dashboard_protocol.events import Body


class ClassEvents:
    """Makes the events of every second, of what the gate lets through."""

    def __init__(
        self, policy: Policy, parameters: EngagementParameters, alerts: AlertParameters, listening: Listening
    ) -> None:
        self._gate = Gate(policy, parameters)
        self._changes = ChangeDetector(alerts)
        self._opted_out_lately = OptOutCount(policy.k)
        self._listening = listening
        self.present_max = 0
        """Most people present at once."""
        self.alerts = 0
        """Alerts raised."""

    def opted_out(self, ids: Iterable[str], at: float) -> None:
        """Count people who are in the room and were read until `at`, seconds on the room's clock."""
        self._opted_out_lately.add(ids, at)

    def of_second(
        self, at: float, present: Mapping[str, Participant], values: Mapping[str, PersonValues], cameras_on: int
    ) -> Iterator[Body]:
        """Make the events of this second; once a second, because it moves the gate's freezes on.

        Args:
            at: Seconds on the room's clock.
            present: Everybody in the room by id, in order of arrival.
            values: What is measured of those who are read.
            cameras_on: Cameras that are on, of those who are not read too.
        """
        self._listening.update(at)
        heard = {id_: self._listening.person(each) for id_, each in values.items()}
        now = class_values(at, present, heard, cameras_on)
        self.present_max = max(self.present_max, now.present)
        summary = self._listening.summary(self._gate.summary(now))
        yield summary.model_copy(update={"opted_out": self._opted_out_lately.count(at)})
        yield from self._gate.participants(now)
        change = self._changes.update(at, self._gate.admitted(now.analysed))
        if change is not None and (alert := self._gate.alert(change, f"alert-{self.alerts + 1}")):
            self.alerts += 1
            yield alert
