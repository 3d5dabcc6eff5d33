"""ICE servers as the media library wants them, and the questions it does not ask: does the relay let us in?"""

import asyncio
import logging
from contextlib import suppress

from aioice import stun, turn
from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection
from aiortc.rtcconfiguration import RTCIceTransportPolicy

from bot.errors import RoomError, RoomRefused, RoomUnreachable
from bot.ice_servers import CREDENTIALS_VARIABLE, Ice, IceServer

log = logging.getLogger(__name__)

ANSWER_WITHIN_S = 8.0
CLOSING_S = 2.0
REFUSED_CODES = (401, 403, 431, 441)
"""Of STUN (RFC 8489) and TURN (RFC 8656): what no other try with the same user and password changes."""


def new_connection(ice: Ice) -> RTCPeerConnection:
    """Make a peer connection; without servers of ours, the library would ask a public one."""
    servers = [RTCIceServer(server.url, server.user, server.password) for server in ice.servers]
    policy = RTCIceTransportPolicy.RELAY if ice.relay_only else RTCIceTransportPolicy.ALL
    return RTCPeerConnection(RTCConfiguration(iceServers=servers, iceTransportPolicy=policy))


def no_address(ice: Ice) -> RoomError:
    """Make the error of a connection that found no address to receive on."""
    if ice.relay_only and ice.relay is not None:
        return RoomUnreachable(f"The TURN server {ice.relay.url} gave no relay, and media may go through it only")
    return RoomRefused("This machine has no network address to receive video on")


async def check_relay(ice: Ice) -> None:
    """Ask the TURN server for a relay and give it back: the library says nothing when it gets none.

    A server that does not answer is needed only where media may go no other way; one that refuses us is a mistake.

    Raises:
        RoomUnreachable: The server refuses us, or is needed and gives no relay; the text says why.
    """
    relay = ice.relay
    if relay is None:
        return
    where = f"The TURN server {relay.url}"
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            await _borrow(relay)
        return
    except stun.TransactionFailed as error:
        code, reason = error.response.attributes.get("ERROR-CODE", (0, "no reason"))
        if code in REFUSED_CODES:
            raise RoomUnreachable(
                f"{where} refused the user or the password ({code} {reason}): check {CREDENTIALS_VARIABLE}"
            ) from error
        problem = f"{where} gave no relay ({code} {reason})"
    except (TimeoutError, stun.TransactionTimeout):
        problem = f"{where} does not answer: does it run, and does a firewall let {relay.transport.upper()} through?"
    except OSError as error:
        problem = f"{where} cannot be reached ({error}): is the address right?"
    if ice.relay_only:
        raise RoomUnreachable(problem)
    log.warning("%s Media has to find a direct path.", problem)


async def _borrow(relay: IceServer) -> None:
    transport, borrower = await turn.create_turn_endpoint(
        _Borrower,
        (relay.host, relay.port),
        relay.user,
        relay.password,
        ssl=relay.scheme == "turns",
        transport=relay.transport,
    )
    transport.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSING_S):
            await borrower.given_back.wait()


class _Borrower(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.given_back = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        self.given_back.set()
