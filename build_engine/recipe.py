"""Every knob of a training run, and the recipes that have a name."""

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from build_engine.errors import RunUnusable


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How strongly a training crop is changed each time it is seen; zeros leave it as it is."""

    mirror_share: float = 0.0
    """Share of the crops that are mirrored."""
    rotate_deg: float = 0.0
    """Largest rotation to either side."""
    shift_share: float = 0.0
    """Largest shift in either direction, in crop widths."""
    scale_share: float = 0.0
    """Largest change of size: 0.1 draws from [0.9, 1.1]."""
    brightness: float = 0.0
    """Largest offset added to the grey values, which lie in [0, 1]."""
    contrast: float = 0.0
    """Largest change of contrast: 0.2 draws factors from [0.8, 1.2]."""
    blur_share: float = 0.0
    """Share of the crops that are blurred by a 3x3 binomial kernel."""
    erase_share: float = 0.0
    """Share of the crops of which one rectangle is painted with their mean."""
    low_resolution_share: float = 0.0
    """Share of the crops that lose their fine detail, as a face far from its camera has."""
    compression_share: float = 0.0
    """Share of the crops that go through the coarse steps of a video codec."""
    other_wall_share: float = 0.0
    """Share of the crops that stand before another wall, where they show more than their picture had."""
    no_regions_share: float = 0.0
    """Share of the crops whose region maps are emptied, so that a network learns to read without landmarks too."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One training run, completely: the same recipe on the same data gives the same weights."""

    name: str
    crops: Literal["aligned", "raw"] = "aligned"
    """Aligned crops are what serving reads; raw images only serve to measure what alignment is worth."""
    seed: int = 1
    epochs: int = 13
    batch_size: int = 128
    optimiser: Literal["adam", "sgd"] = "sgd"
    """`sgd` is with Nesterov momentum 0.9."""
    learning_rate: float = 0.05
    """The highest of the run under `one_cycle`, the first under `plateau`."""
    weight_decay: float = 5e-4
    """L2 penalty on weights of convolutions and linear layers; biases and batch norms carry none."""
    schedule: Literal["one_cycle", "plateau", "stable", "decay"] = "one_cycle"
    """`stable` keeps the rate after its rise: such a run may be stopped, or go on, at any epoch; `decay` falls from the
    first step and makes the network that ships out of the newest weights of a stable run."""
    warmup_share: float = 0.15
    """Share of a one-cycle or stable run in which the learning rate rises."""
    plateau_factor: float = 0.5
    plateau_patience: int = 7
    """Epochs without a lower validation loss before the learning rate is multiplied by `plateau_factor`."""
    stop_delta: float = 0.00005
    stop_patience: int = 0
    """Epochs without a validation accuracy higher by `stop_delta` before the run ends; 0 never ends it early."""
    backbone: Literal["static", "vgg", "resnet18", "resnet29", "resnet50", "inception_v3"] = "static"
    """`static` is the plain CNN of the paper's text, whole; the others give a grid to the attention. `resnet29` may
    begin with weights that know faces, `resnet50` and `inception_v3` with weights that know pictures."""
    attention: Literal["none", "plain", "landmark", "cbam"] = "none"
    """Self-attention over the grid, and over channels: none, from pixels alone, or guided by landmarks. `cbam` is
    another kind, inside each block of `resnet18`, to compare with."""
    attention_heads: int = 8
    pooling: Literal["mean", "regions"] = "mean"
    """What the heads read: the mean over the grid, or beside it the mean over each facial region."""
    tower: Literal["none", "edges", "lbp", "sift", "hog"] = "none"
    """What a second, small tower reads beside the trunk, to compare with: features made by hand."""
    widths: tuple[int, int, int, int] = (32, 64, 128, 256)
    """Channels of the four stages."""
    last_blocks: int = 1
    """Residual blocks of `resnet18`'s last stage, which does not stride here: a second one is a third of all work."""
    hidden: int = 128
    """Width of the static network's fully connected layer."""
    batch_norm: bool = True
    """Batch norm after each convolution of the static network; the paper's text names none."""
    dropout: float = 0.3
    label_smoothing: float = 0.05
    votes_share: float = 0.4
    """Share of the FERPlus votes in the target of the seven-class head, where a face has votes."""
    ferplus_weight: float = 0.5
    """Weight of the eight-class head's loss beside the seven-class head's."""
    mixup_share: float = 0.0
    """Share of the batches in which each face is mixed with another one, and their targets with them."""
    mixup_alpha: float = 0.3
    """The shares of the mix are drawn from Beta(alpha, alpha)."""
    sharpness_radius: float = 0.0
    """How far away in weights each step looks for the highest loss, to lower that one (Foret et al. 2021, SAM): flat
    minima bear labels that are wrong better. Doubles the work of a step; 0 lowers the loss where it stands."""
    ema_decay: float = 0.998
    """Decay a step of the averaged weights that are validated and exported; 0 uses the raw ones."""
    precision: Literal["bf16", "fp32"] = "bf16"
    starts_with: Literal["best", "newest"] = "best"
    """Which weights of the run that this one starts from: the averaged ones of its best epoch, or its newest."""
    started_from: str = ""
    """Digest of what this run starts from, another run's checkpoint or a file of weights; empty: random weights."""
    teachers: tuple[str, ...] = ()
    """Digests of the networks whose readings of the training faces are learned too."""
    teachers_share: float = 0.0
    """Share of their mean reading in the target of the seven-class head (Hinton et al. 2015, "Distilling the
    knowledge in a neural network")."""
    filmed_faces: int = 0
    """So many of the training faces, drawn once, are sent through a video (`data/video.py`)."""
    filmed_share: float = 0.5
    """Share of these that are shown as they came back, each time they are seen."""
    augmentation: Augmentation = Augmentation()

    def to_json(self) -> str:
        """Write the recipe as indented JSON."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Recipe":
        """Read a recipe back from the values of its JSON.

        Raises:
            RunUnusable: A knob is unknown or missing: another version of this package wrote the recipe.
        """
        try:
            augmentation = Augmentation(**values["augmentation"])
            tuples: dict[str, Any] = {name: tuple(values[name]) for name in ("widths", "teachers") if name in values}
            return cls(**{**values, **tuples, "augmentation": augmentation})
        except (KeyError, TypeError) as error:
            known = ", ".join(field.name for field in fields(cls))
            raise RunUnusable(f"the recipe does not fit this version ({error}); known knobs: {known}") from error

    @classmethod
    def load(cls, path: Path) -> "Recipe":
        """Read a recipe file.

        Raises:
            RunUnusable: The file is missing, no JSON, or of another version.
        """
        try:
            values = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise RunUnusable(f"{path} is no recipe ({error}): train first, or name another run") from error
        return cls.from_dict(values)


PAPER = Recipe(
    name="paper",
    epochs=100,
    batch_size=32,
    optimiser="adam",
    learning_rate=1e-4,
    weight_decay=1e-4,
    schedule="plateau",
    stop_patience=11,
    batch_norm=False,
    dropout=0.5,
    label_smoothing=0.0,
    votes_share=0.0,
    ferplus_weight=0.0,
    ema_decay=0.0,
    augmentation=Augmentation(mirror_share=0.5, rotate_deg=10.0, brightness=0.1, contrast=0.1, blur_share=0.2),
)
"""Khalid et al. 2025, section on training; the strength of L2 and of each augmentation is ours, the text gives none.

