"""A predictor against a folder of films with known truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from kummell_ai.anatomy import Phase, VertebralLevel
from kummell_ai.annotations.coco import AnnotatedFilm, read_coco
from kummell_ai.dicom.read import read_radiograph
from kummell_ai.errors import FilmRefusedError, InputError
from kummell_ai.evaluation.films import evaluate_film, refused_film
from kummell_ai.evaluation.results import FilmResult
from kummell_ai.evaluation.summary import Row, summarise
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.radiograph import Radiograph
from kummell_ai.measurement.quality import check_landmarks


class Locator(Protocol):
    """Whatever finds vertebrae; `landmarks.predictor.Predictor` is one."""

    def locate(self, radiograph: Radiograph) -> SpineLandmarks:
        """The vertebrae of one film, in its own image px."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Results film by film, and the table made of them."""

    films: tuple[FilmResult, ...]
    rows: tuple[Row, ...]


def evaluate_dataset(
    coco_path: Path | str,
    predictor: Locator,
    *,
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Locate the vertebrae of every film of a COCO file and hold them against its truth.

    A film that the quality check refuses counts with all its vertebrae missed.

    Args:
        coco_path: ``annotations.json``; film files are found relative to it.
        predictor: what is evaluated.
        limit: evaluate the first so many films only.
        progress: called with (films done, films in all) after each film.

    Raises:
        InputError: the annotations or a film cannot be read, or there is no film.
    """
    path = Path(coco_path)
    annotated = read_coco(path)[:limit]
    if not annotated:
        raise InputError(f"{path.name}: no film is annotated; give a COCO file with images", str(path))
    results: list[FilmResult] = []
    for film, radiograph in _read(path.parent, annotated):
        results.append(_evaluate(film, radiograph, predictor))
        if progress is not None:
            progress(len(results), len(annotated))
    return Evaluation(tuple(results), summarise(results))


def _read(folder: Path, films: tuple[AnnotatedFilm, ...]) -> Iterator[tuple[AnnotatedFilm, Radiograph]]:
    for film in films:
        radiograph = read_radiograph(folder / film.file_name, frame=film.landmarks.reference.frame_number)
        if (radiograph.width, radiograph.height) != film.size_px:
            raise InputError(
                f"{film.file_name}: the film is {radiograph.width} x {radiograph.height} px, its annotation says "
                f"{film.size_px[0]} x {film.size_px[1]}; annotate this very file",
                film.size_px,
            )
        yield film, radiograph if film.spacing is None else replace(radiograph, spacing=film.spacing)


def _evaluate(film: AnnotatedFilm, radiograph: Radiograph, predictor: Locator) -> FilmResult:
    phase = _phase(film)
    predicted = predictor.locate(radiograph)
    try:
        check_landmarks(radiograph, predicted)
    except FilmRefusedError as error:
        return refused_film(film.landmarks, phase, str(error))
    level = film.extra.get("index_level")
    return evaluate_film(
        predicted,
        film.landmarks,
        radiograph.spacing,
        size_px=film.size_px,
        phase=phase,
        index_level=None if level is None else VertebralLevel.parse(str(level)),
        truth_3d=film.extra.get("truth"),
    )


def _phase(film: AnnotatedFilm) -> Phase:
    try:
        return Phase(film.extra.get("phase"))
    except ValueError:
        return Phase.UNKNOWN
