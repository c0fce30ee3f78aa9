"""One simulated individual: which levels, which template bones, how large, how dense, how the spine curves.

Sizes and angles follow the summary of 1,755 real lateral films and the literature values in docs/simulation.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kummell_ai.anatomy import USUAL_LEVELS, VertebralLevel
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.bones import BoneTemplate
from kummell_ai.synthesis.fracture import Collapse

TemplateBank = Mapping[str, BoneTemplate]

CRANIAL_END = VertebralLevel.T4

# depth relative to L3, mean body height / depth, disc height / L3 depth below the level, body-axis rotation to the
# next level below (deg, kyphosis +) with its spread
_SHAPE: dict[str, tuple[float, float, float, float, float]] = {
    "T4": (0.66, 0.82, 0.11, 3.6, 2.0),
    "T5": (0.69, 0.81, 0.12, 4.2, 2.2),
    "T6": (0.73, 0.80, 0.13, 4.8, 2.4),
    "T7": (0.77, 0.78, 0.14, 4.8, 2.4),
    "T8": (0.80, 0.76, 0.15, 4.4, 2.4),
    "T9": (0.83, 0.75, 0.16, 3.8, 2.4),
    "T10": (0.86, 0.75, 0.17, 3.2, 2.6),
    "T11": (0.89, 0.74, 0.19, 2.8, 3.0),
    "T12": (0.92, 0.74, 0.22, 0.8, 3.4),
    "L1": (0.95, 0.73, 0.26, -1.4, 4.0),
    "L2": (0.98, 0.73, 0.30, -5.8, 4.2),
    "L3": (1.00, 0.72, 0.33, -9.8, 4.4),
    "L4": (1.00, 0.71, 0.34, -13.5, 5.0),
    "L5": (0.985, 0.69, 0.30, -18.0, 6.0),
    "S1": (0.93, 0.80, 0.0, 0.0, 0.0),
}


@dataclass(frozen=True, slots=True)
class VertebraPlan:
    """How one level of this individual is built.

    Attributes:
        level: its name.
        template: the bone it is cut from.
        scale: stretch along x, y, z of the canonical frame.
        collapse: age-related shape of the body, before any fracture of interest.
        disc_mm: height of the disc below (mm), half way along the endplates.
        angle_deg: rotation of the next body below with regard to this one (kyphosis +).
        twist_deg: axial rotation and side tilt with regard to the spine's own plane (deg).
        shift_mm: (x, y) offset from the spine's own line (mm).
    """

    level: VertebralLevel
    template: BoneTemplate
    scale: FloatArray
    collapse: Collapse
    disc_mm: float
    angle_deg: float
    twist_deg: tuple[float, float]
    shift_mm: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Individual:
    """A patient's bones, the same on every film.

    Attributes:
        vertebrae: cranial to caudal, S1 last.
        others: bones riding on a vertebra (pelvis, ribs, femora).
        density: bone mineral with regard to a healthy adult (1).
        cortex_mm: thickness of the cortical shell (mm).
        tube: body half-width and depth (mm): (half_width, behind_spine, before_spine).
        seed: of everything drawn later for this patient.
    """

    vertebrae: tuple[VertebraPlan, ...]
    others: tuple[BoneTemplate, ...]
    density: float
    cortex_mm: float
    tube: tuple[float, float, float]
    seed: int


def template_for(level: VertebralLevel, banks: Sequence[TemplateBank], rng: np.random.Generator) -> BoneTemplate:
    """The bone of ``level`` from the first bank that has it; thoracic levels may also be a slender L1."""
    for bank in banks:
        if level.value in bank:
            return bank[level.value]
        if level < VertebralLevel.L1 and "L1" in bank and rng.random() < 0.5:
            return bank["L1"]
    return next(bank["L1"] for bank in banks if "L1" in bank)


def _plan(
    level: VertebralLevel, template: BoneTemplate, depth_l3: float, habit: FloatArray, rng: np.random.Generator
) -> VertebraPlan:
    depth_share, height_share, disc_share, angle, spread = _SHAPE[level.value]
    corners = template.corners_mm
    own_depth = float(np.linalg.norm(corners[:, 0] - corners[:, 1], axis=-1).mean())
    own_height = float(np.linalg.norm(corners[0] - corners[1], axis=-1).mean())
    depth = depth_l3 * depth_share * (1.0 + rng.normal(0.0, 0.025))
    height = depth * height_share * (1.0 + habit[0] + rng.normal(0.0, 0.035))
    if level is VertebralLevel.S1:
        height = own_height * depth / own_depth
    sx, sz = depth / own_depth, height / own_height
    scale = np.array([sx, sx * (1.0 + rng.normal(0.0, 0.05)), sz])
    porous = max(0.0, habit[2])
    collapse = Collapse(
        anterior=rng.normal(0.02, 0.03) + 0.03 * porous,
        middle=abs(rng.normal(0.0, 0.03)) + 0.05 * porous * rng.random(),
        posterior=rng.normal(0.0, 0.02),
        superior_share=rng.uniform(0.35, 0.65),
        bulge_mm=rng.normal(-0.3, 0.6),
        roughness_mm=abs(rng.normal(0.0, 0.25)),
        seed=int(rng.integers(2**31)),
    )
    if level is VertebralLevel.S1:
        collapse = Collapse()
    disc = depth_l3 * disc_share * max(0.25, 1.0 + habit[1] + rng.normal(0.0, 0.16))
    if rng.random() < 0.12:
        disc *= rng.uniform(0.2, 0.7)
    return VertebraPlan(
        level,
        template,
        scale,
        collapse,
        disc,
        angle + 0.7 * spread * rng.normal() + 0.6 * spread * habit[3],
        (rng.normal(0.0, 1.2), rng.normal(0.0, 1.0)),
        (rng.normal(0.0, 0.5), 0.0),
    )


def _with_scoliosis(plans: list[VertebraPlan], rng: np.random.Generator) -> list[VertebraPlan]:
    size = rng.uniform(3.0, 14.0) if rng.random() < 0.2 else abs(rng.normal(0.0, 1.5))
    phase, waves = rng.uniform(0, 2 * np.pi), rng.uniform(0.6, 1.4)
    out = []
    for k, plan in enumerate(plans):
        wave = np.sin(phase + waves * 2 * np.pi * k / len(plans))
        turn = (
            plan.twist_deg[0] + size * wave,
            plan.twist_deg[1] + 0.5 * size * np.cos(phase + waves * 2 * np.pi * k / len(plans)),
        )
        out.append(
            VertebraPlan(
                plan.level,
                plan.template,
                plan.scale,
                plan.collapse,
                plan.disc_mm,
                plan.angle_deg,
                turn,
                (plan.shift_mm[0], 0.9 * size * wave),
            )
        )
    return out


def sample_individual(seed: int, banks: Sequence[TemplateBank]) -> Individual:
    """Draw a patient; the same seed and banks give the same patient."""
    rng = np.random.default_rng([seed, 1])
    order = list(banks)
    if len(order) > 1 and rng.random() < 0.4:
        order = order[1:] + order[:1]
    depth_l3 = float(np.clip(rng.normal(35.5, 2.6), 28.0, 43.0))
    habit = np.array([rng.normal(0.0, 0.05), rng.normal(-0.08, 0.15), rng.normal(0.6, 0.7), rng.normal()])
    plans = [
        _plan(level, template_for(level, order, rng), depth_l3, habit, rng)
        for level in USUAL_LEVELS
        if level >= CRANIAL_END
    ]
    others: dict[str, BoneTemplate] = {}
    for bank in order:
        for name, bone in bank.items():
            if not bone.has_rims and bone.anchor in {p.level.value for p in plans} and name.lower() not in others:
                others[name.lower()] = bone
    return Individual(
        vertebrae=tuple(_with_scoliosis(plans, rng)),
        others=tuple(others.values()),
        density=float(np.exp(rng.normal(-0.65, 0.4))),
        cortex_mm=float(np.clip(rng.normal(0.62, 0.2), 0.25, 1.2)),
        tube=(rng.uniform(135.0, 195.0), rng.uniform(70.0, 115.0), rng.uniform(100.0, 210.0)),
        seed=seed,
    )
