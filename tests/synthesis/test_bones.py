"""Template bones: closed surfaces, canonical frame, rims on the bone, and the loader's errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.errors import ConfigError
from kummell_ai.synthesis.anatomy.bones import (
    ANTERIOR,
    INFERIOR,
    LEFT,
    MIDDLE,
    POSTERIOR,
    RIGHT,
    SUPERIOR,
    BoneTemplate,
    FaceArray,
    FloatArray,
    is_closed,
    no_rims,
    signed_volume,
)
from kummell_ai.synthesis.anatomy.mesh_io import load_mesh
from kummell_ai.synthesis.anatomy.procedural import procedural_templates
from kummell_ai.synthesis.anatomy.procedural.mesh import even_axis, extract_surface, sweep
from kummell_ai.synthesis.anatomy.procedural.variation import draw_individual, vary
from kummell_ai.synthesis.anatomy.procedural.vertebra import build_vertebra, typical_shape
from kummell_ai.synthesis.anatomy.rims_file import move_rims, read_rims_file
from kummell_ai.synthesis.anatomy.surfaces import simplify
from kummell_ai.synthesis.anatomy.template_bank import find_individuals, load_bank, load_templates

LEVEL_NAMES = [f"T{i}" for i in range(1, 14)] + [f"L{i}" for i in range(1, 7)] + ["S1"]
CORNERS = np.array(
    [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]], dtype=float
)
CUBE = np.array([
    [0, 2, 1], [0, 3, 2], [4, 5, 6], [4, 6, 7], [0, 1, 5], [0, 5, 4],
    [1, 2, 6], [1, 6, 5], [2, 3, 7], [2, 7, 6], [3, 0, 4], [3, 4, 7],
], dtype=np.int32)  # fmt: skip


@pytest.fixture(scope="module")
def typical() -> dict[str, BoneTemplate]:
    return procedural_templates()


def surface_distance(bone: BoneTemplate, points: FloatArray) -> FloatArray:
    """Distance (mm) to the surface, taken at vertices and edge middles of the triangles around."""
    a, b, c = (bone.vertices_mm[bone.faces[:, i]] for i in range(3))
    samples = np.concatenate([bone.vertices_mm, (a + b) / 2, (b + c) / 2, (c + a) / 2, (a + b + c) / 3])
    return cKDTree(samples).query(points)[0]


def depths(bone: BoneTemplate) -> FloatArray:
    corners = bone.corners_mm
    return np.linalg.norm(corners[:, ANTERIOR] - corners[:, POSTERIOR], axis=-1)


def heights(bone: BoneTemplate) -> FloatArray:
    return np.linalg.norm(bone.corners_mm[SUPERIOR] - bone.corners_mm[INFERIOR], axis=-1)


# --- surfaces ---


def test_a_cube_is_closed_and_has_its_volume() -> None:
    assert is_closed(CUBE)
    assert signed_volume(CORNERS * 2.0 + 7.0, CUBE) == pytest.approx(8.0)
    assert signed_volume(CORNERS, CUBE[:, ::-1]) == pytest.approx(-1.0)


def test_a_missing_or_turned_triangle_is_no_closed_surface() -> None:
    assert not is_closed(CUBE[1:])
    turned = CUBE.copy()
    turned[0] = turned[0, ::-1]
    assert not is_closed(turned)
    assert not is_closed(CUBE[:0])


def test_surface_of_a_ball_lies_on_the_ball() -> None:
    axis = even_axis(-14.0, 14.0, 2.0)
    vertices, faces = extract_surface(lambda p: np.linalg.norm(p, axis=1) - 10.0, (axis, axis, axis))
    assert is_closed(faces)
    # drawn onto a field that is exact, two Newton steps leave nothing visible
    np.testing.assert_allclose(np.linalg.norm(vertices, axis=1), 10.0, atol=1e-4)
    # flat triangles 2 mm wide cut off about 1.5 % of the ball
    assert signed_volume(vertices, faces) == pytest.approx(4.0 / 3.0 * np.pi * 1000.0, rel=0.03)


def test_a_bone_larger_than_its_grid_is_refused() -> None:
    axis = even_axis(-5.0, 5.0, 1.0)
    with pytest.raises(ValueError, match="meets the border"):
        extract_surface(lambda p: np.linalg.norm(p, axis=1) - 10.0, (axis, axis, axis))


def test_a_straight_tube_has_the_volume_of_its_prism() -> None:
    path = np.stack([np.linspace(0.0, 30.0, 5), np.zeros(5), np.zeros(5)], axis=-1)
    across, up = np.tile([0.0, 3.0, 0.0], (5, 1)), np.tile([0.0, 0.0, 2.0], (5, 1))
    vertices, faces = sweep(path, across, up, 8)
    assert is_closed(faces)
    octagon = 0.5 * 8 * np.sin(2 * np.pi / 8) * 3.0 * 2.0
    assert signed_volume(vertices, faces) == pytest.approx(30.0 * octagon)


# --- procedural bones ---


def test_all_bones_are_there(typical: dict[str, BoneTemplate]) -> None:
    ribs = {f"rib_{side}_{i}" for side in ("left", "right") for i in range(1, 13)}
    assert typical.keys() == set(LEVEL_NAMES) | ribs | {"pelvis", "femur_left", "femur_right"}


def test_every_bone_is_closed_and_wound_outward(typical: dict[str, BoneTemplate]) -> None:
    for bone in typical.values():
        assert is_closed(bone.faces), bone.name
        assert signed_volume(bone.vertices_mm, bone.faces) > 1000.0, bone.name


@pytest.mark.parametrize("name", LEVEL_NAMES)
def test_rims_lie_on_the_bone_in_the_canonical_frame(typical: dict[str, BoneTemplate], name: str) -> None:
    bone = typical[name]
    assert bone.has_rims
    limit = 3.0 if name == "S1" else 1.5  # the lower rim of S1 is a stand-in, moved aside from the mid-line
    assert surface_distance(bone, bone.rims_mm.reshape(-1, 3)).max() < limit
    np.testing.assert_allclose(bone.corners_mm.mean(axis=(0, 1)), 0.0, atol=1e-9)
    assert (bone.rims_mm[:, :, LEFT, 1] > 0.0).all()
    assert (bone.rims_mm[:, :, RIGHT, 1] < 0.0).all()
    np.testing.assert_allclose(bone.rims_mm[:, :, MIDDLE, 1], 0.0, atol=0.3)
    along = bone.corners_mm[:, ANTERIOR] - bone.corners_mm[:, POSTERIOR]
    slopes = np.degrees(np.arctan2(along[:, 2], along[:, 0]))
    # the frame is set by the mid-line points; corners are means of left and right points
    assert abs(slopes[0] if name == "S1" else slopes.mean()) < 3.0
    assert (bone.rims_mm[SUPERIOR, ..., 2] > bone.rims_mm[INFERIOR, ..., 2]).all()


def test_sizes_are_those_of_adults(typical: dict[str, BoneTemplate]) -> None:
    for name in ("L1", "L2", "L3", "L4", "L5"):
        assert (depths(typical[name]) > 29.5).all(), name
        assert (depths(typical[name]) < 35.5).all(), name
    assert ((heights(typical["L3"]) > 25.0) & (heights(typical["L3"]) < 29.0)).all()
    assert ((depths(typical["T12"]) > 27.5) & (depths(typical["T12"]) < 30.5)).all()
    assert ((depths(typical["T6"]) > 22.0) & (depths(typical["T6"]) < 26.0)).all()
    assert -72.0 < typical["L3"].vertices_mm[:, 0].min() < -58.0  # tip of the spinous process
    front, back = heights(typical["L5"])
    assert front > back
    front, back = heights(typical["T12"])
    assert front < back


def test_size_grows_downward(typical: dict[str, BoneTemplate]) -> None:
    volumes = [signed_volume(typical[n].vertices_mm, typical[n].faces) for n in ("T3", "T6", "T9", "T12", "L1", "L3")]
    assert volumes == sorted(volumes)


def test_the_canal_is_open(typical: dict[str, BoneTemplate]) -> None:
    """No surface within the canal behind the body: 8 mm behind the wall and 5 mm to each side it is free."""
    for name in ("T6", "T12", "L1", "L3", "L5"):
        bone = typical[name]
        wall = bone.rims_mm[:, POSTERIOR, MIDDLE, 0].mean()
        v = bone.vertices_mm
        within = (np.abs(v[:, 1]) < 5.0) & (v[:, 0] < wall - 4.0) & (v[:, 0] > wall - 12.0)
        assert not within.any(), name


def test_one_seed_gives_one_individual_and_seeds_differ() -> None:
    shape = typical_shape(VertebralLevel.L3)
    first, again, other = (build_vertebra(vary(shape, draw_individual(np.random.default_rng(s)))) for s in (5, 5, 6))
    np.testing.assert_array_equal(first.vertices_mm, again.vertices_mm)
    np.testing.assert_array_equal(first.rims_mm, again.rims_mm)
    assert abs(depths(first) - depths(other)).max() > 0.2


@pytest.mark.parametrize("seed", range(6))
def test_varied_bones_stay_sound(seed: int) -> None:
    person = draw_individual(np.random.default_rng(seed))
    for level in (VertebralLevel.T4, VertebralLevel.L2):
        bone = build_vertebra(vary(typical_shape(level), person))
        assert is_closed(bone.faces)
        assert bone.has_rims
        typical_depth = 21.5 if level is VertebralLevel.T4 else 32.5
        assert (np.abs(depths(bone) / typical_depth - 1.0) < 0.35).all()


# --- template type ---


def test_rims_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"rims_mm of L1 has shape \(2, 2\)"):
        BoneTemplate("L1", CORNERS, CUBE, np.zeros((2, 2)))


def test_a_bone_without_rims_says_so() -> None:
    bone = BoneTemplate("rib_left_5", CORNERS, CUBE, no_rims(), anchor="T5")
    assert not bone.has_rims
    assert bone.anchor == "T5"
    assert BoneTemplate("L1", CORNERS, CUBE).anchor == "L1"


# --- files ---


def write_obj(path: Path, vertices: FloatArray, faces: FaceArray) -> None:
    lines = [f"v {x!r} {y!r} {z!r}" for x, y, z in vertices.tolist()] + [f"f {a} {b}//1 {c}" for a, b, c in faces + 1]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_ply(path: Path, vertices: FloatArray, faces: FaceArray, kind: str) -> None:
    head = f"ply\nformat {kind} 1.0\nelement vertex {len(vertices)}\nproperty float x\nproperty float y\n"
    head += f"property float z\nelement face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    if kind == "ascii":
        body = "".join(f"{x} {y} {z}\n" for x, y, z in vertices) + "".join(f"3 {a} {b} {c}\n" for a, b, c in faces)
        path.write_bytes(head.encode() + body.encode())
        return
    order = "<" if "little" in kind else ">"
    table = np.zeros(len(faces), dtype=[("n", "u1"), ("f", order + "i4", (3,))])
    table["n"], table["f"] = 3, faces
    path.write_bytes(head.encode() + vertices.astype(order + "f4").tobytes() + table.tobytes())


def write_stl(path: Path, vertices: FloatArray, faces: FaceArray, *, ascii_text: bool) -> None:
    corners = vertices[faces]
    if ascii_text:
        lines = ["solid bone"]
        for triangle in corners:
            lines += ["facet normal 0 0 0", "outer loop"]
            lines += [f"vertex {x} {y} {z}" for x, y, z in triangle] + ["endloop", "endfacet"]
        path.write_text("\n".join([*lines, "endsolid bone"]), encoding="ascii")
        return
    table = np.zeros(len(faces), dtype=[("n", "<f4", (3,)), ("c", "<f4", (3, 3)), ("a", "<u2")])
    table["c"] = corners
    path.write_bytes(b"\0" * 80 + len(faces).to_bytes(4, "little") + table.tobytes())


@pytest.mark.parametrize("kind", ["obj", "ascii", "binary_little_endian", "binary_big_endian", "stl", "stl_ascii"])
def test_each_format_gives_the_same_cube(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"cube.{'obj' if kind == 'obj' else 'stl' if 'stl' in kind else 'ply'}"
    if kind == "obj":
        write_obj(path, CORNERS, CUBE)
    elif "stl" in kind:
        write_stl(path, CORNERS, CUBE, ascii_text=kind == "stl_ascii")
    else:
        write_ply(path, CORNERS, CUBE, kind)
    vertices, faces = load_mesh(path)
    assert len(vertices) == 8
    assert signed_volume(vertices, faces) == pytest.approx(1.0)


def test_quadrilaterals_and_negative_numbers_in_obj(tmp_path: Path) -> None:
    quads = ["f 4 3 2 1", "f 5 6 7 8", "f 1 2 6 5", "f 2 3 7 6", "f 3 4 8 7", "f -5 -8 -4 -1"]
    lines = [f"v {x} {y} {z}" for x, y, z in CORNERS] + quads
    (tmp_path / "cube.obj").write_text("\n".join(lines), encoding="utf-8")
    assert signed_volume(*load_mesh(tmp_path / "cube.obj")) == pytest.approx(1.0)


def test_errors_of_mesh_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"bone\.txt is no mesh"):
        load_mesh(tmp_path / "bone.txt")
    with pytest.raises(ConfigError, match=r"L1\.ply cannot be read"):
        load_mesh(tmp_path / "L1.ply")
    write_obj(tmp_path / "leaky.obj", CORNERS, CUBE[1:])
    with pytest.raises(ConfigError, match=r"leaky\.obj leaks"):
        load_mesh(tmp_path / "leaky.obj")
    write_obj(tmp_path / "inside_out.obj", CORNERS, CUBE[:, ::-1])
    with pytest.raises(ConfigError, match=r"inside_out\.obj encloses -1 mm3"):
        load_mesh(tmp_path / "inside_out.obj")
    write_ply(tmp_path / "short.ply", CORNERS, CUBE, "binary_little_endian")
    (tmp_path / "short.ply").write_bytes((tmp_path / "short.ply").read_bytes()[:-20])
    with pytest.raises(ConfigError, match=r"short\.ply is damaged \(the file ends early\)"):
        load_mesh(tmp_path / "short.ply")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "subsection not found"),
        ("ply\nformat binary_middle 1.0\nend_header\n", "PLY format 'binary_middle'"),
        ("ply\nformat ascii 1.0\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n4 0 1 2 3\n", ""),
        ("ply\nformat ascii 1.0\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n4 0 1 2\n",
         "no triangles"),
    ],
)  # fmt: skip
def test_damaged_ply(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "L1.ply").write_text(text, encoding="ascii")
    with pytest.raises(ConfigError, match=rf"L1\.ply is damaged .*{reason}"):
        load_mesh(tmp_path / "L1.ply")


def test_faces_that_name_no_vertex(tmp_path: Path) -> None:
    write_obj(tmp_path / "a.obj", CORNERS, CUBE + 5)
    with pytest.raises(ConfigError, match="a vertex that does not exist"):
        load_mesh(tmp_path / "a.obj")


# --- folders of meshes ---


def spine(typical: dict[str, BoneTemplate], names: tuple[str, ...]) -> dict[str, tuple[FloatArray, FaceArray]]:
    """Vertebrae stacked 35 mm apart, each tilted by some degrees."""
    found = {}
    for i, name in enumerate(names):
        angle = np.radians(8.0 - 7.0 * i)
        turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
        found[name] = (typical[name].vertices_mm @ turn.T + np.array([3.0, 5.0, 200.0 - 35.0 * i]), typical[name].faces)
    return found


@pytest.mark.parametrize("frame", ["metres", "RAS", "named"])
def test_a_folder_gives_back_the_templates(typical: dict[str, BoneTemplate], tmp_path: Path, frame: str) -> None:
    for name, (vertices, faces) in spine(typical, ("T12", "L1", "L3")).items():
        # canonical x anterior, y left, z cranial; RAS is x right, y anterior, z cranial
        ras = np.stack([-vertices[:, 1], vertices[:, 0], vertices[:, 2]], axis=-1)
        write_ply(
            tmp_path / f"vertebrae_{name}.ply", vertices / 1000.0 if frame == "metres" else ras, faces,
            "binary_little_endian",
        )  # fmt: skip
    (tmp_path / "notes.txt").write_text("no mesh", encoding="utf-8")
    write_obj(tmp_path / "L1_body.obj", CORNERS, CUBE)
    templates = load_templates(tmp_path, axes="RAS" if frame == "named" else None)
    assert list(templates) == ["T12", "L1", "L3"]
    for name, bone in templates.items():
        assert bone.source == tmp_path.name
        # the symmetry plane is found to a few tenths of a degree, and rims ride on a mesh of 1.3 to 2.6 mm
        np.testing.assert_allclose(bone.corners_mm, typical[name].corners_mm, atol=1.0)


def test_other_bones_ride_along(typical: dict[str, BoneTemplate], tmp_path: Path) -> None:
    for name in ("S1", "pelvis"):
        vertices = typical[name].vertices_mm @ np.array([[0.8, 0, -0.6], [0, 1, 0], [0.6, 0, 0.8]])
        write_ply(tmp_path / f"{name.title()}.ply", vertices, typical[name].faces, "binary_little_endian")
    rib = typical["rib_left_12"]
    write_ply(tmp_path / "rib_left_12.ply", rib.vertices_mm + 150.0, rib.faces, "ascii")
    templates = load_templates(tmp_path, axes="ALS")
    assert templates["pelvis"].anchor == templates["rib_left_12"].anchor == "S1"
    np.testing.assert_allclose(templates["S1"].corners_mm[SUPERIOR], typical["S1"].corners_mm[SUPERIOR], atol=1.0)
    centre = templates["pelvis"].vertices_mm.mean(axis=0)
    np.testing.assert_allclose(centre, typical["pelvis"].vertices_mm.mean(axis=0), atol=4.0)


def test_several_levels_in_one_file(typical: dict[str, BoneTemplate], tmp_path: Path) -> None:
    parts = spine(typical, ("L2", "L3"))
    vertices = np.concatenate([parts[name][0] for name in parts])
    faces = np.concatenate([parts["L2"][1], parts["L3"][1] + len(parts["L2"][0])])
    write_ply(tmp_path / "mean_L2-L3.ply", vertices, faces, "binary_little_endian")
    templates = load_templates(tmp_path)
    np.testing.assert_allclose(depths(templates["L2"]), depths(typical["L2"]), atol=0.8)
    write_ply(tmp_path / "mean_L2-L5.ply", vertices, faces, "binary_little_endian")
    with pytest.raises(ConfigError, match="holds 2 shells; expected 4, one a level"):
        load_templates(tmp_path)


def test_errors_of_folders(typical: dict[str, BoneTemplate], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no folder"):
        load_templates(tmp_path / "absent")
    with pytest.raises(ConfigError, match="holds no vertebra mesh"):
        load_templates(tmp_path)
    write_obj(tmp_path / "L1.obj", CORNERS * 60.0, CUBE)
    with pytest.raises(ConfigError, match=r"the mesh of L1 gives endplate depths .* expected a vertebral body"):
        load_templates(tmp_path, axes="ALS")
    with pytest.raises(ConfigError, match="axes 'ALI' name no right-handed frame"):
        load_templates(tmp_path, axes="ALI")
    with pytest.raises(ConfigError, match="holds no vertebra mesh"):
        load_templates(tmp_path, exclude=("L1",))


def write_spine(folder: Path, typical: dict[str, BoneTemplate], names: tuple[str, ...] = ("L1", "L2")) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, mesh in spine(typical, names).items():
        write_ply(folder / f"{name}.ply", *mesh, "binary_little_endian")


def test_a_leaky_rib_is_left_out_with_a_note_but_a_leaky_vertebra_is_refused(
    typical: dict[str, BoneTemplate], tmp_path: Path
) -> None:
    write_spine(tmp_path, typical)
    rib = typical["rib_left_12"]
    write_ply(tmp_path / "rib_left_12.ply", rib.vertices_mm, rib.faces[1:], "ascii")
    bank = load_bank(tmp_path)
    assert list(bank.templates) == ["L1", "L2"]
    (note,) = bank.notes
    assert note.startswith("rib_left_12.ply left out: the mesh of rib_left_12.ply leaks")
    bone = typical["L3"]
    write_ply(tmp_path / "L3.ply", bone.vertices_mm, bone.faces[1:], "ascii")
    with pytest.raises(ConfigError, match=r"the mesh of L3\.ply leaks"):
        load_bank(tmp_path)
    assert list(load_templates(tmp_path, exclude=("L3",))) == ["L1", "L2"]
    (tmp_path / "rims.json").write_text('{"L3": null}', encoding="utf-8")
    assert list(load_templates(tmp_path)) == ["L1", "L2"]


def test_a_vertebra_cut_by_the_border_of_the_scan_is_left_out(typical: dict[str, BoneTemplate], tmp_path: Path) -> None:
    write_spine(tmp_path, typical, ("L1", "L2", "L3"))
    vertices, faces = spine(typical, ("L1", "L2", "L3"))["L3"]
    middle = float(vertices[:, 2].mean())
    flat = np.column_stack([vertices[:, :2], np.maximum(vertices[:, 2], middle)])
    write_ply(tmp_path / "L3.ply", flat, faces, "binary_little_endian")
    bank = load_bank(tmp_path)
    assert list(bank.templates) == ["L1", "L2"]
    assert bank.notes == ("L3 left out: it ends in a flat cut, as at the border of a scan",)


def test_two_hip_bones_make_a_pelvis_and_one_makes_none(typical: dict[str, BoneTemplate], tmp_path: Path) -> None:
    write_spine(tmp_path, typical)
    femur = typical["femur_left"]
    write_ply(tmp_path / "hip_left.ply", femur.vertices_mm, femur.faces, "binary_little_endian")
    bank = load_bank(tmp_path)
    assert "pelvis" not in bank.templates
    assert bank.notes == ("a single hip bone left out",)
    write_ply(tmp_path / "hip_right.ply", femur.vertices_mm + 90.0, femur.faces, "binary_little_endian")
    assert len(load_templates(tmp_path)["pelvis"].faces) == 2 * len(femur.faces)


def test_individuals_are_found_in_nested_folders(typical: dict[str, BoneTemplate], tmp_path: Path) -> None:
    for name in ("b", "a/deep"):
        write_spine(tmp_path / name, typical)
    assert find_individuals(tmp_path) == (tmp_path / "a" / "deep", tmp_path / "b")
    assert find_individuals(tmp_path / "b") == (tmp_path / "b",)
    with pytest.raises(ConfigError, match="holds no bone meshes and no vertebra masks"):
        find_individuals(tmp_path / "absent")


@pytest.mark.parametrize("most", [400, 900, 3000])
def test_fewer_triangles_keep_a_surface_closed(typical: dict[str, BoneTemplate], most: int) -> None:
    bone = typical["L3"]
    vertices, faces = simplify(bone.vertices_mm, bone.faces, most)
    assert 0.3 * most < len(faces) <= most
    assert is_closed(faces)
    # merging takes off what is thinner than a cell: more, the fewer triangles are left
    volume = signed_volume(bone.vertices_mm, bone.faces)
    assert signed_volume(vertices, faces) == pytest.approx(volume, rel=0.2 if most == 400 else 0.1)
    assert simplify(bone.vertices_mm, bone.faces, len(bone.faces))[1] is bone.faces


# --- rims corrected by eye ---


def test_a_rims_file_moves_a_corner_to_the_given_place(typical: dict[str, BoneTemplate], tmp_path: Path) -> None:
    write_spine(tmp_path, typical)
    found = load_templates(tmp_path)["L1"]
    (tmp_path / "rims.json").write_text('{"L1": {"superior_anterior": [14, 10.5]}}', encoding="utf-8")
    moved = load_templates(tmp_path)["L1"]
    np.testing.assert_allclose(moved.corners_mm[SUPERIOR, ANTERIOR, [0, 2]], [14.0, 10.5])
    shift = moved.rims_mm - found.rims_mm
    np.testing.assert_allclose(shift[SUPERIOR, ANTERIOR], np.broadcast_to(shift[0, 0, 0], (3, 3)))
    shift[SUPERIOR, ANTERIOR] = 0.0
    np.testing.assert_allclose(shift, 0.0, atol=1e-12)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is no readable JSON"),
        ("[1]", "holds a list; expected bone names"),
        ('{"L1": 3}', "L1 is 3; expected corners"),
        ('{"L1": {"upper_front": [1, 2]}}', "L1 has upper_front"),
        ('{"L1": {"superior_anterior": [1]}}', r"superior_anterior: \[1\]; expected one of superior_anterior"),
        ('{"L1": {"superior_anterior": [140, 105]}}', "mm from the corner found; expected at most 15 mm"),
        ('{"L4": {"superior_anterior": [14, 10]}}', "corrects L4, which is no vertebra here"),
    ],
)
def test_errors_of_a_rims_file(typical: dict[str, BoneTemplate], tmp_path: Path, text: str, reason: str) -> None:
    write_spine(tmp_path, typical)
    (tmp_path / "rims.json").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=reason):
        load_bank(tmp_path)


def test_without_a_rims_file_nothing_moves(typical: dict[str, BoneTemplate], tmp_path: Path) -> None:
    assert read_rims_file(tmp_path / "rims.json") == {}
    np.testing.assert_array_equal(move_rims(typical["L1"].rims_mm, {}, "L1"), typical["L1"].rims_mm)
