"""Which film of a series is whose, of which day and phase, and what is said of it."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from kummell_ai.anatomy import Phase
from kummell_ai.cli import models
from kummell_ai.cli.console import Problems
from kummell_ai.cli.main import main
from kummell_ai.cli.series_order import order_patients
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.radiograph import Radiograph
from tests import made_up
from tests.cli.conftest import FakePredictor, write_dicom
from tests.cohort.test_visits import shot


def test_of_two_films_of_one_moment_one_counts_and_the_rest_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moment = made_up.DATES[Phase.PRE_OP]
    for seed, name in enumerate(("a.dcm", "b.dcm")):
        write_dicom(tmp_path / "in" / name, Phase.PRE_OP, acquired=moment, seed=seed)
    write_dicom(tmp_path / "in" / "c.dcm", Phase.POST_OP, seed=9)
    for words in ([], ["--dry-run"]):
        assert main(["series", str(tmp_path / "in"), "--out", str(tmp_path / "out"), *words]) == 0
        said = capsys.readouterr()
        line = "b.dcm: a.dcm and b.dcm are of one day, 2024-03-04; a.dcm counts: give the phase of each in a manifest"
        assert line in said.err
    assert "a.dcm (pre-op), c.dcm (post-op)" in said.out
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [film["measurement"]["film"]["name"] for film in report["films"]] == ["a.dcm", "c.dcm"]
    assert "a.dcm and b.dcm are of one day" in (tmp_path / "out" / "report.html").read_text()


def test_films_without_a_date_are_named_with_the_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.png", "b.png"):
        pixels = np.round(made_up.radiograph(Phase.PRE_OP).pixels * 255).astype(np.uint8)
        (tmp_path / "in").mkdir(exist_ok=True)
        Image.fromarray(np.roll(pixels, len(name) + ord(name[0]), axis=1)).save(tmp_path / "in" / name)
    for words in ([], ["--dry-run"]):
        assert main(["series", str(tmp_path / "in"), "--out", str(tmp_path / "out"), *words]) == 3
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("2 films: neither date nor phase; not used: give the phase of each by --phases or in a ")
        assert line.endswith(" (a.png, b.png)")
    assert main(["series", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--json"]) == 3
    failed = json.loads(capsys.readouterr().out)["failed"]
    assert [line.partition(": give")[0] for line in failed] == [
        f"{name}.png: has neither date nor phase; it is not used" for name in "ab"
    ]


def test_films_without_a_date_can_be_given_their_phases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = []
    for name, phase in (("z.png", Phase.PRE_OP), ("y.png", Phase.POST_OP), ("x.png", Phase.FOLLOW_UP)):
        Image.fromarray(np.round(made_up.radiograph(phase).pixels * 255).astype(np.uint8)).save(tmp_path / name)
        paths.append(str(tmp_path / name))
    wrong = ["series", *paths, "--out", str(tmp_path / "out"), "--phases", "pre-op,post-op"]
    assert main(wrong) == 1
    assert "--phases has 2 phases and there are 3 inputs; name each film" in capsys.readouterr().err
    assert main(["series", str(tmp_path), "--out", str(tmp_path / "out"), "--phases", "pre-op"]) == 1
    assert "is a folder; name each film" in capsys.readouterr().err
    assert main([*wrong[:-1], "pre-op,later,follow-up"]) == 1
    assert "'later' is no phase; write pre, post or last (or pre-op, post-op or follow-up)" in capsys.readouterr().err
    assert main(["series", paths[0], paths[0], "--out", str(tmp_path / "out"), "--phases", "pre-op,post-op"]) == 1
    assert "stands twice; with --phases each film has one phase" in capsys.readouterr().err
    for words in ("pre-op,post-op,follow-up", "pre, Post,last"):
        assert main([*wrong[:-1], words, "--dry-run"]) == 0
        assert "z.png (pre-op), y.png (post-op), x.png (follow-up)" in capsys.readouterr().out
    assert main([*wrong[:-1], "pre-op,post-op,follow-up"]) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [(f["phase"], f["measurement"]["film"]["name"]) for f in report["films"]] == [
        ("pre-op", "z.png"), ("post-op", "y.png"), ("follow-up", "x.png")
    ]  # fmt: skip


def test_a_copy_of_a_film_has_no_phase_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = write_dicom(tmp_path / "pre.dcm", Phase.PRE_OP)
    (tmp_path / "copy.dcm").write_bytes(film.read_bytes())
    words = ["series", str(film), str(tmp_path / "copy.dcm"), "--out", str(tmp_path / "out")]
    assert main([*words, "--phases", "pre-op,post-op"]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert f"{tmp_path / 'copy.dcm'} (post-op) is a copy of {film} (pre-op); each film has one phase" in err
    assert not (tmp_path / "out").exists()


def test_phases_that_are_given_stand_against_the_hardware(
    stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    operated = [next((stored / phase).iterdir()) for phase in ("post-op", "follow-up")]
    words = ["series", *map(str, operated), "--out", str(tmp_path), "--phases", "pre-op,post-op"]
    assert main(words) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert [f["phase"] for f in report["films"]] == ["pre-op", "post-op"]
    assert [f["message"] for f in report["findings"] if f["code"] == "series-note"] == ["Phases are as given."]
    err = capsys.readouterr().err
    assert "is pre-op by --phases but screws are seen; the phase stays pre-op: check --phases" in err
    assert "is post-op" not in err, "screws are expected there"


@pytest.mark.parametrize("more", [["--dry-run"], []])
def test_phases_against_the_dates_are_told_once_and_on_the_page(
    stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    films = [str(next((stored / phase).iterdir())) for phase in ("pre-op", "follow-up", "post-op")]
    words = ["series", *films, "--out", str(tmp_path), "--phases", "pre-op,post-op,follow-up"]
    assert main([*words, *more]) == 0
    days = [made_up.DATES[phase].date() for phase in (Phase.POST_OP, Phase.FOLLOW_UP)]
    line = f"post-op/IM_0001.dcm (follow-up, {days[0]}) is earlier than follow-up/IM_0001.dcm (post-op, {days[1]})"
    assert capsys.readouterr().err.count(f"patient KUM-001: {line}: check the phases") == 1
    if not more:
        box = (tmp_path / "report.html").read_text().partition('<ul class="lead">')[2].partition("</ul>")[0]
        assert line[1:] in box


class OddlyTimed(FakePredictor):
    """Sees screws on the films of the morning alone."""

    def locate(self, radiograph: Radiograph) -> SpineLandmarks:
        acquired = radiograph.reference.acquired
        phase = Phase.POST_OP if acquired and acquired.hour < 12 else Phase.PRE_OP
        return replace(made_up.landmarks(phase), reference=radiograph.reference)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_screws_that_decide_against_the_clock_are_told_and_the_page_has_the_times(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(models, "load_predictor", lambda folder, **_: OddlyTimed())
    for seed, (name, hour) in enumerate((("morning", 9), ("evening", 17))):
        write_dicom(tmp_path / "in" / f"{name}.dcm", Phase.PRE_OP, acquired=dt.datetime(2024, 3, 7, hour), seed=seed)
    out = ["--out", str(tmp_path / "out"), "--lang", language]
    assert main(["series", str(tmp_path / "in"), *out]) == 0
    said = capsys.readouterr()
    line = "morning.dcm (2024-03-07 09:00) is earlier than evening.dcm (17:00), yet taken as the later"
    assert said.err.count(f"patient KUM-001: {line}") == 1
    assert all(f"7 Mar 2024 {time}" in said.out for time in ("17:00", "09:00"))
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    notes = [f["message"] for f in report["findings"] if f["code"] == "series-note"]
    assert notes == [
        "Phases follow the dates, and on one day the screws or cement that are seen: evening.dcm is taken to be before "
        "morning.dcm."
    ]
    page = (tmp_path / "out" / "report.html").read_text()
    box = page.partition('<ul class="lead">')[2].partition("</ul>")[0]
    if language == "en":
        assert line[1:] in box
        assert page.count("7 Mar 2024 17:00") == page.count("7 Mar 2024 09:00") == 3, "facts, film and table"
    else:
        assert "morning.dcm（2024-03-07 09:00）早于 evening.dcm（17:00）" in box
        assert "evening.dcm 视为早于 morning.dcm。" in page
        assert page.count("2024年3月7日 17:00") == 3


def png(path: Path, phase: Phase) -> str:
    """A picture of the made-up patient, which names neither patient nor date."""
    Image.fromarray(np.round(made_up.radiograph(phase).pixels * 255).astype(np.uint8)).save(path)
    return str(path)


@pytest.mark.parametrize("more", [["--dry-run"], []])
def test_a_picture_joins_the_one_patient_of_the_films_it_is_given_a_phase_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    films = [png(tmp_path / "pre.png", Phase.PRE_OP), str(write_dicom(tmp_path / "post.dcm", Phase.POST_OP))]
    words = ["series", *films, "--out", str(tmp_path / "out"), "--phases", "pre,post", *more]
    assert main(words) == 0
    said = capsys.readouterr()
    assert "belong to" not in said.err
    assert "pre.png: names no patient; taken for KUM-001, whose films --phases names beside it: check" in said.err
    if more:
        assert "patient KUM-001: would report on pre.png (pre-op), post.dcm (post-op)" in said.out
        return
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["patient_id"] == "KUM-001"
    assert [f["measurement"]["film"]["name"] for f in report["films"]] == ["pre.png", "post.dcm"]
    notes = [f["message"] for f in report["findings"] if f["code"] == "series-note"]
    assert notes[0] == "pre.png names no patient and is taken for one of this patient's."


def test_films_without_a_patient_join_nobody_without_phases_or_among_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = png(tmp_path / "pre.png", Phase.PRE_OP)
    one = str(write_dicom(tmp_path / "post.dcm", Phase.POST_OP))
    other = str(write_dicom(tmp_path / "other.dcm", Phase.POST_OP, "KUM-002", seed=2))
    out = ["--out", str(tmp_path / "out"), "--dry-run"]
    assert main(["series", film, one, *out]) == 0
    said = capsys.readouterr()
    assert "pre.png: names no patient; give patient_id in a manifest (kummell-ai cohort), or --phases\n" in said.err
    assert "belong to" not in said.err
    assert "patient unknown: would report on pre.png" in said.out
    assert main(["series", film, one, other, *out, "--phases", "pre,post,post"]) == 0
    said = capsys.readouterr()
    assert "The films belong to 2 patients; one report is written for each.\n" in said.err
    assert "pre.png: names no patient; give patient_id in a manifest (kummell-ai cohort)\n" in said.err
    assert main(["series", film, png(tmp_path / "last.png", Phase.FOLLOW_UP), one, *out]) == 2
    assert "2 films: no patient is named; give patient_id" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "is_open"),
    [([], True), (["--surgery-date", "2024-03-07"], False), (["--phases", "pre,post,last"], False)],
)
def test_a_dry_run_says_that_screws_may_decide(
    stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], is_open: bool
) -> None:
    films = [str(next((stored / phase.value).iterdir())) for phase in made_up.DATES]
    assert main(["series", *films, "--out", str(tmp_path), "--dry-run", *more]) == 0
    line = (
        "--dry-run: phases follow the dates alone, as no film is looked at; in the run screws or cement that are seen"
    )
    assert (line in capsys.readouterr().err) == is_open


@pytest.mark.parametrize("key", ["PatientBirthDate", "IssuerOfPatientID"])
@pytest.mark.parametrize("command", ["series", "cohort"])
def test_two_days_of_birth_or_issuers_are_two_people(command: str, key: str, tmp_path: Path) -> None:
    told = []
    for values in (("19300101", "19610505"), ("19300101", "19300101"), ("19000101", "19610505")):
        if key == "IssuerOfPatientID" and "19000101" in values:
            continue  # a placeholder among days alone
        folder = tmp_path / "-".join(values)
        for value, phase in zip(values, (Phase.PRE_OP, Phase.POST_OP), strict=True):
            film = pydicom.dcmread(write_dicom(folder / f"{phase.value}.dcm", phase))
            setattr(film, key, value)
            film.save_as(folder / f"{phase.value}.dcm")
        err = io.StringIO()
        with redirect_stderr(err):
            assert main([command, str(folder), "--out", str(tmp_path / f"out-{folder.name}")]) == 0
        told.append("day of birth or issuer" in err.getvalue())
        assert not [p for p in (tmp_path / f"out-{folder.name}").rglob("*.json") if values[1] in p.read_text()]
    assert told == [True, False, False][: len(told)]


def test_an_exposure_with_new_uid_and_date_is_no_follow_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for phase in (Phase.PRE_OP, Phase.POST_OP):
        write_dicom(tmp_path / "in" / f"{phase.value}.dcm", phase)
    again = pydicom.dcmread(tmp_path / "in" / "post-op.dcm")
    again.SOPInstanceUID = again.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    again.AcquisitionDate = again.StudyDate = again.SeriesDate = again.ContentDate = "20250901"
    again.save_as(tmp_path / "in" / "zz.dcm")
    assert main(["series", str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 0
    told = capsys.readouterr()
    assert "copies of others: zz.dcm of post-op.dcm" in told.err
    (report,) = (tmp_path / "out").rglob("report.json")
    assert len(json.loads(report.read_text())["films"]) == 2


@pytest.mark.parametrize(
    ("names", "sexes", "is_told"),
    [
        (("Li^Wei", "LI WEI"), ("M", ""), False),
        (("Li^Wei=李^伟", "Li^Wei"), ("M", "M"), False),
        (("", "Li^Wei"), ("", "F"), False),
        (("Li^Wei", "Li^Na"), ("", ""), True),
        (("Li^Wei", "Li^Wei"), ("M", "F"), True),
    ],
)
@pytest.mark.parametrize("command", ["series", "cohort"])
def test_one_identifier_of_two_people_is_told(
    command: str, names: Sequence[str], sexes: Sequence[str], is_told: bool, tmp_path: Path
) -> None:
    for name, sex, phase in zip(names, sexes, (Phase.PRE_OP, Phase.POST_OP), strict=True):
        path = write_dicom(tmp_path / "in" / f"{phase.value}.dcm", phase)
        film = pydicom.dcmread(path)
        film.SpecificCharacterSet, film.PatientName, film.PatientSex = "ISO_IR 192", name, sex
        film.save_as(path)
    err = io.StringIO()
    with redirect_stderr(err):
        assert main([command, str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 0
    assert err.getvalue().count("another name, sex") == is_told
    pages = list((tmp_path / "out").rglob("report.html"))
    said = [page for page in pages if "another name, sex" in page.read_text()]
    assert bool(said) == is_told
    assert not [page for page in pages if "Li^Wei" in page.read_text()], "names stay in the headers"


def test_one_exposure_saved_again_with_another_date_is_a_copy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed, phase in enumerate((Phase.PRE_OP, Phase.POST_OP)):
        film = write_dicom(tmp_path / "in" / f"{phase.value}.dcm", phase, seed=seed)
    again = pydicom.dcmread(film)
    again.StudyDate = again.AcquisitionDate = "20230101"
    again.save_as(tmp_path / "in" / "zz.dcm")
    main(["series", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--json"])
    assert any("copies of others: zz.dcm of post-op.dcm" in w for w in json.loads(capsys.readouterr().out)["warnings"])


@pytest.mark.parametrize(
    ("names", "more", "line"),
    [
        (["post-op", "follow-up"], ["--phases", "post-op,follow-up"], "no pre-op film: no correction; add the film"),
        (["pre-op", "post-op"], ["--phases", "pre-op,pre-op"], "no film after surgery: no correction; add the film"),
        (["pre-op", "follow-up"], ["--phases", "pre-op,follow-up"], "no post-op film: the overall change alone"),
        (["pre-op", "post-op"], ["--surgery-date", "2030-01-01"], "the surgery date 2030-01-01 lies after all films"),
        (["pre-op", "post-op"], ["--surgery-date", "2000-01-01"], "the surgery date 2000-01-01 lies before all films"),
        (["pre-op", "post-op"], ["--phases", "pre-op,post-op"], ""),
    ],
)
def test_a_phase_that_is_missing_is_told(
    stored: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    names: list[str],
    more: list[str],
    line: str,
) -> None:
    films = [str(next((stored / name).iterdir())) for name in names]
    for words in (["--dry-run"], []):
        assert main(["series", *films, "--out", str(tmp_path), *more, *words]) == 0
        said = capsys.readouterr().err
        assert (f"patient KUM-001: {line}" if line else "") in said
        assert ("film" in said) == bool(line)
    box = (tmp_path / "report.html").read_text().partition('<ul class="lead">')[2].partition("</ul>")[0]
    assert line[1:] in box


def test_every_film_of_the_day_of_surgery_that_is_taken_to_be_before_it_is_noted() -> None:
    shots = [shot("early", "2024-03-01"), shot("before", "2024-03-07"), shot("after", "2024-03-07", Phase.POST_OP)]
    shots = [replace(s, reference=replace(s.reference, sha256=s.name)) for s in shots]
    (patient,) = order_patients(shots, dt.date(2024, 3, 7), Problems())
    assert [phase for phase, _ in patient.visits.films] == [Phase.PRE_OP, Phase.PRE_OP, Phase.POST_OP]
    assert patient.notes == ("before is of the day of surgery and is taken to be before it.",)
