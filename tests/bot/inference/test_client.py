"""The engine of a machine and its bots: whose answer goes where, who may connect, and what happens when it goes."""

import asyncio
import contextlib
import os
import stat
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq
import zmq.asyncio

from bot.errors import SettingsRefused
from bot.inference import open_inference, wire
from bot.inference.client import SharedNetwork
from bot.inference.server import Host, ask_status, hosting
from engine.errors import InferenceFailed
from engine.readings import FaceBatch, Scores


@pytest.fixture
def address() -> Iterator[str]:
    """A socket in a folder with a short name: pytest's own are too long for one."""
    with tempfile.TemporaryDirectory(prefix="cp-") as folder:
        yield f"ipc://{folder}/e"


async def there(network: SharedNetwork) -> None:
    """Wait until the engine is found."""
    async with asyncio.timeout(30):
        await network.found()


async def away(network: SharedNetwork, face: FaceBatch) -> None:
    """Wait until the engine is missed."""
    async with asyncio.timeout(30):
        while await network.score("anna", face) is not None:
            pass
    assert network.spec is None


@contextlib.asynccontextmanager
async def raw(address: str) -> AsyncIterator[Callable[..., Any]]:
    """Speak to an engine in plain messages."""
    with zmq.asyncio.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.setsockopt(zmq.LINGER, 0)
        socket.connect(address)

        async def say(*parts: bytes, answered: bool = True) -> list[bytes]:
            await socket.send_multipart(parts)
            async with asyncio.timeout(30):
                return await socket.recv_multipart() if answered else []

        yield say


async def test_answers_of_two_bots_go_each_to_its_participant(
    address: str, network: Any, make_face: Callable[[float], FaceBatch]
) -> None:
    async def attend(bot: SharedNetwork, base: int) -> None:
        assert bot.spec == network.manifest.input

        async def watch(person: int) -> None:
            for turn in range(5):
                number = float(base + 10 * person + turn)
                scores = await bot.score(f"p{person}", make_face(number))
                assert scores is not None
                assert scores.fer7[0, 0] == number
                assert scores.ferplus8 is None

        await asyncio.gather(*(watch(person) for person in range(6)))

    async with (
        hosting(address, network.load) as host,
        SharedNetwork(address) as one,
        SharedNetwork(address) as two,
    ):
        await asyncio.gather(one.found(), two.found())
        await asyncio.gather(attend(one, 1000), attend(two, 2000))
        assert host.status()["faces"] == 60
        assert host.status()["batches"] < 60
    mixed = [batch for batch in network.batches if min(batch) < 2000 <= max(batch)]
    assert mixed, "the faces of both meetings share batches"


async def test_engine_that_is_not_there_keeps_no_read_waiting(
    address: str, make_face: Callable[[float], FaceBatch]
) -> None:
    async with SharedNetwork(address) as bot:
        assert bot.spec is None
        async with asyncio.timeout(0.5):
            assert await bot.score("anna", make_face(1)) is None


async def test_bot_goes_on_when_the_engine_went_and_came_back(
    address: str, network: Any, make_face: Callable[[float], FaceBatch], caplog: pytest.LogCaptureFixture
) -> None:
    async with SharedNetwork(address) as bot:
        async with hosting(address, network.load):
            await there(bot)
            assert await bot.score("anna", make_face(1)) is not None
        await away(bot, make_face(2))
        assert "expressions are not measurable until `classpulse engine` runs there" in caplog.text
        reported = caplog.text.count("not measurable")
        for _ in range(20):
            assert await bot.score("anna", make_face(2)) is None
        assert caplog.text.count("not measurable") == reported, "not logged for every face"
        network.__post_init__()
        async with hosting(address, network.load):
            async with asyncio.timeout(3):
                await there(bot)
                scores = await bot.score("anna", make_face(3))
        assert scores is not None
        assert scores.fer7[0, 0] == 3


async def test_face_asked_of_an_engine_that_hangs_is_given_up(
    address: str, network: Any, make_face: Callable[[float], FaceBatch]
) -> None:
    async with hosting(address, network.load), SharedNetwork(address) as bot:
        await there(bot)
        network.gate.clear()
        try:
            assert await bot.score("anna", make_face(1)) is None
        finally:
            network.gate.set()
        await there(bot)
        assert await bot.score("anna", make_face(2)) is not None


async def test_refused_face_is_reported_and_the_next_one_is_read(
    address: str, network: Any, make_face: Callable[[float], FaceBatch]
) -> None:
    async with hosting(address, network.load), SharedNetwork(address) as bot:
        await there(bot)
        network.fails = True
        with pytest.raises(InferenceFailed, match="the device rejected the batch"):
            await bot.score("anna", make_face(1))
        network.fails = False
        assert await bot.score("anna", make_face(2)) is not None


async def test_face_cut_out_for_an_earlier_engine_is_not_read(
    address: str, network: Any, make_face: Callable[[float], FaceBatch]
) -> None:
    crops, regions = wire.face_parts(make_face(1))
    async with hosting(address, network.load), raw(address) as say:
        kind, token, _ = await say(wire.FACE, b"another session", b"1", b"anna", crops, regions)
        assert kind == wire.HELLO
        kind, request, fer7, ferplus8 = await say(wire.FACE, token, b"2", b"anna", crops, regions)
        assert (kind, request) == (wire.SCORES, b"2")
        assert wire.parse_scores(fer7, ferplus8).fer7[0, 0] == 1
    assert network.batches == [[1.0]]


