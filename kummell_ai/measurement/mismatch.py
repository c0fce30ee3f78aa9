"""What makes a patient's films unlike, told apart and said once: posture, magnification, rotation; and the scale."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kummell_ai.anatomy import Endplate, VertebralLevel
from kummell_ai.geometry import heights
from kummell_ai.imaging.radiograph import Calibration, ImageReference
from kummell_ai.measurement.common_scale import is_far, magnification_unlike, ruler_factor, ruler_levels, size_on
from kummell_ai.measurement.quality import listed
from kummell_ai.measurement.results import Correction, Finding, PhasedMeasurement, RadiographMeasurement, Severity
from kummell_ai.measurement.shared_shapes import is_measured_together
from kummell_ai.measurement.vertebrae import FloatArray, propagated, split_bodies
from kummell_ai.quantities import Z95

_NO_RULER = ("scale-unlike", "no-common-scale")

PAIR_CODES = frozenset(
    {"posture-unknown", "posture-unlike", "magnification-unlike", "scale-from-neighbours", *_NO_RULER}
)
"""Findings of a pair of films that a report says once, about all of its films."""

ROTATION = "rotation-unlike"
ROTATED = 0.08
"""Share by which intact vertebrae may be deeper for their height on one film than on another before a warning."""

LEAST_RULERS = 2


def posture_of(film: ImageReference) -> str | None:
    """The posture that the header of a film names (PatientPosition), upper case, or None.

    The codes of DICOM for head or feet first come down to SUPINE, PRONE and DECUBITUS.
    """
    text = (film.patient_position or "").strip().upper()
    if text[:2] in ("HF", "FF"):
        return {"S": "SUPINE", "P": "PRONE"}.get(text[2:], "DECUBITUS")
    return None if text in ("", "UNKNOWN") else text


def mismatch_findings(films: Sequence[RadiographMeasurement], level: VertebralLevel) -> list[Finding]:
    """Everything that makes the films unlike; each kind is one finding, whatever the number of films.

    Args:
        films: that are compared, by date; the others are held against the first, and against each other where that
            tells nothing, as where it has another kind of calibration or shows no intact vertebra. Rotation is left
            out where they were measured together: one shape on all films shows none (`rotation_findings`).
        level: the injured vertebra, which is no ruler.
    """
    if len(films) < 2:
        return []
    are_apart = not any(is_measured_together(film) for film in films)
    rotation = rotation_findings(films, level) if are_apart else []
    return [*posture_findings(films), *_magnification(films, level), *rotation]


def posture_findings(films: Sequence[RadiographMeasurement]) -> list[Finding]:
    """A finding when films were taken in unlike or unknown posture."""
    known = [(film.reference.name, p) for film in films if (p := posture_of(film.reference)) is not None]
    unknown = [film.reference.name for film in films if posture_of(film.reference) is None]
    why = (
        "lying versus upright alone can change heights by 6 mm and angles by 10°; verdicts hold only for films in the "
        "same position"
    )
    if len({posture for _, posture in known}) > 1:
        named = ", ".join(f"{posture} on {name}" for name, posture in known)
        rest = f", not recorded on {listed(unknown)}" if unknown else ""
        return [Finding("posture-unlike", Severity.WARNING, f"patient position is {named}{rest}; {why}")]
    if unknown:
        where = f"on {listed(unknown)}" if known else "on any film"
        return [Finding("posture-unknown", Severity.INFO, f"patient position is not recorded {where}; {why}")]
    return []


def scale_findings(corrections: Sequence[Correction]) -> list[Finding]:
    """The factors by which lengths were brought to one scale, in one finding; and where none could be, one a kind."""
    lacking = {f.code: f for c in reversed(corrections) for f in c.findings if f.code in _NO_RULER}
    parts = []
    for c in corrections:
        if c.scale is not None and c.scale.factor.value is not None:
            rulers = ", ".join(map(str, c.scale.rulers))
            half = c.scale.factor.interval.half_width if c.scale.factor.interval else None
            error = f" ± {half:.2g}" if half is not None else ""
            parts.append(f"those of {c.scale.film} by {c.scale.factor.value:.4g}{error} for the {c.name} ({rulers})")
    if not parts:
        return list(lacking.values())
    text = "the scales of the films differ; lengths are multiplied so that intact vertebrae keep their size: "
    return [Finding("scale-from-neighbours", Severity.INFO, text + "; ".join(parts)), *lacking.values()]


def change_scale_findings(
    films: Sequence[PhasedMeasurement], corrections: Sequence[Correction], level: VertebralLevel
) -> list[Finding]:
    """Whether the changes of a height are on several scales, so that correction and loss do not add up to the net.

    Args:
        films: those that stand for a phase.
        corrections: the comparisons of them; each is on the better scale of its two films.
        level: the injured vertebra.
    """
    kind_of = {film.phase: film.measurement.spacing.calibration for film in films}
    named: dict[Calibration, list[str]] = {}
    for c in corrections:
        kinds = {kind_of[c.before], kind_of[c.after]}
        is_known = any(change.unit == "mm" and change.value is not None for change in (q.change for q in c.changes))
        if is_known and (c.scale is not None or len(kinds) == 1):
            named.setdefault(min(kinds, key=list(Calibration).index), []).append(f"the {c.name}")
    if len(named) < 2:
        return []
    scales = " and ".join(f"{kind.value} for {listed(names)}" for kind, names in named.items())
    text = f"changes of heights are on more than one scale, {scales}, and do not add up: compare ratios and angles"
    return [Finding("changes-on-unlike-scales", Severity.INFO, text, level)]


def _magnification(films: Sequence[RadiographMeasurement], level: VertebralLevel) -> list[Finding]:
    """Films of one kind of calibration on which intact vertebrae differ in size from the first one that tells."""
    for i, first in enumerate(films):
        unlike, rulers = [], ""
        for film in films[i + 1 :]:
            levels = ruler_levels(first, film, level)
            is_same_kind = first.spacing.is_metric and first.spacing.calibration is film.spacing.calibration
            if not levels or not is_same_kind:
                continue
            factor, _ = ruler_factor(first, film, levels)
            if is_far(factor):
                unlike.append(size_on(film, factor))
                rulers = ", ".join(map(str, levels))
        if unlike:
            return [magnification_unlike(rulers, unlike, first.reference.name)]
    return []


def rotation_findings(films: Sequence[RadiographMeasurement], level: VertebralLevel) -> list[Finding]:
    """Films on which intact vertebrae are deeper or shallower for their height, as no magnification makes them.

    Args:
        films: each measured by itself, by date.
        level: the injured vertebra, which is no ruler.
    """
    for i, first in enumerate(films):
        unlike = [text for film in films[i + 1 :] if (text := _turned(first, film, level))]
        if unlike:
            text = (
                f"intact vertebrae are {listed(unlike)} for their height than on {first.reference.name}; a patient "
                "turned about the long axis or bent to the side would look so: look for doubled endplates and "
                "pedicles, and compare films of one rotation only"
            )
            return [Finding(ROTATION, Severity.WARNING, text)]
    return []


def _turned(first: RadiographMeasurement, film: RadiographMeasurement, level: VertebralLevel) -> str:
    """By how much intact vertebrae are deeper or less deep on ``film`` than on ``first``; empty where they are not."""
    levels = ruler_levels(first, film, level)
    if len(levels) < LEAST_RULERS:
        return ""
    (one, one_error), (other, other_error) = (_depth_for_height(f, levels) for f in (first, film))
    change = other - one
    error = float(np.hypot(one_error, other_error))
    if abs(change) <= max(np.log1p(ROTATED), Z95 * (error if np.isfinite(error) else 0.0)):
        return ""
    which = "deeper" if change > 0 else "less deep"
    return f"{100 * abs(np.expm1(change)):.0f} % {which} on {film.reference.name}"


def _depth_for_height(film: RadiographMeasurement, levels: Sequence[VertebralLevel]) -> tuple[float, float]:
    """Mean over ``levels`` of ln(depth / posterior height), and its standard error; no magnification changes it."""
    bodies = [body for body in film.landmarks.vertebrae if body.level in levels]

    def mean(points: FloatArray) -> FloatArray:
        ratios = [
            np.log(
                (heights.endplate_depth(p, Endplate.SUPERIOR) + heights.endplate_depth(p, Endplate.INFERIOR))
                / (2.0 * heights.posterior_height(p))
            )
            for p in split_bodies(points, bodies)
        ]
        return np.asarray(np.mean(ratios, axis=0))[..., None]

    result = propagated(bodies, film.spacing, mean)
    return float(result.value[0]), float(result.standard_error[0])
