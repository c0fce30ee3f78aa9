import numpy as np
import pytest

from kummell_ai.synthesis.hardware import cement_blob, rod, screw, screw_head, sphere, tube


def volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6.0)


def is_closed(faces: np.ndarray) -> bool:
    edges = {(int(a), int(b)) for f in faces for a, b in zip(f, np.roll(f, -1), strict=True)}
    return len(edges) == 3 * len(faces) and all((b, a) in edges for a, b in edges)


def test_cylinder_volume_is_the_closed_form() -> None:
    vertices, faces = tube(np.linspace([0, 0, 0], [0, 0, 30.0], 5), np.full(5, 4.0), sides=64)
    assert volume(vertices, faces) == pytest.approx(np.pi * 16.0 * 30.0, rel=2e-3)  # a 64-gon lacks 0.16 %


@pytest.mark.parametrize(
    "mesh",
    [
        sphere(2),
        screw(np.zeros(3), np.array([40.0, 5.0, -3.0]), 3.0),
        screw_head(np.zeros(3), np.array([-1.0, 0.2, 0.1]), 6.0, 14.0),
        rod(np.array([[0.0, 0, 0], [5.0, 0, -40.0], [3.0, 1.0, -80.0]]), 2.75, 8.0),
        cement_blob(np.zeros(3), np.array([5.0, 6.0, 4.0]), 0.3, np.random.default_rng(0)),
    ],
    ids=["sphere", "screw", "head", "rod", "cement"],
)
def test_implants_are_closed_and_face_outward(mesh: tuple[np.ndarray, np.ndarray]) -> None:
    assert is_closed(mesh[1])
    assert volume(*mesh) > 0