Saturation, named there too, has no meaning for grey images; a change of contrast stands in.
"""

STATIC = Recipe(
    name="static",
    augmentation=Augmentation(
        mirror_share=0.5, rotate_deg=10.0, shift_share=0.06, scale_share=0.1, brightness=0.1, contrast=0.2,
        blur_share=0.1, erase_share=0.1,
    ),
)  # fmt: skip
"""The first cycle of the network that ships: 13 epochs of about a minute on two free cores."""

SECOND = replace(STATIC, name="static-second", epochs=11, dropout=0.2)
"""The second cycle, for `--start-from` the first, which was still under-fitted: its training loss fell to the end."""

LABELS = replace(SECOND, name="static-labels", epochs=4, learning_rate=0.02, votes_share=0.0, ferplus_weight=1.0)
"""The third cycle, for `--start-from` the second: labels alone in the seven-class target.

With votes mixed in, the network read neutral in 28.5 % of PublicTest, where 16.9 % are labelled so; a linear map fitted
onto its logits won back two points.
"""

STEADY = Recipe(
    name="steady",
    epochs=400,
    schedule="stable",
    warmup_share=0.005,
    backbone="resnet18",
    attention="landmark",
    dropout=0.2,
    votes_share=0.0,
    ferplus_weight=1.0,
    ema_decay=0.999,
    augmentation=Augmentation(
        mirror_share=0.5, rotate_deg=10.0, shift_share=0.06, scale_share=0.08, brightness=0.1, contrast=0.2,
        blur_share=0.05, erase_share=0.1, low_resolution_share=0.05, compression_share=0.1, no_regions_share=0.05,
    ),
)  # fmt: skip
"""The long run, over as many evenings as there are: warm-up, then a steady rate (Hu et al. 2024, MiniCPM, section 4).

