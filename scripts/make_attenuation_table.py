"""Print the tables of kummell_ai/synthesis/film/spectra.py, and how far their few energies are from the whole spectrum.

Needs ``pip install xraydb spekpy``: xraydb 4.5.8 holds the Elam tables of attenuation, spekpy 2.5.4 models the tube
(Poludniowski et al., Med Phys 48, 2021, doi 10.1002/mp.14945). spectra.py and the literals of
tests/synthesis/test_attenuation.py are its recorded output.
"""

import argparse

import numpy as np

from kummell_ai.errors import UsageError

try:
    import spekpy
    import xraydb
except ImportError:
    spekpy = None

NODES_KEV = np.array([22.0, 32.0, 42.0, 50.0, 58.0, 68.0, 82.0])
TUBE_KV = (60, 70, 80, 90, 100)
COPPER_MM = (0.0, 0.2)
# absorbing layer (g/cm2): 0.5 mm of needle CsI at 75 % packing; a storage phosphor plate of BaFBr
DETECTORS = {"dx": ("CsI", 4.51, 0.17), "cr": ("BaFBr", 4.9, 0.10)}

# mass fractions of ICRU report 44; alloys by their standards (Ti-6Al-4V, ISO 5832-3; Co-28Cr-6Mo, ISO 5832-12; 316L)
MATERIALS: dict[str, tuple[float, dict[str, float] | str]] = {
    "air": (0.001205, {"N": 0.755, "O": 0.232, "Ar": 0.013}),
    "water": (1.0, "H2O"),
    "fat": (0.95, {"H": 0.114, "C": 0.598, "N": 0.007, "O": 0.278, "Na": 0.001, "S": 0.001, "Cl": 0.001}),
    "muscle": (
        1.05,
        {"H": 0.102, "C": 0.143, "N": 0.034, "O": 0.71, "Na": 0.001, "P": 0.002, "S": 0.003, "Cl": 0.001, "K": 0.004},
    ),
    "bone": (
        1.92,
        {"H": 0.034, "C": 0.155, "N": 0.042, "O": 0.435, "Na": 0.001, "Mg": 0.002, "P": 0.103, "S": 0.003, "Ca": 0.225},
    ),
    "titanium": (4.43, {"Ti": 0.9, "Al": 0.06, "V": 0.04}),
    "cobalt_chrome": (8.28, {"Co": 0.65, "Cr": 0.28, "Mo": 0.06, "Mn": 0.01}),
    "steel": (7.99, {"Fe": 0.655, "Cr": 0.17, "Ni": 0.12, "Mo": 0.025, "Mn": 0.02, "Si": 0.01}),
    "tantalum": (16.65, "Ta"),
    "peek": (1.30, "C19H12O3"),
    "aluminium": (2.699, "Al"),
    "lead": (11.35, "Pb"),
}
PMMA = {"H": 0.080538, "C": 0.599848, "O": 0.319614}
BARIUM_SULPHATE = {"Ba": 0.588420, "S": 0.137360, "O": 0.274220}
ZIRCONIA = {"Zr": 0.740318, "O": 0.259682}
WATER = {"H": 0.111898, "O": 0.888102}


def mixed(first: dict[str, float], second: dict[str, float], share: float) -> dict[str, float]:
    return {e: (1 - share) * first.get(e, 0.0) + share * second.get(e, 0.0) for e in (*first, *second)}


MATERIALS["cement"] = (1.45, mixed(PMMA, BARIUM_SULPHATE, 0.30))
MATERIALS["cement_zirconia"] = (1.60, mixed(PMMA, ZIRCONIA, 0.40))
MATERIALS["iodine_contrast"] = (1.16, mixed(WATER, {"I": 1.0}, 0.13))  # 150 mg iodine a ml: half-diluted


def attenuation_per_mm(name: str, kev: np.ndarray) -> np.ndarray:
    density, parts = MATERIALS[name]
    if isinstance(parts, str):
        return np.asarray(xraydb.material_mu(parts, kev * 1000.0, density=density)) / 10.0
    return density * sum(w * xraydb.mu_elam(e, kev * 1000.0) for e, w in parts.items()) / 10.0


