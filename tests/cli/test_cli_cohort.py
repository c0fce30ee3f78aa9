"""A small cohort from manifest and scores to the page; each kind of bad input gets its line."""

from __future__ import annotations

import io
import json
import re
import shutil
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from kummell_ai.anatomy import Phase
from kummell_ai.cli import models
from kummell_ai.cli.main import main
from kummell_ai.cohort.pseudonym import Pseudonyms
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.interval_factors import SIMULATED_FILMS
from kummell_ai.imaging.radiograph import Radiograph
from kummell_ai.reporting.words import INTERVALS_NOT_CALIBRATED, INTERVALS_TOO_NARROW
from tests import made_up
from tests.cli.conftest import DoubtfulPredictor, FakeBundle, FakePredictor, read_rows, write_dicom
from tests.measurement.test_shared_shapes import with_together

NAMES = ("LI-1", "LI-2", "LI-3", "LI-4")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four patients: one lacks its follow-up, one has a single film; and a film that is none, one that is absent."""
    folder = tmp_path_factory.mktemp("hospital")
    rows = ["film,patient_id,surgery_date,manual_wedge_angle_deg"]
    for number, name in enumerate(NAMES):
        for i, phase in enumerate(list(made_up.DATES)[: {2: 2, 3: 1}.get(number, 3)]):
            film = write_dicom(folder / f"{name}-{i}.dcm", phase, name, seed=10 * number + i)
            rows.append(f"{film.name},{name},2024-03-07,{20 - 5 * i + 0.3 * number}")
    (folder / "broken.dcm").write_bytes(b"no film")
    rows += ["broken.dcm,LI-1,,", "absent.dcm,LI-1,,"]
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    (folder / "scores.csv").write_text(
        "patient_id;vas_pre;vas_post;vas_last;frankel_pre;frankel_post;frankel_last\n"
        "LI-1;8;2,5;2;C;D;E\nLI-2;7;3;12;D;E;E\nLI-3;9;2;3;C;D;D\nLI-4;6;;;E;;\nLI-9;5;1;1;E;E;E\n"
    )
    return folder


def run(*words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(models, "load_predictor", lambda folder, **_: FakePredictor())
        code = main(["cohort", *words])
    return code, out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def plain(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, str, str]:
    folder = tmp_path_factory.mktemp("cohort")
    return folder, *run(str(inputs / "manifest.csv"), "--clinical", str(inputs / "scores.csv"), "--out", str(folder))


def test_page_table_and_figures(plain: tuple[Path, int, str, str]) -> None:
    folder, code, out, _ = plain
    page = (folder / "report.html").read_text()
    assert code == 2, "two films could not be used"
    assert "4 patients, 9 of 11 films in the table" in out
    assert page.count("<h2>") == 10
    assert "ICC(2,1)" in page
    assert '<span class="badge">Simulated films</span>' in page, "the films of these tests say that they are simulated"
    assert re.search(r'>[+−]?[\d.]+ <span class="ci">\([^<()]+\)</span>', page), "an interval stays together"
    assert not re.search(r'(src|href)="(?!data:|#|patient-)', page), "the page must not load anything"
    assert {p.name for p in folder.iterdir()} >= {"report.html", "values.csv", "methods.txt", "figures"}
    assert len(list((folder / "figures").glob("*.svg"))) == 4 * 3 + 1
    assert ("cd" * 32)[:16] in (folder / "methods.txt").read_text()
    assert (folder / "methods.txt").read_text().startswith("Films are simulated. Vertebral corners were located")


def test_every_number_leads_back_to_its_film_or_row(plain: tuple[Path, int, str, str]) -> None:
    rows = read_rows(plain[0] / "values.csv")
    heights = [r for r in rows if r["measure"] == "anterior_height_mm" and r["patient_id"] == "LI-1"]
    assert [r["source"] for r in heights] == ["LI-1-0.dcm", "LI-1-1.dcm", "LI-1-2.dcm"]
    assert float(heights[0]["value"]) == pytest.approx(made_up.WEDGE[Phase.PRE_OP][0], abs=0.5)
    assert float(heights[0]["low"]) < float(heights[0]["value"]) < float(heights[0]["high"])
    assert [r["grade"] for r in rows if r["source"] == "scores.csv row 2" and r["measure"] == "frankel"] == [*"CDE"]


@pytest.mark.parametrize(
    "line",
    [
        "scores.csv row 3: vas_last is '12'; expected 0 to 10",
        "manifest.csv row 11: ",
        "absent.dcm: is not there; check the path",
        "manifest.csv row 8: patient LI-3: no follow-up film is usable; it counts as missing",
        "manifest.csv row 10: patient LI-4: 1 usable film, LI-4-0.dcm; a correction needs",
        "scores.csv row 6: patient LI-9 has scores and no usable film",
    ],
)
def test_bad_input_is_said_and_shown(plain: tuple[Path, int, str, str], line: str) -> None:
    assert line in plain[3]
    assert line.partition(": ")[2][:40] in (plain[0] / "report.html").read_text().replace("&#39;", "'")


def test_chinese_and_deidentified(inputs: Path, tmp_path: Path) -> None:
    scores = inputs / "twice.csv"
    scores.write_text((inputs / "scores.csv").read_text() + "LI-8;1;1;1;E;E;E\nLI-8;2;2;2;E;E;E\n")
    code, out, err = run(
        *(str(inputs / "manifest.csv"), "--clinical", str(scores), "--out", str(tmp_path)),
        *("--lang", "zh", "--deidentify", "key", "--json"),
    )
    assert code == 2
    assert len(json.loads(out)["patients"]) == 4
    assert "术前" in (tmp_path / "report.html").read_text()
    files = [path for path in tmp_path.rglob("*") if path.suffix in (".html", ".json", ".csv", ".txt", ".svg")]
    for text in (out, err, *(path.name for path in tmp_path.rglob("*")), *(p.read_text("utf-8") for p in files)):
        for secret in ("LI-", "2024-03", "2025-04", "hospital"):
            assert secret not in text.replace(str(inputs), "").replace(str(tmp_path), "")


def test_a_folder_is_enough_and_of_a_day_twice_one_film_counts(tmp_path: Path) -> None:
    films = tmp_path / "in"
    for i, phase in enumerate(made_up.DATES):
        write_dicom(films / f"{i}.dcm", phase, "A", seed=i)
    for i, phase in enumerate([Phase.PRE_OP, Phase.PRE_OP, Phase.POST_OP]):
        write_dicom(films / f"b{i}.dcm", phase, "B", seed=20 + i)
    code, out, err = run(str(films), "--out", str(tmp_path / "out"))
    assert code == 0
    assert "2 patients, 5 of 6 films" in out
    assert "b1.dcm: b0.dcm and b1.dcm are of one day, 2024-03-04; b0.dcm counts: give the phase of each" in err
    page = (tmp_path / "out" / "report.html").read_text()
    assert "another film of the same day" in page
    assert '<a href="patient-A/report.html">Report, L1</a> <span class="soft">level found</span>' in page


@pytest.mark.parametrize("name", ["values.csv", "summary.csv", "tests.csv", "verdicts.csv"])
def test_a_table_of_a_person_is_not_replaced(name: str, inputs: Path, tmp_path: Path) -> None:
    table = tmp_path / name
    table.write_text("patient_id;read by hand\n1;13,4\n")
    code, _, err = run(str(inputs / "manifest.csv"), "--out", str(tmp_path))
    assert code == 1
    assert f"{table} is no table of this program and would be replaced" in err
    assert list(tmp_path.iterdir()) == [table]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("report.html", "is not marked as drawn by this program"),
        ("methods.txt", "is no text of this program"),
        ("values.parquet", "is no table of this program"),
        ("figures/courses_anterior_height.svg", "is not marked as drawn by this program"),
        ("figures/boxes_odi.png", "is not marked as drawn by this program"),
        ("patient-LI-1/report.html", "is not marked as drawn by this program"),
        ("patient-LI-1/report.json", "is no report of this program"),
    ],
)
def test_a_page_or_text_of_a_person_is_not_replaced(name: str, text: str, inputs: Path, tmp_path: Path) -> None:
    own = tmp_path / name
    own.parent.mkdir(exist_ok=True)
    own.write_text("We looked back at the films of 40 patients.")
    code, _, err = run(str(inputs / "manifest.csv"), "--out", str(tmp_path))
    assert code == 1
    assert f"{own} {text} and would be replaced" in err
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [own]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_cohort_takes_the_place_of_an_earlier_one(language: str, inputs: Path, tmp_path: Path) -> None:
    for _ in range(2):
        assert run(str(inputs / "manifest.csv"), "--out", str(tmp_path), "--lang", language)[0] == 2


def test_nothing_usable(tmp_path: Path) -> None:
    assert run(str(tmp_path / "nowhere"), "--out", str(tmp_path / "out"))[0] == 1
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.dcm").write_bytes(b"no film")
    assert run(str(tmp_path / "in"), "--out", str(tmp_path / "out"))[0] == 3
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("lang", "sentence"), [("en", "were set on simulated films"), ("zh", "依据模拟影像设定")])
def test_real_films_with_intervals_of_simulated_ones_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lang: str, sentence: str
) -> None:
    predictor = FakePredictor()
    monkeypatch.setattr(models, "load_predictor", lambda folder, **_: predictor)
    rows = ["film,patient_id,phase"]
    for phase in ("pre-op", "post-op"):
        grey = np.round(made_up.radiograph(Phase(phase)).pixels * 255).astype(np.uint8)
        Image.fromarray(grey).save(tmp_path / f"{phase}.png")
        rows.append(f"{phase}.png,LI-1,{phase}")
        rows.append(f"{write_dicom(tmp_path / f'{phase}.dcm', Phase(phase), 'LI-2').name},LI-2,{phase}")
    (tmp_path / "manifest.csv").write_text("\n".join(rows) + "\n")
    for source, count in ((None, 0), (SIMULATED_FILMS, 2)):
        predictor.bundle = FakeBundle(calibrated_on=source)
        out = tmp_path / f"out-{count}"
        assert main(["cohort", str(tmp_path / "manifest.csv"), "--out", str(out), "--lang", lang]) == 0
        assert (out / "report.html").read_text(encoding="utf-8").count(sentence) == count
        told = capsys.readouterr().out
        assert told.count(INTERVALS_NOT_CALIBRATED) == (1 if source is None else 0)
        assert told.count(INTERVALS_TOO_NARROW) == (0 if source is None else 1)


def test_the_films_of_a_patient_are_named_together(
    stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "load_predictor", lambda folder, **_: DoubtfulPredictor())
    assert main(["cohort", str(stored), "--out", str(tmp_path)]) == 0
    heights = [r for r in read_rows(tmp_path / "values.csv") if r["measure"] == "anterior_height_mm"]
    assert [float(r["value"]) for r in heights] == pytest.approx([made_up.WEDGE[p][0] for p in made_up.DATES], abs=0.5)


def test_films_of_one_name_in_several_folders_are_all_counted(tmp_path: Path) -> None:
    rows = ["film,patient_id,phase"]
    for patient in ("A", "B"):
        for phase in (Phase.PRE_OP, Phase.POST_OP):
            path = write_dicom(tmp_path / "in" / patient / f"{phase.value}.dcm", phase, patient)
            rows.append(f"{path.relative_to(tmp_path / 'in')},{patient},{phase.value}")
    (tmp_path / "in" / "manifest.csv").write_text("\n".join(rows) + "\n")
    code, out, _ = run(str(tmp_path / "in" / "manifest.csv"), "--out", str(tmp_path / "out"))
    assert (code, "2 patients, 4 of 4 films in the table" in out) == (0, True)


def test_warnings_about_whole_films_are_among_the_findings(tmp_path: Path) -> None:
    for phase in (Phase.PRE_OP, Phase.POST_OP):
        write_dicom(tmp_path / "in" / f"{phase.value}.dcm", phase, "A")
    path = tmp_path / "in" / "post-op.dcm"
    film = pydicom.dcmread(path)
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "EstimatedRadiographicMagnificationFactor"):
        film.pop(keyword, None)
    film.save_as(path)
    code, _, err = run(str(tmp_path / "in"), "--out", str(tmp_path / "out"))
    assert code == 0
    line = "patient A: post-op film: the film has no usable pixel spacing; heights in mm need it: use angles and ratios"
    assert f"{line}, or convert it to DICOM with its spacing" in err
    assert "give the spacing" not in err
    page = (tmp_path / "out" / "report.html").read_text()
    assert "has no usable pixel spacing" in page
    assert "patient A: heights of L1 are on the scale of pre-op.dcm (" in err
    assert re.search(r"Heights of a patient&#39;s films are on one scale. Patients by scale: [^.;]+ \(n = 1\)\.", page)
    rows = {r["phase"]: r for r in read_rows(tmp_path / "out" / "values.csv") if r["measure"] == "anterior_height_mm"}
    assert float(rows["post-op"]["value"]) == pytest.approx(made_up.WEDGE[Phase.POST_OP][0], abs=0.5)
    assert rows["post-op"]["scale"] == rows["pre-op"]["scale"]
    assert float(rows["post-op"]["scaled_by"]) == pytest.approx(made_up.MM, rel=0.02)


def test_a_study_without_a_film_in_the_table_is_no_success(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "in" / "a.dcm", Phase.PRE_OP, "A")
    code, _, _ = run(str(path.parent), "--out", str(tmp_path / "out"))
    assert code == 3


NAMES_OF_RESULTS = ("report.html", "methods.txt", "values.csv", "tests.parquet", "figures/*", "patient-*/report.json")


@pytest.fixture(scope="module")
def two_films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A patient with two films, the results of a run that names it, and of one that does not."""
    folder = tmp_path_factory.mktemp("two")
    for phase in (Phase.PRE_OP, Phase.POST_OP):
        write_dicom(folder / "in" / f"{phase.value}.dcm", phase, "A")
    assert run(str(folder / "in"), "--out", str(folder / "named"))[0] == 0
    assert run(str(folder / "in"), "--out", str(folder / "hidden"), "--deidentify", "key")[0] == 0
    return folder