The averaged weights of a steady run are usable at any epoch; `steady-decay` makes the last points out of them. The
votes teach the trunk by the second head alone, as in `static-labels`. Half the widths of ResNet-18: an epoch costs a
third of its time, and two cores under-fit either.
"""

STEADY_DECAY = replace(STEADY, name="steady-decay", epochs=9, schedule="decay", starts_with="newest")
"""The end of the long run, for `--start-from runs/steady`: the rate falls to nothing."""

BEST = replace(
    STEADY, name="best", last_blocks=2, pooling="regions",
    augmentation=replace(STEADY.augmentation, shift_share=0.08, scale_share=0.1, erase_share=0.25),
)  # fmt: skip
"""The long run goes on, for `--start-from FILE.onnx`, what `steady` and `steady-decay` gave: both blocks of ResNet-18's
last stage, heads that read each facial region.

Their 38 epochs read 78.6 % of the training faces rightly and 70.0 % of PublicTest, so faces are changed more here.
"""

DECAY = replace(
    BEST, name="best-decay", epochs=16, learning_rate=0.04, schedule="decay", starts_with="newest",
    sharpness_radius=0.1, augmentation=replace(BEST.augmentation, other_wall_share=0.5),
)  # fmt: skip
"""Its end, for `--start-from runs/best`: the rate falls to nothing while each step lowers the highest loss nearby.

Without that, 24 epochs read 88.3 % of the training faces rightly and their loss on PublicTest rose from 0.82 to 0.89.
"""

FILMED = replace(
    DECAY, name="best-filmed", epochs=5, learning_rate=0.02, ema_decay=0.997, starts_with="best", teachers_share=0.5,
    filmed_faces=6_000, filmed_share=0.9,
)  # fmt: skip
"""What ships goes on, for `--start-from` and `--teacher` an exported network: faces as today's landmarks cut them out,
many of them filmed, whose target is half the label and half what the teacher reads in the picture."""

KNOWN_FACES = replace(STEADY, name="known-faces", backbone="resnet29", learning_rate=0.02, teachers_share=0.5)
"""The same from weights that distinguish people, for `--weights`; with `--teacher`, half of the target is what networks
of ours read in the training faces."""

KNOWN_FACES_DECAY = replace(KNOWN_FACES, name="known-faces-decay", epochs=10, schedule="decay", starts_with="newest")
"""The end of that run, for `--start-from runs/known-faces`."""

KNOWN_PICTURES = replace(KNOWN_FACES, name="known-pictures", backbone="resnet50", widths=(64, 128, 256, 512))
"""The same from torchvision's weights, for `--weights`; `--backbone inception_v3` takes that network instead."""

STUDY = replace(
    STEADY, name="study", epochs=12, schedule="one_cycle", warmup_share=STATIC.warmup_share, ema_decay=STATIC.ema_decay
)
"""A small equal budget for comparisons: `build-engine compare` and `split-study` change one thing of it at a time."""

SMOKE = replace(
    STEADY, name="smoke", epochs=3, batch_size=8, schedule="one_cycle", widths=(8, 8, 16, 16), attention_heads=2,
    ema_decay=0.5, precision="fp32",
)  # fmt: skip
"""Shows that the chain runs; its accuracy means nothing."""

_NAMED = (
    PAPER, STATIC, SECOND, LABELS, STEADY, STEADY_DECAY, BEST, DECAY, FILMED, KNOWN_FACES, KNOWN_FACES_DECAY,
    KNOWN_PICTURES, STUDY, SMOKE,
)  # fmt: skip
RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in _NAMED}
