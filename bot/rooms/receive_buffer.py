"""How many datagrams the kernel keeps while the event loop is busy."""

import socket
from typing import Any

RECEIVE_BUFFER_BYTES = 4 << 20
SO_RCVBUFFORCE = 33
"""Linux: as SO_RCVBUF, beyond the system's limit; needs CAP_NET_ADMIN. Python does not name it."""


def enlarge(sock: Any) -> None:
    """Enlarge the receive buffer of a socket, as far as this process may."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
