"""Who enters class values: people of whom only sums leave the bot, apart from people who agreed to be shown. Pure."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from bot.classroom.summary import Person
from bot.disclosure.policy import Policy


@dataclass(frozen=True, slots=True)
class Groups:
    """The people of one class value."""

    hidden: tuple[Person, ...] = ()
    """Those of whom only sums leave the bot."""
    shown: tuple[Person, ...] = ()
    """Those whose own values leave it, because they agreed."""

    @property
    def people(self) -> tuple[Person, ...]:
        """All of them."""
        return self.hidden + self.shown

    @property
    def key(self) -> frozenset[Hashable]:
        """Changes when somebody comes or goes, or from one group into the other."""
        return frozenset(
            (person.participant.id, is_shown)
            for group, is_shown in ((self.hidden, False), (self.shown, True))
            for person in group
        )

    @property
    def heads(self) -> int:
        """How many they are towards k."""
        return _heads(self.people)


def grouped(people: Iterable[Person], policy: Policy) -> Groups:
    """Part people into hidden and shown ones.

    Where values of single people leave the bot, class values minus these would speak of the few others: they enter
    only while they are at least k.
    """
    if not policy.names_people:
        return Groups(hidden=tuple(people))
    hidden: list[Person] = []
    shown: list[Person] = []
    for person in people:
        (shown if person.participant.opted_in else hidden).append(person)
    return Groups(tuple(hidden) if _heads(hidden) >= policy.k else (), tuple(shown))


def _heads(people: Iterable[Person]) -> int:
    """Count people; several stays with one consent are one person, for a consent is the only token of one's own."""
    return len({person.participant.consent or person.participant.id for person in people})
