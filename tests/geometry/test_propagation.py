"""First-order intervals against Monte Carlo, closed forms, and where no interval exists."""

from __future__ import annotations

import numpy as np

from kummell_ai.anatomy import Endplate
from kummell_ai.geometry import angles, correction, heights
from kummell_ai.geometry.propagation import propagate, propagate_values
from kummell_ai.quantities import Z95
from tests.geometry.bodies import RECTANGLE, rotation

WEDGED = np.array([[34.0, 13.0], [0.0, 0.0], [35.0, 28.0], [1.0, 28.0], [17.0, 8.0], [18.0, 26.0]])
STACK = np.concatenate([WEDGED * 0.9, WEDGED @ rotation(8) + [2.0, 40.0], WEDGED * 1.1 @ rotation(-5) + [0.0, 80.0]])
DRAWS = 40_000


def covariances(n: int, seed: int = 0) -> np.ndarray:
    """Full, unequal covariances (n, 2, 2) mm²: standard deviations 0.2 to 0.6 mm, correlated x and y."""
    rng = np.random.default_rng(seed)
    factors = np.tril(rng.uniform(0.1, 0.4, (n, 2, 2))) + 0.2 * np.eye(2)
    return factors @ factors.transpose(0, 2, 1)


def quantities(points: np.ndarray) -> np.ndarray:
    above, body, below = (points[..., i : i + 6, :] for i in (0, 6, 12))
    reference = heights.reference_height(above, below)
    front = heights.anterior_height(body)
    return np.stack(
        [
            front,
            heights.middle_height(body),
            heights.posterior_height(body),
            heights.endplate_depth(body, Endplate.SUPERIOR),
            heights.wedge_ratio(body),
            heights.compression(body),
            reference,
            heights.height_loss(front, reference),
            angles.wedge_angle(body),
            angles.segmental_cobb(above, below),
            angles.local_kyphosis(above, body),
        ],
        axis=-1,
    )


def simulated(points: np.ndarray, covariance: np.ndarray, n: int = DRAWS) -> np.ndarray:
    noise = np.random.default_rng(7).normal(size=(n, len(points), 1, 2)) @ np.linalg.cholesky(covariance).swapaxes(
        -1, -2
    )
    return quantities(points + noise[..., 0, :])


def test_covariance_agrees_with_monte_carlo() -> None:
    """40,000 draws know a standard deviation to 0.35 %; the bound adds the second-order part, 1 % at these sizes."""
    covariance = covariances(len(STACK))
    result = propagate(quantities, STACK, covariance)
    draws = simulated(STACK, covariance)
    sd = draws.std(axis=0)
    np.testing.assert_allclose(result.standard_error, sd, rtol=0.02)
    scale = sd[:, None] * sd[None, :]
    np.testing.assert_allclose(result.covariance / scale, np.cov(draws.T) / scale, atol=0.03)


def test_intervals_cover_95_percent() -> None:
    """Of 40,000 draws 95 % ± 0.1 % fall inside an exact interval; 1 % is left for the bend of the functions."""
    covariance = covariances(len(STACK))
    result = propagate(quantities, STACK, covariance)
    low, high = result.value - Z95 * result.standard_error, result.value + Z95 * result.standard_error
    draws = simulated(STACK, covariance)
    np.testing.assert_allclose(((low <= draws) & (draws <= high)).mean(axis=0), 0.95, atol=0.01)


def test_angles_on_a_shared_endplate_err_together() -> None:
    """Local kyphosis and wedge angle of V share V's inferior endplate: their difference does not depend on it."""
    covariance = covariances(len(STACK))
    draws = simulated(STACK, covariance)
    c = propagate(quantities, STACK, covariance).covariance
    error = np.sqrt(c[10, 10] + c[8, 8] - 2.0 * c[10, 8])
    np.testing.assert_allclose(error, (draws[:, 10] - draws[:, 8]).std(), rtol=0.02)
    assert error < 0.9 * np.hypot(*draws[:, [10, 8]].std(axis=0))


def test_height_of_a_wall_has_a_closed_form() -> None:
    result = propagate(lambda p: heights.anterior_height(p)[..., None], RECTANGLE, np.tile(0.09 * np.eye(2), (4, 1, 1)))
    np.testing.assert_allclose(result.standard_error, [np.sqrt(0.18)], rtol=1e-9)


def test_wedge_angle_of_a_rectangle_has_a_closed_form() -> None:
    """Only the part normal to the endplates turns the angle: sd = 2 s / depth for four equal corners."""
    result = propagate(lambda p: angles.wedge_angle(p)[..., None], RECTANGLE, np.tile(0.09 * np.eye(2), (4, 1, 1)))
    np.testing.assert_allclose(result.standard_error, [np.degrees(2 * 0.3 / 34)], rtol=1e-8)


def test_many_films_at_once() -> None:
    films = np.stack([STACK, STACK + 5.0, STACK * 1.3])[:, None]
    covariance = np.stack([covariances(len(STACK), seed) for seed in range(3)])[:, None]
    together = propagate(quantities, films, covariance)
    assert together.value.shape == (3, 1, 11)
    for i in range(3):
        alone = propagate(quantities, films[i, 0], covariance[i, 0])
        np.testing.assert_allclose(together.covariance[i, 0], alone.covariance, rtol=1e-6, atol=1e-9)


def test_unseen_point_spoils_only_what_needs_it() -> None:
    points, covariance = RECTANGLE.copy(), np.tile(np.eye(2), (4, 1, 1))
    points[0], covariance[0] = np.nan, np.nan
    result = propagate(
        lambda p: np.stack([heights.anterior_height(p), heights.posterior_height(p)], axis=-1), points, covariance
    )
    np.testing.assert_allclose(result.standard_error, [np.nan, np.sqrt(2)], rtol=1e-9)


def test_unknown_covariance_gives_no_error() -> None:
    result = propagate(lambda p: heights.anterior_height(p)[..., None], RECTANGLE, np.full((4, 2, 2), np.nan))
    assert result.value == 28
    assert np.isnan(result.standard_error).all()


def test_nothing_seen() -> None:
    result = propagate(
        lambda p: heights.anterior_height(p)[..., None], np.full((4, 2), np.nan), np.full((4, 2, 2), np.nan)
    )
    assert np.isnan(result.value).all()


def test_collapsed_wall_has_no_first_order_interval() -> None:
    points = RECTANGLE.copy()
    points[0] = points[2]
    result = propagate(
        lambda p: np.stack([heights.anterior_height(p), heights.posterior_height(p)], axis=-1),
        points,
        np.tile(np.eye(2), (4, 1, 1)),
    )
    np.testing.assert_allclose(result.standard_error, [np.nan, np.sqrt(2)], rtol=1e-9)


def test_numbers_against_monte_carlo() -> None:
    """The restoration rate is bent: at these errors first order is right to 2 %."""
    means, errors = [15.0, 21.0, 25.0], [0.4, 0.4, 0.3]
    result = propagate_values(
        lambda v: correction.height_restoration_rate(v[..., 0], v[..., 1], v[..., 2])[..., None], means, errors
    )
    draws = np.random.default_rng(1).normal(means, errors, (DRAWS, 3))
    sd = correction.height_restoration_rate(*draws.T).std()
    np.testing.assert_allclose(result.standard_error, [sd], rtol=0.02)


def test_number_that_is_not_used_may_be_missing() -> None:
    result = propagate_values(lambda v: v[..., :1] * 2.0, [3.0, np.nan], [0.5, np.nan])
    np.testing.assert_allclose(result.standard_error, [1.0])
    assert result.value == 6
