import subprocess
import sys

import numpy as np
import pytest

from kummell_ai.errors import ConfigError
from kummell_ai.synthesis.operation.hardware import joined, sphere, tube
from kummell_ai.synthesis.projection import ConeBeam, path_length
from kummell_ai.synthesis.projection_torch import path_lengths

Mesh = tuple[np.ndarray, np.ndarray]


@pytest.fixture
def beams() -> list[ConeBeam]:
    return [
        ConeBeam(np.array([10.0, 1200.0, 5.0]), (60.0, 70.0), 0.5, (280, 240)),
        ConeBeam(np.array([-30.0, 900.0, 40.0]), (50.0, 40.0), 0.4, (280, 240)),
    ]


@pytest.fixture
def meshes() -> list[Mesh]:
    unit, faces = sphere(4)
    ball = (unit * np.array([30.0, 60.0, 25.0]) + np.array([5.0, 40.0, -8.0]), faces)
    hardware = joined(
        [
            tube(np.linspace([0.0, 0.0, 0.0], [40.0, 5.0, -3.0], 20), np.tile([3.0, 2.3], 10)),
            tube(np.linspace([0.0, 0.0, 0.0], [3.0, 1.0, -80.0], 5), np.full(5, 2.75)),  # partly outside the film
        ]
    )
    return [ball, hardware]


@pytest.mark.parametrize("supersample", [1, 2])
def test_both_projectors_agree(meshes: list[Mesh], beams: list[ConeBeam], supersample: int) -> None:
    got = path_lengths(meshes, beams, supersample=(supersample, supersample)).numpy()
    assert got.dtype == np.float32
    for image, mesh, beam in zip(got, meshes, beams, strict=True):
        expected = path_length(*mesh, beam, supersample)
        assert expected.max() > 4.0
        np.testing.assert_allclose(image, expected, atol=0.05)


def test_parts_of_a_mesh_add_up(meshes: list[Mesh], beams: list[ConeBeam], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = path_lengths(meshes, beams)
    monkeypatch.setattr("kummell_ai.synthesis.projection_torch.CELLS_AT_ONCE", 500)
    np.testing.assert_allclose(path_lengths(meshes, beams), whole, atol=1e-3)  # float32 sums in another order


def test_a_mesh_outside_the_film_leaves_it_empty(meshes: list[Mesh], beams: list[ConeBeam]) -> None:
    aside = (meshes[0][0] + np.array([400.0, 0.0, 0.0]), meshes[0][1])
    assert not path_lengths([aside], beams[:1]).any()


def test_a_mesh_behind_the_source_is_refused(meshes: list[Mesh], beams: list[ConeBeam]) -> None:
    behind = (meshes[0][0] + np.array([0.0, 1200.0, 0.0]), meshes[0][1])
    with pytest.raises(ConfigError, match=r"reaches y = 1300 mm, the source stands at y = 1200 mm"):
        path_lengths([behind], beams[:1])


def test_a_batch_has_one_mesh_a_film_and_one_shape(meshes: list[Mesh], beams: list[ConeBeam]) -> None:
    with pytest.raises(ConfigError, match="2 meshes and 1 beams"):
        path_lengths(meshes, beams[:1])
    other = ConeBeam(beams[0].source_mm, beams[0].origin_mm, 0.5, (100, 100))
    with pytest.raises(ConfigError, match="one shape: split the batch"):
        path_lengths(meshes, [beams[0], other])


def test_the_rest_of_the_simulator_does_without_torch() -> None:
    code = "import sys, kummell_ai.synthesis, kummell_ai.synthesis.projection; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
