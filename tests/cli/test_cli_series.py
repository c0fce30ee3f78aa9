from __future__ import annotations

import io
import json
import re
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import pydicom
import pytest

from kummell_ai.anatomy import Phase
from kummell_ai.cli import models, series
from kummell_ai.cli.main import main
from kummell_ai.dicom import read_radiograph
from kummell_ai.imaging.radiograph import Calibration, Radiograph
from tests import made_up
from tests.cli.conftest import DoubtfulPredictor, FakePredictor, read_rows, write_dicom


@pytest.fixture(scope="module")
def run(stored: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """Folder, stdout and stderr of one run over the made-up patient."""
    folder = tmp_path_factory.mktemp("run")
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(models, "load_predictor", lambda folder, **_: FakePredictor())
        assert main(["series", str(stored), "--out", str(folder)]) == 0
    return folder, out.getvalue(), err.getvalue()


def test_a_patient_gets_a_table_and_the_path_of_the_report(run: tuple[Path, str, str]) -> None:
    folder, out, err = run
    assert re.search(r"Anterior.*13\.\d mm.*improved", out, re.DOTALL)
    assert str(folder / "report.html") in out
    assert err == ""


def test_the_page_stands_alone(run: tuple[Path, str, str]) -> None:
    page = (run[0] / "report.html").read_text()
    assert "Research use, not a medical device" in page
    assert page.count("<figure>") == 3
    assert page.count("data:image/jpeg;base64,") == 3
    assert not re.search(r'(src|href)="(?!data:|#)', page), "the page must not load anything"


def test_the_report_holds_the_course(run: tuple[Path, str, str]) -> None:
    report = json.loads((run[0] / "report.json").read_text())
    assert report["index_level"] == "L1"
    assert report["index_level_source"] == "found"
    assert [c["name"] for c in report["corrections"]] == ["correction", "loss", "net"]
    assert report["corrections"][0]["changes"]["anterior_height"]["change"]["value"] == pytest.approx(8.5, abs=0.3)


def test_every_film_keeps_files_of_its_own_when_names_collide(run: tuple[Path, str, str]) -> None:
    names = sorted(path.name for path in run[0].iterdir())
    assert sum(name.endswith(".overlay.svg") for name in names) == 3
    assert sum(name.endswith(".overlay.png") for name in names) == 3
    assert {"angles.csv", "measurements.csv", "report.html", "report.json", "series.csv"} <= set(names)
    assert not [name for name in names if name.endswith(".part")]


def test_the_wide_table_agrees_with_the_report(run: tuple[Path, str, str]) -> None:
    (row,) = read_rows(run[0] / "series.csv")
    assert row["patient_id"] == "KUM-001"
    front, _ = made_up.WEDGE[Phase.PRE_OP]
    assert float(row["pre_anterior_height_mm"]) == pytest.approx(front, abs=0.5)
    assert row["correction_anterior_height_verdict"] == "improved"
    assert float(row["correction_kyphosis_correction_deg"]) == pytest.approx(
        float(row["pre_segmental_cobb_deg"]) - float(row["post_segmental_cobb_deg"]), rel=1e-4
    )


def test_a_page_in_chinese_holds_the_same_numbers(stored: Path, tmp_path: Path, run: tuple[Path, str, str]) -> None:
    assert main(["series", str(stored), "--out", str(tmp_path / "zh"), "--lang", "zh"]) == 0
    page, english = (tmp_path / "zh" / "report.html").read_text(), (run[0] / "report.html").read_text()
    assert 'lang="zh-CN"' in page
    assert re.search(r"[\u4e00-\u9fff]", page)
    heights = [re.findall(r"\d+\.\d(?=[\s\u2009\u202f\u00a0]*mm)", text) for text in (page, english)]
    assert set(heights[0]) == set(heights[1]) != set()


def test_dry_run_plans_and_writes_nothing(stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["series", str(stored), "--out", str(out), "--dry-run"]) == 0
    text = capsys.readouterr().out
    assert re.search(r"pre-op.*post-op.*follow-up", text)
    assert not out.exists()


def test_two_patients_get_a_report_each_and_an_index(
    stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "in"
    for seed, phase in enumerate((Phase.PRE_OP, Phase.POST_OP)):
        write_dicom(other / f"{phase.value}.dcm", phase, "../../B", seed=10 + seed)
    out = tmp_path / "out"
    assert main(["series", str(stored), str(other), "--out", str(out)]) == 0
    assert "The films belong to 2 patients; one report is written for each." in capsys.readouterr().err
    reports = sorted(path.relative_to(out).as_posix() for path in out.rglob("report.html"))
    assert reports[0].startswith("patient-B-")
    assert reports[1] == "patient-KUM-001/report.html"
    index = (out / "index.html").read_text()
    assert all(f'href="{report}"' in index for report in reports)
    assert len(read_rows(out / "series.csv")) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"], "nothing is written beside the folder"


def test_one_film_only_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film = write_dicom(tmp_path / "in" / "alone.dcm", Phase.PRE_OP)
    assert main(["series", str(film), "--out", str(tmp_path / "out")]) == 0
    assert "alone.dcm: the only film of its patient; a correction needs a film before" in capsys.readouterr().err
    assert "No comparison" not in (tmp_path / "out" / "report.html").read_text()


def test_what_goes_of_an_earlier_run_is_not_on_the_page_of_all_patients(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed, patient in enumerate(("KUM-001", "KUM-002", "KUM-003")):
        write_dicom(tmp_path / "in" / f"{patient}.dcm", Phase.PRE_OP, patient, seed=seed)
    words = ["series", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--json"]
    assert main(words) == 0
    (tmp_path / "in" / "KUM-003.dcm").unlink()
    capsys.readouterr()
    assert main(words) == 0
    said = capsys.readouterr()
    line = "rows of KUM-003 of an earlier run go"
    assert line in said.err
    assert any(line in warning for warning in json.loads(said.out)["warnings"])
    index = (tmp_path / "out" / "index.html").read_text()
    assert "the only film of its patient" in index, "what must be checked stays"
    assert "KUM-003" not in index


def test_warnings_about_whole_films_reach_the_terminal_and_the_page(
    stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["series", str(stored), "--out", str(tmp_path), "--spacing", "0.05", "0.05"]) == 0
    assert capsys.readouterr().err.count("with the given pixel spacing; 18 to 60 mm are plausible") == 3
    box = (tmp_path / "report.html").read_text().partition('<ul class="lead">')[2].partition("</ul>")[0]
    assert "with the given pixel spacing; 18 to 60 mm are plausible" in box


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_pixel_size_of_the_header_is_not_said_to_be_given(language: str, tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "in" / "a.dcm", Phase.PRE_OP)
    film = pydicom.dcmread(path)
    for keyword in ("ImagerPixelSpacing", "PixelSpacingCalibrationType", "EstimatedRadiographicMagnificationFactor"):
        if keyword in film:
            delattr(film, keyword)
    film.save_as(path)
    assert read_radiograph(path).spacing.calibration is Calibration.ASSUMED
    assert main(["series", str(path), "--out", str(tmp_path / "out"), "--lang", language]) == 0
    (note,) = re.findall('<div class="film-note">(.*)</div>', (tmp_path / "out" / "report.html").read_text())
    assert note == {"en": "a.dcm · mm, by an assumed pixel size", "zh": "a.dcm · mm，像素间距为假定值"}[language]


def test_heights_on_unlike_scales_are_told_wherever_they_stand(
    stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The film after surgery has a pixel size of another kind, 1.2 times what it should be."""
    paths = {}
    for phase in (Phase.PRE_OP, Phase.POST_OP):
        paths[phase] = tmp_path / f"{phase.value}.dcm"
        paths[phase].write_bytes(next((stored / phase.value).iterdir()).read_bytes())
    film = pydicom.dcmread(paths[Phase.POST_OP])
    for keyword in ("ImagerPixelSpacing", "PixelSpacingCalibrationType", "EstimatedRadiographicMagnificationFactor"):
        if keyword in film:
            delattr(film, keyword)
    film.PixelSpacing = [0.36, 0.36]
    film.save_as(paths[Phase.POST_OP])
    assert main(["series", *map(str, paths.values()), "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "each change is on one" in out
    assert "Heights of films on unlike scales are not to be subtracted" in out
    assert re.search(r"^The scales of the films differ; .*: those of post-op.dcm by 0\.8\d* ± .*\.$", out, re.MULTILINE)
    (row,) = read_rows(tmp_path / "out" / "series.csv")
    assert (row["pre_calibration"], row["post_calibration"]) == ("geometry", "assumed")
    assert row["correction_scaled_film"] == "post-op.dcm"
    assert float(row["correction_scale_factor"]) == pytest.approx(1 / 1.2, rel=0.02)
    box = (tmp_path / "out" / "report.html").read_text().partition('<ul class="lead">')[2].partition("</ul>")[0]
    assert "The scales of the films differ" in box


def test_pages_of_an_earlier_run_are_told(stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["series", str(stored), "--out", str(tmp_path), "--index-level", "L1,T12"]) == 0
    assert main(["series", str(stored), "--out", str(tmp_path), "--index-level", "L1,T12"]) == 0
    assert "earlier run" not in capsys.readouterr().err
    assert main(["series", str(stored), "--out", str(tmp_path), "--index-level", "L1"]) == 0
    assert "report-T12.html, report-T12.json of an earlier run stay here: remove them" in capsys.readouterr().err


def test_several_levels_get_a_report_each(stored: Path, tmp_path: Path) -> None:
    assert main(["series", str(stored), "--out", str(tmp_path), "--index-level", "L1,T12"]) == 0
    rows = read_rows(tmp_path / "series.csv")
    assert [(row["index_level"], row["index_level_source"]) for row in rows] == [("L1", "given"), ("T12", "given")]
    report, other = (json.loads((tmp_path / f"{stem}.json").read_text()) for stem in ("report", "report-T12"))
    assert (report["index_level"], report["further_levels"]) == ("L1", ["T12"])
    assert (other["index_level"], other["further_levels"]) == ("T12", ["L1"])
    assert '<a href="report-T12.html">T12</a>' in (tmp_path / "report.html").read_text()
    assert not (tmp_path / "index.html").exists()


def test_the_surgical_segment_can_be_given(stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["series", str(stored), "--out", str(tmp_path), "--surgical-segment", "T11", "L3"]) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    angles = [s for film in report["films"] for s in film["measurement"]["segments"] if s["id"].startswith("surgical")]
    assert [s["endplates"] for s in angles] == ["T11 superior to L3 inferior"] * 3
    assert "T11 superior to L3 inferior" in (tmp_path / "report.html").read_text()
    capsys.readouterr()
    assert main(["series", str(stored), "--out", str(tmp_path), "--surgical-segment", "L3", "T11"]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "--surgical-segment: L3 T11; give the cranial level first, such as T12 L2" in err


def test_the_injured_level_can_be_given_and_json_is_all_of_stdout(
    stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["series", str(stored), "--out", str(tmp_path), "--index-level", "t12", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["exit_code"] == 0
    assert result["patients"][0]["report"] == "report.html"
    assert "wedge_angle" in result["patients"][0]["corrections"][0]["changes"]
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["index_level"], report["index_level_source"]) == ("T12", "given")
    assert "given by the user" in (tmp_path / "report.html").read_text()


def test_no_injured_level_is_a_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    healthy = dict.fromkeys(made_up.WEDGE, (26.5, 26.5))
    monkeypatch.setattr(made_up, "WEDGE", healthy)
    monkeypatch.setattr(made_up, "FRACTURED", frozenset())
    film = write_dicom(tmp_path / "in" / "pre.dcm", Phase.PRE_OP)
    assert main(["series", str(film), "--out", str(tmp_path / "out")]) == 3
    assert re.search(r"patient KUM-001: .*name it with --index-level", capsys.readouterr().err)


def test_every_film_is_read_once(stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[Path] = []

    def read(path: Path, **options: Any) -> Radiograph:
        reads.append(path)
        return read_radiograph(path, **options)

    monkeypatch.setattr("kummell_ai.dicom.read_radiograph", read)
    assert main(["series", str(stored), "--out", str(tmp_path / "out")]) == 0
    assert sorted(reads) == sorted(stored.rglob("*.dcm"))


def test_a_run_too_large_for_memory_gives_the_same_report(
    run: tuple[Path, str, str], stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series, "KEPT_BYTES", 0)
    assert main(["series", str(stored), "--out", str(tmp_path)]) == 0
    for drawing in run[0].glob("*.svg"):
        assert (tmp_path / drawing.name).read_text() == drawing.read_text()
    assert (tmp_path / "report.html").read_text().count("data:image/jpeg;base64,") == 3


def test_a_film_that_changed_since_it_was_measured_keeps_its_numbers_and_is_told(
    stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read: set[Path] = set()

    def changing(path: Path, **options: Any) -> Radiograph:
        film = read_radiograph(path, **options)
        later = replace(film.reference, sha256="0" * 64) if path in read and "pre-op" in str(path) else film.reference
        read.add(path)
        return replace(film, reference=later)

    monkeypatch.setattr(series, "KEPT_BYTES", 0)
    monkeypatch.setattr("kummell_ai.dicom.read_radiograph", changing)
    assert main(["series", str(stored), "--out", str(tmp_path)]) == 0
    assert "pre-op/IM_0001.dcm: the file has changed since it was measured" in capsys.readouterr().err
    films = [path for path in tmp_path.glob("*.json") if path.name != "report.json"]
    assert len(films) == 3
    assert len(list(tmp_path.glob("*.overlay.svg"))) == 2
    assert (tmp_path / "report.html").read_text().count("data:image/jpeg;base64,") == 2


def test_what_limits_the_report_is_said(stored: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "in"
    for seed, phase in enumerate((Phase.PRE_OP, Phase.POST_OP)):
        film = write_dicom(folder / f"{phase.value}.dcm", phase, patient_id="", seed=seed)
    (folder / "copy.dcm").write_bytes(film.read_bytes())
    assert main(["series", str(folder), "--out", str(tmp_path / "out"), "--index-level", "T4", "--json"]) == 0
    warnings = json.loads(capsys.readouterr().out)["warnings"]
    assert "patient unknown: 1 of 3 films left out, copies of others: post-op.dcm of copy.dcm" in warnings
    assert any("2 films name no patient and are taken to be of one" in line for line in warnings)
    assert any("T4 is not found on pre-op.dcm" in line for line in warnings)


def test_a_film_whose_names_are_off_by_one_is_named_as_the_others(
    stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(models, "load_predictor", lambda folder, **_: DoubtfulPredictor())
    assert main(["series", str(stored), "--out", str(tmp_path)]) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    films = [film["measurement"] for film in report["films"]]
    assert [film["level_names"]["names"] for film in films] == [["T10", "T11", "T12", "L1", "L2", "L3"]] * 3
    assert films[2]["level_names"]["runner_up"]["shift"] == -1
    (text,) = [f["message"] for f in report["findings"] if f["code"] == "names-corrected"]
    assert "the names T9 to L2 are changed to T10 to L3 (one level down)" in text
    assert text[1:] in (tmp_path / "report.html").read_text()
    assert report["index_level"] == "L1"
    assert "looks injured" not in capsys.readouterr().err
    rows = read_rows(tmp_path / "measurements.csv")
    assert {row["level"] for row in rows} == {"T10", "T11", "T12", "L1", "L2", "L3"}


def test_a_given_level_names_the_injured_vertebra_of_all_films(
    stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "load_predictor", lambda folder, **_: DoubtfulPredictor())
    assert main(["series", str(stored), "--out", str(tmp_path), "--index-level", "L2"]) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    films = [film["measurement"] for film in report["films"]]
    assert [[v["level"] for v in film["vertebrae"]] for film in films] == [["T11", "T12", "L1", "L2", "L3", "L4"]] * 3
    (text,) = [f["message"] for f in report["findings"] if f["code"] == "names-pinned"]
    assert "L2 is given: the vertebra that looks injured was found as L1" in text


def test_films_that_are_called_like_a_report_keep_files_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, phase in (("report.dcm", Phase.PRE_OP), ("report-T12.dcm", Phase.POST_OP)):
        write_dicom(tmp_path / "in" / name, phase)
    out = tmp_path / "out"
    for _ in range(2):
        assert main(["series", str(tmp_path / "in"), "--out", str(out), "--index-level", "L1,T12"]) == 0
        assert "earlier run" not in capsys.readouterr().err
    kinds = {path.name: json.loads(path.read_text())["schema"] for path in out.glob("*.json")}
    assert kinds.pop("report.json") == kinds.pop("report-T12.json") == "kummell_ai.report/1"
    assert list(kinds.values()) == ["kummell_ai.film/1"] * 2


def test_a_file_that_is_no_report_is_not_replaced(stored: Path, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text('{"shapes": []}')
    assert main(["series", str(stored), "--out", str(tmp_path)]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
