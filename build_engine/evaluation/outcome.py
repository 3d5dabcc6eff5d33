"""What one run of a comparison came to: measured once at its end, kept in its folder, never measured again."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from build_engine.data.dataset import has_majority, vote_shares
from build_engine.data.labelled_faces import Split
from build_engine.data.landmarks import AlignedFaces
from build_engine.errors import RunUnusable
from build_engine.evaluation.metrics import confusion, figures
from build_engine.files import save
from engine.expressions import FER7

Classes = NDArray[np.int64]
"""(N,) a class a face."""

Hits = NDArray[np.bool_]
"""(N,) which faces were read as they are labelled."""

TIMED_FACES = 8
"""A call that is timed reads so many, as a bot's does."""
_TURNS = 20


class Reader(NamedTuple):
    """A contestant that has learned."""

    read: Callable[[AlignedFaces], tuple[Classes, Classes | None]]
    """Reads faces: indices into `FER7`, and into `FERPLUS8` if it learned votes too."""
    once: Callable[[AlignedFaces], object]
    """What is timed: the same without what only the votes cost."""
    weights: int


class Effort(NamedTuple):
    """What learning cost."""

    epochs: int
    """0 where nothing is learned in epochs."""
    cpu_hours: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """Figures of one run; shares lie in [0, 1]."""

    rival: str
    seed: int
    epochs: int
    """See `Effort`."""
    found: float
    """Share of the faces that were found by what cut them out; the others are whole pictures."""
    public: float
    """Accuracy on PublicTest, which chose the epoch."""
    private: float
    """Accuracy on PrivateTest, read once, here."""
    macro_f1: float
    """On PrivateTest."""
    ferplus: float | None
    """On the faces of PrivateTest on which more than half of the annotators agree; None without votes."""
    weights: int
    ms_per_face: float
    """CPU time of one thread, features included, landmarks not: least of some turns with `TIMED_FACES` faces."""
    cpu_hours: float
    """Of learning."""
    hits: str
    """Which faces of PublicTest were read rightly, a bit each, in hexadecimal."""
    faces: int
    """How many faces PublicTest has."""

    @property
    def public_hits(self) -> Hits:
        """(faces,) which of PublicTest were read as they are labelled."""
        bits = np.unpackbits(np.frombuffer(bytes.fromhex(self.hits), np.uint8), count=self.faces)
        return bits.astype(np.bool_)

    def save(self, path: Path) -> None:
        """Write it whole or not at all.

        Raises:
            SaveFailed: The disk is full or the folder cannot be written.
        """
        save(path, (json.dumps(asdict(self)) + "\n").encode())

    @classmethod
    def load(cls, path: Path) -> "Outcome | None":
        """Read it back; None where there is none yet.

        Raises:
            RunUnusable: The file is broken, or of another version.
        """
        try:
            values = json.loads(path.read_text("utf-8"))
            return cls(**{field.name: values[field.name] for field in fields(cls)})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunUnusable(f"{path} is no outcome of a run ({error}): remove it to measure the run again") from error


def measure(reader: Reader, faces: AlignedFaces, *, found: float, rival: str, seed: int, effort: Effort) -> Outcome:
    """Read both test splits, and time a call.

    Args:
        reader: the contestant.
        faces: of all splits.
        found: share of the faces that were found by what cut them out.
        rival: its name.
        seed: of its run.
        effort: what it cost to learn.
    """
    public, private = faces.of(Split.PUBLIC_TEST), faces.of(Split.PRIVATE_TEST)
    hits = reader.read(public)[0] == public.labelled.labels
    fer7, ferplus8 = reader.read(private)
    said = figures(confusion(private.labelled.labels, fer7, len(FER7)))
    return Outcome(
        rival=rival,
        seed=seed,
        epochs=effort.epochs,
        found=found,
        public=float(hits.mean()),
        private=said.accuracy,
        macro_f1=said.macro_f1,
        ferplus=None if ferplus8 is None else _agreement(ferplus8, private),
        weights=reader.weights,
        ms_per_face=ms_per_face(reader, public),
        cpu_hours=effort.cpu_hours,
        hits=np.packbits(hits).tobytes().hex(),
        faces=len(hits),
    )


def _agreement(read: Classes, faces: AlignedFaces) -> float | None:
    agreed = has_majority(faces.labelled.votes)
    if not agreed.any():
        return None
    return float((read == vote_shares(faces.labelled.votes)[0].argmax(1))[agreed].mean())


def ms_per_face(reader: Reader, faces: AlignedFaces) -> float:
    """Time calls with the first faces by the CPU seconds of this process: other programs do not count."""
    few = faces.rows(np.arange(len(faces.labelled)) < TIMED_FACES)
    reader.once(few)
    seconds = []
    for _ in range(_TURNS):
        began = time.process_time()
        reader.once(few)
        seconds.append(time.process_time() - began)
    return 1000 * min(seconds) / len(few.labelled)