@pytest.mark.parametrize("left", ["*", *NAMES_OF_RESULTS, "patient-*/report.html"])
def test_results_that_may_name_patients_are_not_mixed_with_pseudonyms(
    left: str, two_films: Path, tmp_path: Path
) -> None:
    """Whatever an earlier run left, also where the folders of its patients were removed."""
    for path in two_films.joinpath("named").rglob("*") if left == "*" else two_films.joinpath("named").glob(left):
        copy = tmp_path / path.relative_to(two_films / "named")
        if path.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert before
    code, _, err = run(str(two_films / "in"), "--out", str(tmp_path), "--deidentify", "key")
    assert (code, "holds results of an earlier run that name patients; give a new folder" in err) == (1, True)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("key", ["key", "another"])
def test_deidentified_results_may_be_replaced_by_such(key: str, two_films: Path, tmp_path: Path) -> None:
    out = tmp_path / "figures"  # whatever the folder is called
    shutil.copytree(two_films / "hidden", out)
    code, _, err = run(str(two_films / "in"), "--out", str(out), "--deidentify", key)
    assert code == 0
    assert ("of an earlier run go" in err, "of an earlier run stay here" in err) == ((key != "key"),) * 2


def test_patients_who_are_called_as_pseudonyms_are_still_names(tmp_path: Path) -> None:
    """Their films are not, as a table of values tells."""
    for phase in (Phase.PRE_OP, Phase.POST_OP):
        write_dicom(tmp_path / "in" / f"{phase.value}.dcm", phase, "P-0123456789")
    words = [str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    assert run(*words)[0] == 0
    code, _, err = run(*words, "--deidentify", "key")
    assert (code, "that name patients" in err) == (1, True)


def test_what_an_earlier_cohort_left_is_told(inputs: Path, plain: tuple[Path, int, str, str], tmp_path: Path) -> None:
    """Figures of scores that are not given again, and the pages, numbers and rows of patients who are gone."""
    out = tmp_path / "out"
    shutil.copytree(plain[0], out)
    (out / "patient-LI-9").mkdir()
    (out / "patient-LI-9" / "report.html").write_text("a person's own")
    rows = (inputs / "manifest.csv").read_text().splitlines()
    manifest = inputs / "fewer.csv"
    manifest.write_text("\n".join([rows[0].replace(",manual_", ",x_"), *(r for r in rows if ",LI-1," in r)]) + "\n")
    assert run(str(inputs / "manifest.csv"), "--clinical", str(inputs / "scores.csv"), "--out", str(out))[2] == plain[3]
    code, _, err = run(str(manifest), "--out", str(out), "--json")
    assert code == 2
    assert (
        f"{out / 'values.csv'}: rows of LI-2, LI-3, LI-4 of an earlier run go, as the table holds this run only" in err
    )
    (line,) = [line for line in err.splitlines() if "of an earlier run stay here" in line]
    first, count = re.match(rf"{out}: (.*) and (\d+) more of an earlier run stay here", line).groups()  # type: ignore[union-attr]
    assert first == "figures/bland_altman_wedge_angle.png, figures/bland_altman_wedge_angle.svg, figures/boxes_vas.png"
    assert int(count) == 2 + 3 * 2 + 3 * 2 - 3, (
        "PNG and SVG of a plot of agreement and three of VAS, two files a patient"
    )


@pytest.mark.parametrize("command", [["series"], ["measure"], ["measure", "--formats", "json"]])
def test_results_of_one_named_patient_are_not_mixed_with_pseudonyms(
    stored: Path, tmp_path: Path, command: list[str]
) -> None:
    assert main([*command, "--out", str(tmp_path), "--", str(stored)]) == 0
    code, _, err = run(str(stored), "--out", str(tmp_path), "--deidentify", "key")
    assert (code, "holds results of an earlier run that name patients" in err) == (1, True)


def test_the_methods_say_whether_films_were_measured_together(
    stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Calibrated(FakePredictor):
        def locate(self, radiograph: Radiograph) -> SpineLandmarks:
            return with_together(super().locate(radiograph))

    monkeypatch.setattr(models, "load_predictor", lambda folder, **_: Calibrated())
    for shapes, told in (("shared", True), ("apart", False)):
        out = tmp_path / shapes
        assert main(["cohort", str(stored), "--out", str(out), "--shapes", shapes]) == 0
        assert ("were measured together" in (out / "methods.txt").read_text()) is told
        report = json.loads(next(out.glob("patient-*/report.json")).read_text())
        assert report["provenance"]["options"]["shapes"] == shapes


def test_phases_of_a_manifest_against_the_dates_are_told(tmp_path: Path) -> None:
    for phase in made_up.DATES:
        write_dicom(tmp_path / f"{phase.value}.dcm", phase, "A")
    rows = ["pre-op.dcm,A,pre,2024-03-05", "post-op.dcm,A,last,", "follow-up.dcm,A,post,"]
    (tmp_path / "m.csv").write_text("\n".join(["film,patient_id,phase,surgery_date", *rows]) + "\n")
    code, _, err = run(str(tmp_path / "m.csv"), "--out", str(tmp_path / "out"))
    assert code == 0
    days = [made_up.DATES[phase].date() for phase in (Phase.POST_OP, Phase.FOLLOW_UP)]
    line = f"post-op.dcm (follow-up, {days[0]}) is earlier than follow-up.dcm (post-op, {days[1]}): check the phases"
    assert err.count(f"patient A: {line}") == 1
    assert line in (tmp_path / "out" / "report.html").read_text()
    assert line[1:] in next((tmp_path / "out").glob("patient-A/report.html")).read_text()


def test_a_film_is_no_manifest(tmp_path: Path) -> None:
    film = write_dicom(tmp_path / "a.dcm", Phase.PRE_OP)
    code, _, err = run(str(film), "--out", str(tmp_path / "out"))
    assert (code, err) == (1, "kummell-ai: a.dcm: is a film; give its folder or a manifest\n")


@pytest.mark.parametrize(
    "shown",
    [
        (Phase.PRE_OP, Phase.POST_OP, Phase.FOLLOW_UP),
        (Phase.PRE_OP,),
        (Phase.POST_OP, Phase.FOLLOW_UP),
        (Phase.PRE_OP, Phase.PRE_OP, Phase.POST_OP),
    ],
    ids=["all", "one", "none before surgery", "two of one day"],
)
def test_the_page_of_a_patient_says_what_the_series_of_its_films_says(tmp_path: Path, shown: tuple[Phase, ...]) -> None:
    for seed, phase in enumerate(shown):
        write_dicom(tmp_path / "in" / f"{seed}.dcm", phase, seed=seed)
    for command in ("series", "cohort"):
        assert main([command, str(tmp_path / "in"), "--out", str(tmp_path / command)]) in (0, 3)
    reports = [json.loads(next((tmp_path / c).rglob("report.json")).read_text()) for c in ("series", "cohort")]
    for report in reports:
        report["provenance"].pop("created")
        for film in report["films"]:
            film["measurement"]["provenance"].pop("created")
        report["findings"] = [(f["code"], f["severity"], f["level"]) for f in report["findings"]]
    assert reports[0] == reports[1]
    page = next((tmp_path / "cohort").rglob("patient-*/report.html")).read_text()
    assert not [option for option in ("--phases", "--surgery-date", "--index-level") if option in page]


@pytest.mark.parametrize("key", [[], ["--deidentify", "key"]])
def test_a_patient_whose_row_is_at_fault_is_not_told_to_have_none(key: list[str], tmp_path: Path) -> None:
    for number, name in enumerate(("LI-1", "LI-2", "LI-3", "LI-4", "LI-5")):
        for i, phase in enumerate((Phase.PRE_OP, Phase.POST_OP)):
            write_dicom(tmp_path / "in" / f"{name}-{i}.dcm", phase, name, seed=10 * number + i)
    rows = ["LI-1,8,2", "LI-1,7,2", "LI-2,7,5,2", "LI-3,11,x", "LI-4,,"]
    (tmp_path / "scores.csv").write_text("\n".join(["patient_id,vas_pre,vas_post", *rows]) + "\n")
    words = [str(tmp_path / "in"), "--clinical", str(tmp_path / "scores.csv"), "--out", str(tmp_path / "out")]
    code, _, err = run(*words, *key)
    assert code == 0
    assert err.count("has films and no scores; they count as missing: check its id in the scores") == 2
    for name in ("LI-4", "LI-5"):
        shown = Pseudonyms("key").patient(name) if key else name
        assert f"patient {shown} has films and no scores" in err
    page = (tmp_path / "out" / "report.html").read_text()
    assert re.search(r'<th scope="row">films without scores</th><td>2</td>', page)
