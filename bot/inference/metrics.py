"""What batching and the engine count; whoever serves `/metrics` of this process serves these."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

BATCH_FACES: Final = Histogram(
    "classpulse_batch_faces", "Faces in one call of the expression network.", buckets=(1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
)
WAIT_S: Final = Histogram(
    "classpulse_batch_wait_seconds",
    "How long a face waited for its batch.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
)
INFERENCE_S: Final = Histogram(
    "classpulse_inference_seconds",
    "How long one call of the expression network took.",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
)
DEPTH: Final = Gauge("classpulse_batch_depth", "Faces that wait for their batch now.")
OUTDATED: Final = Counter("classpulse_faces_outdated", "Faces dropped because a newer one of the same person came.")
ENGINE_AWAY: Final = Gauge("classpulse_engine_away", "1 while the shared engine of this machine does not answer.")
UNSCORED: Final = Counter("classpulse_faces_unscored", "Faces that no network read because the engine was away.")
