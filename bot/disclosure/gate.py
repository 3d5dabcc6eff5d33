"""The only way from values to events: rounds, withholds and freezes as the policy demands. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.classroom.change_detection import Change
from bot.classroom.summary import ClassValues, Person, is_attentive, level_counts, quartiles
from bot.disclosure.groups import Groups, grouped
from bot.disclosure.hysteresis import BorderHold, Held, Standing
from bot.disclosure.policy import Policy
from bot.disclosure.rounding import Rounding, half_persons, in_pairs, pairs_or_none
from bot.engagement import EngagementParameters, LevelHold, PersonValues
from dashboard_protocol import events
from dashboard_protocol.events import DisplayedName, Unmeasurable, Withheld
from dashboard_protocol.vocabulary import DISPLAYED

_FOLD_BELOW = 3
"""A level with fewer people points at somebody."""


@dataclass(frozen=True, slots=True)
class Faces:
    """How many faces are seen, in pairs of people."""

    visible: int
    facing: int | None
    """None but under `presence`."""


@dataclass(frozen=True, slots=True)
class Displayed:
    """What the faces show, as it has left the bot."""

    expressions: dict[DisplayedName, float]
    valence: float
    arousal: float


@dataclass(frozen=True, slots=True)
class Indexed:
    """What the people with an index come to, as it has left the bot."""

    analysed: int
    """In pairs."""
    mean: float
    level: int
    attentive: float
    coverage: float
    displayed: Displayed | None
    """None where the expressions of fewer than k could be read."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How the people lie around their mean, as it has left the bot."""

    q1: float
    q3: float
    levels: tuple[float, float, float, float]


