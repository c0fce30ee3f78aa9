"""Height and kyphosis of an injured level as functions of its collapse, and the collapse that gives a wanted height.

All values are those of the measurements: the anterior height of the body, its wedge angle, and the kyphosis between the
superior endplate of the vertebra above and the inferior endplate of the one below (kyphosis positive).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.anatomy.anatomy_model import Individual, VertebraPlan
from kummell_ai.synthesis.anatomy.bones import ANTERIOR, INFERIOR, POSTERIOR, SUPERIOR
from kummell_ai.synthesis.disease.fracture import Collapse, deform

LARGEST_LOSS = 0.85


def body_corners(plan: VertebraPlan, collapse: Collapse | None = None) -> FloatArray:
    """Corners (2 endplates, 2 [anterior, posterior], 2 [x, z]) of a body in its own frame (mm)."""
    points = deform(plan.template.rims_mm, plan.template, plan.collapse)
    points = points if collapse is None else deform(points, plan.template, collapse)
    corners: FloatArray = (points[:, :, [0, 2]].mean(axis=2) * plan.scale)[..., [0, 2]]
    return corners


def anterior_height_mm(corners: FloatArray) -> float:
    """Distance of the anterior corners (mm)."""
    return float(np.linalg.norm(corners[SUPERIOR, ANTERIOR] - corners[INFERIOR, ANTERIOR]))


def endplate_slope_deg(corners: FloatArray, endplate: int) -> float:
    """Rise of an endplate towards the front, in the body's own frame (deg)."""
    along = corners[endplate, ANTERIOR] - corners[endplate, POSTERIOR]
    return float(np.degrees(np.arctan2(along[1], along[0])))


def wedge_deg(corners: FloatArray) -> float:
    """Angle between the endplates (deg), positive when the body is lower in front."""
    return endplate_slope_deg(corners, INFERIOR) - endplate_slope_deg(corners, SUPERIOR)


def fit_height(plan: VertebraPlan, collapse: Collapse, height_mm: float, wedge: float | None = None) -> Collapse:
    """The collapse whose front is ``height_mm`` high, and whose wedge angle (deg) is ``wedge`` if given.

    A wedge that the back wall cannot reach without growing is left as near as it goes.
    """
    whole = body_corners(plan)
    height = anterior_height_mm(whole)
    depth = float(np.linalg.norm(whole[SUPERIOR, ANTERIOR] - whole[SUPERIOR, POSTERIOR]))
    for _ in range(4):
        now = body_corners(plan, collapse)
        anterior = collapse.anterior + (anterior_height_mm(now) - height_mm) / height
        posterior = collapse.posterior
        if wedge is not None:
            short = depth * (np.tan(np.radians(wedge)) - np.tan(np.radians(wedge_deg(now))))
            posterior -= (short - (anterior_height_mm(now) - height_mm)) / height
            posterior = min(max(posterior, 0.0), LARGEST_LOSS)
        collapse = replace(collapse, anterior=float(min(max(anterior, -0.1), LARGEST_LOSS)), posterior=float(posterior))
    return collapse


@dataclass(frozen=True, slots=True)
class Segment:
    """An injured vertebra between its neighbours.

    Attributes:
        above, body, below: how they are built.
    """

    above: VertebraPlan
    body: VertebraPlan
    below: VertebraPlan

    @property
    def reference_mm(self) -> float:
        """Mean anterior height of the neighbours (mm)."""
        return 0.5 * sum(anterior_height_mm(body_corners(p)) for p in (self.above, self.below))

    @property
    def own_kyphosis_deg(self) -> float:
        """Kyphosis of the segment without a fracture, the angles of its discs left as they are (deg)."""
        top = endplate_slope_deg(body_corners(self.above), SUPERIOR)
        bottom = endplate_slope_deg(body_corners(self.below), INFERIOR)
        return bottom - top + self.above.angle_deg + self.body.angle_deg

    def kink_to(self, kyphosis_deg: float, collapse: Collapse) -> dict[VertebralLevel, float]:
        """Angles (deg) to add below the vertebra above and below the body, so that the segment has ``kyphosis_deg``.

        They are shared as the loss of height is between the endplates, which leaves the discs in shape.
        """
        kink = kyphosis_deg - self.own_kyphosis_deg
        upper = collapse.superior_share
        return {self.above.level: upper * kink, self.body.level: (1.0 - upper) * kink}


def segment_of(individual: Individual, level: VertebralLevel) -> Segment:
    """The vertebra at ``level`` and its own neighbours, whatever their names.

    Raises:
        ValueError: the individual lacks the level, or one of its neighbours.
    """
    at = [p.level for p in individual.vertebrae].index(level)
    if not 0 < at < len(individual.vertebrae) - 1:
        raise ValueError(f"{level} has no neighbour on one side in this individual")
    return Segment(*individual.vertebrae[at - 1 : at + 2])


def settle(individual: Individual, level: VertebralLevel, collapse: Collapse) -> dict[VertebralLevel, float]:
    """Angles (deg) that a fracture adds to the spine when the discs beside it keep their shape."""
    at = [p.level for p in individual.vertebrae].index(level)
    plan = individual.vertebrae[at]
    added = 0.9 * (wedge_deg(body_corners(plan, collapse)) - wedge_deg(body_corners(plan)))
    above = {individual.vertebrae[at - 1].level: collapse.superior_share * added} if at > 0 else {}
    return above | {level: (1.0 - collapse.superior_share) * added}
