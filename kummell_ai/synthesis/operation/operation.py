"""What was done in an operation, drawn once for a patient: the same screws, rods and cement on every later film."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.synthesis.disease.fracture import Collapse
from kummell_ai.synthesis.recipe import OperationRecipe

LEFT_SIDE, RIGHT_SIDE = 1.0, -1.0

CAGE_KINDS = ("interbody", "mesh", "expandable")
"""A spacer with markers in a disc space; a mesh tube, or an expandable device, in the place of the injured body."""

LEAK_KINDS = ("disc", "anterior", "epidural", "vein", "tract")
"""Into a disc, before the body, into the canal, into segmental veins, along the pedicle."""


@dataclass(frozen=True, slots=True)
class HardwareStyle:
    """The surgeon's system and habits, one set a patient (mm unless said otherwise).

    Attributes:
        screw_radius, screw_pitch, thread: outer radius, distance of turns, depth of the thread.
        reach: how far the tip goes into the body, as a share of its depth; above 1 it pierces the front.
        rise: height of the tip, as a share of half the body's height.
        converge: share of its distance from the mid-line that a screw loses on its way to the tip.
        head_gap: distance of the head's foot from the bone's entry point.
        head_radius, head_height: of the tulip.
        rod_radius, overhang: of the rods; overhang at each end (2,).
        cobalt: whether rods are of cobalt-chrome.
        tabs: height of the long tabs of percutaneous heads during the operation, 0 without.
    """

    screw_radius: float
    screw_pitch: float
    thread: float
    reach: float
    rise: float
    converge: float
    head_gap: float
    head_radius: float
    head_height: float
    rod_radius: float
    overhang: tuple[float, float]
    cobalt: bool
    tabs: float


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    Attributes:
        index_level: the injured vertebra.
        screws: levels with pedicle screws, cranial to caudal; empty for cement alone.
        cemented: levels with cement in the body, cranial to caudal.
        left_only, right_only: levels of ``screws`` with a screw on one side only.
        fenestrated: whether cement went through the screws.
        cross_link: whether a bar joins the rods.
        cage: one of `CAGE_KINDS`, or None.
        leaks: (level, one of `LEAK_KINDS`) of cement outside its body.
        void: whether the cement of the injured body holds the cavity of a balloon.
        loose: (level, side) of screws with a halo at follow-up.
        halo_mm: width of that halo (mm).
        fill: cement in the injured body as a share of a usual filling.
        cement: what it is made of, a key of `attenuation.ATTENUATION_PER_MM`.
        style: of the hardware; None without screws.
        seed: of the details of shapes.
        bed: collapse of the injured body when its cement set, which keeps that shape; None lets it follow the body.
    """

    index_level: VertebralLevel
    screws: tuple[VertebralLevel, ...]
    cemented: tuple[VertebralLevel, ...]
    left_only: tuple[VertebralLevel, ...]
    right_only: tuple[VertebralLevel, ...]
    fenestrated: bool
    cross_link: bool
    cage: str | None
    leaks: tuple[tuple[VertebralLevel, str], ...]
    void: bool
    loose: tuple[tuple[VertebralLevel, float], ...]
    halo_mm: float
    fill: float
    cement: str
    style: HardwareStyle | None
    seed: int
    bed: Collapse | None = None

    def sides(self, level: VertebralLevel) -> tuple[float, ...]:
        """Sides (+1 left, -1 right) with a screw at ``level``."""
        if level not in self.screws:
            return ()
        return tuple(
            side for side, other in ((LEFT_SIDE, self.right_only), (RIGHT_SIDE, self.left_only)) if level not in other
        )


def sample_operation(
    index: VertebralLevel, levels: Sequence[VertebralLevel], recipe: OperationRecipe, rng: np.random.Generator
) -> Operation:
    """Draw the operation of a patient with an injured vertebra ``index``.

    Args:
        index: the injured vertebra.
        levels: the patient's own vertebrae, cranial to caudal, without S1.
        recipe: shares.
        rng: source of all that is drawn here.

    Raises:
        ValueError: ``index`` is none of ``levels``.
    """
    if index not in levels:
        raise ValueError(f"the injured level {index} is none of the patient's {', '.join(map(str, levels))}")
    construct = rng.random() >= recipe.vertebroplasty
    screws, single = _screw_levels(index, levels, recipe, rng)
    one_side = _chosen(single, rng)
    whole_side = rng.random() < recipe.unilateral
    if not construct:
        screws, one_side = (), ((), ())
    elif whole_side:
        one_side = (screws, ()) if rng.random() < 0.5 else ((), screws)
    cage = str(rng.choice(CAGE_KINDS)) if rng.random() < recipe.cages and construct else None
    if cage in ("mesh", "expandable"):  # it stands where the screws of that level would go
        screws, one_side = _without(index, screws), (_without(index, one_side[0]), _without(index, one_side[1]))
    fenestrated = bool(rng.random() < recipe.fenestrated) and construct
    cemented = _cemented(index, screws, fenestrated, cage, rng)
    draft = Operation(
        index_level=index,
        screws=screws,
        cemented=cemented,
        left_only=one_side[0],
        right_only=one_side[1],
        fenestrated=fenestrated,
        cross_link=bool(rng.random() < recipe.cross_links) and construct and not whole_side,
        cage=cage,
        leaks=_leaks(cemented, index, recipe, rng),
        void=bool(rng.random() < recipe.voids) and index in cemented,
        loose=(),
        halo_mm=float(rng.uniform(0.7, 2.2)),
        fill=float(np.clip(rng.lognormal(0.0, 0.3), 0.45, 1.7)),
        cement="cement_zirconia" if rng.random() < 0.25 else "cement",
        style=_style(rng) if construct else None,
        seed=int(rng.integers(2**31)),
    )
    return _loosened(draft, recipe, rng)


