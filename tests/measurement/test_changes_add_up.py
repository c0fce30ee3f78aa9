"""Correction and loss add up to the net, or a finding says why they do not."""

from __future__ import annotations

from itertools import product

import pytest

from kummell_ai.imaging.radiograph import Calibration, PixelSpacing
from kummell_ai.measurement.results import CorrectionReport
from tests.measurement.reports import LAST, POST, PRE, built, codes, report
from tests.measurement.spines import LEVELS, MM, L

CODE = "changes-on-unlike-scales"
LARGER = {
    Calibration.FIDUCIAL: 1.0,
    Calibration.GEOMETRY: 1.04,
    Calibration.DETECTOR_PLANE: 1.18,
    Calibration.ASSUMED: 0.9,
}
"""By how much each kind takes lengths for larger."""


def changes(found: CorrectionReport) -> dict[str, float | None]:
    return {c.name: q.change.value for c in found.corrections for q in c.changes if q.quantity_id == "anterior_height"}


def spacing(kind: Calibration) -> PixelSpacing:
    return PixelSpacing(MM * LARGER[kind], MM * LARGER[kind], kind)


@pytest.mark.parametrize("kinds", list(product(LARGER, repeat=3)), ids=lambda kinds: "-".join(k.value for k in kinds))
def test_changes_add_up_where_no_finding_says_otherwise(kinds: tuple[Calibration, ...]) -> None:
    heights = zip((PRE, POST, LAST), (13.0, 20.0, 18.0), kinds, strict=True)
    found = report(*(built(phase, {L.L1: height}, spacing(kind)) for phase, height, kind in heights), index_level=L.L1)
    of = changes(found)
    assert of["correction"] is not None
    assert of["loss"] is not None
    adds_up = of["correction"] + of["loss"] == pytest.approx(of["net"])
    assert (CODE not in codes(found)) is adds_up


def test_a_change_that_is_missing_is_on_no_scale() -> None:
    """The first film has a scale of its own and does not show L1: the loss alone is known, and on one scale."""
    others = tuple(level for level in LEVELS if level is not L.L1)
    first = built(PRE, {}, spacing(Calibration.GEOMETRY), levels=others)
    later = (built(phase, {L.L1: 20.0}, spacing(Calibration.DETECTOR_PLANE)) for phase in (POST, LAST))
    found = report(first, *later, index_level=L.L1)
    of = changes(found)
    assert of == {"correction": None, "loss": pytest.approx(0.0, abs=1e-9), "net": None}
    assert CODE not in codes(found)
