"""`classpulse recording`: files read as a class, on the path of a live one."""

import csv
import io
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.recordings.people_table import HEAD
from dashboard_protocol.codec import decode
from dashboard_protocol.events import Bye, ClassSummary, EndReason, Event, Hello, ParticipantUpdate
from tests.bot.recordings.files import CLIPS, cut, encrypted, evenly, shown, sound, write

SHARED = Path(__file__).resolve().parents[3] / "../shared/data/clips"
PATIENCE_S = 110
ONE = ("--each-file-is-one-person",)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "PYTHONWARNINGS": "error::ResourceWarning"}


def recording(environment: dict[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bot", "recording", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, env=environment)


def events_of(done: subprocess.CompletedProcess[str]) -> list[Event]:
    return [decode(line) for line in done.stdout.splitlines()]


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text())))


def class_of_six(folder: Path, *, late: int = 0) -> list[Path]:
    """Twelve seconds of six people; the first has a gap of six, where `late` is in milliseconds."""
    files = []
    for name in ("amara", "kofi", "liam", "mateo", "noor", "priya"):
        pictures = shown(f"{name}-calm", 30, (640, 360))
        stamped = [stamp for second in range(0, 12, 2) for stamp in evenly(pictures, 1000 * second)[::3]]
        if name == "amara" and late:
            stamped = [(at if at < 6000 else at + late, picture) for at, picture in stamped]
        files.append(write(folder / f"{name}.mp4", stamped))
    return files


def test_class_of_recordings_is_reported_as_a_live_one_is(environment: dict[str, str], tmp_path: Path) -> None:
    files, report = class_of_six(tmp_path), tmp_path / "report.html"
    done = recording(
        environment, *files, "--each-file-is-one-person", "--policy", "aggregate", "--report", report, "--json"
    )
    assert done.returncode == 0, done.stderr
    events = events_of(done)
    assert isinstance(events[0].body, Hello)
    assert isinstance(events[-1].body, Bye)
    assert events[-1].body.reason is EndReason.ROOM_CLOSED
    assert events[-1].body.present_max == 6
    assert events[-1].body.live_s == pytest.approx(12, abs=0.2)
    summaries = [event.body for event in events if isinstance(event.body, ClassSummary)]
    assert [event.at for event in events if isinstance(event.body, ClassSummary)] == [float(s) for s in range(12)]
    assert summaries[-1].visible == summaries[-1].present == 6
    assert summaries[-1].reads_per_s == pytest.approx(24, abs=1)
    assert not any(isinstance(event.body, ParticipantUpdate) for event in events)
    assert len(rows(report.with_suffix(".csv"))) == 12
    assert "12" in report.read_text()
    assert "amara" not in report.read_text() + report.with_suffix(".csv").read_text()


def test_same_files_twice_give_the_same_tables_byte_for_byte(environment: dict[str, str], tmp_path: Path) -> None:
    files = class_of_six(tmp_path, late=6000)
    for number in (1, 2):
        done = recording(
            environment, *files, "--each-file-is-one-person", "--policy", "individual",
            "--report", tmp_path / f"report{number}.html", "--csv-people", tmp_path / f"people{number}.csv",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "report1.csv").read_bytes() == (tmp_path / "report2.csv").read_bytes()
    people = (tmp_path / "people1.csv").read_bytes()
    assert people == (tmp_path / "people2.csv").read_bytes()
    reported = rows(tmp_path / "people1.csv")
    assert tuple(reported[0]) == HEAD
    assert {row["name"] for row in reported} == {"amara", "kofi", "liam", "mateo", "noor", "priya"}
    assert stat.S_IMODE((tmp_path / "people1.csv").stat().st_mode) == 0o600
    away = {row["at"]: row["unmeasurable"] for row in reported if row["name"] == "amara"}
    assert away["10.000"] == "camera_off", "a gap is a camera that is off"
    assert len({row["as_of"] for row in reported if row["name"] == "kofi"}) > 10
    seen = [line["event"] for line in map(json.loads, audit(environment))]
    assert seen.count("reads_recording") == 2
    assert all("amara" not in line for line in audit(environment))
    assert json.loads(audit(environment)[0])["all_agreed"] is True


def audit(environment: dict[str, str]) -> list[str]:
    return (Path(environment["XDG_STATE_HOME"]) / "classpulse/audit.jsonl").read_text().splitlines()


def test_nobody_is_announced_by_themselves_whose_agreement_nobody_states(
    environment: dict[str, str], tmp_path: Path
) -> None:
    path = write(tmp_path / "Anna.mp4", evenly(shown()))
    done = recording(environment, path, "--each-file-is-one-person", "--policy", "individual", "--json")
    assert done.returncode == 0, done.stderr
    assert not any(isinstance(event.body, ParticipantUpdate) for event in events_of(done))
    assert json.loads(audit(environment)[0])["all_agreed"] is False


