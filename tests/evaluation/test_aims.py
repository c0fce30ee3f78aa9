"""Main figures against their floors and aims."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kummell_ai.anatomy import Phase
from kummell_ai.evaluation.aims import AIMS, Standing, standings
from kummell_ai.evaluation.bootstrap import Bootstrap, Estimate
from kummell_ai.evaluation.figures import Figure
from kummell_ai.evaluation.study import study_of
from kummell_ai.evaluation.tables import _MAIN
from kummell_ai.quantities import Interval
from tests.evaluation.made_results import film, quantity, vertebra


def test_every_aim_is_of_a_main_figure_and_better_than_its_floor() -> None:
    assert AIMS.keys() <= dict(_MAIN).keys()
    for name, (floor, aim) in AIMS.items():
        if floor is not None:
            assert (aim > floor) is ("percent" in name), name


def standing(unit: str, value: float | None, ends: tuple[float, float] | None, floor: float | None = None) -> Standing:
    """Against an aim of 1.1 deg, or of 99 %."""
    estimate = Estimate(value, None if ends is None else Interval(*ends), 4, 4, "bootstrap")
    return Standing("name", Figure("s", "q", "f", unit, "all", "all", estimate), floor, 99.0 if unit == "%" else 1.1)


@pytest.mark.parametrize(
    ("error", "ends", "verdict"),
    [
        (1.0, (0.9, 1.1), "target met"),
        (1.1, (0.9, 1.2), "target met by the estimate only"),
        (1.0, None, "target met by the estimate only"),
        (1.2, (1.0, 2.4), "requirement met"),
        (1.2, (1.0, 2.5), "requirement met by the estimate only"),
        (2.5, (0.9, 3.0), "requirement not met"),
        (None, None, "requirement not met"),
    ],
)
def test_an_error_is_to_be_low(error: float | None, ends: tuple[float, float] | None, verdict: str) -> None:
    assert standing("deg", error, ends, 2.4).verdict == verdict


@pytest.mark.parametrize(
    ("share", "ends", "verdict"),
    [
        (100.0, (99.0, 100.0), "target met"),
        (100.0, (39.8, 100.0), "target met by the estimate only"),
        (95.0, (88.0, 99.0), "requirement met"),
        (95.0, (87.0, 100.0), "requirement met by the estimate only"),
        (87.0, (80.0, 100.0), "requirement not met"),
    ],
)
def test_a_percentage_is_to_be_high(share: float, ends: tuple[float, float], verdict: str) -> None:
    assert standing("%", share, ends, 88.0).verdict == verdict


def test_one_failure_of_300_does_not_show_that_99_percent_are_reached() -> None:
    """The low end is 98.2 %; that of resampled patients would be 99.0 %."""
    patients = np.arange(300)
    share = Bootstrap.of(300, 1000, seed=0).proportion((patients > 0).astype(np.float64), patients)
    found = replace(standing("%", None, None), figure=replace(standing("%", None, None).figure, estimate=share))
    assert found.verdict == "target met by the estimate only"


def test_main_figures_are_held_against_their_aims() -> None:
    films = [film(vertebra(quantity(11.2 + 0.04 * i, 10.0), distance_mm=1.9), patient=str(i)) for i in range(6)]
    found = {s.name: s for s in standings(study_of(films).figures)}
    assert found["cobb_mae_deg"].figure.estimate.value == pytest.approx(1.3)
    assert found["cobb_mae_deg"].verdict == "requirement met"
    assert found["sdr_2mm_percent"].verdict == "target met by the estimate only", "all of six patients"


def test_a_difference_has_no_floor() -> None:
    phases = ((Phase.PRE_OP, 1.0), (Phase.POST_OP, 1.5))
    films = [film(vertebra(quantity(10.0 + e, 10.0)), phase=p, patient=f"{i}") for i in range(3) for p, e in phases]
    found = {s.name: s for s in standings(study_of(films).figures)}["cobb_mae_post_minus_pre_deg"]
    assert found.figure.estimate.value == pytest.approx(0.5)
    assert (found.floor, found.verdict) == (None, "target not met")
