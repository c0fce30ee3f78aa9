"""One scale for two films of a patient: intact vertebrae seen on both are the ruler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kummell_ai.anatomy import Endplate, VertebralLevel
from kummell_ai.geometry import heights
from kummell_ai.geometry.propagation import propagate_values
from kummell_ai.imaging.annotation import VertebraLandmarks, repeated_levels
from kummell_ai.imaging.radiograph import Calibration, PixelSpacing
from kummell_ai.measurement.film import remeasure
from kummell_ai.measurement.neighbours import is_intact
from kummell_ai.measurement.results import Finding, PhasedMeasurement, RadiographMeasurement, Severity
from kummell_ai.measurement.rounding import apart_from
from kummell_ai.measurement.vertebrae import FloatArray, propagated, split_bodies
from kummell_ai.quantities import Z95, Interval, Quantity

_ORDER = list(Calibration)
UNLIKE = 0.10
"""Share by which intact vertebrae may differ between two films of one calibration before a warning."""
SIZE_CODES = frozenset({"magnification-unlike", "magnification-from-neighbours"})
"""Codes of the findings about how much films of one calibration are magnified."""
_TELLS_MAGNIFICATION = (Calibration.FIDUCIAL, Calibration.GEOMETRY)
"""Calibrations that hold for the patient; by the others two films of one kind may be magnified unlike."""
_MOST_ERROR = 0.03
"""Standard error of a factor beyond which it says less of two magnifications than that they are about alike."""
EXPECTED = (90.0, 110.0)
"""The same as the range of sizes (%)."""


@dataclass(frozen=True, slots=True)
class CommonScale:
    """How to measure two films in one length unit.

    Attributes:
        before, after: pixel spacings to measure with.
        unit: ``mm``, or ``px`` when neither film has a scale; None when lengths cannot be compared.
        factor: by which the lengths of the film ``rescaled`` were multiplied, with its standard error.
        rescaled: ``before``, ``after`` or None.
        rulers: the vertebrae that keep their size.
        findings: what was done.
    """

    before: PixelSpacing
    after: PixelSpacing
    unit: str | None
    factor: float = 1.0
    factor_error: float = 0.0
    rescaled: str | None = None
    rulers: tuple[VertebralLevel, ...] = ()
    findings: tuple[Finding, ...] = ()

    def adjust(self, quantity: Quantity, which: str) -> Quantity:
        """``quantity``, a length measured with the spacing of film ``which``, with the factor's error and a caveat."""
        if which != self.rescaled or quantity.value is None:
            return quantity
        told = None if self.factor == 1.0 else f"scaled by {self.factor:.4g} to the other film"
        caveat = "; ".join(c for c in (quantity.caveat, told) if c) or None
        error = quantity.standard_error
        if error is None or not np.isfinite(self.factor_error):
            return Quantity(quantity.value, quantity.unit, None, caveat)
        half = Z95 * float(np.hypot(error, quantity.value * self.factor_error / self.factor))
        return Quantity(quantity.value, quantity.unit, Interval(quantity.value - half, quantity.value + half), caveat)


def common_scale(
    before: RadiographMeasurement, after: RadiographMeasurement, index_level: VertebralLevel
) -> CommonScale:
    """The scale two films share; by their calibrations, or by the intact vertebrae seen on both.

    Args:
        before: earlier film.
        after: later film.
        index_level: the injured vertebra, which never serves as the ruler.
    """
    first, second = before.spacing, after.spacing
    same_kind = first.is_metric and first.calibration is second.calibration
    levels = ruler_levels(before, after, index_level)
    if not levels:
        return _without_ruler(first, second, same_kind)
    factor, error = ruler_factor(before, after, levels)
    names = ", ".join(map(str, levels))
    if same_kind and not _is_magnified_unlike(first, factor, error):
        if first.calibration in _TELLS_MAGNIFICATION or not error < _MOST_ERROR:
            return CommonScale(first, second, "mm")
        return CommonScale(first, second, "mm", 1.0, error, "after", levels)
    keep_first = _ORDER.index(first.calibration) <= _ORDER.index(second.calibration)
    unit = "mm" if first.is_metric or second.is_metric else "px"
    moved, factor, error = ("after", factor, error) if keep_first else ("before", 1 / factor, error / factor**2)
    film = "later" if keep_first else "earlier"
    if same_kind and is_far(factor):
        finding = magnification_unlike(names, [size_on(after, factor)], before.reference.name)
    else:
        text = (
            f"the calibrations of the two films are {first.calibration.value} and {second.calibration.value}; lengths "
            f"of the {film} film are multiplied by {factor:.4g} so that {names} keep their size"
        )
        finding = Finding("scale-from-neighbours", Severity.INFO, text)
    if keep_first:
        return CommonScale(first, _scaled(second, factor, first), unit, factor, error, moved, levels, (finding,))
    return CommonScale(_scaled(first, factor, second), second, unit, factor, error, moved, levels, (finding,))