def detected(kv: int, copper_mm: float, detector: str) -> tuple[np.ndarray, np.ndarray]:
    """Energies (keV) and detected energy in each: fluence x energy x absorbed share (no fluorescence escape)."""
    tube = spekpy.Spek(kvp=kv, th=12, dk=1.0)
    tube.filter("Al", 2.5).filter("Cu", copper_mm)
    kev, fluence = tube.get_spectrum()
    formula, density, load = DETECTORS[detector]
    absorbed = 1.0 - np.exp(-xraydb.material_mu(formula, kev * 1000.0, density=density) * load / density)
    return kev, fluence * kev * absorbed


def on_nodes(kev: np.ndarray, signal: np.ndarray) -> np.ndarray:
    """Signal shared between the two nearest nodes, so that transmission is interpolated linearly in energy."""
    hats = np.array([np.interp(kev, NODES_KEV, row) for row in np.eye(len(NODES_KEV))])
    weights = hats @ signal
    return weights / weights.sum()


def half_value_layer(transmitted) -> float:
    low, high = 0.0, 400.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if transmitted(middle) > 0.5 else (low, middle)
    return low


def whole_spectrum(kv: int, detector: str, **mm: float) -> float:
    kev, signal = detected(kv, 0.0, detector)
    through = np.exp(-sum(attenuation_per_mm(n, kev) * t for n, t in mm.items()))
    return float((signal * through).sum() / signal.sum())


def few_energies(kv: int, detector: str, **mm: float) -> float:
    weights = on_nodes(*detected(kv, 0.0, detector))
    return float(weights @ np.exp(-sum(attenuation_per_mm(n, NODES_KEV) * t for n, t in mm.items())))


def kerma_layers(kv: int) -> tuple[float, float, list[float]]:
    """Half-value layer (mm Al) of air kerma by spekpy and by the nodes, and the kerma weights of the nodes."""
    tube = spekpy.Spek(kvp=kv, th=12, dk=1.0)
    tube.filter("Al", 2.5)
    kev, fluence = tube.get_spectrum()
    weights = on_nodes(kev, fluence * kev * tube.muen_air_data.get_muen_over_rho_air(kev))
    mu = attenuation_per_mm("aluminium", NODES_KEV)
    ours = half_value_layer(lambda mm: float(weights @ np.exp(-mu * mm)))
    return float(tube.get_hvl1()), ours, weights.round(5).tolist()


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    if spekpy is None:
        raise UsageError("xraydb and spekpy hold the tables and are not installed: pip install xraydb spekpy")
    print("NODES_KEV =", tuple(NODES_KEV.tolist()))
    print("ATTENUATION_PER_MM = {")
    for name in MATERIALS:
        print(f'    "{name}": {tuple(attenuation_per_mm(name, NODES_KEV).round(6).tolist())},')
    print("}\nSPECTRA = {")
    for detector in DETECTORS:
        for copper in COPPER_MM:
            print(f'    ("{detector}", {copper}): (')
            for kv in TUBE_KV:
                print(f"        {tuple(on_nodes(*detected(kv, copper, detector)).round(5).tolist())},  # {kv} kV")
            print("    ),")
    print("}")
    cases = [{"water": 100.0}, {"water": 250.0}, {"water": 250.0, "bone": 25.0}, {"water": 200.0, "titanium": 6.0}]
    cases += [{"water": 200.0, "cement": 15.0}, {"aluminium": 5.0}]
    for kv in (60, 80, 100):
        for case in cases:
            whole, few = whole_spectrum(kv, "dx", **case), few_energies(kv, "dx", **case)
            print(f"# {kv} kV dx {case}: whole {whole:.6g}, nodes {few:.6g} ({100 * (few / whole - 1):+.1f} %)")
        print(f"# {kv} kV: kerma half-value layer (spekpy, nodes), weights:", kerma_layers(kv))


if __name__ == "__main__":
    from ending import end

    end(main)
