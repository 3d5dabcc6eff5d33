"""Segments, the committed clips, and the script that makes them."""

import json
from pathlib import Path

import av
import numpy as np
import pytest

from bot.rooms.publishing.encoded_clip import read_clip
from bot.samples import render as rendering
from bot.samples.drawing import draw
from bot.samples.people import CLASS
from bot.samples.pose import QUIET
from bot.samples.render import encode, main, played
from bot.samples.segments import FRAMES_PER_S, SEGMENTS, poses
from bot.samples.story import clip_path, true_pose
from engine.readings import Image

LOOKS = {person.id: person.look for person in CLASS}


def pictures(path: Path) -> list[Image]:
    with av.open(str(path)) as container:
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in container.decode(video=0)]


@pytest.mark.parametrize("segment", SEGMENTS)
def test_segment_begins_and_ends_near_the_quiet_face(segment: str) -> None:
    performed = poses(segment, "amara")
    assert len(performed) == SEGMENTS[segment].duration_s * FRAMES_PER_S
    for pose in (performed[0], performed[-1]):
        assert abs(pose.yaw_deg) < 4
        assert abs(pose.pitch_deg) < 4
        assert pose.lids > 0.8
        assert pose.smile < 0.15


def test_segment_is_performed_alike_by_one_and_differently_by_another() -> None:
    assert poses("calm", "amara") == poses("calm", "amara")
    assert poses("calm", "amara") != poses("calm", "kofi")


def test_calm_people_blink_briefly() -> None:
    shut = [sum(pose.lids < 0.3 for pose in poses("calm", person)) for person in LOOKS]
    assert all(1 <= frames <= 12 for frames in shut)


def test_mixed_pose_lies_between() -> None:
    laugh = SEGMENTS["laugh"].peak
    assert QUIET.mixed(laugh, 0.5).smile == 0.5
    assert QUIET.mixed(laugh, 0.0) == QUIET


@pytest.mark.parametrize(("person", "segment"), played())
def test_clip_can_be_sent_as_it_is(person: str, segment: str) -> None:
    clip = read_clip(clip_path(person, segment))
    assert [index for index, frame in enumerate(clip.frames) if frame.is_key] == list(
        range(0, SEGMENTS[segment].duration_s * FRAMES_PER_S, FRAMES_PER_S)
    )
    assert clip.duration_s == pytest.approx(SEGMENTS[segment].duration_s, abs=0.01)


@pytest.mark.parametrize(("person", "segment"), [("amara", "laugh"), ("elsa", "away_left"), ("priya", "eyes_closed")])
def test_clip_shows_what_the_script_draws_today(person: str, segment: str) -> None:
    shown = pictures(clip_path(person, segment))[45]
    pose = true_pose(person, segment, 45 / FRAMES_PER_S)
    assert np.abs(shown.astype(int) - draw(LOOKS[person], pose)).mean() < 3


def test_same_pictures_are_encoded_to_the_same_bytes(tmp_path: Path) -> None:
    ramp = [np.full((48, 64, 3), shade, np.uint8) for shade in range(0, 200, 10)]
    for name in ("a.webm", "b.webm"):
        encode(ramp, tmp_path / name)
    assert (tmp_path / "a.webm").read_bytes() == (tmp_path / "b.webm").read_bytes()
    assert len(pictures(tmp_path / "a.webm")) == len(ramp)


def test_script_writes_the_clips_and_their_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rendering, "played", lambda: [("kofi", "surprise")])
    monkeypatch.setattr("sys.argv", ["render", "--out", str(tmp_path / "clips")])
    main()
    truth = json.loads((tmp_path / "clips" / "truth.json").read_text())
    assert list(truth) == ["kofi-surprise"]
    assert len(pictures(tmp_path / "clips" / "kofi-surprise.webm")) == len(truth["kofi-surprise"]["frames"]) > 3
    assert capsys.readouterr().out.startswith("1 clips, 0.")
