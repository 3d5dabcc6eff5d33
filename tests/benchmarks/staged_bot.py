"""The command `classpulse` for measurements: its threads bear their names for the system, so stages are distinct.

Run it in place of `bot`. `stages_s` then reads from outside how much each stage has used.
"""

import ctypes
import threading
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any

from bot.__main__ import main

PR_SET_NAME = 15
STAGES = {"faces": "landmarks", "video-decoder": "decoding", "network": "network"}
"""What threads do, by how their names begin; the first thread of a process takes packets, turns, meters and events."""
LOOP, OTHER = "packets_and_loop", "other"


def name_threads() -> None:
    """Have every thread that is started from now on bear its name for the system too."""
    system, begin = ctypes.CDLL(None), vars(threading.Thread)["_bootstrap_inner"]

    def begin_named(thread: threading.Thread) -> Any:
        system.prctl(PR_SET_NAME, thread.name.encode()[:15], 0, 0, 0)
        return begin(thread)

    setattr(threading.Thread, "_bootstrap_inner", begin_named)  # noqa: B010  the name is not one of ours


def stages_s(pid: int) -> dict[str, float]:
    """Read the CPU seconds that each stage of a bot has used so far, threads that have ended left out."""
    used: defaultdict[str, float] = defaultdict(float)
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):  # it ends just now
            name, ran_ns = (task / "comm").read_text().strip(), int((task / "schedstat").read_text().split()[0])
            stage = next((stage for begin, stage in STAGES.items() if name.startswith(begin)), OTHER)
            used[LOOP if task.name == str(pid) else stage] += ran_ns / 1e9
    return dict(used)


if __name__ == "__main__":
    name_threads()
    main()
