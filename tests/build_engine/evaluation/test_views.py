"""Teachers look twice."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from build_engine.data.augment import mirror_order
from build_engine.data.landmarks import AlignedFaces
from build_engine.evaluation.evaluate import read
from build_engine.evaluation.metrics import without_offsets
from build_engine.evaluation.views import read_both_ways
from engine.crops import REGIONS
from engine.manifest import load_manifest, write_manifest
from engine.runtimes import load_runtime


def test_face_and_its_mirror_image_teach_the_same(exported: Path, faces: AlignedFaces) -> None:
    order = mirror_order(REGIONS).numpy()
    mirrored = replace(faces, crops=faces.crops[..., ::-1], regions=faces.regions[:, order, :, ::-1])
    with load_runtime(exported) as runtime:
        one, other = read_both_ways(runtime, faces), read_both_ways(runtime, mirrored)
        alone = read(runtime, faces).fer7
    np.testing.assert_allclose(one, other, atol=1e-5)
    np.testing.assert_allclose(one.sum(1), 1, atol=1e-5)
    assert np.abs(one - alone).max() > 1e-4, "more than one look"


def test_offsets_are_no_knowledge_to_pass_on(exported: Path, faces: AlignedFaces, tmp_path: Path) -> None:
    copy = tmp_path / exported.name
    copy.write_bytes(exported.read_bytes())
    offsets = (0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    readings, looks = [], []
    for given in (None, offsets):
        write_manifest(load_manifest(exported).model_copy(update={"fer7_offsets": given}), copy)
        with load_runtime(copy) as runtime:
            readings.append(read(runtime, faces).fer7)
            looks.append(read_both_ways(runtime, faces))
    assert np.abs(readings[0] - readings[1]).max() > 0.1
    np.testing.assert_allclose(without_offsets(readings[1], offsets), readings[0], atol=1e-4)
    np.testing.assert_allclose(looks[0], looks[1], atol=1e-4)
