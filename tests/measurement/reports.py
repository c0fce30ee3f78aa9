"""Reports on made-up spines, and what they say."""

from __future__ import annotations

from dataclasses import replace

from kummell_ai.anatomy import Phase
from kummell_ai.imaging.radiograph import PixelSpacing
from kummell_ai.measurement.pipeline import measure_series
from kummell_ai.measurement.results import CorrectionReport, PhasedMeasurement
from tests.measurement.spines import SPACING, L, measured, spine

PRE, POST, LAST = Phase.PRE_OP, Phase.POST_OP, Phase.FOLLOW_UP
HELD: dict[L, set[str]] = {L.T12: {"instrumented"}, L.L2: {"instrumented"}}


def report(*films: PhasedMeasurement, **options: object) -> CorrectionReport:
    return measure_series([(f.phase, f.measurement) for f in films], **options)  # type: ignore[arg-type]


def codes(found: CorrectionReport) -> list[str]:
    return [f.code for f in found.findings]


def replace_name(phased: PhasedMeasurement, name: str) -> PhasedMeasurement:
    reference = replace(phased.measurement.reference, name=name)
    return replace(phased, measurement=replace(phased.measurement, reference=reference))


def one(found: CorrectionReport, code: str) -> str:
    (message,) = [f.message for f in found.findings if f.code == code]
    return message


def built(
    phase: Phase, heights: dict[L, float], spacing: PixelSpacing = SPACING, **options: object
) -> PhasedMeasurement:
    landmarks = spine(heights, name=phase.value, **options)  # type: ignore[arg-type]
    return PhasedMeasurement(phase, measured(landmarks, spacing))
