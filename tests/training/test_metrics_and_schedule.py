import numpy as np
import pytest

from kummell_ai.landmarks.grouping import Candidate
from kummell_ai.training.config import TrainConfig
from kummell_ai.training.metrics import agreement, summary
from kummell_ai.training.schedule import Budget, learning_rate_factor
from tests.landmarks.fake_network import spine_points

POINTS = spine_points(np.array([[100.0, 60.0], [100.0, 120.0], [100.0, 180.0]]), (25.0, 18.0))
LEVELS = np.array([13, 14, 15], dtype=np.int8)


def body(points, level):
    return Candidate(points, np.tile(np.eye(2), (4, 1, 1)), 0.9, np.ones(4, bool), np.eye(20)[level], np.zeros(3))


def test_figures_of_a_film():
    bodies = [body(POINTS[0] + [3.0, 4.0], 13), body(POINTS[1], 15), body(POINTS[1] + [90.0, 0.0], 2)]
    figures = summary([agreement(bodies, POINTS, LEVELS, (260, 200))])
    assert figures["found_share"] == pytest.approx(2 / 3)
    assert figures["false_per_film"] == 1.0
    assert figures["error_px_median"] == pytest.approx(2.5)
    assert figures["error_percent_p90"] == pytest.approx(10.0)
    assert figures["level_right_share"] == 0.5


def test_a_vertebra_cut_by_the_border_is_neither_missed_nor_false():
    cut = agreement([body(POINTS[2], 15)], POINTS, LEVELS, (190, 200))
    assert (cut.truth, cut.found, cut.false) == (2, 0, 0)


def test_a_vertebra_beyond_an_open_end_is_not_false():
    bodies = [body(points, 15) for points in POINTS]
    for ends, false in (((False, False), 2), ((True, False), 1), ((False, True), 1), ((True, True), 0)):
        assert agreement(bodies, POINTS[1:2], LEVELS[1:2], (260, 200), ends).false == false


def test_no_film_gives_no_error():
    assert np.isnan(summary([])["error_px_median"])


@pytest.mark.parametrize("minutes", [None, 10.0])
def test_the_learning_rate_ends_at_zero(minutes):
    budget = Budget(TrainConfig(max_minutes=minutes, max_steps=100))
    budget.load_state_dict({"minutes": 10.0})
    assert budget.progress(100) == pytest.approx(1.0, abs=1e-3)
    assert learning_rate_factor(budget.progress(100), 500, 10) < 1e-4


def test_minutes_of_earlier_sittings_count():
    budget = Budget(TrainConfig(max_minutes=20.0))
    budget.load_state_dict({"minutes": 5.0})
    assert budget.state_dict()["minutes"] == pytest.approx(5.0, abs=0.1)
