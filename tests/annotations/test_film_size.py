"""The size of a film beside its annotation, from its header alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import uid
from pydicom.dataset import FileDataset, FileMetaDataset

from kummell_ai.annotations.source import film_size
from kummell_ai.errors import InputError


def header(path: Path, syntax: str) -> Path:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1.1", "1.2.3"
    meta.TransferSyntaxUID = uid.UID(syntax)
    film = FileDataset("", {}, bytes(128), meta)
    film.SOPClassUID, film.SOPInstanceUID = meta.MediaStorageSOPClassUID, "1.2.3"
    film.Rows, film.Columns = 360, 200
    film.save_as(path, enforce_file_format=True)
    return path


def test_it_is_width_and_height(tmp_path: Path) -> None:
    assert film_size(header(tmp_path / "a.dcm", uid.ExplicitVRLittleEndian)) == (200, 360)


def test_a_deflated_file_is_refused_before_it_is_inflated(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.dcm: a deflated file, which may hold anything"):
        film_size(header(tmp_path / "a.dcm", uid.DeflatedExplicitVRLittleEndian))


def test_what_is_no_film_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"no film")
    with pytest.raises(InputError, match="neither a picture nor DICOM"):
        film_size(tmp_path / "a.dcm")
