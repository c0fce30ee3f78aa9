"""The shipped model against ten real lateral films and twelve frontal ones: a smoke test, not a benchmark.

    python scripts/evaluate_val10.py --films DIR [--model DIR] [--out FILE.json] [--against FILE.json]

DIR holds ``val10/annotations.json`` with ``val10/images`` and ``frontal/*.jpg``. The ten films are real but were
stretched to a square (angles and height ratios mean nothing, so only points are compared, as a share of vertebral
depth), partly inpainted where figure markers were (158 of 272 corners), and their contrast was squeezed. The lowest
body of each film is S1. A predicted body above the topmost annotated one, on the prolonged spine, is listed apart:
the annotators left real vertebrae out there. None of these films belongs into the repository or into training.

Two further figures tell what the errors are made of: corners whose surroundings were not inpainted, and all corners
after each one's mean offset on the other nine films is taken off, which leaves out what is only another habit of
placing the corner.

Names are held against those that follow from counting up from S1, with five lumbar vertebrae. ``--against`` takes the
JSON that ``--out`` wrote of another model and tells whether the two differ: by the mean difference of the films' own
medians, with a bootstrap over the films.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kummell_ai.anatomy import USUAL_LEVELS, Facing, VertebralLandmark, VertebralLevel
from kummell_ai.dicom import find_films, read_radiograph
from kummell_ai.errors import FilmRefusedError, InputError
from kummell_ai.evaluation import corner_errors, match_vertebrae
from kummell_ai.evaluation.bootstrap import Bootstrap, Estimate
from kummell_ai.evaluation.points import ELLIPSE_95
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.radiograph import ImageReference, PixelSpacing, Radiograph
from kummell_ai.measurement.quality import check_landmarks

STATEMENT = (
    "Real films, stretched to a square, partly inpainted, contrast squeezed: a smoke test for the domain gap, "
    "not a benchmark. Research use only, not a medical device."
)
FILE_ORDER = (
    VertebralLandmark.SUPERIOR_ANTERIOR,
    VertebralLandmark.SUPERIOR_POSTERIOR,
    VertebralLandmark.INFERIOR_POSTERIOR,
    VertebralLandmark.INFERIOR_ANTERIOR,
)
"""Corner order of the annotation file."""

MEDIAN = "corner_median_percent_of_depth"
"""Key of a film's own median error in the JSON."""

INPAINTED_LIMIT = 0.1
"""Share of a corner's 11 x 11 px beyond which it counts as inpainted, as where the films were recovered."""


@dataclass(frozen=True)
class Film:
    """One film held against its annotation; offsets and errors are (n, 4, ...) in % of depth, NaN not seen.

    ``across_percent`` has the offsets along the endplates, towards the back, and across them, towards the head.
    """

    name: str
    refused: str | None
    annotated: int
    found: int
    false: list[list[float]]
    above: list[list[float]]
    percent: np.ndarray
    offset_percent: np.ndarray
    across_percent: np.ndarray
    untouched: np.ndarray
    inside: np.ndarray
    names_given: list[str | None]
    rightly_named: list[bool]

    @property
    def names_fit(self) -> bool:
        """Whether vertebrae were found and all have the names counted up from the sacrum."""
        return bool(self.rightly_named) and all(self.rightly_named)


def read_document(path: Path) -> dict[str, Any]:
    """The annotation file."""
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: no readable annotations ({error}); give the folder that holds val10") from error
    return document


def read_films(path: Path) -> list[dict[str, Any]]:
    """The films of the JSON that ``--out`` wrote, each with its name and its median error.

    Raises:
        InputError: the path is no such file.
    """
    try:
        films: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["films"]
        known = [(film["film"], film[MEDIAN]) for film in films]
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else error
        raise InputError(f"{path}: no figures to compare with ({reason}); --against wants the JSON that --out wrote "
                         "for another model") from error  # fmt: skip
    if not known:
        raise InputError(f"{path}: no film in it; --against wants the JSON that --out wrote for another model")
    return films


def entries_of(document: dict[str, Any], image: dict[str, Any]) -> list[dict[str, Any]]:
    """The annotated bodies of an image, top to bottom."""
    entries = [entry for entry in document["annotations"] if entry["image_id"] == image["id"]]
    return sorted(entries, key=lambda entry: entry["order_from_top"])


