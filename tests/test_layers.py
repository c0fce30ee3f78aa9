"""The one-way order of the rooms, read from the imports; heavy libraries stay out of the light rooms."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import kummell_ai

PACKAGE = Path(kummell_ai.__file__).parent
VOCABULARY = {"anatomy", "quantities", "errors", "settings", "shipped", "workers", "__init__"}
_PURE = VOCABULARY | {"geometry", "statistics"}
_FILMS = _PURE | {"imaging"}
_MAIN = _FILMS | {"dicom", "annotations", "landmarks"}
_RESULTS = {"measurement.results", "measurement.serialise"}
_OUTPUT = _MAIN | {"synthesis", "measurement", "evaluation", "cohort", "reporting"}

MAY_IMPORT: dict[str, set[str]] = {
    "anatomy": set(),
    "quantities": set(),
    "errors": set(),
    "settings": {"errors"},
    "shipped": set(),
    "workers": {"errors"},
    "__init__": set(),
    "geometry": VOCABULARY,
    "statistics": VOCABULARY,
    "imaging": _PURE,
    "dicom": VOCABULARY | {"imaging"},
    "annotations": VOCABULARY | {"imaging"},
    "landmarks": VOCABULARY | {"imaging"},
    "synthesis": _FILMS | {"dicom", "annotations"},
    "measurement": _MAIN,
    "training": _MAIN | {"synthesis"},
    "evaluation": _MAIN | {"synthesis", "measurement"},
    "cohort": _FILMS | _RESULTS,
    "reporting": _FILMS | {"cohort", "evaluation"} | _RESULTS,
    "archive": _OUTPUT,
    "node": _OUTPUT,
    "review": _OUTPUT,
    "cli": _OUTPUT | {"training", "archive", "node", "review"},
    "__main__": {"cli"},
}
"""What each room may import besides itself: rooms, or single modules of a room."""

LIBRARIES: dict[str, set[str]] = {
    "anatomy": set(),
    "quantities": set(),
    "errors": set(),
    "settings": {"yaml"},
    "shipped": set(),
    "__init__": set(),
    "geometry": {"numpy"},
    "imaging": {"numpy"},
    "measurement": {"numpy"},
}
"""Libraries beyond the standard library that the light rooms may import."""


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports_of(source: str) -> set[str]:
    """Full names a module imports; ``from a import b`` counts as a.b."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the room they come from"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def is_allowed(name: str, room: str) -> bool:
    """Whether ``room`` may import ``kummell_ai.<name>``."""
    allowed = MAY_IMPORT[room] | {room}
    parts = name.split(".")
    return any(".".join(parts[:n]) in allowed for n in range(1, len(parts) + 1)) or name == "__version__"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    room = room_of(path)
    assert room in MAY_IMPORT, f"{room} has no place in the order of rooms; add it to MAY_IMPORT"
    names = imports_of(path.read_text(encoding="utf-8"))
    ours = {name.removeprefix("kummell_ai.") for name in names if name.startswith("kummell_ai.")}
    wrong = sorted(name for name in ours if not is_allowed(name, room))
    assert not wrong, f"{room} may not import {', '.join(wrong)}"


@pytest.mark.parametrize("path", [p for p in modules() if room_of(p) in LIBRARIES], ids=lambda p: p.name)
def test_light_rooms_use_light_libraries(path: Path) -> None:
    names = {name.split(".")[0] for name in imports_of(path.read_text(encoding="utf-8"))}
    foreign = names - sys.stdlib_module_names - {"kummell_ai"} - LIBRARIES[room_of(path)]
    assert not foreign, f"{room_of(path)} may not import {', '.join(sorted(foreign))}"


def test_no_room_imports_itself_round_a_circle() -> None:
    graph = {room: {name.split(".")[0] for name in allowed} - VOCABULARY for room, allowed in MAY_IMPORT.items()}
    placed: set[str] = set(VOCABULARY)
    while rest := {room for room in graph if room not in placed}:
        ready = {room for room in rest if graph[room] <= placed}
        assert ready, f"these rooms import each other in a circle: {', '.join(sorted(rest))}"
        placed |= ready


@pytest.mark.parametrize("module", ["kummell_ai", "kummell_ai.measurement.pipeline"])
def test_import_stays_light(module: str) -> None:
    heavy = ("torch", "lightning", "albumentations", "numba", "cv2", "scipy")
    code = f"import sys, {module}; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
