"""The films of a cohort: read, put in order by patient, measured one patient at a time."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kummell_ai.anatomy import Phase
from kummell_ai.cli import console, models
from kummell_ai.cohort.manifest import ManifestFilm, read_manifest
from kummell_ai.cohort.measures import PHASES
from kummell_ai.cohort.pseudonym import Pseudonyms
from kummell_ai.dicom import find_films, order_series, read_radiograph
from kummell_ai.errors import FilmRefusedError, InputError, SeriesError
from kummell_ai.imaging.radiograph import ImageReference, Radiograph
from kummell_ai.measurement.pipeline import measure_film, measure_series
from kummell_ai.measurement.provenance import build_provenance
from kummell_ai.measurement.results import CorrectionReport, RadiographMeasurement

_BY_PHASE = {phase: i for i, phase in enumerate((*PHASES, Phase.UNKNOWN))}


@dataclass(frozen=True, slots=True)
class ListedFilm:
    """A film that can be read, under the reference it has in all outputs."""

    entry: ManifestFilm
    film: Radiograph
    label: str

    def with_pixels(self) -> Radiograph:
        """The film read again, under the same reference."""
        radiograph = read_radiograph(self.entry.path)
        return replace(radiograph, reference=self.film.reference, notes=self.film.notes)


@dataclass(slots=True)
class Losses:
    """What could not be used, said as it happens.

    Attributes:
        problems: lines for people.
        refused: (film, reason) pairs.
        secrets: text that must not be shown, and what stands for it.
    """

    problems: console.Problems
    refused: list[tuple[str, str]] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)

    def scrub(self, text: str) -> str:
        """The text with every secret replaced, longest first."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", self.secrets[secret], text)
        return text

    def refuse(self, film: str, reason: str) -> None:
        """A film that is not used."""
        film, reason = self.scrub(film), self.scrub(reason)
        self.refused.append((film, reason.removeprefix(f"{film}: ")))
        self.problems.fail(film, reason)

    def warn(self, line: str) -> None:
        """A line that names its file or patient itself."""
        name, _, rest = self.scrub(line).partition(": ")
        self.problems.warn(name, rest)


def list_films(source: Path) -> tuple[list[ManifestFilm], list[str]]:
    """The films of a folder or a manifest, and the problems of the latter.

    Raises:
        InputError: nothing is there, or the manifest cannot be read.
    """
    if source.is_file():
        return read_manifest(source)
    paths = find_films([source])
    return [ManifestFilm(p, p.relative_to(source).as_posix(), None, None, None, None, ()) for p in paths], []


def hide_names(entries: Sequence[ManifestFilm], pseudonyms: Pseudonyms, losses: Losses) -> None:
    """Keep file names and the manifest's patients out of every line from here on."""
    for number, entry in enumerate(entries, start=1):
        names = [entry.path.name, str(entry.path)] + ([] if " row " in entry.place else [entry.place])
        losses.secrets |= dict.fromkeys(names, f"film {number}")
        if entry.patient_id:
            losses.secrets[entry.patient_id] = pseudonyms.patient(entry.patient_id)


def read_by_patient(
    entries: Sequence[ManifestFilm], pseudonyms: Pseudonyms | None, losses: Losses
) -> dict[str, list[ListedFilm]]:
    """Films without pixels by the name of their patient in all outputs, sorted by it."""
    groups: dict[str, list[tuple[ManifestFilm, Radiograph]]] = {}
    seen: dict[tuple[str | None, int | None], str] = {}
    differing: set[tuple[str, str]] = set()
    for entry in console.track(entries, "reading", len(entries)):
        try:
            if not entry.path.is_file():
                raise InputError(f"{entry.path.name}: is not there; check the path, relative to the manifest")
            film = read_radiograph(entry.path)
            key = (film.reference.sha256, film.reference.frame_number)
            if key in seen:
                raise InputError(f"{entry.path.name}: is a copy of {seen[key]}; list it once")
            seen[key] = entry.place
        except InputError as error:
            losses.refuse(entry.place, str(error))
            continue
        patient = entry.patient_id or film.reference.patient_id or f"unknown {entry.path.parent.name}".strip()
        film = replace(film, pixels=film.pixels[:1, :1].copy())
        in_header = film.reference.patient_id
        if pseudonyms and in_header:
            losses.secrets[in_header] = pseudonyms.patient(in_header)
        if in_header and in_header != patient and (in_header, patient) not in differing:
            differing.add((in_header, patient))
            text = f"the film says patient {in_header}, the manifest {patient}; the manifest counts: check the row"
            losses.warn(f"{entry.place}: {text}")
        groups.setdefault(patient, []).append((entry, film))
    named = {}
    for patient, films in groups.items():
        name = pseudonyms.patient(patient) if pseudonyms else patient
        if pseudonyms:
            losses.secrets[patient] = name
        named[name] = _name_films(patient, films, pseudonyms)
    return dict(sorted(named.items()))


