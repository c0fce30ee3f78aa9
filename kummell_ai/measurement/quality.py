"""Findings about the landmarks of a film: refuse or flag, never guess silently."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from kummell_ai.anatomy import CORNERS, LEVELS, USUAL_LEVELS, Facing, VertebralLevel
from kummell_ai.errors import FilmRefusedError
from kummell_ai.geometry import heights
from kummell_ai.geometry.vertebra import signed_area
from kummell_ai.imaging.annotation import BY_HAND, NO_CONTRAST, SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.level_evidence import LevelEvidence
from kummell_ai.imaging.radiograph import PixelSpacing, Radiograph
from kummell_ai.landmarks.levels import row_shift
from kummell_ai.measurement.by_hand import READER_SHARE
from kummell_ai.measurement.neighbours import below
from kummell_ai.measurement.results import Finding, Severity
from kummell_ai.measurement.rounding import apart_from
from kummell_ai.measurement.scale import body_depths, isotropic, isotropic_covariance
from kummell_ai.measurement.segments import facing_sign_of
from kummell_ai.measurement.upside_down import upside_down_findings

LATERAL_PROBABILITY = 0.5
"""A film below this probability of being lateral is refused."""
CONFIDENCE = 0.5
LEVEL_PROBABILITY = 0.7
RUNNER_UP = 0.05
"""A second row of names is told from this probability on."""
_FRONTAL_VIEWS = ("AP", "PA")
_ASPECT = (0.15, 1.6)
"""Plausible range of posterior height over mean endplate depth."""
_DEPTH = (0.6, 1.6)
"""Plausible range of a body's depth over the median depth of the film."""

UNSURE_PERCENT = 3.0
"""Median standard deviation of a film's corners (% of depth) beyond which the film is told: 29 of 3,958 simulated
ones, half of whose corners are off by more than 5 % of the depth, where 0.9 % is usual (docs/uncertainty.md)."""

VERTEBRA_CODES = frozenset(
    {
        "low-confidence",
        "uncertain-level",
        "corner-not-seen",
        "cropped",
        "no-contrast",
        "corners-by-hand",
        "corners-swapped",
        "implausible-body",
        "implausible-depth",
    }
)
"""Codes of the findings that are about one vertebra."""

NAME_CODES = frozenset(
    {"level-unknown", "level-twice", "level-order", "level-gap", "names-may-be-shifted", "sacrum-named-otherwise"}
)
"""Codes of the findings about a film's names as a whole."""

_SEVERITY = {"corners-by-hand": Severity.INFO}
"""Of findings about one vertebra that are no warnings."""

_TURNED = {
    1: ("lies on its side, the head to the right", "by 90 degrees counter-clockwise"),
    2: ("is upside down", "by 180 degrees"),
    3: ("lies on its side, the head to the left", "by 90 degrees clockwise"),
}
"""By `SpineLandmarks.needed_turns`: what is wrong with a picture, and what to do."""

Box = tuple[float, float, float, float]

SQUARE_PIXELS = PixelSpacing.unknown()


def check_landmarks(radiograph: Radiograph, landmarks: SpineLandmarks) -> tuple[Finding, ...]:
    """Everything a reader must know about the landmarks of a film.

    Raises:
        FilmRefusedError: the head is not at the top, the film is no lateral view, or no vertebra is found on it.
    """
    refuse_unusable(landmarks)
    width, height = float(radiograph.width), float(radiograph.height)
    box = radiograph.valid_box or (0.0, 0.0, width, height)
    found = [*header_findings(radiograph, landmarks), *spine_findings(landmarks, spacing=radiograph.spacing)]
    for i in range(len(landmarks.vertebrae)):
        found += vertebra_findings(landmarks, i, box, radiograph.spacing)
    return tuple(found)


