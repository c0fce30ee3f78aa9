"""Whose a film of a cohort is: headers, manifests and folders against each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from kummell_ai.anatomy import Phase
from kummell_ai.cohort.pseudonym import Pseudonyms
from tests import made_up
from tests.cli.conftest import read_rows, write_dicom
from tests.cli.test_cli_cohort import run


def test_another_patient_in_the_header_and_a_copy_are_said(tmp_path: Path) -> None:
    film = write_dicom(tmp_path / "a.dcm", Phase.PRE_OP, "A")
    (tmp_path / "copy.dcm").write_bytes(film.read_bytes())
    (tmp_path / "m.csv").write_text("film,patient_id,phase,index_level\na.dcm,B,pre,L1\ncopy.dcm,B,post,\n")
    code, _, err = run(str(tmp_path / "m.csv"), "--out", str(tmp_path / "out"))
    assert code == 2
    assert "m.csv row 2: the film says patient A, the manifest B; the manifest counts" in err
    assert "copy.dcm: is a copy of m.csv row 2; list it once" in err
    assert {row["phase"] for row in read_rows(tmp_path / "out" / "values.csv")} == {"pre-op"}


def test_one_exposure_saved_again_for_another_patient_is_a_copy(tmp_path: Path) -> None:
    film = write_dicom(tmp_path / "in" / "a.dcm", Phase.PRE_OP, "A")
    again = pydicom.dcmread(film)
    again.PatientID = "B"
    again.save_as(tmp_path / "in" / "b.dcm")
    _, _, err = run(str(tmp_path / "in"), "--out", str(tmp_path / "out"))
    line = "b.dcm: is a copy of a.dcm and is given to two patients, A and B; a.dcm counts: check whose it is"
    assert line in err
    assert line.partition(": ")[2] in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize("folder", ["img", "img row 2"])
def test_nameless_films_of_two_folders_are_two_patients(tmp_path: Path, folder: str) -> None:
    """A folder may be called as the rows of a manifest are."""
    for i, patient in enumerate(("001", "002")):
        for seed, phase in enumerate((Phase.PRE_OP, Phase.POST_OP)):
            write_dicom(tmp_path / "in" / patient / folder / f"{phase.value}.dcm", phase, "", seed=10 * i + seed)
    code, out, err = run(str(tmp_path / "in"), "--out", str(tmp_path / "out"))
    assert (code, "2 patients, 4 of 4 films" in out) == (0, True)
    for patient in ("001", "002"):
        line = "2 films name no patient: taken for one patient, by folder"
        assert f"patient unknown {patient}/{folder}: {line} {patient}/{folder}; give patient_id in a manifest" in err
    _, _, err = run(str(tmp_path / "in"), "--out", str(tmp_path / "hidden"), "--deidentify", "key")
    assert "2 films name no patient: taken for one patient, by folder; give patient_id in a manifest" in err
    assert "img" not in err


def test_nameless_films_in_one_folder_are_told(tmp_path: Path) -> None:
    for seed, phase in enumerate((Phase.PRE_OP, Phase.POST_OP)):
        write_dicom(tmp_path / "in" / f"{phase.value}.dcm", phase, "", seed=seed)
    code, _, err = run(str(tmp_path / "in"), "--out", str(tmp_path / "out"))
    assert code == 0
    assert "patient unknown in/: 2 films name no patient: taken for one patient" in err


def test_a_manifest_must_name_the_patients_of_nameless_films(tmp_path: Path) -> None:
    rows = ["film,phase"]
    for phase in ("pre-op", "post-op"):
        rows.append(f"{write_dicom(tmp_path / f'{phase}.dcm', Phase(phase), '').name},{phase}")
    rows.append(f"{write_dicom(tmp_path / 'named.dcm', Phase.PRE_OP, 'A', seed=3).name},pre")
    (tmp_path / "m.csv").write_text("\n".join(rows) + "\n")
    code, out, err = run(str(tmp_path / "m.csv"), "--out", str(tmp_path / "out"))
    assert (code, "1 patient, 1 of 3 films" in out) == (2, True)
    assert "m.csv row 2: pre-op.dcm: names no patient; it is not used: give patient_id in the row" in err
    assert err.count("names no patient") == 2


def two_patients(folder: Path, rows: list[str]) -> Path:
    """A manifest of two films, both of patient X by their headers, and a copy of the first as a picture would be."""
    for phase in (Phase.PRE_OP, Phase.POST_OP):
        write_dicom(folder / f"{phase.value}.dcm", phase, "PAT-X")
    (folder / "copy.dcm").write_bytes((folder / "pre-op.dcm").read_bytes())
    (folder / "m.csv").write_text("\n".join(["film,patient_id,phase,index_level", *rows]) + "\n")
    return folder / "m.csv"


@pytest.mark.parametrize("key", [None, "key"])
@pytest.mark.parametrize(("one", "other"), [("PAT-X", "PAT-Y"), ("1", "2"), ("李明", "王芳")])
def test_a_film_of_two_patients_names_both(one: str, other: str, key: str | None, tmp_path: Path) -> None:
    rows = [f"pre-op.dcm,{one},pre,L1", f"post-op.dcm,{one},post,L1", f"pre-op.dcm,{other},pre,", f"copy.dcm,{other},,"]
    manifest = two_patients(tmp_path, rows)
    out = tmp_path / "out"
    code, _, err = run(str(manifest), "--out", str(out), *(["--deidentify", key] if key else []))
    assert code == 2
    sheet, named = ("manifest.csv", Pseudonyms(key).patient) if key else ("m.csv", str)
    both = f"is given to two patients, {named(one)} and {named(other)}; {sheet} row 2 counts: "
    twice, copy = (line for line in err.splitlines() if both in line)
    film, copied = ("film 1", "film 3") if key else ("pre-op.dcm", "copy.dcm")
    assert twice == f"{sheet} row 4: {film} {both}correct one of the rows"
    assert copy == f"{sheet} row 5: {copied}: is a copy of {sheet} row 2 and {both}check whose it is"
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count(both) == 2
    if key and len(other) > 1:
        assert other not in err + page


def test_pictures_of_one_content_in_the_folders_of_two_patients_name_both(tmp_path: Path) -> None:
    grey = np.round(made_up.radiograph(Phase.PRE_OP).pixels * 255).astype(np.uint8)
    for patient in ("P1", "P2"):
        (tmp_path / "in" / patient).mkdir(parents=True)
        Image.fromarray(grey).save(tmp_path / "in" / patient / "a.png")
    _, _, err = run(str(tmp_path / "in"), "--out", str(tmp_path / "out"))
    line = "P2/a.png: is a copy of P1/a.png and is given to two patients, unknown P1 and unknown P2; P1/a.png counts: "
    assert line in err
    assert run(str(tmp_path / "in"), "--out", str(tmp_path / "hidden"), "--deidentify", "key")[2].count("P1") == 0


@pytest.mark.parametrize("key", [None, "key"])
def test_one_patient_of_the_headers_as_two_of_the_manifest_is_told_once(key: str | None, tmp_path: Path) -> None:
    manifest = two_patients(tmp_path, ["pre-op.dcm,P1,pre,L1", "post-op.dcm,p1,post,L1"])
    _, _, err = run(str(manifest), "--out", str(tmp_path / "out"), *(["--deidentify", key] if key else []))
    sheet, named = ("manifest.csv", Pseudonyms(key).patient) if key else ("m.csv", str)
    line = (
        f"{sheet} row 3: patients {named('P1')} and {named('p1')} have films whose headers name one patient, "
        f"{named('PAT-X')}; they count as 2 patients: give one patient_id if they are one person"
    )
    assert err.splitlines().count(line) == 1
    assert line.partition(": ")[2] in (tmp_path / "out" / "report.html").read_text()
    if key:
        assert "PAT-X" not in err


def test_one_patient_of_header_and_manifest_is_not_told(tmp_path: Path) -> None:
    manifest = two_patients(tmp_path, ["pre-op.dcm,P1,pre,L1", "post-op.dcm,P1,post,L1"])
    assert "headers name one patient" not in run(str(manifest), "--out", str(tmp_path / "out"))[2]
