"""Numbers, times and grammar in words, as terminal and report share them with the page's `words.js`. Pure."""

from datetime import datetime, tzinfo
from math import floor, isnan

from dashboard_protocol.events import (
    Alert,
    BotState,
    Bye,
    ClassSummary,
    EndReason,
    Hello,
    Mark,
    PolicyMeaning,
    Profile,
    State,
)
from dashboard_protocol.view import formats
from dashboard_protocol.view.sentences import knows, say
from dashboard_protocol.view.timeline import Gap
from dashboard_protocol.view.trend import APART_S, STEADY_AT_MOST_S, Trend
from dashboard_protocol.vocabulary import LEAVES_OUT

NB = "\u00a0"
DASH = "–"
POLICY_ROWS = ("computed", "leaves", "never")
"""What a policy is said to be, each by its profile, in order; behind them how to opt out."""


def clock(at: float, zone: tzinfo | None = None, *, exact: bool = False) -> str:
    """Show a time of day, `14:32`, in a zone or in this machine's; `exact` adds the seconds."""
    return datetime.fromtimestamp(at, zone).strftime("%H:%M:%S" if exact else "%H:%M")


def points(number: int) -> str:
    """`1 point`, `20 points`."""
    return say("unit.point", n=number)


def people(number: int) -> str:
    """`1 person`, `20 people`."""
    return say("unit.person", n=number)


def cameras(number: int) -> str:
    """`1 camera`, `3 cameras`."""
    return say("unit.camera", n=number)


def span(seconds: float, *, exact: bool = False) -> str:
    """Write a length of time: `38 s`, `4 min`, `1 h 12 min`; `exact` keeps seconds up to an hour."""
    whole = max(0, floor(seconds))
    minutes, rest_s = divmod(whole, 60)
    hours, rest_min = divmod(minutes, 60)
    if minutes == 0:
        return say("unit.s", n=whole)
    larger = say("unit.h", n=hours) if hours else say("unit.min", n=minutes)
    if hours:
        smaller = say("unit.min", n=rest_min) if rest_min else ""
    else:
        smaller = say("unit.s", n=rest_s) if exact and rest_s else ""
    return say("unit.two", larger=larger, smaller=smaller) if smaller else larger


def percent(share: float | None, hello: Hello | None, of: float | None = None) -> str:
    """Show a share; the ends are open because class values arrive rounded, to the points that `hello` names.

    Of people counted in pairs one alone is not counted: with `of` people the lower end lies above that one.
    """
    if share is None or isnan(share) or hello is None:
        return DASH
    whole, step = floor(share * 100 + 0.5), hello.policy.rounding_points
    if whole == 0:
        return say("share.less", n=step * (floor(100 / of / step) + 1) if of else step)
    return say("share.more", n=100 - step) if whole == 100 else say("share.exact", n=whole)


def index(share: float | None) -> str:
    """Show the index ×100 as an integer."""
    return DASH if share is None or isnan(share) else f"{floor(share * 100 + 0.5)}"


def count(number: float | None) -> str:
    """Show a head count."""
    return DASH if number is None or isnan(number) else f"{number:.0f}"


def expression(name: str) -> str:
    """The word for a displayed expression."""
    return say(f"expression.{name}")


def gap(cause: Gap, policy: PolicyMeaning) -> str:
    """Why nothing is known for a while."""
    return say(f"gap.{cause.name.lower()}", span=span(policy.freeze_s))


def first_values(policy: PolicyMeaning) -> str:
    """When the first values are there: half a window of reads, and the wait after the first people came."""
    return say("value.first", span=span(policy.window_s / 2 + policy.freeze_s))


def settling(policy: PolicyMeaning) -> str:
    """When values that wait after a change of the people are there."""
    return say("value.settling", span=span(policy.freeze_s))


def signed(value: float | None) -> str:
    """Show a value between -1 and 1, with its sign."""
    return DASH if value is None or isnan(value) else formats.signed(value)


def level_name(hello: Hello, level: int) -> str:
    """The level's word, as a heading has it."""
    return level_title(hello.levels[level].name)


def level_title(name: str) -> str:
    """The word for a level that is named in English, as a heading has it."""
    word = level_word(name)
    return word[:1].upper() + word[1:]


def level_means(hello: Hello, level: int) -> str:
    """What a level means, in a few words."""
    return level_meaning(hello.levels[level].name, hello.levels[level].means)


def level_word(name: str) -> str:
    """The word for a level that is named in English, as events do; one that is not known here stays as it is."""
    return _known(f"level.{name.replace(' ', '_')}") or name


def level_meaning(name: str, means: str) -> str:
    """What such a level means; of one that is not known here what is said of it in English."""
    return _known(f"level_means.{name.replace(' ', '_')}") or means


def _known(key: str, **values: str | float) -> str | None:
    return say(key, **values) if knows(key) else None


