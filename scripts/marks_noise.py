"""How much of the distance between marks and network is the noise of the marks, and how much the network's?

    python scripts/marks_noise.py --films DIR [--model DIR]
    python scripts/marks_noise.py --simulated DIR --limit 150 --noise 2.6 1.9

DIR of ``--films`` holds ``val10/annotations.json``, as for `evaluate_val10.py`; DIR of ``--simulated`` is a folder as
`kummell-ai synthesize` writes it, from whose true corners marks of known noise are made: a check of the method.

Method: Grubbs (1948, J Am Stat Assoc 43:243-264) with two instruments. A corner is held against the middle between the
same corner of the two neighbouring bodies, r = p - (above + below) / 2, in the body's axes and in % of the mean depth,
once for the marks and once for the network. What both see in r is the spine; what one sees alone is its noise. So

    noise of the marks   = (Var r_marks   - Cov(r_marks, r_network)) / 1.5
    noise of the network = (Var r_network - Cov(r_marks, r_network)) / 1.5

since r has 1.5 times the variance of one corner. A constant habit of placing a corner, and any error that moves three
neighbours alike, drops out of r: this is about chance, not about bias. If both err alike at a corner, that counts as
spine. A network that shows only a share k < 1 of what sets a body apart from its neighbours would make the marks look
noisier than they are; then Cov / k and k Cov take the place of Cov above. Two instruments cannot tell k: the figures
are given for some, and `--simulated` prints what it truly is there. Intervals are of a bootstrap over films.

Of the real films it is also told how many marks lie in the network's 95 % ellipses, as these are and with the noise of
the marks added to their covariance: the ellipses are meant to hold the true corner and not its mark.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.annotations import read_coco
from kummell_ai.dicom import read_radiograph
from kummell_ai.evaluation import match_vertebrae
from kummell_ai.evaluation.points import ELLIPSE_95
from kummell_ai.imaging.annotation import SpineLandmarks

FloatArray = NDArray[np.float64]

VARIANCE_OF_SECOND_DIFFERENCE = 1.5
"""Of one point less the mean of two, in variances of a point."""

SLOPES = (1.0, 0.95, 0.9)
"""Shares k of the spine's own unevenness that the network shows, for which the noise is told."""

LUMBAR = ("T12", "L1", "L2", "L3", "L4", "L5")
"""Levels of a simulated film that are compared, as the real ones are lumbar."""


@dataclass(frozen=True)
class Noise:
    """Variances (2,), along and across the endplates, in (% of depth) squared; below 0 where chance has it so.

    ``difference`` is of both together, as they are compared; ``spine`` of what both see.
    """

    marks: FloatArray
    network: FloatArray
    difference: FloatArray
    spine: FloatArray


