"""Four participants whose values somebody steers, and a fifth whom they want to read."""

from collections import defaultdict

from bot.disclosure.gate import Gate
from bot.disclosure.policy import Policy
from bot.engagement import EngagementParameters
from dashboard_protocol.events import Profile
from tests.bot.disclosure.test_gate import person, room

SETTLED_S = 20
SWEEP_S = 60
"""Fifty steps of a hundredth, which take everybody over a border, and the seconds in which a change comes late."""


def seen(victim: float, steady_s: float) -> tuple[float | None, ...]:
    """What is published while four raise their sum by a hundredth each second."""
    gate = Gate(Policy(Profile.AGGREGATE, steady_s=steady_s), EngagementParameters())
    found = []
    for second in range(SETTLED_S + SWEEP_S):
        steered = 2.0 + max(0, second - SETTLED_S) / 100
        people = [*(person(number, steered / 4) for number in range(4)), person(9, victim)]
        engagement = gate.summary(room(float(second), people)).engagement
        found.append(None if engagement is None else engagement.mean)
    return tuple(found)


def doubts(steady_s: float) -> list[int]:
    """For victims a hundredth apart, how many hundredths look alike to the four."""
    alike = defaultdict(list)
    for hundredths in range(100):
        alike[seen(hundredths / 100 + 0.005, steady_s)].append(hundredths)
    return [len(victims) for victims in alike.values()]


def test_four_steered_participants_read_the_fifth_to_a_hundredth_no_more() -> None:
    """Whatever they compute: without the five seconds every hundredth looks different, with them about five look alike.

    Fewer only beside a border of the first value. It slows such people down and does not stop them: who goes on for
    minutes over somebody who does not move reads them, as bot/ENGAGEMENT.md says.
    """
    assert set(doubts(0.0)) == {1}
    now = doubts(5.0)
    assert sum(alike for alike in now if alike >= 4) >= 95
