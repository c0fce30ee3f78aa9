"""Simulated patients and single training films with exact truth."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kummell_ai.anatomy import Facing, Phase, VertebralLandmark, VertebralLevel
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.frames import FloatArray, ScaleShift
from kummell_ai.imaging.radiograph import Calibration, ImageReference, PixelSpacing
from kummell_ai.synthesis.anatomy.anatomy_model import Individual, TemplateBank, sample_individual
from kummell_ai.synthesis.disease.course import State, pose, sample_course, sample_untreated
from kummell_ai.synthesis.disease.posture import PosedVertebra
from kummell_ai.synthesis.exposure import Exposed, Setting, draw_setting, expose
from kummell_ai.synthesis.masks import Mask, hidden_points, material_mask
from kummell_ai.synthesis.recipe import FIELDS_OF_VIEW, Recipe
from kummell_ai.synthesis.truth import VertebraTruth, exposure_geometry, vertebra_truth


@dataclass(frozen=True, slots=True)
class SimulatedFilm:
    """One film and its truth.

    Attributes:
        pixels: (H, W) float32 in [0, 1], bone bright.
        landmarks: six points a vertebra in film px, with levels, flags, hidden points and facing; empty for a frontal
            view.
        vertebrae: truth of every vertebra of the patient, on the film or not.
        spacing: pixel size at the patient (mm), magnification divided out.
        phase, acquired: of the film.
        frontal: whether this is a frontal view.
        index_level: injured vertebra, or None.
        screws: instrumented levels, cranial to caudal.
        posture: how the patient stood, sat or lay, see `stance.Posture`.
        field: field of view, one of `recipe.FIELDS_OF_VIEW`, or ``frontal``.
        geometry: of the exposure, as `truth.exposure_geometry` gives it.
        mask: (H, W) metal and cement, see `masks`.
    """

    pixels: NDArray[np.float32]
    landmarks: SpineLandmarks
    vertebrae: tuple[VertebraTruth, ...]
    spacing: PixelSpacing
    phase: Phase
    acquired: dt.datetime
    frontal: bool
    index_level: VertebralLevel | None
    screws: tuple[VertebralLevel, ...]
    posture: str
    field: str
    geometry: Mapping[str, Any]
    mask: Mask

    @property
    def points_mm(self) -> dict[VertebralLevel, FloatArray]:
        """True points (6, 3) in the patient frame by level (mm), on the film or not."""
        return {v.level: v.points_mm for v in self.vertebrae}

    @property
    def corners_mm(self) -> dict[VertebralLevel, FloatArray]:
        """True corners (4, 3) in the patient frame by level (mm), on the film or not."""
        return {v.level: v.points_mm[:4] for v in self.vertebrae}

    @property
    def fractured(self) -> frozenset[VertebralLevel]:
        """Levels that cannot serve as a height reference."""
        return frozenset(v.level for v in self.vertebrae if "fractured" in v.flags)


@dataclass(frozen=True, slots=True)
class SimulatedCase:
    """One simulated patient: films in order of time.

    Attributes:
        seed: of the patient.
        patient_id: made from the seed.
        index_level: the injured vertebra.
        films: pre-op, post-op, follow-up.
    """

    seed: int
    patient_id: str
    index_level: VertebralLevel
    films: tuple[SimulatedFilm, ...]


OWN_VARIANTS = 12
"""How many individuals the project's own bones are modelled after; a patient takes the one its seed falls on."""


@functools.cache
def _outside_banks(templates: str) -> tuple[TemplateBank, ...]:
    from kummell_ai.synthesis.anatomy.template_bank import find_individuals, load_templates

    return tuple(load_templates(path) for path in find_individuals(Path(templates)))


@functools.cache
def _own_bank(variant: int) -> TemplateBank:
    from kummell_ai.synthesis.anatomy.procedural import procedural_templates

    return procedural_templates(np.random.default_rng([11, variant]))


