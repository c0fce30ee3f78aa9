"""One exposure of a posed patient: geometry, path lengths, film, and the truth on it."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.imaging.frames import FloatArray, ScaleShift
from kummell_ai.synthesis import tissue
from kummell_ai.synthesis.anatomy.anatomy_model import Individual
from kummell_ai.synthesis.anatomy.surfaces import unit_normals
from kummell_ai.synthesis.disease.bone_shells import BoneShell, bone_shells
from kummell_ai.synthesis.disease.course import State
from kummell_ai.synthesis.disease.posture import PosedVertebra, rotation_matrix
from kummell_ai.synthesis.film.detector import Exposure
from kummell_ai.synthesis.film.film import take_film
from kummell_ai.synthesis.frontal import bend, draw_frontal_beam, equalised
from kummell_ai.synthesis.operation.implants import cleft, implant_lengths, implants
from kummell_ai.synthesis.projection import ConeBeam, bone_path_lengths, path_length
from kummell_ai.synthesis.recipe import Recipe

Map = NDArray[np.float32]
FINE_MM = 0.45
"""A pixel larger than this (mm) is sampled twice along rows: endplates are thinner than a pixel and nearly level."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How the patient stands in the beam.

    Attributes:
        beam: geometry of the exposure, front to the left.
        turn: (3, 3) rotation of the patient before the exposure.
        magnification: source to detector over source to patient distance.
        tube_kv: tube voltage.
        frontal: whether the patient faces the detector instead of standing sideways.
        in_theatre: whether the film is taken during the operation.
    """

    beam: ConeBeam
    turn: FloatArray
    magnification: float
    tube_kv: float
    frontal: bool = False
    in_theatre: bool = False


@dataclass(frozen=True, slots=True)
class Exposed:
    """What an exposure leaves.

    Attributes:
        pixels: the film, (rows, columns) float32 in [0, 1], bone bright unless the film is inverted.
        lengths: path length (mm) by material, (rows, columns) each.
    """

    pixels: Map
    lengths: dict[str, Map]


def draw_setting(
    spine: Sequence[PosedVertebra],
    field: str,
    focus: VertebralLevel | None,
    shape: tuple[int, int],
    frontal: bool,
    rng: np.random.Generator,
) -> Setting:
    """Draw field of view, tilt and distance; ``focus`` stays in view."""
    if frontal:
        beam, turn = draw_frontal_beam(spine, shape, rng)
        return Setting(beam, turn, 1.15, float(rng.uniform(68.0, 95.0)), frontal=True)
    by_level = {v.level: v.rims_mm.reshape(-1, 3).mean(axis=0) for v in spine}
    turn = rotation_matrix(rng.normal(0.0, 3.0), rng.normal(0.0, 3.5), rng.normal(0.0, 2.5))
    rows, cols = shape
    if field == "full":
        height, about = rng.normal(520.0, 45.0), by_level[VertebralLevel.T12] + [0, 0, rng.normal(-15.0, 25.0)]
    elif field == "lumbar":
        height, about = rng.normal(355.0, 40.0), by_level[VertebralLevel.L3] + [0, 0, rng.normal(-35.0, 25.0)]
    elif field == "thoracolumbar":
        height, about = rng.normal(360.0, 45.0), by_level[VertebralLevel.L1] + [0, 0, rng.normal(5.0, 30.0)]
    else:
        centre = focus or VertebralLevel(str(rng.choice(["T10", "T11", "T12", "L1", "L2", "L3", "L4"])))
        height, about = rng.uniform(170.0, 280.0), by_level[centre] + [0, 0, rng.normal(0.0, 15.0)]
    height = float(np.clip(height, 150.0, 620.0))
    width = height * cols / rows
    if focus is not None and field != "narrow":
        spare = 0.5 * height - 60.0
        about[2] = np.clip(about[2], by_level[focus][2] - spare, by_level[focus][2] + spare)
    about = turn @ about
    shift_share = np.clip(rng.normal(-0.02, 0.09), -0.3, 0.3)
    left = about[0] + width * (0.5 + shift_share)
    distance = rng.uniform(800.0, 1700.0)
    source = np.array([about[0] + rng.normal(0.0, 15.0), distance, about[2] + rng.normal(0.0, 25.0)])
    beam = ConeBeam(source, (float(left), float(about[2] + 0.5 * height)), height / rows, shape)
    magnification, tube_kv = float(1.0 + rng.uniform(0.08, 0.3)), float(rng.uniform(68.0, 95.0))
    return Setting(beam, turn, magnification, tube_kv, in_theatre=field == "narrow")


def _bone_maps(shells: Sequence[BoneShell], turn: FloatArray, beam: ConeBeam) -> tuple[Map, Map]:
    """Path lengths (mm) in cortex, and in spongy bone as if all of it were as dense as that of a vertebral body."""
    rows = 2 if beam.pixel_mm > FINE_MM else 1
    turned = ((shell.vertices_mm @ turn.T, shell.faces, shell.cortex_mm) for shell in shells)
    whole, inner = bone_path_lengths(turned, beam, (rows, 1))
    whole = np.clip(whole, 0.0, 250.0)
    inner = np.clip(inner, 0.0, whole)
    spongy = inner
    for shell in shells:
        if shell.spongy < 1.0:
            points = shell.vertices_mm @ turn.T
            inside = points - shell.cortex_mm * unit_normals(points, shell.faces)
            spongy = spongy - np.float32(1.0 - shell.spongy) * path_length(inside, shell.faces, beam)
    return whole - inner, np.maximum(spongy, 0.0)


def expose(
    individual: Individual,
    state: State,
    spine: Sequence[PosedVertebra],
    setting: Setting,
    recipe: Recipe,
    rng: np.random.Generator,
    frame: ScaleShift | None = None,
) -> Exposed:
    """The film of a posed patient, and what lies in the beam.

    ``frame`` leads from the exposure, which faces left, to the film; a mirror turns what is in the beam before the
    film is taken, so that letters are not turned.
    """
    beam, turn = setting.beam, setting.turn
    posed = {v.level: v for v in spine}
    cortex, spongy = _bone_maps(bone_shells(individual, posed, state, recipe, rng), turn, beam)
    made = implants(posed, state.operation, state.phase, in_theatre=setting.in_theatre)
    placed = implant_lengths(made, turn, beam)
    lengths = tissue.soft_tissue(individual, spine, setting, recipe, rng)
    if placed.lost is not None:
        spongy = np.maximum(spongy - placed.lost, 0.0)
    if placed.dense is not None:
        cortex = np.add(cortex, 0.5 * np.minimum(placed.dense, spongy))
    if state.cleft and state.index_level is not None:
        points, faces = cleft(posed[state.index_level], individual.seed, state.cleft_opening)
        void = path_length(points @ turn.T, faces, beam)
        lengths["water"] = np.maximum(lengths["water"] - void, 0.0)
        spongy = np.maximum(spongy - void, 0.0)
    grain = 1.0 + np.float32(rng.uniform(0.02, 0.15)) * tissue.fractal_noise(beam.shape, 3.0 / beam.pixel_mm, 2, rng)
    density = individual.density
    cortex_share, spongy_share = 0.7 * density**0.5, 0.13 * density
    lengths["bone"] = lengths["bone"] + cortex * np.float32(cortex_share) + spongy * np.float32(spongy_share) * grain
    for name, length in placed.by_material.items():
        lengths[name] = length * (0.9 + 0.1 * grain) if name.startswith("cement") else length
    frame = frame or ScaleShift.identity()
    if frame.is_mirror:
        lengths = {name: np.ascontiguousarray(length[:, ::-1]) for name, length in lengths.items()}
    taken = Exposure(setting.tube_kv, beam.pixel_mm, setting.magnification)
    if setting.frontal:
        look = functools.partial(_frontal_look, rng=rng)
        return Exposed(take_film(lengths, taken, recipe.film, rng, after_display=look), lengths)
    corners = frame.apply(np.concatenate([visible_corners(v, setting) for v in spine]))
    spare = corners[np.isfinite(corners).all(axis=1)].astype(np.float32)
    return Exposed(take_film(lengths, taken, recipe.film, rng, spare), lengths)


def _frontal_look(shown: Map, rng: np.random.Generator) -> Map:
    bent = bend(shown, rng)
    return equalised(bent, rng) if rng.random() < 0.5 else bent


def visible_corners(vertebra: PosedVertebra, setting: Setting) -> FloatArray:
    """Corners (4, 2) px of a vertebra on the film, NaN outside it: middle of the projected left and right rims."""
    rims = setting.beam.project(vertebra.rims_mm @ setting.turn.T)
    c = rims[:, :, [0, 2]].mean(axis=2)
    points = np.stack([c[0, 0], c[0, 1], c[1, 0], c[1, 1]])
    rows, cols = setting.beam.shape
    inside = (points[:, 0] >= 0) & (points[:, 0] <= cols) & (points[:, 1] >= 0) & (points[:, 1] <= rows)
    points[~inside] = np.nan
    return points
