"""Laws of every measurement: what rotation, translation, mirror and scale do to it, and the order of films."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kummell_ai.anatomy import Endplate, VertebralLevel
from kummell_ai.geometry import angles, heights
from tests.geometry.bodies import ROUND_OFF, rotation, rotations, scales, shifts, stacks

Measure = Callable[[np.ndarray], np.ndarray]

LENGTHS: dict[str, Measure] = {
    "anterior": lambda s: heights.anterior_height(s[..., 1, :, :]),
    "middle": lambda s: heights.middle_height(s[..., 1, :, :]),
    "posterior": lambda s: heights.posterior_height(s[..., 1, :, :]),
    "superior depth": lambda s: heights.endplate_depth(s[..., 1, :, :], Endplate.SUPERIOR),
    "inferior depth": lambda s: heights.endplate_depth(s[..., 1, :, :], Endplate.INFERIOR),
    "reference": lambda s: heights.reference_height(s[..., 0, :, :], s[..., 2, :, :]),
}
ANGLES: dict[str, Measure] = {
    "wedge": lambda s: angles.wedge_angle(s[..., 1, :, :]),
    "segmental": lambda s: angles.segmental_cobb(s[..., 0, :, :], s[..., 2, :, :]),
    "local": lambda s: angles.local_kyphosis(s[..., 0, :, :], s[..., 1, :, :]),
    "any pair": lambda s: angles.endplate_angle(s[..., 0, :, :], Endplate.INFERIOR, s[..., 2, :, :], Endplate.SUPERIOR),
    "sagittal index": lambda s: angles.sagittal_index(
        angles.segmental_cobb(s[..., 0, :, :], s[..., 2, :, :]), VertebralLevel.L1
    ),
}
RATIOS: dict[str, Measure] = {
    "wedge ratio": lambda s: heights.wedge_ratio(s[..., 1, :, :]),
    "compression": lambda s: heights.compression(s[..., 1, :, :]),
    "height loss": lambda s: heights.height_loss(
        heights.anterior_height(s[..., 1, :, :]), heights.reference_height(s[..., 0, :, :], s[..., 2, :, :])
    ),
}
ALL = {**LENGTHS, **ANGLES, **RATIOS}
few = settings(max_examples=25, deadline=None)


def close(a: np.ndarray, b: np.ndarray) -> None:
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=ROUND_OFF)


@pytest.mark.parametrize("name", ALL)
@few
@given(stack=stacks(points=6), turn=rotations, shift=shifts)
def test_rotation_and_translation_change_nothing(name: str, stack: np.ndarray, turn: float, shift: np.ndarray) -> None:
    close(ALL[name](stack @ rotation(turn) + shift), ALL[name](stack))


@pytest.mark.parametrize("name", ALL)
@few
@given(stack=stacks(points=6), width=st.floats(0, 1000))
def test_a_mirrored_film_reads_the_same(name: str, stack: np.ndarray, width: float) -> None:
    close(ALL[name](stack * [-1.0, 1.0] + [width, 0.0]), ALL[name](stack))


@pytest.mark.parametrize("name", ALL)
@few
@given(stack=stacks(points=6), scale=scales)
def test_scale_multiplies_lengths_only(name: str, stack: np.ndarray, scale: float) -> None:
    expected = ALL[name](stack) * (scale if name in LENGTHS else 1.0)
    close(ALL[name](stack * scale), expected)


@pytest.mark.parametrize("name", ALL)
@few
@given(films=st.lists(stacks(points=6), min_size=2, max_size=5), seed=st.integers(0, 99))
def test_films_are_measured_apart_and_in_any_order(name: str, films: list[np.ndarray], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(films))
    together = ALL[name](np.stack(films))
    np.testing.assert_array_equal(ALL[name](np.stack(films)[order]), together[order])
    close(together, np.array([ALL[name](film) for film in films]))
    close(ALL[name](np.stack(films)[:, None]), together[:, None])


@few
@given(stack=stacks())
def test_angles_add_up_along_the_spine(stack: np.ndarray) -> None:
    """Wedge of V-1, disc angle, wedge of V sum to the angle over both, since all turn the same way."""
    above, body, _ = stack
    disc = angles.endplate_angle(above, Endplate.INFERIOR, body, Endplate.SUPERIOR)
    close(angles.wedge_angle(above) + disc + angles.wedge_angle(body), angles.local_kyphosis(above, body))


@few
@given(stack=stacks())
def test_the_two_forms_of_height_loss_agree(stack: np.ndarray) -> None:
    a1, a0, a2 = (heights.anterior_height(body) for body in stack)
    close(heights.height_loss(a0, (a1 + a2) / 2), 100 * (a1 + a2 - 2 * a0) / (a1 + a2))