def _is_magnified_unlike(spacing: PixelSpacing, factor: float, error: float) -> bool:
    """Whether films of the kind of ``spacing`` show intact vertebrae at sizes by which lengths cannot be compared."""
    is_told = spacing.calibration not in _TELLS_MAGNIFICATION and error < _MOST_ERROR
    return is_far(factor) or (is_told and abs(factor - 1.0) > Z95 * error)


def on_one_magnification(
    films: Sequence[PhasedMeasurement], index_level: VertebralLevel
) -> tuple[list[PhasedMeasurement], list[Finding]]:
    """The films with lengths on the scale of the first of their kind of calibration, where intact vertebrae tell it.

    A pixel size at the detector, or an assumed one, does not know how much a film is magnified; the intact vertebrae
    that it shares with an earlier film of its kind do. Films calibrated at the patient keep their own scale unless
    these vertebrae contradict it (`UNLIKE`).

    Args:
        films: of one patient, named together, by date.
        index_level: the injured vertebra, which is no ruler.
    """
    done: list[PhasedMeasurement] = []
    told = []
    for film in films:
        factor, text = _to_earlier(film.measurement, [other.measurement for other in done], index_level)
        done.append(film if factor is None else _multiplied(film, factor, index_level))
        told += [text] if text else []
    if not told:
        return done, []
    text = (
        "these pixel sizes do not tell how much a film is magnified; lengths are multiplied so that intact vertebrae "
        f"keep their size: {'; '.join(told)}"
    )
    return done, [Finding("magnification-from-neighbours", Severity.INFO, text)]


def _to_earlier(
    film: RadiographMeasurement, earlier: Sequence[RadiographMeasurement], index_level: VertebralLevel
) -> tuple[float | None, str]:
    """What brings a film to the scale of an earlier one of its kind, and what is said; None where it keeps its own."""
    kind = film.spacing.calibration
    alike = (other for other in earlier if other.spacing.calibration is kind and film.spacing.is_metric)
    pairs = ((other, ruler_levels(other, film, index_level)) for other in alike)
    other, levels = next(((other, own) for other, own in pairs if own), (None, ()))
    if other is None:
        return None, ""
    factor, error = ruler_factor(other, film, levels)
    if is_far(factor):
        return factor, ""  # `magnification_unlike` says it
    if kind in _TELLS_MAGNIFICATION or not error < _MOST_ERROR:
        return None, ""
    names = ", ".join(map(str, levels))
    return factor, f"those of {film.reference.name} by {factor:.4g} ± {Z95 * error:.2g} ({names})"


def _multiplied(film: PhasedMeasurement, factor: float, index_level: VertebralLevel) -> PhasedMeasurement:
    """The film measured anew with a pixel ``factor`` times as large."""
    measured = film.measurement
    scaled = replace(measured, spacing=_scaled(measured.spacing, factor, measured.spacing))
    return PhasedMeasurement(film.phase, remeasure(scaled, measured.landmarks, index_level))


def is_far(factor: float) -> bool:
    """Whether intact vertebrae of two films of one calibration differ by more than `UNLIKE`, by `ruler_factor`."""
    return abs(1.0 / factor - 1.0) > UNLIKE


