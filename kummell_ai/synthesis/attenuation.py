"""Linear attenuation (1/mm) of the materials of a film, and the polychromatic Beer-Lambert law.

The numbers are the recorded output of ``scripts/make_attenuation_table.py`` (xraydb, Elam tables): water 1.0, ICRU-44
cortical bone 1.92, titanium 4.43 and PMMA with 30 % barium sulphate 1.45 g/cm3.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kummell_ai.imaging.frames import FloatArray

ENERGIES_KEV = (40, 50, 60, 70, 80)
ATTENUATION_PER_MM: dict[str, tuple[float, ...]] = {
    "water": (0.026827, 0.022694, 0.020587, 0.019285, 0.018366),
    "bone": (0.127776, 0.08145, 0.060447, 0.049353, 0.042795),
    "titanium": (0.980163, 0.537576, 0.339354, 0.237503, 0.179531),
    "cement": (0.661697, 0.380028, 0.242063, 0.167127, 0.122765),
}


def spectrum_weights(tube_kv: float) -> FloatArray:
    """Share of detected signal in each energy bin (5,), sum 1: a filtered bremsstrahlung ramp up to ``tube_kv``.

    The ramp (Kramers' law times a soft low-energy cut) stands in for a measured spectrum.
    """
    energies = np.array(ENERGIES_KEV, dtype=np.float64)
    weights = np.clip(tube_kv - energies + 4.0, 0.0, None) * np.exp(-((40.0 / energies) ** 3) * 1.2)
    normalised: FloatArray = weights / weights.sum()
    return normalised


def transmission(lengths_mm: Mapping[str, NDArray[np.float32]], tube_kv: float) -> NDArray[np.float32]:
    """Primary transmission in (0, 1] of path lengths (mm) through each material, same shape.

    >>> one = transmission({"water": np.zeros((1, 1), np.float32)}, 80.0)
    >>> float(one[0, 0])
    1.0
    """
    total: NDArray[np.float32] | None = None
    for k, weight in enumerate(spectrum_weights(tube_kv)):
        if weight == 0.0:
            continue
        depth = sum(length * np.float32(ATTENUATION_PER_MM[name][k]) for name, length in lengths_mm.items())
        part = np.float32(weight) * np.exp(-np.asarray(depth, dtype=np.float32))
        total = part if total is None else total + part
    assert total is not None  # the weights sum to 1
    return total
