"""Faces found in threads of this process and read by a network in another."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.inference import open_inference
from bot.inference.local import LocalNetwork
from bot.inference.reader import FaceReader
from bot.rooms.base import Frame
from bot.samples import drawing
from bot.samples.people import PEOPLE
from bot.samples.pose import Pose
from engine import load_engine
from engine.crops import face_batch
from engine.errors import EngineError, InferenceFailed, ModelRefused
from engine.face_models.network import FaceNetwork
from engine.readings import FaceBatch, Image


@pytest.fixture(scope="module")
def picture() -> Image:
    drawn: Image = drawing.draw(PEOPLE[0].look, Pose())
    return drawn


def frame(picture: Image) -> Frame:
    return Frame(0.0, picture.shape[1], picture.shape[0], lambda: picture)


@pytest.fixture
def echo(network: Any, monkeypatch: pytest.MonkeyPatch) -> LocalNetwork:
    """A local network that runs the test's."""
    monkeypatch.setattr("bot.inference.local.load_runtime", lambda model, **options: network.load())
    return LocalNetwork(None)


async def test_reader_gives_what_the_engine_gives(picture: Image) -> None:
    with load_engine() as engine:
        face = engine.finder.find(picture)
        assert face is not None
        expected = engine.runtime.infer(face_batch([(picture, face)], engine.runtime.manifest.input)).fer7[0].copy()
    async with open_inference(None, threads=2, expressions=True) as reader:
        reading = await reader.read(frame(picture), None, participant="anna")
        assert reading is not None
        np.testing.assert_array_equal(reading.face.landmarks, face.landmarks)
        assert reading.fer7 is not None
        np.testing.assert_allclose(reading.fer7, expected, atol=1e-6)
        empty = np.zeros((90, 160, 3), np.uint8)
        assert await reader.read(frame(empty), reading.face.box, participant="anna", thorough=False) is None


async def test_reader_loads_every_model_once_before_the_first_read_and_none_later(
    picture: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, loaded = FaceNetwork.__init__, []

    def count_and_load(self: Any, *args: Any) -> None:
        loaded.append(self)
        load(self, *args)

    monkeypatch.setattr(FaceNetwork, "__init__", count_and_load)
    async with open_inference(None, threads=2, expressions=False) as reader:
        before = len(loaded)
        shown = [picture, np.zeros((90, 160, 3), np.uint8)]
        await asyncio.gather(*(reader.read(frame(shown[i % 2]), None, participant=str(i)) for i in range(8)))
    assert before == len(loaded) == 3, "a mesh and two detectors, for all threads"


async def test_reader_without_expressions_finds_the_face_and_reads_nothing(picture: Image) -> None:
    async with open_inference("absent.onnx", threads=1, expressions=False) as reader:
        reading = await reader.read(frame(picture), None, participant="anna")
    assert reading is not None
    assert reading.fer7 is None
    assert reading.ferplus8 is None


async def test_model_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="no such model"):
        async with open_inference(str(tmp_path / "absent.onnx"), threads=1, expressions=True):
            pass


async def test_faces_of_several_people_share_a_batch_and_each_gets_its_own(
    echo: LocalNetwork, network: Any, make_face: Callable[[float], FaceBatch]
) -> None:
    async with echo:
        network.gate.clear()
        first = asyncio.create_task(echo.score("first", make_face(1)))
        await asyncio.to_thread(network.is_at_work.wait, 30)
        asked = [asyncio.create_task(echo.score(f"p{number}", make_face(number))) for number in range(2, 7)]
        await asyncio.sleep(0)
        network.gate.set()
        scores = await asyncio.gather(first, *asked)
    assert [score.fer7[0, 0] for score in scores] == [1, 2, 3, 4, 5, 6]
    assert network.batches == [[1], [2, 3, 4, 5, 6]]


async def test_refused_face_fails_its_read_alone(
    echo: LocalNetwork, network: Any, make_face: Callable[[float], FaceBatch]
) -> None:
    async with echo:
        network.fails = True
        with pytest.raises(InferenceFailed, match="the device rejected"):
            await echo.score("anna", make_face(1))
        network.fails = False
        assert (await echo.score("anna", make_face(2))).fer7[0, 0] == 2
    with pytest.raises(EngineError, match="closed"):
        await echo.score("anna", make_face(3))


async def test_cancelled_read_does_not_disturb_the_others(
    echo: LocalNetwork, network: Any, make_face: Callable[[float], FaceBatch]
) -> None:
    async with echo:
        network.gate.clear()
        cancelled = asyncio.create_task(echo.score("anna", make_face(1)))
        await asyncio.to_thread(network.is_at_work.wait, 30)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        network.gate.set()
        assert (await echo.score("ben", make_face(2))).fer7[0, 0] == 2


async def test_reader_that_cannot_start_its_network_frees_the_rest() -> None:
    class Broken(LocalNetwork):
        async def __aenter__(self) -> Any:
            raise ModelRefused("no")

    reader = FaceReader(Broken(None), threads=1)
    with pytest.raises(ModelRefused):
        await reader.__aenter__()
    with pytest.raises(EngineError, match="closed"):
        reader._finder.find(np.zeros((64, 64, 3), np.uint8))