async def test_engine_survives_messages_that_are_none(
    address: str, network: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with hosting(address, network.load), raw(address) as say:
        _, token, _ = await say(wire.HELLO)
        for parts in ([b""], [b"?", b"x"], [wire.FACE], [wire.FACE, token, b"1", b"anna", b"abc", b""]):
            await say(*parts, answered=False)
        kind, status = await say(wire.STATUS)
        assert kind == wire.STATUS
        assert b'"faces": 0' in status
    assert caplog.text.count("a bot sent what does not fit") == 4


async def test_cancelled_read_leaves_nothing_behind(
    address: str, network: Any, make_face: Callable[[float], FaceBatch]
) -> None:
    async with hosting(address, network.load), SharedNetwork(address) as bot:
        await there(bot)
        network.gate.clear()
        reading = asyncio.create_task(bot.score("anna", make_face(1)))
        async with asyncio.timeout(30):
            await asyncio.to_thread(network.is_at_work.wait)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        network.gate.set()
        scores = await bot.score("anna", make_face(2))
        assert scores is not None
        assert scores.fer7[0, 0] == 2


async def test_only_this_user_can_reach_the_socket(address: str, network: Any) -> None:
    folder = Path(address.removeprefix("ipc://")).parent / "own"
    async with hosting(f"ipc://{folder}/e", network.load):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.stat().st_uid == os.geteuid()
    folder.chmod(0o750)
    with pytest.raises(SettingsRefused, match="other users may enter it"):
        SharedNetwork(f"ipc://{folder}/e")
    with pytest.raises(SettingsRefused, match="other users may enter it"):
        async with hosting(f"ipc://{folder}/e", network.load):
            pass


async def test_folder_that_others_came_to_own_is_not_greeted(address: str, network: Any) -> None:
    folder = Path(address.removeprefix("ipc://")).parent / "later"
    async with SharedNetwork(f"ipc://{folder}/e") as bot, hosting(f"ipc://{folder}/e", network.load):
        folder.chmod(0o755)
        bot._session = None
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await bot.found()
        folder.chmod(0o700)
        await there(bot)


async def test_bot_waits_for_an_engine_whose_folder_is_not_there_yet(
    network: Any, address: str, make_face: Callable[[float], FaceBatch]
) -> None:
    folder = Path(address.removeprefix("ipc://")).parent / "not" / "yet"
    async with SharedNetwork(f"ipc://{folder}/e") as bot:
        assert await bot.score("anna", make_face(1)) is None
        assert not folder.exists(), "making it is the engine's"
        async with hosting(f"ipc://{folder}/e", network.load):
            await there(bot)
            assert await bot.score("anna", make_face(2)) is not None


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ("tcp://127.0.0.1:5555", "on this machine alone"),
        ("ipc:///tmp/" + "x" * 120 + "/e", "at most 107 bytes"),
        ("ipc:///proc/no/e", "choose a folder that you may write"),
    ],
)
async def test_address_that_cannot_be_used_is_refused(wrong: str, text: str, network: Any) -> None:
    with pytest.raises(SettingsRefused, match=text):
        async with hosting(wrong, network.load):
            pass


async def test_second_engine_does_not_take_the_place_of_the_first(address: str, network: Any) -> None:
    async with hosting(address, network.load):
        with pytest.raises(SettingsRefused, match="already: bots use it by"):
            async with hosting(address, network.load):
                pass
        assert (await ask_status(address) or {})["ready"]


async def test_status_reports_whether_an_engine_answers(
    address: str, network: Any, make_face: Callable[[float], FaceBatch], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.inference.server._STATUS_WITHIN_S", 0.1)
    assert await ask_status(address) is None
    monkeypatch.undo()
    async with hosting(address, network.load), SharedNetwork(address) as bot:
        await there(bot)
        await bot.score("anna", make_face(1))
        status = await ask_status(address)
    assert status is not None
    assert (status["ready"], status["model"], status["faces"], status["batches"]) == (True, "echo 1", 1, 1)


async def test_bug_in_the_engine_ends_it(address: str, network: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Host, bot: bytes, parts: list[bytes]) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Host, "_take", broken)

    async def run() -> None:
        async with hosting(address, network.load), raw(address) as say:
            await say(wire.HELLO, answered=False)
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as caught:
        await run()
    assert caught.group_contains(ZeroDivisionError)


def test_presence_opens_no_network(tmp_path: Path) -> None:
    reader = open_inference("ipc:///proc/nowhere/at/all", threads=1, expressions=False)
    assert reader._network is None


def test_bytes_that_are_no_scores_are_refused() -> None:
    with pytest.raises(wire.Malformed, match="these are no scores"):
        wire.parse_scores(b"1234", b"")


def test_scores_of_both_heads_travel() -> None:
    import numpy as np

    scores = Scores(np.full((1, 7), 1 / 7, np.float32), np.full((1, 8), 1 / 8, np.float32))
    back = wire.parse_scores(*wire.scores_parts(scores))
    assert back.ferplus8 is not None
    assert scores.ferplus8 is not None
    np.testing.assert_array_equal(back.fer7, scores.fer7)
    np.testing.assert_array_equal(back.ferplus8, scores.ferplus8)
