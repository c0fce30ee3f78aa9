"""The same spine through our projectors and through nanodrr's ray marcher, in one run on one thread.

python scripts/benchmark_projectors.py [--rows 512] [--voxel 1.0] [--device cuda], after pip install nanodrr; without it
only ours are timed. Ours take the meshes, nanodrr the same meshes as voxels.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from numba import njit

from kummell_ai.synthesis.anatomy.anatomy_model import sample_individual
from kummell_ai.synthesis.anatomy.procedural import procedural_templates
from kummell_ai.synthesis.disease.posture import stack_spine
from kummell_ai.synthesis.operation.hardware import joined
from kummell_ai.synthesis.projection import ConeBeam, path_length
from kummell_ai.synthesis.projection_torch import path_lengths

Mesh = tuple[np.ndarray, np.ndarray]


def spine_mesh() -> Mesh:
    spine = stack_spine(sample_individual(3, [procedural_templates()]), {}, {}, 0.0)
    return joined([(v.vertices_mm, v.faces) for v in spine])


@njit(cache=True)
def fill(volume: np.ndarray, vertices: np.ndarray, faces: np.ndarray) -> None:
    """Add the share of each voxel (x, y, z) inside a closed mesh in voxel units, cut at the voxel's x and z centre."""
    for f in range(faces.shape[0]):
        p, q, r = vertices[faces[f, 0]], vertices[faces[f, 1]], vertices[faces[f, 2]]
        area = (q[0] - p[0]) * (r[2] - p[2]) - (r[0] - p[0]) * (q[2] - p[2])
        if area == 0.0:
            continue
        for x in range(int(np.ceil(min(p[0], q[0], r[0]))), int(np.floor(max(p[0], q[0], r[0]))) + 1):
            for z in range(int(np.ceil(min(p[2], q[2], r[2]))), int(np.floor(max(p[2], q[2], r[2]))) + 1):
                a = ((q[0] - x) * (r[2] - z) - (r[0] - x) * (q[2] - z)) / area
                b = ((r[0] - x) * (p[2] - z) - (p[0] - x) * (r[2] - z)) / area
                if a < 0.0 or b < 0.0 or a + b > 1.0:
                    continue
                top = a * p[1] + b * q[1] + (1.0 - a - b) * r[1] + 0.5
                sign = -1.0 if area > 0.0 else 1.0
                volume[x, : int(top), z] += sign
                volume[x, int(top), z] += sign * (top - int(top))


def voxels(mesh: Mesh, size_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Share of bone (x, y, z) and the place (3,) mm of the first voxel's centre, off the round numbers."""
    low = mesh[0].min(axis=0) - 2.0 * size_mm - 0.01234
    shape = np.ceil((mesh[0].max(axis=0) - low) / size_mm).astype(int) + 3
    volume = np.zeros(shape)
    fill(volume, (mesh[0] - low) / size_mm, mesh[1])
    return np.clip(volume, 0.0, 1.0), low


def nanodrr_renderer(mesh: Mesh, beam: ConeBeam, size_mm: float, samples: int, device: str) -> Callable[[], np.ndarray]:
    from nanodrr.camera import make_k_inv
    from nanodrr.data import Subject
    from nanodrr.drr import DRR

    share, low = voxels(mesh, size_mm)
    image = torch.from_numpy(share.transpose(2, 1, 0).copy()).to(torch.float32)[None, None]
    to_world = torch.diag(torch.tensor([size_mm, size_mm, size_mm, 1.0], dtype=torch.float64))
    to_world[:3, 3] = torch.from_numpy(low)
    grid = Subject._make_voxel_to_grid(image.shape)
    centre = torch.from_numpy(mesh[0].mean(axis=0)).float()
    subject = Subject(
        image, torch.zeros_like(image), to_world.float(), to_world.inverse().float(), grid, centre, convert_to_mu=False
    ).to(device)
    rows, cols = beam.shape
    behind = 1.25  # the detector stands behind the patient: rays end there
    pitch, distance = beam.pixel_mm * behind, float(beam.source_mm[1]) * behind
    across = (beam.origin_mm[0] - beam.source_mm[0]) / beam.pixel_mm - 0.5 * cols
    down = (beam.origin_mm[1] - beam.source_mm[2]) / beam.pixel_mm - 0.5 * rows
    inverse = make_k_inv(distance, pitch, pitch, across * pitch, down * pitch, rows, cols, dtype=torch.float32)
    drr = DRR(inverse, torch.tensor([distance]), rows, cols).to(device)
    pose = torch.eye(4)
    # columns run backwards, rows down, the beam to the patient's right
    pose[:3, :3] = torch.tensor([[-1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, -1.0, 0.0]])
    pose[:3, 3] = torch.from_numpy(beam.source_mm)
    pose = pose[None].to(device)

    def render() -> np.ndarray:
        with torch.no_grad():
            return np.asarray(drr(subject, pose, n_samples=samples)[0, 0].cpu())

    return render


def timed(render: Callable[[], np.ndarray], count: int) -> tuple[np.ndarray, float]:
    image, spent = render(), []
    for _ in range(count):
        started = time.perf_counter()
        image = render()
        spent.append(time.perf_counter() - started)
    return image, float(np.median(spent))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--voxel", type=float, default=1.0, help="mm")
    parser.add_argument("--samples", type=int, default=500, help="samples a ray")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=4, help="films a batch through torch")
    args = parser.parse_args()
    torch.set_num_threads(1)
    mesh = spine_mesh()
    middle = mesh[0].mean(axis=0)
    pixel = 400.0 / args.rows
    beam = ConeBeam(
        np.array([middle[0] + 10.0, 1100.0, middle[2] - 20.0]), (middle[0] + 100.0, middle[2] + 200.0), pixel,
        (args.rows, args.rows // 2),
    )  # fmt: skip
    print(f"{len(mesh[1])} triangles on {args.rows} x {args.rows // 2}, torch on {args.device}")
    ours, first = timed(lambda: path_length(*mesh, beam), 5)
    print(f"compiled:  {first:.4f} s a film")
    batch = [mesh] * args.batch, [beam] * args.batch
    other, second = timed(lambda: np.asarray(path_lengths(*batch, device=args.device)[0].cpu()), 3)
    second /= args.batch
    print(
        f"torch:     {second:.4f} s a film, {second / first:.1f} times; differs by {np.abs(other - ours).max():.2g} mm"
    )
    try:
        render = nanodrr_renderer(mesh, beam, args.voxel, args.samples, args.device)
    except ImportError as error:
        print(f"nanodrr:   not here ({error})")
        return
    theirs, third = timed(render, 1)
    bone = ours > 0
    gap = np.abs(theirs - ours)[bone]
    print(
        f"nanodrr:   {third:.4f} s a film, {third / first:.0f} times; correlation "
        f"{np.corrcoef(theirs[bone], ours[bone])[0, 1]:.4f}, differs by {np.median(gap):.2f} mm (median of bone)"
    )


if __name__ == "__main__":
    main()
