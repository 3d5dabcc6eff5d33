"""What a model file expects and promises: a JSON file beside it, checked on load."""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, field_validator

from engine.crops import CropSpec
from engine.errors import ModelRefused
from engine.expressions import FER7, FERPLUS8

Api = Literal["onnx", "tensorrt", "tensorrt_rtx"]
SUFFIXES: Final[dict[str, tuple[Api, ...]]] = {".onnx": ("onnx",), ".plan": ("tensorrt", "tensorrt_rtx")}
"""File suffixes of models and what can run them."""
MODELS: Final = Path(__file__).resolve().parent / "models"
SHIPPED: Final = {
    "fer-attention.onnx": "1be0ec89a272df76a5520382ef8d75fa7723502b9e49388d7314568f7e48e7cc",
    "fer-attention-int8.onnx": "24532444455c24bc695f251c8022b52fbc334ad88ff665a6fccad9ccb23f690f",
}
"""Digests of the networks that ship: a manifest proves that it belongs to its file, this that both are ours."""


class PlanFacts(BaseModel):
    """How a TensorRT plan was built; it runs with this library, on this kind of GPU, and nowhere else."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    library: str = Field(min_length=1)
    """Version of TensorRT."""
    source: str = Field(min_length=1)
    """The `.onnx` file as it was named to `build-engine plan`."""
    onnx_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    batches: tuple[int, int, int]
    """Fewest, usual and most faces in a call: the optimisation profile."""
    sm: int = Field(ge=10)
    """Compute capability of the GPU, times ten: 86 is 8.6."""
    gpu: str | None = None
    """Name of the GPU it was built on; None: built without one."""
    cuda: str | None = None
    """Newest CUDA that the driver there served."""
    driver: str | None = None
    optimisation_level: int = Field(ge=0, le=5)
    workspace_mb: int = Field(ge=1)


class Manifest(BaseModel):
    """Describes one model file. `NAME.onnx` has `NAME.json` beside it, `NAME.plan` has `NAME.plan.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    version: str = Field(min_length=1)
    architecture: str = Field(min_length=1)
    """Network in words, e.g. "static-cnn"."""
    api: Api
    precision: Literal["fp32", "tf32", "fp16", "bf16", "int8"]
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Digest of the model file: a manifest beside another file is refused."""
    input: CropSpec = CropSpec()
    fer7: tuple[str, ...] = tuple(expression.value for expression in FER7)
    """Classes of the seven-class output, in its order."""
    ferplus8: tuple[str, ...] | None = None
    """Classes of the eight-class output, in its order; None: the network has none."""
    max_batch: int = Field(default=32, ge=1, le=4096)
    """Most faces in one call of the network."""
    temperature: float = Field(default=1.0, gt=0)
    """Found on the validation split: the runtime divides the logits behind both outputs by it."""
    fer7_offsets: tuple[FiniteFloat, ...] | None = None
    """Seven numbers that the runtime adds to the logits of the seven classes, after the temperature; None: nothing.

    `build-engine export` makes them of the shares of the classes among the training faces, see `prior_offsets`.
    """
    accuracy: dict[str, float] = {}
    """Named figures, shares in [0, 1] unless the name carries another unit."""
    recipe: dict[str, Any] = {}
    """Every knob of the training run."""
    trained_on: str = ""
    """Data in words."""
    activation_ranges: dict[str, float] = {}
    """Largest absolute value of each activation that int8 rounds in TensorRT, by its name in the fp32 file.

    `build-engine quantize` finds them on training faces, so that `build-engine plan` needs no image.
    """
    plan: PlanFacts | None = None
    """How it was built; plans only."""

    @field_validator("fer7")
    @classmethod
    def _fer7_in_our_order(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value != tuple(FER7):
            raise ValueError(f"must be {', '.join(FER7)}, in this order")
        return value

    @field_validator("fer7_offsets")
    @classmethod
    def _an_offset_for_each_class(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value is not None and len(value) != len(FER7):
            raise ValueError(f"must be {len(FER7)} numbers, or null")
        return value

    @field_validator("ferplus8")
    @classmethod
    def _ferplus8_in_our_order(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is not None and value != FERPLUS8:
            raise ValueError(f"must be {', '.join(FERPLUS8)}, in this order, or null")
        return value


def manifest_path(model_path: Path) -> Path:
    """Name the manifest of a model file; a plan may lie beside the `.onnx` file of the same name."""
    return model_path.with_suffix(".plan.json" if model_path.suffix == ".plan" else ".json")


def digest(model_path: Path) -> str:
    """Compute the SHA-256 of a file, in lower-case hexadecimal."""
    with model_path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def load_manifest(model_path: str | Path) -> Manifest:
    """Read the manifest beside a model file and prove that the two belong together.

    Args:
        model_path: the `.onnx` or `.plan` file.

    Returns:
        The manifest; its digest, classes and api are those of the file.

    Raises:
        ModelRefused: File or manifest is missing, unreadable, or they do not belong together.
    """
    model_path = Path(model_path)
    beside = manifest_path(model_path)
    for path, what in ((model_path, "model"), (beside, "manifest")):
        if not path.is_file():
            raise ModelRefused(f"{path}: no such {what}; {_again(model_path)}")
    try:
        manifest = Manifest.model_validate_json(beside.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "file"
        raise ModelRefused(f"{beside}: {place}: {first['msg']}; {_again(model_path)}") from error
    except OSError as error:
        raise ModelRefused(f"{beside}: {error.strerror}; make it readable") from error
    _check_belongs(model_path, beside, manifest)
    return manifest


def write_manifest(manifest: Manifest, model_path: str | Path) -> Path:
    """Write the manifest beside its model so that a reader sees the old one or the new one, whole.

    Args:
        manifest: as `load_manifest` shall return it.
        model_path: the `.onnx` or `.plan` file it describes.

    Returns:
        The manifest's path.

    Raises:
        OSError: The folder cannot be written.
    """
    target = manifest_path(Path(model_path))
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(manifest.model_dump_json(indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), 0o644)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return target


def _check_belongs(model_path: Path, beside: Path, manifest: Manifest) -> None:
    if manifest.api not in SUFFIXES.get(model_path.suffix, ()) or (manifest.plan is None) != (manifest.api == "onnx"):
        raise ModelRefused(
            f"{beside}: describes a model for {manifest.api}, but lies beside a {model_path.suffix} file;"
            " put each manifest beside its own model"
        )
    try:
        found = digest(model_path)
    except OSError as error:
        raise ModelRefused(f"{model_path}: {error.strerror}; make it readable") from error
    if found != manifest.sha256:
        raise ModelRefused(
            f"{model_path}: digest {found[:12]}… is not {manifest.sha256[:12]}… of {beside.name};"
            f" the file was changed or mixed up: {_again(model_path)}"
        )
    ours = SHIPPED.get(model_path.name) if model_path.resolve().parent == MODELS else None
    if ours is not None and ours != found:
        raise ModelRefused(
            f"{model_path}: digest {found[:12]}… is not that of the network that ships, {ours[:12]}…:"
            " install classpulse again; whoever trained a new one names its digest in engine/manifest.py"
        )


def _again(model_path: Path) -> str:
    if model_path.suffix == ".plan":
        return "build it again with `build-engine plan`"
    return "export it again with `build-engine export`"
