"""The process that a worker's meetings are forked from: what they need is imported here once, before there is any.

It knows nothing of any meeting, and has one thread: a fork is a whole process. It forks twice, so that the meeting's
process is the worker's own child, and goes on whatever becomes of this one.
"""

import errno
import gc
import importlib
import os
import signal
import socket
import sys

from bot.memory import forbid_core_dumps, return_pictures_to_the_system
from bot.workers.child import die_with, run_meeting
from dashboard_protocol.view.plain_text import log_plainly

NEARLY_ALWAYS_USED = (
    "bot.app",
    "bot.inference.local",
    "bot.rooms.janus.room",
    "bot.rooms.local.room",
    "dashboard_protocol.bus.redis",
    "engine.crops",
    "engine.faces",
)
"""Not what runs the network, which `presence` never holds, and which starts threads."""
WARM = b"warm\n"
"""The first line said to the worker, on stdin, a socket; each further one is the number of a process."""
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
"""Environment of this process, and so of the meetings: numpy's threads would not live in a fork."""
ASK = b"?"
"""A byte with which the worker sends the socket of a meeting."""
ANSWER_BYTES = 32


def main(worker_pid: int) -> int:
    """Fork a process for each socket that the worker sends; return the exit code once it sends none any more."""
    die_with(worker_pid)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal signals the whole group; the worker says who is to end
    forbid_core_dumps()
    return_pictures_to_the_system()
    os.dup2(2, 1)
    log_plainly(os.environ.get("CLASSPULSE_LOG", "WARNING"))
    for module in NEARLY_ALWAYS_USED:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # a search for garbage would make every meeting's own copy of all this
    with socket.socket(fileno=os.dup(0)) as control:
        control.sendall(WARM)
        while True:
            asked, sockets, _, _ = socket.recv_fds(control, len(ASK), 1)
            if not asked:
                return 0
            control.sendall(b"%d\n" % (_fork(control, sockets[0], worker_pid) if sockets else -errno.EMFILE))


def _fork(control: socket.socket, meeting: int, worker_pid: int) -> int:
    """Return the process for a meeting, whose parent is the worker by then; or what kept it from being, negative."""
    try:
        hears, says = os.pipe()
    except OSError as error:
        os.close(meeting)
        return -(error.errno or errno.EAGAIN)
    between = _fork_once()
    if between == 0:
        pid = _fork_once()
        if pid != 0:
            os.write(says, b"%d" % pid)
            os._exit(0)
        control.close()
        os.dup2(meeting, 0)
        os.dup2(meeting, 1)
        for end in (meeting, hears, says):
            os.close(end)
        run_meeting(worker_pid)
    os.close(meeting)
    os.close(says)
    if between > 0:
        os.waitpid(between, 0)
    answer = os.read(hears, ANSWER_BYTES)
    os.close(hears)
    return min(between, 0) or int(answer or -errno.ECHILD)


def _fork_once() -> int:
    try:
        return os.fork()
    except OSError as error:
        return -(error.errno or errno.EAGAIN)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
