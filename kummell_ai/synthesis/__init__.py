"""Physically simulated lateral radiographs with exact truth."""

from kummell_ai.synthesis.case import SimulatedCase, SimulatedFilm, generate_case, generate_film
from kummell_ai.synthesis.dataset import write_dataset
from kummell_ai.synthesis.recipe import Recipe, load_recipe

__all__ = ["Recipe", "SimulatedCase", "SimulatedFilm", "generate_case", "generate_film", "load_recipe", "write_dataset"]
