import numpy as np
import pytest

from kummell_ai.synthesis.hardware import sphere
from kummell_ai.synthesis.projection import ConeBeam, path_length


@pytest.fixture
def beam() -> ConeBeam:
    return ConeBeam(np.array([10.0, 1200.0, 5.0]), (60.0, 70.0), 0.5, (280, 240))


def rays(beam: ConeBeam) -> np.ndarray:
    rows, cols = np.indices(beam.shape)
    x = beam.origin_mm[0] - (cols + 0.5) * beam.pixel_mm
    z = beam.origin_mm[1] - (rows + 0.5) * beam.pixel_mm
    d = np.stack([x, np.zeros_like(x), z], axis=-1) - beam.source_mm
    return d / np.linalg.norm(d, axis=-1, keepdims=True)


def test_sphere_has_the_closed_form_chord(beam: ConeBeam) -> None:
    unit, faces = sphere(5)
    radius, centre = 20.0, np.array([5.0, 12.0, -8.0])
    got = path_length(centre + radius * unit, faces, beam)
    s = beam.source_mm - centre
    b = rays(beam) @ s
    chord = 2.0 * np.sqrt(np.maximum(b * b - (s @ s - radius**2), 0.0))
    away_from_rim = chord > 8.0  # near the rim the facets of the mesh, not the projector, decide
    assert away_from_rim.sum() > 3000
    np.testing.assert_allclose(got[away_from_rim], chord[away_from_rim], atol=0.1)
    assert got[chord == 0.0].max() < 1.0


def test_box_has_the_closed_form_thickness(beam: ConeBeam) -> None:
    v = np.array([[x, y, z] for x in (-10.0, 10.0) for y in (-15.0, 25.0) for z in (-12.0, 8.0)])
    faces = np.array(
        [
            [0, 1, 3],
            [0, 3, 2],
            [4, 6, 7],
            [4, 7, 5],
            [0, 4, 5],
            [0, 5, 1],
            [2, 3, 7],
            [2, 7, 6],
            [0, 2, 6],
            [0, 6, 4],
            [1, 5, 7],
            [1, 7, 3],
        ],
        dtype=np.int32,
    )
    got = path_length(v, faces, beam)
    d = rays(beam)
    low, high = (
        (np.array([-10.0, -15.0, -12.0]) - beam.source_mm) / d,
        (np.array([10.0, 25.0, 8.0]) - beam.source_mm) / d,
    )
    enter, leave = np.minimum(low, high).max(axis=-1), np.maximum(low, high).min(axis=-1)
    chord = np.maximum(leave - enter, 0.0)
    np.testing.assert_allclose(got, chord, atol=0.1)


def test_total_signed_length_gives_the_volume_at_long_distance() -> None:
    far = ConeBeam(np.array([0.0, 1e6, 0.0]), (30.0, 30.0), 0.25, (240, 240))
    unit, faces = sphere(4)
    v = 20.0 * unit
    a, b, c = (v[faces[:, k]] for k in range(3))
    volume = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6.0
    assert path_length(v, faces, far).sum() * 0.25**2 == pytest.approx(volume, rel=1e-3)


def test_a_point_is_projected_where_its_mesh_appears(beam: ConeBeam) -> None:
    unit, faces = sphere(3)
    centre = np.array([-12.0, 40.0, 22.0])
    image = path_length(centre + 3.0 * unit, faces, beam)
    rows, cols = np.indices(image.shape)
    centroid = np.array([((cols + 0.5) * image).sum(), ((rows + 0.5) * image).sum()]) / image.sum()
    np.testing.assert_allclose(beam.project(centre), centroid, atol=0.05)


def test_order_and_direction_of_faces(beam: ConeBeam) -> None:
    unit, faces = sphere(3)
    v = 15.0 * unit
    once = path_length(v, faces, beam)
    np.testing.assert_allclose(path_length(v, faces[::-1, [1, 2, 0]], beam), once, atol=2e-3)
    np.testing.assert_allclose(path_length(v, faces[:, ::-1], beam), -once, atol=2e-3)
