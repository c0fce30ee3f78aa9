"""Whether two films are one exposure."""

from __future__ import annotations

from pathlib import Path

from kummell_ai.dicom import exposure_keys, read_radiograph
from kummell_ai.imaging.radiograph import ImageReference
from tests.dicom.dicom_films import dataset, ramp, save


def share(one: ImageReference, other: ImageReference) -> bool:
    return bool(set(exposure_keys(one)) & set(exposure_keys(other)))


def reference(sha: str, uid: str = "1.2", pixels: str = "7", frame: int | None = None) -> ImageReference:
    return ImageReference("a", sha256=sha, sop_instance_uid=uid, pixels_checksum=pixels, frame_number=frame)


def test_one_file_twice_is_one_exposure() -> None:
    assert share(reference("1", "1.2"), reference("1", "1.3"))
    assert not share(reference("1", pixels="1"), reference("2", pixels="2"))


def test_an_exposure_saved_again_is_one_under_whatever_uid() -> None:
    assert share(reference("1", "1.2"), reference("2", "1.2"))
    assert share(reference("1", "1.2"), reference("2", "1.3"))


def test_films_that_share_a_uid_and_no_picture_are_two() -> None:
    assert not share(reference("1", pixels="1"), reference("2", pixels="2"))


def test_frames_of_one_file_are_two() -> None:
    assert not share(reference("1", frame=1), reference("1", frame=2))


def test_the_checksum_of_the_pixels_survives_another_header(tmp_path: Path) -> None:
    header = {"PatientID": "B", "AcquisitionDate": "20230101"}
    made = {"first": dataset(), "second": dataset(**header), "other": dataset(ramp()[::-1])}
    films = {name: read_radiograph(save(tmp_path / f"{name}.dcm", film)) for name, film in made.items()}
    checksums = {name: film.reference.pixels_checksum for name, film in films.items()}
    assert checksums["first"] == checksums["second"] != checksums["other"]
