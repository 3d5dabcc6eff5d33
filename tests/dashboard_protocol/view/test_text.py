"""One vocabulary: what terminal and report say is what the page says."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dashboard_protocol.events import (
    Alert,
    BotState,
    ClassSummary,
    Hello,
    PolicyMeaning,
    Profile,
    State,
    Window,
)
from dashboard_protocol.view import text as words
from dashboard_protocol.view.alerts import alert_now
from dashboard_protocol.view.language_files import LANGUAGES
from dashboard_protocol.view.record import Change
from dashboard_protocol.view.sentences import say
from dashboard_protocol.view.timeline import Gap
from dashboard_protocol.view.trend import Trend
from tests.dashboard_protocol.staging import hello

ENGLISH = LANGUAGES / "en.json"
ROOT = Path(__file__).resolve().parents[3]
WEB = ROOT / "dashboard_protocol" / "web"
NODE = shutil.which("node")
AT = 1_790_000_000.0
BERLIN = ZoneInfo("Europe/Berlin")


def plain(text: str) -> str:
    return text.replace(words.NB, " ")


def alert(kind: str = "fall", why: str = "facing", to: float = 0.6) -> Alert:
    window = Window(start=AT - 180, end=AT)
    body = {"id": "a", "kind": kind, "from": 0.8, "to": to, "window": window, "people": 20, "why": why}
    return Alert.model_validate(body)


def meaning(profile: Profile = Profile.AGGREGATE, k: int = 5, freeze_s: float = 10) -> PolicyMeaning:
    said = {"computed": "c", "leaves": "l", "never": "n", "opting_out": "o"}
    return PolicyMeaning(profile=profile, k=k, rounding_points=5, window_s=10, freeze_s=freeze_s, **said)


def rounding_to(points: int) -> Hello:
    said = hello()
    return said.model_copy(update={"policy": said.policy.model_copy(update={"rounding_points": points})})


def summary(coverage: float | None = 0.85) -> ClassSummary:
    nothing = dict.fromkeys(
        ("facing", "engagement", "expressions", "valence", "arousal", "attentive", "withheld", "as_of")
    )
    counts = {"present": 28, "camera_on": 24, "visible": 22, "analysed": 20, "reads_per_s": 80.0}
    return ClassSummary.model_validate({**nothing, **counts, "coverage": coverage})


def test_ages_are_reported_in_the_two_largest_units() -> None:
    assert [plain(words.span(s)) for s in (38, 240, 4320, 3600, -1)] == ["38 s", "4 min", "1 h 12 min", "1 h", "0 s"]
    assert plain(words.span(70, exact=True)) == "1 min 10 s"


def test_shares_are_open_at_both_ends_and_null_is_a_dash() -> None:
    shares = (0.0, 0.05, 0.65, 1.0, None, float("nan"))
    reported = [plain(words.percent(share, rounding_to(5))) for share in shares]
    assert reported == ["< 5%", "5%", "65%", "> 95%", "–", "–"]
    assert [plain(words.percent(share, rounding_to(20))) for share in (0.0, 1.0)] == ["< 20%", "> 80%"]
    assert words.percent(0.5, None) == words.DASH
    assert [words.index(share) for share in (0.654, None)] == ["65", "–"]
    assert [words.count(number) for number in (7, 7.0, None, float("nan"))] == ["7", "7", "–", "–"]


def test_values_stand_with_what_they_rest_on() -> None:
    assert plain(words.ground(summary(), hello())) == "20 of 28 people analysed · coverage 85%"
    assert plain(words.ground(summary(None), hello())) == "20 of 28 people analysed"


def test_times_are_shown_in_the_readers_zone() -> None:
    assert words.clock(AT, BERLIN) == "16:13"
    assert words.clock(AT, ZoneInfo("Asia/Kolkata"), exact=True) == "19:43:20"


def test_before_the_class_each_state_says_what_happens_next() -> None:
    def reported(state: State | None, reason: str | None = None) -> tuple[str, str]:
        bot = None if state is None else BotState(state=state, since=AT - 70, reason=reason)
        title, lines = words.column(bot, None, AT, BERLIN)
        return title, plain(" ".join(lines))

    assert reported(None)[0] == "Connecting to the class"
    assert reported(State.REQUESTED)[0] == "Waiting for the bot"
    assert reported(State.JOINING)[0] == "The bot is joining"
    assert reported(State.WAITING, "not_open")[1].endswith("Last tried 16:12.")
    assert reported(State.WAITING, "lobby")[1].endswith("In the lobby since 16:12, 1 min 10 s.")


def test_waits_are_as_long_as_the_policy_says() -> None:
    said = words.gap(Gap.SETTLING, meaning(freeze_s=4)), words.settling(meaning(freeze_s=4))
    assert [plain(text) for text in said] == ["waiting 4 s after somebody came or left", "values return within 4 s"]
    assert plain(words.first_values(meaning(freeze_s=4))) == "first values in about 9 s"


def test_no_sentence_claims_what_was_not_measured() -> None:
    never = re.compile(
        r"\bfeels?\b|\bmood\b|\bemotion|\bbored|\bdistracted|\bdisengaged|\boops|only \d+%", re.IGNORECASE
    )
    assert not never.search(ENGLISH.read_text(encoding="utf-8"))


PAGE: list[tuple[str, list[Any], str]] = [
    *(("span", [s], words.span(s)) for s in (0, 59.9, 60, 3599, 3600, 5000)),
    *(("exactly", [s], words.span(s, exact=True)) for s in (59, 61, 120, 3725)),
    *(
        ("percent", [share, {"points": points}], words.percent(share, rounding_to(points)))
        for points in (5, 20)
        for share in (0, 0.004, 0.05, 0.655, 0.999, 1, None)
    ),
    *(
        ("percent", [share, {"points": 5}, *([of] if of else [])], words.percent(share, rounding_to(5), of))
        for of in (4, 8, 20, 24, None)
        for share in (0, 0.3, 1, None)
    ),
    *(("index", [share], words.index(share)) for share in (0, 0.655, 1)),
    *(("people", [number], words.people(number)) for number in (0, 1, 2)),
    ("trend", [{"kind": "move", "by": -15}], words.trend(Trend("move", by=-15))),
    ("trend", [{"kind": "move", "by": 4}, True], words.trend(Trend("move", by=4), counts=True)),
    ("trend", [{"kind": "steady", "s": 30}], words.trend(Trend("steady", s=30))),
    ("trend", [{"kind": "steady", "s": 601}], words.trend(Trend("steady", s=601))),
    ("trend", [{"kind": "steady", "s": 60}, True], words.trend(Trend("steady", s=60), counts=True)),
    ("trend", [{"kind": "short", "s": 190}], words.trend(Trend("short", s=190))),
    ("trend", [{"kind": "none"}], words.trend(Trend("none"))),
    ("reason", ["wishes_unreachable", 3], say("value.no_pictures")),
    ("belowK", [5], words.below_k(5)),
    *(("returns", [{"k": k, "freeze_s": 10}], words.returns(meaning(k=k))) for k in (5, 12)),
    *(
        ("alertTitle", [said.model_dump(by_alias=True)], words.alert_title(said))
        for said in (alert(), alert("rise", "gaze", 1.0), alert("fall", "eyes", 0.79))
    ),
    *(
        ("gapName", [int(cause), {"freeze_s": wait_s}], words.gap(cause, meaning(freeze_s=wait_s)))
        for cause in Gap
        for wait_s in (10, 4)
        if cause is not Gap.NONE
    ),
    *(
        (name, [{"window_s": 10, "freeze_s": wait_s}], said(meaning(freeze_s=wait_s)))
        for name, said in (("first", words.first_values), ("settling", words.settling))
        for wait_s in (10, 4)
    ),
    *(("tried", [tries], words.rejoining(tries).removeprefix(f"{words.rejoining(0)} ")) for tries in (1, 2, 3)),
    *(
        ("change", [{"kind": change.kind, "by": change.by, "s": change.s, "profile": change.profile}], str(change))
        for change in (
            Change(AT, "feed", s=28), Change(AT, "rejoined", s=70), Change(AT, "policy", profile=Profile.PRESENCE),
            Change(AT, "withheld", by=1), Change(AT, "withheld", by=-1), Change(AT, "present", by=2),
            Change(AT, "present", by=-1), Change(AT, "camera_on", by=1), Change(AT, "camera_on", by=-3),
            Change(AT, "opted_out", by=5),
        )
    ),
]  # fmt: skip


def test_alerts_are_said_as_they_are_now() -> None:
    fall, rise = alert(), alert("rise", "gaze", 1.0)
    now = [alert_now(fall, mean, BERLIN) for mean in (None, 0.45, 0.75)] + [alert_now(rise, 0.95, BERLIN)]
    assert [plain(said.title) for said in now] == [
        "Index down 20 points since 16:10: 80 → 60",
        "Index down 35 points since 16:10: 80 → 45",
        "Index back at 75, as before 16:10",
        "Index up 15 points since 16:10: 80 → 95",
    ]
    assert [(said.is_good, bool(said.tip)) for said in now] == [
        (False, True),
        (False, True),
        (True, False),
        (True, False),
    ]
    assert plain(now[0].ground) == "20 people measured. Largest part: looking away from the screen."


@pytest.mark.skipif(NODE is None, reason="needs node for the page's modules")
def test_alerts_are_said_as_on_the_page() -> None:
    raised = [(said, mean) for said in (alert(), alert("rise", "gaze", 1.0)) for mean in (None, 0.45, 0.72, 0.75, 0.95)]
    asked = [f"inWords({said.model_dump_json(by_alias=True)}, {json.dumps(mean)})" for said, mean in raised]
    script = (
        f'import {{ load }} from "{(WEB / "words.js").as_uri()}";\n'
        f'import {{ inWords }} from "{(WEB / "alerts.js").as_uri()}";\n'
        f"load({ENGLISH.read_text(encoding='utf-8')});\nconsole.log(JSON.stringify([{','.join(asked)}]));"
    )
    done = subprocess.run(
        [NODE or "node", "--input-type=module", "-e", script],
        capture_output=True, text=True, timeout=60, env={**os.environ, "TZ": "Europe/Berlin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for page, (said, mean) in zip(json.loads(done.stdout), raised, strict=True):
        now = alert_now(said, mean, BERLIN)
        assert (page["title"], page["ground"], page["tip"]) == (now.title, now.ground, now.tip)


@pytest.mark.skipif(NODE is None, reason="needs node for the page's modules")
def test_numbers_are_put_into_words_as_on_the_page() -> None:
    asked = [f"words.{name}(...{json.dumps(arguments)})" for name, arguments, _ in PAGE]
    script = (
        f'import * as words from "{(WEB / "words.js").as_uri()}";\n'
        f"words.load({ENGLISH.read_text(encoding='utf-8')});\n"
        f"console.log(JSON.stringify([{','.join(asked)}]));"
    )
    done = subprocess.run(
        [NODE or "node", "--input-type=module", "-e", script], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    for expression, page, (_, _, said) in zip(asked, json.loads(done.stdout), PAGE, strict=True):
        assert said == page, expression