def refuse_unusable(landmarks: SpineLandmarks) -> None:
    """Refuse a film that cannot be measured.

    Raises:
        FilmRefusedError: the head is not at the top, the film is no lateral view, or no vertebra is found on it.
    """
    name = landmarks.reference.name
    if landmarks.needed_turns:
        lies, remedy = _TURNED[landmarks.needed_turns]
        raise FilmRefusedError(
            f"{name} {lies}; the head is expected at the top: turn the picture {remedy} and give it again",
            landmarks.needed_turns,
        )
    lateral = landmarks.lateral_probability
    if lateral is not None and lateral < LATERAL_PROBABILITY:
        told = apart_from(lateral, LATERAL_PROBABILITY)
        raise FilmRefusedError(
            f"{name} does not look like a lateral film (probability {told}, at least {LATERAL_PROBABILITY} is "
            "expected; frontal, lying and inverted films look so): give a lateral film, head up and bone bright",
            lateral,
        )
    view = (landmarks.reference.view_position or "").upper()
    if lateral is None and view in _FRONTAL_VIEWS:
        raise FilmRefusedError(
            f"{name} has ViewPosition {view}; a lateral view is expected: give a lateral film of the spine", view
        )
    if not any(np.isfinite(v.corners_px).all(axis=-1).sum() >= 2 for v in landmarks.vertebrae):
        raise FilmRefusedError(
            f"{name} shows 0 vertebrae; at least 1 is expected: give a lateral film of the spine, or set the corners "
            "by hand",
            0,
        )


def header_findings(radiograph: Radiograph, landmarks: SpineLandmarks) -> tuple[Finding, ...]:
    """Where the file's header contradicts what is seen, and what the reader noted."""
    found = [Finding("reader-note", Severity.INFO, note) for note in radiograph.notes]
    if landmarks.inverted:
        text = (
            "bone is dark on this film and nothing in the file says so; it was read with its grey values exchanged: "
            "export it with bone bright"
        )
        found.append(Finding("film-inverted", Severity.INFO, text))
    found += [Finding("header-contradiction", Severity.WARNING, text) for text in radiograph.warnings]
    view = (radiograph.reference.view_position or "").upper()
    if view in _FRONTAL_VIEWS:
        text = f"ViewPosition is {view} but the film looks lateral; it is measured as lateral: check the header"
        found.append(Finding("view-contradicts-header", Severity.WARNING, text))
    seen = facing_of(landmarks)
    if Facing.UNKNOWN not in (seen, radiograph.facing) and seen is not radiograph.facing:
        text = (
            f"the header says that the front is {radiograph.facing.value}, the corners say {seen.value}; "
            "the corners count: check the film for a mirrored export"
        )
        found.append(Finding("facing-contradicts-header", Severity.WARNING, text))
    return tuple(found)


def facing_of(landmarks: SpineLandmarks) -> Facing:
    """The side of the film the front is turned to, as the corners tell."""
    return {1.0: Facing.RIGHT, -1.0: Facing.LEFT}.get(facing_sign_of(landmarks), Facing.UNKNOWN)


def spine_findings(
    landmarks: SpineLandmarks, counted_from: VertebralLevel | None = None, *, spacing: PixelSpacing = SQUARE_PIXELS
) -> tuple[Finding, ...]:
    """Findings about the row of vertebrae: unsure corners, unnamed, named twice, out of order, gaps.

    Args:
        landmarks: of a film.
        counted_from: the level that a person gave and all names are counted from.
        spacing: of the film (its aspect decides).
    """
    found = [*_doubtful_names(landmarks.level_evidence), *_outvoted_sacrum(landmarks, counted_from)]
    found += [*_unsure_corners(landmarks, spacing), *upside_down_findings(landmarks.level_evidence)]
    levels = [v.level for v in landmarks.vertebrae]
    named = [level for level in levels if level is not None]
    if len(named) < len(levels):
        text = f"{len(levels) - len(named)} of {len(levels)} vertebrae have no name; angles over segments need names"
        found.append(Finding("level-unknown", Severity.WARNING, text))
    for level, count in Counter(named).items():
        if count > 1:
            text = f"{count} vertebrae are called {level}; a level occurs once: correct the names"
            found.append(Finding("level-twice", Severity.WARNING, text, level))
    if any(second < first for first, second in pairwise(named)):
        text = f"vertebrae are named {', '.join(map(str, named))}; cranial to caudal is expected: correct the names"
        found.append(Finding("level-order", Severity.WARNING, text))
    for first, second in pairwise(levels):
        if first is None or second is None or second <= first:
            continue
        expected = below(first, named)
        if expected is not None and second is not expected:
            text = f"{expected} is not found between {first} and {second}; angles and reference heights skip it"
            found.append(Finding("level-gap", Severity.INFO, text, expected))
    return tuple(found)


