"""Which processes belong to a bot's browser."""

from contextlib import suppress
from pathlib import Path


def processes_of(folder: Path, *arguments: str) -> list[int]:
    """Return the processes whose command line names a folder and has all these words."""
    found = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = command.read_bytes().decode(errors="replace")
            if str(folder) in words and all(each in words for each in arguments):
                found.append(int(command.parent.name))
    return found


def children_of(pid: int) -> list[int]:
    """Return the processes that a process has started from its main thread."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
