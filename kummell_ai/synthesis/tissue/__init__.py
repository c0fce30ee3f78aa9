"""Soft tissue in front of, behind and around the spine, as water-equivalent thickness (mm) at every pixel.

Procedural (`trunk`, `lungs`, `bowel`, `aorta`, `limbs`, `folds`) or from CT (`ct_background`); each ingredient is there
in its share of films that the recipe names.
"""

from kummell_ai.synthesis.tissue.assemble import soft_tissue
from kummell_ai.synthesis.tissue.noise import Map, fractal_noise, noise_map
from kummell_ai.synthesis.tissue.scene import Scene, make_scene

__all__ = ["Map", "Scene", "fractal_noise", "make_scene", "noise_map", "soft_tissue"]
