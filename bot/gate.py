"""The only way from values to events: rounds, withholds and freezes as the policy demands. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.alerts import Change
from bot.class_summary import ClassMeans, ClassValues, Person, class_means, is_attentive
from bot.engagement import EngagementParameters, LevelHold
from bot.policy import Policy
from bot.rounding import Rounding
from dashboard_protocol import events
from dashboard_protocol.events import ExpressionName, Unmeasurable, Withheld
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


@dataclass(frozen=True, slots=True)
class Spread:
    """How the people lie around their mean, as it has left the bot; None with too few of them."""

    q1: float | None = None
    q3: float | None = None
    levels: tuple[float, float, float, float] | None = None


NO_SPREAD = Spread()


class Gate:
    """Turns unrounded values into events, and lets nothing else through."""

    def __init__(self, policy: Policy, parameters: EngagementParameters) -> None:
        self._policy = policy
        self._parameters = parameters
        self._rounding = Rounding(policy.rounding_points)
        self._level = LevelHold(parameters)
        self._adopted: frozenset[str] = frozenset()
        self._thaws_at: float | None = None
        self._published = NOTHING
        self._spread = NO_SPREAD
        self._spread_thaws_at = 0.0

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
        missed = _missed(admitted) if withheld is None else None
        if missed is not None:  # also while values are frozen: nobody reads what they would repeat
            published = replace(published, expressions=None, valence=None, arousal=None)
        return events.ClassSummary(
            present=values.present,
            camera_on=values.camera_on,
            visible=values.visible,
            facing=values.facing if is_presence else None,
            analysed=None if is_presence else len(admitted),
            coverage=published.coverage,
            engagement=published.engagement,
            expressions=published.expressions,
            expressions_unmeasurable=missed,
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
                "from": self._rounding.mean(change.reference * change.people, change.people).value,
                "to": self._rounding.mean(change.now * change.people, change.people).value,
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
            self._spread, self._spread_thaws_at = NO_SPREAD, 0.0
            self._level.update(at, None)
            return Withheld.BELOW_K
        if self._thaws_at is None and ids != self._adopted:
            self._thaws_at = at + self._policy.freeze_s
            if at >= self._spread_thaws_at:
                self._spread_thaws_at = at + self._policy.spread_freeze_s
        if self._thaws_at is not None and at < self._thaws_at:
            return Withheld.SETTLING if self._published is NOTHING else None
        self._adopted, self._thaws_at = ids, None
        means = class_means(people, self._parameters)
        self._published = NOTHING if means is None else self._rounded(at, people, means)
        return None

    def _rounded(self, at: float, people: Sequence[Person], means: ClassMeans) -> Published:
        mean, attentive = self._mean_and_attentive(people)
        spread = self._spread = self._spread_now(at, means)
        # Also a level tells where an unrounded mean lies: it is taken of the rounded one.
        level = self._level.update(at, mean) or 0
        published = Published(
            engagement=events.Engagement(mean=mean, q1=spread.q1, q3=spread.q3, levels=spread.levels, level=level),
            attentive=attentive,
            coverage=self._share(means.coverage, means.people),
        )
        if means.expressions is None or means.scored < self._policy.k:
            return published
        shares = [self._share(share, means.scored) for share in means.expressions]
        return replace(
            published,
            expressions={name.value: share for name, share in zip(FER7, shares, strict=True)},
            valence=None if means.valence is None else self._share(means.valence, means.scored),
            arousal=None if means.arousal is None else self._share(means.arousal, means.scored),
        )

    def _mean_and_attentive(self, people: Sequence[Person]) -> tuple[float, float]:
        """Round what hidden people add up to; what is published of people who opted in enters as published."""
        is_shown = [self._policy.names_people and person.participant.opted_in for person in people]
        shown = [person.values for person, is_one in zip(people, is_shown, strict=True) if is_one]
        hidden = [person.values for person, is_one in zip(people, is_shown, strict=True) if not is_one]
        parameters = self._parameters
        limits = (parameters.attentive_from * (1.0 - parameters.activity_weight), parameters.attentive_from)
        cell = self._rounding.mean(
            sum(values.index or 0.0 for values in hidden),
            len(hidden),
            sum(_hundredths(values.index) or 0.0 for values in shown),
            len(shown),
        )
        attentive = self._rounding.attentive(
            sum(is_attentive(values, parameters) for values in hidden),
            len(hidden),
            cell,
            limits,
            shown_count=sum(is_attentive(values, parameters) for values in shown),
            shown=len(shown),
        )
        return cell.value, attentive

    def _spread_now(self, at: float, means: ClassMeans) -> Spread:
        """Give quartiles and level shares: a level is narrow, so these rest for longer after a change of the set."""
        if means.people < self._policy.shares_from:
            return NO_SPREAD
        if at < self._spread_thaws_at:
            return self._spread
        rounded = self._rounding.quantile
        very_low, low, high, very_high = (rounded(count / means.people) for count in fold(means.level_counts))
        return Spread(rounded(means.q1), rounded(means.q3), (very_low, low, high, very_high))

    def _share(self, mean: float, people: int) -> float:
        return self._rounding.share(mean * people, people)


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


def _missed(people: Sequence[Person]) -> Unmeasurable | None:
    """Say why expressions of the class are not measurable: what keeps those of most people from being read."""
    causes = [person.values.expressions_unmeasurable for person in people]
    return max(causes, key=causes.count, default=None)


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
            "expressions_unmeasurable": values.expressions_unmeasurable,
            "unmeasurable": values.unmeasurable,
            "since": values.since,
            "reads_per_s": round(values.reads_per_s, 1),
            "as_of": values.as_of,
        }
    )


def _hundredths(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
