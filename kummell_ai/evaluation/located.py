"""Annotated films with what a network found on them, not yet calibrated, and how given factors do on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from kummell_ai.annotations import films_folder, read_annotations, why_not_a_spine
from kummell_ai.annotations.coco import AnnotatedFilm, with_patient
from kummell_ai.annotations.source import OnFault
from kummell_ai.errors import FilmRefusedError, InputError
from kummell_ai.evaluation.films import evaluate_film
from kummell_ai.evaluation.joint import JudgedFilm, judge_together
from kummell_ai.evaluation.parts import index_level_of, phase_of, read_film
from kummell_ai.evaluation.results import FilmResult
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.interval_factors import IntervalFactors
from kummell_ai.imaging.radiograph import PixelSpacing, Radiograph
from kummell_ai.landmarks.assembly import Uncertainty, calibrated
from kummell_ai.measurement.quality import refuse_unusable


class UncalibratedLocator(Protocol):
    """Whatever finds vertebrae with its own covariances; `landmarks.predictor.Predictor` is one."""

    def locate_uncalibrated(self, radiograph: Radiograph) -> SpineLandmarks:
        """The vertebrae of one film, in its own image px."""


@dataclass(frozen=True, slots=True)
class LocatedFilm:
    """A film with its truth and what the network found.

    Attributes:
        truth: the annotated film.
        spacing: of the film.
        found: with the network's own covariances.
    """

    truth: AnnotatedFilm
    spacing: PixelSpacing
    found: SpineLandmarks

    @property
    def patient(self) -> str:
        """The patient, or the film where the truth names none."""
        reference = self.truth.landmarks.reference
        return reference.patient_id or reference.name


def locate_films(
    paths: Sequence[Path],
    locator: UncalibratedLocator,
    *,
    limit: int | None = None,
    progress: Callable[[int], None] | None = None,
    on_fault: OnFault | None = None,
) -> Iterator[LocatedFilm]:
    """The films of several annotated sets, one by one; those that are refused are left out.

    The patient is that of the annotation, or else of the film's header.

    Args:
        paths: sets, each a file or folder as `read_annotations` takes it.
        locator: what is calibrated.
        limit: the first so many films of each set only.
        progress: called with the number of films done after each.
        on_fault: told of each annotation and film that cannot be used, which is left out; None = it ends the reading.

    Raises:
        InputError: annotations or a film cannot be read.
    """
    done = 0
    for path in paths:
        for annotated in read_annotations(path, on_fault=on_fault)[:limit]:
            done += 1
            try:
                film, radiograph = _read(films_folder(path), annotated)
            except InputError as error:
                if on_fault is None:
                    raise
                on_fault(annotated.file_name, error)
                continue
            found = locator.locate_uncalibrated(radiograph)
            if progress is not None:
                progress(done)
            try:
                refuse_unusable(found)
            except FilmRefusedError:
                continue
            yield LocatedFilm(film, radiograph.spacing, found)


def _read(folder: Path, annotated: AnnotatedFilm) -> tuple[AnnotatedFilm, Radiograph]:
    """The film without what calibration does not use, and its picture.

    Raises:
        InputError: the film cannot be read, or its annotation is none to hold anything against.
    """
    radiograph = read_film(folder, annotated)
    if (fault := why_not_a_spine(annotated.landmarks)) is not None:
        raise InputError(f"{annotated.file_name}: {fault}", annotated.file_name)
    phase_of(annotated)  # refuses what nobody could use before an hour is spent, as the next line does
    index_level_of(annotated)
    return with_patient(replace(annotated, details=()), radiograph), radiograph


def judge_films(films: Sequence[LocatedFilm], uncertainty: Uncertainty) -> list[FilmResult]:
    """The films held against their truth, each by itself, with the intervals that ``uncertainty`` gives."""
    return [_judged(film, calibrated(film.found, uncertainty, film.spacing)) for film in films]


def judge_films_together(
    films: Sequence[LocatedFilm], uncertainty: Uncertainty, alone: Sequence[FilmResult]
) -> list[FilmResult]:
    """The films held against their truth, those of a patient named and measured together.

    Args:
        films: with the network's own covariances.
        uncertainty: its factors; where it has none for films measured together, their intervals have none.
        alone: what `judge_films` says of them.
    """
    alike = [calibrated(film.found, uncertainty, film.spacing) for film in films]
    found = [_with_together(landmarks, uncertainty.together_scale) for landmarks in alike]
    judged = [
        JudgedFilm(result, landmarks, film.spacing, film.truth.size_px, film.truth.landmarks)
        for film, landmarks, result in zip(films, found, alone, strict=True)
    ]
    return list(judge_together(judged).together)


def _with_together(landmarks: SpineLandmarks, scale: Mapping[str, float]) -> SpineLandmarks:
    """The film with interval factors of 1 for being measured together, where its bodies have none."""
    bodies = []
    for body in landmarks.vertebrae:
        factors = body.interval_factors
        if factors is not None and factors.together is None:
            joint = IntervalFactors(
                factors.stratum, {}, is_together=True, of_covariance=scale.get(factors.stratum, 1.0)
            )
            body = replace(body, interval_factors=replace(factors, together=joint))
        bodies.append(body)
    return replace(landmarks, vertebrae=tuple(bodies))


def _judged(film: LocatedFilm, found: SpineLandmarks) -> FilmResult:
    return evaluate_film(
        found,
        film.truth.landmarks,
        film.spacing,
        size_px=film.truth.size_px,
        phase=phase_of(film.truth),
        index_level=index_level_of(film.truth),
    )
