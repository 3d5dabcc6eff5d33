"""The stories, and what they say is true."""

import json

import pytest

from bot.errors import SettingsRefused
from bot.samples.people import CLASS, PEOPLE, DrawnPerson
from bot.samples.render import played
from bot.samples.story import CLIPS, HERE, Act, clip_path, face_width_px, load_story

AWAY = {"away_left", "away_right", "down"}


@pytest.mark.parametrize(("name", "people"), [("demo", CLASS), ("quick", PEOPLE)])
def test_story_is_well_formed(name: str, people: tuple[DrawnPerson, ...]) -> None:
    story = load_story(name)
    assert [(person.id, person.name) for person in story.people] == [(person.id, person.name) for person in people]
    for person in story.people:
        times = [cue.at_s for cue in person.cues]
        assert times == sorted(set(times))
        assert times[0] == 0
        assert times[-1] < story.length_s
        assert all((cue.act is Act.PLAY) == bool(cue.segment) for cue in person.cues)


def test_demo_begins_with_everybody_calm_and_in_view() -> None:
    story = load_story("demo")
    for at_s in range(30):
        moments = [story.moment(person.id, at_s) for person in story.people]
        assert all(moment.is_present and moment.camera_on and moment.segment == "calm" for moment in moments)


def test_half_the_class_drifts_away_for_thirty_seconds_apart_from_any_departure() -> None:
    story = load_story("demo")
    away = {
        at_s: sum(story.moment(person.id, at_s).segment in AWAY for person in story.people)
        for at_s in range(int(story.length_s))
    }
    drift = [at_s for at_s, people in away.items() if people == len(story.people) / 2]
    assert len(drift) >= 30
    assert drift == list(range(drift[0], drift[-1] + 1))
    assert not any(people for at_s, people in away.items() if not 70 <= at_s < 120)
    departures = [cue.at_s for person in story.people for cue in person.cues if cue.act in (Act.CAMERA_OFF, Act.LEAVE)]
    assert len(departures) == 2
    assert min(departures) >= max(at_s for at_s, people in away.items() if people) + 10


def test_most_of_the_class_laughs_together_once() -> None:
    story = load_story("demo")
    amused = [
        sum(story.moment(person.id, at_s).segment in ("laugh", "smile") for person in story.people)
        for at_s in range(int(story.length_s))
    ]
    assert max(amused) == amused[33] >= 11


def test_moment_follows_camera_and_departure() -> None:
    story = load_story("demo")
    assert story.moment("yuki", 131.9).camera_on
    off = story.moment("yuki", 132.0)
    assert (off.is_present, off.camera_on, off.pose) == (True, False, None)
    assert story.moment("yuki", 146.0).pose is not None
    assert story.moment("noor", 152.0).pose is None
    assert not story.moment("noor", 163.9).is_present
    assert story.moment("noor", 164.0).is_present
    assert story.moment("noor", story.length_s + 152).is_present is False, "the demo loops"


def test_moment_gives_the_pose_that_is_drawn() -> None:
    story = load_story("quick")

    def pose(person_id: str, at_s: float) -> dict[str, float]:
        drawn = story.moment(person_id, at_s).pose
        assert drawn is not None
        return {name: getattr(drawn, name) for name in ("yaw_deg", "gaze", "lids", "mouth", "smile")}

    assert pose("yuki", 9.0)["yaw_deg"] == pytest.approx(25, abs=4)
    assert pose("kofi", 9.0)["yaw_deg"] == pytest.approx(-40, abs=4)
    assert pose("noor", 9.0)["gaze"] == pytest.approx(0.36)
    assert pose("priya", 9.0)["lids"] == 0
    assert pose("priya", 16.0)["mouth"] > 0.6
    assert pose("amara", 9.0)["smile"] == 1
    assert pose("amara", 9.0) == pose("amara", 15.0), "a segment is repeated until the next cue"


def test_story_that_does_not_exist_is_refused_with_the_known_names() -> None:
    with pytest.raises(SettingsRefused, match="demo, quick"):
        load_story("unheard")


def test_person_who_does_not_exist_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="nobody"):
        load_story("quick").person("nobody")


def test_every_played_clip_lies_there_and_no_other() -> None:
    expected = {clip_path(*pair) for pair in played()}
    assert set(CLIPS.glob("*.webm")) == expected
    assert set(json.loads((CLIPS / "truth.json").read_text())) == {path.stem for path in expected}
    assert sum(path.stat().st_size for path in CLIPS.iterdir()) <= 4_500_000
    assert (HERE / "story.json").stat().st_size < 10_000


def test_faces_are_wide_enough_to_measure_gaze() -> None:
    assert all(100 <= face_width_px(person.id) <= 170 for person in CLASS)
