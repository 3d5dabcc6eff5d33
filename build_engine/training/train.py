"""`build-engine train`: the loop, read from top to bottom."""

import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Generator, Tensor, nn

from build_engine.data.augment import augment, mirror_order, mix
from build_engine.data.batches import NOTHING, Batches, Beside
from build_engine.data.labelled_faces import Split
from build_engine.data.landmarks import AlignedFaces
from build_engine.errors import TrainingDiverged
from build_engine.networks.exported import begin_with
from build_engine.networks.model import build_network
from build_engine.networks.pretrained_faces import load_face_weights
from build_engine.networks.pretrained_imagenet import load_imagenet_weights
from build_engine.recipe import Recipe
from build_engine.training.run import CHECKPOINTS, Run
from build_engine.training.sam import sam_perturbation
from build_engine.training.schedule import is_done, learning_rate
from engine.crops import REGIONS, CropSpec

_FIRST_FACES = slice(1024)
"""Show known weights what our faces look like."""

TAKES_WEIGHTS: Final[dict[str, Callable[[nn.Module, Path, Batches], None]]] = {
    "resnet29": lambda network, file, data: load_face_weights(
        network, file, data.normalised(_FIRST_FACES), data.regions[_FIRST_FACES]
    ),
    "resnet50": lambda network, file, data: load_imagenet_weights(network, "resnet50", file),
    "inception_v3": lambda network, file, data: load_imagenet_weights(network, "inception_v3", file),
}
"""Backbones that may begin with a file of weights that others trained, and what puts these in."""

EpochReport = Callable[[dict[str, Any]], None]
"""Called after each epoch with its line of the log."""


def train(
    recipe: Recipe,
    faces: AlignedFaces,
    run: Run,
    resume: bool = False,
    report: EpochReport = lambda row: None,
    start: Run | Path | None = None,
    beside: Beside = NOTHING,
) -> dict[str, Any]:
    """Train one network, choosing its epoch on PublicTest.

    The run depends on recipe and data alone: interrupted and resumed it ends with the same weights.

    Args:
        recipe: every knob.
        faces: aligned faces with Training and PublicTest; PrivateTest is never looked at.
        run: folder of the run.
        resume: go on from the newest checkpoint.
        report: called with each epoch.
        start: a run, an exported network or a file for `TAKES_WEIGHTS`; named by `recipe.started_from`.
        beside: what else is known of the faces of Training.

    Returns:
        The log line of the best epoch.

    Raises:
        DataUnreadable: A split is empty.
        TrainingDiverged: The loss is no number; the last checkpoint is good.
        RunUnusable: The folder does not fit.
        SaveFailed: A file could not be written; the last checkpoint is good.
        ModelRefused, WeightsUnusable: The file to begin with is missing or does not fit.
    """
    batches, judge = Batches(recipe, faces.of(Split.TRAINING), beside), Batches(recipe, faces.of(Split.PUBLIC_TEST))
    learning = begin(recipe, run, resume, start, batches)
    history = learning.history
    while len(history) < recipe.epochs and not is_done(recipe, history):
        epoch, began, cpu_began = len(history), time.perf_counter(), time.process_time()
        loss = train_epoch(recipe, learning, batches)
        row = {"epoch": epoch + 1, "loss": loss, **validate(recipe, learning.averaged, judge)}
        check_finite(row["validation_loss"], epoch)
        row["learning_rate"] = learning.optimiser.param_groups[0]["lr"]
        row["seconds"] = round(time.perf_counter() - began, 1)
        row["cpu_seconds"] = round(time.process_time() - cpu_began, 1)
        is_best = all(row["accuracy"] > other["accuracy"] for other in history)
        history.append(row)
        if is_best:
            run.save_checkpoint("best.pt", {"model": learning.averaged.state_dict(), "epoch": epoch + 1})
        run.save_checkpoint("last.pt", learning.checkpoint())
        run.save_log(history)
        report(row)
    return max(history, key=lambda row: row["accuracy"])


