"""The cures, where no connection is needed to see them work."""

import asyncio
import threading

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection

from bot.errors import RoomRefused
from bot.rooms.aiortc_cures import Traffic, check_aiortc, check_private_names, join_decoders, listen_on
from bot.rooms.decoding import Pictures


async def test_decoders_are_joined_once_they_ended() -> None:
    loop, release = asyncio.get_running_loop(), threading.Event()
    pictures = Pictures(lambda picture: None)

    def decode() -> None:
        release.wait(5)
        asyncio.run_coroutine_threadsafe(pictures.put(None), loop)

    thread = threading.Thread(target=decode)
    thread.start()
    loop.call_soon(release.set)
    await join_decoders(Traffic(decoders=[(thread, pictures)]))
    assert not thread.is_alive()


async def test_connection_listens_where_it_is_told_and_another_where_it_likes() -> None:
    peers = [RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2)]
    for peer in peers:
        peer.addTransceiver("video", direction="recvonly")
    listen_on(peers[0], ["127.0.0.1"])
    addresses = []
    for peer in peers:
        await peer.setLocalDescription(await peer.createOffer())
        lines = peer.localDescription.sdp.splitlines()
        addresses.append({line.split()[4] for line in lines if line.startswith("a=candidate")})
        await peer.close()
    assert addresses[0] == {"127.0.0.1"}
    assert "127.0.0.1" not in addresses[1]


async def test_installed_library_fits() -> None:
    await check_aiortc()


def test_renamed_library_is_refused_in_one_line() -> None:
    with pytest.raises(
        RoomRefused, match=r"^aiortc \S+ with aioice \S+ lacks .*_recv_next.*: install aiortc 1\.16"
    ) as caught:
        check_private_names(_Everything(), object(), object())
    assert "\n" not in str(caught.value)


class _Everything:
    def __getattr__(self, name: str) -> None:
        return None
