"""Path lengths against closed forms.

Tolerances: the projector is exact to the mesh, so at interior pixels only the mesh's facets matter: a facet of length s
on radius r lies s^2 / 8r below its arc. At the rim the chord grows like a square root, and a facet's error moves it
further the nearer the rim; there the bound is that no pixel beside the shadow sees anything but the facets' rim.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from kummell_ai.errors import ConfigError
from kummell_ai.synthesis.anatomy.bones import signed_volume
from kummell_ai.synthesis.anatomy.surfaces import vertex_normals
from kummell_ai.synthesis.operation.hardware import frame_along, joined, sphere
from kummell_ai.synthesis.projection import ConeBeam, add_path_length, bone_path_lengths, path_length

Mesh = tuple[np.ndarray, np.ndarray]
BOX_FACES = np.array(
    [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4],
     [1, 5, 7], [1, 7, 3]],
    dtype=np.int32,
)  # fmt: skip
BEAM = ConeBeam(np.array([10.0, 1200.0, 5.0]), (60.0, 70.0), 0.5, (280, 240))


def rays(beam: ConeBeam) -> np.ndarray:
    rows, cols = np.indices(beam.shape)
    x = beam.origin_mm[0] - (cols + 0.5) * beam.pixel_mm
    z = beam.origin_mm[1] - (rows + 0.5) * beam.pixel_mm
    d = np.stack([x, np.zeros_like(x), z], axis=-1) - beam.source_mm
    return d / np.linalg.norm(d, axis=-1, keepdims=True)


def turn_about(axis: np.ndarray, angle_deg: float) -> np.ndarray:
    """Rotation (3, 3) by Rodrigues' formula."""
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    a = np.radians(angle_deg)
    return np.eye(3) + np.sin(a) * cross + (1.0 - np.cos(a)) * cross @ cross


def box(low: np.ndarray, high: np.ndarray) -> Mesh:
    corners = np.array([[x, y, z] for x in (0.0, 1.0) for y in (0.0, 1.0) for z in (0.0, 1.0)])
    return low + corners * (high - low), BOX_FACES


def ball(centre: np.ndarray, radius: float, fineness: int = 5) -> Mesh:
    unit, faces = sphere(fineness)
    return centre + radius * unit, faces


def rod(length: float, radius: float, sides: int = 256) -> Mesh:
    """A cylinder along z around the origin."""
    angle = np.arange(sides) * 2.0 * np.pi / sides
    ring = np.stack([radius * np.cos(angle), radius * np.sin(angle), np.full(sides, -0.5 * length)], axis=1)
    vertices = np.concatenate(
        [ring, ring + np.array([0.0, 0.0, length]), [[0, 0, -0.5 * length], [0, 0, 0.5 * length]]]
    )
    i, j = np.arange(sides), (np.arange(sides) + 1) % sides
    low, high = np.full(sides, 2 * sides), np.full(sides, 2 * sides + 1)
    parts = [[i, j, j + sides], [i, j + sides, i + sides], [low, j, i], [high, i + sides, j + sides]]
    return vertices, np.concatenate([np.stack(p, axis=1) for p in parts]).astype(np.int32)


def ball_chord(beam: ConeBeam, centre: np.ndarray, radius: float) -> np.ndarray:
    s = beam.source_mm - centre
    b = rays(beam) @ s
    return 2.0 * np.sqrt(np.maximum(b * b - (s @ s - radius**2), 0.0))


