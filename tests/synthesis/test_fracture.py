import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kummell_ai.synthesis.bones import BoneTemplate
from kummell_ai.synthesis.fracture import Collapse, deform


def box_body() -> BoneTemplate:
    rims = np.array([[[[x, y, z] for y in (5.0, 0.0, -5.0)] for x in (17.0, -17.0)] for z in (13.0, -13.0)])
    return BoneTemplate("L1", rims.reshape(-1, 3), np.array([[0, 1, 2]], np.int32), rims)


def heights(rims: np.ndarray) -> tuple[float, float]:
    corners = rims[:, :, 1]
    return tuple(float(v) for v in np.linalg.norm(corners[0] - corners[1], axis=-1))


def test_no_collapse_is_the_identity() -> None:
    body = box_body()
    np.testing.assert_allclose(deform(body.rims_mm, body, Collapse()), body.rims_mm)


@given(st.floats(0.0, 0.7), st.floats(0.0, 0.4), st.floats(0.0, 1.0))
def test_corner_heights_lose_exactly_their_share(anterior: float, posterior: float, share: float) -> None:
    body = box_body()
    got = heights(deform(body.rims_mm, body, Collapse(anterior, 0.0, posterior, share)))
    assert got == pytest.approx((26.0 * (1 - anterior), 26.0 * (1 - posterior)), abs=1e-9)


def test_arch_and_processes_do_not_move() -> None:
    body = box_body()
    behind = np.array([[-30.0, 0.0, 5.0], [-60.0, 3.0, -10.0], [-40.0, 12.0, 20.0]])
    np.testing.assert_allclose(deform(behind, body, Collapse(0.6, 0.1, 0.2)), behind)


def test_depression_lowers_the_middle_only() -> None:
    body = box_body()
    top = np.array([[0.0, 0.0, 13.0], [17.0, 0.0, 13.0]])
    moved = deform(top, body, Collapse(middle=0.3, superior_share=1.0))
    assert moved[0, 2] == pytest.approx(13.0 - 0.3 * 26.0)
    assert abs(moved[1, 2] - 13.0) < 0.35  # the depression has faded to 4 % of 7.8 mm at the rim
