"""Faces as others cut them out: by the Haar cascade that OpenCV carries, for five expressions of people in groups."""

from dataclasses import replace
from typing import Final

import cv2
import cv2.data
import numpy as np

from build_engine.data.landmarks import SEARCH_PX, AlignedFaces, Progress
from engine.expressions import FER7, Expression

FIVE: Final = (Expression.ANGRY, Expression.HAPPY, Expression.SAD, Expression.SURPRISE, Expression.NEUTRAL)
"""The paper says that a crowd's network reads five expressions, not which: here the seven without disgust, which is
rare, and fear, which is read worst."""

_CASCADE: Final = "haarcascade_frontalface_default.xml"
_SMALLEST_SHARE = 0.4
"""A face in FER-2013 fills its picture: what is smaller is none."""


def group_faces(faces: AlignedFaces, progress: Progress = lambda done, total: None) -> tuple[AlignedFaces, float]:
    """Keep the faces that show one of `FIVE`, cut out by the cascade instead of the mesh.

    Args:
        faces: faces of any splits.
        progress: called now and then.

    Returns:
        These faces, upright as they stand and without landmarks, and the share in which the cascade found a face; the
        others keep their picture as it is.
    """
    chosen = faces.rows(np.isin(faces.labelled.labels, [FER7.index(name) for name in FIVE]))
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + _CASCADE)
    crops, found = np.empty_like(chosen.crops), 0
    size_px = crops.shape[1]
    for index, image in enumerate(chosen.labelled.images):
        enlarged = cv2.resize(image, (SEARCH_PX, SEARCH_PX), interpolation=cv2.INTER_CUBIC)
        smallest = round(_SMALLEST_SHARE * SEARCH_PX)
        boxes = cascade.detectMultiScale(enlarged, 1.1, 3, minSize=(smallest, smallest))
        if len(boxes):
            found += 1
            left, top, width, height = max(boxes, key=lambda box: box[2] * box[3])
            enlarged = enlarged[top : top + height, left : left + width]
        crops[index] = cv2.resize(enlarged, (size_px, size_px), interpolation=cv2.INTER_AREA)
        if index % 500 == 0:
            progress(index, len(crops))
    bare = replace(
        chosen, crops=crops, regions=np.zeros_like(chosen.regions), landmarks=np.full_like(chosen.landmarks, np.nan)
    )
    return bare, found / max(len(crops), 1)
