"""How large pictures should be, from faces alone."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import numpy as np
import pytest

from bot.disclosure.policy import Policy
from bot.engagement import EngagementMeter, EngagementParameters
from bot.meeting.observer import observe
from bot.meeting.read_rate import ReadRate
from bot.meeting.resolution import REST_S, SEARCH_AFTER_S, SEARCH_S, PictureSize
from bot.rooms.base import Frame, Participant
from dashboard_protocol.events import Profile
from engine.readings import Box, Face, FaceReading


def test_face_is_wanted_as_wide_as_it_must_be_for_all_that_is_computed() -> None:
    size = PictureSize(96.0, 48.0)
    assert size.factor(1.0, 48.0) == 2.0
    assert size.factor(1.0, 192.0) == 0.5


def test_under_pressure_smaller_faces_must_do_and_nobody_is_searched_for() -> None:
    pressures = [0.0, 0.2, 0.2]
    size = PictureSize(96.0, 48.0, lambda: pressures.pop(0))
    assert size.factor(1.0, 96.0) == 1.0
    assert size.factor(2.0, 96.0) == 0.5
    assert size.factor(20.0, None) < 0.5


def test_lost_face_is_searched_for_in_larger_pictures_and_an_empty_chair_is_left_alone() -> None:
    size = PictureSize(96.0, 48.0)
    factors = {at: size.factor(at, None) for at in map(float, range(300))}
    looking_away = {at for at, factor in factors.items() if factor == 1.0}
    searching = {at for at, factor in factors.items() if factor > 1.0}
    assert looking_away == set(map(float, range(int(SEARCH_AFTER_S))))
    assert {SEARCH_AFTER_S, SEARCH_AFTER_S + SEARCH_S - 1, REST_S, 2 * REST_S} <= searching
    assert len(searching) < 0.25 * len(factors)
    assert size.factor(301.0, 48.0) == 2.0
    assert size.factor(302.0, None) == 1.0, "the search begins anew"


@pytest.mark.parametrize(("profile", "widths"), [(Profile.PRESENCE, (40.0, 40.0)), (Profile.AGGREGATE, (96.0, 48.0))])
def test_profile_that_computes_less_needs_less(profile: Profile, widths: tuple[float, float]) -> None:
    assert Policy(profile, k=5).face_widths_px(EngagementParameters()) == widths


@dataclass
class ScalableTrack:
    """One frame, in a room that has several sizes."""

    participant: Participant = Participant("p1", "Eve")  # noqa: RUF009  frozen
    factors: list[tuple[int, float]] = field(default_factory=list)

    async def frames(self) -> AsyncIterator[Frame]:
        yield Frame(1.0, 320, 180, lambda: np.zeros((180, 320, 3), np.uint8))

    def prefer(self, frame: Frame, factor: float) -> None:
        self.factors.append((frame.width_px, factor))


class Small:
    """Finds a face of 48 pixels in every picture."""

    async def read(self, frame: Frame, last_box: Box | None, **_: object) -> FaceReading | None:
        nothing = np.zeros((478, 3), np.float32)
        return FaceReading(Face(Box(0.4, 0.3, 0.15, 0.3), 48.0, nothing, 0.0, 0.0, 0.0, 0.3, 0.0, 0.05), None)


async def test_observer_asks_a_room_with_several_sizes_for_what_would_serve() -> None:
    track, meter = ScalableTrack(), EngagementMeter(EngagementParameters())
    meter.camera_on(0.0)
    size = PictureSize(96.0, 48.0)
    await observe(track, Small(), meter, ReadRate(1.0).turns(), clock=lambda: 1.0, size=size)
    assert track.factors == [(320, 2.0)]
