"""Names, ids and dates planted everywhere in headers, file names and spreadsheets: none is in any output."""

from __future__ import annotations

import base64
import datetime as dt
import io
import json
import re
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pydicom
import pytest

from kummell_ai.anatomy import Phase
from kummell_ai.cli import models
from kummell_ai.cli.main import main
from kummell_ai.cohort.pseudonym import Pseudonyms
from tests import made_up
from tests.cli.conftest import FakePredictor, write_dicom

PEOPLE = {"WEI-7731": "Zhang^Wei", "17": "Ouyang^Na", "LI-0042": "Li^Fang"}
PLANTED = {
    "InstitutionName": "Renmin Hospital",
    "ReferringPhysicianName": "Planted^Physician",
    "OperatorsName": "Planted^Operator",
    "AccessionNumber": "ACC99887",
    "StudyDescription": "PLANTEDSTUDY",
    "SeriesDescription": "PLANTEDSERIES",
    "StationName": "ROOM7STATION",
    "DeviceSerialNumber": "SERIAL4455",
    "PatientAddress": "12 Planted Street",
    "PatientComments": "PLANTEDCOMMENT",
    "ImageComments": "PLANTEDIMAGE",
    "Manufacturer": "PLANTEDMAKER",
    "PatientPosition": "PLANTEDPOS",
    "PatientBirthDate": "19480213",
    "OtherPatientIDs": "OTHER5566",
}
SECRETS = (
    *("WEI-7731", "LI-0042", "zhang", "ouyang", "fang", "renmin", "planted", "acc99887", "room7", "serial4455"),
    *("19480213", "1948", "other5566", "20240304", "2024", "2025", "hospital", "13800138000", "1.2.826.0.1.3680043"),
)
"""Lower or upper case does not matter."""


@dataclass(frozen=True, slots=True)
class Run:
    folder: Path
    inputs: Path
    code: int
    said: str


def plant(path: Path, name: str) -> None:
    dataset = pydicom.dcmread(path)
    dataset.PatientName = name
    for keyword, value in PLANTED.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    inputs = tmp_path_factory.mktemp("hospital_zhang")
    rows = ["film,patient_id,phase,surgery_date,index_level"]
    for i, (patient, name) in enumerate(PEOPLE.items()):
        for j, phase in enumerate(made_up.DATES):
            film = write_dicom(inputs / f"{name.replace('^', '_')}_{j}.dcm", phase, patient, seed=10 * i + j)
            plant(film, name if (i, j) != (2, 2) else "Zhang^Fang")
            rows.append(f"{film.name},{patient},,2024-03-07,L1")
    (inputs / "Zhang_broken.dcm").write_bytes(b"no film")
    rows[1:4] = [row.replace("WEI-7731", "LI-0042") if row.startswith("Zhang_Wei_2") else row for row in rows[1:4]]
    rows += ["Zhang_broken.dcm,WEI-7731,,,", "Zhang_absent.dcm,WEI-7731,Zhang Wei,5.3.2024,Zhang"]
    (inputs / "zhang_films.csv").write_text("\n".join(rows) + "\n")
    (inputs / "zhang_scores.csv").write_text(
        "patient_id;vas_pre;vas_post;odi_last;Zhang Wei\nWEI-7731;call 13800138000;2,5;30;1\n17;8;2;20;\n"
        "LI-0042;7;1;10;\nLI-0042;6;1;10;\nZHANG-9;7;1;10;\n"
    )
    folder = tmp_path_factory.mktemp("out") / "results"
    out, err = io.StringIO(), io.StringIO()
    words = [str(inputs / "zhang_films.csv"), "--clinical", str(inputs / "zhang_scores.csv"), "--out", str(folder)]
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(models, "load_predictor", lambda folder, **_: FakePredictor())
        code = main(["cohort", *words, "--deidentify", "key", "--json"])
    return Run(folder, inputs, code, out.getvalue() + err.getvalue())