def read_untouched(document: dict[str, Any]) -> dict[str, np.ndarray]:
    """File name -> (V, 4) whether hardly anything about a corner was inpainted; all, where the file says nothing."""
    untouched = {}
    for image in document["images"]:
        share = np.array([entry.get("inpainted_fraction_11x11", [0.0] * 4) for entry in entries_of(document, image)])
        untouched[image["file_name"]] = np.empty(share.shape, dtype=bool)
        untouched[image["file_name"]][:, list(FILE_ORDER)] = share <= INPAINTED_LIMIT
    return untouched


def read_truth(document: dict[str, Any]) -> dict[str, SpineLandmarks]:
    """File name -> annotated bodies, top to bottom; the lowest one is named S1, the others have no name."""
    truth = {}
    for image in document["images"]:
        entries = entries_of(document, image)
        bodies = []
        for entry in entries:
            points = np.empty((4, 2))
            points[list(FILE_ORDER)] = np.asarray(entry["corners_AS_PS_PI_AI"], dtype=np.float64)
            level = VertebralLevel.S1 if entry is entries[-1] else None
            bodies.append(VertebraLandmarks(points, level))
        name = image["file_name"]
        truth[name] = SpineLandmarks(tuple(bodies), ImageReference(Path(name).name), Facing.LEFT)
    return truth


def refusal(radiograph: Radiograph, landmarks: SpineLandmarks) -> str | None:
    """Why a film is refused, or None."""
    try:
        check_landmarks(radiograph, landmarks)
    except FilmRefusedError as error:
        return str(error)
    return None


def judge(path: Path, truth: SpineLandmarks, untouched: np.ndarray, predictor: Any) -> Film:
    radiograph = read_radiograph(path)
    predicted = predictor.locate(radiograph)
    refused = refusal(radiograph, predicted)
    matching = match_vertebrae(predicted, truth)
    pairs = [(i, j) for i, j in matching.pairs if truth.vertebrae[i].level is not VertebralLevel.S1]
    percent, offsets, along, inside = [], [], [], []
    for i, j in pairs:
        errors = corner_errors(predicted.vertebrae[j], truth.vertebrae[i], PixelSpacing.unknown())
        percent.append(errors.percent)
        offsets.append(100.0 * errors.offset_px / truth.vertebrae[i].depth_px)
        along.append(along_and_across(errors.offset_px, truth.vertebrae[i]))
        inside.append(inside_ellipse(errors.offset_px, predicted.vertebrae[j].covariance_px))
    return Film(
        name=path.name,
        refused=refused,
        annotated=len(truth.vertebrae) - 1,
        found=len(pairs),
        false=[_centre(predicted.vertebrae[j]) for j in matching.false],
        above=[_centre(predicted.vertebrae[j]) for j in matching.beyond],
        percent=np.array(percent).reshape(-1, 4),
        offset_percent=np.array(offsets).reshape(-1, 4, 2),
        across_percent=np.array(along).reshape(-1, 4, 2),
        untouched=np.array([untouched[i] for i, _ in pairs], dtype=bool).reshape(-1, 4),
        inside=np.array(inside, dtype=np.float64).reshape(-1, 4),
        names_given=[None if v.level is None else v.level.value for v in predicted.vertebrae],
        rightly_named=[predicted.vertebrae[j].level is counted_up(len(truth.vertebrae) - 1 - i) for i, j in pairs],
    )


def counted_up(steps: int) -> VertebralLevel | None:
    """The level ``steps`` above S1 in a usual spine.

    >>> [str(counted_up(k)) for k in (0, 1, 5, 6)]
    ['S1', 'L5', 'L1', 'T12']
    """
    usual = [level for level in VertebralLevel if level in USUAL_LEVELS]
    place = usual.index(VertebralLevel.S1) - steps
    return usual[place] if place >= 0 else None


def along_and_across(offset_px: Any, body: VertebraLandmarks) -> np.ndarray:
    """Offsets (4, 2) in the body's own axes, % of its depth: towards the back, and towards the head."""
    corners = body.points_px[:4]
    back = (corners[[1, 3]] - corners[[0, 2]]).sum(axis=0)
    back /= np.linalg.norm(back)
    head = np.array([back[1], -back[0]])
    if (corners[:2] - corners[2:]).sum(axis=0) @ head < 0.0:
        head = -head
    return 100.0 * np.asarray(offset_px)[:4] @ np.stack([back, head], axis=1) / body.depth_px


