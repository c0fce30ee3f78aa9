"""Landmarks to the measurement of a film, films to the report of a patient: what other rooms call."""

from __future__ import annotations

from kummell_ai.measurement.compare import compare
from kummell_ai.measurement.film import measure_film, measure_radiograph
from kummell_ai.measurement.index_level import find_index_level
from kummell_ai.measurement.naming import name_films, with_given_level
from kummell_ai.measurement.series import Shapes, assemble_report, further_reports, measure_series
from kummell_ai.measurement.shared_shapes import is_measured_together, share_shapes

__all__ = [
    "Shapes",
    "assemble_report",
    "compare",
    "find_index_level",
    "further_reports",
    "is_measured_together",
    "measure_film",
    "measure_radiograph",
    "measure_series",
    "name_films",
    "share_shapes",
    "with_given_level",
]