def banks_of(recipe: Recipe, seed: int) -> tuple[TemplateBank, ...]:
    """Template banks for the patient of ``seed``, outside templates first.

    Raises:
        ConfigError: the folder of templates cannot be used.
    """
    banks = [bank for folder in recipe.templates for bank in _outside_banks(folder)]
    if not banks:  # a second one of the project's own, to blend the first with
        banks.append(_own_bank(seed // OWN_VARIANTS % OWN_VARIANTS))
    if recipe.own_bones or not recipe.templates:
        banks.append(_own_bank(seed % OWN_VARIANTS))
    return tuple(banks)


def _flags(vertebra: PosedVertebra, state: State) -> frozenset[str]:
    flags = set()
    if vertebra.plan.template.fractured or any(collapse.kind for collapse in vertebra.collapses):
        flags.add("fractured")
    if vertebra.level in state.screws:
        flags.add("instrumented")
    if vertebra.level in state.cemented:
        flags.add("cemented")
    return frozenset(flags)


def _truth(
    spine: Sequence[PosedVertebra], state: State, setting: Setting, frame: ScaleShift
) -> tuple[VertebraTruth, ...]:
    vertebrae = []
    for vertebra in spine:
        kinds = [collapse.kind.value for collapse in vertebra.collapses if collapse.kind]
        kind = kinds[-1] if kinds else None
        vertebrae.append(vertebra_truth(vertebra, setting, frame, _flags(vertebra, state), kind))
    return tuple(vertebrae)


def _on_film(vertebra: VertebraTruth, exposed: Exposed) -> VertebraLandmarks | None:
    """The vertebra's points on the film, or None when none is."""
    rows, columns = exposed.pixels.shape
    points = vertebra.points_px.copy()
    points[~((points >= 0.0) & (points <= [columns, rows])).all(axis=1)] = np.nan
    if not np.isfinite(points[:4]).any():
        return None
    hidden = np.flatnonzero(hidden_points(points, exposed.lengths, exposed.pixels))
    covered = frozenset(VertebralLandmark(int(k)) for k in hidden)
    return VertebraLandmarks(points, vertebra.level, 1.0, flags=vertebra.flags, hidden=covered)


def _film(
    individual: Individual,
    state: State,
    recipe: Recipe,
    rng: np.random.Generator,
    acquired: dt.datetime,
    frontal: bool = False,
) -> SimulatedFilm:
    """One film of a patient: posture, field of view, distances, exposure, display and facing are its own."""
    spine = pose(individual, state, rng)
    shape = recipe.rows, round(recipe.rows * rng.uniform(recipe.aspect_low, recipe.aspect_high))
    weights = np.array([getattr(recipe, name) for name in FIELDS_OF_VIEW])
    field = str(rng.choice(FIELDS_OF_VIEW, p=weights / weights.sum()))
    right = bool(rng.random() < recipe.right_facing)
    setting = draw_setting(spine, field, state.index_level, shape, frontal, rng)
    frame = ScaleShift.mirror(float(shape[1])) if right else ScaleShift.identity()
    exposed = expose(individual, state, spine, setting, recipe, rng, frame)
    vertebrae = _truth(spine, state, setting, frame)
    found = [] if frontal else [_on_film(v, exposed) for v in vertebrae]
    facing = Facing.UNKNOWN if frontal else Facing.RIGHT if right else Facing.LEFT
    reference = ImageReference(f"SIM{individual.seed:08d}-{state.phase.value}", simulated=True)
    return SimulatedFilm(
        pixels=exposed.pixels,
        landmarks=SpineLandmarks(tuple(v for v in found if v), reference, facing, 0.0 if frontal else 1.0),
        vertebrae=vertebrae,
        spacing=PixelSpacing(setting.beam.pixel_mm, setting.beam.pixel_mm, Calibration.GEOMETRY, setting.magnification),
        phase=state.phase,
        acquired=acquired,
        frontal=frontal,
        index_level=state.index_level,
        screws=state.screws,
        posture=state.posture.value,
        field="frontal" if frontal else field,
        geometry=exposure_geometry(setting, frame),
        mask=material_mask(exposed.lengths, shape),
    )


def generate_case(seed: int, recipe: Recipe) -> SimulatedCase:
    """The patient of ``seed`` before surgery, after it and at follow-up."""
    individual = sample_individual(seed, banks_of(recipe, seed), recipe.anatomy)
    states = sample_course(individual, recipe)
    rng = np.random.default_rng([seed, 8])
    day = dt.datetime(2020, 1, 1, 9, 0) + dt.timedelta(days=int(rng.integers(0, 1200)))
    days = (0, int(rng.integers(2, 9)), int(rng.integers(360, 1000)))
    films = []
    for k, state in enumerate(states):
        acquired = day + dt.timedelta(days=days[k], minutes=int(rng.integers(0, 400)))
        films.append(_film(individual, state, recipe, np.random.default_rng([seed, 9, k]), acquired))
    index = states[0].index_level
    assert index is not None  # every course has one
    return SimulatedCase(seed, f"SIM{seed:08d}", index, tuple(films))


def generate_film(seed: int, recipe: Recipe) -> SimulatedFilm:
    """A single film for training, another patient for every seed."""
    individual = sample_individual(seed, banks_of(recipe, seed), recipe.anatomy)
    rng = np.random.default_rng([seed, 10])
    if rng.random() < recipe.operated:
        after = recipe.operation.after
        state = sample_course(individual, recipe)[int(rng.choice(3, p=[1.0 - after, 0.5 * after, 0.5 * after]))]
    else:
        state = sample_untreated(individual, recipe)
    frontal = bool(rng.random() < recipe.frontal)
    return _film(individual, state, recipe, rng, dt.datetime(2020, 1, 1), frontal)
