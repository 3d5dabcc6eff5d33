"""The live feed in a terminal: the page's words at 80 columns, and what happens when nothing comes."""

import asyncio
import io
import os
import signal
from collections.abc import Callable
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from dashboard_protocol.codec import decode
from dashboard_protocol.errors import AccessDenied, FeedLost
from dashboard_protocol.events import (
    Alert,
    Body,
    BotState,
    Bye,
    ClassSummary,
    EndReason,
    Event,
    Hello,
    Profile,
    State,
    Window,
    Withheld,
)
from dashboard_protocol.snapshot import Fold
from dashboard_protocol.terminal import Watched, render, watch_in_terminal
from dashboard_protocol.terminal import live as terminal
from dashboard_protocol.terminal.log_lines import LogLines
from dashboard_protocol.view import text as words
from tests.dashboard_protocol.staging import a_stage
from tests.dashboard_protocol.staging import hello as make_hello

BERLIN = ZoneInfo("Europe/Berlin")
START = 1_789_999_200.0
"""16:00 in Berlin."""


def hello(profile: Profile = Profile.AGGREGATE, title: str = "Biology 101") -> Hello:
    said = make_hello()
    is_presence = profile is Profile.PRESENCE
    policy = said.policy.model_copy(update={"profile": profile})
    return said.model_copy(update={"policy": policy, "title": title, "alerts": None if is_presence else said.alerts})


def summary(mean: float | None = 0.65, **values: object) -> ClassSummary:
    counts = {"present": 28, "camera_on": 24, "visible": 22, "facing": None, "analysed": 20, "reads_per_s": 80.0}
    nothing = dict.fromkeys(("coverage", "expressions", "valence", "arousal", "withheld", "as_of", "attentive"))
    level = None if mean is None else 0 if mean < 0.3 else 1 if mean < 0.55 else 2
    engagement = mean and {"mean": mean, "q1": 0.5, "q3": 0.8, "levels": (0.0, 0.2, 0.45, 0.35), "level": level}
    shown = mean and {
        "coverage": 0.85, "attentive": mean, "expressions": {"neutral": 0.6, "happy": 0.1, "surprise": mean}
    }  # fmt: skip
    return ClassSummary.model_validate({**nothing, **counts, "engagement": engagement, **(shown or {}), **values})


def presence(**values: object) -> ClassSummary:
    return summary(None, **{"facing": 18, "analysed": None, "withheld": Withheld.PRESENCE, **values})


def an_alert(at: float, *, rise: bool = False) -> Alert:
    window = Window(start=at - 180, end=at)
    moved = {"kind": "rise", "from": 0.5, "to": 0.8} if rise else {"kind": "fall", "from": 0.8, "to": 0.6}
    return Alert.model_validate({"id": "a1", **moved, "window": window, "people": 20, "why": "facing"})


class Screen:
    """A watched class whose monotonic clock is the room's, from 0."""

    def __init__(self, profile: Profile = Profile.AGGREGATE, title: str = "Biology 101") -> None:
        self.watched = Watched()
        self.now = 0.0
        self.take(hello(profile, title))

    def take(self, *bodies: Body) -> "Screen":
        for body in bodies:
            at = START + self.now
            self.watched.take(Event(room="r", epoch=1, seq=1, at=at, body=body), self.now)
        return self

    def live(self) -> "Screen":
        return self.take(BotState(state=State.LIVE, since=START + self.now))

    def run(self, seconds: int, body: Callable[[], ClassSummary] = summary) -> "Screen":
        for _ in range(seconds):
            self.now += 1
            self.take(body())
        return self

    def shown(self, width: int = 80, after_s: float = 0.0) -> list[str]:
        console = Console(width=width, record=True, file=io.StringIO(), color_system=None)
        console.print(render(self.watched, width, self.now + after_s, BERLIN))
        return [line.replace(words.NB, " ").rstrip() for line in console.export_text().splitlines()]

    def text(self, width: int = 80, after_s: float = 0.0) -> str:
        return "\n".join(self.shown(width, after_s))


