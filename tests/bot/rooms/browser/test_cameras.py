"""Which frames are asked for, whose they become, and how often somebody is asked for a whole picture."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from bot.rooms.browser.cameras import ASK_AGAIN_S, ASK_ANEW_S, Cameras, KeyRequests
from bot.rooms.browser.feed import Feed
from bot.rooms.browser.resolver import SETTLE_MS, Binding
from bot.rooms.browser.site_state import CameraStream, PageState, Person, Said, VideoSource
from bot.rooms.browser.wire import WireFrame
from bot.rooms.publishing.encoded_clip import read_clip
from bot.samples.story import clip_path
from tests.contracts.rooms import until

EVE, KOFI = Person("eve", "Eve"), Person("kofi", "Kofi")


def said(*streams: CameraStream) -> Said:
    return Said(PageState.LIVE, people=(EVE, KOFI), streams=streams)


def on(person: str, receiver: int) -> CameraStream:
    return CameraStream(person, VideoSource(receiver=receiver))


class Stage:
    """Cameras, and all that they say and begin."""

    def __init__(self) -> None:
        self.at = 0.0
        self.sent: list[Mapping[str, Any]] = []
        self.feeds: list[Feed] = []
        self.cameras = Cameras(lambda: self.at / 1000, self._begin, self.sent.append)
        self._clip = read_clip(clip_path("kofi", "calm")).frames

    def _begin(self, binding: Binding, feed: Feed) -> None:
        self.feeds.append(feed)

    def look(self, now: Said | None = None, times: int = 1) -> None:
        for number in range(times):
            self.at += 100
            self.cameras.look(self.at, now if number == 0 else None)

    def frame(self, receiver: int, number: int = 0) -> None:
        data = self._clip[number].data
        frame = WireFrame(self.at, receiver, 7, 0, number * 6000, 0, 0, "VP8", not data[0] & 1, 0, 0, data)
        self.cameras.take(frame, receiver)


@asynccontextmanager
async def a_stage() -> AsyncIterator[Stage]:
    stage = Stage()
    try:
        yield stage
    finally:
        await stage.cameras.close()


async def test_only_cameras_that_the_page_lists_are_asked_for() -> None:
    async with a_stage() as stage:
        stage.look(said(on("eve", 1), CameraStream("kofi", VideoSource(ssrc=9))))
        stage.look(said(on("eve", 1)))
        stage.look(said())
        assert stage.sent == [
            {"want": {"receivers": [1], "ssrcs": [9]}},
            {"want": {"receivers": [1], "ssrcs": []}},
            {"want": {"receivers": [], "ssrcs": []}},
        ]


async def test_of_several_cameras_of_a_person_the_first_is_read() -> None:
    async with a_stage() as stage:
        stage.look(said(on("eve", 1), on("eve", 2), on("kofi", 3)))
        assert stage.sent == [{"want": {"receivers": [1, 3], "ssrcs": []}}]


async def test_stream_that_two_people_are_said_to_be_in_is_asked_for_by_nobody() -> None:
    async with a_stage() as stage:
        stage.look(said(on("eve", 1), on("kofi", 1)))
        assert stage.sent == []


async def test_frames_of_nobody_and_of_somebody_too_new_are_dropped() -> None:
    async with a_stage() as stage:
        stage.frame(1)
        stage.look(said(on("eve", 1)))
        stage.frame(1)
        stage.frame(2)
        assert stage.feeds == []


async def test_frame_is_shown_once_it_is_proven_and_not_before() -> None:
    async with a_stage() as stage:
        stage.look(said(on("eve", 1)), times=int(SETTLE_MS / 100) + 1)
        stage.frame(1)
        (feed,) = stage.feeds
        stage.look(times=int(SETTLE_MS / 100))
        assert feed.traffic.media_packets == 0
        stage.look(times=2)
        assert feed.traffic.media_packets == 1


async def test_frames_of_a_stream_that_changes_hands_meanwhile_are_dropped_with_its_decoder() -> None:
    async with a_stage() as stage:
        stage.look(said(on("eve", 1)), times=int(SETTLE_MS / 100) + 1)
        stage.frame(1)
        stage.look(said(on("kofi", 1)), times=20)
        (feed,) = stage.feeds
        assert feed.traffic.media_packets == 0
        await until(lambda: feed.has_ended, 30)
        stage.frame(1)
        assert [each.binding.person for each in stage.feeds] == ["eve", "kofi"]


async def test_whole_picture_is_asked_for_where_the_first_frame_is_none() -> None:
    async with a_stage() as stage:
        stage.look(said(on("eve", 1)), times=int(SETTLE_MS / 100) + 1)
        stage.frame(1, number=1)
        assert {"key": 1} in stage.sent


def test_person_is_asked_again_where_nothing_came_and_once_a_minute_otherwise() -> None:
    keys = KeyRequests()
    assert keys.may_ask("eve", 0.0)
    assert not keys.may_ask("eve", ASK_AGAIN_S - 0.1)
    assert keys.may_ask("eve", ASK_AGAIN_S)
    keys.answered("eve")
    assert not keys.may_ask("eve", ASK_AGAIN_S + ASK_ANEW_S - 0.1)
    assert keys.may_ask("kofi", 10.0)
    assert keys.may_ask("eve", ASK_AGAIN_S + ASK_ANEW_S)
    keys.keep({"kofi"})
    assert keys.may_ask("eve", ASK_AGAIN_S + ASK_ANEW_S)
