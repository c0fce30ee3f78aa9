"""A predictor against a folder of films with known truth."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from kummell_ai.anatomy import Phase, VertebralLevel
from kummell_ai.annotations.coco import AnnotatedFilm, read_coco
from kummell_ai.dicom.read import read_radiograph
from kummell_ai.errors import FilmRefusedError, InputError
from kummell_ai.evaluation.films import evaluate_film, refused_film
from kummell_ai.evaluation.prefetch import prefetched
from kummell_ai.evaluation.results import FilmResult
from kummell_ai.evaluation.summary import Row, summarise
from kummell_ai.evaluation.worst import WorstFilm, WorstFilms
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.radiograph import Radiograph
from kummell_ai.measurement.quality import check_landmarks


class Locator(Protocol):
    """Whatever finds vertebrae; `landmarks.predictor.Predictor` is one."""

    def locate(self, radiograph: Radiograph) -> SpineLandmarks:
        """The vertebrae of one film, in its own image px."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Results film by film, and the table made of them.

    Attributes:
        films: in the order of the annotations.
        rows: see `summarise`.
        worst: the films that went worst, worst first.
        wall_seconds: that all films took, from the first file to the last result.
    """

    films: tuple[FilmResult, ...]
    rows: tuple[Row, ...]
    worst: tuple[WorstFilm, ...] = ()
    wall_seconds: float | None = None


def evaluate_dataset(
    coco_path: Path | str,
    predictor: Locator,
    *,
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    keep_worst: int = 0,
) -> Evaluation:
    """Locate the vertebrae of every film of a COCO file and hold them against its truth.

    A film that the quality check refuses counts with all its vertebrae missed. Films are read in a thread while the
    predictor works, and let go as soon as they are judged.

    Args:
        coco_path: ``annotations.json``; film files are found relative to it.
        predictor: what is evaluated.
        limit: evaluate the first so many films only.
        progress: called with (films done, films in all) after each film.
        keep_worst: films to keep in `Evaluation.worst`, without their pixels.

    Raises:
        InputError: the annotations or a film cannot be read, or there is no film.
    """
    path = Path(coco_path)
    annotated = tuple(replace(film, details=()) for film in read_coco(path)[:limit])
    if not annotated:
        raise InputError(f"{path.name}: no film is annotated; give a COCO file with images", str(path))
    results: list[FilmResult] = []
    worst = WorstFilms(keep_worst)
    start = time.perf_counter()
    for film, radiograph, decode_seconds in prefetched(_read_all(path.parent, annotated)):
        began = time.perf_counter()
        predicted = predictor.locate(radiograph)
        seconds = time.perf_counter() - began
        result = _judge(film, radiograph, predicted)
        results.append(replace(result, seconds=seconds, decode_seconds=decode_seconds))
        worst.offer(results[-1], film, predicted)
        if progress is not None:
            progress(len(results), len(annotated))
    wall = time.perf_counter() - start
    return Evaluation(tuple(results), summarise(results), worst.sorted(), wall)


def read_film(folder: Path, film: AnnotatedFilm) -> Radiograph:
    """The film of an annotation, with the annotation's spacing where it has one.

    Raises:
        InputError: the file cannot be read, or is not the one that was annotated.
    """
    radiograph = read_radiograph(folder / film.file_name, frame=film.landmarks.reference.frame_number)
    if (radiograph.width, radiograph.height) != film.size_px:
        raise InputError(
            f"{film.file_name}: the film is {radiograph.width} x {radiograph.height} px, its annotation says "
            f"{film.size_px[0]} x {film.size_px[1]}; annotate this very file",
            film.size_px,
        )
    return radiograph if film.spacing is None else replace(radiograph, spacing=film.spacing)


def _read_all(folder: Path, films: Iterable[AnnotatedFilm]) -> Iterator[tuple[AnnotatedFilm, Radiograph, float]]:
    """Film, picture and the seconds that reading it took."""
    for film in films:
        start = time.perf_counter()
        radiograph = read_film(folder, film)
        yield film, radiograph, time.perf_counter() - start


def _judge(film: AnnotatedFilm, radiograph: Radiograph, predicted: SpineLandmarks) -> FilmResult:
    phase, spacing = _phase(film), radiograph.spacing
    named = film.extra.get("index_level")
    index_level = None if named is None else VertebralLevel.parse(str(named))
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


def _phase(film: AnnotatedFilm) -> Phase:
    try:
        return Phase(film.extra.get("phase"))
    except ValueError:
        return Phase.UNKNOWN