def ruler_levels(
    before: RadiographMeasurement, after: RadiographMeasurement, index_level: VertebralLevel
) -> tuple[VertebralLevel, ...]:
    """Levels that are intact and fully seen on both films, the injured one and names that stand twice left out."""
    levels = []
    twice = repeated_levels(before.landmarks.vertebrae) | repeated_levels(after.landmarks.vertebrae)
    for body in before.landmarks.vertebrae:
        other = None if body.level is None else after.landmarks.at(body.level)
        if body.level is None or body.level is index_level or body.level in twice or other is None:
            continue
        if is_intact(body, before.spacing) and is_intact(other, after.spacing):
            levels.append(body.level)
    return tuple(levels)


def _without_ruler(first: PixelSpacing, second: PixelSpacing, same_kind: bool) -> CommonScale:
    if same_kind:
        return CommonScale(first, second, "mm")
    kinds = f"{first.calibration.value} and {second.calibration.value}"
    if first.is_metric and second.is_metric:
        text = f"the calibrations of the two films are {kinds} and no intact vertebra is seen on both to compare them"
        text += "; changes in mm, which may be off by 20 %, and rates of height are missing: use angles and ratios"
        return CommonScale(first, second, "mm", findings=(Finding("scale-unlike", Severity.WARNING, text),))
    text = f"the calibrations of the two films are {kinds} and no intact vertebra is seen on both as a ruler"
    finding = Finding("no-common-scale", Severity.WARNING, f"{text}; changes in mm are missing: use angles and ratios")
    return CommonScale(first, second, None, findings=(finding,))


def size_on(film: RadiographMeasurement, factor: float) -> str:
    """How large the rulers are on ``film``, when ``factor`` is their size on the other film over that on this one."""
    return f"{apart_from(100.0 / factor, *EXPECTED, digits=0)} % on {film.reference.name}"


def magnification_unlike(rulers: str, sizes: Sequence[str], first: str) -> Finding:
    """A warning about films of one calibration whose intact vertebrae have unlike sizes."""
    text = (
        f"{rulers} measure {' and '.join(sizes)} of what they measure on {first}; {EXPECTED[0]:g} to {EXPECTED[1]:g} % "
        "is expected: the magnifications differ, and lengths are compared so that these vertebrae keep their size; "
        "check the pixel spacings"
    )
    return Finding("magnification-unlike", Severity.WARNING, text)


def ruler_factor(
    before: RadiographMeasurement, after: RadiographMeasurement, levels: tuple[VertebralLevel, ...]
) -> tuple[float, float]:
    """Size on the earlier over size on the later film, and its standard error (NaN when not known)."""
    sums = [_ruler_length(film, levels) for film in (before, after)]
    result = propagate_values(lambda v: (v[..., 0] / v[..., 1])[..., None], [s[0] for s in sums], [s[1] for s in sums])
    return float(result.value[0]), float(result.standard_error[0])


def _ruler_length(film: RadiographMeasurement, levels: tuple[VertebralLevel, ...]) -> tuple[float, float]:
    bodies: list[VertebraLandmarks] = [body for body in film.landmarks.vertebrae if body.level in levels]

    def total(points: FloatArray) -> FloatArray:
        perimeters = [
            heights.anterior_height(p)
            + heights.posterior_height(p)
            + heights.endplate_depth(p, Endplate.SUPERIOR)
            + heights.endplate_depth(p, Endplate.INFERIOR)
            for p in split_bodies(points, bodies)
        ]
        return np.asarray(np.sum(perimeters, axis=0))[..., None]

    result = propagated(bodies, film.spacing, total)
    return float(result.value[0]), float(result.standard_error[0])


def _scaled(spacing: PixelSpacing, factor: float, like: PixelSpacing) -> PixelSpacing:
    return replace(
        spacing,
        row_mm=spacing.row_mm * factor,
        column_mm=spacing.column_mm * factor,
        calibration=like.calibration,
        magnification=None,
    )
