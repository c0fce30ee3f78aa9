"""Which files are tried as films."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

from kummell_ai.cli.corners import LABELME
from kummell_ai.dicom import find_films, read_radiograph
from kummell_ai.dicom.films import TO_CORRECT
from kummell_ai.errors import InputError


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def test_folders_are_searched_and_sorted(tmp_path: Path) -> None:
    touch(tmp_path, "b/IM2", "b/IM1", "a.dcm", "DICOMDIR", ".hidden", ".git/x", "b/notes.txt", "r.JSON", "t.parquet")
    found = find_films([tmp_path])
    assert [str(path.relative_to(tmp_path)) for path in found] == ["a.dcm", "b/IM1", "b/IM2"]


def test_the_viewer_on_a_patients_disc_is_no_film(tmp_path: Path) -> None:
    viewer = ("VIEWER/View.EXE", "VIEWER/jpeg.dll", "AUTORUN.INF", "help/index.htm", "help/style.css", "Arztbrief.docx")
    touch(tmp_path, "DICOM/PA0/ST0/IM0", "DICOM/PA0/ST0/IM1.ima", "DICOMDIR", *viewer)
    assert [path.name for path in find_films([tmp_path])] == ["IM0", "IM1.ima"]


def test_a_named_file_is_always_tried_and_only_once(tmp_path: Path) -> None:
    touch(tmp_path, "notes.txt", "a.dcm")
    assert find_films([tmp_path / "notes.txt"]) == (tmp_path / "notes.txt",)
    assert find_films([tmp_path / "a.dcm", tmp_path, tmp_path / "a.dcm"]) == (tmp_path / "a.dcm",)


def test_nothing_found_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder; check the path"):
        find_films([tmp_path / "gone"])
    with pytest.raises(InputError, match=r"no film in .*; give DICOM, PNG, JPEG or TIFF"):
        find_films([tmp_path])
    with pytest.raises(InputError, match="no film in an empty list"):
        find_films([])


def test_links_to_folders_are_followed_once(tmp_path: Path) -> None:
    touch(tmp_path, "store/IM1", "case/IM2")
    (tmp_path / "case" / "linked").symlink_to(tmp_path / "store")
    (tmp_path / "store" / "back").symlink_to(tmp_path / "case")
    found = find_films([tmp_path / "case"])
    assert [str(path.relative_to(tmp_path / "case")) for path in found] == ["IM2", "linked/IM1"]


def test_a_broken_link_is_not_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "a.dcm")
    (tmp_path / "b.dcm").symlink_to(tmp_path / "gone.dcm")
    (tmp_path / "c.dcm").symlink_to(tmp_path / "c.dcm")
    assert [path.name for path in find_films([tmp_path])] == ["a.dcm", "b.dcm", "c.dcm"]
    with pytest.raises(InputError, match=r"b\.dcm: cannot be opened \(No such file or directory\)"):
        read_radiograph(tmp_path / "b.dcm")


def test_a_pipe_in_a_folder_is_no_film(tmp_path: Path) -> None:
    touch(tmp_path, "a.dcm")
    os.mkfifo(tmp_path / "b.dcm")
    assert find_films([tmp_path]) == (tmp_path / "a.dcm",)


def test_a_path_that_cannot_be_looked_at_is_left_to_the_reader(tmp_path: Path) -> None:
    touch(tmp_path, "a.dcm")
    odd = tmp_path / ("x" * 300)
    assert set(find_films([odd, tmp_path])) == {odd, tmp_path / "a.dcm"}
    with pytest.raises(InputError, match=r"cannot be opened \(File name too long\)"):
        read_radiograph(odd)


def test_pictures_to_draw_in_are_no_films_beside_their_measurement(tmp_path: Path) -> None:
    touch(tmp_path, "out/IM1.json", "out/labelme/IM1.png", "out/labelme/IM1.json", "out/labelme/IM2.png", "IM1.dcm")
    found = [str(path.relative_to(tmp_path)) for path in find_films([tmp_path])]
    assert found == ["IM1.dcm", "out/labelme/IM2.png"]
    given = [path.name for path in find_films([tmp_path / "out/labelme"])]
    assert given == ["IM1.png", "IM2.png"], "a folder that is named is searched"
    assert TO_CORRECT == LABELME, "where the command writes them"


def test_figures_of_this_program_are_no_films(tmp_path: Path) -> None:
    touch(
        tmp_path, "results/figures/heights.png", "results/figures/heights.svg", "figures/IM1.png", "x/a.png", "x/a.svg"
    )
    found = find_films([tmp_path])
    assert [str(path.relative_to(tmp_path)) for path in found] == ["figures/IM1.png", "x/a.png"]


def test_a_folder_that_cannot_be_opened_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    (tmp_path / "a.dcm").touch()

    def refuse(path: object) -> NoReturn:
        raise PermissionError(13, "Permission denied", str(path))

    scan = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: refuse(path) if Path(path) == closed else scan(path))
    monkeypatch.setattr(os, "listdir", refuse)
    assert find_films([tmp_path]) == (tmp_path / "a.dcm", closed)
    with pytest.raises(InputError, match=r"closed: cannot be opened \(Permission denied\); check the path"):
        read_radiograph(closed)
