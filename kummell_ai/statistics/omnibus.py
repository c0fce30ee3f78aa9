"""Three or more phases of the same patients at once. Arrays are (n, k): patients, phases; NaN = missing."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

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
    """Epsilon of complete values (n, k): tr(S)² / ((k - 1) tr(S²)) with S the double-centred covariance of the phases.

    1 where all differences of phases vary alike; 1 / (k - 1) at worst.
    """
    covariance = np.cov(table, rowvar=False)
    centred = covariance - covariance.mean(axis=0) - covariance.mean(axis=1)[:, None] + covariance.mean()
    return float(np.trace(centred) ** 2 / ((len(centred) - 1) * (centred**2).sum()))


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
    phases + 1); without missing values this is the repeated-measures ANOVA with epsilon 1.

    Raises:
        ValueError: fewer than 3 patients with a value, or too few values to leave a residual.
    """
    from statsmodels.regression.mixed_linear_model import MixedLM

    seen = np.isfinite(values)
    patient, phase = np.nonzero(seen)
    n, k = len(np.unique(patient)), values.shape[1]
    df2 = len(patient) - n - (k - 1)
    if n < 3 or df2 < 1 or not seen.any(axis=0).all():
        raise ValueError(f"{n} patients with {len(patient)} values are given; a mixed model needs more: add films")
    y = values[seen]
    scale = float(y.std()) or 1.0
    design = np.eye(k)[phase]
    design[:, 0] = 1.0
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit = MixedLM((y - y.mean()) / scale, design, groups=patient).fit(reml=True, method="bfgs", gtol=1e-10)
    between = float(np.asarray(fit.cov_re)[0, 0])
    # (X' V^-1 X)^-1 as in other programs; the fit's own covariance adds the doubt about the variances.
    variance = float(fit.scale) * np.eye(len(y)) + between * (patient[:, None] == patient[None, :])
    spread = np.linalg.inv(design.T @ np.linalg.solve(variance, design))[1:, 1:]
    effects = np.asarray(fit.fe_params)[1:]
    f = float(effects @ np.linalg.solve(spread, effects)) / (k - 1)
    note = None
    if not fit.converged or between < 1e-8:
        note = "; ".join(dict.fromkeys(str(w.message) for w in caught)) or "the patients' variance is estimated as 0"
    name = "linear mixed model (random intercept per patient, REML; Wald F)"
    return Omnibus(name, n, f, k - 1, df2, float(stats.f.sf(f, k - 1, df2)), note=note)