def test_eighty_columns_and_24_lines_hold_the_whole_class() -> None:
    screen = Screen().live().run(420, lambda: summary(0.8))
    screen.run(60, lambda: summary(0.6)).take(an_alert(START + screen.now))
    lines = screen.run(60, lambda: summary(0.6)).shown()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    for said in (
        "● Live 9 min · Biology 101",
        "Policy: aggregate",
        "■■■□  High  60",
        "↘ down 20 points in 5 min",
        "20 of 28 people analysed · coverage 85%",
        "facing the screen, gaze on it",
        "Very high   35%",
        "Very low   < 5%",
        "▲ Index down 20 points since 16:05: 80 → 60 · 1 min ago",
        "20 people measured. Largest part: looking away from the screen. Often",
        "Try: ask for one word in the chat.",
        "Happiness ██│·············   10%",
        "Present      ████████████████    28",
        "16:08 Index down 20 points in 3 min",
        "Not for grading or",
    ):
        assert said in text
    axis = next(line for line in lines if line.endswith("now"))
    assert axis.index("▲") == 4 + 54


def test_a_rise_is_no_alarm_and_an_alert_follows_the_present() -> None:
    screen = Screen().live().run(420, lambda: summary(0.5))
    screen.run(60, lambda: summary(0.8)).take(an_alert(START + screen.now, rise=True))
    text = screen.run(2, lambda: summary(0.75)).text()
    assert "↗ Index up 25 points since 16:05: 50 → 75" in text
    assert "▲" not in text, "neither in the slot nor under the chart"
    fallen = Screen().live().run(420, lambda: summary(0.8))
    fallen.run(60, lambda: summary(0.6)).take(an_alert(START + fallen.now))
    assert "▲ Index down 35 points since 16:05: 80 → 45" in fallen.run(2, lambda: summary(0.45)).text()
    assert "↗ Index back at 80, as before 16:05" in fallen.run(2, lambda: summary(0.8)).text()


@pytest.mark.parametrize("width", [20, 40, 71, 72, 120])
def test_any_width_shows_every_number_and_never_more_than_the_width(width: int) -> None:
    lines = Screen().live().run(30).shown(width)
    assert max(map(len, lines)) <= width
    assert "…" not in "".join(line for line in lines if "%" in line)
    for number in ("65%", "28", "24", "22", "60%"):
        assert number in "\n".join(lines)


def test_the_chart_has_one_cell_for_ten_seconds_and_hatches_gaps() -> None:
    screen = Screen().live().run(590).run(10, lambda: summary(None, withheld=Withheld.SETTLING))
    top = next(line for line in screen.shown() if line.startswith("100"))
    lowest = next(line for line in screen.shown() if line.startswith("  0"))
    assert lowest[4:63] == "█" * 59
    assert lowest[63] == top[63] == "╱"


def test_old_values_say_of_when_they_are_and_after_a_minute_they_are_gone() -> None:
    screen = Screen().live().run(30)
    assert "● Live" in screen.text(after_s=4)
    stale = screen.text(after_s=12)
    assert "○ No new values" in stale
    assert "High  65" in stale
    assert "as of 16:00:30, 12 s ago" in stale
    assert "▲ No new values for 12 s" in stale
    assert "Values here are from 16:00:30." in stale
    lost = screen.text(after_s=61)
    assert "High  65" not in lost
    assert "last High 65 at 16:00:30" in lost
    assert "Analysed     ················     –" in lost


def test_values_turn_grey_when_they_are_old() -> None:
    screen = Screen().live().run(30)

    def ansi(after_s: float) -> str:
        console = Console(width=80, file=io.StringIO(), force_terminal=True, color_system="truecolor", record=True)
        console.print(render(screen.watched, 80, screen.now + after_s, BERLIN))
        return console.export_text(styles=True)

    assert "\x1b[1;39mHigh" in ansi(0)
    assert "\x1b[90mHigh" in ansi(10)


