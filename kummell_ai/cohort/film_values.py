"""The values of a patient's films as the cohort takes them: which film stands for a phase, lengths on one scale.

Lengths of a patient are those on the scale of one film, the best calibrated of those that stand for a phase, the
earliest among equals. A film of another kind of calibration has the length that the patient's report gives it beside
that film, or none where the report has no intact vertebra to bring the two together.
"""

from __future__ import annotations

from kummell_ai.anatomy import Phase, VertebralLevel, films_that_count
from kummell_ai.cohort.measures import FILM_MEASURES, PHASES, Measure, Observation
from kummell_ai.imaging.radiograph import Calibration
from kummell_ai.measurement.results import (
    AppliedScale,
    Correction,
    CorrectionReport,
    Finding,
    PhasedMeasurement,
    RadiographMeasurement,
    Severity,
    Verdict,
)
from kummell_ai.quantities import Quantity

_BEST_FIRST = list(Calibration)


def film_observations(report: CorrectionReport, *, is_main: bool = True) -> list[Observation]:
    """The main measures on every film of known phase.

    The last film before, the first after and the last follow-up count; none does when the level is not the main one.
    """
    chosen = films_that_count(report.films) if is_main else {}
    found = []
    for film in report.films:
        if film.phase not in PHASES:
            continue
        counts = chosen.get(film.phase) is film
        for measure in FILM_MEASURES:
            observation = _observe(report, film, measure, counts)
            found += [observation] if observation else []
    return found


def scale_film(report: CorrectionReport) -> PhasedMeasurement | None:
    """The film on whose scale the patient's lengths are; None without a film of known phase."""
    chosen = films_that_count(report.films)
    standing = [film for film in report.films if chosen.get(film.phase) is film]
    return min(standing, key=lambda film: _BEST_FIRST.index(_kind(film)), default=None)


def scale_findings(report: CorrectionReport) -> list[Finding]:
    """Which lengths were brought to the scale of another film, and which are left out as they could not be."""
    own = scale_film(report)
    if own is None:
        return []
    moved, lost = [], []
    for film in report.films:
        if film.phase not in PHASES or _kind(film) is _kind(own):
            continue
        name, applied = film.measurement.reference.name, _applied(report, film, own)
        if applied is not None and applied.factor.value is not None:
            moved.append(f"{name} ({_kind(film).value}) by {applied.factor.value:.4g}")
        elif any(measured_value(film.measurement, report.index_level, m) for m in FILM_MEASURES if m.unit == "mm"):
            lost.append(f"{name} ({_kind(film).value})")
    scale = f"the scale of {own.measurement.reference.name} ({_kind(own).value})"
    found = []
    if moved:
        text = f"heights of {report.index_level} are on {scale} in the tables; multiplied are those of "
        found.append(Finding("scale-from-neighbours", Severity.INFO, text + ", ".join(moved)))
    if lost:
        text = f"heights of {report.index_level} cannot be brought to {scale} and are not in the tables: those of "
        why = "; use films with one kind of calibration, or read angles and ratios"
        found.append(Finding("no-common-scale", Severity.WARNING, text + ", ".join(lost) + why))
    return found


def verdicts(report: CorrectionReport) -> dict[tuple[Phase, Phase, str], Verdict]:
    """What the patient's report says of each change, by earlier phase, later phase and measure.

    Unknown where the tables lack one of the two values, as a length that cannot be brought to their scale.
    """
    chosen, found = films_that_count(report.films), {}
    for correction in report.corrections:
        films = (chosen[correction.before], chosen[correction.after])
        said = {change.quantity_id: change.verdict for change in correction.changes}
        for measure in FILM_MEASURES:
            is_there = all(value_on_one_scale(report, film, measure)[0] for film in films)
            verdict = said.get(measure.key, Verdict.UNKNOWN) if is_there else Verdict.UNKNOWN
            found[correction.before, correction.after, measure.key] = verdict
    return found


def days_since_first(report: CorrectionReport, film: RadiographMeasurement) -> int | None:
    """Days from the patient's first dated film to ``film``; None without a date."""
    known = [f.measurement.reference.acquired for f in report.films if f.measurement.reference.acquired]
    acquired = film.reference.acquired
    return (acquired.date() - min(known).date()).days if acquired is not None else None


def measured_value(film: RadiographMeasurement, level: VertebralLevel, measure: Measure) -> Quantity | None:
    """The measure on one film, in the film's own scale, about the injured ``level``; None where it has none."""
    segment, vertebra = film.segment(measure.key, level), film.at(level)
    return _known(segment.angle if segment else vertebra.quantities.get(measure.key) if vertebra else None, measure)


def _known(quantity: Quantity | None, measure: Measure) -> Quantity | None:
    is_there = quantity is not None and quantity.value is not None and quantity.unit == measure.unit
    return quantity if is_there else None


def _observe(report: CorrectionReport, film: PhasedMeasurement, measure: Measure, counts: bool) -> Observation | None:
    quantity, factor = value_on_one_scale(report, film, measure)
    if quantity is None or quantity.value is None:
        return None
    low, high = (quantity.interval.low, quantity.interval.high) if quantity.interval else (None, None)
    own = scale_film(report)
    return Observation(
        *(report.patient_id, film.phase, measure.key, quantity.value, film.measurement.reference.name, low, high),
        level=str(report.index_level),
        day=days_since_first(report, film.measurement),
        counts=counts,
        scale=_kind(own) if own is not None and measure.unit == "mm" else None,
        factor=factor,
    )


def value_on_one_scale(
    report: CorrectionReport, film: PhasedMeasurement, measure: Measure
) -> tuple[Quantity | None, float]:
    """The measure on a film, a length on the scale of `scale_film`, and by what it was multiplied."""
    own = scale_film(report)
    if measure.unit != "mm" or own is None or _kind(film) is _kind(own):
        return measured_value(film.measurement, report.index_level, measure), 1.0
    applied, pair = _applied(report, film, own), _pair(report, film, own)
    if applied is None or applied.factor.value is None or pair is None:
        return None, 1.0
    change = next((c for c in pair.changes if c.quantity_id == measure.key), None)
    quantity = None if change is None else change.before if pair.before is film.phase else change.after
    return _known(quantity, measure), applied.factor.value


def _applied(report: CorrectionReport, film: PhasedMeasurement, own: PhasedMeasurement) -> AppliedScale | None:
    """How ``film`` was brought to the scale of ``own``, which is of a better kind."""
    pair = _pair(report, film, own)
    return None if pair is None else pair.scale


def _pair(report: CorrectionReport, film: PhasedMeasurement, own: PhasedMeasurement) -> Correction | None:
    """The comparison of the two films; None where one of them stands for no phase."""
    if films_that_count(report.films).get(film.phase) is not film:
        return None
    phases = {film.phase, own.phase}
    return next((c for c in report.corrections if {c.before, c.after} == phases), None)


def _kind(film: PhasedMeasurement) -> Calibration:
    return film.measurement.spacing.calibration
