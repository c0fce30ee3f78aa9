"""Films to measurements, one after the other; a film that fails is said and left out."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from kummell_ai.cli import console, models
from kummell_ai.cli.console import Problems
from kummell_ai.cli.corners import HandCorners
from kummell_ai.cli.files import labels
from kummell_ai.cli.looks import Look, Network, look, look_apart
from kummell_ai.errors import FilmRefusedError, InputError, UsageError
from kummell_ai.workers import NO_MEMORY

if TYPE_CHECKING:
    from kummell_ai.imaging.annotation import SpineLandmarks
    from kummell_ai.imaging.radiograph import Radiograph
    from kummell_ai.measurement.results import RadiographMeasurement

OVERRULES = "mm overrules"
"""In the reader's note that a given pixel size takes the place of the header's."""


@dataclass(frozen=True, slots=True)
class ReadFilm:
    """A film that could be read, and where it came from."""

    path: Path
    radiograph: Radiograph


@dataclass(frozen=True, slots=True)
class MeasuredFilm:
    """A film that could be measured."""

    path: Path
    radiograph: Radiograph
    measurement: RadiographMeasurement


def find_inputs(inputs: Sequence[Path], problems: Problems) -> list[Path]:
    """The films of all inputs; an input that is absent or empty is said, the others count."""
    from kummell_ai.dicom import find_films

    found: dict[str, Path] = {}
    for entry in inputs:
        try:
            found = {os.path.realpath(path): path for path in find_films([entry])} | found
        except InputError as error:
            problems.fail(str(entry), str(error))
    return sorted(found.values())


def read_all(paths: Sequence[Path], args: argparse.Namespace, problems: Problems) -> Iterator[ReadFilm]:
    """The films that can be read, one at a time."""
    names = labels(paths)
    for path, film in console.track(_read_ahead(names, args), "reading", len(paths)):
        if isinstance(film, InputError):
            problems.fail(names[path], str(film))
            continue
        yield ReadFilm(path, film)


def measure_all(paths: Sequence[Path], args: argparse.Namespace, problems: Problems) -> Iterator[MeasuredFilm]:
    """The films that can be measured, one at a time; each gets at most one line of problems.

    Raises:
        CheckpointError: the model folder cannot be used.
        UsageError: ``--corners`` cannot be read, or it is not clear which film they are of.
    """
    if not paths:
        return
    names = labels(paths)
    by_hand = HandCorners.read(args.corners, paths)
    if by_hand.without_film:
        told = console.first_of(by_hand.without_film)
        problems.warn(str(args.corners), f"has corners of films that are not given: {told}; give those films, too")
    network = Network(args.model, args.precision, args.device)
    predictor = network.load()
    for path, seen in console.track(_looks(names, network, predictor, args), "measuring", len(paths)):
        try:
            film, found = by_hand.use(path, seen)
            measurement = _measure(film, found, predictor, args)
        except (InputError, FilmRefusedError) as error:
            problems.fail(names[path], str(error))
            continue
        except MemoryError:
            problems.fail(names[path], NO_MEMORY)
            continue
        yield MeasuredFilm(path, film, measurement)


def _looks(
    names: dict[Path, str], network: Network, predictor: models.Locator, args: argparse.Namespace
) -> Iterator[tuple[Path, Look]]:
    """Every film in order and what the network sees on it; in several processes where ``args.workers`` says so."""
    if (workers := min(getattr(args, "workers", 1), len(names))) > 1:
        read = partial(_read_named, spacing_mm=_spacing_of(args), frame=args.frame)
        yield from zip(names, look_apart(read, names.items(), network, workers), strict=True)
        return
    for path, film in _read_ahead(names, args):
        yield path, look(film, predictor)


def _read_named(
    job: tuple[Path, str], spacing_mm: tuple[float, float] | None, frame: int | None
) -> Radiograph | InputError:
    return _try_read(*job, spacing_mm, frame)


def _try_read(
    path: Path, name: str, spacing_mm: tuple[float, float] | None, frame: int | None
) -> Radiograph | InputError:
    """One film under a name that is its own in this run, or why it cannot be read."""
    from kummell_ai.dicom import read_radiograph

    try:
        film = read_radiograph(path, spacing_mm=spacing_mm, frame=frame)
    except InputError as error:
        return error
    except MemoryError:
        return InputError(f"{name}: {NO_MEMORY}")
    return replace(film, reference=replace(film.reference, name=name))


def _read_ahead(names: dict[Path, str], args: argparse.Namespace) -> Iterator[tuple[Path, Radiograph | InputError]]:
    """Every film in order; the next one is read and decoded while the caller works on this one."""
    paths, spacing = list(names), _spacing_of(args)
    with ThreadPoolExecutor(1, "read") as pool:
        ahead = [pool.submit(_try_read, path, names[path], spacing, args.frame) for path in paths[:1]]
        for path, following in zip_longest(paths, paths[1:]):
            film = ahead.pop().result()
            if following is not None:
                ahead.append(pool.submit(_try_read, following, names[following], spacing, args.frame))
            yield path, film


def _spacing_of(args: argparse.Namespace) -> tuple[float, float] | None:
    return tuple(args.spacing) if args.spacing else None


def say_scales(films: Iterable[Radiograph], problems: Problems) -> None:
    """Which films have no scale, and whose own one ``--spacing`` overrules; alike films in one line."""
    told: dict[str, list[str]] = {}
    for film in films:
        texts = [note[:1].lower() + note[1:].rstrip(".") for note in film.notes if OVERRULES in note]
        if not film.spacing.is_metric:
            texts = ["no usable pixel spacing; angles and ratios are measured, heights in mm need --spacing ROW COLUMN"]
        for text in texts:
            told.setdefault(text, []).append(film.reference.name)
    for text, names in told.items():
        problems.warn_alike(names, text)


def say_film_warnings(measurement: RadiographMeasurement, name: str, problems: Problems) -> None:
    """What a reader must know about the film as a whole; a missing scale is said of all films together."""
    for finding in measurement.warnings:
        if finding.code != "no-spacing":
            problems.warn(name, finding.message)


def _measure(
    film: Radiograph, found: SpineLandmarks, predictor: models.Locator, args: argparse.Namespace
) -> RadiographMeasurement:
    from kummell_ai.measurement.pipeline import measure_film
    from kummell_ai.measurement.provenance import build_provenance

    options = models.options_of(predictor)
    if args.spacing:
        options["spacing_mm"] = f"{args.spacing[0]:g} {args.spacing[1]:g}"
    if args.frame:
        options["frame"] = args.frame
    provenance = build_provenance(
        model=predictor.bundle.name,
        weights_sha256=predictor.bundle.weights_sha256,
        input_sha256=(film.reference.sha256,),
        options=options,
        calibrated_on=predictor.bundle.calibrated_on,
    )
    return measure_film(film, found, provenance=provenance, index_level=args.index_level)


def check_model(args: argparse.Namespace) -> None:
    """For a dry run: load the network where another than the shipped one, or another place or precision, is asked for.

    Raises:
        CheckpointError: the model folder cannot be used.
        UsageError: the device cannot be used.
    """
    if (args.model, args.precision, args.device) != (None, "auto", "cpu"):
        models.load_predictor(args.model, precision=args.precision, device=args.device)


def tell_of_intervals(measurements: Iterable[RadiographMeasurement]) -> None:
    """Say once what limits the intervals: they were set on simulated films, or not at all."""
    from kummell_ai.reporting.words import limits_of_intervals

    for text in limits_of_intervals(measurements):
        console.tell(text)


def without_pixels(film: Radiograph) -> Radiograph:
    """The film with its pixels let go, for lists of many films."""
    return replace(film, pixels=film.pixels[:1, :1].copy())


def keep_pixels(films: Iterable[MeasuredFilm], limit: int) -> Iterator[MeasuredFilm]:
    """The films with their pixels as long as those stay within ``limit`` bytes together, the others without."""
    held = 0
    for film in films:
        held += film.radiograph.pixels.nbytes
        yield film if held <= limit else replace(film, radiograph=without_pixels(film.radiograph))


def with_pixels(film: MeasuredFilm, args: argparse.Namespace) -> Radiograph | None:
    """The film to draw on: as it was kept, or read once more; None when the file has changed since."""
    if film.radiograph.pixels.shape[::-1] == film.measurement.size_px:
        return film.radiograph
    again = _try_read(film.path, film.radiograph.reference.name, _spacing_of(args), args.frame)
    unchanged = not isinstance(again, InputError) and again.reference == film.radiograph.reference
    return again if unchanged and not isinstance(again, InputError) else None


def check_one_frame(args: argparse.Namespace, paths: Sequence[Path]) -> None:
    """``--frame`` counts in one file.

    Raises:
        UsageError: a frame number and several films.
    """
    if args.frame and len(paths) > 1:
        raise UsageError(f"--frame {args.frame} with {len(paths)} films; give the multi-frame film alone", args.frame)