def without_habit(films: list[Film]) -> np.ndarray:
    """Errors (n,) in % of depth after each corner's mean offset on all other films is taken off."""
    errors = []
    for film in films:
        others = [other.across_percent for other in films if other is not film and len(other.across_percent)]
        habit = np.nanmean(np.concatenate(others), axis=0) if others else 0.0
        errors.append(np.linalg.norm(film.across_percent - habit, axis=2).reshape(-1))
    return np.concatenate(errors)


def inside_ellipse(offset_px: Any, covariance_px: Any) -> list[float]:
    """1 for each corner (4,) whose true place lies in its 95 % ellipse, 0 outside, NaN without one."""
    if covariance_px is None:
        return [np.nan] * 4
    out = []
    for offset, covariance in zip(offset_px, covariance_px[: len(offset_px)], strict=True):
        known = np.isfinite(covariance).all() and np.isfinite(offset).all()
        out.append(float(offset @ np.linalg.solve(covariance, offset) <= ELLIPSE_95) if known else np.nan)
    return out


def _centre(body: VertebraLandmarks) -> list[float]:
    return [round(float(v), 1) for v in body.centre_px]


def judge_frontal(folder: Path, predictor: Any) -> list[dict[str, Any]]:
    """For every frontal film whether it was refused, and why."""
    films = []
    for path in find_films([folder]):
        radiograph = read_radiograph(path)
        landmarks = predictor.locate(radiograph)
        reason = refusal(radiograph, landmarks)
        films.append(
            {
                "film": path.name,
                "refused": reason is not None,
                "reason": reason,
                "lateral_probability": landmarks.lateral_probability,
                "vertebrae": len(landmarks.vertebrae),
            }
        )
    return films


def summarise(films: list[Film], frontal: list[dict[str, Any]]) -> dict[str, Any]:
    percent = np.concatenate([film.percent.reshape(-1) for film in films])
    untouched = np.concatenate([film.untouched.reshape(-1) for film in films])[np.isfinite(percent)]
    percent = percent[np.isfinite(percent)]
    plain = without_habit(films)
    plain = plain[np.isfinite(plain)]
    across = np.concatenate([film.across_percent for film in films])
    offsets = np.concatenate([film.offset_percent for film in films])
    inside = np.concatenate([film.inside for film in films])
    annotated, found = sum(film.annotated for film in films), sum(film.found for film in films)
    return {
        "statement": STATEMENT,
        "annotated_above_sacrum": annotated,
        "found": found,
        "found_percent": 100.0 * found / annotated,
        "false_vertebrae": sum(len(film.false) for film in films),
        "above_the_annotation": sum(len(film.above) for film in films),
        "named_as_counted_from_sacrum": sum(sum(film.rightly_named) for film in films),
        "films_named_as_counted_from_sacrum": sum(film.names_fit for film in films),
        "corner_median_percent_of_depth": float(np.median(percent)) if percent.size else None,
        "corner_p90_percent_of_depth": float(np.percentile(percent, 90)) if percent.size else None,
        "corners_not_inpainted": int(untouched.sum()),
        "corner_median_not_inpainted": float(np.median(percent[untouched])) if untouched.any() else None,
        "corner_median_inpainted": float(np.median(percent[~untouched])) if (~untouched).any() else None,
        "corner_median_without_habit": float(np.median(plain)) if plain.size else None,
        "corner_p90_without_habit": float(np.percentile(plain, 90)) if plain.size else None,
        "signed_median_towards_back_and_head_percent": {
            corner.key: [round(float(v), 2) for v in np.nanmedian(across[:, corner], axis=0)]
            for corner in FILE_ORDER
            if len(across)
        },
        "too_high_and_too_long_percent": _sizes(across),
        "signed_median_dx_dy_percent": {
            corner.key: [round(float(v), 2) for v in np.nanmedian(offsets[:, corner], axis=0)]
            for corner in FILE_ORDER
            if len(offsets)
        },
        "inside_95_ellipse_percent": {
            corner.key: round(100.0 * float(np.nanmean(inside[:, corner])), 1) for corner in FILE_ORDER if len(inside)
        },
        "lateral_films_refused": sum(film.refused is not None for film in films),
        "frontal_films": len(frontal),
        "frontal_films_refused": sum(film["refused"] for film in frontal),
    }


