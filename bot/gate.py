"""The only way from values to events: rounds, withholds and freezes as the policy demands. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import floor

from bot.alerts import Change
from bot.class_summary import ClassMeans, ClassValues, Person, class_means
from bot.engagement import EngagementParameters, LevelHold
from bot.policy import Policy
from dashboard_protocol import events
from dashboard_protocol.events import ExpressionName, Withheld
from engine.expressions import FER7

_FOLD_BELOW = 3
"""A level with fewer people points at somebody."""


@dataclass(frozen=True, slots=True)
class Published:
    """The class values that have left the bot; None was withheld."""

    engagement: events.Engagement | None = None
    expressions: dict[ExpressionName, float] | None = None
    valence: float | None = None
    arousal: float | None = None
    attentive: float | None = None
    coverage: float | None = None


NOTHING = Published()


class Gate:
    """Turns unrounded values into events, and lets nothing else through."""

    def __init__(self, policy: Policy, parameters: EngagementParameters) -> None:
        self._policy = policy
        self._parameters = parameters
        self._level = LevelHold(parameters)
        self._adopted: frozenset[str] = frozenset()
        self._thaws_at: float | None = None
        self._published = NOTHING

    def admitted(self, people: Sequence[Person]) -> tuple[Person, ...]:
        """Choose the analysed people who may enter class values and alerts.

        Where values of single people leave the bot, the class values minus these would tell about the few others:
        they enter only while they are at least k.
        """
        analysed = tuple(person for person in people if person.values.index is not None)
        if not self._policy.names_people:
            return analysed
        opted_in = tuple(person for person in analysed if person.participant.opted_in)
        return analysed if len(analysed) - len(opted_in) >= self._policy.k else opted_in

    def summary(self, values: ClassValues) -> events.ClassSummary:
        """Make the event of this second; once a second, because it moves the freeze on."""
        is_presence = not self._policy.reads_expressions
        admitted = () if is_presence else self.admitted(values.analysed)
        withheld = Withheld.PRESENCE if is_presence else self._advance(values.at, admitted)
        published = self._published
        return events.ClassSummary(
            present=values.present,
            camera_on=values.camera_on,
            visible=values.visible,
            facing=values.facing if is_presence else None,
            analysed=None if is_presence else len(admitted),
            coverage=published.coverage,
            engagement=published.engagement,
            expressions=published.expressions,
            valence=published.valence,
            arousal=published.arousal,
            attentive=published.attentive,
            withheld=withheld,
            reads_per_s=round(values.reads_per_s, 1),
            as_of=values.as_of,
        )

    def participants(self, values: ClassValues) -> tuple[events.ParticipantUpdate, ...]:
        """Make the events of the people who opted in themselves; none but under `individual`."""
        if not self._policy.names_people:
            return ()
        return tuple(_participant(person) for person in values.people if person.participant.opted_in)

    def alert(self, change: Change, alert_id: str) -> events.Alert | None:
        """Make the event of a change, rounded; None under `presence`, and below k people."""
        if not self._policy.reads_expressions or change.people < self._policy.k:
            return None
        return events.Alert.model_validate(
            {
                "id": alert_id,
                "kind": change.kind,
                "from": self._round(change.reference),
                "to": self._round(change.now),
                "window": events.Window(start=change.start, end=change.end),
                "people": change.people,
                "why": change.why,
            }
        )

    def _advance(self, at: float, people: Sequence[Person]) -> Withheld | None:
        """Decide what is published now; gives the reason when it is nothing.

        A change of the set is not shown by the next value, from which the one who came or went could be computed,
        but by one ten seconds later, when every person's window is another one.
        """
        ids = frozenset(person.participant.id for person in people)
        if len(ids) < self._policy.k:
            self._adopted, self._thaws_at, self._published = frozenset(), None, NOTHING
            self._level.update(at, None)
            return Withheld.BELOW_K
        if self._thaws_at is None and ids != self._adopted:
            self._thaws_at = at + self._policy.freeze_s
        if self._thaws_at is not None and at < self._thaws_at:
            return Withheld.SETTLING if self._published is NOTHING else None
        self._adopted, self._thaws_at = ids, None
        means = class_means(people, self._parameters)
        self._published = NOTHING if means is None else self._rounded(at, means)
        return None

    def _rounded(self, at: float, means: ClassMeans) -> Published:
        # Also a level tells where an unrounded mean lies: it is taken of the rounded one.
        mean = self._round(means.mean)
        has_shares = means.people >= self._policy.shares_from
        engagement = events.Engagement(
            mean=mean,
            q1=self._round(means.q1) if has_shares else None,
            q3=self._round(means.q3) if has_shares else None,
            levels=self._shares(means.level_counts) if has_shares else None,
            level=self._level.update(at, mean) or 0,
        )
        published = Published(
            engagement=engagement, attentive=self._round(means.attentive), coverage=self._round(means.coverage)
        )
        if means.expressions is None or means.scored < self._policy.k:
            return published
        return replace(
            published,
            expressions={name.value: self._round(share) for name, share in zip(FER7, means.expressions, strict=True)},
            valence=None if means.valence is None else self._round(means.valence),
            arousal=None if means.arousal is None else self._round(means.arousal),
        )

    def _shares(self, counts: tuple[int, int, int, int]) -> tuple[float, float, float, float]:
        folded, people = fold(counts), sum(counts)
        very_low, low, high, very_high = (self._round(count / people) for count in folded)
        return very_low, low, high, very_high

    def _round(self, value: float) -> float:
        """Round to the policy's step, halves up."""
        points = self._policy.rounding_points
        return floor(value * 100.0 / points + 0.5) * points / 100.0


def fold(counts: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """Add levels of one or two people to the nearest level that has some, until none is left.

    Of two equally near the larger takes them, of two equally large the higher one.
    """
    folded = list(counts)
    while few := [level for level, count in enumerate(folded) if 0 < count < _FOLD_BELOW]:
        others = [level for level, count in enumerate(folded) if count and level != few[0]]
        if not others:
            break
        into = min(others, key=lambda level: (abs(level - few[0]), -folded[level], -level))
        folded[into] += folded[few[0]]
        folded[few[0]] = 0
    return folded[0], folded[1], folded[2], folded[3]


def _participant(person: Person) -> events.ParticipantUpdate:
    values = person.values
    return events.ParticipantUpdate.model_validate(
        {
            "participant": person.participant.id,
            "name": person.participant.name,
            "index": _hundredths(values.index),
            "level": values.level,
            "coverage": _hundredths(values.coverage),
            "grade": values.grade,
            "facing": values.facing,
            "displayed": values.displayed,
            "unmeasurable": values.unmeasurable,
            "since": values.since,
            "reads_per_s": round(values.reads_per_s, 1),
            "as_of": values.as_of,
        }
    )


def _hundredths(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
