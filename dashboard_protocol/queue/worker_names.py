"""What workers are called: unlike each other, and so that one sees on which machine they are."""

import os
import secrets
import socket


def new_worker_name() -> str:
    """Name a worker of this process."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


def is_of_this_machine(worker: str) -> bool:
    """Whether a worker runs where this process does; a container is a machine of its own."""
    return worker.rsplit("-", 2)[0] == socket.gethostname()
