"""The classifiers that came before networks, on histograms of oriented gradients: fitted once, with nothing chosen."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from build_engine.data.dataset import vote_shares
from build_engine.data.labelled_faces import LabelledFaces
from build_engine.evaluation.outcome import Classes
from build_engine.networks.handmade import hog


@dataclass(frozen=True, slots=True)
class _Method:
    made: Callable[[int], Any]
    """Makes the classifier for a seed."""
    kept: tuple[str, ...]
    """Attributes that hold what it learned."""


METHODS: Final[dict[str, _Method]] = {
    "logistic": _Method(lambda seed: LogisticRegression(C=0.1, max_iter=300), ("coef_", "intercept_")),
    "lda": _Method(lambda seed: LinearDiscriminantAnalysis(), ("coef_", "intercept_")),
    "knn": _Method(lambda seed: KNeighborsClassifier(15, weights="distance", algorithm="brute"), ("_fit_X", "_y")),
    "tree": _Method(lambda seed: DecisionTreeClassifier(max_depth=12, random_state=seed), ("tree_.threshold",)),
    "bayes": _Method(lambda seed: GaussianNB(), ("theta_", "var_", "class_prior_")),
    "svm": _Method(lambda seed: SVC(C=2.0, cache_size=1000), ("support_vectors_", "dual_coef_", "intercept_")),
}
"""By their names in `compare`; the settings are usual ones, and were not tuned on any split."""

SVM_NUMBERS: Final = 128
"""The SVM reads so many principal components of the standardised histograms: its time grows with each number."""


class Classical:
    """A fitted classifier for labels, and one alike for the most frequent FERPlus votes."""

    def __init__(self, name: str, seed: int, faces: LabelledFaces, crops: NDArray[np.uint8]) -> None:
        """Fit both.

        Args:
            name: a key of `METHODS`.
            seed: of what is drawn; most methods draw nothing.
            faces: the N faces of Training.
            crops: (N, 48, 48) of them.
        """
        self._method = METHODS[name]
        described = hog(crops)
        steps = [StandardScaler()]
        if name == "svm":
            steps.append(PCA(min(SVM_NUMBERS, len(described)), random_state=seed))
        self._prepared = make_pipeline(*steps).fit(described)
        numbers = self._prepared.transform(described)
        self._fer7 = self._method.made(seed).fit(numbers, faces.labels)
        shares, counts = vote_shares(faces.votes)
        self._ferplus8 = None
        if counts.any():
            self._ferplus8 = self._method.made(seed).fit(numbers[counts], shares[counts].argmax(1))

    def read(self, crops: NDArray[np.uint8]) -> Classes:
        """Read crops (N, 48, 48): indices into `FER7`."""
        return self._fer7.predict(self._prepared.transform(hog(crops)))  # type: ignore[no-any-return]

    def read_votes(self, crops: NDArray[np.uint8]) -> Classes | None:
        """Read crops (N, 48, 48): indices into `FERPLUS8`; None where the training faces had no votes."""
        if self._ferplus8 is None:
            return None
        return self._ferplus8.predict(self._prepared.transform(hog(crops)))  # type: ignore[no-any-return]

    @property
    def weights(self) -> int:
        """How many numbers the classifier of the labels keeps, without those that prepare the histograms."""
        total = 0
        for path in self._method.kept:
            value = self._fer7
            for part in path.split("."):
                value = getattr(value, part)
            total += np.size(value)
        return total
