"""One simulated individual: which levels, which template bones, how large, how dense, how the spine curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kummell_ai.anatomy import LEVELS, USUAL_LEVELS, VertebralLevel
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.anatomy.bone_choice import TemplateBank, choose_bones, riding_bones
from kummell_ai.synthesis.anatomy.bones import BoneTemplate
from kummell_ai.synthesis.anatomy.level_shapes import SHAPES
from kummell_ai.synthesis.disease.fracture import Collapse
from kummell_ai.synthesis.recipe import AnatomyRecipe

__all__ = ["CRANIAL_END", "Individual", "TemplateBank", "VertebraPlan", "sample_individual"]

CRANIAL_END = VertebralLevel.T4

SLIP_LEVELS = (VertebralLevel.L3, VertebralLevel.L4, VertebralLevel.L5)
SLIP_SHARES = (0.12, 0.6, 0.28)
"""The slipping vertebra: degenerative slips are commonest at L4, those of the isthmus at L5."""

_USUAL = AnatomyRecipe()


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
        slip_mm: how far this vertebra lies in front of its place on the one below (mm), along the disc: listhesis.
    """

    level: VertebralLevel
    template: BoneTemplate
    scale: FloatArray
    collapse: Collapse
    disc_mm: float
    angle_deg: float
    twist_deg: tuple[float, float]
    shift_mm: tuple[float, float]
    slip_mm: float = 0.0


@dataclass(frozen=True, slots=True)
class Individual:
    """A patient's bones, the same on every film.

    Attributes:
        vertebrae: cranial to caudal, S1 last; with T13 or L6 in one patient of ten.
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


def _levels(recipe: AnatomyRecipe, rng: np.random.Generator) -> tuple[VertebralLevel, ...]:
    """Levels of the spine from `CRANIAL_END` to S1, with a 13th thoracic or a sixth lumbar vertebra now and then."""
    has_variant, thoracic = rng.random() < recipe.variants, rng.random() < 0.45
    variant = {VertebralLevel.T13 if thoracic else VertebralLevel.L6} if has_variant else set()
    return tuple(level for level in LEVELS if level >= CRANIAL_END and (level in USUAL_LEVELS or level in variant))


def _plan(
    level: VertebralLevel, template: BoneTemplate, depth_l3: float, habit: FloatArray, rng: np.random.Generator
) -> VertebraPlan:
    shape = SHAPES[level.value]
    corners = template.corners_mm
    own_depth = float(np.linalg.norm(corners[:, 0] - corners[:, 1], axis=-1).mean())
    own_height = float(np.linalg.norm(corners[0] - corners[1], axis=-1).mean())
    depth = depth_l3 * shape.depth * (1.0 + rng.normal(0.0, 0.025))
    height = depth * shape.height * (1.0 + habit[0] + rng.normal(0.0, 0.035))
    if level is VertebralLevel.S1 or template.fractured:
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
    if level is VertebralLevel.S1 or template.fractured:
        collapse = Collapse()
    disc = depth_l3 * shape.disc * max(0.25, 1.0 + habit[1] + rng.normal(0.0, 0.16))
    if rng.random() < 0.12:
        disc *= rng.uniform(0.2, 0.7)
    return VertebraPlan(
        level,
        template,
        scale,
        collapse,
        disc,
        shape.angle_deg + 0.7 * shape.spread_deg * rng.normal() + 0.6 * shape.spread_deg * habit[3],
        (rng.normal(0.0, 1.2), rng.normal(0.0, 1.0)),
        (rng.normal(0.0, 0.5), 0.0),
    )


def _with_scoliosis(plans: list[VertebraPlan], share: float, rng: np.random.Generator) -> list[VertebraPlan]:
    """A lateral curve with axial rotation (peak 3 to 14 deg); without scoliosis the slight one that everybody has."""
    curved, peak, slight = rng.random() < share, rng.uniform(3.0, 14.0), abs(rng.normal(0.0, 1.5))
    size = peak if curved else slight
    phase, waves = rng.uniform(0, 2 * np.pi), rng.uniform(0.6, 1.4)
    turns = phase + waves * 2 * np.pi * np.arange(len(plans)) / len(plans)
    return [
        replace(
            plan,
            twist_deg=(plan.twist_deg[0] + size * np.sin(turn), plan.twist_deg[1] + 0.5 * size * np.cos(turn)),
            shift_mm=(plan.shift_mm[0], 0.9 * size * np.sin(turn)),
        )
        for plan, turn in zip(plans, turns, strict=True)
    ]


def _with_listhesis(plans: list[VertebraPlan], share: float, rng: np.random.Generator) -> list[VertebraPlan]:
    """One lumbar vertebra 3 to 12 mm in front of the one below, on a worn disc."""
    slips, slip_mm, worn = rng.random() < share, float(rng.triangular(3.0, 4.5, 12.0)), rng.uniform(0.35, 0.85)
    level = SLIP_LEVELS[int(rng.choice(len(SLIP_LEVELS), p=SLIP_SHARES))]
    if not slips:
        return plans
    return [
        replace(plan, slip_mm=slip_mm, disc_mm=worn * plan.disc_mm) if plan.level is level else plan for plan in plans
    ]


def _mineral(porotic: bool, rng: np.random.Generator) -> tuple[float, float]:
    """Density with regard to a healthy adult, and thickness of the cortex (mm)."""
    density, cortex = rng.normal(), rng.normal()
    if porotic:
        return max(float(np.exp(-1.35 + 0.38 * density)), 0.1), float(np.clip(0.45 + 0.12 * cortex, 0.22, 0.8))
    return float(np.exp(-0.45 + 0.3 * density)), float(np.clip(0.68 + 0.18 * cortex, 0.35, 1.2))


def sample_individual(seed: int, banks: Sequence[TemplateBank], recipe: AnatomyRecipe = _USUAL) -> Individual:
    """Draw a patient; the same seed, banks and recipe give the same patient.

    Args:
        seed: of the patient.
        banks: bones of single individuals, the project's own last.
        recipe: shares of what patients have.
    """
    rng = np.random.default_rng([seed, 1])
    levels = _levels(recipe, np.random.default_rng([seed, 1, 1]))
    choice = choose_bones(banks, levels, recipe.blend, recipe.real_fractures, np.random.default_rng([seed, 1, 2]))
    porotic = bool(rng.random() < recipe.osteoporosis)
    density, cortex_mm = _mineral(porotic, rng)
    depth_l3 = float(np.clip(rng.normal(35.5, 2.6), 28.0, 43.0))
    porous = rng.normal(1.0 if porotic else 0.3, 0.6)
    habit = np.array([rng.normal(0.0, 0.05), rng.normal(-0.08, 0.15), porous, rng.normal()])
    plans = [_plan(level, choice.bone(level), depth_l3, habit, rng) for level in levels]
    plans = _with_scoliosis(plans, recipe.scoliosis, rng)
    plans = _with_listhesis(plans, recipe.listhesis, rng)
    return Individual(
        vertebrae=tuple(plans),
        others=riding_bones(choice.order, levels),
        density=density,
        cortex_mm=cortex_mm,
        tube=(rng.uniform(135.0, 195.0), rng.uniform(70.0, 115.0), rng.uniform(100.0, 210.0)),
        seed=seed,
    )
