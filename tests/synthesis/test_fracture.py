import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kummell_ai.synthesis.anatomy.bones import BoneTemplate, signed_volume
from kummell_ai.synthesis.anatomy.procedural import procedural_templates
from kummell_ai.synthesis.disease.fracture import Collapse, FractureType, Pit, deform
from kummell_ai.synthesis.disease.fracture_kinds import draw_fracture, draw_kind, draw_loss
from kummell_ai.synthesis.recipe import DiseaseRecipe


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


def test_a_pit_lowers_its_middle_and_leaves_the_rim() -> None:
    body = box_body()
    pitted = Collapse(pits=(Pit(endplate=0, along=0.5, aside_mm=0.0, radius_mm=6.0, depth_mm=4.0),))
    moved = deform(np.array([[0.0, 0.0, 13.0], [0.0, 0.0, -13.0]]), body, pitted)
    np.testing.assert_allclose(moved, [[0.0, 0.0, 9.0], [0.0, 0.0, -13.0]])
    np.testing.assert_allclose(deform(body.rims_mm, body, pitted), body.rims_mm, atol=1e-9)


def test_the_back_wall_bends_into_the_canal_between_the_pedicles() -> None:
    body = box_body()
    wall = np.array([[-17.0, 0.0, 13.0 - 0.3 * 26.0], [-17.0, 22.0, 13.0 - 0.3 * 26.0]])
    moved = deform(wall, body, Collapse(back_bulge_mm=5.0))
    assert moved[0, 0] == pytest.approx(-22.0)
    assert moved[1, 0] == pytest.approx(-17.0, abs=0.2)


@pytest.mark.parametrize(("superior_share", "endplate"), [(0.9, 0), (0.1, 1)])
def test_the_step_overhangs_at_the_endplate_that_gave_way(superior_share: float, endplate: int) -> None:
    body = box_body()
    moved = deform(body.rims_mm, body, Collapse(superior_share=superior_share, step_mm=3.0))
    np.testing.assert_allclose(moved[endplate, 0, :, 0], 20.0, atol=1e-3)
    np.testing.assert_allclose(moved[1 - endplate, 0, :, 0], 17.0, atol=1e-3)
    np.testing.assert_allclose(moved[:, 1], body.rims_mm[:, 1], atol=1e-9)


@given(st.floats(-0.7, 0.7), st.floats(0.1, 0.6))
def test_asymmetry_is_mirrored_with_its_sign_and_spares_the_mid_line(tilt: float, anterior: float) -> None:
    body = box_body()
    left, right = (deform(body.rims_mm, body, Collapse(anterior, tilt=t)) for t in (tilt, -tilt))
    np.testing.assert_allclose(left[:, :, ::-1, 2], right[..., 2], atol=1e-9)
    np.testing.assert_allclose(left[:, :, 1], deform(body.rims_mm, body, Collapse(anterior))[:, :, 1], atol=1e-9)


def test_raggedness_moves_the_two_endplates_apart_from_each_other() -> None:
    body = box_body()
    grid = np.stack([*np.meshgrid(np.linspace(-12, 12, 9), np.linspace(-12, 12, 9)), np.full((9, 9), 13.0)], axis=-1)
    ragged = Collapse(roughness_mm=0.8, seed=3)
    top = deform(grid, body, ragged)[..., 2] - 13.0
    low = deform(grid * [1.0, 1.0, -1.0], body, ragged)[..., 2] + 13.0
    assert 0.2 < top.std() < 2.0
    assert abs(np.corrcoef(top.ravel(), low.ravel())[0, 1]) < 0.9


@pytest.mark.parametrize("kind", list(FractureType))
def test_drawn_fractures_have_the_shape_of_their_type_and_stay_solid(kind: FractureType) -> None:
    body = procedural_templates()["L1"]
    whole = signed_volume(body.vertices_mm, body.faces)
    for seed in range(15):
        rng = np.random.default_rng(seed)
        fracture = draw_fracture(kind, *draw_loss(kind, rng), DiseaseRecipe(), rng)
        assert fracture.kind is kind
        middle = fracture.middle + 0.5 * (fracture.anterior + fracture.posterior)
        if kind is FractureType.WEDGE:
            assert fracture.anterior > fracture.posterior
            assert fracture.anterior >= middle
        elif kind is FractureType.BICONCAVE:
            assert middle > max(fracture.anterior, fracture.posterior)
        else:
            assert min(fracture.anterior, fracture.posterior) >= 0.15
        assert 0.3 * whole < signed_volume(deform(body.vertices_mm, body, fracture), body.faces) < whole


def test_left_out_ingredients_of_a_fracture_are_absent() -> None:
    for seed in range(30):
        rng = np.random.default_rng(seed)
        none = DiseaseRecipe(biconcave=0.0, crush=0.0, asymmetry=0.0, bulge=0.0)
        fracture = draw_fracture(draw_kind(none, rng), 0.4, 0.0, none, rng)
        assert (fracture.kind, fracture.tilt, fracture.back_bulge_mm) == (FractureType.WEDGE, 0.0, 0.0)
    every = DiseaseRecipe(biconcave=0.0, crush=1.0, asymmetry=1.0, bulge=1.0)
    fracture = draw_fracture(draw_kind(every, rng), 0.4, 0.2, every, rng)
    assert fracture.kind is FractureType.CRUSH
    assert fracture.tilt != 0.0
    assert fracture.back_bulge_mm > 0.0
