"""Draw lateral projections of bone templates with their rims, to judge shapes and rims by eye (needs matplotlib).

python scripts/contact_sheet_templates.py --out sheet.png procedural FOLDER_OF_MESHES MASK.nii.gz ...

The grid is that of the bone's own frame (mm): x forward, z upward. A corner found in a wrong place is put right by its
place there, in a file rims.json beside the bones (kummell_ai/synthesis/anatomy/rims_file.py).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kummell_ai.anatomy import LEVELS
from kummell_ai.errors import UsageError
from kummell_ai.synthesis.anatomy.bones import BoneTemplate, FloatArray
from kummell_ai.synthesis.anatomy.template_bank import load_templates
from kummell_ai.synthesis.projection import ConeBeam, add_path_length

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SOURCE_MM = 900.0
SHELL_MM = 1.2
COLOURS = ("tab:red", "tab:green", "tab:blue")


def load(source: str, exclude: tuple[str, ...], seed: int | None) -> dict[str, BoneTemplate]:
    """Templates of ``source``: "procedural", a folder or a mask."""
    if source != "procedural":
        return load_templates(Path(source), exclude=exclude)
    from kummell_ai.synthesis.anatomy.procedural import procedural_templates

    return procedural_templates(None if seed is None else np.random.default_rng(seed))


def shrunken(bone: BoneTemplate) -> FloatArray:
    """Vertices moved inward by the thickness of the cortex."""
    v, f = bone.vertices_mm, bone.faces
    cross = np.cross(v[f[:, 1]] - v[f[:, 0]], v[f[:, 2]] - v[f[:, 0]])
    normals = np.zeros_like(v)
    for i in range(3):
        np.add.at(normals, f[:, i], cross)
    return v - SHELL_MM * normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)


def picture(bones: list[BoneTemplate], box: tuple[float, float, float, float], pixel: float) -> np.ndarray:
    """Bone thickness (arbitrary units) over the box (x0, x1, z0, z1), front to the left."""
    x0, x1, z0, z1 = box
    shape = (int((z1 - z0) / pixel), int((x1 - x0) / pixel))
    beam = ConeBeam(np.array([(x0 + x1) / 2, SOURCE_MM, (z0 + z1) / 2]), (x1, z1), pixel, shape)
    total = np.zeros(shape)
    for bone in bones:
        outer, inner = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
        add_path_length(outer, bone.vertices_mm, bone.faces, beam)
        add_path_length(inner, shrunken(bone), bone.faces, beam)
        total += outer + 3.0 * (outer - inner)
    return total


def draw(axes: Axes, bones: list[BoneTemplate], box: tuple[float, float, float, float], pixel: float) -> None:
    """Picture with the rim points left, middle, right in red, green, blue and the corners as crosses."""
    image = picture(bones, box, pixel)
    axes.imshow(image, cmap="gray", extent=(box[1], box[0], box[2], box[3]), vmax=np.quantile(image, 0.995))
    for bone in bones:
        if bone.has_rims:
            scale = SOURCE_MM / (SOURCE_MM - bone.rims_mm[..., 1])
            for side, colour in enumerate(COLOURS):
                p = bone.rims_mm[:, :, side].reshape(-1, 3)
                s = scale[:, :, side].ravel()
                axes.plot(p[:, 0] * s, p[:, 2] * s, ".", color=colour, ms=4)
            corners = bone.corners_mm.reshape(-1, 3)
            axes.plot(corners[:, 0], corners[:, 2], "y+", ms=9)
    axes.set_xticks(range(-80, 60, 10))
    axes.set_yticks(range(-130, 40, 10))
    axes.set(xlim=(box[1], box[0]), ylim=(box[2], box[3]))
    axes.tick_params(labelsize=7)
    axes.grid(color="white", alpha=0.15, lw=0.5)


def main() -> None:
    """Write the contact sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="+", help='"procedural", folders of meshes or of masks, or masks')
    parser.add_argument("--out", type=Path, required=True, help="the picture")
    parser.add_argument("--exclude", nargs="*", default=(), help="bone names to leave out")
    parser.add_argument("--levels", nargs="*", default=[level.value for level in LEVELS], help="default: all")
    parser.add_argument("--seed", type=int, help="variation of the procedural bones")
    arguments = parser.parse_args()
    try:
        import matplotlib as mpl

        mpl.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError:
        raise UsageError("matplotlib draws the sheet and is not installed: pip install matplotlib") from None
    rows = [load(source, tuple(arguments.exclude), arguments.seed) for source in arguments.sources]
    levels = [level for level in arguments.levels if any(level in row for row in rows)]
    figure, axes = plt.subplots(len(rows), len(levels), figsize=(4 * len(levels), 3.4 * len(rows)), squeeze=False)
    for row, templates in enumerate(rows):
        for column, level in enumerate(levels):
            if level in templates:
                box = (-85.0, 55.0, -130.0, 35.0) if level == "S1" else (-68.0, 26.0, -44.0, 32.0)
                draw(axes[row, column], [templates[level]], box, 0.5)
                axes[row, column].set_title(f"{Path(arguments.sources[row]).name} {level}")
            else:
                axes[row, column].axis("off")
    figure.tight_layout()
    figure.savefig(arguments.out, dpi=75)


if __name__ == "__main__":
    from ending import end

    end(main)
