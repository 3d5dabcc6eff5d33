"""Figures of a run and of an evaluation, as PNG."""

import json
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from build_engine.files import save

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_curves(folder: Path) -> Path:
    """Draw loss and accuracy over the epochs from a run's log.

    Args:
        folder: folder of the run; holds `log.jsonl`.

    Returns:
        Path of `curves.png` in the folder.

    Raises:
        SaveFailed: The picture cannot be written.
    """
    from matplotlib.figure import Figure

    rows = [json.loads(line) for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]
    epochs = [row["epoch"] for row in rows]
    figure = Figure(figsize=(10, 4), layout="constrained")
    losses, accuracies = figure.subplots(1, 2)
    losses.plot(epochs, [row["loss"] for row in rows], label="training, all heads, augmented")
    losses.plot(epochs, [row["validation_loss"] for row in rows], label="PublicTest, seven classes")
    losses.set(xlabel="epoch", ylabel="cross-entropy")
    losses.legend()
    accuracies.plot(epochs, [row["accuracy"] for row in rows])
    accuracies.set(xlabel="epoch", ylabel="accuracy on PublicTest")
    return save_figure(figure, folder / "curves.png")


def draw_confusion(counts: NDArray[np.int64], classes: tuple[str, ...], path: Path) -> Path:
    """Draw a confusion matrix, each row in shares of its true class.

    Args:
        counts: (C, C), rows true, columns read.
        classes: C names.
        path: PNG to write.

    Returns:
        The path.

    Raises:
        SaveFailed: The picture cannot be written.
    """
    from matplotlib.figure import Figure

    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    figure = Figure(figsize=(6, 5.5), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right")
    axes.set_yticks(range(len(classes)), classes)
    axes.set(xlabel="read", ylabel="labelled")
    for (row, column), share in np.ndenumerate(shares):
        axes.text(column, row, f"{share:.2f}", ha="center", va="center", color="white" if share > 0.5 else "black")
    return save_figure(figure, path)


def save_figure(figure: "Figure", path: Path) -> Path:
    """Write a figure as PNG.

    Raises:
        SaveFailed: The picture cannot be written.
    """
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    save(path, buffer.getvalue())
    return path
