import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kummell_ai.synthesis.attenuation import ATTENUATION_PER_MM, spectrum_weights, transmission
from kummell_ai.synthesis.hardware import cement_blob, rod, screw, screw_head, sphere, tube


def volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6.0)


def is_closed(faces: np.ndarray) -> bool:
    edges = {(int(a), int(b)) for f in faces for a, b in zip(f, np.roll(f, -1), strict=True)}
    return len(edges) == 3 * len(faces) and all((b, a) in edges for a, b in edges)


@given(st.floats(55.0, 100.0), st.floats(0.0, 300.0), st.floats(0.0, 300.0))
def test_attenuation_of_layers_multiplies_within_hardening(kv: float, first: float, second: float) -> None:
    def through(mm: float) -> float:
        return float(transmission({"water": np.full((1, 1), mm, np.float32)}, kv)[0, 0])

    both = through(first + second)
    assert both >= through(first) * through(second) * (1 - 1e-3)  # hardening only ever lets more through
    assert both <= min(through(first), through(second)) * (1 + 1e-5)


def test_one_bin_follows_the_unit_law() -> None:
    weights = spectrum_weights(40.0)
    assert weights.sum() == pytest.approx(1.0)
    assert weights[0] == 1.0
    length = np.full((1, 1), 10.0, np.float32)
    expected = np.exp(-10.0 * ATTENUATION_PER_MM["bone"][0])
    assert float(transmission({"bone": length}, 40.0)[0, 0]) == pytest.approx(expected, rel=1e-5)


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
