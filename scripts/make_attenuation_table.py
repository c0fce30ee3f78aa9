"""Print the attenuation table of kummell_ai/synthesis/attenuation.py from xraydb (Elam tables): pip install xraydb."""

import xraydb

ENERGIES_KEV = (40, 50, 60, 70, 80)
# formula by mass fractions via xraydb's chemical parser, density g/cm3
MATERIALS = {
    "water": ("H2O", 1.0),
    "bone": (None, 1.92),  # ICRU-44 cortical bone
    "titanium": ("Ti", 4.43),  # Ti-6Al-4V is 90 % titanium by mass
    "cement": (None, 1.45),  # PMMA with 30 % barium sulphate by mass
    "lead": ("Pb", 11.35),
}
ICRU44_BONE = {
    "H": 0.034,
    "C": 0.155,
    "N": 0.042,
    "O": 0.435,
    "Na": 0.001,
    "Mg": 0.002,
    "P": 0.103,
    "S": 0.003,
    "Ca": 0.225,
}
PMMA = {"H": 0.080538, "C": 0.599848, "O": 0.319614}
BASO4 = {"Ba": 0.588420, "S": 0.137360, "O": 0.274220}
CEMENT = {e: 0.7 * PMMA.get(e, 0) + 0.3 * BASO4.get(e, 0) for e in {*PMMA, *BASO4}}


def main() -> None:
    for name, (formula, density) in MATERIALS.items():
        row = []
        for kev in ENERGIES_KEV:
            if formula is not None:
                mu = xraydb.material_mu(formula, kev * 1000.0, density=density)
            else:
                parts = ICRU44_BONE if name == "bone" else CEMENT
                mu = density * sum(w * xraydb.mu_elam(e, kev * 1000.0) for e, w in parts.items())
            row.append(round(float(mu) / 10.0, 6))
        print(f'    "{name}": {tuple(row)},')


if __name__ == "__main__":
    main()
