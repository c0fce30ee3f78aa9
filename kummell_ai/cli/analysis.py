"""Films to measurements, one after the other; a film that fails is said and left out."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kummell_ai.cli import console, models
from kummell_ai.cli.console import Problems
from kummell_ai.errors import FilmRefusedError, InputError, UsageError

if TYPE_CHECKING:
    from kummell_ai.imaging.radiograph import Radiograph
    from kummell_ai.measurement.results import RadiographMeasurement


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

    found: dict[Path, None] = {}
    for entry in inputs:
        try:
            found.update(dict.fromkeys(find_films([entry])))
        except InputError as error:
            problems.fail(str(entry), str(error))
    return sorted(found)


def read_film(path: Path, args: argparse.Namespace, problems: Problems) -> Radiograph | None:
    """One film, or None with the reason said; a missing scale is said as well."""
    from kummell_ai.dicom import read_radiograph

    try:
        film = read_radiograph(path, spacing_mm=tuple(args.spacing) if args.spacing else None, frame=args.frame)
    except InputError as error:
        problems.fail(path.name, str(error))
        return None
    if not film.spacing.is_metric:
        text = "no pixel spacing; angles and ratios are measured, heights in mm need --spacing ROW COLUMN"
        problems.warn(path.name, text)
    return film


def read_all(paths: Sequence[Path], args: argparse.Namespace, problems: Problems) -> Iterator[ReadFilm]:
    """The films that can be read, one at a time."""
    for path in console.track(paths, "reading", len(paths)):
        film = read_film(path, args, problems)
        if film is not None:
            yield ReadFilm(path, film)


def measure_all(paths: Sequence[Path], args: argparse.Namespace, problems: Problems) -> Iterator[MeasuredFilm]:
    """The films that can be measured, one at a time.

    Raises:
        CheckpointError: the model folder cannot be used.
    """
    if not paths:
        return
    predictor = models.load_predictor(args.model)
    for path in console.track(paths, "measuring", len(paths)):
        film = read_film(path, args, problems)
        if film is None:
            continue
        try:
            yield MeasuredFilm(path, film, _measure(film, predictor, args))
        except FilmRefusedError as error:
            problems.fail(path.name, str(error))


def _measure(film: Radiograph, predictor: models.Locator, args: argparse.Namespace) -> RadiographMeasurement:
    from kummell_ai.measurement.pipeline import measure_film
    from kummell_ai.measurement.provenance import build_provenance

    options: dict[str, object] = {}
    if args.spacing:
        options["spacing_mm"] = f"{args.spacing[0]:g} {args.spacing[1]:g}"
    if args.frame:
        options["frame"] = args.frame
    provenance = build_provenance(
        model=predictor.bundle.name,
        weights_sha256=predictor.bundle.weights_sha256,
        input_sha256=(film.reference.sha256,),
        options=options,
    )
    return measure_film(film, predictor.locate(film), provenance=provenance, index_level=args.index_level)


def without_pixels(film: Radiograph) -> Radiograph:
    """The film with its pixels let go, for lists of many films."""
    return replace(film, pixels=film.pixels[:1, :1].copy())


def check_one_frame(args: argparse.Namespace, paths: Sequence[Path]) -> None:
    """``--frame`` counts in one file.

    Raises:
        UsageError: a frame number and several films.
    """
    if args.frame and len(paths) > 1:
        raise UsageError(f"--frame {args.frame} with {len(paths)} films; give the multi-frame film alone", args.frame)
