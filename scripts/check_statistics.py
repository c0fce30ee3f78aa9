"""How often intervals and tests hold on made-up numbers whose truth is known, beside what they would be without care.

    python scripts/check_statistics.py [--runs 2000]

Four things of which the films of a patient are the reason: the low end of a share that few patients fail and the mean
of few patients (docs/evaluation.md), the bias of program against person in a cohort (docs/cohort.md), the mixed model
of phases that vary unlike (docs/decisions/0012); and whether changes that are not normal lie within a margin
(docs/cohort.md). Simulated numbers, no films; a line each, some ten minutes in all.
"""

from __future__ import annotations

import argparse

import numpy as np
from ending import end
from scipy import stats

from kummell_ai.cli import options
from kummell_ai.evaluation.bootstrap import Bootstrap
from kummell_ai.statistics.agreement import bland_altman
from kummell_ai.statistics.omnibus import mixed_model
from kummell_ai.statistics.paired import equivalence, equivalence_by_ranks, shapiro_p
from kummell_ai.statistics.resampled_agreement import agreement_intervals

PATIENTS, FILMS = 300, 3


def shares(runs: int, rate: float, alike: float) -> str:
    """Runs in which the low end of "does not fail" lies above the truth; films fail together in a share ``alike``."""
    rng, bootstrap = np.random.default_rng(12), Bootstrap.of(PATIENTS, 1000, seed=0)
    patient, above = np.repeat(np.arange(PATIENTS), FILMS), np.zeros(2)
    for _ in range(runs):
        together = rng.random((PATIENTS, 1)) < alike
        fails = np.where(together, rng.random((PATIENTS, 1)) < rate, rng.random((PATIENTS, FILMS)) < rate)
        holds = 1.0 - fails.ravel()
        plain, own = bootstrap.mean(100.0 * holds, patient).interval, bootstrap.proportion(holds, patient).interval
        truth = 100.0 * (1.0 - rate)
        above += [plain is not None and plain.low > truth, own is not None and own.low > truth]
    return f"bootstrap alone {100 * above[0] / runs:4.1f} %, as given {100 * above[1] / runs:4.1f} % (2.5 % expected)"


def mean(runs: int, patients: int) -> str:
    """Sets of ``patients`` whose 95 % interval of the mean holds the true one, 0; half of the variance is theirs."""
    rng, held = np.random.default_rng(15), np.zeros(2)
    patient, bootstrap = np.repeat(np.arange(patients), FILMS), Bootstrap.of(patients, 1000, seed=0)
    for _ in range(runs):
        values = (rng.normal(size=(patients, 1)) + rng.normal(size=(patients, FILMS))).ravel()
        drawn = bootstrap.draws @ values.reshape(patients, FILMS).mean(axis=1) / patients
        low, high = np.quantile(drawn, (0.025, 0.975))
        interval = bootstrap.mean(values, patient).interval
        held += [low <= 0.0 <= high, interval is not None and interval.low <= 0.0 <= interval.high]
    return f"plain percentiles {100 * held[0] / runs:4.1f} %, as given {100 * held[1] / runs:4.1f} %"


def margin(runs: int, name: str, patients: int) -> str:
    """Sets of changes that Shapiro and Wilk reject and are called within a margin at which the typical one truly is."""
    rng = np.random.default_rng(16)
    draw = {"log-normal": rng.lognormal, "exponential": rng.exponential}[name]
    mean_of_all = {"log-normal": np.exp(0.5), "exponential": 1.0}[name]
    typical = float(np.median(draw(size=(2, 1_000_000)).mean(axis=0)))  # as Hodges and Lehmann have it
    within, tried = np.zeros(2), 0
    while tried < runs:
        change = draw(size=patients)
        p = shapiro_p(change)
        if p is None or p >= 0.05:
            continue
        tried += 1
        both = equivalence(change - mean_of_all + 0.5, 0.5), equivalence_by_ranks(change - typical + 0.5, 0.5)
        within += [test.is_maintained for test in both]
    return f"by t {100 * within[0] / runs:4.1f} %, by ranks {100 * within[1] / runs:4.1f} % (5 % expected)"


def agreement(runs: int, patients: int, shared: float) -> str:
    """Cohorts whose 95 % interval of the bias holds the true one, 0; ``shared`` is the correlation in a patient."""
    rng, held = np.random.default_rng(13), np.zeros(2)
    patient = np.repeat(np.arange(patients), FILMS)
    for _ in range(runs):
        person = rng.normal(0.0, 4.0, (patients, 1)) + np.array([18.0, 8.0, 11.0]) + rng.normal(size=(patients, FILMS))
        own, each = rng.normal(size=(patients, 1)), rng.normal(size=(patients, FILMS))
        program = person + 2.0 * (np.sqrt(shared) * own + np.sqrt(1.0 - shared) * each)
        pairs = np.column_stack([program.ravel(), person.ravel()])
        both = bland_altman(*pairs.T).bias_interval, agreement_intervals(pairs, patient).bias
        held += [interval is not None and interval.low <= 0.0 <= interval.high for interval in both]
    return f"as if independent {100 * held[0] / runs:4.1f} %, over patients {100 * held[1] / runs:4.1f} %"


def mixed(runs: int, errors: tuple[float, float, float], missing: int) -> str:
    """Tables of 15 patients without any change that the mixed model calls significant at 5 %."""
    rng, found = np.random.default_rng(14), np.zeros(2)
    for _ in range(runs):
        values = 4.0 * rng.normal(size=(15, 1)) + rng.normal(size=(15, 3)) * errors
        values.ravel()[rng.choice(45, missing, replace=False)] = np.nan
        test = mixed_model(values)
        assert test.epsilon is not None
        assert test.df2 is not None
        plain = float(stats.f.sf(test.statistic, test.df1 / test.epsilon, test.df2 / test.epsilon))
        found += [plain < 0.05, test.p < 0.05]
    return f"without epsilon {100 * found[0] / runs:4.1f} %, with it {100 * found[1] / runs:4.1f} %"


def main() -> None:
    """Print a line for each."""
    parser = options.Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=options.positive, default=2000, help="simulated sets a line")
    runs = parser.parse_args().runs
    print(f"{runs} simulated sets a line\nLow end of a share above the truth, {PATIENTS} patients of {FILMS} films:")
    for alike in (0.0, 0.3, 0.7):
        for rate in (0.003, 0.005, 0.0075, 0.01, 0.015, 0.025):
            print(f"  {100 * rate:.1f} % fail, {alike:g} alike: {shares(runs, rate, alike)}", flush=True)
    print(f"95 % interval of a mean, {FILMS} films a patient, holds it:")
    for patients in (5, 8, 10, 20, 40):
        print(f"  {patients} patients: {mean(runs, patients)}", flush=True)
    print("Skewed changes whose typical one is the margin, called within it:")
    for name in ("log-normal", "exponential"):
        for patients in (15, 30, 60):
            print(f"  {name}, {patients} patients: {margin(runs, name, patients)}", flush=True)
    print(f"95 % interval of the bias, {FILMS} films a patient, holds it:")
    for shared in (0.4, 0.8):
        for patients in (10, 20, 40):
            print(f"  {patients} patients, correlation {shared:g}: {agreement(runs, patients, shared)}", flush=True)
    print("Mixed model significant at 5 % without any change, 15 patients:")
    for errors in ((4.0, 1.0, 1.0), (1.0, 1.0, 1.0)):
        for missing in (1, 5):
            print(f"  errors {errors}, {missing} of 45 missing: {mixed(runs, errors, missing)}", flush=True)


if __name__ == "__main__":
    end(main)
