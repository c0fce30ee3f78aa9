import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from kummell_ai.synthesis.anatomy.bones import is_closed, signed_volume
from kummell_ai.synthesis.anatomy.procedural import procedural_templates
from kummell_ai.synthesis.anatomy.surfaces import coarsened, vertex_normals
from kummell_ai.synthesis.operation.hardware import sphere, tube
from kummell_ai.synthesis.projection import ConeBeam, path_length

CUBE = np.array([[x, y, z] for x in (0.0, 20.0) for y in (0.0, 20.0) for z in (0.0, 20.0)])


def test_normals_of_a_ball_point_from_its_centre() -> None:
    unit, faces = sphere(4)
    normals = vertex_normals(3.0 + 20.0 * unit, faces)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0, atol=1e-12)
    np.testing.assert_allclose(normals, unit, atol=0.01)  # facets of 4 degrees, averaged around each vertex


def test_a_vertex_without_triangles_has_no_normal() -> None:
    unit, faces = sphere(1)
    assert not vertex_normals(np.vstack([unit, [[9.0, 9.0, 9.0]]]), faces)[-1].any()


@given(st.floats(0.5, 8.0), st.integers(0, 2**16))
@settings(max_examples=40, deadline=None)
def test_a_coarser_mesh_stays_closed_and_near(cell_mm: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    unit, faces = sphere(4)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    vertices = (unit * rng.uniform(12.0, 30.0, 3)) @ turn.T
    few, fewer = coarsened(vertices, faces, cell_mm)
    assert is_closed(fewer)
    assert len(fewer) <= len(faces)
    # every new vertex shares its cell with an old one
    gaps = cKDTree(vertices).query(few)[0]
    assert gaps.max() <= np.sqrt(3.0) * cell_mm + 1e-9
    # a facet of side 2 cells on a radius of at least 7 mm lies below its arc by cell^2 / 14
    depth = cell_mm**2 / 14.0 + 0.05
    area = 4.0 * np.pi * np.abs(vertices).max() ** 2
    assert abs(signed_volume(few, fewer) - signed_volume(vertices, faces)) < depth * area


def test_edges_and_corners_of_a_box_stay_sharp() -> None:
    fine = np.linspace(0.0, 20.0, 41)
    a, b = (g.ravel() for g in np.meshgrid(fine, fine, indexing="ij"))
    vertices, faces, start = [], [], 0
    i, j = (g.ravel() for g in np.meshgrid(np.arange(40), np.arange(40), indexing="ij"))
    quad = np.stack([i * 41 + j, (i + 1) * 41 + j, (i + 1) * 41 + j + 1, i * 41 + j + 1], axis=1)
    triangles = np.concatenate([quad[:, [0, 1, 2]], quad[:, [0, 2, 3]]])
    for axis in range(3):
        for level in (0.0, 20.0):
            side = np.zeros((len(a), 3))
            side[:, axis], side[:, (axis + 1) % 3], side[:, (axis + 2) % 3] = level, a, b
            vertices.append(side)
            faces.append((triangles if level else triangles[:, ::-1]) + start)
            start += len(a)
    points, index = np.unique(np.concatenate(vertices), axis=0, return_inverse=True)
    mesh = points, index.reshape(-1)[np.concatenate(faces)].astype(np.int32)
    assert is_closed(mesh[1])
    few, fewer = coarsened(*mesh, 3.0)
    assert is_closed(fewer)
    assert len(fewer) < 0.1 * len(mesh[1])
    for corner in CUBE:  # the planes of the three sides meet there; the pull to the mean moves the point a little
        assert np.linalg.norm(few - corner, axis=1).min() < 0.15
    assert signed_volume(few, fewer) == pytest.approx(8000.0, rel=0.01)


@pytest.mark.parametrize(("name", "share"), [("T8", 0.001), ("L3", 0.001), ("S1", 0.001), ("rib_left_5", 0.003)])
def test_bones_keep_their_volume_and_picture(name: str, share: float) -> None:
    bone = procedural_templates()[name]
    few, fewer = coarsened(bone.vertices_mm, bone.faces, 1.5)
    assert is_closed(fewer)
    assert len(fewer) < len(bone.faces)
    volume = signed_volume(bone.vertices_mm, bone.faces)
    assert signed_volume(few, fewer) == pytest.approx(volume, rel=share)
    centre = bone.vertices_mm.mean(axis=0)
    beam = ConeBeam(centre + np.array([0.0, 1100.0, 0.0]), (centre[0] + 60.0, centre[2] + 60.0), 0.7, (172, 172))
    before, after = (path_length(v, f, beam, 2) for v, f in ((bone.vertices_mm, bone.faces), (few, fewer)))
    assert np.abs(before - after)[before > 0].mean() < 0.15  # mm, of bones 20 to 90 mm thick


def test_triangles_far_smaller_than_a_cell_go() -> None:
    unit, faces = sphere(6)
    few, fewer = coarsened(20.0 * unit, faces, 1.5)
    assert len(fewer) < 0.25 * len(faces)
    # facets 2 mm long lie 0.02 mm below the ball
    assert signed_volume(few, fewer) == pytest.approx(signed_volume(20.0 * unit, faces), rel=3e-3)


def test_a_tube_thinner_than_a_cell_may_vanish_but_never_leaks() -> None:
    vertices, faces = tube(np.linspace([0.0, 0, 0], [40.0, 3.0, 1.0], 60), np.full(60, 0.4), sides=8)
    _, fewer = coarsened(vertices, faces, 6.0)
    assert len(fewer) == 0 or is_closed(fewer)