def texts(run: Run) -> dict[str, str]:
    """Everything a reader could get at: what is said, names of files, their text, and what pictures hold."""
    found = {"said": run.said.replace(str(run.folder), "")}
    for path in run.folder.rglob("*"):
        name = path.relative_to(run.folder).as_posix()
        found[f"name of {name}"] = name
        if path.is_file():
            content = path.read_bytes()
            is_packed = path.suffix == ".parquet"
            found[name] = str(pq.read_table(path).to_pylist()) if is_packed else content.decode("utf-8", "replace")
            for i, data in enumerate(re.findall(rb"base64,([A-Za-z0-9+/=]+)", content)):
                found[f"picture {i} of {name}"] = base64.b64decode(data).decode("latin-1")
    return found


def test_nothing_of_header_file_name_or_cell_is_in_any_output(run: Run) -> None:
    assert run.code == 2
    everything = texts(run)
    assert len(everything) > 20
    made = re.compile(r'"created": "[^"]*"|<dt>Made</dt><dd>[^<]*</dd>')  # when the program ran is no date of a patient
    for name, text in everything.items():
        if name.startswith("picture"):
            continue  # compressed: three bytes may be any; what a picture says beside its pixels is tested below
        clean = made.sub("", text).lower()
        clean = re.sub(r"base64,[a-z0-9+/=]+", "", clean).replace('"pingfang sc"', "")  # a font of every page
        for secret in SECRETS:
            assert secret.lower() not in clean, f"{secret} is in {name}"
        assert not re.search(r"patient 17\b|>17<|\n17,|\"17\"", clean), f"the patient called 17 is in {name}"


def test_pictures_hold_pixels_alone(run: Run) -> None:
    pictures = {name: text for name, text in texts(run).items() if name.startswith("picture")}
    assert pictures
    for text in pictures.values():
        assert not any(mark in text for mark in ("tEXt", "iTXt", "eXIf", "Exif", "http://ns.adobe.com"))


def test_faults_are_still_said_with_their_rows(run: Run) -> None:
    for line in (
        "scores.csv row 2: vas_pre is '…'; expected 0 to 10",
        "scores.csv row 1: column '…' is not known",
        "manifest.csv row 12: surgery_date '…' is no date",
        "manifest.csv row 12: index_level: '…' is no vertebral level",
        "manifest.csv row 11: film 10: ",
        "stands 2 times; none is used",
    ):
        assert line in run.said


def test_the_intervals_of_dates_stay(run: Run) -> None:
    reports = [json.loads(path.read_text()) for path in run.folder.rglob("report.json")]
    assert len(reports) == 3
    days = {row.split(",")[9] for row in (run.folder / "values.csv").read_text().splitlines()[1:]}
    first, *_, last = made_up.DATES.values()
    assert str((last.date() - first.date()).days) in days


def test_short_names_that_are_no_latin_words_are_hidden_too(tmp_path: Path) -> None:
    write_dicom(tmp_path / "in" / "a.dcm", Phase.PRE_OP, "李明")
    (tmp_path / "in" / "李明").write_bytes(b"no film")
    (tmp_path / "in" / "王芳").mkdir()
    (tmp_path / "in" / "王芳" / "张伟").write_bytes(b"no film either")
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(models, "load_predictor", lambda folder, **_: FakePredictor())
        main(["cohort", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--deidentify", "key"])
    pages = [p.read_text() for p in (tmp_path / "out").rglob("*") if p.suffix in (".html", ".csv", ".json", ".txt")]
    for name in ("李明", "王芳", "张伟"):
        assert not any(name in text for text in (out.getvalue(), err.getvalue(), *pages)), name


def test_a_date_at_the_beginning_of_the_calendar_does_not_stop_a_run() -> None:
    assert Pseudonyms("key").day("A", dt.date(1, 1, 1)) == dt.date(1, 1, 1)
