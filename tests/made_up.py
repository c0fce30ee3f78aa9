"""A made-up patient for the tests of reporting and cli: five bodies, a wedged L1, three films."""

from __future__ import annotations

import datetime as dt

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from kummell_ai.anatomy import Facing, Phase, VertebralLevel
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.radiograph import Calibration, ImageReference, PixelSpacing, Radiograph
from kummell_ai.measurement.results import (
    Change,
    Correction,
    CorrectionReport,
    Finding,
    PhasedMeasurement,
    Provenance,
    RadiographMeasurement,
    SegmentMeasurement,
    Severity,
    Verdict,
    VertebraMeasurement,
)
from kummell_ai.quantities import Interval, Quantity
from kummell_ai.reporting.words import quantity_of

MM = 0.3
"""Pixel size (mm) of the made-up films."""
SIZE = (560, 900)
"""Width and height (px)."""
LEVELS = [VertebralLevel[name] for name in ("T10", "T11", "T12", "L1", "L2", "L3")]
WEDGE = {Phase.PRE_OP: (13.5, 26.0), Phase.POST_OP: (21.8, 27.0), Phase.FOLLOW_UP: (20.9, 26.7)}
"""Anterior and posterior height (mm) of L1 by phase."""
FRACTURED = frozenset({VertebralLevel.L1})
DATES = {
    Phase.PRE_OP: dt.datetime(2024, 3, 4, 9, 30),
    Phase.POST_OP: dt.datetime(2024, 3, 11, 14, 5),
    Phase.FOLLOW_UP: dt.datetime(2025, 4, 2, 10, 15),
}


def landmarks(phase: Phase = Phase.PRE_OP, *, facing: Facing = Facing.LEFT, mm: float = MM) -> SpineLandmarks:
    """Bodies stacked on a gentle curve, facing left unless said otherwise."""
    front, back = WEDGE[phase]
    heights = [(25.0, 25.5), (25.5, 26.0), (26.0, 26.5), (front, back), (27.0, 26.5), (27.5, 26.5)]
    y, angle, bodies = 28.0, np.deg2rad(2.0 + 10.0 * (26.0 - front) / 12.0), []
    for level, (ha, hp) in zip(LEVELS, heights, strict=True):
        bodies.append((level, *_body(98.0 + 26.0 * np.cos((y - 130) / 90.0) - 26.0, y, angle, ha, hp)))
        y += 0.5 * (ha + hp) + 6.5
        angle -= np.arcsin((hp - ha) / 34.0) * (1.0 if level is VertebralLevel.L1 else 0.6) + np.deg2rad(1.0)
    vertebrae = []
    for level, points_mm, _ in bodies:
        points = points_mm / mm
        if facing is Facing.RIGHT:
            points = points * [-1.0, 1.0] + [SIZE[0] * MM / mm, 0.0]
        flags = set()
        if level in FRACTURED:
            flags.add("fractured")
        if phase is not Phase.PRE_OP and level in (VertebralLevel.T12, VertebralLevel.L2):
            flags.add("instrumented")
        if phase is not Phase.PRE_OP and level in (VertebralLevel.L1,):
            flags.add("cemented")
        covariance = np.broadcast_to(np.eye(2) * (0.6 / mm) ** 2, (4, 2, 2)).copy()
        vertebrae.append(
            VertebraLandmarks(
                points, level, 0.97, covariance, 0.93 if level is not VertebralLevel.T10 else 0.71, frozenset(flags)
            )
        )
    return SpineLandmarks(tuple(vertebrae), reference(phase), facing, 0.99)


def _body(x: float, y: float, angle: float, ha: float, hp: float) -> tuple[np.ndarray, float]:
    depth = 34.0
    forward = np.array([-np.cos(angle), np.sin(angle)])
    tilt = np.arcsin(np.clip((hp - ha) / depth, -0.9, 0.9))
    forward_low = np.array([-np.cos(angle - tilt), np.sin(angle - tilt)])
    sp = np.array([x + depth / 2, y])
    ip = sp + np.array([np.sin(angle - tilt / 2), np.cos(angle - tilt / 2)]) * hp
    return np.stack([sp + forward * depth, sp, ip + forward_low * depth, ip]), angle


def reference(phase: Phase = Phase.PRE_OP, patient_id: str = "KUM-001") -> ImageReference:
    return ImageReference(
        name=f"{phase.value}.dcm",
        sha256=phase.name.lower().encode().hex().ljust(64, "0"),
        patient_id=patient_id,
        acquired=DATES[phase],
        modality="DX",
        simulated=True,
    )


def radiograph(phase: Phase = Phase.PRE_OP, *, metric: bool = True, facing: Facing = Facing.LEFT) -> Radiograph:
    """A crude grey film with the bodies of `landmarks` on it."""
    picture = Image.new("L", SIZE, 60)
    brush = ImageDraw.Draw(picture)
    brush.rectangle([0, 0, 40, SIZE[1]], fill=15)
    for vertebra in landmarks(phase, facing=facing).vertebrae:
        points = [tuple(p) for p in vertebra.corners_px[[0, 1, 3, 2]]]
        brush.polygon(points, fill=165)
        brush.line([*points, points[0]], fill=205, width=4)
    picture = picture.filter(ImageFilter.GaussianBlur(2.5))
    noise = np.random.default_rng(7).normal(0, 0.02, (SIZE[1], SIZE[0]))
    pixels = np.clip(np.asarray(picture, dtype=np.float64) / 255 + noise, 0, 1).astype(np.float32)
    spacing = PixelSpacing(MM, MM, Calibration.GEOMETRY, 1.18) if metric else PixelSpacing.unknown()
    return Radiograph(pixels, spacing, reference(phase), facing)