def _unsure_corners(landmarks: SpineLandmarks, spacing: PixelSpacing) -> list[Finding]:
    """Whether the calibrated covariances of a film's corners are far wider than those of usual films."""
    shares = [
        np.sqrt(0.5 * np.trace(isotropic_covariance(body.covariance_px[: len(CORNERS)], spacing), axis1=1, axis2=2))
        / depth
        for body, depth in zip(landmarks.vertebrae, body_depths(landmarks.vertebrae, spacing), strict=True)
        if body.covariance_px is not None and body.interval_factors is not None
    ]
    known = np.concatenate(shares) if shares else np.empty(0)
    known = known[np.isfinite(known)]
    percent = 100.0 * float(np.median(known)) if len(known) else 0.0
    if percent <= UNSURE_PERCENT:
        return []
    told = apart_from(percent, UNSURE_PERCENT, digits=1)
    text = (
        f"the corners of this film are unsure: their standard deviation is {told} % of a body's depth in the "
        f"median, up to {UNSURE_PERCENT:g} % is usual: look at them, or give a better film"
    )
    return [Finding("corners-unsure", Severity.WARNING, text)]


def _doubtful_names(evidence: LevelEvidence | None) -> list[Finding]:
    """Whether all names of a film may be wrong together, and what they would be."""
    if evidence is None:
        return []
    chosen, other = evidence.chosen, evidence.runner_up
    is_doubtful = _is_doubtful(evidence)
    if not is_doubtful and (other is None or other.probability < RUNNER_UP):
        return []
    text = f"the names {row_text(chosen.levels)} have probability {apart_from(chosen.probability, LEVEL_PROBABILITY)}"
    if other is not None:
        shift = shift_text(row_shift(chosen.levels, other.levels))
        text += f"; {row_text(other.levels)} ({shift}) has {other.probability:.2f}"
    text += ": count the vertebrae, or give --index-level"
    return [Finding("names-may-be-shifted", Severity.WARNING if is_doubtful else Severity.INFO, text)]


def _is_doubtful(evidence: LevelEvidence) -> bool:
    """Whether the names of a film as a whole are."""
    return evidence.chosen.probability < LEVEL_PROBABILITY


def _outvoted_sacrum(landmarks: SpineLandmarks, counted_from: VertebralLevel | None) -> list[Finding]:
    """Whether a body that looks like S1 by itself has another name, as the others count otherwise.

    It is rare on simulated films, whose spines have five lumbar vertebrae or six (docs/levels.md).
    """
    evidence = landmarks.level_evidence
    if evidence is None:
        return []
    text = "looks like S1 by itself, but "
    if counted_from is None:
        text += "the others make it another level: the names or this body are wrong, or the spine has four lumbar "
        text += "vertebrae: count them, or give --index-level"
    else:
        text += f"is another level counted from the given {counted_from}: another vertebra is meant, this body is no "
        text += "sacrum, or the spine has four lumbar vertebrae: look at the lowest ones"
    looks = [LEVELS[i] for i in evidence.log_probability.argmax(axis=1)]
    return [
        Finding("sacrum-named-otherwise", Severity.WARNING, f"{body.level} {text}", body.level)
        for body, own in zip(landmarks.vertebrae, looks, strict=True)
        if own is VertebralLevel.S1 and body.level not in (None, VertebralLevel.S1)
    ]


def row_text(levels: Sequence[VertebralLevel]) -> str:
    """A row of names for people: its ends, and variants between them.

    >>> row_text([VertebralLevel.T12, VertebralLevel.T13, VertebralLevel.L1])
    'T12 to L1 with T13'
    """
    if len(levels) < 2:
        return str(levels[0]) if levels else "none"
    inner = [str(level) for level in levels[1:-1] if level not in USUAL_LEVELS]
    return f"{levels[0]} to {levels[-1]}" + (f" with {' and '.join(inner)}" if inner else "")


def shift_text(shift: int) -> str:
    """A shift of names for people, positive towards the sacrum.

    >>> shift_text(-1), shift_text(2), shift_text(0)
    ('one level up', '2 levels down', 'the same but for a gap or a variant')
    """
    if shift == 0:
        return "the same but for a gap or a variant"
    number = "one level" if abs(shift) == 1 else f"{abs(shift)} levels"
    return f"{number} {'down' if shift > 0 else 'up'}"


def vertebra_findings(landmarks: SpineLandmarks, index: int, box: Box, spacing: PixelSpacing) -> tuple[Finding, ...]:
    """Findings about one vertebra.

    Args:
        landmarks: of the film.
        index: of the vertebra in ``landmarks.vertebrae``.
        box: (x0, y0, x1, y1) px of the exposed field.
        spacing: of the film (its aspect decides).
    """
    body = landmarks.vertebrae[index]
    name = "an unnamed vertebra" if body.level is None else str(body.level)
    evidence = landmarks.level_evidence
    found = [
        *_certainty(body, name, told_of_the_film=evidence is not None and _is_doubtful(evidence)),
        *_completeness(body, name, box),
        *_shape(landmarks, body, name, spacing),
    ]
    return tuple(Finding(code, _SEVERITY.get(code, Severity.WARNING), text, body.level) for code, text in found)


