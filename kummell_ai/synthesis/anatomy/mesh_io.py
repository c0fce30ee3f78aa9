"""Read closed triangle meshes: PLY (ascii, binary), STL (ascii, binary), OBJ."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kummell_ai.errors import ConfigError
from kummell_ai.synthesis.anatomy.bones import FaceArray, FloatArray, check_surface, merge_vertices

MESH_SUFFIXES = (".ply", ".stl", ".obj")

_PLY_TYPES = {
    "char": "i1", "int8": "i1", "uchar": "u1", "uint8": "u1", "short": "i2", "int16": "i2", "ushort": "u2",
    "uint16": "u2", "int": "i4", "int32": "i4", "uint": "u4", "uint32": "u4", "float": "f4", "float32": "f4",
    "double": "f8", "float64": "f8",
}  # fmt: skip
_PLY_ORDER = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": "="}

_Property = tuple[str, str, str]
"""Name, value type, and the type of the count for a list ("" for a scalar)."""


def load_mesh(path: Path) -> tuple[FloatArray, FaceArray]:
    """Vertices (N, 3) in the file's unit and faces (M, 3) of a closed, outward-wound mesh; vertices are welded.

    Raises:
        ConfigError: the file is missing, of another kind, damaged, or the surface leaks.
    """
    readers = {".ply": _read_ply, ".stl": _read_stl, ".obj": _read_obj}
    if path.suffix.lower() not in readers:
        raise ConfigError(f"{path.name} is no mesh; expected one of {', '.join(MESH_SUFFIXES)}: convert it", path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"mesh {path} cannot be read ({error.strerror}): check the path", path) from error
    try:
        vertices, faces = readers[path.suffix.lower()](data)
        if len(faces) == 0 or not np.isfinite(vertices).all():
            raise ValueError("no triangles or coordinates that are not finite")
        if faces.min() < 0 or faces.max() >= len(vertices):
            raise ValueError("a face names a vertex that does not exist")
    except (ValueError, KeyError, IndexError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"mesh {path.name} is damaged ({error}); expected triangles: export it again", path
        ) from error
    extent = float(np.ptp(vertices, axis=0).max())
    digits = 6 - round(np.log10(max(extent, 1e-9)))
    vertices, faces = merge_vertices(vertices, faces, digits=digits)
    check_surface(path.name, vertices, faces)
    return vertices, faces


def _read_ply(data: bytes) -> tuple[FloatArray, FaceArray]:
    end = data.index(b"end_header")
    start = data.index(b"\n", end) + 1
    kind, elements = _ply_header(data[:end].decode("ascii"))
    columns: dict[str, NDArray[np.float64]] = {}
    if kind == "ascii":
        numbers, at = np.array(data[start:].split(), dtype=np.float64), 0
        for _, count, properties in elements:
            width = sum(4 if length else 1 for _, _, length in properties)
            table = numbers[at : at + count * width].reshape(count, width)
            columns |= _ascii_columns(table, properties)
            at += count * width
    else:
        for _, count, properties in elements:
            found, start = _binary_columns(data, start, count, properties, _PLY_ORDER[kind])
            columns |= found
    faces = columns["vertex_indices" if "vertex_indices" in columns else "vertex_index"]
    return np.stack([columns[axis] for axis in "xyz"], axis=-1), faces.astype(np.int32)


def _ply_header(text: str) -> tuple[str, list[tuple[str, int, list[_Property]]]]:
    kind = ""
    elements: list[tuple[str, int, list[_Property]]] = []
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["format"]:
            kind = words[1]
        elif words[:1] == ["element"]:
            elements.append((words[1], int(words[2]), []))
        elif words[:2] == ["property", "list"]:
            elements[-1][2].append((words[4], _PLY_TYPES[words[3]], _PLY_TYPES[words[2]]))
        elif words[:1] == ["property"]:
            elements[-1][2].append((words[2], _PLY_TYPES[words[1]], ""))
    if kind not in _PLY_ORDER:
        raise ValueError(f"PLY format {kind!r}")
    return kind, elements


def _ascii_columns(table: NDArray[np.float64], properties: list[_Property]) -> dict[str, NDArray[np.float64]]:
    """Columns of one element by property name; every list must have three entries, as in a triangle mesh."""
    columns, at = {}, 0
    for name, _, length in properties:
        columns[name] = table[:, at + 1 : at + 4] if length else table[:, at]
        if length and (table[:, at] != 3).any():
            raise ValueError("faces that are no triangles")
        at += 4 if length else 1
    return columns


def _binary_columns(
    data: bytes, start: int, count: int, properties: list[_Property], order: str
) -> tuple[dict[str, NDArray[np.float64]], int]:
    """The same from binary data, and where the next element starts."""
    fields: list[tuple[str, str, tuple[int, ...]]] = []
    for name, value, length in properties:
        if length:
            fields.append((f"count of {name}", order + length, ()))
        fields.append((name, order + value, (3,) if length else ()))
    kind = np.dtype(fields)
    if len(data) < start + count * kind.itemsize:
        raise ValueError("the file ends early")
    table = np.frombuffer(data, dtype=kind, count=count, offset=start)
    if any((table[f"count of {name}"] != 3).any() for name, _, length in properties if length):
        raise ValueError("faces that are no triangles")
    return {name: table[name].astype(np.float64) for name, _, _ in properties}, start + count * kind.itemsize


def _read_stl(data: bytes) -> tuple[FloatArray, FaceArray]:
    count = int.from_bytes(data[80:84], "little")
    if len(data) == 84 + 50 * count:
        kind = np.dtype([("normal", "<f4", (3,)), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
        corners = np.frombuffer(data, dtype=kind, offset=84)["corners"].astype(np.float64).reshape(-1, 3)
    else:
        words = data.decode("ascii").split()
        corners = np.array([words[i + 1 : i + 4] for i, word in enumerate(words) if word == "vertex"], dtype=np.float64)
    return corners, np.arange(len(corners), dtype=np.int32).reshape(-1, 3)


def _read_obj(data: bytes) -> tuple[FloatArray, FaceArray]:
    vertices: list[list[float]] = []
    faces: list[tuple[int, int, int]] = []
    for line in data.decode("utf-8").splitlines():
        words = line.split()
        if words[:1] == ["v"]:
            vertices.append([float(word) for word in words[1:4]])
        elif words[:1] == ["f"]:
            numbers = [int(word.split("/")[0]) for word in words[1:]]
            corners = [number - 1 if number > 0 else len(vertices) + number for number in numbers]
            faces += [(corners[0], b, c) for b, c in pairwise(corners[1:])]
    return np.array(vertices, dtype=np.float64), np.array(faces, dtype=np.int32).reshape(-1, 3)
