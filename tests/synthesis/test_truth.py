import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kummell_ai.anatomy import VertebralLevel as V
from kummell_ai.synthesis.anatomy.bones import BoneTemplate
from kummell_ai.synthesis.anatomy.endplates import endplate_middles
from kummell_ai.synthesis.case import SimulatedFilm, generate_case, generate_film
from kummell_ai.synthesis.disease.fracture import Collapse, deform
from kummell_ai.synthesis.masks import CEMENT, METAL, NOTHING, hidden_points, material_mask
from kummell_ai.synthesis.recipe import Recipe
from kummell_ai.synthesis.truth import body_measurements, segment_measurements, true_measurements

DEPTH = 34.0

BOX_FACES = np.array(
    [[0, 2, 1], [1, 2, 3], [4, 5, 6], [5, 7, 6], [0, 1, 4], [1, 5, 4], [2, 6, 3], [3, 6, 7], [0, 4, 2], [2, 4, 6],
     [1, 3, 5], [3, 7, 5]], dtype=np.int32,
)  # fmt: skip


def box(name: str = "L1", top: float = 12.0, bottom: float = -12.0) -> BoneTemplate:
    """A body 34 mm deep whose surface lies at ``top`` and ``bottom``, its rims at 12 and -12."""
    corners = [[x, y, z] for z in (bottom, top) for y in (-25.0, 25.0) for x in (-17.0, 17.0)]
    rims = [[[[x, y, z] for y in (14.0, 0.0, -14.0)] for x in (17.0, -17.0)] for z in (12.0, -12.0)]
    return BoneTemplate(name, np.array(corners), BOX_FACES, np.array(rims))


def body(ha: float, hp: float, hm: float | None = None, z: float = 0.0) -> np.ndarray:
    """Points (6, 3) of a body whose lower endplate is level at ``z``."""
    middle = 0.5 * (ha + hp) if hm is None else hm
    points = [[DEPTH, ha], [0, hp], [DEPTH, 0], [0, 0], [DEPTH / 2, middle], [DEPTH / 2, 0]]
    return np.array([[x, 0.0, z + up] for x, up in points])


@given(st.floats(8.0, 40.0), st.floats(8.0, 40.0), st.floats(4.0, 40.0))
def test_measurements_of_a_body_are_those_of_its_wedge(ha: float, hp: float, hm: float) -> None:
    found = true_measurements({V.L1: body(ha, hp, hm)}, V.L1)
    assert found["anterior_height_mm"] == pytest.approx(ha, abs=1e-4)
    assert found["posterior_height_mm"] == pytest.approx(hp, abs=1e-4)
    assert found["middle_height_mm"] == pytest.approx(hm, abs=1e-4)
    assert found["wedge_angle_deg"] == pytest.approx(math.degrees(math.atan((hp - ha) / DEPTH)), abs=1e-4)
    assert found["compression_percent"] == pytest.approx(100 * (1 - min(ha, hm) / hp), abs=1e-3)
    assert "height_loss_percent" not in found  # nothing to compare with


def test_neighbours_are_the_patients_own() -> None:
    """A 13th thoracic vertebra is the upper neighbour of L1, T12 is not; L6 is the lower neighbour of L5."""
    spine = {V.T12: body(30, 30, z=60), V.T13: body(20, 26, z=30), V.L1: body(12, 24), V.L2: body(24, 24, z=-30)}
    found = true_measurements(spine, V.L1)
    assert found["reference_height_mm"] == pytest.approx(22.0)
    assert found["height_loss_percent"] == pytest.approx(100 * (1 - 12 / 22), abs=1e-3)
    tilt = math.degrees(math.atan(6 / DEPTH))
    assert found["segmental_cobb_deg"] == pytest.approx(tilt, abs=1e-3)
    assert found["local_kyphosis_deg"] == pytest.approx(tilt, abs=1e-3)
    lower = {V.L4: body(24, 24, z=60), V.L5: body(12, 24, z=30), V.L6: body(20, 20), V.S1: body(9, 9, z=-30)}
    assert true_measurements(lower, V.L5)["reference_height_mm"] == pytest.approx(22.0)


