"""How one individual's bones differ from the typical ones: drawn first, then applied without randomness."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.random import Generator

from kummell_ai.synthesis.anatomy.bones import FloatArray
from kummell_ai.synthesis.anatomy.procedural.levels import PROCEDURAL_LEVELS
from kummell_ai.synthesis.anatomy.procedural.vertebra import VertebraShape

TYPICAL_RIM_MM = 3.4


@dataclass(frozen=True, slots=True)
class Individual:
    """Factors and offsets on the typical bones; the defaults are the typical individual.

    Attributes:
        size: factor on every length.
        depth, width, height: factors on the bodies.
        spinous, articular, transverse, pedicle: factors on the reach of the processes and the pedicles' height.
        waist, hollow, notch: factors on the hollows of the bodies.
        rim_mm: rounding of the endplates' edges.
        sacral_curve: bend of the sacrum's lower end, 0 typical, forward positive (per 100 mm).
        level_size: (levels, 3) factors on depth, width and height of single levels.
        wedge_mm: (levels,) added to the anterior and taken off the posterior height, by half each.
        droop_deg: (levels,) turn of the spinous process, downward positive.
        lean_mm: (levels,) shift of the spinous process's tip to the left.
    """

    size: float = 1.0
    depth: float = 1.0
    width: float = 1.0
    height: float = 1.0
    spinous: float = 1.0
    articular: float = 1.0
    transverse: float = 1.0
    pedicle: float = 1.0
    waist: float = 1.0
    hollow: float = 1.0
    notch: float = 1.0
    rim_mm: float = TYPICAL_RIM_MM
    sacral_curve: float = 0.0
    level_size: FloatArray = field(default_factory=lambda: np.ones((len(PROCEDURAL_LEVELS), 3)))
    wedge_mm: FloatArray = field(default_factory=lambda: np.zeros(len(PROCEDURAL_LEVELS)))
    droop_deg: FloatArray = field(default_factory=lambda: np.zeros(len(PROCEDURAL_LEVELS)))
    lean_mm: FloatArray = field(default_factory=lambda: np.zeros(len(PROCEDURAL_LEVELS)))


def draw_individual(rng: Generator) -> Individual:
    """An individual of either sex; sizes spread by about 7 %, proportions by 4 to 10 %."""
    count = len(PROCEDURAL_LEVELS)

    def factor(spread: float) -> float:
        return float(np.exp(np.clip(rng.normal(), -2.2, 2.2) * spread))

    return Individual(
        size=factor(0.07),
        depth=factor(0.04),
        width=factor(0.04),
        height=factor(0.045),
        spinous=factor(0.09),
        articular=factor(0.07),
        transverse=factor(0.08),
        pedicle=factor(0.07),
        waist=factor(0.25),
        hollow=factor(0.35),
        notch=factor(0.3),
        rim_mm=float(rng.uniform(2.4, 4.8)),
        sacral_curve=0.06 * float(np.clip(rng.normal(), -2.0, 2.0)),
        level_size=np.exp(rng.normal(0.0, 0.018, (count, 3)).clip(-0.04, 0.04)),
        wedge_mm=rng.normal(0.0, 0.5, count).clip(-1.2, 1.2),
        droop_deg=rng.normal(0.0, 4.0) + rng.normal(0.0, 3.0, count),
        lean_mm=rng.normal(0.0, 1.5, count).clip(-4.0, 4.0),
    )


def vary(shape: VertebraShape, person: Individual) -> VertebraShape:
    """The vertebra of this individual."""
    i = PROCEDURAL_LEVELS.index(shape.level)
    deep, wide, high = person.size * np.array([person.depth, person.width, person.height]) * person.level_size[i]
    body, posterior, size = shape.body, shape.posterior, person.size
    wedge = 0.5 * float(person.wedge_mm[i])
    new_body = replace(
        body,
        depths=(body.depths[0] * deep, body.depths[1] * deep),
        widths=(body.widths[0] * wide, body.widths[1] * wide),
        anterior_height=body.anterior_height * high + wedge,
        posterior_height=body.posterior_height * high - wedge,
        waist=body.waist * person.waist,
        hollows=(body.hollows[0] * person.hollow * size, body.hollows[1] * person.hollow * size),
        notch=body.notch * person.notch * size,
        rim_mm=body.rim_mm * person.rim_mm / TYPICAL_RIM_MM,
    )
    scale_y = size * person.width
    transverse = posterior.transverse * size
    transverse[4:7] = transverse[:3] + person.transverse * (transverse[4:7] - transverse[:3])
    pedicle = posterior.pedicle * np.array([high, high, size, scale_y])
    pedicle[0] = pedicle[1] - person.pedicle * (pedicle[1] - pedicle[0])
    new_posterior = replace(
        posterior,
        spinous=_spinous(posterior.spinous * size, person.spinous, float(person.droop_deg[i])),
        pillar=posterior.pillar * size * np.array([1.0, person.articular * person.height]),
        pillar_y=posterior.pillar_y * scale_y,
        pillar_half=posterior.pillar_half * size,
        pedicle=pedicle,
        transverse=transverse,
        lamina=posterior.lamina * np.array([size, size, size, 1.0]),
        spinous_half=posterior.spinous_half * size,
    )
    return replace(shape, body=new_body, posterior=new_posterior, lean_mm=float(person.lean_mm[i]))


def _spinous(outline: FloatArray, reach: float, droop_deg: float) -> FloatArray:
    """The spinous outline stretched by ``reach`` and turned downward about its root."""
    root = 0.5 * (outline[0] + outline[-1])
    angle = np.radians(droop_deg)
    c, s = np.cos(angle), np.sin(angle)
    turned: FloatArray = (outline - root) @ np.array([[c, -s], [s, c]])
    weight = np.array([0.0, 1.0, 1.0, 1.0, 1.0, 0.0])[:, None]
    moved: FloatArray = outline + weight * (root + turned * np.array([reach, 1.0]) - outline)
    return moved
