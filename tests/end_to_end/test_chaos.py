"""Two minutes of chaos, with few meetings: whatever breaks, nothing is left that should not be, and nothing is lost.

How long a meeting waits for its bot depends on the machine: that is the benchmark's to judge.
"""

import json
import subprocess
import sys

import pytest

from tests.benchmarks.network import missing

LACKING = missing("janus", "nft", "redis-server", "mount")

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(LACKING is not None, reason=str(LACKING)),
    pytest.mark.timeout(900),
]


@pytest.mark.alone
def test_two_minutes_of_chaos_leave_no_ghost_no_gap_no_lie_and_no_process() -> None:
    command = ("-m", "tests.benchmarks.chaos", "--duration", "120", "--meetings", "4", "--seed", "7", "--json")
    ran = subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=800)
    print(ran.stderr[-4000:])
    found = json.loads(ran.stdout.splitlines()[-1])
    assert found["faults"] >= 20
    assert (found["ghosts"], found["gaps"], found["false_ready"], found["processes_left"]) == (0, 0, 0, 0)
