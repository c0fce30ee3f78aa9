"""The size of a pixel and how far it may be trusted (docs/definitions.md, scale)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from pydicom.dataset import Dataset

from kummell_ai.dicom.container import element_value, number, numbers, text
from kummell_ai.errors import UsageError
from kummell_ai.imaging.radiograph import Calibration, PixelSpacing

MIN_MM, MAX_MM = 0.01, 2.0
"""Pixels of radiographs lie between 0.05 and 0.5 mm; beyond these bounds the number is a mistake."""

MAX_ASPECT = 3.0
MAX_MAGNIFICATION = 2.0
SAME_RATIO = 0.01
"""Relative difference of the two axes' magnifications below which they are one."""
SAME = 1e-3
"""Relative difference below which two spacings are the same number, rounded differently."""

MIN_FIELD_MM, MAX_FIELD_MM = 150.0, 460.0
"""Long side of a film of the spine from one exposure; the largest detectors and plates have 430 mm."""

PLACEHOLDER = (1.0, 1.0)
"""What programs write that know no pixel size."""

_FRAME_GROUPS = ("PixelMeasuresSequence", "FramePixelDataPropertiesSequence")
_FRAME_KEYWORDS = ("PixelSpacing", "ImagerPixelSpacing", "PixelSpacingCalibrationType")


@dataclass(frozen=True, slots=True)
class SpacingFinding:
    """A pixel size and what a reader must know about it, one sentence each; warnings are contradictions."""

    spacing: PixelSpacing
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def spacing_of(dataset: Dataset, given_mm: tuple[float, float] | None = None) -> SpacingFinding:
    """The best pixel size the header offers; ``given_mm`` (row, column) overrules it.

    Order: calibrated PixelSpacing (it names its calibration, or fits ImagerPixelSpacing by a magnification), then
    ImagerPixelSpacing over EstimatedRadiographicMagnificationFactor, then ImagerPixelSpacing at the detector, then
    PixelSpacing of unknown plane, then none. Entries that contradict each other are told.
    """
    notes: list[str] = []
    warnings: list[str] = []
    pixel = _pair(dataset, "PixelSpacing", notes)
    imager = _pair(dataset, "ImagerPixelSpacing", notes) or _pair(dataset, "NominalScannedPixelSpacing", notes)
    found = _from_header(dataset, pixel, imager, notes, warnings)
    if found.is_metric:
        warnings += _aspect_warnings(dataset, found, imager)
    if given_mm is not None:
        if found.is_metric:
            notes.append(
                f"The given pixel spacing {given_mm[0]:g} x {given_mm[1]:g} mm overrules {found.row_mm:g} x "
                f"{found.column_mm:g} mm of the header."
            )
        found, warnings = given_spacing(given_mm), []
    return SpacingFinding(found, tuple(notes), tuple(warnings))


def with_frame_spacing(dataset: Dataset, index: int) -> Dataset:
    """``dataset`` with the pixel sizes that an enhanced object keeps for frame ``index`` (0-based) or for all.

    Those of the data set itself count first, then those of the frame.
    """
    found = Dataset(dict(dataset.items()))  # of a data set itself it would be another name
    frames = element_value(dataset, "PerFrameFunctionalGroupsSequence") or ()
    groups = [*frames[index : index + 1], *(element_value(dataset, "SharedFunctionalGroupsSequence") or ())[:1]]
    for group in groups:
        for item in (item for keyword in _FRAME_GROUPS for item in (element_value(group, keyword) or ())[:1]):
            for keyword in _FRAME_KEYWORDS:
                if keyword not in found and keyword in item:
                    found[keyword] = item[keyword]
    return found


def given_spacing(given_mm: tuple[float, float] | None) -> PixelSpacing:
    """The pixel size a user gave, (row, column) in mm; uncalibrated when None.

    Raises:
        UsageError: not two numbers between 0.01 and 2 mm.
    """
    if given_mm is None:
        return PixelSpacing.unknown()
    if not is_plausible(given_mm):
        raise UsageError(
            f"pixel spacing {given_mm} is not plausible; give row and column spacing between {MIN_MM} and {MAX_MM} mm",
            given_mm,
        )
    return PixelSpacing(float(given_mm[0]), float(given_mm[1]), Calibration.ASSUMED)


def is_plausible(pair_mm: tuple[float, ...]) -> bool:
    """Whether (row, column) can be the pixel size of a radiograph.

    >>> is_plausible((0.143, 0.143)), is_plausible((0.0, 0.0)), is_plausible((143.0, 143.0))
    (True, False, False)
    """
    if len(pair_mm) != 2 or not all(math.isfinite(v) and MIN_MM <= v <= MAX_MM for v in pair_mm):
        return False
    return max(pair_mm) <= MAX_ASPECT * min(pair_mm)


def _pair(dataset: Dataset, keyword: str, notes: list[str]) -> tuple[float, float] | None:
    values = numbers(dataset, keyword)
    if is_plausible(values):
        return values[0], values[1]
    raw = text(dataset, keyword)
    if raw is not None:
        notes.append(f"{keyword} {raw[:40]} is no plausible pixel size ({MIN_MM} to {MAX_MM} mm) and is ignored.")
    return None


def _from_header(
    dataset: Dataset,
    pixel: tuple[float, float] | None,
    imager: tuple[float, float] | None,
    notes: list[str],
    warnings: list[str],
) -> PixelSpacing:
    if pixel is not None:
        calibration = _calibration(dataset, pixel, imager, notes, warnings)
        if calibration is not None:
            magnified = imager is not None and calibration is not Calibration.ASSUMED
            return PixelSpacing(*pixel, calibration, imager[0] / pixel[0] if imager and magnified else None)
    if imager is not None:
        return _at_patient(dataset, imager, notes)
    if pixel is not None:
        notes.append(
            "PixelSpacing does not say at which plane it holds; lengths may be too large by the magnification."
        )
        return PixelSpacing(*pixel, Calibration.ASSUMED)
    notes.append("The file has no usable pixel spacing; heights in mm need it: pass --spacing ROW COLUMN.")
    return PixelSpacing.unknown(_aspect(dataset) or 1.0)


