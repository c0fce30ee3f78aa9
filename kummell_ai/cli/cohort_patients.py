"""The patients of a cohort measured one after the other: the pixels of one are held at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kummell_ai.cli import console, models
from kummell_ai.cli.cohort_films import ListedFilm
from kummell_ai.cli.cohort_losses import OPTIONS, Losses
from kummell_ai.cli.corners import HandCorners
from kummell_ai.cli.looks import NO_MEMORY, Look, Network, look, look_apart
from kummell_ai.cli.series_order import missing_phase, visit_notes
from kummell_ai.cohort.film_values import scale_findings
from kummell_ai.cohort.manifest import ManifestFilm
from kummell_ai.cohort.measures import PHASES
from kummell_ai.cohort.problems import Fault, Problem
from kummell_ai.cohort.visits import Shot, Visits, order_visits
from kummell_ai.errors import FilmRefusedError, InputError, SeriesError
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.radiograph import ImageReference, Radiograph
from kummell_ai.measurement.mismatch import posture_of
from kummell_ai.measurement.pipeline import Shapes, further_reports, measure_film, measure_series
from kummell_ai.measurement.provenance import build_provenance
from kummell_ai.measurement.results import CorrectionReport, Finding, RadiographMeasurement, Severity

SPACING = (
    "give the spacing, or read angles and ratios",
    "use angles and ratios, or convert it to DICOM with its spacing",
)
"""The remedy for a film without a scale in other commands, and here, where no scale can be given."""

SAID_BEFORE = ("one-film", "missing-phase")
"""Codes of the findings that have a line of their own in a cohort."""

BOTH_COMMANDS = " (kummell-ai cohort) or by --phases (kummell-ai series)"
"""What stands behind the manifest in a remedy for either command."""


@dataclass(frozen=True, slots=True)
class MeasuredPatient:
    """A patient's report and the films with their pixels, by reference.

    Attributes:
        report: about the injured level that counts.
        others: about further injured levels, given or found.
        films: by reference.
        entries: what was given of each film.
        surgery: day of the operation, or None.
    """

    report: CorrectionReport
    others: tuple[CorrectionReport, ...]
    films: dict[ImageReference, Radiograph]
    entries: dict[ImageReference, ManifestFilm]
    surgery: dt.date | None


def measure_patients(
    groups: dict[str, list[ListedFilm]],
    network: Network,
    losses: Losses,
    by_hand: HandCorners,
    shapes: Shapes = "shared",
    workers: int = 1,
) -> Iterator[MeasuredPatient]:
    """The patients that can be reported on, one at a time, so that one patient's pixels are held.

    With several ``workers`` the films of the next ones are looked at meanwhile, in processes of their own.

    Raises:
        CheckpointError: the model folder cannot be used.
        UsageError: the device cannot be used.
    """
    predictor = network.load()
    every = [item for listed in groups.values() for item in listed]
    if (processes := min(workers, len(every))) > 1:
        looks = look_apart(_read, every, network, processes)
    else:
        looks = (look(_read(item), predictor) for item in every)
    for patient, listed in console.track(groups.items(), "measuring", len(groups)):
        films, shots = _measure_films(zip(listed, looks, strict=False), predictor, by_hand, losses)
        surgery = _agreed(listed, "surgery_date", losses)
        visits = order_visits(shots, surgery)
        for problem in visits.undated:
            losses.refuse(problem.fault, problem.place, problem.text)
        for problem in visits.same_day:
            losses.leave_out(problem, say=True)
        if not visits.films:
            continue
        try:
            yield _report(patient, listed, films, visits, surgery, losses, shapes)
        except SeriesError as error:
            first, *rest = visits.shots
            losses.refuse(Fault.NO_LEVEL, first.place, f"{first.name}: patient {patient}: {error}")
            for shot in rest:
                losses.refuse(Fault.NO_LEVEL, shot.place, f"{shot.name}: patient {patient}: as {first.name}")


def _read(item: ListedFilm) -> Radiograph | InputError:
    try:
        return item.with_pixels()
    except InputError as error:
        return error
    except MemoryError:
        return InputError(f"{item.film.reference.name}: {NO_MEMORY}")


def _measure_films(
    seen: Iterable[tuple[ListedFilm, Look]], predictor: models.Locator, by_hand: HandCorners, losses: Losses
) -> tuple[dict[ImageReference, Radiograph], list[Shot]]:
    films: dict[ImageReference, Radiograph] = {}
    shots = []
    for item, one in seen:
        try:
            film, found = by_hand.use(item.entry.path, one)
            measurement = _measure(film, found, predictor)
        except (InputError, FilmRefusedError) as error:
            losses.refuse(Fault.NOT_MEASURED, item.place, str(error))
            continue
        except MemoryError:
            losses.refuse(Fault.NOT_MEASURED, item.place, f"{item.film.reference.name}: {NO_MEMORY}")
            continue
        films[item.film.reference] = film
        shots.append(Shot.of(item.place, item.entry.phase, measurement, posture_of(measurement.reference)))
    return films, shots


def _report(
    patient: str,
    listed: Sequence[ListedFilm],
    films: dict[ImageReference, Radiograph],
    visits: Visits,
    surgery: dt.date | None,
    losses: Losses,
    shapes: Shapes,
) -> MeasuredPatient:
    levels = _agreed(listed, "index_levels", losses) or ()
    segment = _agreed(listed, "surgical_segment", losses)
    report = measure_series(
        visits.films,
        index_level=levels[0] if levels else None,
        further_levels=levels[1:],
        surgical_segment=segment,
        surgery_date=dt.date.min if any(shot.phase for shot in visits.shots) else surgery,
        notes=visit_notes(patient, visits, surgery),
        shapes=shapes,
    )
    missing = missing_phase([(f.phase, f.measurement.reference) for f in report.films], surgery)
    found = (*visits.against_time, *([missing] if missing else []))
    report = replace(report, findings=(*found, *report.findings))
    report, *others = (_in_manifest_words(r) for r in (report, *further_reports(report, segment)))
    _say_limits(patient, listed[0].place, report, losses)
    for finding in (f for r in (report, *others) for f in scale_findings(r)):
        losses.warn(Problem(Fault.FINDING, f"patient {patient}", finding.message, finding))
    return MeasuredPatient(report, tuple(others), films, {f.film.reference: f.entry for f in listed}, surgery)


def _agreed(listed: Sequence[ListedFilm], name: str, losses: Losses) -> Any:
    """What the rows of a patient say; the first row that says it counts, another that says otherwise is named."""
    given = [(item.place, value) for item in listed if (value := getattr(item.entry, name))]
    for place, value in given[1:]:
        if value != given[0][1]:
            column = name.removesuffix("s")  # several levels stand in the one column index_level
            text = f"{column} differs from {given[0][0]}, which counts: give one for the patient"
            losses.warn(Problem(Fault.CONTRADICTION, place, text))
    return given[0][1] if given else None


def _say_limits(patient: str, place: str, report: CorrectionReport, losses: Losses) -> None:
    """Missing phases, and what a reader of the patient's report is warned of; ``place`` is that of the first film."""
    absent = [p.value for p in PHASES if p not in {f.phase for f in report.films}]
    if len(report.films) == 1:
        film = report.films[0]
        name = film.measurement.reference.name
        text = f"patient {patient}: 1 usable film, {name}; a correction needs a film before and one after"
        where = "" if film.phase in PHASES else "; its phase is not known, so it is not in the table: give phase"
        losses.warn(Problem(Fault.ONE_FILM, place, f"{text}: add the others{where}"))
    elif absent:
        text = f"patient {patient}: no {' or '.join(absent)} film is usable; it counts as missing: add it"
        losses.warn(Problem(Fault.MISSING_PHASE, place, text))
    for finding in report.findings:
        if finding.severity is Severity.WARNING and finding.code not in SAID_BEFORE:
            losses.warn(Problem(Fault.FINDING, f"patient {patient}", finding.message, finding))
    for film in report.films:
        for finding in film.measurement.warnings:
            text = f"{film.phase.value} film: {finding.message}"
            losses.warn(Problem(Fault.FINDING, f"patient {patient}", text, finding))


def _in_manifest_words(report: CorrectionReport) -> CorrectionReport:
    """The report with remedies that name options of other commands as a manifest has them."""
    films = tuple(
        replace(film, measurement=replace(film.measurement, findings=_worded(film.measurement.findings)))
        for film in report.films
    )
    return replace(report, findings=_worded(report.findings), films=films)


def _worded(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    def worded(text: str) -> str:
        text = text.replace(BOTH_COMMANDS, "")
        for option, column in {**OPTIONS, "--phases": "phase"}.items():
            text = text.replace(option, f"{column} in a manifest")
        return text.replace(*SPACING)

    return tuple(replace(finding, message=worded(finding.message)) for finding in findings)


def _measure(film: Radiograph, found: SpineLandmarks, predictor: models.Locator) -> RadiographMeasurement:
    provenance = build_provenance(
        model=predictor.bundle.name,
        weights_sha256=predictor.bundle.weights_sha256,
        input_sha256=(film.reference.sha256,),
        options=models.options_of(predictor),
        calibrated_on=predictor.bundle.calibrated_on,
    )
    return measure_film(film, found, provenance=provenance)
