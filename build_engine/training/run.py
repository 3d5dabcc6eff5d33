"""The folder of a training run: recipe, checkpoints, log and curves, each written whole or not at all.

recipe.json   every knob
last.pt       the newest epoch, with all that resuming needs
best.pt       averaged weights of the epoch that was best on PublicTest
log.jsonl     a line for each epoch
curves.png    loss and accuracy over the epochs
"""

import hashlib
import json
import pickle
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import torch

from build_engine.errors import RunUnusable
from build_engine.files import save
from build_engine.recipe import Recipe

CHECKPOINTS: Final = {"best": "best.pt", "newest": "last.pt"}
"""File of each choice of `Recipe.starts_with`."""


class Run:
    """One run's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self, recipe: Recipe, resume: bool) -> dict[str, Any] | None:
        """Open the folder for training.

        Args:
            recipe: what will be trained; must be that of the folder when resuming.
            resume: go on from `last.pt`.

        Returns:
            The newest checkpoint, or None when the run begins.

        Raises:
            RunUnusable: The folder holds a run and `resume` is false, or a run of another recipe, or none to resume.
            SaveFailed: The folder cannot be written.
        """
        if resume:
            before = Recipe.load(self.folder / "recipe.json")
            if before != recipe:
                raise RunUnusable(
                    f"{self.folder} was trained by another recipe: resume with the same one, or use another folder"
                )
            return self.load("last.pt")
        if self.begun:
            raise RunUnusable(f"{self.folder} holds a run already: add --resume, or name another folder")
        save(self.folder / "recipe.json", recipe.to_json().encode())
        return None

    @property
    def begun(self) -> bool:
        """Whether there is a finished epoch to go on from."""
        return (self.folder / "last.pt").exists()

    def recipe(self) -> Recipe:
        """Read the recipe.

        Raises:
            RunUnusable: There is none, or it is of another version.
        """
        return Recipe.load(self.folder / "recipe.json")

    def save_checkpoint(self, name: str, state: dict[str, Any]) -> None:
        """Write a checkpoint; the one before stays intact until the new one is whole.

        Raises:
            SaveFailed: The disk is full or the folder cannot be written.
        """
        buffer = BytesIO()
        torch.save(state, buffer)
        save(self.folder / name, buffer.getvalue())

    def load(self, name: str) -> dict[str, Any]:
        """Read a checkpoint.

        Raises:
            RunUnusable: It is missing or broken.
        """
        path = self.folder / name
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except FileNotFoundError as error:
            raise RunUnusable(f"{path} does not exist: train first, or name another run") from error
        except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
            raise RunUnusable(f"{path} is broken: train again, or name another run") from error
        return state

    def digest(self, name: str = "best.pt") -> str:
        """Compute the SHA-256 of a checkpoint, in hexadecimal.

        Raises:
            RunUnusable: There are none.
        """
        try:
            return hashlib.sha256((self.folder / name).read_bytes()).hexdigest()
        except OSError as error:
            raise RunUnusable(f"{self.folder}/{name} cannot be read ({error.strerror}): train first") from error

    def load_weights(self, network: torch.nn.Module, checkpoint: str = "best.pt", part: str = "model") -> None:
        """Put weights into a network: `model`, or `averaged`, which only `last.pt` holds beside it.

        Raises:
            RunUnusable: There are none, or they do not fit.
        """
        try:
            network.load_state_dict(self.load(checkpoint)[part])
        except (RuntimeError, KeyError) as error:
            raise RunUnusable(f"{self.folder}/{checkpoint} does not fit its recipe: train again") from error

    def save_log(self, history: list[dict[str, Any]]) -> None:
        """Write one JSON line for each epoch.

        Raises:
            SaveFailed: The disk is full or the folder cannot be written.
        """
        save(self.folder / "log.jsonl", "".join(json.dumps(row) + "\n" for row in history).encode())
