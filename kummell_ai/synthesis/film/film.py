"""From path lengths to a finished film: collimator and lead in the beam, detector, display chain, archive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kummell_ai.synthesis.film.archive import Archive, draw_archive, keep
from kummell_ai.synthesis.film.collimation import Blades, draw_blades, opening
from kummell_ai.synthesis.film.detector import Detector, Exposure, detect, draw_detector, present
from kummell_ai.synthesis.film.display import Display, draw_display, scaled, show
from kummell_ai.synthesis.film.film_marks import Mark, draw_lead, stop_beam
from kummell_ai.synthesis.recipe import FilmRecipe

Map = NDArray[np.float32]
BLADE_LEAK = 0.0001  # of the exposure of tissue, through collimator blades


@dataclass(frozen=True, slots=True)
class FilmPlan:
    """Everything drawn for one film; what is absent is None or empty.

    Attributes:
        exposure: tube, pixel and magnification.
        detector: with scatter, grid, noise and blur.
        blades: of the collimator.
        lead: markers in the beam.
        display: chain, or None for the plain log exposure.
        archive: what was done to the film afterwards.
    """

    exposure: Exposure
    detector: Detector
    blades: Blades | None
    lead: tuple[Mark, ...]
    display: Display | None
    archive: Archive


def plan_film(
    shape: tuple[int, int], exposure: Exposure, recipe: FilmRecipe, rng: np.random.Generator, spare: Map | None = None
) -> FilmPlan:
    """Draw a film; every part has a stream of its own, so that leaving one out of the recipe moves no other.

    Args:
        shape: (rows, columns).
        exposure: tube, pixel and magnification.
        recipe: shares of the ingredients.
        rng: source of randomness.
        spare: (N, 2) points (px) that no edge, marker or text may cover (the visible corners), or None.
    """
    of_detector, of_blades, of_lead, of_display, of_archive = (
        np.random.default_rng([int(seed)]) for seed in rng.integers(2**62, size=5)
    )
    # without points to spare, edges stay near the border
    reach = (0.07, 0.04) if spare is None else (0.3, 0.15)
    return FilmPlan(
        exposure,
        draw_detector(recipe, exposure, of_detector),
        draw_blades(shape, reach, (0.65, 0.5), spare, of_blades) if present(recipe.collimation, of_blades) else None,
        draw_lead(shape, exposure.pixel_mm, spare, of_lead) if present(recipe.markers, of_lead) else (),
        draw_display(of_display) if present(recipe.display, of_display) else None,
        draw_archive(recipe, shape, spare, of_archive),
    )


def develop(lengths_mm: Mapping[str, Map], plan: FilmPlan, after_display: Callable[[Map], Map] | None = None) -> Map:
    """The film of a plan, (rows, columns) float32 in [0, 1], without randomness.

    Args:
        lengths_mm: path length (mm) in each material, (rows, columns).
        plan: what `plan_film` drew.
        after_display: applied to the shown film before it goes to the archive, or None.
    """
    shape = next(iter(lengths_mm.values())).shape
    field = opening(plan.blades, shape) if plan.blades is not None else None
    beam = None
    if field is not None or plan.lead:
        beam = np.ones(shape, np.float32) if field is None else field * np.float32(1.0 - BLADE_LEAK) + BLADE_LEAK
        stop_beam(beam, plan.lead)
    seen = detect(lengths_mm, plan.exposure, plan.detector, beam)
    chain = plan.display
    shown = scaled(seen, beam) if chain is None else show(seen, chain, plan.exposure.pixel_mm, beam)
    return keep(shown if after_display is None else after_display(shown), plan.archive, field)


def take_film(
    lengths_mm: Mapping[str, Map],
    exposure: Exposure,
    recipe: FilmRecipe,
    rng: np.random.Generator,
    spare: Map | None = None,
    after_display: Callable[[Map], Map] | None = None,
) -> Map:
    """Draw and develop a film: see `plan_film` and `develop`."""
    shape = next(iter(lengths_mm.values())).shape
    return develop(lengths_mm, plan_film(shape, exposure, recipe, rng, spare), after_display)
