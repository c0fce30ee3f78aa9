"""Simulated patients and single training films with exact truth."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kummell_ai.anatomy import Facing, Phase, VertebralLevel
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.frames import FloatArray, ScaleShift
from kummell_ai.imaging.radiograph import Calibration, ImageReference, PixelSpacing
from kummell_ai.synthesis.anatomy_model import Individual, TemplateBank, sample_individual
from kummell_ai.synthesis.course import State, sample_course, sample_untreated
from kummell_ai.synthesis.exposure import Setting, draw_setting, expose, visible_corners
from kummell_ai.synthesis.fracture import Collapse
from kummell_ai.synthesis.posture import PosedVertebra, stack_spine
from kummell_ai.synthesis.recipe import FIELDS_OF_VIEW, Recipe

FRACTURED_FROM = 0.2
"""Share of anterior or middle height lost from which a body is called fractured."""


@dataclass(frozen=True, slots=True)
class SimulatedFilm:
    """One film and its truth.

    Attributes:
        pixels: (H, W) float32 in [0, 1], bone bright.
        landmarks: corners in film px, with levels, flags and facing.
        spacing: pixel size at the patient (mm), magnification divided out.
        phase, acquired: of the film.
        frontal: whether this is a frontal view (then there are no landmarks).
        corners_mm: (4, 3) truth corners in the patient frame by level (mm), whether in view or not.
    """

    pixels: NDArray[np.float32]
    landmarks: SpineLandmarks
    spacing: PixelSpacing
    phase: Phase
    acquired: dt.datetime
    frontal: bool
    corners_mm: Mapping[VertebralLevel, FloatArray]


@dataclass(frozen=True, slots=True)
class SimulatedCase:
    """One simulated patient: films in order of time.

    Attributes:
        patient_id: made from the seed.
        index_level: the injured vertebra.
        films: pre-op, post-op, follow-up.
    """

    patient_id: str
    index_level: VertebralLevel
    films: tuple[SimulatedFilm, ...]


OWN_VARIANTS = 12
"""How many individuals the project's own bones are modelled after; a patient takes the one its seed falls on."""


@functools.cache
def _outside_bank(templates: str) -> TemplateBank:
    from kummell_ai.synthesis.template_bank import load_templates

    return load_templates(Path(templates))


@functools.cache
def _own_bank(variant: int) -> TemplateBank:
    from kummell_ai.synthesis.procedural import procedural_templates

    return procedural_templates(np.random.default_rng([11, variant]))


def banks_of(recipe: Recipe, seed: int) -> tuple[TemplateBank, ...]:
    """Template banks for the patient of ``seed``, outside templates first.

    Raises:
        ConfigError: the folder of templates cannot be used.
    """
    banks = [_outside_bank(folder) for folder in recipe.templates]
    if recipe.own_bones or not banks:
        banks.append(_own_bank(seed % OWN_VARIANTS))
    return tuple(banks)


def _posture(individual: Individual, state: State, rng: np.random.Generator) -> tuple[PosedVertebra, ...]:
    fixed = set()
    if state.screws:
        fixed = {p.level for p in individual.vertebrae if state.screws[0] <= p.level < state.screws[-1]}
    extra = {p.level: rng.normal(0.0, 0.25 if p.level in fixed else 1.4) for p in individual.vertebrae}
    for level, kink in state.kink_deg.items():
        extra[level] = extra.get(level, 0.0) + kink
    return stack_spine(individual, state.fractures, extra, rng.normal(-5.0, 8.5))


def _flags(vertebra: PosedVertebra, state: State) -> frozenset[str]:
    flags = set()
    if any(_is_fracture(c) for c in vertebra.collapses):
        flags.add("fractured")
    if vertebra.level in state.screws:
        flags.add("instrumented")
    if vertebra.level in state.cemented:
        flags.add("cemented")
    return frozenset(flags)


def _is_fracture(collapse: Collapse) -> bool:
    middle = collapse.middle + 0.5 * (collapse.anterior + collapse.posterior)
    return max(collapse.anterior, middle) >= FRACTURED_FROM