def _screw_levels(
    index: VertebralLevel, levels: Sequence[VertebralLevel], recipe: OperationRecipe, rng: np.random.Generator
) -> tuple[tuple[VertebralLevel, ...], tuple[VertebralLevel, ...]]:
    """Levels with screws, and those of them with a screw on one side only."""
    at = list(levels).index(index)
    reach = 2 if rng.random() < recipe.long else 1
    chosen = {max(at - reach, 0), min(at + reach, len(levels) - 1)} - {at}
    if reach == 2 and rng.random() < 0.75:
        chosen |= {k for k in (at - 1, at + 1) if 0 <= k < len(levels)}
    single: tuple[VertebralLevel, ...] = ()
    if rng.random() < recipe.index_screws:
        chosen.add(at)
        single = (index,) if rng.random() < 0.5 else ()
    return tuple(levels[k] for k in sorted(chosen)), single


def _without(level: VertebralLevel, levels: tuple[VertebralLevel, ...]) -> tuple[VertebralLevel, ...]:
    return tuple(other for other in levels if other is not level)


def _chosen(
    single: tuple[VertebralLevel, ...], rng: np.random.Generator
) -> tuple[tuple[VertebralLevel, ...], tuple[VertebralLevel, ...]]:
    return (single, ()) if rng.random() < 0.5 else ((), single)


def _cemented(
    index: VertebralLevel,
    screws: tuple[VertebralLevel, ...],
    fenestrated: bool,
    cage: str | None,
    rng: np.random.Generator,
) -> tuple[VertebralLevel, ...]:
    body = not screws or rng.random() < 0.9
    out = {index} if body and cage is None else set()
    draws = rng.random(len(screws))
    if fenestrated:
        out |= {
            level for level, draw in zip(screws, draws, strict=True) if draw < 0.92 and (level is not index or not cage)
        }
    return tuple(sorted(out))


def _leaks(
    cemented: tuple[VertebralLevel, ...], index: VertebralLevel, recipe: OperationRecipe, rng: np.random.Generator
) -> tuple[tuple[VertebralLevel, str], ...]:
    found = []
    for level in cemented:
        weights = [0.45, 0.2, 0.12, 0.13, 0.1] if level is index else [0.08, 0.2, 0.22, 0.35, 0.15]
        for share in (recipe.leaks, 0.35 * recipe.leaks):
            kind = str(rng.choice(LEAK_KINDS, p=weights))
            if rng.random() < share:
                found.append((level, kind))
    return tuple(found)


def _style(rng: np.random.Generator) -> HardwareStyle:
    bicortical = rng.random() < 0.1
    percutaneous = rng.random() < 0.25
    return HardwareStyle(
        screw_radius=float(rng.choice([2.25, 2.5, 2.75, 3.0, 3.25, 3.6], p=[0.05, 0.1, 0.25, 0.35, 0.2, 0.05])),
        screw_pitch=float(rng.uniform(2.0, 3.2)),
        thread=float(rng.uniform(0.6, 1.1)),
        reach=float(rng.uniform(1.0, 1.1) if bicortical else rng.uniform(0.62, 0.92)),
        rise=float(rng.uniform(-0.15, 0.4)),
        converge=float(rng.uniform(0.3, 0.75)),
        head_gap=float(rng.uniform(-1.0, 4.0)),
        head_radius=float(rng.uniform(5.6, 7.2)),
        head_height=float(rng.uniform(12.5, 17.5)),
        rod_radius=0.5 * float(rng.choice([4.5, 5.0, 5.5, 6.0, 6.35], p=[0.06, 0.14, 0.5, 0.2, 0.1])),
        overhang=(float(rng.uniform(3.0, 14.0)), float(rng.uniform(3.0, 14.0))),
        cobalt=bool(rng.random() < 0.15),
        tabs=float(rng.uniform(55.0, 110.0)) if percutaneous else 0.0,
    )


def _loosened(operation: Operation, recipe: OperationRecipe, rng: np.random.Generator) -> Operation:
    draw, lower, both = rng.random(), rng.random() < 0.6, rng.random() < 0.7
    if draw >= recipe.loosening or not operation.screws:
        return operation
    level = operation.screws[-1 if lower else 0]
    sides = operation.sides(level)
    return replace(operation, loose=tuple((level, side) for side in (sides if both else sides[:1])))
