"""The polychromatic Beer-Lambert law over a few energies of a recorded tube spectrum."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kummell_ai.errors import ConfigError
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.synthesis.film.spectra import ATTENUATION_PER_MM, COPPER_MM, SPECTRA, TUBE_KV

Map = NDArray[np.float32]
STRIP_PX = 16384  # the working set of one strip stays in the cache


def spectrum_weights(tube_kv: float, copper_mm: float = 0.0, detector: str = "dx") -> FloatArray:
    """Share of the detected energy at each node of `spectra.NODES_KEV` (7,), sum 1.

    Between recorded tube voltages and filters the rows are mixed linearly; outside 60 to 100 kV and 0 to 0.2 mm of
    copper the nearest row counts.

    Args:
        tube_kv: peak voltage (kV).
        copper_mm: filter added to 2.5 mm of aluminium (mm).
        detector: ``dx`` (CsI) or ``cr`` (storage phosphor).

    >>> bool(spectrum_weights(90.0)[-1] > spectrum_weights(70.0)[-1])
    True
    """
    rows = []
    for copper in COPPER_MM:
        table = np.asarray(SPECTRA[detector, copper])
        rows.append([np.interp(tube_kv, TUBE_KV, column) for column in table.T])
    share = np.interp(copper_mm, COPPER_MM, (0.0, 1.0))
    weights: FloatArray = (1.0 - share) * np.asarray(rows[0]) + share * np.asarray(rows[1])
    normalised: FloatArray = weights / weights.sum()
    return normalised


def transmission(lengths_mm: Mapping[str, Map], tube_kv: float, copper_mm: float = 0.0, detector: str = "dx") -> Map:
    """Primary transmission in (0, 1] of path lengths (mm) through each material, same shape.

    Raises:
        ConfigError: a material is not in the table.

    >>> one = transmission({"water": np.zeros((1, 1), np.float32)}, 80.0)
    >>> float(one[0, 0])
    1.0
    """
    unknown = sorted(set(lengths_mm) - set(ATTENUATION_PER_MM))
    if unknown:
        raise ConfigError(f"material {unknown[0]} has no attenuation; use one of {', '.join(ATTENUATION_PER_MM)}")
    weights = spectrum_weights(tube_kv, copper_mm, detector).astype(np.float32)
    coefficients = np.array([ATTENUATION_PER_MM[name] for name in lengths_mm], np.float32).T
    maps = [np.ravel(length) for length in lengths_mm.values()]
    shape = next(iter(lengths_mm.values())).shape
    out = np.empty(maps[0].size, np.float32)
    for start in range(0, out.size, STRIP_PX):
        depth = coefficients @ np.stack([m[start : start + STRIP_PX] for m in maps])
        np.exp(-depth, out=depth)
        out[start : start + STRIP_PX] = weights @ depth
    return np.minimum(out.reshape(shape), np.float32(1.0))


def mass_thickness(lengths_mm: Mapping[str, Map]) -> Map:
    """Thickness (mm) of the water that scatters as much as everything in the beam, same shape.

    Compton scatter follows the attenuation near 80 keV, where hardly anything else is left; metal and cement, which
    mostly absorb, count for no more than their own length.
    """
    water = ATTENUATION_PER_MM["water"][-1]
    total = np.zeros(next(iter(lengths_mm.values())).shape, np.float32)
    for name, length in lengths_mm.items():
        total += length * np.float32(min(ATTENUATION_PER_MM[name][-1] / water, 2.5))
    return total
