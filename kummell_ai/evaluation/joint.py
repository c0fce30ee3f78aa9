"""The names that the films of a patient get together, as ``kummell-ai series`` gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.evaluation.results import FilmResult
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.radiograph import PixelSpacing
from kummell_ai.measurement.pipeline import name_films
from kummell_ai.measurement.provenance import build_provenance
from kummell_ai.measurement.results import RadiographMeasurement


@dataclass(frozen=True, slots=True)
class LocatedFilm:
    """One film's result, with what is needed to name it again.

    Attributes:
        result: film by film.
        predicted: as located.
        spacing: of the film.
        size_px: (width, height).
    """

    result: FilmResult
    predicted: SpineLandmarks
    spacing: PixelSpacing
    size_px: tuple[int, int]


def with_joint_names(films: Sequence[LocatedFilm]) -> tuple[FilmResult, ...]:
    """The results with the joint names put in; refused films have no part in them.

    A film whose patient is not known is a patient of its own.
    """
    groups: dict[object, list[int]] = {}
    for i, film in enumerate(films):
        if film.result.refused is None:
            key = film.result.patient
            groups.setdefault(("film", i) if key is None else ("patient", key), []).append(i)
    results = [film.result for film in films]
    for members in groups.values():
        rows = joint_names([films[i] for i in members])
        for i, names in zip(members, rows, strict=True):
            results[i] = _put(results[i], names)
    return tuple(results)


def joint_names(films: Sequence[LocatedFilm]) -> list[tuple[VertebralLevel | None, ...]]:
    """The names of the vertebrae of each film of one patient, in the order of `LocatedFilm.predicted`."""
    provenance = build_provenance(model="evaluation")
    plain = [
        RadiographMeasurement(f.predicted.reference, f.size_px, f.spacing, f.predicted, (), (), (), provenance)
        for f in films
    ]
    named, _ = name_films(plain)
    return [tuple(v.level for v in film.landmarks.vertebrae) for film in named]


def _put(result: FilmResult, names: Sequence[VertebralLevel | None]) -> FilmResult:
    bodies = tuple(
        v if v.predicted_index is None else replace(v, joint_level=names[v.predicted_index]) for v in result.vertebrae
    )
    return replace(result, vertebrae=bodies)
