"""Soft tissue from CT, on a phantom whose path lengths are known."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kummell_ai.errors import ConfigError
from kummell_ai.synthesis.projection import ConeBeam
from kummell_ai.synthesis.recipe import Recipe, TissueRecipe
from kummell_ai.synthesis.tissue import Scene
from kummell_ai.synthesis.tissue.ct_background import Graft, draw_graft, graft
from kummell_ai.synthesis.tissue.ct_volume import SLABS, Donor, find_scans, load_donor
from tests.synthesis.test_tissue import LEVELS, NOTHING, film, patient, straight_scene

__all__ = ["patient"]
RADIUS_MM, CELL = 100.0, (3.0, 3.0, 3.0)
FAR = np.array([0.0, 1e6, 0.0])


def phantom_hu(lung: bool = True) -> np.ndarray:
    """A water cylinder with a spine, an air-filled lung above, and a table under it; axes right, anterior, superior."""
    right, front, up = (CELL[0] * (np.arange(n) - n / 2 + 0.5) for n in (90, 90, 60))
    r, f = np.meshgrid(right, front, indexing="ij")
    volume = np.full((90, 90, 60), -1000.0, np.float32)
    volume[np.hypot(r, f) < RADIUS_MM] = 0.0
    if lung:
        volume[:, :, up > 30.0] = np.where(
            ((np.abs(r) > 30.0) & (np.hypot(r, f) < 80.0))[..., None], -800.0, volume[:, :, up > 30.0]
        )
    volume[np.hypot(r, f + 55.0) < 20.0] = 700.0
    volume[np.abs(f + 115.0) < 4.0] = 100.0
    return volume


def write(path: Path, values: np.ndarray, flip: bool = False) -> Path:
    nibabel = pytest.importorskip("nibabel")
    affine = np.diag([*CELL, 1.0])
    if flip:
        values, affine = values[::-1, ::-1], np.diag([-CELL[0], -CELL[1], CELL[2], 1.0])
    nibabel.save(nibabel.Nifti1Image(np.ascontiguousarray(values), affine), path)
    return path


@pytest.fixture(scope="module")
def donor(tmp_path_factory: pytest.TempPathFactory) -> Donor:
    return load_donor(write(tmp_path_factory.mktemp("ct") / "ct.nii.gz", phantom_hu().astype(np.int16)))


def test_the_phantom_is_a_cylinder_without_table_or_spine(donor: Donor) -> None:
    total = donor.tissue.sum(axis=0)
    x = -(CELL[1] * (np.arange(90) - 45 + 0.5))
    chord = 2.0 * np.sqrt(np.clip(RADIUS_MM**2 - x**2, 0.0, None))
    inside = np.abs(x) < 85.0
    # a voxel on either side of the rim, and muscle of 1.05 where the spine was
    np.testing.assert_allclose(total[45][inside], chord[inside], atol=10.0)
    assert total[:, x < -110.0].max() == 0.0
    assert total[45].max() < 2.0 * RADIUS_MM + 10.0


def test_lungs_are_told_from_the_rest_and_their_end_is_found(donor: Donor) -> None:
    lung = donor.lung.sum(axis=0)
    assert lung[:18].max() > 50.0
    assert lung[24:].max() == 0.0
    assert donor.gas.sum() < 0.05 * donor.lung.sum()
    assert donor.lung_foot is not None
    assert abs(donor.lung_foot - 60.0) <= 6.0


def test_the_spine_is_found_where_it_stands(donor: Donor) -> None:
    # the front edge of the map lies 135 mm before the middle, the bone 55 mm behind it
    assert np.abs(donor.line - (135.0 + 55.0 - 14.0)).max() < 8.0


def test_axes_of_the_file_do_not_matter(tmp_path: Path, donor: Donor) -> None:
    other = load_donor(write(tmp_path / "ct.nii", phantom_hu().astype(np.int16), flip=True))
    np.testing.assert_allclose(other.tissue, donor.tissue, atol=1e-3)


def test_labels_mark_the_spine_where_bone_is_too_soft_to_be_found(tmp_path: Path) -> None:
    values = phantom_hu().astype(np.int16)
    marrow = (values == 700) & (np.indices(values.shape)[2] % 6 > 2)
    values[marrow] = -100
    labels = np.where((phantom_hu() == 700.0), 20, 0).astype(np.uint8)
    ct, mask = write(tmp_path / "ct.nii.gz", values), write(tmp_path / "ct_msk.nii.gz", labels)
    assert find_scans((str(tmp_path),)) == ((ct, mask),)
    with_labels = load_donor(ct, mask).tissue.sum(axis=0)
    assert np.ptp(with_labels[30:50, 60:66], axis=0).max() < 1.0


def _plain(top_z: float, **more: Any) -> Graft:
    values: dict[str, Any] = {"lung": 1.0, "gas": 1.0, "mirrored": False, "scale": (1.0, 1.0)}
    return Graft(top_z=top_z, gains=np.ones(SLABS, np.float32), **(values | more))


def test_a_parallel_beam_sees_the_donor_itself(donor: Donor) -> None:
    scene = straight_scene(60, 80, 3.0, 90.0)
    seen, weight = graft(scene, ConeBeam(FAR, (120.0, 90.0), 3.0, scene.shape), donor, _plain(90.0))
    plain = (donor.tissue - donor.lung - donor.gas).sum(axis=0)
    # one pixel is one cell; the spine stands at x = 0 of the film
    shift = round((120.0 - float(donor.line[30])) / 3.0)
    expected = plain[30:50, 20 - shift : 60 - shift]
    away_from_the_rim = expected > 130.0
    np.testing.assert_allclose(seen[30:50, 20:60][away_from_the_rim], expected[away_from_the_rim], atol=12.0)
    assert weight[30, 0] == 1.0
    assert weight[0, 0] == 0.0


def test_the_donor_follows_the_new_spine(donor: Donor) -> None:
    scene = straight_scene(60, 80, 3.0, 90.0)
    beam = ConeBeam(FAR, (120.0, 90.0), 3.0, scene.shape)
    bent = Scene(scene.x, scene.z, np.full(60, -12.0, np.float32), 3.0, LEVELS)
    straight, moved = (graft(view, beam, donor, _plain(90.0))[0] for view in (scene, bent))
    np.testing.assert_allclose(moved[:, 14:70], straight[:, 10:66], atol=1.0)


def test_nearer_tissue_is_seen_larger(donor: Donor) -> None:
    scene = straight_scene(180, 240, 1.0, 90.0)
    near = np.zeros_like(donor.tissue)
    near[-1, 20:40] = 50.0
    one = Donor(near, 0 * near, 0 * near, donor.slab_y, donor.cell_mm, donor.line, None)
    beam = ConeBeam(np.array([0.0, 800.0, 0.0]), (120.0, 90.0), 1.0, scene.shape)
    for mirrored, side in ((False, 1.0), (True, -1.0)):
        height = float(graft(scene, beam, one, _plain(90.0, mirrored=mirrored))[0][:, 120].sum()) / 50.0
        assert abs(height - 60.0 * 800.0 / (800.0 - side * donor.slab_y[-1])) < 1.0


def test_lungs_and_gas_can_be_left_out(donor: Donor) -> None:
    scene = straight_scene(60, 80, 3.0, 90.0)
    how = draw_graft(scene, donor, False, False, np.random.default_rng(0))
    assert how.lung == how.gas == 0.0
    with_lungs = draw_graft(scene, donor, True, True, np.random.default_rng(0))
    assert with_lungs.lung > 0.5


def test_films_take_the_ct_in_their_share_and_run_on_beyond_it(tmp_path: Path, patient: tuple[Any, Any]) -> None:
    path = write(tmp_path / "ct.nii.gz", phantom_hu().astype(np.int16))
    with_ct = TissueRecipe(ct=1.0, lungs=0.0, gas=0.0, breast=0.0, arms=0.0, folds=0.0)
    seen = film(patient, with_ct, backgrounds=(str(path),))["water"]
    assert not np.array_equal(seen, film(patient, NOTHING, backgrounds=(str(path),))["water"])
    assert seen.tobytes() == film(patient, with_ct, backgrounds=(str(path),))["water"].tobytes()
    middle = seen[90:240, seen.shape[1] // 2]  # T9 to L5: further up the spine leaves the column
    assert middle.min() > 60.0
    assert np.abs(np.diff(middle)).max() < 12.0


def test_places_that_hold_no_ct_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere is missing; give a NIfTI file or a folder"):
        find_scans((str(tmp_path / "nowhere"),))
    (tmp_path / "ct.dcm").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"ct\.dcm is no NIfTI file"):
        find_scans((str(tmp_path / "ct.dcm"),))
    with pytest.raises(ConfigError, match="holds no NIfTI file; give a folder with CTs"):
        find_scans((str(tmp_path),))


def test_a_mask_without_its_ct_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sub-1_seg-vert_msk.nii.gz").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"_msk\.nii\.gz is a mask without its CT; put the CT beside it"):
        find_scans((str(tmp_path),))
    with pytest.raises(ConfigError, match="is a mask by its name; give the CT it belongs to"):
        find_scans((str(tmp_path / "sub-1_seg-vert_msk.nii.gz"),))


def test_values_that_are_no_ct_are_refused(tmp_path: Path) -> None:
    labels = write(tmp_path / "scan.nii.gz", (phantom_hu() == 700.0).astype(np.uint8))
    with pytest.raises(ConfigError, match=r"scan\.nii\.gz holds values 0 to 1; a CT in HU has air below -500"):
        load_donor(labels)


def test_damaged_flat_and_empty_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.nii").write_bytes(b"not a volume")
    pytest.importorskip("nibabel")
    with pytest.raises(ConfigError, match=r"broken\.nii cannot be read .*export it again"):
        load_donor(tmp_path / "broken.nii")
    flat = write(tmp_path / "flat.nii", phantom_hu()[:, :, :4].astype(np.int16))
    with pytest.raises(ConfigError, match=r"flat\.nii has shape \(90, 90, 4\); expected a volume"):
        load_donor(flat)
    air = np.full((30, 30, 30), -1000, np.int16)
    air[0, 0, 0] = 900
    with pytest.raises(ConfigError, match=r"air\.nii shows no body; expected a CT of the trunk"):
        load_donor(write(tmp_path / "air.nii", air))
    ct = write(tmp_path / "ct.nii", phantom_hu().astype(np.int16))
    shutil.copy(tmp_path / "broken.nii", tmp_path / "ct_msk.nii")
    with pytest.raises(ConfigError, match=r"mask .*ct_msk\.nii cannot be read"):
        load_donor(ct, tmp_path / "ct_msk.nii")


def test_without_nibabel_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nibabel", None)
    with pytest.raises(ConfigError, match=r"reading it needs nibabel: pip install kummell-ai\[ct\]"):
        load_donor(Path("somewhere.nii"))
    assert Recipe().backgrounds == ()