def test_reference_heights_are_those_of_the_nearest_whole_bodies() -> None:
    spine = {V.T11: body(25, 25, z=90), V.T12: body(10, 25, z=60), V.L1: body(12, 24, z=30), V.L2: body(27, 27)}
    assert true_measurements(spine, V.L1, {V.T12})["reference_height_mm"] == pytest.approx(26.0)
    assert true_measurements(spine, V.L1, {V.T12, V.L2})["reference_height_mm"] == pytest.approx(25.0)
    hidden = {**spine, V.T11: np.full((6, 3), np.nan), V.T12: np.full((6, 3), np.nan)}
    found = true_measurements(hidden, V.L1, {V.L2})
    assert not {"reference_height_mm", "height_loss_percent", "segmental_cobb_deg"} & set(found)
    sacrum = {V.L5: body(12, 24, z=30), V.S1: body(30, 30)}
    assert "reference_height_mm" not in true_measurements(sacrum, V.L5)


def test_surgical_segment_runs_between_the_outer_screws() -> None:
    spine = {V.T12: body(20, 26, z=60), V.L1: body(12, 24, z=30), V.L2: body(24, 24)}
    assert "surgical_segment_cobb_deg" not in true_measurements(spine, V.L1)
    found = true_measurements(spine, V.L1, screws=(V.T12, V.L2))
    assert found["surgical_segment_cobb_deg"] == found["segmental_cobb_deg"]


def test_mirrored_points_measure_the_same() -> None:
    spine = {V.T12: body(20, 26, z=60), V.L1: body(12, 24, 11, z=30), V.L2: body(24, 25)}
    left = {level: np.stack([100 - p[:, 0], 200 - p[:, 2]], axis=1) for level, p in spine.items()}
    right = {level: np.stack([500 + p[:, 0], 200 - p[:, 2]], axis=1) for level, p in spine.items()}
    assert segment_measurements(left, V.L1) == pytest.approx(segment_measurements(right, V.L1))


@pytest.mark.parametrize(("top", "bottom", "expected"), [(9.5, -11.0, (9.5, -11.0)), (30.0, -40.0, (12.0, -12.0))])
def test_endplate_middle_lies_on_the_surface_or_else_on_the_chord(
    top: float, bottom: float, expected: tuple[float, float]
) -> None:
    middles = endplate_middles(box(top=top, bottom=bottom))
    np.testing.assert_allclose(middles, [[0, 0, expected[0]], [0, 0, expected[1]]], atol=1e-9)


def test_endplate_middle_without_a_surface_is_the_chords_and_the_sacrum_has_one_only() -> None:
    empty = BoneTemplate("L1", np.zeros((3, 3)), np.array([[0, 1, 2]], dtype=np.int32), box().rims_mm)
    np.testing.assert_allclose(endplate_middles(empty)[:, 2], [12.0, -12.0])
    sacrum = endplate_middles(box("S1"))
    assert np.isfinite(sacrum[0]).all()
    assert np.isnan(sacrum[1]).all()


@given(st.floats(0.05, 0.4))
def test_a_biconcave_collapse_lowers_the_middle_by_its_share(share: float) -> None:
    template = box()
    moved = deform(endplate_middles(template), template, Collapse(middle=share, superior_share=0.5))
    assert moved[0, 2] - moved[1, 2] == pytest.approx(24.0 * (1 - share), rel=0.02)
    corners = deform(template.corners_mm, template, Collapse(middle=share, superior_share=0.5))
    np.testing.assert_allclose(corners[..., 2], template.corners_mm[..., 2], atol=24 * share * 0.06)


@pytest.fixture(scope="module", params=[0.0, 1.0], ids=["left", "right"])
def film(request: pytest.FixtureRequest) -> SimulatedFilm:
    return generate_case(31, Recipe(rows=160, right_facing=request.param)).films[1]


