"""The files of a run: what each is called and what stands in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kummell_ai.cli.console import Problems
from kummell_ai.cli.corners import LABELME, write_for_labelme
from kummell_ai.cli.earlier import check_drawn, say_lost_rows
from kummell_ai.cli.files import FILM_JSON, check_replaced, check_tables, write_atomic

if TYPE_CHECKING:
    from kummell_ai.anatomy import VertebralLevel
    from kummell_ai.imaging.radiograph import Radiograph
    from kummell_ai.measurement.results import CorrectionReport, RadiographMeasurement

FORMATS = ("json", "csv", "svg", "png")
"""What is written unless ``--formats`` says otherwise."""
FURTHER = ("labelme",)
"""What it may name besides, and is written only then."""
DRAWN = ("svg", "png")
"""Formats of the overlays."""


def json_text(value: Any) -> str:
    """JSON for people and programs; a NaN would be an error."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_film(
    folder: Path,
    stem: str,
    radiograph: Radiograph,
    measurement: RadiographMeasurement,
    formats: Sequence[str],
    index_level: VertebralLevel | None = None,
) -> dict[str, str]:
    """The files of one film: ``<stem>.json``, ``<stem>.overlay.svg`` and ``.png``; returns their names by format.

    ``labelme`` among the formats writes the film as ``labelme/<stem>.png`` and its corners beside it.

    Raises:
        UsageError: ``<stem>.json`` is there and is no film of this program, or an overlay that it did not draw.
    """
    from kummell_ai.measurement.serialise import to_json
    from kummell_ai.reporting.overlay import draw_overlays

    check_drawn(folder / f"{stem}.overlay.{kind}" for kind in DRAWN if kind in formats)
    written: dict[str, str] = {}
    contents: list[tuple[str, str, str | bytes]] = []
    if "json" in formats:
        check_replaced([folder / f"{stem}.json"], FILM_JSON)
        contents.append(("json", f"{stem}.json", json_text(to_json(measurement))))
    kinds = [kind for kind in DRAWN if kind in formats]
    for kind, drawing in draw_overlays(radiograph, measurement, kinds, index_level=index_level).items():
        contents.append((kind, f"{stem}.overlay.{kind}", drawing))
    if LABELME in formats:
        written[LABELME] = write_for_labelme(folder, stem, radiograph, measurement)
    for name, file, content in contents:
        write_atomic(folder / file, content)
        written[name] = file
    return written


def film_tables() -> dict[str, Sequence[str]]:
    """Columns of the tables over films: one row a vertebra, one row an angle."""
    from kummell_ai.reporting import table

    return {"measurements.csv": table.VERTEBRA_COLUMNS, "angles.csv": table.SEGMENT_COLUMNS}


def patient_tables() -> dict[str, Sequence[str]]:
    """Columns of the table over patients: one row a patient and injured level."""
    from kummell_ai.reporting import table

    return {"series.csv": table.PATIENT_COLUMNS}


def write_tables(folder: Path, measurements: Sequence[RadiographMeasurement], problems: Problems) -> None:
    """The tables over films; rows of other films that an earlier run left are said to go.

    Raises:
        UsageError: a file that is no table of this program would be replaced.
    """
    from kummell_ai.reporting import table

    check_tables(folder, film_tables())
    kept = [measurement.reference.sha256 for measurement in measurements]
    say_lost_rows(folder / "measurements.csv", "film_sha256", "film", kept, problems)
    rows = (table.vertebra_rows(measurements), table.segment_rows(measurements))
    for (name, columns), own in zip(film_tables().items(), rows, strict=True):
        write_atomic(folder / name, table.to_csv(columns, own))


def write_patients(folder: Path, reports: Sequence[CorrectionReport], problems: Problems) -> None:
    """The table over patients; rows of others that an earlier run left are said to go."""
    from kummell_ai.reporting import table

    kept = [report.patient_id for report in reports]
    say_lost_rows(folder / "series.csv", "patient_id", "patient_id", kept, problems)
    write_atomic(folder / "series.csv", table.to_csv(table.PATIENT_COLUMNS, map(table.patient_row, reports)))
