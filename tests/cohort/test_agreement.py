"""Agreement with a person: films of one patient are no independent ones, and phases are not one group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from kummell_ai.anatomy import Phase
from kummell_ai.cohort.agreement import LEAST_READINGS, Agreement, Reading, agreement_of
from kummell_ai.cohort.measures import FILM_MEASURES, PHASES
from kummell_ai.cohort.study import Flow, build_study
from kummell_ai.quantities import Interval
from kummell_ai.reporting.cohort_rows import agreement_rows
from kummell_ai.reporting.cohort_words import words
from kummell_ai.statistics.agreement import bland_altman, reliability

WEDGE = FILM_MEASURES[2]


def readings(program: np.ndarray, manual: np.ndarray) -> list[Reading]:
    """Of tables (patients, first phases); NaN = the film is not read."""
    return [
        Reading(f"P{i}", phase, WEDGE.key, float(program[i, j]), float(manual[i, j]))
        for i in range(len(program))
        for j, phase in enumerate(PHASES[: manual.shape[1]])
        if np.isfinite(manual[i, j])
    ]


def made_up(patients: int = 15, seed: int = 0, shared: float = 0.8) -> tuple[np.ndarray, np.ndarray]:
    """Program and person; the ``shared`` part of the error's variance is the patient's own."""
    rng = np.random.default_rng(seed)
    manual = rng.normal(0.0, 4.0, (patients, 1)) + np.array([18.0, 8.0, 11.0]) + rng.normal(0.0, 1.0, (patients, 3))
    error = shared**0.5 * rng.normal(size=(patients, 1)) + (1 - shared) ** 0.5 * rng.normal(size=(patients, 3))
    return manual + 2.0 * error, manual


def found(own: Sequence[Reading]) -> Agreement:
    agreement = agreement_of(WEDGE, own)
    assert agreement is not None
    return agreement


def bias(agreement: Agreement) -> Interval:
    assert agreement.limits is not None
    assert agreement.limits.bias_interval is not None
    return agreement.limits.bias_interval


def icc(agreement: Agreement) -> float:
    assert agreement.reliability is not None
    return agreement.reliability.icc


def test_one_film_a_patient_has_the_intervals_of_independent_films() -> None:
    program, manual = (table[:, :1] for table in made_up())
    agreement = found(readings(program, manual))
    pairs = np.column_stack([program, manual])
    assert (agreement.phase, agreement.patients, agreement.by_phase) == (Phase.PRE_OP, 15, ())
    assert agreement.limits == bland_altman(*pairs.T)
    assert agreement.reliability == reliability(pairs)


def test_the_interval_of_the_bias_is_that_of_the_patients_means() -> None:
    """With three films each the bias is the mean of the patients' means, of which Student's t knows the interval."""
    program, manual = made_up()
    agreement = found(readings(program, manual))
    means = (program - manual).mean(axis=1)
    half = float(stats.t.ppf(0.975, 14)) * means.std(ddof=1) / 15**0.5
    assert (len(agreement.program), agreement.patients) == (45, 15)
    assert agreement.limits is not None
    assert agreement.limits.bias == pytest.approx(means.mean())
    assert bias(agreement).half_width == pytest.approx(half, rel=0.08), "4,000 resamples tell a far tail to some %"
    assert bland_altman(program.ravel(), manual.ravel()).bias_interval.half_width < 0.75 * half


def test_films_read_thrice_tell_no_more_than_films_read_once() -> None:
    program, manual = (np.repeat(table[:, :1], 3, axis=1) for table in made_up(shared=1.0))
    once, thrice = found(readings(program[:, :1], manual[:, :1])), found(readings(program, manual))
    assert bias(thrice).half_width == pytest.approx(bias(once).half_width, rel=0.08)


def test_intervals_hold_the_truth_where_errors_of_a_patient_are_alike() -> None:
    """The true bias is 0; of 200 cohorts 190 should hold it, standard error 3; as independent films 160 do."""
    intervals = [bias(found(readings(*made_up(seed=seed)))) for seed in range(200)]
    held = sum(interval.low <= 0 <= interval.high for interval in intervals)
    assert held >= 190 - 2 * 3.1


def test_the_same_readings_have_the_same_intervals_in_any_order() -> None:
    own = readings(*made_up())
    assert agreement_rows_of(own) == agreement_rows_of(own[::-1])


def agreement_rows_of(own: Sequence[Reading], language: str = "en") -> list[tuple[str, str, tuple[str, ...]]]:
    study = build_study({}, (), own, Flow(0, 0, (), (), 0), (), None)
    return [(row.label, row.phase, row.cells) for row in agreement_rows(study, words(language))]


def test_pooled_phases_have_a_row_and_each_phase_its_own() -> None:
    """The phases differ by up to 10 and so raise the ICC; each phase is the table of its own films."""
    program, manual = made_up(20, shared=0.3)
    manual[LEAST_READINGS - 1 :, 2] = np.nan
    agreement = found(readings(program, manual))
    assert [part.phase for part in agreement.by_phase] == [Phase.PRE_OP, Phase.POST_OP], "follow-up: nine films"
    for column, part in enumerate(agreement.by_phase):
        assert part.reliability == reliability(np.column_stack([program[:, column], manual[:, column]]))
        assert icc(part) < icc(agreement)
    rows = agreement_rows_of(readings(program, manual))
    assert [(label, phase, cells[0]) for label, phase, cells in rows] == [
        ("Wedge angle (°)", "phases pooled", "49 (20)"),
        ("Wedge angle (°)", "Pre-op", "20 (20)"),
        ("Wedge angle (°)", "Post-op", "20 (20)"),
    ]
    chinese = agreement_rows_of(readings(program, manual), "zh")
    assert [(phase, cells[0]) for _, phase, cells in chinese][:2] == [("各时相合并", "49（20）"), ("术前", "20（20）")]


@pytest.mark.parametrize(("films", "has_limits"), [(2, False), (3, True)])
def test_films_of_one_patient_have_no_interval(films: int, has_limits: bool) -> None:
    program, manual = (table[:1, :films] for table in made_up())
    agreement = found(readings(program, manual))
    assert (agreement.limits is not None, agreement.patients) == (has_limits, 1)
    if agreement.limits is not None and agreement.reliability is not None:
        assert agreement.limits.bias_interval is None
        assert agreement.reliability.icc_interval is None
        assert agreement.reliability.sem > 0


def test_without_readings_there_is_no_agreement() -> None:
    assert agreement_of(FILM_MEASURES[0], readings(*made_up())) is None
