"""How a patient holds himself on a film, and what that does to the spine's angles.

A seated patient gives up about half of the lumbar lordosis; bending forward undoes most of it; a lying patient keeps
it, and an unhealed fracture opens under him.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import Enum

import numpy as np

from kummell_ai.anatomy import Phase, VertebralLevel


class Posture(Enum):
    """Posture of the patient on a film."""

    STANDING = "standing"
    SITTING = "sitting"
    LYING = "lying"
    FLEXION = "flexion"
    EXTENSION = "extension"


OPENING = {
    Posture.STANDING: 0.0,
    Posture.SITTING: -0.1,
    Posture.FLEXION: -0.25,
    Posture.EXTENSION: 0.6,
    Posture.LYING: 1.0,
}
"""How far an unhealed fracture opens, as a share of what it does when the patient lies."""

LEAN_DEG = {
    Posture.STANDING: (-5.0, 8.5),
    Posture.SITTING: (0.0, 9.0),
    Posture.LYING: (-4.0, 9.0),
    Posture.FLEXION: (22.0, 10.0),
    Posture.EXTENSION: (-16.0, 8.0),
}
"""Mean and spread of the forward tilt of L3 (deg)."""

_OTHERS = (Posture.SITTING, Posture.LYING, Posture.FLEXION, Posture.EXTENSION)
_SHARES = {
    Phase.PRE_OP: (0.45, 0.37, 0.09, 0.09),
    Phase.POST_OP: (0.4, 0.55, 0.02, 0.03),
    Phase.FOLLOW_UP: (0.45, 0.2, 0.2, 0.15),
    Phase.UNKNOWN: (0.3, 0.4, 0.15, 0.15),
}

# kyphosis added to the lumbar spine (T12 to S1) and to the thoracic spine above it (deg): mean, spread
_LUMBAR_DEG = {
    Posture.SITTING: (22.0, 8.0),
    Posture.LYING: (2.0, 5.0),
    Posture.FLEXION: (34.0, 9.0),
    Posture.EXTENSION: (-12.0, 5.0),
}
_THORACIC_DEG = {
    Posture.SITTING: (3.0, 3.0),
    Posture.LYING: (-5.0, 3.0),
    Posture.FLEXION: (5.0, 3.0),
    Posture.EXTENSION: (-5.0, 3.0),
}


def draw_posture(phase: Phase, share: float, rng: np.random.Generator) -> Posture:
    """Posture on a film of ``phase``; ``share`` of films are not taken standing (``film.postures``)."""
    draw, other = rng.random(), rng.choice(len(_OTHERS), p=_SHARES[phase])
    return _OTHERS[int(other)] if draw < share else Posture.STANDING


def posture_angles(
    levels: Sequence[VertebralLevel],
    posture: Posture,
    fixed: Collection[VertebralLevel],
    rng: np.random.Generator,
) -> dict[VertebralLevel, float]:
    """Angles (deg, kyphosis +) that a posture adds between each level and the next below, against standing.

    Args:
        levels: of the individual, cranial to caudal, S1 last.
        posture: on this film.
        fixed: levels whose joint with the next below does not move.
        rng: source of what is drawn.
    """
    draws = rng.normal(size=2)
    if posture is Posture.STANDING:
        return {}
    lumbar = [level for level in levels[:-1] if level >= VertebralLevel.T12]
    thoracic = [level for level in levels[:-1] if level < VertebralLevel.T12]
    # sitting flattens the lowest joints most; bending is shared more evenly
    weights = np.arange(1.0, len(lumbar) + 1.0) if posture is Posture.SITTING else np.full(len(lumbar), 1.0)
    weights /= weights.sum()
    means = (_LUMBAR_DEG[posture], _THORACIC_DEG[posture])
    totals = [mean + spread * z for (mean, spread), z in zip(means, draws, strict=True)]
    angles = {level: float(totals[0] * w) for level, w in zip(lumbar, weights, strict=True)}
    angles |= {level: float(totals[1] / len(thoracic)) for level in thoracic}
    return {level: angle for level, angle in angles.items() if level not in fixed}