def in_depths(marks: FloatArray, network: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Corners (V, 4, 2) px of one film, in % of the mean marked depth."""
    depth = np.linalg.norm(marks[:, [1, 3]] - marks[:, [0, 2]], axis=2).mean()
    return 100.0 * marks / depth, 100.0 * network / depth


def body_axes(corners: FloatArray) -> FloatArray:
    """Unit vectors (V, 2, 2) of bodies (V, 4, 2): along the endplates towards the back, and towards the head."""
    back = (corners[:, [1, 3]] - corners[:, [0, 2]]).sum(axis=1)
    back /= np.linalg.norm(back, axis=1, keepdims=True)
    return np.stack([back, np.stack([back[:, 1], -back[:, 0]], axis=1)], axis=1)


def second_differences(marks: FloatArray, network: FloatArray) -> FloatArray:
    """Corners (V, 4, 2) of consecutive bodies -> (V - 2, 4, axis, instrument): r along and across the endplates.

    >>> bodies = np.array([[[0.0, 9], [9, 9], [0, 0], [9, 0]]]) + np.arange(3)[:, None, None] * 12.0
    >>> moved = bodies.copy(); moved[1, 0, 0] += 1.0
    >>> second_differences(bodies, moved)[0, 0].round(1).tolist()
    [[0.0, 1.0], [0.0, 0.0]]
    """
    r = np.stack([points[1:-1] - (points[:-2] + points[2:]) / 2.0 for points in (marks, network)], axis=-1)
    turned: FloatArray = np.einsum("vad,vcdi->vcai", body_axes(marks[1:-1]), r)
    return turned


def split_noise(films: Sequence[FloatArray], slope: float = 1.0) -> Noise:
    """Noise of the two instruments from the second differences of films, each (n, 4, 2, 2).

    Args:
        films: marks first, network second.
        slope: share of the spine's unevenness that the network shows.

    Raises:
        ValueError: fewer than three bodies with two neighbours.
    """
    r = np.concatenate(films)
    if len(r) < 3:
        raise ValueError(f"{len(r)} bodies have neighbours above and below; expected at least 3")
    r = r - r.mean(axis=0)  # of each corner: the mean curve of the spine
    moments = np.einsum("vcai,vcaj->aij", r, r) / (4 * (len(r) - 1)) / VARIANCE_OF_SECOND_DIFFERENCE
    spine = moments[:, 0, 1] / slope
    marks, network = moments[:, 0, 0] - spine, moments[:, 1, 1] - slope**2 * spine
    return Noise(marks, network, moments[:, 0, 0] + moments[:, 1, 1] - 2.0 * moments[:, 0, 1], spine)


def median_error(variance: FloatArray) -> float:
    """Median length of normal errors with variances (2,) along and across; one below 0 counts as 0.

    >>> round(median_error(np.array([1.0, 1.0])), 2)
    1.18
    """
    normal = np.random.default_rng(0).normal(size=(20_000, 2))
    return float(np.median(np.linalg.norm(normal * np.sqrt(np.clip(variance, 0.0, None)), axis=1)))


def runs_of(indices: Sequence[int]) -> Iterator[list[int]]:
    """Places of consecutive numbers.

    >>> list(runs_of([0, 1, 2, 4, 5]))
    [[0, 1, 2], [3, 4]]
    """
    run: list[int] = []
    for place, index in enumerate(indices):
        if run and index != indices[run[-1]] + 1:
            yield run
            run = []
        run.append(place)
    if run:
        yield run


def compared(marked: SpineLandmarks, predicted: SpineLandmarks, used: Any) -> list[tuple[FloatArray, FloatArray]]:
    """Runs of neighbouring bodies for which ``used`` holds, each as marks and network (V, 4, 2) px."""
    pairs = sorted((i, j) for i, j in match_vertebrae(predicted, marked).pairs if used(marked.vertebrae[i]))
    out = []
    for run in runs_of([i for i, _ in pairs]):
        marks = np.array([marked.vertebrae[pairs[k][0]].points_px[:4] for k in run])
        network = np.array([predicted.vertebrae[pairs[k][1]].points_px[:4] for k in run])
        if len(run) >= 3 and np.isfinite(marks).all() and np.isfinite(network).all():
            out.append((marks, network))
    return out


def with_noise(points: FloatArray, noise: Sequence[float], rng: np.random.Generator) -> FloatArray:
    """True corners (V, 4, 2) px with normal noise of standard deviations along and across, % of the mean depth."""
    depth = np.linalg.norm(points[:, [1, 3]] - points[:, [0, 2]], axis=2).mean()
    drawn = rng.normal(size=points.shape) * np.asarray(noise) * depth / 100.0
    moved: FloatArray = points + np.einsum("vca,vad->vcd", drawn, body_axes(points))
    return moved


def show(title: str, films: Sequence[FloatArray], draws: int = 2000) -> None:
    """Print the noise of both for each of `SLOPES`, with bootstrap intervals over films."""
    rng = np.random.default_rng(0)
    samples: list[list[FloatArray]] = []
    while len(samples) < draws:
        drawn = [films[i] for i in rng.integers(0, len(films), len(films))]
        if sum(map(len, drawn)) >= 3:
            samples.append(drawn)
    print(f"{title}: {len(films)} films, {sum(map(len, films))} bodies with a neighbour above and below")
    print("  standard deviation along and across the endplates, % of depth (95 %)")
    for slope in SLOPES:
        noise, again = split_noise(films, slope), [split_noise(drawn, slope) for drawn in samples]
        for name in ("difference", "spine", "marks", "network") if slope == 1.0 else ("marks", "network"):
            low, high = np.percentile([getattr(a, name) for a in again], (2.5, 97.5), axis=0)
            words = ", ".join(
                f"{deviation(v):.2f} ({deviation(a):.2f}-{deviation(b):.2f})"
                for v, a, b in zip(getattr(noise, name), low, high, strict=True)
            )
            print(f"  k = {slope:.2f} {name:<11} {words}")
        for name, words in (("marks", "a network without noise"), ("network", "marks without noise")):
            medians = np.percentile([median_error(getattr(a, name)) for a in again], (2.5, 97.5))
            print(
                f"           {words} would leave a median distance of {median_error(getattr(noise, name)):.2f} % "
                f"({medians[0]:.2f}-{medians[1]:.2f}), habit aside"
            )
        more = np.mean([a.marks.sum() > a.network.sum() for a in again])
        print(f"           the marks are the noisier ones in {100.0 * more:.1f} % of {draws} draws of films")


def deviation(variance: float) -> float:
    """Square root, 0 where chance has brought a variance below 0."""
    return float(np.sqrt(max(variance, 0.0)))


def share_inside(offsets: FloatArray, covariances: FloatArray, variance: FloatArray) -> float:
    """Share of offsets (n, 2) in the 95 % ellipses of covariances (n, 2, 2) plus variances (2,) of the marks.

    >>> share_inside(np.array([[3.0, 0.0], [0.0, 2.0]]), np.tile(np.eye(2), (2, 1, 1)), np.array([1.0, 0.0]))
    1.0
    """
    wider = covariances + np.diag(np.clip(variance, 0.0, None))
    return float(np.mean(np.einsum("ni,nij,nj->n", offsets, np.linalg.inv(wider), offsets) <= ELLIPSE_95))


def in_ellipses(marked: SpineLandmarks, predicted: SpineLandmarks) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Offset (2,) and covariance (2, 2) of each found corner, along and across the endplates, % of the marked depth."""
    for i, j in match_vertebrae(predicted, marked).pairs:
        body, found = marked.vertebrae[i], predicted.vertebrae[j]
        if body.level is VertebralLevel.S1 or found.covariance_px is None:
            continue
        corners = body.points_px[:4]
        axes = 100.0 / body.depth_px * body_axes(corners[None])[0]
        for k, mark in enumerate(corners):
            offset, covariance = axes @ (found.points_px[k] - mark), axes @ found.covariance_px[k] @ axes.T
            if np.isfinite(offset).all() and np.isfinite(covariance).all():
                yield offset, covariance


def of_real(folder: Path, predictor: Any) -> tuple[list[FloatArray], FloatArray, FloatArray]:
    """Second differences of each film, and offsets (n, 2) and covariances (n, 2, 2) of all corners."""
    from evaluate_val10 import read_document, read_truth  # beside this script

    films, seen = [], []
    for name, marked in read_truth(read_document(folder / "val10" / "annotations.json")).items():
        predicted = predictor.locate(read_radiograph(folder / "val10" / name))
        runs = compared(marked, predicted, lambda body: body.level is not VertebralLevel.S1)
        films += [np.concatenate([second_differences(*in_depths(*run)) for run in runs])] if runs else []
        seen += list(in_ellipses(marked, predicted))
    return films, np.array([offset for offset, _ in seen]), np.array([covariance for _, covariance in seen])


@dataclass(frozen=True)
class Truth:
    """What is known of simulated films: standard deviations (2,) along and across, and the slope k (2,)."""

    marks: FloatArray
    network: FloatArray
    slope: FloatArray


def of_simulated(folder: Path, limit: int, noise: Sequence[float], predictor: Any) -> tuple[list[FloatArray], Truth]:
    """Second differences with marks made of the truth, and the noise that both really have."""
    rng = np.random.default_rng(0)

    def intact(body: Any) -> bool:
        return body.level is not None and body.level.value in LUMBAR and not body.flags

    films, truths = [], []
    for film in read_coco(folder / "annotations.json")[:limit]:
        predicted = predictor.locate(read_radiograph(folder / film.file_name))
        parts = []
        for true, network in compared(film.landmarks, predicted, intact):
            marks = with_noise(true, noise, rng)
            parts.append(second_differences(*in_depths(marks, network)))
            depth = np.linalg.norm(marks[:, [1, 3]] - marks[:, [0, 2]], axis=2).mean()
            truths.append(second_differences(100.0 * true / depth, 100.0 * true / depth)[..., 0])
        films += [np.concatenate(parts)] if parts else []
    seen, true = np.concatenate(films), np.concatenate(truths)
    seen, true = seen - seen.mean(axis=0), true - true.mean(axis=0)
    slope = (seen[..., 1] * true).mean(axis=(0, 1)) / (true**2).mean(axis=(0, 1))
    marks = (seen[..., 0] - true).std(axis=(0, 1)) / VARIANCE_OF_SECOND_DIFFERENCE**0.5
    rest = (seen[..., 1] - slope * true).std(axis=(0, 1)) / VARIANCE_OF_SECOND_DIFFERENCE**0.5
    return films, Truth(marks, rest, slope)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--films", type=Path, help="folder with val10/")
    parser.add_argument("--simulated", type=Path, help="folder of `kummell-ai synthesize`")
    parser.add_argument("--limit", type=int, default=150, help="simulated films")
    parser.add_argument("--noise", type=float, nargs=2, default=(2.6, 1.9), help="of the made marks, along and across")
    parser.add_argument("--model", type=Path, help="model folder (default: the shipped one)")
    options = parser.parse_args()
    if not options.films and not options.simulated:
        parser.error("give --films, --simulated or both")

    from kummell_ai.landmarks.predictor import Predictor

    predictor = Predictor.load(options.model)
    if options.films:
        films, offsets, covariances = of_real(options.films, predictor)
        show("Real films, human marks", films)
        claimed = np.sqrt(np.median(np.diagonal(covariances, axis1=1, axis2=2), axis=0))
        print("  standard deviation that the ellipses claim, median: {:.2f}, {:.2f}".format(*claimed))
        known = [("as they are", np.zeros(2))]
        known += [(f"with the noise of the marks, k = {k:.2f}", split_noise(films, k).marks) for k in SLOPES]
        for words, variance in known:
            share = share_inside(offsets, covariances, variance)
            print(f"  {100.0 * share:.1f} % of {len(offsets)} marks lie in the 95 % ellipses {words}")
    if options.simulated:
        films, true = of_simulated(options.simulated, options.limit, options.noise, predictor)
        show("Simulated films, marks made of the truth", films)
        for name in ("marks", "network", "slope"):
            along, across = getattr(true, name)
            print(f"  true {name}: along {along:.2f}, across {across:.2f}")
    print("Research use only, not a medical device.")
    return 0


if __name__ == "__main__":
    from ending import end

    end(main)