def _q(value: float, unit: str, half: float) -> Quantity:
    return Quantity(value, unit, Interval(value - half, value + half))


def _angle(upper: np.ndarray, lower: np.ndarray) -> float:
    """Degrees from the lower to the upper (anterior, posterior) chord, kyphosis positive, facing left."""
    slopes = [np.arctan2(p[1][1] - p[0][1], p[1][0] - p[0][0]) for p in (upper, lower)]
    return float(np.rad2deg(slopes[1] - slopes[0]))


def measurement(phase: Phase = Phase.PRE_OP, *, metric: bool = True) -> RadiographMeasurement:
    """What is measured on `radiograph`, worked out by hand here so that no other room is needed."""
    spine = landmarks(phase)
    vertebrae = []
    for vertebra in spine.vertebrae:
        sa, sp, ia, ip = vertebra.corners_px * MM
        ha, hp = float(np.linalg.norm(sa - ia)), float(np.linalg.norm(sp - ip))
        caveat = "the film has no pixel spacing"
        quantities = {
            "anterior_height": _q(ha, "mm", 1.7) if metric else Quantity.missing("mm", caveat),
            "middle_height": Quantity.missing("mm", "four corners cannot give a middle height"),
            "posterior_height": _q(hp, "mm", 1.7) if metric else Quantity.missing("mm", caveat),
            "wedge_angle": _q(_angle(np.stack([sa, sp]), np.stack([ia, ip])), "deg", 3.6),
            "wedge_ratio": _q(100 * ha / hp, "%", 8.0),
            "height_loss": _q(100 * (1 - ha / 26.5), "%", 6.0),
            "height_derived_grade": Quantity(float(np.searchsorted([20, 25, 40], 100 * (1 - ha / 26.5))), "1"),
        }
        vertebrae.append(VertebraMeasurement(vertebra, quantities))
    at = {v.level: v.corners_px for v in spine.vertebrae}
    t12, l1, l2 = (VertebralLevel[name] for name in ("T12", "L1", "L2"))
    cobb = _q(_angle(at[t12][[0, 1]], at[l2][[2, 3]]), "deg", 3.4)
    local = _q(_angle(at[t12][[0, 1]], at[l1][[2, 3]]), "deg", 3.5)
    segments = (
        SegmentMeasurement("segmental_cobb", l1, t12, "superior", l2, "inferior", cobb),
        SegmentMeasurement("local_kyphosis", l1, t12, "superior", l1, "inferior", local),
        SegmentMeasurement(
            "sagittal_index", l1, t12, "superior", l2, "inferior", _q((cobb.value or 0.0) - 2.3, "deg", 3.4)
        ),
    )
    findings = (
        () if metric else (Finding("no-spacing", Severity.WARNING, "No pixel spacing; pass --spacing ROW COLUMN."),)
    )
    spacing = PixelSpacing(MM, MM, Calibration.GEOMETRY, 1.18) if metric else PixelSpacing.unknown()
    return RadiographMeasurement(
        reference(phase), SIZE, spacing, spine, tuple(vertebrae), segments, findings, provenance()
    )


def provenance() -> Provenance:
    return Provenance(
        "kummell_ai 0.1.0",
        "spine-corners-1",
        "ab" * 32,
        dt.datetime(2025, 4, 3, 8, 0, tzinfo=dt.UTC),
        "1",
        tuple(reference(phase).sha256 for phase in DATES),
        (("index_level", "L1"),),
    )


MDC = {"anterior_height": 2.4, "segmental_cobb": 4.8, "wedge_angle": 5.1, "wedge_ratio": 11.0, "height_loss": 8.5}


def _change(quantity_id: str, before: Phase, after: Phase) -> Change:
    level = VertebralLevel.L1
    a, b = (quantity_of(measurement(phase), level, quantity_id) for phase in (before, after))
    assert a.value is not None
    assert b.value is not None
    change, mdc = b.value - a.value, MDC[quantity_id]
    better = change > 0 if quantity_id in ("anterior_height", "wedge_ratio") else change < 0
    verdict = Verdict.NOT_DISTINGUISHABLE if abs(change) < mdc else Verdict.IMPROVED if better else Verdict.WORSE
    return Change(quantity_id, a, b, _q(change, a.unit, mdc), mdc, verdict)


def correction(name: str, before: Phase, after: Phase) -> Correction:
    changes = tuple(_change(quantity_id, before, after) for quantity_id in MDC)
    derived = {
        "height_restoration_rate": _q(63.0, "%", 12.0),
        "kyphosis_correction": _q(-(changes[1].change.value or 0.0), "deg", 4.8),
        "correction_rate": _q(71.0, "%", 17.0),
    }
    posture = Finding("posture-unknown", Severity.INFO, "Posture is not stated on the films; lying and standing differ")
    return Correction(name, before, after, VertebralLevel.L1, changes, derived, (posture,))


def report(patient_id: str = "KUM-001") -> CorrectionReport:
    """The whole course of the patient."""
    pre, post, last = Phase.PRE_OP, Phase.POST_OP, Phase.FOLLOW_UP
    return CorrectionReport(
        patient_id,
        VertebralLevel.L1,
        "found",
        tuple(PhasedMeasurement(phase, measurement(phase)) for phase in (pre, post, last)),
        (correction("correction", pre, post), correction("loss", post, last), correction("net", pre, last)),
        (Finding("index-level-found", Severity.INFO, "L1 has the largest height loss on the pre-op film (48 %)."),),
        provenance(),
    )
