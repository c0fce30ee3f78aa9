"""Films -> a patient's series: order by date, phases, refusals."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from kummell_ai.anatomy import Phase
from kummell_ai.dicom import group_by_patient, order_series, read_radiograph, split_by_patient
from kummell_ai.errors import SeriesError
from kummell_ai.imaging.radiograph import ImageReference, PixelSpacing, Radiograph
from tests.dicom.dicom_films import dataset, ramp, save

PIXELS = np.zeros((2, 2), np.float32)
PRE, POST, LAST, UNKNOWN = Phase.PRE_OP, Phase.POST_OP, Phase.FOLLOW_UP, Phase.UNKNOWN


def film(
    name: str,
    acquired: str | None,
    patient: str | None = "P1",
    sha: str | None = None,
    uid: str | None = None,
    frame: int | None = None,
    pixels: str = "7",
) -> Radiograph:
    moment = None if acquired is None else dt.datetime.fromisoformat(acquired)
    reference = ImageReference(
        name,
        patient_id=patient,
        acquired=moment,
        sha256=sha,
        sop_instance_uid=uid,
        frame_number=frame,
        pixels_checksum=pixels,
    )
    return Radiograph(PIXELS, PixelSpacing.unknown(), reference)


def phases(films: list[Radiograph], surgery: str | None = None) -> list[tuple[str, Phase]]:
    date = None if surgery is None else dt.date.fromisoformat(surgery)
    (series,) = group_by_patient(films, surgery_date=date)
    return [(one.reference.name, phase) for phase, one in series.films]


def test_by_date_first_second_further() -> None:
    films = [film("c", "2024-06-01"), film("a", "2024-01-01"), film("d", "2025-01-01"), film("b", "2024-01-09")]
    assert phases(films) == [("a", PRE), ("b", POST), ("c", LAST), ("d", LAST)]


def test_the_order_of_the_input_is_irrelevant() -> None:
    films = [film("b", "2024-01-09"), film("a", "2024-01-01")]
    assert phases(films) == phases(films[::-1])


@pytest.mark.parametrize(
    ("surgery", "expected"),
    [
        ("2024-01-05", [PRE, POST, LAST]),
        ("2024-03-01", [PRE, PRE, POST]),
        ("2023-01-01", [POST, LAST, LAST]),
        ("2025-01-01", [PRE, PRE, PRE]),
        ("2024-01-01", [PRE, POST, LAST]),
        ("2024-01-09", [PRE, POST, LAST]),
    ],
)
def test_by_surgery_date(surgery: str, expected: list[Phase]) -> None:
    films = [film("a", "2024-01-01"), film("b", "2024-01-09"), film("c", "2024-06-01")]
    assert [phase for _, phase in phases(films, surgery)] == expected


def test_one_film_has_no_phase_and_a_note() -> None:
    (series,) = group_by_patient([film("a", "2024-01-01")])
    assert series.films[0][0] is UNKNOWN
    assert any("One film only" in note for note in series.notes)
    assert phases([film("a", "2024-01-01")], "2024-02-01") == [("a", PRE)]
    assert phases([film("a", None)], "2024-02-01") == [("a", UNKNOWN)]


def test_two_patients_stay_apart() -> None:
    films = [film("a", "2024-01-01", "P2"), film("b", "2024-01-01", "P1"), film("c", "2024-02-01", "P2")]
    series = group_by_patient(films)
    assert [one.patient_id for one in series] == ["P1", "P2"]
    assert [len(one.films) for one in series] == [1, 2]
    assert set(split_by_patient(films)) == {"P1", "P2"}


def test_same_date_is_an_error_that_names_the_films() -> None:
    with pytest.raises(SeriesError, match="patient P1: a and b have the same date 2024-01-01; leave one out"):
        group_by_patient([film("a", "2024-01-01"), film("b", "2024-01-01")])


def test_same_day_other_time_is_ordered_with_a_note() -> None:
    series = order_series("P1", [film("b", "2024-01-01T15:00"), film("a", "2024-01-01T09:00")])
    assert [one.reference.name for _, one in series.films] == ["a", "b"]
    assert any("of the same day" in note for note in series.notes)


def test_a_film_without_date_cannot_be_ordered() -> None:
    with pytest.raises(SeriesError, match="no date in b, so the films cannot be ordered; give DICOM files"):
        group_by_patient([film("a", "2024-01-01"), film("b", None)])


def test_a_copy_is_left_out_with_a_note() -> None:
    films = [film("a", "2024-01-01", sha="1"), film("a2", "2024-01-01", sha="1"), film("b", "2024-02-01", sha="2")]
    (series,) = group_by_patient(films)
    assert [one.reference.name for _, one in series.films] == ["a", "b"]
    assert any("a2 is a copy of a" in note for note in series.notes)


def test_an_exposure_saved_again_under_other_dates_is_a_copy() -> None:
    films = [film("a", "2024-01-01", sha="1", uid="1.2"), film("b", "2024-02-01", sha="2", uid="1.2")]
    (series,) = group_by_patient([*films, film("c", "2024-03-01", sha="3", uid="1.3")])
    assert [one.reference.name for _, one in series.films] == ["a", "c"]
    assert any("b is a copy of a" in note for note in series.notes)


def test_films_that_share_a_uid_and_no_picture_are_no_copies() -> None:
    films = [
        film("a", "2024-01-01", sha="1", uid="1.2", pixels="1"),
        film("b", "2024-02-01", sha="2", uid="1.2", pixels="2"),
    ]
    (series,) = group_by_patient(films)
    assert [one.reference.name for _, one in series.films] == ["a", "b"]


def test_frames_of_one_file_are_no_copies() -> None:
    films = [film("a", "2024-01-01", sha="1", uid="1.2", frame=1), film("b", "2024-02-01", sha="1", uid="1.2", frame=2)]
    (series,) = group_by_patient(films)
    assert len(series.films) == 2


def test_films_without_patient_are_one_group_with_a_note() -> None:
    (series,) = group_by_patient([film("a", "2024-01-01", None), film("b", "2024-02-01", None)])
    assert series.patient_id == "unknown"
    assert any("name no patient" in note for note in series.notes)


def test_no_films_give_no_series() -> None:
    assert group_by_patient([]) == ()


def test_the_checksum_of_the_pixels_survives_another_header(tmp_path: Path) -> None:
    header = {"PatientID": "B", "AcquisitionDate": "20230101"}
    made = {"first": dataset(), "second": dataset(**header), "other": dataset(ramp()[::-1])}
    films = {name: read_radiograph(save(tmp_path / f"{name}.dcm", film)) for name, film in made.items()}
    checksums = {name: film.reference.pixels_checksum for name, film in films.items()}
    assert checksums["first"] == checksums["second"] != checksums["other"]
