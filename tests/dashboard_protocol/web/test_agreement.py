"""Page, terminal and report say the same of the same feed: `web/store.js` beside `record.py`, on made-up classes."""

import json
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from math import floor
from pathlib import Path

import pytest

from dashboard_protocol.codec import encode
from dashboard_protocol.events import Body, BotState, ClassSummary, Event, Profile, State, Withheld
from dashboard_protocol.snapshot import Fold
from dashboard_protocol.view import text as words
from dashboard_protocol.view.record import Record
from dashboard_protocol.view.trend import count_threshold, trend
from tests.dashboard_protocol.web.scripted import alert, hello, summary

HERE = Path(__file__).parent
NODE = shutil.which("node")
START = 1_789_999_200
CLASSES = 24
LONG_S = 1500


class MadeUp:
    """One class with everything in it: losses, rejoins, few people, alerts, another policy, readers who come late."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.fold = Fold()
        self.now = float(START)
        self.seq = 0
        self.profile = self.dice.choice([Profile.AGGREGATE, Profile.AGGREGATE, Profile.INDIVIDUAL, Profile.PRESENCE])
        self.present = 28
        self.analysed: int | None = 20
        self.mean = 0.65

    def events(self) -> list[Event]:
        """Everything one reader gets: it may come late, and may lose its feed and get a snapshot or nothing instead."""
        skipped = self.dice.choice([0, 0, 300, 700])
        heard: list[Event] = [self._event(hello(self.profile))]
        is_lost = skipped > 0
        for number, event in enumerate(self._class()):
            if number == skipped and is_lost:
                is_lost = False
                heard.append(self._event(self.fold.snapshot()))
            if number > skipped and self.dice.random() < 0.002:
                is_lost = not is_lost
                if not is_lost and self.dice.random() < 0.7:
                    heard.append(self._event(self.fold.snapshot()))
            if not is_lost:
                heard.append(event)
        return [*heard, self._event(self.fold.snapshot())]

    def _event(self, body: Body) -> Event:
        self.seq += 1
        event = Event(room="r", epoch=1, seq=self.seq, at=self.now, body=body)
        self.fold.apply(event)
        return event

    def _class(self) -> Iterator[Event]:
        yield self._state(State.JOINING)
        yield self._state(State.LIVE)
        quiet_s = 0
        for _ in range(LONG_S):
            self.now += self.dice.choice([0.9, 1.0, 1.0, 1.1])
            if quiet_s:
                quiet_s -= 1
                continue
            yield from self._happening()
            if self.dice.random() < 0.003:
                quiet_s = self.dice.choice([2, 4, 8, 40])
            yield self._event(self._summary())

    def _happening(self) -> Iterator[Event]:
        chance = self.dice.random()
        if chance < 0.004:
            yield self._state(State.RECONNECTING)
            self.now += self.dice.choice([1, 3, 30])
            yield self._state(State.LIVE)
        elif chance < 0.01:
            self.analysed = self.dice.choice([20, 20, 4, None])
        elif chance < 0.02:
            self.present = max(3, self.present + self.dice.choice([-3, -1, 1, 2]))
        elif chance < 0.03:
            self.mean = self.dice.choice([0.4, 0.5, 0.65, 0.8])
        elif chance < 0.032 and self.profile is not Profile.PRESENCE:
            yield self._event(alert(self.now, self.seq))
        elif chance < 0.033:
            self.profile = self.dice.choice(list(Profile))
            yield self._event(hello(self.profile))

    def _state(self, state: State) -> Event:
        return self._event(BotState(state=state, since=self.now))

    def _summary(self) -> ClassSummary:
        made = summary(0, self.profile, at=self.now, analysed=self.analysed, fallen=False)
        counts = {"present": self.present, "camera_on": min(self.present, 24), "visible": min(self.present, 22)}
        if made.engagement is None:
            return made.model_copy(update=counts)
        if self.dice.random() < 0.05:
            nothing = {"engagement": None, "attentive": None, "coverage": None, "expressions": None}
            return made.model_copy(update=counts | nothing | {"withheld": Withheld.SETTLING})
        engagement = made.engagement.model_copy(update={"mean": self.mean})
        return made.model_copy(update=counts | {"engagement": engagement, "attentive": self.mean})


def reported(events: list[Event]) -> dict[str, object]:
    """What terminal and report say of a feed, shaped as said.mjs says it of the page."""
    record = Record()
    for event in events:
        record.apply(event)
    timeline, last = record.timeline, record.summary
    assert last is not None
    assert timeline.first is not None
    assert timeline.last is not None
    assert record.hello is not None
    second = timeline.last
    trends = [words.trend(trend(timeline, column, second)) for column in ("mean", "attentive")]
    threshold = count_threshold(last.present)
    counted = words.trend(trend(timeline, "present", second, scale=1, threshold=threshold), counts=True)
    found = last.engagement
    shares = [found.mean if found else None, found.q1 if found else None, last.attentive]
    return {
        "changes": sorted([floor(change.at), str(change)] for change in record.changes),
        "gaps": [
            [gap.start, gap.end, words.gap(gap.cause, record.hello.policy)]
            for gap in timeline.gaps(timeline.first, timeline.last + 1)
        ],
        "trends": [*trends, counted],
        "shares": [[words.index(share), words.percent(share, record.hello)] for share in shares],
    }


@pytest.mark.skipif(NODE is None, reason="needs node for the page's modules")
def test_page_shows_the_changes_that_terminal_and_report_show() -> None:
    classes = [MadeUp(seed).events() for seed in range(CLASSES)]
    feeds = "[" + ",".join("[" + ",".join(encode(event) for event in events) + "]" for events in classes) + "]"
    done = subprocess.run(
        [NODE or "node", "said.mjs"], cwd=HERE, input=feeds, capture_output=True, text=True, timeout=60,
        env=os.environ | {"TZ": "UTC"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    kinds = set()
    for seed, (page, events) in enumerate(zip(json.loads(done.stdout), classes, strict=True)):
        assert page == reported(events), f"class {seed}"
        kinds |= {line.split()[0] for _, line in page["changes"]}
    # The classes have everything in them that is compared.
    assert {"Bot", "Feed", "Index", "Policy", "Values"} <= kinds
