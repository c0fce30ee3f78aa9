"""What a report says about how its films were measured, from what each film says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kummell_ai.anatomy import Phase
from kummell_ai.measurement.pipeline import measure_series
from kummell_ai.measurement.results import PhasedMeasurement, Provenance
from tests.measurement.spines import film


def made_by(**said: tuple[str | None, ...]) -> Provenance:
    """The provenance of a report on films that say so, one value a film."""
    films: list[PhasedMeasurement] = [film(Phase.PRE_OP, 13.0), film(Phase.POST_OP, 22.0)]
    (name, values), *_ = said.items()
    measured = [
        replace(f.measurement, provenance=replace(f.measurement.provenance, **{name: value}))
        for f, value in zip(films, values, strict=False)
    ]
    return measure_series([(f.phase, m) for f, m in zip(films, measured, strict=False)]).provenance


def test_one_hash_of_weights() -> None:
    assert made_by(weights_sha256=("aa", "bb")).weights_sha256 is None
    assert made_by(weights_sha256=("aa",)).weights_sha256 == "aa"


@pytest.mark.parametrize(
    ("films", "report"),
    [
        ((None, None), None),
        ((None, "annotated films"), "annotated films"),
        (("annotated films", "simulated films"), "simulated films"),
    ],
)
def test_what_the_intervals_were_set_on(films: tuple[str | None, ...], report: str | None) -> None:
    assert made_by(calibrated_on=films).calibrated_on == report
