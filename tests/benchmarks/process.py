"""What another process of this machine uses, read from the kernel."""

import os
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """CPU seconds a process has used so far, all threads, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


class CoresUsed:
    """What each of several groups of processes uses from now on, in cores."""

    def __init__(self, groups: Mapping[str, Callable[[], Iterable[int]]]) -> None:
        """Begin.

        Args:
            groups: Name → gives the processes that are in it by then.
        """
        self._groups = groups
        self._began_s, self._before = time.monotonic(), self._used_s()

    def __call__(self) -> dict[str, float]:
        """Say it, by group; a process that began since then counts from its beginning."""
        elapsed_s = time.monotonic() - self._began_s
        used = dict.fromkeys(self._groups, 0.0)
        for (name, pid), used_s in self._used_s().items():
            used[name] += used_s - self._before.get((name, pid), 0.0)
        return {name: round(used_s / elapsed_s, 2) for name, used_s in used.items()}

    def _used_s(self) -> dict[tuple[str, int], float]:
        used = {}
        for name, pids in self._groups.items():
            for pid in pids():
                with suppress(OSError):
                    used[name, pid] = cpu_s(pid)
        return used


def pages_given(pid: int) -> int:
    """Pages of memory that a process has been given so far because it touched them: 1 to 2 µs each."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[7])


def rss_mb(pid: int) -> float:
    """Resident memory of a process in MB (10^6 bytes)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ProcessLookupError(f"process {pid} has no resident memory: it ended")


def machine() -> str:
    """Name processor, cores and system in one line."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of the values lie; nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def listens(pid: int, port: int) -> bool:
    """Whether a process listens on a TCP port of IPv4."""
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    listening = {f"socket:[{row[9]}]" for row in rows if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port}
    return any(os.readlink(path) in listening for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink())


def descendants(pid: int) -> list[int]:
    """List all that a process has started, from whatever thread, and what those have started."""
    found: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(child) for child in children.read_text().split()]
    return [each for child in found for each in (child, *descendants(child))]


def pss_mb(pid: int) -> float:
    """Resident memory of a process in MB (10^6 bytes), of what several share its part."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0


def tree(pid: int) -> list[int]:
    """List a process and its descendants."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(descendant for child in children for descendant in tree(int(child)))]
