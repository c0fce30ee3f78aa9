"""What is measured on a patient of this disease before surgery, after it and at follow-up, drawn from published values.

Park 2015 (cement-augmented percutaneous short fixation): height loss 48 ± 10 -> 22.5 ± 12 %, segmental kyphosis
22.4 ± 4.9 -> 10.1 ± 3.8°; JOSR 2023: wedge 24 ± 5° seated; the same 15 fractures read 18.3 mm and 26.2° seated, 24.3 mm
and 15.4° supine. Loss of correction: 2.5 ± 3°, 1.5 ± 1.5 mm.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.disease.fracture import Collapse, FractureType
from kummell_ai.synthesis.disease.reduction import Segment, anterior_height_mm, body_corners, fit_height, wedge_deg

WEDGE_DEG = {FractureType.WEDGE: 25.5, FractureType.BICONCAVE: 22.0, FractureType.CRUSH: 18.0}
"""Mean wedge angle of an injured body by type of fracture (deg)."""


@dataclass(frozen=True, slots=True)
class Mobility:
    """How an unhealed fracture moves from standing to lying.

    Attributes:
        height_mm: gained in front (mm).
        kyphosis_deg: lost by the segment (deg).
        ajar: how far a cleft gapes while the patient stands, in [0, 1].
    """

    height_mm: float
    kyphosis_deg: float
    ajar: float

    def gape(self, opening: float) -> float:
        """How far a cleft gapes, in [0, 1], at the share ``opening`` of the way from standing to lying."""
        return float(
            np.clip(self.ajar * (1.0 + min(3.0 * opening, 0.0)) + (1.0 - self.ajar) * max(opening, 0.0), 0.0, 1.0)
        )


@dataclass(frozen=True, slots=True)
class Target:
    """Measurements of the injured level on one film.

    Attributes:
        fracture: its form; the anterior loss follows from the height.
        anterior_mm: anterior height (mm).
        kyphosis_deg: of the segment from the vertebra above to the one below (deg).
    """

    fracture: Collapse
    anterior_mm: float
    kyphosis_deg: float

    def collapse(self, segment: Segment) -> Collapse:
        """The collapse of the injured body that has the wanted height."""
        return fit_height(segment.body, self.fracture, self.anterior_mm)

    def opened(self, opening: float, mobility: Mobility, reference_mm: float) -> Target:
        """The target at the share ``opening`` of the way from standing to lying (negative: pressed further)."""
        height = self.anterior_mm + opening * mobility.height_mm
        height = float(np.clip(height, 0.18 * reference_mm, max(0.95 * reference_mm, self.anterior_mm)))
        return replace(self, anterior_mm=height, kyphosis_deg=self.kyphosis_deg - opening * mobility.kyphosis_deg)


def draw_mobility(gas: bool, rng: np.random.Generator) -> Mobility:
    """Mobility of a fracture; one with a gas cleft moves more."""
    size = float(np.exp(rng.normal(0.0, 0.35))) * (1.15 if gas else 0.9)
    return Mobility(
        height_mm=float(max(rng.normal(4.5, 1.0), 1.0)) * size,
        kyphosis_deg=float(max(rng.normal(9.0, 2.0), 2.0)) * size,
        ajar=float(rng.uniform(0.05, 0.45)),
    )


def draw_targets(
    segment: Segment, fracture: Collapse, screwed: bool, rng: np.random.Generator
) -> tuple[Target, Target, Target]:
    """Targets before surgery (standing), after it and at follow-up.

    Args:
        segment: the patient's own injured level and its neighbours.
        fracture: form of the fracture; its losses of height are replaced.
        screwed: whether rods correct the kyphosis; cement alone does about half.
        rng: source of what is drawn.
    """
    z = rng.normal(size=7)
    remains, reference = rng.uniform(0.3, 0.8), segment.reference_mm
    loss = float(np.clip(0.525 + 0.085 * z[0], 0.3, 0.74))
    before = _before(segment, fracture, loss, z[1:3])
    straight = min(10.5 + 0.35 * (before.kyphosis_deg - 24.0) + 3.2 * z[3], before.kyphosis_deg - 2.0)
    left = min(0.21 + 0.4 * (loss - 0.5) + 0.11 * z[4], loss - 0.06)
    if not screwed:
        straight, left = 0.5 * (straight + before.kyphosis_deg), 0.65 * left + 0.35 * loss
    height = (1.0 - max(left, 0.0)) * reference
    sunk = height - float(np.clip(1.7 + 1.6 * z[5], -0.7, 0.6 * (height - before.anterior_mm) + 0.5))
    bent = straight + 1.4 * (height - sunk) + 0.5 + 2.3 * float(z[6])
    after, last = (_raised(segment, before.fracture, h, remains) for h in (height, sunk))
    return before, Target(after, height, straight), Target(last, sunk, bent)


def _before(segment: Segment, fracture: Collapse, loss: float, z: FloatArray) -> Target:
    """Target before surgery: the kyphosis follows the wedge in part, since the discs beside it yield too."""
    assert fracture.kind is not None
    height = (1.0 - loss) * segment.reference_mm
    wedge = WEDGE_DEG[fracture.kind] + 25.0 * (loss - 0.5) + 3.5 * float(z[0])
    collapse = fit_height(segment.body, fracture, height, max(wedge, 8.0))
    added = wedge_deg(body_corners(segment.body, collapse)) - wedge_deg(body_corners(segment.body))
    follows = segment.own_kyphosis_deg + 0.9 * added
    return Target(collapse, height, float(np.clip(25.0 + 0.4 * (follows - 22.0) + 2.6 * float(z[1]), 6.0, 50.0)))


def _raised(segment: Segment, before: Collapse, height_mm: float, remains: float) -> Collapse:
    """The fracture after its front was lifted to ``height_mm``: back wall, middle, step and bulge follow in part."""
    whole = anterior_height_mm(body_corners(segment.body))
    gain = height_mm - anterior_height_mm(body_corners(segment.body, before))
    posterior = max(before.posterior * remains, before.posterior - 0.5 * max(gain, 0.0) / whole)
    return replace(
        before,
        middle=before.middle * (0.4 + 0.6 * remains),
        posterior=posterior,
        step_mm=before.step_mm * remains,
        back_bulge_mm=before.back_bulge_mm * (0.5 + 0.5 * remains),
        bulge_mm=before.bulge_mm * remains,
    )
