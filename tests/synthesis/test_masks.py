"""Bones from CT vertebra masks in the layouts of VerSe, TotalSegmentator and CTSpine1K, made here from a few voxels."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kummell_ai.errors import ConfigError
from kummell_ai.synthesis.anatomy.bones import FloatArray, is_closed, signed_volume
from kummell_ai.synthesis.anatomy.mask_files import TOTAL, VERSE, individuals_in_masks
from kummell_ai.synthesis.anatomy.template_bank import find_individuals, load_bank, load_templates

nibabel = pytest.importorskip("nibabel", reason="the extra kummell-ai[ct] is not installed")

Labels = NDArray[np.int16]

ZOOMS = (1.0, 1.0, 1.5)
SHAPE = (76, 90, 68)
BODY_MM = (40.0, 32.0, 24.0)
"""Width, depth and height of each body."""


def block_vertebra(points: FloatArray, centre: FloatArray) -> NDArray[np.bool_]:
    """A body with pedicles, articular processes, transverse and spinous processes, x right, y anterior, z cranial."""
    x, y, z = np.moveaxis(points - centre, -1, 0)
    aside = np.abs(x)
    wide, deep, high = (0.5 * size for size in BODY_MM)
    body = (np.abs(x / wide) ** 6 + np.abs(y / deep) ** 6 < 1.0) & (np.abs(z) < high)
    pedicle = (np.abs(aside - 12.0) < 4.0) & (y < -10.0) & (y > -28.0) & (np.abs(z - 4.0) < 5.0)
    pillar = (np.abs(aside - 13.0) < 5.0) & (np.abs(y + 29.0) < 4.0) & (np.abs(z) < 14.0)
    lamina = (aside < 15.0) & (np.abs(y + 32.0) < 3.0) & (np.abs(z) < 8.0)
    spinous = (aside < 3.5) & (y < -30.0) & (y > -55.0) & (np.abs(z + 6.0) < 8.0)
    transverse = (aside < 32.0) & (np.abs(y + 27.0) < 4.0) & (np.abs(z - 2.0) < 4.0)
    return body | pedicle | pillar | lamina | spinous | transverse


def spine_mask(labels: dict[int, float]) -> Labels:
    """Labels of block vertebrae, each with its body's centre at the given height (mm)."""
    grid = np.stack(np.meshgrid(*(np.arange(n) * s for n, s in zip(SHAPE, ZOOMS, strict=True)), indexing="ij"), axis=-1)
    mask = np.zeros(SHAPE, dtype=np.int16)
    for label, height in labels.items():
        mask[block_vertebra(grid, np.array([38.0, 66.0, height]))] = label
    return mask


def save(path: Path, mask: NDArray[Any], axes: str = "RAS") -> None:
    """Write a mask whose array axes point to ``axes``; the world stays that of right, anterior, superior."""
    affine = np.diag([*ZOOMS, 1.0])
    affine[:3, 3] = (-30.0, 12.0, -400.0)
    image = nibabel.Nifti1Image(mask, affine)
    start, goal = nibabel.orientations.axcodes2ornt("RAS"), nibabel.orientations.axcodes2ornt(axes)
    image = image.as_reoriented(nibabel.orientations.ornt_transform(start, goal))
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(image, path)


@pytest.fixture(scope="module")
def two() -> Labels:
    return spine_mask({20: 68.0, 21: 32.0})


def check_body(corners: FloatArray) -> None:
    """Depths and heights of the blocks: 31 voxels of 1 mm deep, 15 or 16 of 1.5 mm high.

    Smoothing rounds the edges with a radius of about 2 mm, and a rim is the middle of the rounding: 0.6 to 1 mm inside
    at each end.
    """
    depth = np.linalg.norm(corners[:, 0] - corners[:, 1], axis=-1)
    height = np.linalg.norm(corners[0] - corners[1], axis=-1)
    np.testing.assert_allclose(depth, BODY_MM[1] - 1.0, atol=2.0)
    np.testing.assert_allclose(height, BODY_MM[2], atol=2.5)


@pytest.mark.parametrize("axes", ["RAS", "LPS", "PIR", "ASL"])
@pytest.mark.parametrize("name", ["sub-1_seg-vert_msk.nii.gz", "liver_1_seg.nii.gz"])
def test_verse_and_ctspine1k_layouts(two: Labels, tmp_path: Path, name: str, axes: str) -> None:
    save(tmp_path / name, two, axes)
    for path in (tmp_path, tmp_path / name):
        templates = load_templates(path)
        assert list(templates) == ["L1", "L2"]
        for bone in templates.values():
            assert is_closed(bone.faces)
            assert signed_volume(bone.vertices_mm, bone.faces) > 25_000.0
            assert len(bone.faces) <= 9000
            check_body(bone.corners_mm)
            tip = bone.vertices_mm[np.argmin(bone.vertices_mm[:, 0])]
            assert tip[0] < -45.0  # the spinous process points backward
            assert abs(tip[1]) < 5.0


