"""The course of one patient: fracture before surgery, reduction and hardware after it, some loss at follow-up.

Heights and angles are drawn as they are measured (docs/simulation.md, values of this operation), and the collapse that
gives them is found on the patient's own bones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from kummell_ai.anatomy import Phase, VertebralLevel
from kummell_ai.synthesis.anatomy.anatomy_model import Individual
from kummell_ai.synthesis.disease.fracture import Collapse
from kummell_ai.synthesis.disease.fracture_kinds import (
    draw_depressions,
    draw_fracture,
    draw_healed_fractures,
    draw_kind,
    draw_loss,
)
from kummell_ai.synthesis.disease.osteophytes import Osteophytes, sample_osteophytes
from kummell_ai.synthesis.disease.posture import PosedVertebra, stack_spine
from kummell_ai.synthesis.disease.reduction import segment_of, settle
from kummell_ai.synthesis.disease.stance import LEAN_DEG, OPENING, Posture, draw_posture, posture_angles
from kummell_ai.synthesis.disease.targets import draw_mobility, draw_targets
from kummell_ai.synthesis.operation.operation import Operation, sample_operation
from kummell_ai.synthesis.recipe import Recipe

INDEX_LEVELS = ("T11", "T12", "L1", "L2")
INDEX_SHARES = (0.13, 0.33, 0.39, 0.15)

Angles = dict[VertebralLevel, float]


@dataclass(frozen=True, slots=True)
class State:
    """The patient on one film.

    Attributes:
        phase: of the film.
        index_level: injured vertebra, or None for a spine without a fresh fracture.
        fractures: what changed bodies on top of their own shape: fractures (with a kind), depressions (without).
        kink_deg: kyphosis added between a level and the next below, by fractures, surgery and posture (deg).
        operation: what was done, or None before surgery and without it.
        cleft_opening: how far the gas cleft of the injured body gapes, in [0, 1]; 0 without one.
        posture: of the patient on this film.
        osteophytes: bony lips by level.
    """

    phase: Phase
    index_level: VertebralLevel | None
    fractures: Mapping[VertebralLevel, Collapse]
    kink_deg: Mapping[VertebralLevel, float]
    operation: Operation | None = None
    cleft_opening: float = 0.0
    posture: Posture = Posture.STANDING
    osteophytes: Osteophytes = field(default_factory=dict)

    @property
    def screws(self) -> tuple[VertebralLevel, ...]:
        """Levels with pedicle screws, cranial to caudal."""
        return self.operation.screws if self.operation else ()

    @property
    def cemented(self) -> tuple[VertebralLevel, ...]:
        """Levels with cement in the body, cranial to caudal."""
        return self.operation.cemented if self.operation else ()

    @property
    def cleft(self) -> bool:
        """Whether the injured body shows a gas cleft."""
        return self.cleft_opening > 0.05

    def stiff(self, individual: Individual) -> frozenset[VertebralLevel]:
        """Levels whose joint with the next below is held by rods."""
        if len(self.screws) < 2:
            return frozenset()
        return frozenset(p.level for p in individual.vertebrae if self.screws[0] <= p.level < self.screws[-1])


def sample_course(individual: Individual, recipe: Recipe | None = None) -> tuple[State, State, State]:
    """States before surgery, after it and at follow-up; the same individual and recipe give the same course."""
    recipe = recipe or Recipe()
    levels = tuple(p.level for p in individual.vertebrae[:-1])
    rng = np.random.default_rng([individual.seed, 2])
    index = _draw_index(individual, rng)
    segment = segment_of(individual, index)
    operation = sample_operation(index, levels, recipe.operation, np.random.default_rng([individual.seed, 41]))
    beside = {index, segment.above.level, segment.below.level}
    old = _background(individual, recipe, beside, index)
    kind = draw_kind(recipe.disease, np.random.default_rng([individual.seed, 47]))
    fresh = draw_fracture(kind, 0.5, 0.0, recipe.disease, rng)
    gas = np.random.default_rng([individual.seed, 3]).random() < recipe.disease.cleft
    mobility = draw_mobility(gas, rng)
    targets = draw_targets(segment, fresh, bool(operation.screws), rng)
    operation = replace(operation, bed=targets[1].collapse(segment))
    lips = sample_osteophytes(individual, recipe.disease.osteophytes)
    later = _adjacent_fracture(individual, recipe, operation, old)
    states = []
    for number, (phase, target) in enumerate(zip((Phase.PRE_OP, Phase.POST_OP, Phase.FOLLOW_UP), targets, strict=True)):
        mine = np.random.default_rng([individual.seed, 43, number])
        posture = draw_posture(phase, recipe.film.postures, mine)
        done = phase is not Phase.PRE_OP
        if not done:
            target = target.opened(OPENING[posture], mobility, segment.reference_mm)
        bodies = {**old, **(later if phase is Phase.FOLLOW_UP else {}), index: target.collapse(segment)}
        others = {level: c for level, c in bodies.items() if level is not index}
        bare = State(
            phase,
            index,
            bodies,
            _sum(_settled(individual, others), segment.kink_to(target.kyphosis_deg, bodies[index])),
            operation if done else None,
            mobility.gape(OPENING[posture]) if gas and not done else 0.0,
            posture,
            lips,
        )
        states.append(_assume(bare, individual, mine))
    return states[0], states[1], states[2]


def sample_untreated(individual: Individual, recipe: Recipe | None = None) -> State:
    """A spine without a fresh fracture, perhaps with old ones."""
    recipe = recipe or Recipe()
    rng = np.random.default_rng([individual.seed, 4])
    bodies = _background(individual, recipe, set(), None)
    state = State(
        Phase.UNKNOWN,
        None,
        bodies,
        _settled(individual, bodies),
        posture=draw_posture(Phase.UNKNOWN, recipe.film.postures, rng),
        osteophytes=sample_osteophytes(individual, recipe.disease.osteophytes),
    )
    return _assume(state, individual, rng)


def pose(individual: Individual, state: State, rng: np.random.Generator) -> tuple[PosedVertebra, ...]:
    """The patient's spine on one film: the state's angles and what differs from one film to the next."""
    stiff = state.stiff(individual)
    draws = rng.normal(size=len(individual.vertebrae))
    wobble = {
        p.level: float(z) * (0.2 if p.level in stiff else 1.2) for p, z in zip(individual.vertebrae, draws, strict=True)
    }
    mean, spread = LEAN_DEG[state.posture]
    angles = _sum(wobble, state.kink_deg)
    return stack_spine(individual, state.fractures, angles, rng.normal(mean, spread), state.osteophytes)


def _draw_index(individual: Individual, rng: np.random.Generator) -> VertebralLevel:
    """The injured level; a body whose template is a fractured bone has had its fracture."""
    whole = np.array([VertebralLevel(name) not in _broken(individual) for name in INDEX_LEVELS])
    shares = np.where(whole, INDEX_SHARES, 0.0)
    return VertebralLevel(str(rng.choice(INDEX_LEVELS, p=shares / shares.sum())))


def _broken(individual: Individual) -> set[VertebralLevel]:
    return {plan.level for plan in individual.vertebrae if plan.template.fractured}


def _background(
    individual: Individual, recipe: Recipe, spared: set[VertebralLevel], index: VertebralLevel | None
) -> dict[VertebralLevel, Collapse]:
    """Old fractures away from ``spared``, and depressions of the bodies that stayed whole."""
    broken = _broken(individual)
    old = draw_healed_fractures(individual, recipe.disease, spared | broken)
    taken = {*old, *broken, index}
    intact = [p.level for p in individual.vertebrae[:-1] if p.level not in taken]
    return draw_depressions(individual, recipe.disease.depression, intact) | old


def _adjacent_fracture(
    individual: Individual, recipe: Recipe, operation: Operation, before: Mapping[VertebralLevel, Collapse]
) -> dict[VertebralLevel, Collapse]:
    """A new fracture next to the construct, more often above it; a body with an old one keeps that."""
    rng = np.random.default_rng([individual.seed, 48])
    levels = [p.level for p in individual.vertebrae[:-1]]
    held = operation.screws or (operation.index_level,)
    above, below = levels.index(held[0]) - 1, levels.index(held[-1]) + 1
    draw, where = rng.random(), above if rng.random() < 0.6 else below
    if draw >= recipe.operation.adjacent_fracture or not 0 <= where < len(levels):
        return {}
    had = before.get(levels[where])
    if levels[where] in _broken(individual) or (had is not None and had.kind is not None):
        return {}
    kind = draw_kind(recipe.disease, rng)
    return {levels[where]: draw_fracture(kind, *draw_loss(kind, rng), recipe.disease, rng)}


def _settled(individual: Individual, bodies: Mapping[VertebralLevel, Collapse]) -> Angles:
    return _sum(*(settle(individual, level, c) for level, c in bodies.items() if c.kind is not None))


def _assume(state: State, individual: Individual, rng: np.random.Generator) -> State:
    """The state with the angles of its posture."""
    levels = [p.level for p in individual.vertebrae]
    angles = posture_angles(levels, state.posture, state.stiff(individual) | _held(state, levels), rng)
    return replace(state, kink_deg=_sum(state.kink_deg, angles))


def _held(state: State, levels: list[VertebralLevel]) -> set[VertebralLevel]:
    """The joints about an injured level: how they follow a posture stands in the targets."""
    if state.index_level is None:
        return set()
    at = levels.index(state.index_level)
    return {levels[at - 1], levels[at]}


def _sum(*angles: Mapping[VertebralLevel, float]) -> Angles:
    out: Angles = {}
    for some in angles:
        for level, angle in some.items():
            out[level] = out.get(level, 0.0) + angle
    return out
