"""A network of our own, without a way out: real servers and real loss that no other program of this machine notices."""

import asyncio
import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import aioice.ice

CLONE_NEWNET = 0x40000000
OWN = "/proc/thread-self/ns/net"
SERVER, BOT, PEOPLE = "10.77.0.1", "10.77.0.2", "10.77.0.3"
"""Addresses by role, so that loss can be put between two of them."""


def missing(*programs: str) -> str | None:
    """Return why a network of our own cannot be had here; None if it can.

    Args:
        programs: Commands that are needed besides.
    """
    absent = [program for program in ("ip", "nsenter", *programs) if shutil.which(program) is None]
    if absent:
        return f"{', '.join(absent)} is not installed"
    if os.geteuid() != 0:
        return "only root, or somebody under `unshare -Urn`, may make network namespaces"
    return None


@dataclass(frozen=True, slots=True)
class PrivateNetwork:
    """Two hosts on one cable: this thread with the processes it starts, and the server's."""

    server: str
    """Path of the server's namespace."""

    def on_server(self, *command: str) -> list[str]:
        """Make a command that runs on the server's host."""
        return ["nsenter", f"--net={self.server}", *command]

    def lose(self, percent: int, pairs: Sequence[tuple[str, str]]) -> None:
        """Drop this share of the UDP datagrams between addresses, from now on; 0 ends it.

        Args:
            percent: 0 to 100.
            pairs: (sender, receiver).
        """
        rules = [
            f"ip saddr {sender} ip daddr {receiver} meta l4proto udp numgen random mod 100 < {percent} drop"
            for sender, receiver in pairs
        ]
        self._filter(rules if percent else [])

    def cut(self, address: str) -> None:
        """Drop everything from this address, whatever it is, until `lose` says otherwise."""
        self._filter([f"ip saddr {address} drop"])

    def _filter(self, rules: Sequence[str]) -> None:
        # Dropped where they arrive: a datagram dropped on its way out would be an error to its sender.
        chain = "\n".join(["type filter hook input priority 0; policy accept;", *rules])
        text = f"table ip loss {{}}\ndelete table ip loss\ntable ip loss {{\nchain arriving {{\n{chain}\n}}\n}}\n"
        for command in (["nft", "-f", "-"], self.on_server("nft", "-f", "-")):
            subprocess.run(command, input=text, text=True, check=True)


class _Distant:
    """A datagram transport whose datagrams take their time."""

    def __init__(self, transport: Any, way_s: float) -> None:
        self._transport = transport
        self._way_s = way_s

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def sendto(self, data: bytes, addr: Any = None) -> None:
        asyncio.get_running_loop().call_later(self._way_s, self._send, bytes(data), addr)

    def _send(self, data: bytes, addr: Any) -> None:
        if not self._transport.is_closing():
            self._transport.sendto(data, addr)


@contextmanager
def distance(way_s: float) -> Iterator[None]:
    """Let all media that this process sends take this time on its way; the kernel of a container can delay nothing.

    Janus keeps packets for retransmission only once it has measured a round trip of a millisecond or more.
    """
    made = aioice.ice.StunProtocol.connection_made
    aioice.ice.StunProtocol.connection_made = lambda self, transport: made(self, _Distant(transport, way_s))
    try:
        yield
    finally:
        aioice.ice.StunProtocol.connection_made = made


@contextmanager
def private_network() -> Iterator[PrivateNetwork]:
    """Put this thread into a network of its own, at the other end of which is a host for servers.

    Janus and aioice skip loopback devices, and Janus hears only its own device: hence two hosts and not one.

    Raises:
        OSError: The system does not let us.
    """
    libc = ctypes.CDLL(None, use_errno=True)

    def unshare() -> int:
        if libc.unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "no network namespace")
        return os.open(OWN, os.O_RDONLY)

    with ExitStack() as stack:
        before = os.open(OWN, os.O_RDONLY)
        stack.callback(os.close, before)
        stack.callback(libc.setns, before, CLONE_NEWNET)
        server = unshare()
        stack.callback(os.close, server)
        stack.callback(os.close, unshare())
        network = PrivateNetwork(f"/proc/{os.getpid()}/fd/{server}")
        _set_up(network)
        yield network


def _set_up(network: PrivateNetwork) -> None:
    here = ["link set lo up", f"link add v1 type veth peer name v0 netns {network.server}", "link set v1 up"]
    here += [f"addr add {address}/24 dev v1" for address in (BOT, PEOPLE)]
    there = ["link set lo up", "link set v0 up", f"addr add {SERVER}/24 dev v0"]
    for command in here:
        subprocess.run(["ip", *command.split()], check=True)
    for command in there:
        subprocess.run(network.on_server("ip", *command.split()), check=True)