def _name_films(
    patient: str, films: Sequence[tuple[ManifestFilm, Radiograph]], pseudonyms: Pseudonyms | None
) -> list[ListedFilm]:
    moments = sorted({f.reference.acquired for _, f in films if f.reference.acquired})
    listed = []
    for number, (entry, film) in enumerate(films, start=1):
        acquired = film.reference.acquired
        if pseudonyms:
            rank = moments.index(acquired) if acquired else 0
            reference = pseudonyms.reference(film.reference, patient, number, rank)
            if entry.surgery_date:
                entry = replace(entry, surgery_date=pseudonyms.day(patient, entry.surgery_date))
            film = replace(film, notes=())
        else:
            reference = replace(film.reference, patient_id=patient, name=_short(entry))
        listed.append(ListedFilm(entry, replace(film, reference=reference), reference.name))
    return listed


def _short(entry: ManifestFilm) -> str:
    """The film's name in its folder; films of several folders keep theirs apart by it."""
    return entry.path.name if " row " in entry.place else entry.place


@dataclass(frozen=True, slots=True)
class MeasuredPatient:
    """A patient's report and the films with their pixels, by reference."""

    report: CorrectionReport
    films: dict[ImageReference, Radiograph]
    entries: dict[ImageReference, ManifestFilm]


def measure_patients(
    groups: dict[str, list[ListedFilm]], predictor: models.Locator, losses: Losses
) -> Iterator[MeasuredPatient]:
    """The patients that can be reported on, one at a time, so that one patient's pixels are held."""
    for patient, listed in console.track(groups.items(), "measuring", len(groups)):
        try:
            measured = _measure_patient(patient, listed, predictor, losses)
        except SeriesError as error:
            gone = {name for name, _ in losses.refused}
            for film in listed:
                if film.label not in gone:
                    losses.refuse(film.label, str(error))
            continue
        if measured:
            yield measured


def _measure_patient(
    patient: str, listed: Sequence[ListedFilm], predictor: models.Locator, losses: Losses
) -> MeasuredPatient | None:
    by_reference = {f.film.reference: f for f in listed}
    surgery = next((f.entry.surgery_date for f in listed if f.entry.surgery_date), None)
    level = next((f.entry.index_level for f in listed if f.entry.index_level), None)
    phased, notes, certain = _order(patient, listed, surgery)
    films: dict[ImageReference, Radiograph] = {}
    measured: list[tuple[Phase, RadiographMeasurement]] = []
    for phase, reference in phased:
        try:
            film = by_reference[reference].with_pixels()
            measurement = _measure(film, predictor)
        except (InputError, FilmRefusedError) as error:
            losses.refuse(by_reference[reference].label, str(error))
            continue
        films[reference] = film
        measured.append((phase, measurement))
    if not measured:
        return None
    report = measure_series(measured, index_level=level, surgery_date=certain, notes=notes)
    absent = [p.value for p in PHASES if p not in {f.phase for f in report.films}]
    if len(report.films) == 1:
        losses.warn(f"patient {patient}: 1 usable film; a correction needs a film before and one after: add the others")
    elif absent:
        losses.warn(f"patient {patient}: no {' or '.join(absent)} film is usable; it counts as missing: add it")
    return MeasuredPatient(report, films, {r: f.entry for r, f in by_reference.items()})


def _order(
    patient: str, listed: Sequence[ListedFilm], surgery: dt.date | None
) -> tuple[list[tuple[Phase, ImageReference]], tuple[str, ...], dt.date | None]:
    """Phases and films in order, notes, and a date when the phases are certain."""
    given = {f.film.reference: f.entry.phase for f in listed if f.entry.phase}
    if len(given) == len(listed):
        ordered = sorted(given, key=lambda r: (_BY_PHASE[given[r]], r.acquired or dt.datetime.min))
        return [(given[r], r) for r in ordered], (), surgery or dt.date.min
    series = order_series(patient, [f.film for f in listed], surgery_date=surgery)
    phased = [(given.get(film.reference, phase), film.reference) for phase, film in series.films]
    return phased, series.notes, surgery


def _measure(film: Radiograph, predictor: models.Locator) -> RadiographMeasurement:
    provenance = build_provenance(
        model=predictor.bundle.name,
        weights_sha256=predictor.bundle.weights_sha256,
        input_sha256=(film.reference.sha256,),
    )
    return measure_film(film, predictor.locate(film), provenance=provenance)