class Gate:
    """Turns unrounded values into events, and lets nothing else through."""

    def __init__(self, policy: Policy, parameters: EngagementParameters) -> None:
        self._policy = policy
        self._parameters = parameters
        self._rounding = Rounding(policy.rounding_points)
        self._level = LevelHold(parameters)
        k, freeze_s, steady_s = policy.k, policy.freeze_s, policy.steady_s
        self._faces: Held[Faces] = Held(k, freeze_s, steady_s)
        self._indexed: Held[Indexed] = Held(k, freeze_s, steady_s)
        # A level is narrow, so level shares and quartiles rest for longer after a change of the set.
        self._spread: Held[Spread] = Held(policy.shares_from, policy.spread_freeze_s, steady_s)
        self._shown: frozenset[str] = frozenset()

    def admitted(self, people: Sequence[Person]) -> tuple[Person, ...]:
        """Choose the analysed people who may enter class values and alerts."""
        return self._analysed(people).people

    def summary(self, values: ClassValues) -> events.ClassSummary:
        """Make the event of this second; once a second, because it moves the freezes on."""
        is_presence = not self._policy.reads_expressions
        groups = Groups() if is_presence else self._analysed(values.analysed)
        self._shown = frozenset(person.participant.id for person in groups.shown)
        faces = self._count_faces(values)
        indexed = self._index(values.at, groups)
        spread = self._spread_out(values.at, groups)
        withheld = Withheld.PRESENCE if is_presence else self._withheld()
        missed = _missed(groups.people) if withheld is None else None
        # Also while values are frozen: nobody reads what they would repeat.
        displayed = None if indexed is None or missed is not None else indexed.displayed
        # What is held may be ten seconds old, and cameras are counted as they are: no more faces than cameras.
        most = in_pairs(values.camera_on)
        return events.ClassSummary(
            present=values.present,
            camera_on=values.camera_on,
            visible=None if faces is None else min(faces.visible, most),
            facing=None if faces is None or faces.facing is None else min(faces.facing, most),
            analysed=None if indexed is None else min(indexed.analysed, most),
            coverage=None if indexed is None else indexed.coverage,
            engagement=None if indexed is None else _engagement(indexed, spread),
            expressions=None if displayed is None else displayed.expressions,
            expressions_unmeasurable=missed,
            valence=None if displayed is None else displayed.valence,
            arousal=None if displayed is None else displayed.arousal,
            attentive=None if indexed is None else indexed.attentive,
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
        """Make the event of a change, rounded; None under `presence`, and where fewer than k people are behind it."""
        shown = [change.own[person] for person in change.own.keys() & self._shown]
        hidden = change.people - len(shown)
        if not self._policy.reads_expressions or change.people < self._policy.k or 0 < hidden < self._policy.k:
            return None

        def rounded(mean: float, own: Sequence[float]) -> float:
            rest = min(max(0.0, mean * change.people - sum(own)), float(hidden))
            return self._rounding.share(rest, hidden, sum(own), len(own))

        return events.Alert.model_validate(
            {
                "id": alert_id,
                "kind": change.kind,
                "from": rounded(change.reference, [before for before, _ in shown]),
                "to": rounded(change.now, [now for _, now in shown]),
                "window": events.Window(start=change.start, end=change.end),
                "people": in_pairs(change.people),
                "why": change.why,
            }
        )

    def _analysed(self, people: Sequence[Person]) -> Groups:
        return grouped((person for person in people if person.values.index is not None), self._policy)

    def _withheld(self) -> Withheld | None:
        if self._indexed.standing is Standing.FEW:
            return Withheld.BELOW_K
        return Withheld.SETTLING if self._indexed.value is None else None

    def _count_faces(self, values: ClassValues) -> Faces | None:
        """Count who is seen. Whom a count is about is whom it counts: it rests also when a face comes or goes."""
        groups = grouped(values.visible, self._policy)
        facing = () if self._policy.reads_expressions else values.facing
        members = groups.key | {("facing", person.participant.id) for person in facing}
        faces = Faces(_in_pairs(groups), None if self._policy.reads_expressions else in_pairs(len(facing)))
        return self._faces.update(values.at, members, groups.heads, lambda border: faces)

    def _index(self, at: float, groups: Groups) -> Indexed | None:
        indexed = self._indexed.update(
            at, groups.key, groups.heads, lambda border: self._index_values(at, groups, border)
        )
        if self._indexed.standing is Standing.FEW:
            self._level.update(at, None)
        return indexed

    def _index_values(self, at: float, groups: Groups, border: BorderHold) -> Indexed:
        parameters = self._parameters
        hidden, shown = len(groups.hidden), len(groups.shown)
        mean = self._rounding.mean(
            _sum(groups.hidden, lambda values: values.index),
            hidden,
            _sum(groups.shown, lambda values: _hundredths(values.index)),
            shown,
        )
        cell = border.hold("mean", mean)
        attentive = (
            in_pairs(sum(is_attentive(person.values, parameters) for person in groups.hidden)),
            sum(is_attentive(person.values, parameters) for person in groups.shown),
        )
        count, shown_count = border.hold("attentive", attentive)
        limits = (parameters.attentive_from * (1.0 - parameters.activity_weight), parameters.attentive_from)
        coverage = self._rounding.share(
            _sum(groups.hidden, lambda values: values.coverage),
            hidden,
            _sum(groups.shown, lambda values: _hundredths(values.coverage)),
            shown,
        )
        return Indexed(
            analysed=_in_pairs(groups),
            mean=cell.value,
            # Also a level says where an unrounded mean lies: it is taken of the rounded one.
            level=self._level.update(at, cell.value) or 0,
            attentive=self._rounding.attentive(count, hidden, cell, limits, shown_count=shown_count, shown=shown),
            coverage=border.hold("coverage", coverage),
            displayed=self._display(groups, border),
        )

    def _spread_out(self, at: float, groups: Groups) -> Spread | None:
        """Give quartiles and level shares, of as many people whose own values stay in the bot, or of none of them."""
        are_many = not groups.hidden or len(groups.hidden) >= self._policy.shares_from
        heads = groups.heads if are_many else 0

        def make(border: BorderHold) -> Spread:
            rounded, people = self._rounding.quantile, len(groups.people)
            counts = zip(fold(level_counts(groups.hidden)), level_counts(groups.shown), strict=True)
            very_low, low, high, very_high = (rounded((hidden + shown) / people) for hidden, shown in counts)
            q1, q3 = quartiles(groups.people)
            return Spread(
                q1=border.hold("q1", rounded(q1)),
                q3=border.hold("q3", rounded(q3)),
                levels=border.hold("levels", (very_low, low, high, very_high)),
            )

        return self._spread.update(at, groups.key, heads, make)

    def _display(self, groups: Groups, border: BorderHold) -> Displayed | None:
        """Give what faces show, of the analysed whose expression could be read."""
        read = grouped((person for person in groups.people if person.values.displayed is not None), self._policy)
        hidden, shown = len(read.hidden), len(read.shown)
        if read.heads < self._policy.k or _missed(groups.people) is not None:
            border.forget(*DISPLAYED, "valence", "arousal")
            return None

        def share(name: DisplayedName) -> float:
            of_hidden, of_shown = (
                sum(person.values.displayed == name for person in group) for group in (read.hidden, read.shown)
            )
            return self._rounding.share(of_hidden, hidden, of_shown, shown, grain=pairs_or_none)

        def mean(of: Callable[[PersonValues], float | None]) -> float:
            # Nobody's own valence is published, so those of shown people are rounded too.
            return self._rounding.share(_sum(read.hidden, of), hidden, half_persons(_sum(read.shown, of)), shown)

        return Displayed(
            expressions={name: border.hold(name, share(name)) for name in DISPLAYED},
            valence=border.hold("valence", mean(lambda values: values.valence)),
            arousal=border.hold("arousal", mean(lambda values: values.arousal)),
        )


def _engagement(indexed: Indexed, spread: Spread | None) -> events.Engagement:
    return events.Engagement(
        mean=indexed.mean,
        q1=None if spread is None else spread.q1,
        q3=None if spread is None else spread.q3,
        levels=None if spread is None else spread.levels,
        level=indexed.level,
    )


def _sum(people: Sequence[Person], of: Callable[[PersonValues], float | None]) -> float:
    return sum(of(person.values) or 0.0 for person in people)


def _in_pairs(groups: Groups) -> int:
    """Count people so that who subtracts those who are shown finds pairs of the others."""
    return in_pairs(in_pairs(len(groups.hidden)) + len(groups.shown))


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
            "model": _hundredths(values.model),
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