class Learning:
    """All that changes while a network learns: weights, their average, the optimiser's momenta, the log."""

    def __init__(self, recipe: Recipe) -> None:
        torch.manual_seed(recipe.seed)
        self.model = build_network(recipe).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = deepcopy(self.model)
        self.optimiser = make_optimiser(recipe, self.model)
        self.history: list[dict[str, Any]] = []

    def checkpoint(self) -> dict[str, Any]:
        """Give everything that resuming needs."""
        parts = {"model": self.model, "averaged": self.averaged, "optimiser": self.optimiser}
        return {name: part.state_dict() for name, part in parts.items()} | {"history": self.history}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a checkpoint."""
        self.model.load_state_dict(state["model"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.history = state["history"]


def begin(recipe: Recipe, run: Run, resume: bool, start: Run | Path | None, data: Batches) -> Learning:
    """Start from random weights, from others, or from the newest checkpoint; see `train`."""
    state = run.start(recipe, resume)
    learning = Learning(recipe)
    if state is not None:
        learning.restore(state)
    elif isinstance(start, Path):
        if start.suffix == ".onnx":
            begin_with(learning.model, start)
        else:
            TAKES_WEIGHTS[recipe.backbone](learning.model, start, data)
        learning.averaged.load_state_dict(learning.model.state_dict())
    elif start is not None:
        checkpoint = CHECKPOINTS[recipe.starts_with]
        start.load_weights(learning.model, checkpoint)
        start.load_weights(learning.averaged, checkpoint, "averaged" if recipe.starts_with == "newest" else "model")
    return learning


def train_epoch(recipe: Recipe, learning: Learning, data: Batches) -> float:
    """Show every training face once; return the mean loss.

    Raises:
        TrainingDiverged: The loss is no number any more.
    """
    epoch, model, optimiser = len(learning.history), learning.model, learning.optimiser
    # All randomness of an epoch hangs on seed and epoch, so that a resumed run repeats it; no run has 100,003
    # epochs, so no two pairs of them share it.
    torch.manual_seed(recipe.seed * 100_003 + epoch)
    generator = Generator().manual_seed(recipe.seed * 100_003 + epoch)
    mirrored_regions = mirror_order(REGIONS)
    spec = CropSpec()
    order = torch.randperm(len(data), generator=generator).split(recipe.batch_size)  # type: ignore[no-untyped-call]
    model.train()
    losses = []
    for step, rows in enumerate(order):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(recipe, epoch + step / len(order), learning.history)
        crops, regions, inside = data.shown(rows, generator)
        crops, regions = augment(crops, regions, inside, recipe.augmentation, mirrored_regions, generator)
        crops, regions, fer7, ferplus8 = mix(
            (crops, regions, data.fer7[rows], data.ferplus8[rows]), recipe.mixup_share, recipe.mixup_alpha, generator
        )
        faces = (crops - spec.mean) / spec.std, regions, fer7, ferplus8
        optimiser.zero_grad()
        losses.append(add_gradients(recipe, model, *faces))
        check_finite(losses[-1], epoch)
        if recipe.sharpness_radius:
            with sam_perturbation(model, recipe.sharpness_radius):
                optimiser.zero_grad()
                add_gradients(recipe, model, *faces)
        optimiser.step()
        done = epoch * len(order) + step
        # A short memory at first, else the average would hold random weights for epochs.
        follow(learning.averaged, model, min(recipe.ema_decay, (1 + done) / (10 + done)))
    return float(np.mean(losses))


def add_gradients(
    recipe: Recipe, model: nn.Module, crops: Tensor, regions: Tensor, fer7: Tensor, ferplus8: Tensor
) -> float:
    """Add the gradient of both heads' loss on a batch to the parameters' gradients; return the loss."""
    scores = logits(recipe, model, crops, regions)
    loss = soft_cross_entropy(scores[0], fer7, recipe.label_smoothing)
    if recipe.ferplus_weight:
        loss = loss + recipe.ferplus_weight * soft_cross_entropy(scores[1], ferplus8, recipe.label_smoothing)
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.item()


def check_finite(loss: float, epoch: int) -> None:
    """Refuse to go on, or to save weights, with a loss that is no number.

    Raises:
        TrainingDiverged: The loss is infinite or not a number.
    """
    if not np.isfinite(loss):
        raise TrainingDiverged(
            f"the loss is {loss} in epoch {epoch + 1}: lower the learning rate; the last checkpoint is good"
        )


def logits(recipe: Recipe, model: nn.Module, crops: Tensor, regions: Tensor) -> tuple[Tensor, Tensor]:
    """Run the network in the recipe's precision; logits come back in float32."""
    with torch.autocast("cpu", torch.bfloat16, enabled=recipe.precision == "bf16"):
        fer7, ferplus8 = model(crops.contiguous(memory_format=torch.channels_last), regions)
    return fer7.float(), ferplus8.float()


def soft_cross_entropy(scores: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    """Mean cross-entropy against shares (N, C); rows whose target is all zero cost nothing and are not smoothed."""
    smoothed = targets * (1 - smoothing) + targets.sum(1, keepdim=True) * smoothing / targets.shape[1]
    return -(smoothed * functional.log_softmax(scores, 1)).sum(1).mean()


def make_optimiser(recipe: Recipe, model: nn.Module) -> torch.optim.Optimizer:
    """Build the optimiser; L2 acts on matrices and kernels, not on biases and norms."""
    parameters = list(model.parameters())
    groups = [
        {"params": [parameter for parameter in parameters if parameter.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [parameter for parameter in parameters if parameter.ndim <= 1], "weight_decay": 0.0},
    ]
    if recipe.optimiser == "adam":
        return torch.optim.Adam(groups, lr=recipe.learning_rate)
    return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=0.9, nesterov=True)


@torch.no_grad()
def follow(averaged: nn.Module, model: nn.Module, decay: float) -> None:
    """Move the averaged weights and running statistics a step towards the trained ones; decay 0 copies them."""
    for mean, value in zip(averaged.state_dict().values(), model.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(value, 1 - decay)
        else:
            mean.copy_(value)


@torch.no_grad()
def validate(recipe: Recipe, model: nn.Module, data: Batches) -> dict[str, float]:
    """Measure accuracy and cross-entropy of the seven-class head, without augmentation."""
    fer7 = score(recipe, model, data)
    hits = (fer7.argmax(1) == data.labels).float()
    return {
        "accuracy": hits.sum().item() / len(data),
        "validation_loss": functional.cross_entropy(fer7, data.labels).item(),
    }


@torch.no_grad()
def score(recipe: Recipe, model: nn.Module, data: Batches) -> Tensor:
    """Return the (N, 7) logits of the seven-class head for a split, without augmentation."""
    model.eval()
    return torch.cat(
        [
            logits(recipe, model, data.normalised(rows), data.regions[rows])[0]
            for rows in torch.arange(len(data)).split(256)  # type: ignore[no-untyped-call]
        ]
    )
