"""The films of a set, one after the other or in several processes: read, located, judged."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Protocol

from kummell_ai.anatomy import Phase, VertebralLevel
from kummell_ai.annotations.coco import AnnotatedFilm, with_patient
from kummell_ai.annotations.faults import why_not_a_spine
from kummell_ai.dicom.read import read_annotated
from kummell_ai.errors import FilmRefusedError, InputError
from kummell_ai.evaluation.films import evaluate_film, refused_film
from kummell_ai.evaluation.joint import JudgedFilm
from kummell_ai.evaluation.prefetch import prefetched
from kummell_ai.evaluation.results import FilmResult
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.radiograph import Radiograph
from kummell_ai.measurement.quality import check_landmarks
from kummell_ai.workers import NO_MEMORY, memory_errors, run_jobs

CHUNK = 4
"""Films that a process is given at a time: few, so that all processes end together."""


class Locator(Protocol):
    """Whatever finds vertebrae; `landmarks.predictor.Predictor` is one."""

    def locate(self, radiograph: Radiograph) -> SpineLandmarks:
        """The vertebrae of one film, in its own image px."""


@dataclass(frozen=True, slots=True)
class UnusedFilm:
    """A film that was not used: its file name, and why."""

    name: str
    reason: str


Outcome = JudgedFilm | UnusedFilm


def judged(folder: Path, films: Sequence[AnnotatedFilm], locator: Locator) -> Iterator[Outcome]:
    """What became of each film; the next ones are read in a thread while ``locator`` works."""
    for film, radiograph, decode_seconds in prefetched(_read_all(folder, films)):
        if isinstance(radiograph, InputError):
            yield UnusedFilm(film.file_name, str(radiograph))
            continue
        if (fault := why_not_a_spine(film.landmarks)) is not None:
            yield UnusedFilm(film.file_name, f"{film.file_name}: {fault}")
            continue
        film = with_patient(film, radiograph)
        began = time.perf_counter()
        try:
            with memory_errors():
                predicted = locator.locate(radiograph)
            seconds = time.perf_counter() - began
            result = _judge(film, radiograph, predicted)
        except InputError as error:
            yield UnusedFilm(film.file_name, str(error))
            continue
        except MemoryError:
            yield UnusedFilm(film.file_name, f"{film.file_name}: {NO_MEMORY}")
            continue
        timed = replace(result, seconds=seconds, decode_seconds=decode_seconds)
        bones = film.extra.get("truth")
        yield JudgedFilm(timed, predicted, radiograph.spacing, film.size_px, film.landmarks, bones)


def judged_apart(
    folder: Path, films: Sequence[AnnotatedFilm], make_locator: Callable[[], Locator], workers: int
) -> Iterator[Outcome]:
    """`judged`, in ``workers`` processes of one thread each, in order; ``make_locator`` is called in each of them.

    Raises:
        KummellError: a process was ended from outside, for example by the system when memory ran out.
    """
    parts = [films[start : start + CHUNK] for start in range(0, len(films), CHUNK)]
    if (processes := min(workers, len(parts))) < 2:
        yield from judged(folder, films, make_locator())
        return
    judge = partial(_judged_part, pickle.dumps(make_locator), folder)
    for outcomes in run_jobs(judge, parts, processes, in_order=True):
        yield from outcomes


def read_film(folder: Path, film: AnnotatedFilm) -> Radiograph:
    """The film of an annotation, with the annotation's spacing where it has one.

    Raises:
        InputError: the file cannot be read, or is not the one that was annotated.
    """
    frame = film.landmarks.reference.frame_number
    return read_annotated(folder / film.file_name, film.size_px, spacing=film.spacing, frame=frame)


def _judged_part(make_locator: bytes, folder: Path, films: Sequence[AnnotatedFilm]) -> list[Outcome]:
    return list(judged(folder, films, _made(make_locator)))


@cache
def _made(make_locator: bytes) -> Locator:
    """What a pickled function makes, once in a process: each job brings a new function, but the same bytes."""
    locator: Locator = pickle.loads(make_locator)()
    return locator


def _read_all(
    folder: Path, films: Iterable[AnnotatedFilm]
) -> Iterator[tuple[AnnotatedFilm, Radiograph | InputError, float]]:
    """Film, picture or why there is none, and the seconds that reading it took."""
    for film in films:
        start = time.perf_counter()
        radiograph: Radiograph | InputError
        try:
            radiograph = read_film(folder, film)
        except InputError as error:
            radiograph = error
        yield film, radiograph, time.perf_counter() - start


def _judge(film: AnnotatedFilm, radiograph: Radiograph, predicted: SpineLandmarks) -> FilmResult:
    phase, spacing, index_level = phase_of(film), radiograph.spacing, index_level_of(film)
    try:
        check_landmarks(radiograph, predicted)
    except FilmRefusedError as error:
        return refused_film(film.landmarks, phase, str(error), spacing, index_level)
    return evaluate_film(
        predicted,
        film.landmarks,
        spacing,
        size_px=film.size_px,
        phase=phase,
        index_level=index_level,
        truth_3d=film.extra.get("truth"),
    )


def phase_of(film: AnnotatedFilm) -> Phase:
    """When the film was taken, as its annotation says.

    Raises:
        InputError: it names no phase.
    """
    named = film.extra.get("phase")
    if named is None:
        return Phase.UNKNOWN
    phase = next((phase for phase in Phase if phase.value == named), None)
    if phase is None:
        known = ", ".join(phase.value for phase in Phase)
        raise InputError(f"{film.file_name}: phase is {named!r}; write one of {known}, or leave it away", named)
    return phase


def index_level_of(film: AnnotatedFilm) -> VertebralLevel | None:
    """The injured level, as the film's annotation says; None where it says nothing.

    Raises:
        InputError: it names no level.
    """
    named = film.extra.get("index_level")
    try:
        return None if named is None else VertebralLevel.parse(str(named))
    except ValueError as error:
        raise InputError(f"{film.file_name}: index_level: {error}", named) from error


__all__ = ["JudgedFilm", "Locator", "Outcome", "UnusedFilm", "judged", "judged_apart", "read_film"]