def policy_rows(policy: PolicyMeaning) -> list[tuple[str, str]]:
    """What is computed, leaves the bot, never does, and how to opt out: heading and text of each.

    It is made from the profile and its numbers: the texts of the event are English, for programs.
    """
    said = {"k": policy.k, "points": policy.rounding_points, "window": policy.window_s}
    rows = [(say(f"policy.row.{row}"), say(f"policy.{row}.{policy.profile.value}", **said)) for row in POLICY_ROWS]
    opting_out = say("policy.opting_out", page=say("policy.privacy_page"))
    return [*rows, (say("policy.row.opting_out"), opting_out)]


def trend(found: Trend, *, counts: bool = False) -> str:
    """Write a trend: in points, or in people."""
    if found.kind == "move":
        by = str(abs(found.by)) if counts else points(abs(found.by))
        return say("trend.down" if found.by < 0 else "trend.up", by=by, span=span(APART_S))
    if found.kind == "steady":
        if counts:
            return say("trend.steady")
        if found.s > STEADY_AT_MOST_S:
            return say("trend.steady_over", span=span(STEADY_AT_MOST_S))
        return say("trend.steady_for", span=span(max(60, found.s)))
    return say("trend.short", span=span(found.s)) if found.kind == "short" else say("trend.none")


def ground(summary: ClassSummary, hello: Hello | None) -> str:
    """What the class values rest on."""
    analysed = say("value.analysed", part=count(summary.analysed), people=people(summary.present))
    if summary.coverage is None:
        return analysed
    return f"{analysed} · {say('value.coverage', coverage=percent(summary.coverage, hello))}"


def below_k(k: int) -> str:
    """Why values are withheld."""
    return say("value.below_k", people=people(k))


def returns(policy: PolicyMeaning) -> str:
    """When withheld values come back."""
    nth = _known(f"ordinal.{policy.k}") or say("nth", n=policy.k)
    return say("value.returns", span=say("unit.s", n=policy.freeze_s), nth=nth)


def alert_title(alert: Alert) -> str:
    """An alert in one line."""
    by = abs(floor(alert.to * 100 + 0.5) - floor(alert.from_ * 100 + 0.5))
    minutes = max(1, floor((alert.window.end - alert.window.start) / 60 + 0.5))
    return say(f"alert.title.{alert.kind}", points=points(by), span=say("unit.min", n=minutes))


def mark(set_: Mark) -> str:
    """A mark in one line: the word of its kind, and what was typed."""
    kind = say(f"mark.{set_.kind}")
    return say("marked", kind=kind, text=set_.text) if set_.text else kind


def alert_why(alert: Alert) -> str:
    """The factor that moved most."""
    return say(f"why.{alert.why}.{alert.kind}")


def when(start: str, end: str) -> str:
    """Write a stretch of time; one whose ends read alike is a moment."""
    return say("when.at", at=start) if start == end else say("when.between", start=start, end=end)


def rejoining(attempts: int) -> str:
    """What the bot does while it is away."""
    if attempts < 1:
        return say("trouble.unmeasured")
    more = say("trouble.twice") if attempts == 2 else say("unit.time", n=attempts)
    times = say("trouble.once") if attempts == 1 else more
    return f"{say('trouble.unmeasured')} {say('trouble.tried', times=times)}"


def policy_sentence(hello: Hello) -> str:
    """The policy in one sentence, and in another that somebody is left out, where that is so."""
    policy = hello.policy
    means = say(f"policy.means.{policy.profile.value}", k=policy.k)
    return " ".join(filter(None, (say("policy.is", profile=policy.profile.value), means, left_out(hello))))


def left_out(hello: Hello) -> str:
    """That somebody is no part of the class; empty where nobody is."""
    return say("policy.left_out") if LEAVES_OUT in hello.capabilities else ""


def limits(profile: Profile) -> str:
    """What the numbers are not."""
    what = say("limits.counts") if profile is Profile.PRESENCE else say("limits.expressions")
    return f"{what} {say('limits.use')}"


def ended(reason: EndReason, at: float, zone: tzinfo | None = None) -> str:
    """How and when a class ended."""
    return say(f"end.{reason.value}", at=clock(at, zone))


def facts(bye: Bye) -> str:
    """The class that ended in numbers."""
    return say("terminal.facts", span=span(bye.live_s), present=bye.present_max, alerts=bye.alerts)


def column(bot: BotState | None, hello: Hello | None, now: float, zone: tzinfo | None = None) -> tuple[str, list[str]]:
    """Return title and lines of the states before the class."""
    name = say("before.quoted", name=hello.bot_name) if hello else say("terminal.bot")
    if bot is None:
        return say("before.connecting"), [say("terminal.follows")]
    if bot.state is State.REQUESTED:
        return say("before.requested"), [say("before.requested_why")]
    if bot.state is State.JOINING:
        return say("before.joining"), [say("before.joining_as", bot=name)]
    since = clock(bot.since, zone)
    if bot.reason == "not_open":
        return say("before.not_open"), [say("before.not_open_why"), say("before.tried", at=since)]
    waited = say("before.lobby_since", at=since, span=span(now - bot.since, exact=True))
    return say("before.lobby"), [say("before.lobby_let_in", bot=name), waited]