def test_withheld_says_how_many_people_are_needed() -> None:
    few = Screen().live().run(30, lambda: summary(None, analysed=4, withheld=Withheld.BELOW_K)).text()
    assert "Withheld\nFewer than 5 people analysed" in few
    assert "Values return by themselves 10 s after a fifth person is analysed." in few
    assert "Happiness ················     –" in few
    assert "Present      ████████████████    28" in few


def test_opt_outs_that_cannot_be_heard_are_said_to_make_nothing_measurable() -> None:
    unheard = Screen().live().run(30, lambda: summary(None, withheld=Withheld.WISHES_UNREACHABLE, opted_out=6)).text()
    assert "Not measurable\nwho asks not to be read cannot be heard\nno pictures are taken" in unheard
    assert "Present      ████████████████    28" in unheard
    assert "6 people opted out within a minute" in unheard
    none = {"visible": None, "facing": None, "withheld": Withheld.WISHES_UNREACHABLE}
    counts = Screen(Profile.PRESENCE).live().run(30, lambda: presence(**none)).text()
    assert "who asks not to be" in counts
    assert "withheld" not in counts.lower()


def test_the_first_seconds_announce_the_first_values() -> None:
    screen = Screen().live()
    assert "first values in about 15 s" in screen.text()
    screen.run(10, lambda: summary(None, withheld=Withheld.SETTLING))
    assert "first values in about 15 s" in screen.text()
    screen.run(60).run(1, lambda: summary(None, withheld=Withheld.SETTLING))
    assert "values return within 10 s" in screen.text()


def test_the_slot_says_when_alerts_are_possible() -> None:
    screen = Screen().live().run(30)
    assert "Alerts start at 16:02" in screen.text()
    screen.run(120, lambda: summary(analysed=6))
    assert "Alerts need 8 people analysed" in screen.text()
    screen.run(10)
    assert "Alerts: none in the last 10 min" in screen.text()
    screen.take(an_alert(START + screen.now)).run(310)
    assert "Alerts: none open; last one 16:02" in screen.text()


def test_a_bot_that_rejoins_is_reported_with_its_tries() -> None:
    screen = Screen().live().run(30)
    screen.take(BotState(state=State.RECONNECTING, since=START + 30, reason="ice", attempts=2))
    text = screen.text(after_s=3)
    assert "○ Bot rejoining" in text
    assert "Nothing is measured until it is back. It has tried twice." in text
    assert "as of 16:00:30, 3 s ago" in text


def test_presence_shows_four_counts_and_nothing_else() -> None:
    screen = Screen(Profile.PRESENCE)
    assert "first values" in screen.live().text()
    screen.run(400, presence)
    screen.run(60, lambda: presence(facing=10))
    text = screen.text()
    for said in ("Present", "24 of 28", "22 of 24", "10 of 22", "down 8 in 5 min", "→ steady", "Counts only."):
        assert said in text
    for absent in ("index", "Attentive", "expressions", "Alerts", "Analysed"):
        assert absent not in text
    assert len(screen.shown()) <= 24
    screen.run(2, lambda: presence(visible=None, facing=None))
    assert screen.text().count("– of") == 2
    assert "Withheld" in screen.text(), "a count of few faces is not shown, and is not 0"
    screen.run(2, presence)
    assert "last 28 at" in screen.text(after_s=90)


@pytest.mark.parametrize(
    ("state", "reason", "said"),
    [
        (State.REQUESTED, None, "Waiting for the bot"),
        (State.JOINING, None, "It will appear in the meeting as “Reads faces (classpulse) · Pulse”."),
        (State.WAITING, "lobby", "In the lobby since 16:00, 1 min 10 s."),
        (State.WAITING, "not_open", "The room is not open yet"),
    ],
)
def test_before_the_class_the_state_stands_alone(state: State, reason: str | None, said: str) -> None:
    screen = Screen().take(BotState(state=state, since=START, reason=reason))
    text = screen.text(after_s=70)
    assert said in text
    assert "Policy: aggregate. Class values only, from 5 people up; no names." in text
    assert "Attentive" not in text


