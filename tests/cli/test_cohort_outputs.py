"""Several levels, several follow-ups, the tables in both forms, the flow of films, Chinese, and memory."""

from __future__ import annotations

import builtins
import datetime as dt
import re
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from kummell_ai.anatomy import Phase
from kummell_ai.cli.main import main
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.radiograph import Radiograph
from tests import made_up
from tests.cli import conftest
from tests.cli.conftest import read_rows, write_dicom

LATER = dt.datetime(2025, 10, 2, 10)


class LatePredictor(conftest.FakePredictor):
    """Knows the second follow-up too."""

    def locate(self, radiograph: Radiograph) -> SpineLandmarks:
        if radiograph.reference.acquired == LATER:
            return replace(made_up.landmarks(Phase.FOLLOW_UP), reference=radiograph.reference)
        return super().locate(radiograph)


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kummell_ai.cli.models.load_predictor", lambda folder, **_: LatePredictor())


def patients(folder: Path, count: int, *, levels: str = "", late: bool = False) -> Path:
    """``count`` patients with their three films, and a manifest of them."""
    rows = ["film,patient_id,index_level,surgery_date"]
    for i in range(count):
        for j, phase in enumerate(made_up.DATES):
            rows.append(f"{write_dicom(folder / f'{i}-{j}.dcm', phase, f'P{i}', seed=10 * i + j).name},P{i},{levels},")
        if late:
            film = write_dicom(folder / f"{i}-3.dcm", Phase.FOLLOW_UP, f"P{i}", LATER, seed=10 * i + 3)
            rows.append(f"{film.name},P{i},{levels},2024-03-07")
    (folder / "m.csv").write_text("\n".join(rows) + "\n")
    return folder / "m.csv"


def test_patients_whose_names_differ_in_case_have_folders_of_their_own(tmp_path: Path, late: None) -> None:
    """On many file systems ``kum`` and ``KUM`` are one folder."""
    manifest = patients(tmp_path, 2)
    text = manifest.read_text().replace(",P0,", ",kum,").replace(",P1,", ",KUM,")
    manifest.write_text(text)
    assert main(["cohort", str(manifest), "--out", str(tmp_path / "out")]) in (0, 2)
    folders = [path.parent.name.lower() for path in (tmp_path / "out").glob("patient-*/report.html")]
    assert len(set(folders)) == 2
    assert all(name.startswith("patient-kum-") for name in folders)
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert all(f"{path.parent.name}/report.html" in page for path in (tmp_path / "out").glob("patient-*/report.html"))


def test_the_last_of_several_follow_ups_counts_and_all_are_told(tmp_path: Path, late: None) -> None:
    manifest = patients(tmp_path, 1, late=True)
    assert main(["cohort", str(manifest), "--out", str(tmp_path / "out")]) == 0
    rows = [r for r in read_rows(tmp_path / "out" / "values.csv") if r["measure"] == "wedge_angle_deg"]
    assert [(r["source"], r["phase"], r["days_since_first_film"], r["in_statistics"]) for r in rows] == [
        ("0-0.dcm", "pre-op", "0", "1"),
        ("0-1.dcm", "post-op", "7", "1"),
        ("0-2.dcm", "follow-up", "394", "0"),
        ("0-3.dcm", "follow-up", "577", "1"),
    ]
    page = (tmp_path / "out" / "report.html").read_text()
    assert "0-2.dcm: follow-up; 0-3.dcm stands for the phase" in page
    assert "Last follow-up 18.9 months after surgery" in page, "574 days since the day of surgery"


