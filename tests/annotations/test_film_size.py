"""The size of a film beside its annotation, from its header alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import uid
from pydicom.dataset import FileDataset, FileMetaDataset

from kummell_ai.annotations.source import film_size
from kummell_ai.dicom.container import looks_like_dicom
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


def without_preamble(path: Path, syntax: str, *, meta: bool) -> Path:
    """The same film as some archives keep it: from its file meta information or from its data set on."""
    data = header(path, syntax).read_bytes()
    path.write_bytes(data[132 if meta else data.index(b"\x08\x00\x16\x00") :])
    return path


@pytest.mark.parametrize(
    ("syntax", "meta"),
    [(uid.ExplicitVRLittleEndian, True), (uid.ExplicitVRLittleEndian, False), (uid.ImplicitVRLittleEndian, False)],
)
def test_a_file_without_preamble_has_a_size_too(tmp_path: Path, syntax: str, meta: bool) -> None:
    """The reader of films takes it, and an annotation may leave the size to it."""
    film = without_preamble(tmp_path / "a.dcm", syntax, meta=meta)
    assert looks_like_dicom(film.read_bytes()[:132])
    assert film_size(film) == (200, 360)


def test_a_deflated_file_without_preamble_is_not_inflated_either(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.dcm: a deflated file, which may hold anything"):
        film_size(without_preamble(tmp_path / "a.dcm", uid.DeflatedExplicitVRLittleEndian, meta=True))


@pytest.mark.parametrize("head", [b"\x02\x00", b"\x08\x00", bytes(128) + b"DICM"])
@pytest.mark.parametrize("rest", [b"", b"\xff" * 40, bytes(40), bytes(range(256)), b"\x00\x00UN\x00\x00\xff\xff"])
def test_what_only_begins_as_dicom_is_refused(head: bytes, rest: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(head + rest)
    with pytest.raises(InputError, match="neither a picture nor DICOM"):
        film_size(tmp_path / "a.dcm")


def test_a_deflated_file_is_refused_before_it_is_inflated(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.dcm: a deflated file, which may hold anything"):
        film_size(header(tmp_path / "a.dcm", uid.DeflatedExplicitVRLittleEndian))


def test_what_is_no_film_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(b"no film")
    with pytest.raises(InputError, match="neither a picture nor DICOM"):
        film_size(tmp_path / "a.dcm")