def _sizes(across: np.ndarray) -> dict[str, float]:
    """By how much bodies come out too high in front and behind and endplates too long, median, % of depth.

    Args:
        across: (n, 4, 2) offsets towards the back and towards the head.
    """
    back, head = across[..., 0], across[..., 1]
    sizes = {
        "front_height": head[:, 0] - head[:, 2],
        "back_height": head[:, 1] - head[:, 3],
        "superior_endplate": back[:, 1] - back[:, 0],
        "inferior_endplate": back[:, 3] - back[:, 2],
    }
    return {name: round(float(np.nanmedian(size)), 2) for name, size in sizes.items() if np.isfinite(size).any()}


def as_json(film: Film) -> dict[str, Any]:
    median = float(np.nanmedian(film.percent)) if film.percent.size else None
    return {
        "film": film.name,
        "refused": film.refused,
        "annotated": film.annotated,
        "found": film.found,
        "false_centres_px": film.false,
        "above_centres_px": film.above,
        MEDIAN: median,
        "names_given": film.names_given,
        "rightly_named": sum(film.rightly_named),
    }


def show(films: list[Film], frontal: list[dict[str, Any]], summary: dict[str, Any]) -> None:
    print(f"{'film':<18}{'found':>8}{'false':>7}{'above':>7}{'median %':>10}{'p90 %':>8}  names")
    for film in films:
        errors = film.percent[np.isfinite(film.percent)]
        middle, high = np.percentile(errors, (50, 90)) if errors.size else (np.nan, np.nan)
        names = " ".join(name or "?" for name in film.names_given)
        names += "" if film.names_fit else "  (not as counted from the sacrum)"
        share = f"{film.found}/{film.annotated}"
        print(f"{film.name:<18}{share:>8}{len(film.false):>7}{len(film.above):>7}{middle:>10.1f}{high:>8.1f}  {names}")
        if film.refused:
            print(f"    refused: {film.refused}")
    for film in frontal:
        if not film["refused"]:
            print(f"{film['film']}: frontal film NOT refused ({film['vertebrae']} vertebrae)")
    print()
    for key, value in summary.items():
        if key != "statement":
            print(f"{key}: {value:.2f}" if isinstance(value, float) else f"{key}: {value}")
    print(summary["statement"])


def film_medians_against(films: list[dict[str, Any]], others: list[dict[str, Any]]) -> Estimate:
    """Mean difference of the films' own medians (% of depth), these less the others', by a bootstrap over the films."""
    old = {film["film"]: film[MEDIAN] for film in others}
    pairs = [(film[MEDIAN], old.get(film["film"])) for film in films]
    difference = np.array([a - b for a, b in pairs if a is not None and b is not None], dtype=np.float64)
    return Bootstrap.of(len(difference), 10000, 0).mean(difference, np.arange(len(difference)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=Path, required=True, help="folder with val10/ and frontal/")
    parser.add_argument("--model", type=Path, help="model folder (default: the shipped one)")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    parser.add_argument(
        "--against", type=Path, help="JSON that --out wrote for another model: compare the films' medians"
    )
    options = parser.parse_args()

    # Before any film is read, so that a wrong path is told at once.
    others = read_films(options.against) if options.against else None

    from kummell_ai.landmarks.predictor import Predictor

    predictor = Predictor.load(options.model)
    document = read_document(options.films / "val10" / "annotations.json")
    untouched = read_untouched(document)
    films = [
        judge(options.films / "val10" / name, landmarks, untouched[name], predictor)
        for name, landmarks in read_truth(document).items()
    ]
    folder = options.films / "frontal"
    frontal = judge_frontal(folder, predictor) if folder.is_dir() else []
    summary = summarise(films, frontal)
    show(films, frontal, summary)
    each = [as_json(film) for film in films]
    if others is not None:
        change = film_medians_against(each, others)
        known = "none" if change.value is None else f"{change.value:+.2f} % of depth"
        interval = f" ({change.interval.low:+.2f} to {change.interval.high:+.2f})" if change.interval else ""
        print(f"film medians against {options.against.name}: {known}{interval}, {change.n} films")
    if options.out:
        document = {"summary": summary, "films": each, "frontal": frontal}
        options.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    from ending import end

    end(main)
