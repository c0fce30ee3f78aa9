"""One shape on several films: laws of the fit, and the same answer from a general solver."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

from kummell_ai.geometry.common_shape import fit_common_shape
from tests.geometry.bodies import bodies, rotation

seeds = st.integers(0, 10_000)
few = settings(max_examples=25, deadline=None)


def poses(rng: np.random.Generator, films: int) -> list[tuple[float, np.ndarray, np.ndarray]]:
    """Magnification, turn and shift of each film."""
    return [
        (float(rng.uniform(0.5, 2.0)), rotation(float(rng.uniform(-60, 60))), rng.uniform(-500, 500, 2))
        for _ in range(films)
    ]


def shown(body: np.ndarray, rng: np.random.Generator, films: int) -> np.ndarray:
    return np.stack([scale * body @ turn + shift for scale, turn, shift in poses(rng, films)])


def ellipses(rng: np.random.Generator, films: int, points: int) -> np.ndarray:
    """Covariances (F, K, 2, 2) of 0.3 to 1.2 units standard deviation, turned."""
    root = rng.normal(size=(films, points, 2, 2))
    return 0.2 * root @ np.swapaxes(root, -1, -2) + 0.1 * np.eye(2)


@few
@given(body=bodies(6), seed=seeds, films=st.integers(2, 5))
def test_films_of_one_shape_stay_as_they_are(body: np.ndarray, seed: int, films: int) -> None:
    rng = np.random.default_rng(seed)
    points = shown(body, rng, films)
    fit = fit_common_shape(points, ellipses(rng, films, 6))
    np.testing.assert_allclose(fit.points, points, atol=1e-6)
    assert fit.chi2 < 1e-9
    assert fit.freedom == (films - 1) * 8


@few
@given(body=bodies(4), seed=seeds)
def test_the_fit_is_one_shape(body: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = shown(body, rng, 3) + rng.normal(0.0, 0.5, (3, 4, 2))
    fitted = fit_common_shape(points, ellipses(rng, 3, 4)).points
    lengths = np.linalg.norm(fitted[:, :, None] - fitted[:, None], axis=-1)
    ratios = lengths / lengths.sum(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(ratios, np.broadcast_to(ratios[0], ratios.shape), atol=1e-9)


@few
@given(body=bodies(4), seed=seeds)
def test_moving_a_film_moves_its_points_and_nothing_else(body: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points, spread = shown(body, rng, 3) + rng.normal(0.0, 0.5, (3, 4, 2)), ellipses(rng, 3, 4)
    plain = fit_common_shape(points, spread)
    ((scale, turn, shift),) = poses(rng, 1)
    points[1], spread[1] = scale * points[1] @ turn + shift, scale**2 * turn.T @ spread[1] @ turn
    moved = fit_common_shape(points, spread)
    np.testing.assert_allclose(moved.points[1], scale * plain.points[1] @ turn + shift, atol=1e-5)
    np.testing.assert_allclose(moved.points[[0, 2]], plain.points[[0, 2]], atol=1e-5)
    np.testing.assert_allclose(moved.covariance[1], scale**2 * turn.T @ plain.covariance[1] @ turn, atol=1e-5)
    np.testing.assert_allclose(moved.chi2, plain.chi2, rtol=1e-5)


@few
@given(body=bodies(4), seed=seeds)
def test_the_order_of_the_films_does_not_matter(body: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points, spread = shown(body, rng, 3) + rng.normal(0.0, 0.5, (3, 4, 2)), ellipses(rng, 3, 4)
    one, other = fit_common_shape(points, spread), fit_common_shape(points[[2, 0, 1]], spread[[2, 0, 1]])
    np.testing.assert_allclose(other.points, one.points[[2, 0, 1]], atol=1e-5)
    np.testing.assert_allclose(other.covariance, one.covariance[[2, 0, 1]], atol=1e-5)


@few
@given(body=bodies(4), seed=seeds)
def test_a_general_solver_finds_no_better_one(body: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points, spread = body + rng.normal(0.0, 1.0, (3, 4, 2)), ellipses(rng, 3, 4)
    root = np.linalg.cholesky(np.linalg.inv(spread))

    def placed(values: np.ndarray) -> np.ndarray:
        shape, rest = values[:8].reshape(4, 2), values[8:].reshape(2, 4)
        films = [shape, *(shape @ np.array([[a, b], [-b, a]]) + [x, y] for a, b, x, y in rest)]
        return np.stack(films)

    def residuals(values: np.ndarray) -> np.ndarray:
        return np.einsum("fkij,fki->fkj", root, points - placed(values)).ravel()

    start = np.concatenate([points[0].ravel(), np.tile([1.0, 0.0, 0.0, 0.0], 2)])
    found = least_squares(residuals, start, xtol=1e-12, ftol=1e-12, gtol=1e-12)
    fit = fit_common_shape(points, spread)
    assert fit.chi2 == pytest.approx(2.0 * found.cost, rel=1e-6)
    np.testing.assert_allclose(fit.points, placed(found.x), atol=1e-3)


@few
@given(body=bodies(6), seed=seeds, films=st.integers(2, 4), noise=st.floats(0.1, 2.5))
def test_a_fit_of_the_fitted_points_changes_nothing(body: np.ndarray, seed: int, films: int, noise: float) -> None:
    rng = np.random.default_rng(seed)
    spread = noise**2 * ellipses(rng, films, 6)
    fit = fit_common_shape(shown(body, rng, films) + rng.normal(0.0, noise, (films, 6, 2)), spread)
    again = fit_common_shape(fit.points, spread)
    np.testing.assert_allclose(again.points, fit.points, atol=1e-7)
    assert again.chi2 < 1e-12 * max(fit.chi2, 1.0)


@few
@given(body=bodies(6), seed=seeds, noise=st.floats(2.0, 4.0))
def test_the_first_film_is_like_any_other_however_uneven_they_are(body: np.ndarray, seed: int, noise: float) -> None:
    rng = np.random.default_rng(seed)
    points, spread = body + rng.normal(0.0, noise, (3, 6, 2)), noise**2 * ellipses(rng, 3, 6)
    one, other = fit_common_shape(points, spread), fit_common_shape(points[::-1], spread[::-1])
    np.testing.assert_allclose(other.points[::-1], one.points, atol=1e-7)
    assert other.chi2 == pytest.approx(one.chi2, rel=1e-9)


# trace of the matrix that turns given into fitted points = number of free numbers; here 8 + 4 for each further film
@few
@given(body=bodies(4), seed=seeds, films=st.integers(2, 4))
def test_what_is_left_of_the_variance_is_that_of_the_free_numbers(body: np.ndarray, seed: int, films: int) -> None:
    rng = np.random.default_rng(seed)
    spread = ellipses(rng, films, 4)
    fit = fit_common_shape(shown(body, rng, films), spread)
    kept = np.einsum("fkij,fkji->", fit.covariance, np.linalg.inv(spread))
    assert kept == pytest.approx(8 + 4 * (films - 1), rel=1e-6)


@few
@given(body=bodies(4), seed=seeds, films=st.integers(4, 8))
def test_films_beyond_those_counted_make_nothing_surer(body: np.ndarray, seed: int, films: int) -> None:
    rng = np.random.default_rng(seed)
    spread = ellipses(rng, 1, 4)
    several = fit_common_shape(np.tile(body, (films, 1, 1)), np.tile(spread, (films, 1, 1, 1)), counted=3)
    three = fit_common_shape(np.tile(body, (3, 1, 1)), np.tile(spread, (3, 1, 1, 1)))
    for film in (0, films - 1):
        np.testing.assert_allclose(several.covariance[film], three.covariance[0], rtol=1e-6, atol=1e-9)
    every = fit_common_shape(np.tile(body, (films, 1, 1)), np.tile(spread, (films, 1, 1, 1)))
    assert np.trace(every.covariance.sum(axis=(0, 1))) < np.trace(several.covariance.sum(axis=(0, 1)))
    points = body + rng.normal(0.0, 0.5, (3, 4, 2))
    same = [fit_common_shape(points, np.tile(spread, (3, 1, 1, 1)), counted=k).covariance for k in (3, 9)]
    np.testing.assert_array_equal(*same)


def test_errors_are_averaged_and_the_misfit_is_about_one() -> None:
    rng = np.random.default_rng(3)
    body = np.array([[34.0, 0.0], [0.0, 0.0], [34.0, 28.0], [0.0, 28.0]])
    spread = np.tile(0.25 * np.eye(2), (3, 4, 1, 1))
    before, after, misfit, squared = [], [], [], []
    for _ in range(400):
        points = body + rng.normal(0.0, 0.5, (3, 4, 2))
        fit = fit_common_shape(points, spread)
        before.append(np.mean((points - body) ** 2))
        after.append(np.mean((fit.points - body) ** 2))
        misfit.append(fit.misfit)
        squared.append(
            np.einsum("fki,fkij,fkj->fk", fit.points - body, np.linalg.inv(fit.covariance), fit.points - body)
        )
    # 16 free numbers of 24: two thirds of the variance
    assert np.mean(after) / np.mean(before) == pytest.approx(16 / 24, abs=0.03)
    assert np.mean(misfit) == pytest.approx(1.0, abs=0.06)
    assert np.mean(squared) == pytest.approx(2.0, abs=0.12)


@pytest.mark.parametrize(
    ("films", "spread", "says"),
    [
        (np.zeros((1, 4, 2)), np.ones((1, 4, 2, 2)), "2 films and 3 points or more"),
        (np.zeros((2, 2, 2)), np.ones((2, 2, 2, 2)), "2 films and 3 points or more"),
        (np.ones((2, 4, 2)), np.ones((2, 4, 2)), r"covariance has shape \(2, 4, 2\)"),
        (np.full((2, 4, 2), np.nan), np.tile(np.eye(2), (2, 4, 1, 1)), "is not finite"),
        (np.random.default_rng(1).normal(size=(2, 4, 2)), np.zeros((2, 4, 2, 2)), "no positive eigenvalues"),
        (np.ones((2, 4, 2)), np.tile(np.eye(2), (2, 4, 1, 1)), "all points of a film are one"),
    ],
)
def test_what_cannot_be_fitted_is_refused(films: np.ndarray, spread: np.ndarray, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        fit_common_shape(films, spread)
