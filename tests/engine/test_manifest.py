"""Manifests: written, read, refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine import manifest as manifests
from engine.errors import ModelRefused
from engine.manifest import SHIPPED, Manifest, digest, load_manifest, manifest_path, write_manifest


def edit(path: Path, **changes: Any) -> None:
    beside = manifest_path(path)
    beside.write_text(json.dumps(json.loads(beside.read_text()) | changes))


def test_manifest_survives_writing_and_reading(model: Callable[..., Path]) -> None:
    path = model(accuracy={"private_test": 0.71}, recipe={"epochs": 3, "optimizer": "sgd"}, temperature=1.3)
    manifest = load_manifest(path)
    assert manifest.accuracy == {"private_test": 0.71}
    assert manifest.temperature == 1.3
    assert manifest.fer7[0] == "angry"
    assert manifest.ferplus8 is None
    write_manifest(manifest, path)
    assert load_manifest(str(path)) == manifest


def test_writing_leaves_no_other_file_behind_even_when_it_fails(model: Callable[..., Path]) -> None:
    path = model()
    manifest = load_manifest(path)
    blocked = path.parent / "blocked.onnx"
    manifest_path(blocked).mkdir()
    with pytest.raises(OSError, match="blocked"):
        write_manifest(manifest, blocked)
    assert {entry.name for entry in path.parent.iterdir()} == {"tiny.onnx", "tiny.json", "blocked.json"}


def test_manifest_is_readable_by_others(model: Callable[..., Path]) -> None:
    assert manifest_path(model()).stat().st_mode & 0o777 == 0o644


def test_changed_model_file_is_refused(model: Callable[..., Path]) -> None:
    path = model()
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ModelRefused, match=r"digest .* the file was changed or mixed up: export it again"):
        load_manifest(path)


def test_missing_model_and_missing_manifest_are_refused(model: Callable[..., Path]) -> None:
    path = model()
    with pytest.raises(ModelRefused, match=r"other\.onnx: no such model"):
        load_manifest(path.with_name("other.onnx"))
    manifest_path(path).unlink()
    with pytest.raises(ModelRefused, match=r"tiny\.json: no such manifest; export it again"):
        load_manifest(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fer7": ["happy"] * 7}, "fer7: .*angry, disgust, fear, happy, sad, surprise, neutral, in this order"),
        ({"ferplus8": ["neutral"] * 8}, "ferplus8: .*neutral, happiness"),
        ({"max_batch": 0}, "max_batch"),
        ({"temperature": 0}, "temperature"),
        ({"input": {"size_px": 4}}, r"input\.size_px"),
        ({"unknown": 1}, "unknown"),
        ({"api": "tensorrt"}, "describes a model for tensorrt, but lies beside a .onnx file"),
    ],
)
def test_manifest_that_does_not_fit_is_refused_with_the_place(
    model: Callable[..., Path], changes: dict[str, Any], message: str
) -> None:
    path = model()
    edit(path, **changes)
    with pytest.raises(ModelRefused, match=message):
        load_manifest(path)


def test_manifest_that_is_no_json_is_refused(model: Callable[..., Path]) -> None:
    path = model()
    manifest_path(path).write_bytes(b"\x80 no json")
    with pytest.raises(ModelRefused, match="export it again"):
        load_manifest(path)


def test_manifest_cannot_be_changed(model: Callable[..., Path]) -> None:
    manifest = load_manifest(model())
    with pytest.raises(ValueError, match="frozen"):
        setattr(manifest, "name", "other")  # noqa: B010  mypy would rightly refuse the assignment
    assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest


def test_networks_that_ship_are_those_that_the_code_names() -> None:
    assert {path.name: digest(path) for path in manifests.MODELS.glob("*.onnx")} == SHIPPED


def test_network_that_was_exchanged_with_its_manifest_is_refused(
    model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = model()
    shipped = path.rename(path.with_name("fer-attention-int8.onnx"))
    manifest_path(path).rename(manifest_path(shipped))
    load_manifest(shipped)  # anywhere else it is whatever it says
    monkeypatch.setattr(manifests, "MODELS", shipped.parent.resolve())
    with pytest.raises(ModelRefused, match="not that of the network that ships"):
        load_manifest(shipped)
