"""A predictor against a folder of films with known truth."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kummell_ai.annotations import films_folder
from kummell_ai.annotations.coco import AnnotatedFilm, read_coco
from kummell_ai.errors import InputError
from kummell_ai.evaluation.joint import JudgedFilm, judge_together
from kummell_ai.evaluation.parts import Locator, Outcome, UnusedFilm, judged, judged_apart, read_film
from kummell_ai.evaluation.results import FilmResult
from kummell_ai.evaluation.summary import Row, summarise
from kummell_ai.evaluation.worst import WorstFilm, WorstFilms


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Results film by film, and the table made of them.

    Attributes:
        films: in the order of the annotations.
        rows: see `summarise`.
        worst: the films that went worst, worst first.
        wall_seconds: that all films took, from the first file to the last result.
        unused: films that could not be read, and are not part of any figure.
        refused: file name and reason of the films that the predictor's result was refused of; part of ``films``.
        together: the same films, those of a patient measured together, as a report of them would.
    """

    films: tuple[FilmResult, ...]
    rows: tuple[Row, ...]
    worst: tuple[WorstFilm, ...] = ()
    wall_seconds: float | None = None
    unused: tuple[UnusedFilm, ...] = ()
    refused: tuple[UnusedFilm, ...] = ()
    together: tuple[FilmResult, ...] = ()


def evaluate_dataset(
    coco_path: Path | str,
    predictor: Locator,
    *,
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    keep_worst: int = 0,
    workers: int = 1,
    make_predictor: Callable[[], Locator] | None = None,
) -> Evaluation:
    """`evaluate_films` of a COCO file.

    Args:
        coco_path: ``annotations.json``; film files are found relative to it.
        predictor: what is evaluated.
        limit: evaluate the first so many films only.
        progress: as there.
        keep_worst: as there.
        workers: as there.
        make_predictor: as there.

    Raises:
        InputError: the annotations cannot be read, or no film of them can.
        KummellError: a process was ended from outside, for example by the system when memory ran out.
        ValueError: several workers and no ``make_predictor``.
    """
    annotated = [replace(film, details=()) for film in read_coco(coco_path)[:limit]]
    return evaluate_films(
        Path(coco_path),
        annotated,
        predictor,
        progress=progress,
        keep_worst=keep_worst,
        workers=workers,
        make_predictor=make_predictor,
    )


def evaluate_films(
    source: Path,
    annotated: Sequence[AnnotatedFilm],
    predictor: Locator,
    *,
    progress: Callable[[int, int], None] | None = None,
    keep_worst: int = 0,
    workers: int = 1,
    make_predictor: Callable[[], Locator] | None = None,
) -> Evaluation:
    """Locate the vertebrae of annotated films and hold them against their truth.

    A film that the quality check refuses counts with all its vertebrae missed; one that cannot be read is left out and
    named. Films are read in a thread while the predictor works, and let go as soon as they are judged. At the end the
    films of each patient are named and measured once more together, as a report of them would.

    Args:
        source: annotation file or folder of the set; film files are found relative to its `films_folder`.
        annotated: the films, without `AnnotatedFilm.details`, which nothing here needs.
        predictor: what is evaluated.
        progress: called with (films done, films in all) after each film.
        keep_worst: films to keep in `Evaluation.worst`, without their pixels.
        workers: processes, of one thread each; more than one need ``make_predictor``.
        make_predictor: makes the predictor of a process, the same as ``predictor``; it is pickled.

    Raises:
        InputError: there is no film, or none can be used.
        KummellError: a process was ended from outside, for example by the system when memory ran out.
        ValueError: several workers and no ``make_predictor``.
    """
    if not annotated:
        raise InputError(f"{source}: no film is annotated; give a COCO file with images", str(source))
    start = time.perf_counter()
    outcomes = _outcomes(films_folder(source), annotated, predictor, workers, make_predictor)
    located: list[JudgedFilm] = []
    unused: list[UnusedFilm] = []
    refused: list[UnusedFilm] = []
    worst = WorstFilms(keep_worst)
    for done, (film, outcome) in enumerate(zip(annotated, outcomes, strict=True), 1):
        if isinstance(outcome, UnusedFilm):
            unused.append(outcome)
        else:
            located.append(outcome)
            worst.offer(outcome.result, film, outcome.predicted)
            if outcome.result.refused is not None:
                refused.append(UnusedFilm(film.file_name, outcome.result.refused))
        if progress is not None:
            progress(done, len(annotated))
    if not located:
        raise InputError(f"none of {len(annotated)} films can be used; the first: {unused[0].reason}", str(source))
    joint = judge_together(located)
    wall = time.perf_counter() - start
    rows = summarise(joint.named)
    return Evaluation(joint.named, rows, worst.sorted(), wall, tuple(unused), tuple(refused), joint.together)


def _outcomes(
    folder: Path,
    films: Sequence[AnnotatedFilm],
    predictor: Locator,
    workers: int,
    make_predictor: Callable[[], Locator] | None,
) -> Iterator[Outcome]:
    if workers == 1:
        return judged(folder, films, predictor)
    if make_predictor is None:
        raise ValueError(f"workers is {workers}; more than one need make_predictor")
    return judged_apart(folder, films, make_predictor, workers)


__all__ = ["Evaluation", "Locator", "UnusedFilm", "evaluate_dataset", "evaluate_films", "read_film"]
