"""Every sentence that terminal and report share with the page. Pure; as `words.js`, no-break spaces included."""

from collections.abc import Callable
from datetime import datetime, tzinfo
from math import floor, isnan

from dashboard_protocol.events import Alert, BotState, ClassSummary, EndReason, Hello, PolicyMeaning, Profile, State
from dashboard_protocol.view.timeline import Gap
from dashboard_protocol.view.trend import STEADY_AT_MOST_S, Trend

NB = "\u00a0"
DASH = "–"
EXPRESSION = {
    "angry": "Anger", "disgust": "Disgust", "fear": "Fear", "happy": "Happiness", "sad": "Sadness",
    "surprise": "Surprise", "neutral": "Neutral", "unclear": "Unclear",
}  # fmt: skip
BAR = {
    "connecting": "Connecting", "requested": "Waiting", "joining": "Joining", "lobby": "In the lobby",
    "not_open": "Not open yet", "live": "Live", "leaving": "Leaving", "silent": "No new values",
    "reconnecting": "Bot rejoining", "ended": "Ended",
}  # fmt: skip
"""The word for a state."""
GAP = {Gap.FEED: "feed interrupted", Gap.BOT: "bot rejoining", Gap.WITHHELD: "withheld"}
FIRST_VALUES = f"first values in about 15{NB}s"
SETTLING = f"values return in about 10{NB}s"
WITHHELD = "Withheld"
UNMEASURABLE = "Not measurable"
UNHEARD = "who asks not to be read cannot be heard"
UNHEARD_GROUND = "no pictures are taken"
ATTENTIVE = "facing the screen, gaze on it"
LIMITS = "A displayed expression is what a face shows, nothing more. Not for grading or discipline."
LIMITS_PRESENCE = "Counts only. Not for grading or discipline."
POLICY_ROWS = (
    ("Computed", "computed"), ("Leaves the bot", "leaves"), ("Never", "never"), ("Opting out", "opting_out"),
)  # fmt: skip
FORMULA = "facing the screen, gaze and open eyes; a small part for movement in the face"
_ORDINAL = ("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_WHY = {
    "facing": {"fall": "looking away from the screen", "rise": "facing the screen"},
    "gaze": {"fall": "gaze away from the screen", "rise": "gaze on the screen"},
    "eyes": {"fall": "closed eyes", "rise": "open eyes"},
    "activity": {"fall": "less movement in the faces", "rise": "more movement in the faces"},
}
_PROFILE: dict[Profile, Callable[[int], str]] = {
    Profile.PRESENCE: lambda k: "Counts only; no expressions, no attention, no names.",
    Profile.AGGREGATE: lambda k: f"Class values only, from {k} people up; no names.",
    Profile.INDIVIDUAL: lambda k: f"Class values from {k} people up, and values of people who opted in themselves.",
}
_END = {
    EndReason.ASKED_TO_LEAVE: "The bot was asked to leave at {}. It has left.",
    EndReason.ROOM_CLOSED: "The room was closed at {}. The bot has left.",
    EndReason.KICKED: "The bot was removed from the meeting at {}.",
    EndReason.REFUSED: "The meeting refused the bot at {}.",
    EndReason.UNREACHABLE: "The meeting could not be reached; the bot gave up at {}.",
    EndReason.ALONE: "Everyone else had left by {}. The bot has left.",
    EndReason.MAX_DURATION: "The longest stay that was set ended at {}. The bot has left.",
    EndReason.OPTED_OUT: "The class was opted out at {}. The bot has left.",
    EndReason.WORKER_LOST: "Measuring stopped at {}: the machine that ran the bot was lost.",
    EndReason.FAILED: "Measuring stopped at {}: the bot failed.",
}


def clock(at: float, zone: tzinfo | None = None, *, exact: bool = False) -> str:
    """Show a time of day, `14:32`, in a zone or in this machine's; `exact` adds the seconds."""
    return datetime.fromtimestamp(at, zone).strftime("%H:%M:%S" if exact else "%H:%M")


def unit(number: float, word: str) -> str:
    """Join number and unit so that no line break parts them."""
    return f"{number:g}{NB}{word}"


def points(number: int) -> str:
    """`1 point`, `20 points`."""
    return unit(number, "point" if number == 1 else "points")


def people(number: int) -> str:
    """`1 person`, `20 people`."""
    return unit(number, "person" if number == 1 else "people")


def cameras(number: int) -> str:
    """`1 camera`, `3 cameras`."""
    return unit(number, "camera" if number == 1 else "cameras")


def span(seconds: float, *, exact: bool = False) -> str:
    """Tell a length of time: `38 s`, `4 min`, `1 h 12 min`; `exact` keeps seconds up to an hour."""
    whole = max(0, floor(seconds))
    if whole < 60:
        return unit(whole, "s")
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return unit(minutes, "min") + (f" {unit(rest, 's')}" if exact and rest else "")
    hours, minutes = divmod(minutes, 60)
    return unit(hours, "h") + (f" {unit(minutes, 'min')}" if minutes else "")