def _landmarks(
    spine: Sequence[PosedVertebra], state: State, setting: Setting, frame: ScaleShift, name: str, facing: Facing
) -> SpineLandmarks:
    vertebrae = []
    for vertebra in spine:
        points = visible_corners(vertebra, setting)
        if np.isfinite(points).any():
            vertebrae.append(VertebraLandmarks(frame.apply(points), vertebra.level, 1.0, flags=_flags(vertebra, state)))
    return SpineLandmarks(tuple(vertebrae), ImageReference(name, simulated=True), facing, 1.0)


def _film(
    individual: Individual,
    state: State,
    recipe: Recipe,
    rng: np.random.Generator,
    acquired: dt.datetime,
    frontal: bool = False,
    field: str | None = None,
) -> SimulatedFilm:
    spine = _posture(individual, state, rng)
    cols = round(recipe.rows * rng.uniform(recipe.aspect_low, recipe.aspect_high))
    weights = np.array([getattr(recipe, name) for name in FIELDS_OF_VIEW])
    drawn = str(rng.choice(FIELDS_OF_VIEW, p=weights / weights.sum()))
    setting = draw_setting(spine, field or drawn, state.index_level, (recipe.rows, cols), frontal, rng)
    pixels = expose(individual, state, spine, setting, recipe, rng)
    right = bool(rng.random() < recipe.right_facing)
    frame = ScaleShift.mirror(float(cols)) if right else ScaleShift.identity()
    facing = Facing.UNKNOWN if frontal else Facing.RIGHT if right else Facing.LEFT
    name = f"SIM{individual.seed:08d}-{state.phase.value}"
    empty = SpineLandmarks((), ImageReference(name, simulated=True), facing, 0.0)
    return SimulatedFilm(
        pixels=np.ascontiguousarray(pixels[:, ::-1]) if right else pixels,
        landmarks=empty if frontal else _landmarks(spine, state, setting, frame, name, facing),
        spacing=PixelSpacing(setting.beam.pixel_mm, setting.beam.pixel_mm, Calibration.GEOMETRY, setting.magnification),
        phase=state.phase,
        acquired=acquired,
        frontal=frontal,
        corners_mm={v.level: v.corners_mm for v in spine},
    )


def generate_case(seed: int, recipe: Recipe) -> SimulatedCase:
    """The patient of ``seed`` before surgery, after it and at follow-up."""
    individual = sample_individual(seed, banks_of(recipe, seed))
    states = sample_course(individual)
    rng = np.random.default_rng([seed, 8])
    day = dt.datetime(2020, 1, 1, 9, 0) + dt.timedelta(days=int(rng.integers(0, 1200)))
    days = (0, int(rng.integers(2, 9)), int(rng.integers(360, 1000)))
    field = None if recipe.narrow > 0.9 else str(rng.choice(["lumbar", "thoracolumbar"]))
    films = []
    for k, state in enumerate(states):
        acquired = day + dt.timedelta(days=days[k], minutes=int(rng.integers(0, 400)))
        films.append(_film(individual, state, recipe, np.random.default_rng([seed, 9, k]), acquired, field=field))
    index = states[0].index_level
    assert index is not None  # every course has one
    return SimulatedCase(f"SIM{seed:08d}", index, tuple(films))


def generate_film(seed: int, recipe: Recipe) -> SimulatedFilm:
    """A single film for training, another patient for every seed."""
    individual = sample_individual(seed, banks_of(recipe, seed))
    rng = np.random.default_rng([seed, 10])
    if rng.random() < recipe.operated:
        course, after = sample_course(individual, operated=bool(rng.random() < 0.85)), recipe.operation.after
        state = course[int(rng.choice(3, p=[1.0 - after, 0.5 * after, 0.5 * after]))]
    else:
        state = sample_untreated(individual)
    frontal = bool(rng.random() < recipe.frontal)
    return _film(individual, state, recipe, rng, dt.datetime(2020, 1, 1), frontal)
