"""Drawing fractures: their type, and what goes with it; and depressions of intact bodies."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.synthesis.anatomy.anatomy_model import Individual
from kummell_ai.synthesis.disease.fracture import Collapse, FractureType, Pit
from kummell_ai.synthesis.recipe import DiseaseRecipe


def draw_kind(recipe: DiseaseRecipe, rng: np.random.Generator) -> FractureType:
    """Type of a fracture by the recipe's shares."""
    draw = rng.random()
    if draw < recipe.biconcave:
        return FractureType.BICONCAVE
    return FractureType.CRUSH if draw < recipe.biconcave + recipe.crush else FractureType.WEDGE


def draw_fracture(
    kind: FractureType,
    anterior: float,
    posterior: float,
    recipe: DiseaseRecipe,
    rng: np.random.Generator,
    healed: bool = False,
) -> Collapse:
    """A fracture with drawn asymmetry, bulge, raggedness and step.

    Args:
        kind: its type.
        anterior: share of height lost at the front.
        posterior: share of height lost at the back wall.
        recipe: shares of asymmetric fractures and bulging back walls.
        rng: source of all that is drawn.
        healed: old fractures are smoother, and their step is worn down.
    """
    low, high = {
        FractureType.WEDGE: (-0.02, 0.12),
        FractureType.BICONCAVE: (0.2, 0.4),
        FractureType.CRUSH: (-0.02, 0.08),
    }[kind]
    middle = rng.uniform(low, high) * (1.0 - 0.5 * anterior)
    upper = rng.uniform(0.6, 1.0) if rng.random() < 0.8 else rng.uniform(0.05, 0.45)
    if kind is not FractureType.WEDGE:
        upper = rng.uniform(0.4, 0.75)
    tilt = rng.normal(0.0, 0.3)
    back = rng.gamma(3.0, 1.0)
    asymmetric, bulging = rng.random() < recipe.asymmetry, rng.random() < recipe.bulge
    fresh = 0.45 if healed else 1.0
    step = 0.3 * fresh if kind is FractureType.BICONCAVE else fresh
    return Collapse(
        anterior=anterior,
        middle=float(middle),
        posterior=posterior,
        superior_share=float(upper),
        tilt=float(np.clip(tilt, -0.7, 0.7)) if asymmetric else 0.0,
        bulge_mm=float(abs(rng.normal(0.0, 1.5))),
        roughness_mm=float(fresh * rng.uniform(0.3, 1.2)),
        seed=int(rng.integers(2**31)),
        back_bulge_mm=float(min(back, 7.0) * (0.6 if healed else 1.0)) if bulging else 0.0,
        step_mm=float(step * min(rng.gamma(2.0, 1.0), 4.5)),
        kind=kind,
    )


def draw_healed_fractures(
    individual: Individual, recipe: DiseaseRecipe, spared: Collection[VertebralLevel]
) -> dict[VertebralLevel, Collapse]:
    """Old fractures, most often about T8 and L1.

    Args:
        individual: the patient; the same one has the same fractures on every film.
        recipe: share of patients who have any.
        spared: levels without one.
    """
    rng = np.random.default_rng([individual.seed, 42])
    draw, count = rng.random(), 1 + int(rng.poisson(0.7))
    levels = [p.level for p in individual.vertebrae[:-1]]
    weights = np.array([_frequency(level) * (level not in spared) for level in levels])
    if draw >= recipe.old_fractures or weights.sum() == 0.0:
        return {}
    count = min(count, int((weights > 0.0).sum()))
    chosen = rng.choice(len(levels), count, replace=False, p=weights / weights.sum())
    out = {}
    for k in sorted(chosen):
        kind = draw_kind(recipe, rng)
        out[levels[k]] = draw_fracture(kind, *draw_loss(kind, rng), recipe, rng, healed=True)
    return out


def _frequency(level: VertebralLevel) -> float:
    t8, l1 = VertebralLevel.T8.index, VertebralLevel.L1.index
    return float(0.15 + np.exp(-(((level.index - l1) / 1.8) ** 2)) + 0.5 * np.exp(-(((level.index - t8) / 1.5) ** 2)))


def draw_loss(kind: FractureType, rng: np.random.Generator) -> tuple[float, float]:
    """Shares of height lost at the front and the back of an ordinary osteoporotic fracture."""
    front, back = rng.random(2)
    if kind is FractureType.BICONCAVE:
        return float(0.02 + 0.18 * front), float(0.12 * back)
    if kind is FractureType.CRUSH:
        return float(0.25 + 0.3 * front), float((0.25 + 0.3 * front) * (0.6 + 0.4 * back))
    return float(0.2 + 0.35 * front), float(0.08 * back)


def draw_depressions(
    individual: Individual, share: float, levels: Sequence[VertebralLevel]
) -> dict[VertebralLevel, Collapse]:
    """Schmorl's nodes of intact bodies.

    Args:
        individual: the patient.
        share: of ``levels`` that have one or two (``disease.depression``).
        levels: the intact ones.
    """
    out = {}
    for level in levels:
        rng = np.random.default_rng([individual.seed, 46, level.index])
        if rng.random() < share:
            pits = [_draw_pit(rng) for _ in range(2 if rng.random() < 0.25 else 1)]
            out[level] = Collapse(pits=tuple(pits))
    return out


def _draw_pit(rng: np.random.Generator) -> Pit:
    return Pit(
        endplate=int(rng.random() < 0.5),
        along=float(np.clip(rng.normal(0.42, 0.14), 0.2, 0.75)),
        aside_mm=float(rng.normal(0.0, 5.0)),
        radius_mm=float(rng.uniform(3.0, 8.0)),
        depth_mm=float(rng.uniform(1.5, 5.5)),
    )
