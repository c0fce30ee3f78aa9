"""Three or more phases of the same patients at once. Arrays are (n, k): patients, phases; NaN = missing."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from kummell_ai.statistics.agreement import complete_rows

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Omnibus:
    """One test over all phases.

    Attributes:
        test: name for people.
        n: patients used.
        statistic: F or chi-squared.
        df1, df2: degrees of freedom as used for ``p``; ``df2`` is None for chi-squared.
        p: of the hypothesis that all phases are alike.
        effect_name, effect: generalised size of the effect, None where there is none in use.
        epsilon: Greenhouse-Geisser factor, where it was applied.
        note: what a reader must know, or None.
    """

    test: str
    n: int
    statistic: float
    df1: float
    df2: float | None
    p: float
    effect_name: str | None = None
    effect: float | None = None
    epsilon: float | None = None
    note: str | None = None


def rm_anova(values: FloatArray) -> Omnibus:
    """Repeated-measures ANOVA on the complete patients, degrees of freedom by Greenhouse and Geisser.

    Raises:
        ValueError: fewer than 3 complete patients.
    """
    import pandas as pd
    from statsmodels.stats.anova import AnovaRM

    table = complete_rows(values, 3)
    n, k = table.shape
    frame = pd.DataFrame({"y": table.ravel(), "patient": np.repeat(np.arange(n), k), "phase": np.tile(np.arange(k), n)})
    f = float(AnovaRM(frame, "y", "patient", within=["phase"]).fit().anova_table["F Value"].iloc[0])
    epsilon = greenhouse_geisser(table)
    df1, df2 = epsilon * (k - 1), epsilon * (k - 1) * (n - 1)
    p = float(stats.f.sf(f, df1, df2))
    eta = f * (k - 1) / (f * (k - 1) + (k - 1) * (n - 1))
    name = "repeated-measures ANOVA (Greenhouse-Geisser)"
    return Omnibus(name, n, f, df1, df2, p, "partial eta squared", eta, epsilon)


def greenhouse_geisser(table: FloatArray) -> float:
    """Epsilon of values (n, k), NaN = missing: tr(S)² / ((k - 1) tr(S²)), S the phases' double-centred covariance.

    1 where all differences of phases vary alike; 1 / (k - 1) at worst, also where two phases share under 2 patients.
    S is taken from the variances D of the differences of every two phases, each over the patients who have both:
    S = -H D H / 2 with H the centring matrix. Without missing values that is Greenhouse's and Geisser's own S (1959).
    """
    k = int(table.shape[1])
    seen = np.isfinite(table)
    spread = np.zeros((k, k))
    for i, j in combinations(range(k), 2):
        both = seen[:, i] & seen[:, j]
        if both.sum() < 2:
            return 1.0 / (k - 1)
        spread[i, j] = spread[j, i] = float((table[both, i] - table[both, j]).var(ddof=1))
    centring = np.eye(k) - 1.0 / k
    # Variances of different patients may contradict each other; negative ones are no variances.
    variances = np.clip(np.linalg.eigvalsh(-0.5 * centring @ spread @ centring), 0.0, None)
    square = float((variances**2).sum())
    return float(variances.sum() ** 2 / ((k - 1) * square)) if square > 0 else 1.0


def friedman(values: FloatArray) -> Omnibus:
    """Friedman's test on the complete patients, with Kendall's W.

    Raises:
        ValueError: fewer than 3 complete patients, fewer than 3 phases, or no patient moved at all.
    """
    table = complete_rows(values, 3)
    n, k = table.shape
    if k < 3:
        raise ValueError(f"{k} phases are given; Friedman's test needs at least 3: compare the pair instead")
    if not np.any(np.ptp(table, axis=1)):
        raise ValueError("no patient differs between phases; there is nothing to test")
    result = stats.friedmanchisquare(*table.T)
    chi2 = float(result.statistic)
    return Omnibus("Friedman test", n, chi2, k - 1, None, float(result.pvalue), "Kendall's W", chi2 / (n * (k - 1)))


def mixed_model(values: FloatArray) -> Omnibus:
    """Linear mixed model: phase fixed, patient random (intercept), REML; uses patients with missing phases too.

    The phases are tested by Wald's F with the degrees of freedom of the within-patient stratum (values - patients -
    phases + 1). A random intercept takes all differences of phases to vary alike; as they seldom do, both degrees of
    freedom are multiplied by `greenhouse_geisser`. Without missing values this is `rm_anova`, unless the patients'
    variance is estimated as 0: then it is the F of phases whose patients are not told apart.

    Raises:
        ValueError: fewer than 3 patients with a value, or too few values to leave a residual.
    """
    seen = np.isfinite(values)
    patient, phase = np.nonzero(seen)
    n, k = len(np.unique(patient)), values.shape[1]
    df2 = len(patient) - n - (k - 1)
    if n < 3 or df2 < 1 or not seen.any(axis=0).all():
        raise ValueError(f"{n} patients with {len(patient)} values are given; a mixed model needs more: add films")
    y = values[seen]
    design = np.eye(k)[phase]
    design[:, 0] = 1.0
    fit = _reml((y - y.mean()) / (float(y.std()) or 1.0), design, np.unique(patient, return_inverse=True)[1])
    spread = np.linalg.inv(fit.information)[1:, 1:]
    f = float(fit.effects[1:] @ np.linalg.solve(spread, fit.effects[1:])) / (k - 1) / fit.residual
    note = None if fit.ratio > 0 else "the patients' variance is estimated as 0"
    name = "linear mixed model (random intercept per patient, REML; Wald F, Greenhouse-Geisser)"
    epsilon = greenhouse_geisser(values)
    df = epsilon * (k - 1), epsilon * df2
    return Omnibus(name, n, f, *df, float(stats.f.sf(f, *df)), epsilon=epsilon, note=note)


@dataclass(frozen=True, slots=True)
class _Fit:
    """A random-intercept model at one ratio of variances.

    Attributes:
        ratio: variance of the patients over that of the residual.
        effects: of the design (p,).
        information: X' V^-1 X (p, p), V in units of the residual variance.
        residual: variance of the residual.
        deviance: -2 log restricted likelihood, but for a constant.
    """

    ratio: float
    effects: FloatArray
    information: FloatArray
    residual: float
    deviance: float


def _reml(y: FloatArray, design: FloatArray, patient: NDArray[np.intp]) -> _Fit:
    """The fit of the largest restricted likelihood: the best of a grid of ratios, refined, or the ratio 0."""
    counts = np.bincount(patient).astype(np.float64)
    sums_x = np.zeros((len(counts), design.shape[1]))
    np.add.at(sums_x, patient, design)
    sums_y = np.bincount(patient, weights=y)

    def fit(ratio: float) -> _Fit:
        weight = ratio / (1.0 + ratio * counts)  # V^-1 of a patient is I - weight J
        information = design.T @ design - sums_x.T @ (weight[:, None] * sums_x)
        product = design.T @ y - sums_x.T @ (weight * sums_y)
        effects = np.asarray(np.linalg.solve(information, product), np.float64)
        rest = y - design @ effects
        within = float(rest @ rest - weight @ np.bincount(patient, weights=rest) ** 2)
        free = len(y) - design.shape[1]
        residual = max(within, 1e-300) / free
        deviance = free * np.log(residual) + np.log1p(ratio * counts).sum() + np.linalg.slogdet(information)[1]
        return _Fit(ratio, effects, information, residual, float(deviance))

    grid = np.linspace(-16.0, 16.0, 65)
    best = float(min(grid, key=lambda log_ratio: fit(float(np.exp(log_ratio))).deviance))
    found = optimize.minimize_scalar(
        lambda log_ratio: fit(float(np.exp(log_ratio))).deviance,
        bounds=(best - 0.5, best + 0.5),
        method="bounded",
        options={"xatol": 1e-10},
    )
    inner, edge = fit(float(np.exp(found.x))), fit(0.0)
    return inner if inner.deviance < edge.deviance - 1e-9 else edge
