"""The films of a patient named and measured together, as ``kummell-ai series`` does it, held against their truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.evaluation.films import evaluate_film
from kummell_ai.evaluation.results import FilmResult
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.radiograph import PixelSpacing
from kummell_ai.measurement.pipeline import name_films, share_shapes
from kummell_ai.measurement.provenance import build_provenance
from kummell_ai.measurement.results import RadiographMeasurement


@dataclass(frozen=True, slots=True)
class JudgedFilm:
    """One film's result, with what is needed to name and measure it again.

    Attributes:
        result: film by film.
        predicted: as located.
        spacing: of the film.
        size_px: (width, height).
        truth: the true landmarks.
        bones: true values of the bones by id and unit, or None.
    """

    result: FilmResult
    predicted: SpineLandmarks
    spacing: PixelSpacing
    size_px: tuple[int, int]
    truth: SpineLandmarks
    bones: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class JointResults:
    """What becomes of films when those of a patient are taken together; each in the order of the films.

    Attributes:
        named: the results film by film, with the joint names put in.
        together: the results of the films measured together (`measurement.shared_shapes`), likewise; a film that is
            alone, or was refused, has the same result in both.
    """

    named: tuple[FilmResult, ...]
    together: tuple[FilmResult, ...]


def judge_together(films: Sequence[JudgedFilm]) -> JointResults:
    """The films named and measured together with the others of their patient; refused films have no part in it.

    A film whose patient is not known is a patient of its own.
    """
    groups: dict[object, list[int]] = {}
    for i, film in enumerate(films):
        if film.result.refused is None:
            key = film.result.patient
            groups.setdefault(("film", i) if key is None else ("patient", key), []).append(i)
    named = [film.result for film in films]
    together = list(named)
    for members in groups.values():
        own = [films[i] for i in members]
        landmarks = joint_landmarks(own)
        injured = {level for film, one in zip(own, landmarks, strict=True) for level in _names_of_injured(film, one)}
        spacings = [film.spacing for film in own]
        shared = share_shapes(list(zip(landmarks, spacings, strict=True)), injured)
        for i, one, other in zip(members, landmarks, shared.landmarks, strict=True):
            names = [v.level for v in one.vertebrae]
            named[i] = _put(named[i], names)
            together[i] = named[i] if other is one else _put(_judge(films[i], other), names)
    return JointResults(tuple(named), tuple(together))


def _names_of_injured(film: JudgedFilm, landmarks: SpineLandmarks) -> set[VertebralLevel]:
    """What the truly injured vertebra is called on a film, by whatever name it was found."""
    own = film.result
    found = (v.predicted_index for v in own.vertebrae if v.level is own.index_level is not None)
    names = (landmarks.vertebrae[i].level for i in found if i is not None)
    return {name for name in names if name is not None}


def joint_landmarks(films: Sequence[JudgedFilm]) -> list[SpineLandmarks]:
    """The landmarks of each film of one patient under the names that they get together."""
    provenance = build_provenance(model="evaluation")
    plain = [
        RadiographMeasurement(f.predicted.reference, f.size_px, f.spacing, f.predicted, (), (), (), provenance)
        for f in films
    ]
    named, _ = name_films(plain)
    return [film.landmarks for film in named]


def _judge(film: JudgedFilm, landmarks: SpineLandmarks) -> FilmResult:
    """The film's result with the vertebrae of ``landmarks``; names and their probabilities are those film by film."""
    own = film.result
    points = tuple(
        replace(moved, level=body.level, level_probability=body.level_probability)
        for moved, body in zip(landmarks.vertebrae, film.predicted.vertebrae, strict=True)
    )
    return evaluate_film(
        replace(landmarks, vertebrae=points),
        film.truth,
        film.spacing,
        size_px=film.size_px,
        phase=own.phase,
        index_level=own.index_level,
        truth_3d=film.bones,
    )


def _put(result: FilmResult, names: Sequence[VertebralLevel | None]) -> FilmResult:
    bodies = tuple(
        v if v.predicted_index is None else replace(v, joint_level=names[v.predicted_index]) for v in result.vertebrae
    )
    return replace(result, vertebrae=bodies)
