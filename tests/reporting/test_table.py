from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.reporting import table
from kummell_ai.reporting.words import SEGMENT_WORDS, VERTEBRA_WORDS
from tests import made_up
from tests.reporting.test_page_scales import unlike_scales

GOLDEN = Path(__file__).parents[1] / "golden"


def parse(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_columns_are_those_of_the_golden_file() -> None:
    """Regenerate by hand when a column is meant to change; other programs read these names."""
    golden = dict(line.split(": ", 1) for line in (GOLDEN / "csv_columns.txt").read_text().splitlines())
    assert golden == {
        "measurements.csv": ",".join(table.VERTEBRA_COLUMNS),
        "angles.csv": ",".join(table.SEGMENT_COLUMNS),
        "series.csv": ",".join(table.PATIENT_COLUMNS),
    }


@pytest.mark.parametrize("columns", [table.VERTEBRA_COLUMNS, table.SEGMENT_COLUMNS, table.PATIENT_COLUMNS])
def test_columns_are_distinct(columns: list[str]) -> None:
    assert len(set(columns)) == len(columns)


def test_rows_have_no_cell_outside_the_columns() -> None:
    measurement = made_up.measurement()
    assert all(set(row) <= set(table.VERTEBRA_COLUMNS) for row in table.vertebra_rows([measurement]))
    assert all(set(row) <= set(table.SEGMENT_COLUMNS) for row in table.segment_rows([measurement]))
    assert set(table.patient_row(made_up.report())) <= set(table.PATIENT_COLUMNS)


def test_every_quantity_that_is_measured_has_a_column() -> None:
    from kummell_ai.measurement.pipeline import measure_radiograph

    film = made_up.radiograph()
    measured = measure_radiograph(
        made_up.landmarks(), film.spacing, size_px=made_up.SIZE, provenance=made_up.provenance()
    )
    assert set(measured.vertebrae[0].quantities) == set(VERTEBRA_WORDS)
    assert {s.quantity_id for s in measured.segments} <= set(SEGMENT_WORDS)


def test_a_row_holds_value_interval_and_reason() -> None:
    rows = parse(table.to_csv(table.VERTEBRA_COLUMNS, table.vertebra_rows([made_up.measurement(metric=False)])))
    row = rows[3]
    assert row["level"] == "L1"
    assert row["anterior_height_mm"] == ""
    assert "anterior_height, posterior_height: the film has no pixel spacing" in row["caveats"]
    assert float(row["wedge_angle_deg_low"]) < float(row["wedge_angle_deg"]) < float(row["wedge_angle_deg_high"])
    assert row["flags"] == "fractured"


def test_formulas_are_quoted_and_numbers_are_not() -> None:
    measurement = made_up.measurement()
    for text in ("=HYPERLINK(1)", "+1", "-1", "@x", "\t=1", "  =1"):
        named = replace(measurement, reference=replace(measurement.reference, patient_id=text))
        rows = parse(table.to_csv(table.VERTEBRA_COLUMNS, table.vertebra_rows([named])))
        assert rows[0]["patient_id"].startswith("'")
        assert float(rows[5]["wedge_angle_deg"]) < 0


def test_the_patient_row_holds_the_films_that_are_compared() -> None:
    """Two films before surgery: the numbers beside a change are those it is made of."""
    report = made_up.report()
    first = report.films[0]
    reference = replace(first.measurement.reference, name="earlier.dcm")
    earlier = replace(first, measurement=replace(first.measurement, reference=reference))
    row = table.patient_row(replace(report, films=(earlier, *report.films)))
    assert row["pre_film"] == first.measurement.reference.name


def test_the_patient_row_names_the_films_of_the_comparison() -> None:
    row = table.patient_row(made_up.report())
    assert (row["pre_film"], row["post_film"], row["last_film"]) == ("pre-op.dcm", "post-op.dcm", "follow-up.dcm")
    assert row["correction_anterior_height_verdict"] == "improved"
    assert row["loss_segmental_cobb_verdict"] == "not distinguishable"
    assert row["index_level"] == str(VertebralLevel.L1)


def test_the_patient_row_tells_the_scales_and_the_factors() -> None:
    """Heights of 13 and 24 mm and a change of 7: the row says why."""
    (row,) = parse(table.to_csv(table.PATIENT_COLUMNS, [table.patient_row(unlike_scales())]))
    assert [row[f"{phase}_calibration"] for phase in ("pre", "post", "last")] == [
        "fiducial", "detector-plane", "geometry"
    ]  # fmt: skip
    assert [row[f"{name}_scaled_film"] for name in table.COMPARISONS] == ["post-op", "post-op", "follow-up"]
    factor = float(row["correction_scale_factor"])
    assert factor == pytest.approx(1 / 1.2, rel=1e-4)
    assert float(row["correction_scale_factor_low"]) < factor < float(row["correction_scale_factor_high"])
    change = float(row["correction_anterior_height_mm_change"])
    assert change == pytest.approx(
        factor * float(row["post_anterior_height_mm"]) - float(row["pre_anterior_height_mm"]), abs=1e-3
    )
    (alike,) = parse(table.to_csv(table.PATIENT_COLUMNS, [table.patient_row(made_up.report())]))
    assert alike["pre_calibration"] == "geometry"
    assert {alike[f"{name}_{part}"] for name in table.COMPARISONS for part in table.SCALE_PARTS} == {""}


def test_the_patient_row_has_intervals_and_detectable_changes() -> None:
    (row,) = parse(table.to_csv(table.PATIENT_COLUMNS, [table.patient_row(made_up.report())]))
    low, value, high = (float(row[f"post_anterior_height_mm{end}"]) for end in ("_low", "", "_high"))
    assert high - value == pytest.approx(value - low) == pytest.approx(1.7, abs=1e-3)
    change = float(row["correction_segmental_cobb_deg_change"])
    assert float(row["correction_segmental_cobb_deg_change_high"]) - change == pytest.approx(4.8, abs=1e-3)
    assert float(row["correction_segmental_cobb_deg_mdc95"]) == 4.8
    assert float(row["net_correction_rate_percent_low"]) == 54.0
    assert [row[f"{phase}_height_derived_grade"] for phase in ("pre", "post", "last")] == ["3", "0", "1"]
    assert "pre_compression_percent" in row
    assert "last_middle_height_mm_low" in row
