"""Weights → ONNX and manifest, proven equal before anything is written."""

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from build_engine.data.landmarks import AlignedFaces
from build_engine.errors import ParityBroken
from build_engine.evaluation.evaluate import named_figures, read
from build_engine.evaluation.metrics import fit_temperature
from build_engine.evaluation.outputs import difference, network_logits, served
from build_engine.files import save
from build_engine.recipe import Recipe
from build_engine.training.averaged import load_network
from build_engine.training.run import Run
from engine.crops import REGIONS, CropSpec
from engine.expressions import FERPLUS8
from engine.manifest import Manifest, digest, manifest_path, write_manifest
from engine.runtimes import load_runtime

PARITY_TOLERANCE = 1e-4
"""Largest difference of a probability between PyTorch and ONNX Runtime, both in float32."""


_OPSET = 17


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One split and which of its faces an earlier split holds too."""

    faces: AlignedFaces
    duplicates: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Exported:
    """What was written."""

    manifest: Manifest
    parity: float
    """Largest difference of a probability, PyTorch against ONNX Runtime."""


class Served(nn.Module):
    """A trained network as its file holds it: probabilities instead of logits."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, crops: Tensor, regions: Tensor) -> tuple[Tensor, Tensor]:
        """Score crops (N, 1, 48, 48) and regions (N, 9, 6, 6): probabilities (N, 7) and (N, 8)."""
        fer7, ferplus8 = self.network(crops, regions)
        return torch.softmax(fer7, 1), torch.softmax(ferplus8, 1)


def export(
    runs: Sequence[Run],
    to: Path,
    public_test: Judged,
    private_test: Judged | None = None,
    *,
    trained_on: str = "",
    offsets: tuple[float, ...] | None = None,
) -> Exported:
    """Write the best weights of a run, or the mean of several, as ONNX with a manifest beside it.

    Args:
        runs: trained runs, see `load_network`; the manifest holds the last one's recipe.
        to: `.onnx` file to write; its stem names the network.
        public_test: fits the temperature, and shows that PyTorch and ONNX Runtime agree.
        private_test: measured for the manifest where given; read it once, for the network that ships.
        trained_on: the data in words.
        offsets: for the logits of the seven classes, see `prior_offsets`.

    Raises:
        RunUnusable: A run has no weights, or others than the last one's recipe says.
        ParityBroken: The two differ by more than `PARITY_TOLERANCE`; nothing is written.
        SaveFailed: A file could not be written.
    """
    network = load_network(runs)
    logits = network_logits(network, public_test.faces)
    temperature = fit_temperature(public_test.faces.labelled.labels, logits[0])
    with TemporaryDirectory() as folder:
        path = Path(folder) / to.name
        save(path, to_onnx(Served(network).eval()))
        manifest = _manifest(to.stem, path, runs[-1].recipe()).model_copy(
            update={"temperature": temperature, "fer7_offsets": offsets, "trained_on": trained_on}
        )
        write_manifest(manifest, path)
        with load_runtime(path) as runtime:
            parity = difference(served(logits, manifest), read(runtime, public_test.faces))
            if not parity <= PARITY_TOLERANCE:
                raise ParityBroken(
                    f"PyTorch and ONNX differ by {parity:.1e}, more than {PARITY_TOLERANCE:.0e}: nothing written"
                )
            accuracy = named_figures("PublicTest", runtime, public_test.faces, public_test.duplicates)
            if private_test is not None:
                accuracy |= named_figures("PrivateTest", runtime, private_test.faces, private_test.duplicates)
        manifest = manifest.model_copy(update={"accuracy": accuracy})
        save(to, path.read_bytes())
        save(manifest_path(to), (manifest.model_dump_json(indent=2) + "\n").encode())
    return Exported(manifest, parity)


def to_onnx(served: Served) -> bytes:
    """Write a network as one ONNX file, weights inside.

    Args:
        served: in evaluation mode.

    Returns:
        The file: inputs `crops` (N, 1, 48, 48) and `regions` (N, 9, 6, 6), outputs `fer7` (N, 7) and `ferplus8` (N, 8),
        float32, any N.
    """
    spec = CropSpec()
    crops = torch.zeros(2, spec.channels, spec.size_px, spec.size_px)
    regions = torch.zeros(2, len(REGIONS), spec.region_grid, spec.region_grid)
    names = {"input_names": ["crops", "regions"], "output_names": ["fer7", "ferplus8"]}
    buffer = BytesIO()
    served.training = True  # of the wrapper alone: else the exporter merges weights that happen to be equal
    with warnings.catch_warnings():
        # The TorchScript exporter is deprecated but needs no further package; its successor needs onnxscript.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            served,
            (crops, regions),
            buffer,  # type: ignore[arg-type]
            dynamo=False,
            # Weights stay whole and under their names, so that `network_of` reads them back; runtimes fold at load.
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
            opset_version=_OPSET,
            dynamic_axes={name: {0: "faces"} for group in names.values() for name in group},
            **names,  # type: ignore[arg-type]
        )
    return buffer.getvalue()


def _manifest(name: str, path: Path, recipe: Recipe) -> Manifest:
    return Manifest(
        name=name,
        version="1",
        architecture="static-cnn"
        if recipe.backbone == "static"
        else f"{recipe.backbone}, {recipe.attention} attention",
        api="onnx",
        precision="fp32",
        sha256=digest(path),
        input=CropSpec(),
        ferplus8=FERPLUS8,
        recipe=asdict(recipe),
    )