def test_before_any_event_it_says_that_it_connects() -> None:
    screen = Screen()
    screen.watched = Watched()
    assert "Connecting to the class" in screen.text()


def test_the_end_is_reported_with_its_reason_and_report() -> None:
    screen = Screen().live().run(5)
    screen.take(BotState(state=State.ENDED, since=START + 5, reason=EndReason.ALONE))
    assert "The class has ended\nThe bot has left." in screen.text()
    screen.take(Bye(reason=EndReason.ALONE, report="/rooms/r/report", live_s=3060, present_max=28, alerts=2))
    text = screen.text()
    assert "Everyone else had left by 16:00. The bot has left." in text
    assert "Live 51 min · Present at most 28 · Alerts 2" in text
    assert "The report: open the instructor's link in a browser." in text


def test_somebody_who_is_left_out_is_said_to_be() -> None:
    screen = Screen().live().run(1)
    assert "left out" not in screen.text()
    screen.take(hello().model_copy(update={"capabilities": ("leaves_out",)}))
    assert "left out: neither" in screen.text()


def test_a_title_cannot_command_the_terminal() -> None:
    text = Screen(title="Bio\x1b]0;evil\x07\x1b[2Jlogy").live().run(1).text()
    assert "\x1b" not in text
    assert r"Bio\u001b]0;evil\u0007\u001b[2Jlogy" in text


def test_a_snapshot_makes_values_as_old_as_they_are() -> None:
    fold = Fold()
    events = [Event(room="r", epoch=1, seq=n, at=START + n, body=summary()) for n in range(1, 31)]
    fold.apply(Event(room="r", epoch=1, seq=0, at=START, body=BotState(state=State.LIVE, since=START)))
    for event in events:
        fold.apply(event)
    screen = Screen()
    screen.now = 40.0
    screen.take(fold.snapshot())
    assert "as of 16:00:30, 10 s ago" in screen.text()


def test_without_a_screen_each_change_is_one_line() -> None:
    log_lines = LogLines(BERLIN)
    lines: list[str] = []
    now = 0.0

    def feed(*bodies: Body) -> None:
        for body in bodies:
            lines.extend(log_lines.lines(Event(room="r", epoch=1, seq=1, at=START + now, body=body)))

    feed(hello(), BotState(state=State.WAITING, since=START, reason="lobby"), BotState(state=State.LIVE, since=START))
    for second in range(120):
        now = float(second)
        feed(summary(0.4 if 40 <= second < 60 or second > 80 else 0.65, present=28 if second < 90 else 26))
    feed(an_alert(START + now))
    ended = BotState(state=State.ENDED, since=START + now, reason=EndReason.KICKED)
    bye = Bye(reason=EndReason.KICKED, report=None, live_s=120, present_max=28, alerts=1)
    feed(ended, bye, bye)
    assert [line.replace(words.NB, " ") for line in lines] == [
        "16:00:00  Biology 101. Policy: aggregate. Class values only, from 5 people up; no names.",
        "16:00:00  In the lobby",
        "16:00:00  Live",
        "16:00:00  Engagement index High 65, attentive 65%, 20 of 28 people analysed · coverage 85%",
        "16:01:30  2 people left",
        "16:01:51  Engagement index Low 40, attentive 40%, 20 of 26 people analysed · coverage 85%",
        "16:01:59  Index down 20 points in 3 min",
        "16:01:59  Ended",
        "16:01:59  The bot was removed from the meeting at 16:01. Live 2 min · Present at most 28 · Alerts 1",
    ]