def slab_span(start: np.ndarray, along: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    with np.errstate(divide="ignore"):
        a, b = (low - start) / along, (high - start) / along
    return np.minimum(a, b), np.maximum(a, b)


def box_chord(beam: ConeBeam, turn: np.ndarray, centre: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    start, along = turn.T @ (beam.source_mm - centre), rays(beam) @ turn
    spans = [slab_span(start[k], along[..., k], low[k], high[k]) for k in range(3)]
    return np.maximum(np.min([s[1] for s in spans], axis=0) - np.max([s[0] for s in spans], axis=0), 0.0)


def rod_chord(beam: ConeBeam, turn: np.ndarray, centre: np.ndarray, length: float, radius: float) -> np.ndarray:
    start, along = turn.T @ (beam.source_mm - centre), rays(beam) @ turn
    a = along[..., 0] ** 2 + along[..., 1] ** 2
    b = along[..., 0] * start[0] + along[..., 1] * start[1]
    root = np.sqrt(np.maximum(b * b - a * (start[0] ** 2 + start[1] ** 2 - radius**2), 0.0))
    low, high = slab_span(start[2], along[..., 2], -0.5 * length, 0.5 * length)
    chord = np.minimum((root - b) / a, high) - np.maximum((-root - b) / a, low)
    return np.where(root > 0.0, np.maximum(chord, 0.0), 0.0)


def test_ball_has_the_closed_form_chord() -> None:
    centre = np.array([5.0, 12.0, -8.0])
    got, chord = path_length(*ball(centre, 20.0), BEAM), ball_chord(BEAM, centre, 20.0)
    inside = chord > 8.0  # facets of 1.3 mm lie 0.01 mm deep: 20 / 4 times that along a chord of 8, twice
    assert inside.sum() > 3000
    np.testing.assert_allclose(got[inside], chord[inside], atol=0.1)
    assert got[chord == 0.0].max() < 1e-3  # the facets lie within the ball
    rim = (chord > 0.0) & ~inside
    assert np.abs(got - chord)[rim].max() < 2.0 * np.sqrt(2.0 * 20.0 * 0.02)  # the whole chord 0.02 mm within the rim


ANGLES = st.floats(-180.0, 180.0)
AXES = hnp.arrays(float, 3, elements=st.floats(-1.0, 1.0)).filter(lambda a: np.linalg.norm(a) > 0.1)


@given(AXES, ANGLES, hnp.arrays(float, 3, elements=st.floats(-20.0, 20.0)))
@settings(max_examples=25, deadline=None)
def test_turned_box_has_the_closed_form_thickness(axis: np.ndarray, angle: float, centre: np.ndarray) -> None:
    low, high, turn = np.array([-10.0, -15.0, -12.0]), np.array([10.0, 25.0, 8.0]), turn_about(axis, angle)
    vertices, faces = box(low, high)
    got = path_length(vertices @ turn.T + centre, faces, BEAM)
    # a side seen edge on is a step of up to its depth, which rounding may put on either side of a pixel's centre:
    # what is seen lies between a box that is a little smaller and one that is a little larger
    smaller, larger = (box_chord(BEAM, turn, centre, low - d, high + d) for d in (-1e-3, 1e-3))
    assert (got >= smaller - 1e-3).all()
    assert (got <= larger + 1e-3).all()
    assert np.median(larger - smaller) < 0.01
    assert smaller.max() > 15.0


def test_straight_box_has_the_closed_form_thickness() -> None:
    low, high = np.array([-10.0, -15.0, -12.0]), np.array([10.0, 25.0, 8.0])
    got = path_length(*box(low, high), BEAM)
    np.testing.assert_allclose(got, box_chord(BEAM, np.eye(3), np.zeros(3), low, high), atol=1e-3)


@given(AXES, st.floats(2.0, 15.0), st.floats(10.0, 60.0))
@settings(max_examples=25, deadline=None)
def test_tilted_cylinder_has_the_closed_form_chord(axis: np.ndarray, radius: float, length: float) -> None:
    turn, centre = frame_along(axis), np.array([-4.0, -15.0, 6.0])
    vertices, faces = rod(length, radius)
    got = path_length(vertices @ turn.T + centre, faces, BEAM)
    # the 256 sides lie within the round rod, at most 7.5e-5 r deep; its ends may be seen edge on, as those of the box
    smaller = rod_chord(BEAM, turn, centre, length - 2e-3, radius * (1.0 - 1e-4))
    larger = rod_chord(BEAM, turn, centre, length + 2e-3, radius * (1.0 + 1e-6))
    assert (got >= smaller - 2e-3).all()
    assert (got <= larger + 2e-3).all()
    assert smaller.max() > 0.9 * min(radius, length)


def test_a_hollow_ball_is_the_difference_of_two() -> None:
    centre = np.array([5.0, 12.0, -8.0])
    outer, inner = ball(centre, 20.0), ball(centre, 15.0)
    hollow = joined([outer, (inner[0], inner[1][:, ::-1])])
    got = path_length(*hollow, BEAM)
    np.testing.assert_allclose(got, path_length(*outer, BEAM) - path_length(*inner, BEAM), atol=1e-3)
    expected = ball_chord(BEAM, centre, 20.0) - ball_chord(BEAM, centre, 15.0)
    inside = ball_chord(BEAM, centre, 15.0) > 8.0
    np.testing.assert_allclose(got[inside], expected[inside], atol=0.1)


def test_a_ball_within_a_box_counts_twice() -> None:
    outer, inner = box(np.full(3, -25.0), np.full(3, 25.0)), ball(np.zeros(3), 15.0)
    both = joined([outer, inner])
    np.testing.assert_allclose(
        path_length(*both, BEAM), path_length(*outer, BEAM) + path_length(*inner, BEAM), atol=1e-3
    )


def test_adding_is_linear() -> None:
    one, two = ball(np.array([5.0, 12.0, -8.0]), 20.0), ball(np.array([-5.0, -30.0, 3.0]), 9.0)
    out = np.full(BEAM.shape, 7.0, np.float32)
    add_path_length(out, *one, BEAM)
    add_path_length(out, *two, BEAM)
    np.testing.assert_allclose(out, 7.0 + path_length(*one, BEAM) + path_length(*two, BEAM), atol=1e-4)


def test_bone_and_cortex_are_the_two_surfaces() -> None:
    one, two = ball(np.array([5.0, 12.0, -8.0]), 20.0, 3), ball(np.array([-15.0, -30.0, 13.0]), 9.0, 3)
    thickness = np.full((len(one[0]), 1), 0.7)
    whole, inner = bone_path_lengths([(*one, thickness), (*two, thickness)], BEAM, (2, 1))
    fine = np.zeros((560, 240), np.float32), np.zeros((560, 240), np.float32)
    for vertices, faces in (one, two):
        add_path_length(fine[0], vertices, faces, BEAM)
        add_path_length(fine[1], vertices - 0.7 * vertex_normals(vertices, faces), faces, BEAM)
    for got, expected in zip((whole, inner), fine, strict=True):
        np.testing.assert_allclose(got, expected.reshape(280, 2, 240).mean(axis=1), atol=1e-3)
    assert (whole - inner).max() > 5.0
    assert (whole - inner).min() > -1e-3


def test_sum_of_lengths_from_far_away_is_the_volume() -> None:
    far = ConeBeam(np.array([0.0, 1e6, 0.0]), (30.0, 30.0), 0.25, (240, 240))
    mesh = ball(np.zeros(3), 20.0, 4)
    assert path_length(*mesh, far).sum() * 0.25**2 == pytest.approx(signed_volume(*mesh), rel=1e-3)


@given(st.integers(0, 2**16))
@settings(max_examples=25, deadline=None)
def test_signs_cancel_even_on_crumpled_and_flat_meshes(seed: int) -> None:
    """600 mm in front of the film, one crossing more or less would show as 600 mm; the lump is 60 mm deep at most."""
    rng = np.random.default_rng(seed)
    vertices, faces = ball(np.zeros(3), 15.0, 3)
    vertices = vertices + rng.normal(0.0, 2.0, vertices.shape)
    flat = rng.random(len(vertices)) < 0.5
    vertices[flat, rng.integers(3)] = rng.choice([0.0, 0.25, 1e-14], flat.sum())  # slivers, and edges on pixel centres
    vertices += np.array([0.0, 600.0, 0.0])
    got = path_length(vertices, faces, BEAM)
    assert 10.0 < np.abs(got).max() < 200.0
    around = box(vertices.min(axis=0) - 1.0, vertices.max(axis=0) + 1.0)
    assert not got[path_length(*around, BEAM) == 0.0].any()


@pytest.mark.parametrize("flat", [0, 1, 2])
def test_a_flat_mesh_has_no_thickness(flat: int) -> None:
    vertices, faces = ball(np.array([5.0, 12.0, -8.0]), 20.0, 3)
    vertices[:, flat] = 3.0
    assert np.abs(path_length(vertices, faces, BEAM)).max() < 1e-3


def test_collapsed_triangles_change_nothing() -> None:
    vertices, faces = ball(np.array([5.0, 12.0, -8.0]), 20.0, 3)
    i, j, k = faces[7]
    more = np.concatenate([faces, [[i, i, i], [i, j, j], [i, j, k], [k, j, i]]]).astype(np.int32)
    np.testing.assert_allclose(path_length(vertices, more, BEAM), path_length(vertices, faces, BEAM), atol=1e-3)


def test_a_sheet_seen_edge_on_keeps_its_depth() -> None:
    """A plate 0.2 mm thin along the central ray: few pixels, and none may exceed its depth."""
    source = BEAM.source_mm
    vertices, faces = box(np.array([source[0] - 0.1, -30.0, -20.0]), np.array([source[0] + 0.1, 30.0, 20.0]))
    got = path_length(vertices, faces, ConeBeam(source, (60.0, 70.0), 0.1, (1400, 1200)))
    assert got.max() == pytest.approx(60.0, abs=0.1)


def test_a_mesh_partly_outside_shows_its_part() -> None:
    mesh = ball(np.array([55.0, 12.0, 62.0]), 25.0, 4)
    wide = ConeBeam(BEAM.source_mm, (110.0, 120.0), 0.5, (480, 440))
    whole = path_length(*mesh, wide)
    np.testing.assert_allclose(path_length(*mesh, BEAM), whole[100:380, 100:340], atol=1e-3)
    assert whole[:100].max() > 10.0
    assert whole[100:, 100:].max() > 10.0


def test_the_film_may_lie_inside_a_mesh_around_it() -> None:
    low, high = np.array([-500.0, -80.0, -400.0]), np.array([400.0, 90.0, 500.0])
    got = path_length(*box(low, high), BEAM)
    np.testing.assert_allclose(got, box_chord(BEAM, np.eye(3), np.zeros(3), low, high), atol=1e-3)


@pytest.mark.parametrize("shift", [[200.0, 0.0, 0.0], [-200.0, 0.0, 0.0], [0.0, 0.0, 200.0], [0.0, 0.0, -300.0]])
def test_a_mesh_outside_leaves_the_film_empty(shift: list[float]) -> None:
    vertices, faces = ball(np.zeros(3), 20.0, 2)
    assert not path_length(vertices + np.array(shift), faces, BEAM).any()


@pytest.mark.parametrize("y", [1200.0, 1300.0])
def test_a_mesh_behind_the_source_is_refused(y: float) -> None:
    vertices, faces = box(np.zeros(3), np.full(3, 20.0))
    vertices[:, 1] += y - 20.0
    with pytest.raises(ConfigError, match=rf"reaches y = {y:.0f} mm, the source stands at y = 1200 mm.*check the unit"):
        path_length(vertices, faces, BEAM)
    with pytest.raises(ConfigError, match="every vertex must lie on the film's side of the source"):
        bone_path_lengths([(vertices, faces, np.ones(len(vertices)))], BEAM)


def test_a_mesh_may_stand_on_both_sides_of_the_beam_near_the_source() -> None:
    """Two balls 100 mm before the source, whose common box lies across its axis: each still has its own chord."""
    balls = [ball(np.array([x, 1100.0, 0.0]), 15.0) for x in (-30.0, 40.0)]
    both = joined(balls)
    beam = ConeBeam(BEAM.source_mm, (900.0, 600.0), 4.0, (300, 450))
    expected = sum(ball_chord(beam, np.array([x, 1100.0, 0.0]), 15.0) for x in (-30.0, 40.0))
    inside = expected > 8.0
    assert inside.sum() > 3000
    np.testing.assert_allclose(path_length(*both, beam)[inside], expected[inside], atol=0.1)


def test_a_point_is_projected_where_its_mesh_appears() -> None:
    centre = np.array([-12.0, 40.0, 22.0])
    image = path_length(*ball(centre, 3.0, 3), BEAM)
    rows, cols = np.indices(image.shape)
    centroid = np.array([((cols + 0.5) * image).sum(), ((rows + 0.5) * image).sum()]) / image.sum()
    np.testing.assert_allclose(BEAM.project(centre), centroid, atol=0.05)


def test_the_shadow_ends_where_its_vertices_project() -> None:
    mesh = box(np.array([-11.3, 20.0, -9.1]), np.array([14.2, 33.0, 17.7]))
    low, high = BEAM.project(mesh[0]).min(axis=0), BEAM.project(mesh[0]).max(axis=0)
    rows, cols = np.nonzero(path_length(*mesh, BEAM))
    assert (cols.min(), rows.min()) == tuple(np.ceil(low - 0.5).astype(int))
    assert (cols.max() + 1, rows.max() + 1) == tuple(np.ceil(high - 0.5).astype(int))


def test_order_and_direction_of_faces() -> None:
    vertices, faces = ball(np.zeros(3), 15.0, 3)
    once = path_length(vertices, faces, BEAM)
    np.testing.assert_allclose(path_length(vertices, faces[::-1, [1, 2, 0]], BEAM), once, atol=2e-3)
    np.testing.assert_allclose(path_length(vertices, faces[:, ::-1], BEAM), -once, atol=2e-3)
    assert once.max() == pytest.approx(30.0, abs=0.1)


def test_supersampling_is_the_mean_of_cells() -> None:
    mesh = ball(np.array([5.0, 12.0, -8.0]), 20.0, 3)
    fine = ConeBeam(BEAM.source_mm, BEAM.origin_mm, 0.25, (560, 480))
    cells = path_length(*mesh, fine).reshape(280, 2, 240, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(path_length(*mesh, BEAM, 2), cells, atol=1e-3)
