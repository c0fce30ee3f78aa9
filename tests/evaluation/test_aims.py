"""Main figures against their floors and aims."""

from __future__ import annotations

import pytest

from kummell_ai.anatomy import Phase
from kummell_ai.evaluation.aims import AIMS, standings
from kummell_ai.evaluation.study import study_of
from kummell_ai.evaluation.tables import _MAIN
from tests.evaluation.made_results import film, quantity, vertebra


def test_every_aim_is_of_a_main_figure_and_better_than_its_floor() -> None:
    assert AIMS.keys() <= dict(_MAIN).keys()
    for name, (floor, aim) in AIMS.items():
        if floor is not None:
            assert (aim > floor) is ("percent" in name), name


@pytest.mark.parametrize(
    ("error", "verdict"), [(1.0, "aim"), (1.1, "aim"), (1.2, "floor"), (2.39, "floor"), (2.5, "below")]
)
def test_an_error_is_to_be_low(error: float, verdict: str) -> None:
    films = [film(vertebra(quantity(10.0 + error, 10.0)), patient=str(i)) for i in range(3)]
    found = {s.name: s for s in standings(study_of(films).figures)}
    assert found["cobb_mae_deg"].figure.estimate.value == pytest.approx(error)
    assert found["cobb_mae_deg"].verdict == verdict


@pytest.mark.parametrize(("distance_mm", "verdict"), [(1.9, "aim"), (2.1, "below")])
def test_a_percentage_is_to_be_high(distance_mm: float, verdict: str) -> None:
    found = {s.name: s for s in standings(study_of([film(vertebra(distance_mm=distance_mm))]).figures)}
    assert found["sdr_2mm_percent"].verdict == verdict


def test_a_difference_has_no_floor() -> None:
    phases = ((Phase.PRE_OP, 1.0), (Phase.POST_OP, 1.5))
    films = [film(vertebra(quantity(10.0 + e, 10.0)), phase=p, patient=f"{i}") for i in range(3) for p, e in phases]
    found = {s.name: s for s in standings(study_of(films).figures)}["cobb_mae_post_minus_pre_deg"]
    assert found.figure.estimate.value == pytest.approx(0.5)
    assert (found.floor, found.verdict) == (None, "below")
