"""The course of one patient: fracture before surgery, reduction and hardware after it, some loss at follow-up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kummell_ai.anatomy import USUAL_LEVELS, Phase, VertebralLevel
from kummell_ai.synthesis.anatomy_model import Individual
from kummell_ai.synthesis.fracture import Collapse

INDEX_LEVELS = ("T11", "T12", "L1", "L2")
INDEX_SHARES = (0.13, 0.33, 0.39, 0.15)


@dataclass(frozen=True, slots=True)
class State:
    """The patient on one film.

    Attributes:
        phase: of the film.
        index_level: injured vertebra, or None for a spine without a fresh fracture.
        fractures: collapse of levels on top of their own shape.
        kink_deg: kyphosis added between a level and the next below (deg).
        screws: levels with pedicle screws, cranial to caudal; empty without an operation.
        cemented: levels with cement in the body.
        cleft: whether the injured body holds a gas cleft.
    """

    phase: Phase
    index_level: VertebralLevel | None
    fractures: dict[VertebralLevel, Collapse]
    kink_deg: dict[VertebralLevel, float]
    screws: tuple[VertebralLevel, ...] = ()
    cemented: tuple[VertebralLevel, ...] = ()
    cleft: bool = False


def _fracture(rng: np.random.Generator, anterior: float, posterior: float) -> Collapse:
    return Collapse(
        anterior=anterior,
        middle=float(np.clip(rng.normal(0.05, 0.08), -0.02, 0.25)) * (1.0 - anterior),
        posterior=posterior,
        superior_share=rng.uniform(0.55, 1.0) if rng.random() < 0.8 else rng.uniform(0.0, 0.5),
        tilt=rng.normal(0.0, 0.15),
        bulge_mm=abs(rng.normal(0.0, 1.8)),
        roughness_mm=abs(rng.normal(0.4, 0.4)),
        seed=int(rng.integers(2**31)),
    )


def _scaled(fracture: Collapse, anterior: float, posterior: float) -> Collapse:
    share = anterior / max(fracture.anterior, 1e-6)
    return Collapse(
        anterior,
        fracture.middle * share,
        posterior,
        fracture.superior_share,
        fracture.tilt,
        fracture.bulge_mm,
        fracture.roughness_mm,
        fracture.seed,
    )


def _kink(
    individual: Individual, level: VertebralLevel, collapse: Collapse, share: float
) -> dict[VertebralLevel, float]:
    plans = individual.vertebrae
    k = next(i for i, p in enumerate(plans) if p.level is level)
    if k == 0:
        return {}
    corners = plans[k].template.corners_mm * plans[k].scale
    height = float(np.linalg.norm(corners[0] - corners[1], axis=-1).mean())
    depth = float(np.linalg.norm(corners[:, 0] - corners[:, 1], axis=-1).mean())
    wedge = np.degrees(np.arctan((collapse.anterior - collapse.posterior) * height / depth))
    return {plans[k - 1].level: float(share * wedge)}


def _other_fractures(
    individual: Individual, rng: np.random.Generator, keep: set[VertebralLevel]
) -> dict[VertebralLevel, Collapse]:
    out = {}
    rate = 0.12 if individual.density < 0.6 else 0.04
    for plan in individual.vertebrae[:-1]:
        if plan.level not in keep and rng.random() < rate:
            anterior = rng.uniform(0.1, 0.45)
            out[plan.level] = _fracture(rng, anterior, anterior * rng.uniform(0.0, 0.8))
    return out


def _neighbours(level: VertebralLevel, reach: int) -> tuple[VertebralLevel, VertebralLevel]:
    i = USUAL_LEVELS.index(level)
    return USUAL_LEVELS[i - reach], USUAL_LEVELS[min(i + reach, len(USUAL_LEVELS) - 2)]


def sample_course(individual: Individual, operated: bool = True) -> tuple[State, State, State]:
    """States before surgery, after it and at follow-up; the same individual gives the same course.

    Args:
        individual: the patient.
        operated: False gives a vertebroplasty without screws.
    """
    rng = np.random.default_rng([individual.seed, 2])
    index = VertebralLevel(str(rng.choice(INDEX_LEVELS, p=INDEX_SHARES)))
    reach = 2 if rng.random() < 0.15 else 1
    upper, lower = _neighbours(index, reach)
    old = _other_fractures(individual, rng, {index, *_neighbours(index, 1)})
    anterior = float(np.clip(rng.normal(0.52, 0.12), 0.2, 0.76))
    posterior = float(np.clip(rng.normal(0.05, 0.05), 0.0, anterior * 0.7))
    fracture = _fracture(rng, anterior, posterior)
    share = rng.uniform(0.8, 1.05)
    residue = float(np.clip(rng.normal(0.45, 0.18), 0.08, 0.9))
    after = (anterior * residue, posterior * rng.uniform(0.4, 1.0))
    loss = float(np.clip(rng.normal(0.055, 0.055), -0.01, 0.25))
    last = (after[0] + loss, after[1] + 0.3 * max(loss, 0.0))
    levels = [upper, lower]
    if rng.random() < 0.35:
        levels.append(index)
    if reach == 2 and rng.random() < 0.7:
        levels += _neighbours(index, 1)
    screws = tuple(sorted(set(levels))) if operated else ()
    cemented = {index} if rng.random() < 0.88 or not operated else set()
    cemented |= {level for level in screws if rng.random() < 0.7}
    states = []
    phases = ((Phase.PRE_OP, (anterior, posterior)), (Phase.POST_OP, after), (Phase.FOLLOW_UP, last))
    for phase, (front, back) in phases:
        now = fracture if phase is Phase.PRE_OP else _scaled(fracture, front, back)
        done = phase is not Phase.PRE_OP
        states.append(
            State(
                phase,
                index,
                {**old, index: now},
                _kink(individual, index, now, share),
                screws if done else (),
                tuple(sorted(cemented)) if done else (),
                cleft=not done and bool(np.random.default_rng([individual.seed, 3]).random() < 0.35),
            )
        )
    return states[0], states[1], states[2]


def sample_untreated(individual: Individual) -> State:
    """A spine without a fresh fracture, perhaps with old ones."""
    rng = np.random.default_rng([individual.seed, 4])
    return State(Phase.UNKNOWN, None, _other_fractures(individual, rng, set()), {})