def test_projection_matrix_leads_from_the_bones_to_the_film(film: SimulatedFilm) -> None:
    matrix = np.array(film.geometry["projection"])
    for vertebra in film.vertebrae:
        points = np.concatenate([vertebra.rims_mm.reshape(-1, 3), vertebra.points_mm[4:5]])
        on_film = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ matrix.T
        expected = np.concatenate([vertebra.rims_px.reshape(-1, 2), vertebra.points_px[4:5]])
        np.testing.assert_allclose(on_film[:, :2] / on_film[:, 2:], expected, atol=1e-4)


def test_landmarks_are_the_truth_on_the_film_and_nothing_off_it(film: SimulatedFilm) -> None:
    truth = {v.level: v for v in film.vertebrae}
    height, width = film.pixels.shape
    assert len(film.landmarks.vertebrae) > 3
    for found in film.landmarks.vertebrae:
        assert found.level is not None
        points = truth[found.level].points_px
        inside = (points >= 0).all(axis=1) & (points[:, 0] <= width) & (points[:, 1] <= height)
        np.testing.assert_array_equal(np.isfinite(found.points_px).all(axis=1), inside)
        np.testing.assert_array_equal(found.points_px[inside], points[inside])
        assert found.flags == truth[found.level].flags


def test_geometry_agrees_with_the_spacing(film: SimulatedFilm) -> None:
    g = film.geometry
    assert g["pixel_at_patient_mm"] == pytest.approx(film.spacing.row_mm, abs=1e-6)
    assert g["source_to_detector_mm"] / g["source_to_patient_mm"] == pytest.approx(g["magnification"], abs=1e-4)
    np.testing.assert_allclose(np.array(g["turn"]) @ np.array(g["turn"]).T, np.eye(3), atol=1e-5)


def test_injured_body_is_fractured_and_has_a_kind(film: SimulatedFilm) -> None:
    injured = next(v for v in film.vertebrae if v.level is film.index_level)
    assert "fractured" in injured.flags
    assert injured.fracture in ("wedge", "biconcave", "crush")
    assert all(v.fracture is None for v in film.vertebrae if "fractured" not in v.flags)
    assert {v.level for v in film.vertebrae if "instrumented" in v.flags} == set(film.screws)


def test_masks_name_the_material_and_metal_comes_first() -> None:
    metal, cement = np.zeros((2, 3), np.float32), np.zeros((2, 3), np.float32)
    metal[0, 1:], cement[:, 1] = 2.0, 9.0
    lengths = {"titanium": metal, "cement": cement, "water": np.full((2, 3), 200.0, np.float32)}
    mask = material_mask(lengths, (2, 3))
    assert mask.dtype == np.uint8
    assert mask.tolist() == [[NOTHING, METAL, METAL], [NOTHING, CEMENT, NOTHING]]
    assert not material_mask({}, (2, 3)).any()
    film = np.linspace(0.0, 1.0, 6, dtype=np.float32).reshape(2, 3)
    points = np.array([[0.5, 0.5], [2.9, 0.2], [1.5, 1.9], [3.0, 2.0], [np.nan, np.nan]])
    assert hidden_points(points, lengths, film).tolist() == [False, True, True, False, False]
    assert not hidden_points(points, {"cement": cement / 3}, film).any()


def test_points_in_black_or_white_beyond_the_range_are_hidden() -> None:
    film = np.ones((40, 40), np.float32)
    film[:, 20:] = np.random.default_rng(0).random((40, 20))
    points = np.array([[5.0, 5.0], [30.0, 30.0], [18.0, 20.0], [40.0, 40.0], [0.0, 40.0]])
    assert hidden_points(points, {}, film).tolist() == [True, False, False, False, True]


def test_frontal_film_keeps_the_bones_truth_but_marks_nothing() -> None:
    film = generate_film(5, Recipe(rows=128, frontal=1.0))
    assert film.landmarks.vertebrae == ()
    assert film.field == "frontal"
    assert len(film.points_mm) > 8


def test_body_measurements_leave_out_what_is_not_seen() -> None:
    points = body(20, 24)[:, [0, 2]]
    points[0] = np.nan
    found = body_measurements(points)
    assert "anterior_height_mm" not in found
    assert found["posterior_height_mm"] == pytest.approx(24.0)