def test_person_whose_file_asks_for_it_is_not_read_opt_out(environment: dict[str, str], tmp_path: Path) -> None:
    files = [write(tmp_path / f"{name}.mp4", evenly(shown())) for name in ("Anna #optout", "Bo")]
    people = tmp_path / "people.csv"
    done = recording(environment, *files, "--each-file-is-one-person", "--policy", "individual", "--csv-people", people)
    assert done.returncode == 0, done.stderr
    assert {row["name"] for row in rows(people)} == {"Bo"}


def test_what_cannot_be_read_is_one_line_and_the_rest_is_read(environment: dict[str, str], tmp_path: Path) -> None:
    good, bad = write(tmp_path / "a.mp4", evenly(shown())), sound(tmp_path / "b.mp4")
    done = recording(environment, good, bad, "--each-file-is-one-person", "--policy", "presence", "--json")
    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if "b.mp4" in line] == [f"{bad} holds no video"]
    assert isinstance(events_of(done)[-1].body, Bye)


def test_file_that_was_cut_off_is_read_as_far_as_it_goes(environment: dict[str, str], tmp_path: Path) -> None:
    long = evenly(shown()) + evenly(shown("yuki-calm"), 2000) + evenly(shown("kofi-calm"), 4000)
    path, report = cut(write(tmp_path / "a.mkv", long), 0.6), tmp_path / "report.html"
    done = recording(environment, path, "--each-file-is-one-person", "--policy", "aggregate", "--report", report)
    assert done.returncode == 1
    assert "cut off" in done.stderr
    assert rows(report.with_suffix(".csv"))


@pytest.mark.parametrize("make", [sound, encrypted])
def test_files_of_which_nothing_can_be_read_are_refused(
    environment: dict[str, str], tmp_path: Path, make: type[Path]
) -> None:
    report = tmp_path / "report.html"
    done = recording(environment, make(tmp_path / "a.mp4"), "--policy", "aggregate", "--report", report)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert not report.exists()


def test_ctrl_c_leaves_a_valid_report_of_what_was_read(environment: dict[str, str], tmp_path: Path) -> None:
    minutes = [stamp for second in range(0, 1200, 2) for stamp in evenly(shown()[:1], 1000 * second)]
    near = [(at + offset, picture) for at, picture in minutes for offset in (0, 500, 1000, 1500)]
    path, report = write(tmp_path / "a.mkv", near, codec="mpeg4"), tmp_path / "report.html"
    command = ["recording", str(path), "--policy", "aggregate", "--report", str(report), "--json"]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-m", "bot", *command], stdout=pipe, stderr=pipe, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if '"class_summary"' in line and decode(line).at >= 3:
                break
        process.send_signal(signal.SIGINT)
        lines += process.stdout.read().splitlines()
        assert process.wait(PATIENCE_S) == 0
    last = decode(lines[-1]).body
    assert isinstance(last, Bye)
    assert last.reason is EndReason.ASKED_TO_LEAVE
    assert last.live_s < 1200
    assert 3 < len(rows(report.with_suffix(".csv"))) < 1200


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["a.mp4"], "choose a policy"),
        (["a.mp4", "--policy", "aggregate", "--csv-people", "p.csv"], "--policy individual"),
        (["a.mp4", "b.mp4", "--policy", "aggregate"], "--each-file-is-one-person"),
        (["a.mp4", "--policy", "presence", "--engine", "ipc://"], ".onnx or .plan"),
        (["absent.mp4", "--policy", "presence"], "No such file"),
        (["a.mp4", "--policy", "individual"], "nobody is known by name in a gallery"),
        (["a.mp4", *ONE, "--policy", "individual", "--csv-people", "/nowhere/p.csv"], "cannot be written"),
        (["a.mp4", *ONE, "--policy", "individual", "--csv-people", "/"], "folder"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], hint: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["classpulse", "recording", *arguments])
    monkeypatch.delenv("CLASSPULSE_POLICY", raising=False)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    reported = capsys.readouterr().err
    assert hint in reported
    assert len(reported.splitlines()) == 1


def test_drawn_person_as_the_demo_sends_them_is_read_whole(environment: dict[str, str], tmp_path: Path) -> None:
    path, people = CLIPS / "yuki-calm.webm", tmp_path / "p.csv"
    done = recording(environment, path, "--each-file-is-one-person", "--policy", "individual", "--csv-people", people)
    assert done.returncode == 0, done.stderr
    reported = rows(people)
    assert reported[-1]["unmeasurable"] in ("", "starting")
    assert float(reported[-1]["reads_per_s"]) > 3.5


def test_real_clips_are_read(environment: dict[str, str], tmp_path: Path) -> None:
    paths = [SHARED / name for name in ("single_face.mp4", "face_noface.mov", "test.mp4")]
    if missing := [path.name for path in paths if not path.exists()]:
        pytest.skip(f"needs {', '.join(missing)} beside the checkout, in shared/data/clips")
    people = tmp_path / "p.csv"
    done = recording(environment, *paths, "--each-file-is-one-person", "--policy", "individual", "--csv-people", people)
    assert done.returncode == 0, done.stderr
    newest = {row["name"]: row for row in rows(people)}
    assert newest.keys() == {"single_face", "face_noface", "test"}
    assert all(float(row["reads_per_s"]) > 3 for row in newest.values())
