"""Bones and CTs of others: what is read of them is told by names and sizes, what lies beside them is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kummell_ai.synthesis.recipe import Recipe
from kummell_ai.synthesis.sources import sources_digest
from kummell_ai.synthesis.tissue.ct_volume import find_scans


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"12")
    return folder


def digest(templates: Path | None = None, backgrounds: Path | None = None) -> str:
    find_scans.cache_clear()
    bones, scans = (() if place is None else (str(place),) for place in (templates, backgrounds))
    return sources_digest(Recipe(templates=bones, backgrounds=scans))


def test_without_any_there_is_no_digest() -> None:
    assert sources_digest(Recipe()) == ""


CHANGES: dict[str, tuple[Callable[[Path], object], bool]] = {
    "a larger mesh": (lambda folder: (folder / "one" / "L1.ply").write_bytes(b"123"), True),
    "a mesh more": (lambda folder: fill(folder, "two/L2.stl"), True),
    "a mesh renamed": (lambda folder: (folder / "two" / "L1.obj").rename(folder / "two" / "L2.obj"), True),
    "a mesh gone": (lambda folder: (folder / "one" / "L2.ply").unlink(), True),
    "rims corrected": (lambda folder: fill(folder, "one/rims.json"), True),
    "one more": (lambda folder: fill(folder, "three/L1.ply"), True),
    "a word beside": (lambda folder: fill(folder, "one/README.md", "notes.txt"), False),
    "the same again": (lambda folder: (folder / "one" / "L1.ply").write_bytes(b"12"), False),
}


@pytest.mark.parametrize("name", CHANGES)
def test_another_file_of_bones_is_seen(name: str, tmp_path: Path) -> None:
    change, is_seen = CHANGES[name]
    folder = fill(tmp_path, "one/L1.ply", "one/L2.ply", "two/L1.obj")
    before = digest(folder)
    assert before == digest(folder)
    change(folder)
    assert (digest(folder) != before) == is_seen


def test_another_ct_or_mask_is_seen(tmp_path: Path) -> None:
    seen = [digest(backgrounds=fill(tmp_path, "a/a_ct.nii.gz"))]
    for names in (["b/b_ct.nii"], ["a/a_seg-vert_msk.nii.gz"]):
        seen.append(digest(backgrounds=fill(tmp_path, *names)))
    assert len(set(seen)) == 3
    (tmp_path / "b" / "b_ct.nii").write_bytes(b"123")
    assert digest(backgrounds=tmp_path) not in seen


def test_a_single_mask_counts_with_what_is_read_beside_it(tmp_path: Path) -> None:
    mask = fill(tmp_path, "scan_seg.nii.gz") / "scan_seg.nii.gz"
    seen = [digest(mask)]
    for name in ("scan_seg.rims.json", "structures.csv"):
        fill(tmp_path, name)
        seen.append(digest(mask))
    fill(tmp_path, "other_seg.nii.gz")
    assert digest(mask) == seen[-1]
    assert len(set(seen)) == 3