def percent(share: float | None, hello: Hello | None, of: float | None = None) -> str:
    """Show a share; the ends are open because class values arrive rounded, to the points that `hello` names.

    Of people counted in pairs one alone is not told: with `of` people the lower end lies above that one.
    """
    if share is None or isnan(share) or hello is None:
        return DASH
    whole, step = floor(share * 100 + 0.5), hello.policy.rounding_points
    if whole == 0:
        return f"<{NB}{step * (floor(100 / of / step) + 1) if of else step}%"
    return f">{NB}{100 - step}%" if whole == 100 else f"{whole}%"


def index(share: float | None) -> str:
    """Show the index ×100 as an integer."""
    return DASH if share is None or isnan(share) else f"{floor(share * 100 + 0.5)}"


def count(number: float | None) -> str:
    """Show a head count."""
    return DASH if number is None or isnan(number) else f"{number:.0f}"


def level_name(hello: Hello, level: int) -> str:
    """The level's word, as `hello` names it."""
    return hello.levels[level].name.capitalize()


def trend(found: Trend, *, counts: bool = False) -> str:
    """Tell a trend: in points, or in people."""
    if found.kind == "move":
        by = abs(found.by)
        return f"{'down' if found.by < 0 else 'up'} {by if counts else points(by)} in {unit(5, 'min')}"
    if found.kind == "steady":
        if counts:
            return "steady"
        over = found.s > STEADY_AT_MOST_S
        return f"steady for over {unit(10, 'min')}" if over else f"steady for {span(max(60, found.s))}"
    return f"measured for {span(found.s)}" if found.kind == "short" else "no comparison yet"


def ground(summary: ClassSummary, hello: Hello | None) -> str:
    """What the class values rest on."""
    analysed = f"{count(summary.analysed)} of {people(summary.present)} analysed"
    return analysed if summary.coverage is None else f"{analysed} · coverage {percent(summary.coverage, hello)}"


def below_k(k: int) -> str:
    """Why values are withheld."""
    return f"Fewer than {people(k)} analysed"


def returns(policy: PolicyMeaning) -> str:
    """When withheld values come back."""
    nth = _ORDINAL[policy.k] if policy.k < len(_ORDINAL) else f"{policy.k}th"
    return f"Values return by themselves {unit(policy.freeze_s, 's')} after a {nth} person is analysed."


def alert_title(alert: Alert) -> str:
    """An alert in one line."""
    by = abs(floor(alert.to * 100 + 0.5) - floor(alert.from_ * 100 + 0.5))
    minutes = max(1, floor((alert.window.end - alert.window.start) / 60 + 0.5))
    return f"Index {'down' if alert.kind == 'fall' else 'up'} {points(by)} in {unit(minutes, 'min')}"


def alert_why(alert: Alert) -> str:
    """The factor that moved most."""
    return _WHY[alert.why][alert.kind]


def alert_ground(alert: Alert, zone: tzinfo | None = None) -> str:
    """What an alert rests on."""
    values = f"{index(alert.from_)} → {index(alert.to)}, {people(alert.people)} measured"
    start, end = (clock(at, zone) for at in (alert.window.start, alert.window.end))
    return f"{values}, {start} to {end}. Largest part: {alert_why(alert)}."


def rejoining(attempts: int) -> str:
    """What the bot does while it is away."""
    tried = {1: "once", 2: "twice"}.get(attempts, unit(attempts, "times"))
    return "Nothing is measured until it is back." + (f" It has tried {tried}." if attempts > 0 else "")


def policy_sentence(policy: PolicyMeaning) -> str:
    """The policy in one sentence."""
    return f"Policy: {policy.profile.value}. {_PROFILE[policy.profile](policy.k)}"


def limits(profile: Profile) -> str:
    """What the numbers are not."""
    return LIMITS_PRESENCE if profile is Profile.PRESENCE else LIMITS


def ended(reason: EndReason, at: float, zone: tzinfo | None = None) -> str:
    """How and when a class ended."""
    return _END[reason].format(clock(at, zone))


def column(bot: BotState | None, hello: Hello | None, now: float, zone: tzinfo | None = None) -> tuple[str, list[str]]:
    """Tell title and lines of the states before the class."""
    name = f"“{hello.bot_name}”" if hello else "The bot"
    if bot is None:
        return "Connecting to the class", ["This follows by itself."]
    if bot.state is State.REQUESTED:
        return "Waiting for the bot", ["It was asked to join and no worker has taken it yet."]
    if bot.state is State.JOINING:
        return "The bot is joining", [f"It will appear in the meeting as {name}."]
    if bot.reason == "not_open":
        tried = f"Last tried {clock(bot.since, zone)}."
        return "The room is not open yet", ["The bot joins by itself when it opens.", tried]
    since = f"In the lobby since {clock(bot.since, zone)}, {span(now - bot.since, exact=True)}."
    return "The bot is in the lobby", [f"Let {name} in from your meeting's participant list.", since]