def test_totalsegmentator_layouts(two: Labels, tmp_path: Path) -> None:
    folder = tmp_path / "s0001" / "segmentations"
    for name, label in (("vertebrae_L1", 20), ("vertebrae_L2", 21)):
        save(folder / f"{name}.nii.gz", (two == label).astype(np.uint8))
    save(folder / "liver.nii.gz", (two > 99).astype(np.uint8))
    save(tmp_path / "s0001" / "ct.nii.gz", two)
    assert list(load_templates(tmp_path / "s0001")) == ["L1", "L2"]
    assert find_individuals(tmp_path) == (folder,)
    numbered = np.where(two == 20, 31, np.where(two == 21, 30, 0)).astype(np.int16)
    save(tmp_path / "one" / "segmentations.nii.gz", numbered)
    for name, bone in load_templates(tmp_path / "one").items():
        check_body(bone.corners_mm)
        assert bone.name == name


def test_the_label_tables_name_every_level_once() -> None:
    assert [VERSE[label] for label in (8, 19, 28, 20, 24, 25, 26)] == ["T1", "T12", "T13", "L1", "L5", "L6", "S1"]
    assert [TOTAL[label] for label in (43, 32, 31, 27, 92, 115)] == [
        "T1",
        "T12",
        "L1",
        "L5",
        "rib_left_1",
        "rib_right_12",
    ]
    assert len(set(VERSE.values())) == len(VERSE)


def test_names_in_the_header_or_beside_the_mask_count_first(two: Labels, tmp_path: Path) -> None:
    path = tmp_path / "labels.nii.gz"
    save(path, two)
    (tmp_path / "structures.csv").write_text("structure,id\nvertebrae_T9,20\nvertebrae_T10,21\n", encoding="utf-8")
    assert list(load_templates(path)) == ["T9", "T10"]
    image = nibabel.load(path)
    text = '<LabelTable><Label Key="20" Red="1">vertebrae_T7</Label><Label Key="21">vertebrae_T8</Label></LabelTable>'
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", text.encode()))
    nibabel.save(image, tmp_path / "named_seg.nii.gz")
    assert list(load_templates(tmp_path / "named_seg.nii.gz")) == ["T7", "T8"]
    (tmp_path / "structures.csv").write_text("bone,number\n", encoding="utf-8")
    (tmp_path / "structures.csv").write_text("bone,number\nL1,20\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"structures\.csv cannot be read"):
        load_templates(path)


def test_a_bone_that_the_border_cuts_is_left_out_with_a_note(tmp_path: Path) -> None:
    save(tmp_path / "a_seg.nii.gz", spine_mask({19: 96.0, 20: 60.0, 21: 24.0}))
    bank = load_bank(tmp_path)
    assert list(bank.templates) == ["L1", "L2"]
    assert bank.notes == ("T12 left out: the border of the scan cuts it",)
    assert list(load_templates(tmp_path, exclude=("L2",))) == ["L1"]


def test_specks_are_no_bones(two: Labels, tmp_path: Path) -> None:
    dirty = two.copy()
    dirty[3:6, 3:6, 40:43] = 20  # apart from L1
    dirty[10:13, 3:6, 10:13] = 22
    save(tmp_path / "a_seg.nii.gz", dirty)
    bank = load_bank(tmp_path)
    assert list(bank.templates) == ["L1", "L2"]
    assert bank.templates["L1"].vertices_mm[:, 0].min() > -75.0
    assert bank.notes == ("L3 left out: hardly anything of it is in the mask",)


def test_errors_of_masks(two: Labels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "empty_seg.nii.gz", np.zeros_like(two))
    with pytest.raises(ConfigError, match=r"empty_seg\.nii\.gz is an empty mask"):
        load_bank(tmp_path / "empty_seg.nii.gz")
    save(tmp_path / "neck_seg.nii.gz", np.where(two == 20, 3, 0).astype(np.int16))
    with pytest.raises(ConfigError, match=r"neck_seg\.nii\.gz has labels \[3\], none of which is a thoracic"):
        load_bank(tmp_path / "neck_seg.nii.gz")
    save(tmp_path / "turned_seg.nii.gz", spine_mask({21: 68.0, 20: 32.0}))
    with pytest.raises(ConfigError, match=r"turned_seg\.nii\.gz: L1, L2 do not lie one below the other"):
        load_bank(tmp_path / "turned_seg.nii.gz")
    save(tmp_path / "ct_seg.nii.gz", two + np.float32(0.5))
    with pytest.raises(ConfigError, match="holds no whole numbers"):
        load_bank(tmp_path / "ct_seg.nii.gz")
    (tmp_path / "torn_seg.nii.gz").write_bytes(b"no nifti")
    with pytest.raises(ConfigError, match=r"torn_seg\.nii\.gz is damaged"):
        load_bank(tmp_path / "torn_seg.nii.gz")
    with pytest.raises(ConfigError, match="holds 5 masks, an individual each; name one of them"):
        load_bank(tmp_path)
    assert len(individuals_in_masks(tmp_path)) == len(find_individuals(tmp_path)) == 5
    (tmp_path / "notes").mkdir()
    with pytest.raises(ConfigError, match="holds no bone meshes and no vertebra masks"):
        find_individuals(tmp_path / "notes")
    save(tmp_path / "cut" / "a_seg.nii.gz", spine_mask({20: 96.0}))
    with pytest.raises(ConfigError, match="gives no whole vertebra"):
        load_bank(tmp_path / "cut")

    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(ConfigError, match=r"needs nibabel: pip install kummell-ai\[ct\]"):
        load_bank(tmp_path / "empty_seg.nii.gz")