def test_readings_of_films_that_stand_for_no_phase_are_left_out(tmp_path: Path, late: None) -> None:
    manifest = patients(tmp_path, 3, late=True)
    head, *rows = manifest.read_text().splitlines()
    manual = [f"{row},{20 - i % 4 + 0.3 * (i // 4)}" for i, row in enumerate(rows)]
    manifest.write_text("\n".join([f"{head},manual_wedge_angle_deg", *manual]) + "\n")
    assert main(["cohort", str(manifest), "--out", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Wedge angle (°)<small>phases pooled</small>" in page
    assert "9 films of 3 patients; bias" in page, "of twelve films three are an earlier follow-up"


def test_a_further_injured_level_has_its_page_and_values_and_does_not_count_twice(tmp_path: Path) -> None:
    manifest = patients(tmp_path, 3, levels="L1 T12")
    assert main(["cohort", str(manifest), "--out", str(tmp_path / "out")]) == 0
    rows = read_rows(tmp_path / "out" / "values.csv")
    assert {(r["level"], r["in_statistics"]) for r in rows} == {("L1", "1"), ("T12", "0")}
    assert len(rows) == 3 * 3 * 3 * 2
    assert {r["n"] for r in read_rows(tmp_path / "out" / "summary.csv")} == {"3"}
    page = (tmp_path / "out" / "report.html").read_text()
    further = '<a href="patient-P0/report-T12.html">Report, T12</a>'
    assert f'<a href="patient-P0/report.html">Report, L1</a>, {further}' in page
    assert "<dd>T12 <span" in (tmp_path / "out" / "patient-P0" / "report-T12.html").read_text()


def test_parquet_holds_what_the_csv_holds(tmp_path: Path) -> None:
    assert main(["cohort", str(patients(tmp_path, 3)), "--out", str(tmp_path / "out")]) == 0
    for name in ("values", "summary", "tests", "verdicts"):
        table = pq.read_table(tmp_path / "out" / f"{name}.parquet").to_pylist()
        rows = read_rows(tmp_path / "out" / f"{name}.csv")
        assert len(table) == len(rows)
        for packed, row in zip(table, rows, strict=True):
            for column, cell in packed.items():
                if isinstance(cell, float):
                    assert float(row[column]) == pytest.approx(cell, rel=1e-5), "the CSV has six digits"
                else:
                    assert row[column].removeprefix("'") == ("" if cell is None else str(cell))


def test_without_pyarrow_one_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **rest: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *args, **rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert main(["cohort", str(patients(tmp_path, 1)), "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().err.count("pip install 'kummell-ai[parquet]'") == 1
    assert not list((tmp_path / "out").glob("*.parquet"))
    assert (tmp_path / "out" / "values.csv").exists()


def test_every_film_is_in_one_row_of_the_flow(tmp_path: Path, late: None) -> None:
    manifest = patients(tmp_path, 2, late=True)
    (tmp_path / "broken.dcm").write_bytes(b"x")
    with manifest.open("a") as stream:
        stream.write("broken.dcm,P0,,\nabsent.dcm,P1,,\n")
    assert main(["cohort", str(manifest), "--out", str(tmp_path / "out")]) == 2
    rows = re.findall(r'<th scope="row">([^<]*)</th><td>(\d+)</td>', (tmp_path / "out" / "report.html").read_text())
    flow = {label: int(count) for label, count in rows}
    assert flow["Films given"] == 10
    assert flow["Films refused"] == flow["film cannot be read"] == 2
    assert flow["Films measured, not in the statistics"] == flow["another film stands for the phase"] == 2
    assert flow["Films in the statistics"] == 6
    assert flow["with a film of every phase"] == flow["Patients in the table"] == 2


def test_each_kind_of_bad_input_is_named_with_its_row_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = patients(tmp_path, 3)
    rows = manifest.read_text().splitlines()
    del rows[9], rows[8], rows[6]  # P2 keeps one film, P1 has no follow-up
    rows[1] += "2024-03-07"
    twin = write_dicom(tmp_path / "twin.dcm", Phase.PRE_OP, "P0", seed=77)
    stranger = write_dicom(tmp_path / "stranger.dcm", Phase.POST_OP, "P1", dt.datetime(2023, 1, 1), seed=78)
    manifest.write_text("\n".join([*rows, f"{twin.name},P0,X9,", f"{stranger.name},P1,,1.1.23"]) + "\n")
    scores = "patient_id;vas_pre;vas_post\nP0;8,5;11\nP1;7;2\nP1;6;2\n患者;5;1\n"
    (tmp_path / "s.csv").write_bytes(scores.encode("gb18030"))
    assert main(["cohort", str(manifest), "--clinical", str(tmp_path / "s.csv"), "--out", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().err
    page = (tmp_path / "out" / "report.html").read_text()
    flow = dict(re.findall(r'<th scope="row">([^<]*)</th><td>(\d+)</td>', page))
    for kind, line in {
        "patient with one film": "m.csv row 7: patient P2: 1 usable film, 2-0.dcm; a correction needs",
        "another film of the same day": "m.csv row 8: 0-0.dcm and twin.dcm are of one day, 2024-03-04; 0-0.dcm counts",
        "unknown level": "m.csv row 8: index_level: 'X9' is no vertebral level; use one of ",
        "not a date": "m.csv row 9: surgery_date '1.1.23' is no date; it is not used: write YYYY-MM-DD",
        "score or reading out of range": "s.csv row 2: vas_post is '11'; expected 0 to 10; the value is left out",
        "decimal comma": "s.csv row 2: 1 number with a decimal comma, '8,5' the first, read as 8.5; write a point",
        "other encoding": "s.csv row 5: the file is read as GB 18030; check the letters of this row",
        "patient stands twice": "s.csv row 3: patient P1 stands 2 times; none is used: keep one",
        "scores without a film": "s.csv row 5: patient 患者 has scores and no usable film; it is not in the table:",
        "films without scores": "m.csv row 7: patient P2 has films and no scores; they count as missing: check its id",
    }.items():
        assert line in said
        assert int(flow[kind]) >= 1, kind
    assert flow["patient stands twice"] == "2"
    assert flow["films without scores"] == "1"
    assert "patient P1 has films and no scores" not in said, "its two rows have a line each"


def test_the_chinese_page_has_no_english_test_names(tmp_path: Path) -> None:
    manifest = patients(tmp_path, 4)
    rows = ["patient_id,vas_pre,vas_post,vas_last,odi_pre,odi_post,odi_last,frankel_pre,frankel_post,frankel_last"]
    rows += [
        f"P{i},{8 - i % 2},{2 + i % 3},{1 + i},{60 + i * i},{30 - i},{20 + 3 * i},C,{'DE'[i % 2]},E" for i in range(4)
    ]
    (tmp_path / "scores.csv").write_text("\n".join(rows) + "\n")
    words = [str(manifest), "--clinical", str(tmp_path / "scores.csv"), "--out", str(tmp_path / "out")]
    assert main(["cohort", *words, "--lang", "zh"]) == 0
    page = re.sub(
        r"<style>.*?</style>|<svg.*?</svg>", "", (tmp_path / "out" / "report.html").read_text(), flags=re.DOTALL
    )
    text = re.sub(r"<[^>]*>", " ", page)
    for english in ("test", "pairs", "differ", "patient", "share", "Differences", "model", "films", "rank", "to"):
        assert not re.search(rf"\b{english}\b", text), f"{english!r} is left in English"
    assert "精确符号检验" in text


@pytest.mark.slow
def test_memory_does_not_grow_with_the_patients(tmp_path: Path) -> None:
    peaks = []
    for count in (3, 12):
        manifest = patients(tmp_path / str(count), count)
        tracemalloc.start()
        assert main(["cohort", str(manifest), "--out", str(tmp_path / f"out{count}")]) == 0
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    film = made_up.SIZE[0] * made_up.SIZE[1] * 4
    assert peaks[1] - peaks[0] < 2 * film, "27 more films, of which none may stay"
