"""A stream of pictures that no camera sends ends neither the process nor the track."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]


def test_pictures_too_wide_to_read_are_reported_as_unreadable_and_the_track_lives_on() -> None:
    command = [sys.executable, "-m", "tests.bot.rooms.webrtc.hostile_stream"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    assert done.stdout.splitlines() == [
        "read 640x368",
        "wide as the first that killed: pictures of 33600x16",
        "read 640x368",
        "high as the first that killed: pictures of 16x33600",
        "read 640x368",
        "a strip: pictures of 4096x16",
        "read 640x368",
    ]