async def test_json_prints_every_event_as_one_line_until_the_class_ends() -> None:
    async with a_stage() as stage:
        writer = await stage.writer()
        await writer.publish(BotState(state=State.LIVE, since=2), at=2)
        await writer.publish(Bye(reason=EndReason.ROOM_CLOSED, report=None, live_s=1, present_max=1, alerts=0), at=3)
        output = io.StringIO()
        async with asyncio.timeout(30):
            assert await watch_in_terminal(stage.link, json=True, console=Console(file=output)) == 0
    assert [decode(line).body.type for line in output.getvalue().splitlines()] == ["hello", "snapshot"]


class Noticed(io.StringIO):
    """A terminal that says when it has shown a text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text
        self.shown = asyncio.Event()

    def write(self, text: str) -> int:
        written = super().write(text)
        if self._text in self.getvalue():
            self.shown.set()
        return written


async def test_a_pipe_gets_lines_as_they_happen() -> None:
    async with a_stage() as stage, asyncio.TaskGroup() as tasks:
        writer = await stage.writer()
        output = Noticed("Live")
        watching = tasks.create_task(watch_in_terminal(stage.link, console=Console(file=output)))
        await writer.publish(BotState(state=State.LIVE, since=2), at=2)
        async with asyncio.timeout(30):
            await output.shown.wait()
            await writer.publish(Bye(reason=EndReason.FAILED, report=None, live_s=1, present_max=1, alerts=0), at=3)
            assert await watching == 0
    assert output.getvalue().splitlines()[-1].endswith("Present at most 1 · Alerts 0")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_ctrl_c_leaves_the_screen_in_order(number: signal.Signals) -> None:
    async with a_stage() as stage, asyncio.TaskGroup() as tasks:
        writer = await stage.writer()
        await writer.publish(BotState(state=State.LIVE, since=2), at=2)
        output = Noticed("Live")
        console = Console(file=output, force_terminal=True, width=80, height=24)
        watching = tasks.create_task(watch_in_terminal(stage.link, console=console))
        async with asyncio.timeout(30):
            await output.shown.wait()
            os.kill(os.getpid(), number)
            assert await watching == 0
    shown = output.getvalue()
    assert shown.count("\x1b[?1049h") == shown.count("\x1b[?1049l") == 1
    assert "Biology 101" in shown.partition("\x1b[?1049l")[2]


async def test_cancellation_leaves_no_task_and_no_signal_handler() -> None:
    async with a_stage() as stage:
        await stage.writer()
        output = Noticed("Biology 101")
        console = Console(file=output, force_terminal=True, width=80, height=24)
        before = asyncio.all_tasks()
        watching = asyncio.ensure_future(watch_in_terminal(stage.link, console=console))
        async with asyncio.timeout(30):
            await output.shown.wait()
            watching.cancel()
            with pytest.raises(asyncio.CancelledError):
                await watching
        assert not [task for task in asyncio.all_tasks() - before if task.get_name() in ("watch", "beside")]
        assert not asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)


@pytest.mark.parametrize("terminal", [True, False])
async def test_a_wrong_link_is_refused_in_one_line(terminal: bool) -> None:
    console = Console(file=io.StringIO(), force_terminal=terminal)
    async with a_stage() as stage:
        await stage.writer()
        with pytest.raises(AccessDenied) as refused:
            await watch_in_terminal(stage.link[:-3], console=console)
        assert "\n" not in str(refused.value)


async def test_a_gateway_that_never_answers_is_reported_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "ANSWER_S", 0.2)
    async with a_stage() as stage:
        link = stage.link
    with pytest.raises(FeedLost, match=r"/rooms/.* does not answer: check the link") as refused:
        await watch_in_terminal(link, console=Console(file=io.StringIO()))
    assert "#" not in str(refused.value)


class Gone(io.StringIO):
    """An output nobody reads any more."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


async def test_output_that_nobody_reads_any_more_ends_the_watch_as_what_it_is() -> None:
    async with a_stage() as stage:
        await stage.writer()
        with pytest.raises(BrokenPipeError):
            await watch_in_terminal(stage.link, json=True, console=Console(file=Gone()))