def _calibration(
    dataset: Dataset,
    pixel: tuple[float, float],
    imager: tuple[float, float] | None,
    notes: list[str],
    warnings: list[str],
) -> Calibration | None:
    """How PixelSpacing was calibrated; None when it is only the detector's pixel under another name.

    A pixel that is smaller than the detector's by one factor on both axes, no more than that of a magnification, is
    calibrated, even without a calibration type; any other difference, as of a film that was scaled, is not, whatever
    type the header names. One that is larger is that of a film that was scaled down, or no pixel size at all.
    """
    kind = (text(dataset, "PixelSpacingCalibrationType") or "").upper()
    is_named = kind in ("FIDUCIAL", "GEOMETRY")
    if imager is None:
        return Calibration[kind] if is_named else None
    if all(abs(p - i) <= SAME * i for p, i in zip(pixel, imager, strict=True)):
        if is_named:
            notes.append(
                f"PixelSpacing is named calibrated ({kind}) but is the detector's, {imager[0]:g} x {imager[1]:g} mm; "
                "it is taken for the detector's."
            )
        return None
    row, column = (i / p for p, i in zip(pixel, imager, strict=True))
    is_even = abs(row - column) <= SAME_RATIO * row
    if is_even and min(row, column) >= 1.0 and max(row, column) <= MAX_MAGNIFICATION:
        return Calibration[kind] if is_named else Calibration.GEOMETRY
    is_larger = max(row, column) < 1.0 - SAME_RATIO
    if is_larger and _is_detector_right(dataset, pixel, imager, is_named):
        warnings.append(
            f"PixelSpacing {pixel[0]:g} x {pixel[1]:g} mm is larger than the detector's {imager[0]:g} x {imager[1]:g} "
            "mm, which no magnification makes, and does not fit the size of the film; the detector's is used: check "
            "it, or pass --spacing ROW COLUMN."
        )
        return None
    claim = f", although it is named calibrated ({kind})" if is_named else ""
    is_told = is_larger or (is_named and is_even)  # an uneven pixel is warned of by its shape
    (warnings if is_told else notes).append(
        f"PixelSpacing {pixel[0]:g} x {pixel[1]:g} and the detector's {imager[0]:g} x {imager[1]:g} mm fit no "
        f"magnification of 1 to {MAX_MAGNIFICATION:g}{claim}; PixelSpacing is used, as of a film that was scaled; "
        "lengths may be wrong: check it, or pass --spacing ROW COLUMN."
    )
    return Calibration.ASSUMED


def _is_detector_right(
    dataset: Dataset, pixel: tuple[float, float], imager: tuple[float, float], is_named: bool
) -> bool:
    """Whether the detector's pixel is believed against a larger PixelSpacing.

    A film that was scaled down with PixelSpacing alone adapted has the field of a detector by PixelSpacing, as has one
    that was calibrated after it was scaled; a placeholder is neither.
    """
    if pixel == PLACEHOLDER:
        return True
    size = number(dataset, "Rows"), number(dataset, "Columns")
    if is_named or size[0] is None or size[1] is None:
        return False
    by_pixel, by_detector = (max(size[0] * row, size[1] * column) for row, column in (pixel, imager))
    return by_pixel > MAX_FIELD_MM and MIN_FIELD_MM <= by_detector <= MAX_FIELD_MM


def _aspect_warnings(dataset: Dataset, found: PixelSpacing, imager: tuple[float, float] | None) -> list[str]:
    """Other entries that give the pixel another shape than the one that is used; each falsifies every angle."""
    used = found.row_mm / found.column_mm
    others = {"the detector's": None if imager is None else imager[0] / imager[1], "PixelAspectRatio": _aspect(dataset)}
    told = [f"{name} is {ratio:.3g}" for name, ratio in others.items() if ratio and abs(ratio / used - 1) > SAME_RATIO]
    if not told:
        return []
    return [
        f"The pixel spacing makes a pixel {used:.3g} times as high as wide, {' and '.join(told)}; a wrong one "
        "falsifies every angle and ratio: check the spacing, or pass --spacing ROW COLUMN."
    ]


def _at_patient(dataset: Dataset, imager: tuple[float, float], notes: list[str]) -> PixelSpacing:
    magnification = number(dataset, "EstimatedRadiographicMagnificationFactor")
    if magnification is not None and 1.0 <= magnification <= MAX_MAGNIFICATION:
        return PixelSpacing(
            imager[0] / magnification, imager[1] / magnification, Calibration.GEOMETRY, float(magnification)
        )
    if magnification is not None:
        notes.append(
            f"EstimatedRadiographicMagnificationFactor {magnification:g} is not between 1 and 2 and is ignored."
        )
    notes.append("Millimetres are at the detector; the patient's are smaller by the magnification (often 10 to 25 %).")
    return PixelSpacing(*imager, Calibration.DETECTOR_PLANE)


def _aspect(dataset: Dataset) -> float | None:
    """Height of a pixel over its width as PixelAspectRatio gives it; None when it is absent or unusable."""
    ratio = numbers(dataset, "PixelAspectRatio")
    if len(ratio) == 2 and min(ratio) > 0 and max(ratio) <= MAX_ASPECT * min(ratio):
        return ratio[0] / ratio[1]
    return None