def _certainty(body: VertebraLandmarks, name: str, *, told_of_the_film: bool) -> list[tuple[str, str]]:
    """Doubts about one vertebra; where all names of the film are in doubt, that is told once, of the film."""
    found = []
    if body.confidence < CONFIDENCE:
        confidence = apart_from(body.confidence, CONFIDENCE)
        text = f"{name}: low detection confidence ({confidence}, below {CONFIDENCE}); check its corners"
        found.append(("low-confidence", text))
    if not told_of_the_film and body.level_probability is not None and body.level_probability < LEVEL_PROBABILITY:
        probability = apart_from(body.level_probability, LEVEL_PROBABILITY)
        text = f"the name {name} has probability {probability}; below {LEVEL_PROBABILITY} check it"
        found.append(("uncertain-level", text))
    return found


def _completeness(body: VertebraLandmarks, name: str, box: Box) -> list[tuple[str, str]]:
    seen = np.asarray(np.isfinite(body.corners_px).all(axis=-1))
    needed = [c for c in CORNERS if body.level is not VertebralLevel.S1 or c < 2]
    unseen = [c.key.replace("_", " ") for c in needed if not seen[c]]
    found = []
    if unseen:
        corners, them = ("corners", "them") if len(unseen) > 1 else ("corner", "it")
        text = f"{name}: {listed(unseen)} {corners} not visible; measurements that need {them} are not given"
        found.append(("corner-not-seen", text))
    points = body.corners_px[seen]
    outside = (points < np.array(box[:2])) | (points > np.array(box[2:]))
    if "cropped" in body.flags or outside.any():
        text = f"{name} extends beyond the exposed field; its measurements may be incomplete"
        found.append(("cropped", text))
    if NO_CONTRAST in body.flags:
        text = (
            f"{name}: the film is evenly grey where corners should be (burnt out, black or of too few greys); they are "
            "guessed from what is around, and their intervals are wider: look at them, or give the film with its greys"
        )
        found.append(("no-contrast", text))
    if BY_HAND in body.flags:
        text = (
            f"{name}: a person set corners; such a point is taken to be off by {100 * READER_SHARE:g} % of the depth "
            "(one standard deviation), as readers are, and the intervals follow from that"
        )
        found.append(("corners-by-hand", text))
    return found


def listed(parts: Sequence[str]) -> str:
    """Parts of a sentence, with commas and an ``and`` before the last.

    >>> listed(["a", "b", "c"]), listed(["a"])
    ('a, b and c', 'a')
    """
    return " and ".join((", ".join(parts[:-1]), parts[-1])) if len(parts) > 1 else parts[0]


def _shape(
    landmarks: SpineLandmarks, body: VertebraLandmarks, name: str, spacing: PixelSpacing
) -> list[tuple[str, str]]:
    found = []
    area = float(signed_area(body.points_px))
    total = float(signed_area(np.stack([v.corners_px for v in landmarks.vertebrae])).sum())
    if area * total < 0:
        text = f"the corners of {name} run the other way round than those of its neighbours; set them anew"
        found.append(("corners-swapped", text))
    if np.isfinite(body.corners_px).all():
        square = replace(body, points_px=isotropic(body.points_px, spacing), covariance_px=None)
        aspect = float(heights.posterior_height(square.points_px)) / square.depth_px if square.depth_px > 0 else np.inf
        if not _ASPECT[0] <= aspect <= _ASPECT[1]:
            told = apart_from(aspect, *_ASPECT)
            text = f"{name} has posterior height / depth {told}; {_ASPECT[0]} to {_ASPECT[1]} are plausible"
            found.append(("implausible-body", f"{text}: look at its corners"))
    depths = body_depths(landmarks.vertebrae, spacing)
    depths = depths[np.isfinite(depths)]
    (depth,) = body_depths([body], spacing)
    if depths.size >= 3 and np.isfinite(depth):
        share = float(depth / np.median(depths))
        if not _DEPTH[0] <= share <= _DEPTH[1]:
            told = apart_from(share, *_DEPTH)
            text = f"{name} is {told} times as deep as the median body; {_DEPTH[0]} to {_DEPTH[1]} are plausible"
            found.append(("implausible-depth", f"{text}: look at its corners"))
    return found
