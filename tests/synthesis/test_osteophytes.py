from dataclasses import replace

import numpy as np
import pytest

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.synthesis.anatomy.anatomy_model import sample_individual
from kummell_ai.synthesis.anatomy.bones import is_closed, signed_volume
from kummell_ai.synthesis.anatomy.procedural import procedural_templates
from kummell_ai.synthesis.disease.osteophytes import Osteophyte, grow, sample_osteophytes, worn_discs
from kummell_ai.synthesis.disease.posture import stack_spine

LIP = Osteophyte(0, around_rad=0.0, width_rad=0.6, length_mm=5.0, base_mm=2.5, setback_mm=0.5, curl_mm=2.0)


def test_a_lip_stands_out_by_its_length_and_leaves_the_arch_alone() -> None:
    bone = procedural_templates()["L3"]
    grown = grow(bone.vertices_mm, bone, (LIP,))
    assert grown[:, 0].max() - bone.vertices_mm[:, 0].max() == pytest.approx(LIP.length_mm, abs=1.5)
    behind = bone.vertices_mm[:, 0] < bone.corners_mm[:, 1, 0].min()
    np.testing.assert_array_equal(grown[behind], bone.vertices_mm[behind])
    lower = bone.vertices_mm[:, 2] < -2.0
    np.testing.assert_allclose(grown[lower], bone.vertices_mm[lower], atol=0.05)


def test_a_bone_with_lips_stays_solid_and_none_is_the_identity() -> None:
    bone = procedural_templates()["L3"]
    assert is_closed(bone.faces)
    assert grow(bone.vertices_mm, bone, ()) is bone.vertices_mm
    assert signed_volume(grow(bone.vertices_mm, bone, (LIP,)), bone.faces) > signed_volume(bone.vertices_mm, bone.faces)


def test_the_truth_stays_at_the_endplates_own_rim() -> None:
    individual = sample_individual(2, (procedural_templates(),))
    lips = {p.level: (LIP, replace(LIP, endplate=1)) for p in individual.vertebrae}
    plain, grown = (stack_spine(individual, {}, {}, 0.0, o) for o in (None, lips))
    for a, b in zip(plain, grown, strict=True):
        np.testing.assert_array_equal(a.rims_mm, b.rims_mm)
        assert np.abs(a.vertices_mm - b.vertices_mm).max() > 2.0


def test_share_of_patients_with_osteophytes() -> None:
    individual = sample_individual(2, (procedural_templates(),))
    with_any = [bool(sample_osteophytes(replace(individual, seed=seed), 0.5)) for seed in range(300)]
    assert np.mean(with_any) == pytest.approx(0.5, abs=0.1)
    assert sample_osteophytes(individual, 0.0) == {}
    assert sample_osteophytes(individual, 1.0) == sample_osteophytes(individual, 1.0) != {}


def test_worn_discs_have_longer_lips() -> None:
    individual = sample_individual(2, (procedural_templates(),))
    plans = [replace(p, disc_mm=3.0 if p.level is VertebralLevel.L3 else 9.0) for p in individual.vertebrae]
    worn = replace(individual, vertebrae=tuple(plans))
    assert worn_discs(worn) == (VertebralLevel.L3,)
    lengths: dict[VertebralLevel, list[float]] = {VertebralLevel.L3: [], VertebralLevel.L1: []}
    for seed in range(60):
        lips = sample_osteophytes(replace(worn, seed=seed), 1.0)
        for level, found in lengths.items():
            found.append(sum(o.length_mm for o in lips.get(level, ()) if o.endplate == 1))
    assert np.mean(lengths[VertebralLevel.L3]) > 1.5 * np.mean(lengths[VertebralLevel.L1])
