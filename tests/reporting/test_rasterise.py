"""PNG figures show the colours of the SVG at its places."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from kummell_ai.reporting import cohort_figures as draw
from kummell_ai.reporting import rasterise

VALUES = np.array([[20.0, 10.0, 12.0], [18.0, 9.0, np.nan], [25.0, 11.0, 14.0]])
MIDDLES = [draw.Middle(21.0, 18.0, 24.0), None, draw.Middle(13.0)]
BARS = [draw.Bar("KUM-001", -10.0, True, True), draw.Bar("A-very-long-name", 4.0, False, True)]
LEGEND = ("Improved", "Worse", "Within the error")


def pixels(svg: str) -> np.ndarray:
    data = rasterise.to_png(svg)
    assert data is not None
    return np.asarray(Image.open(io.BytesIO(data)))


def test_every_figure_can_be_painted() -> None:
    phases = ["Before surgery", "After surgery", "Last follow-up"]
    for svg in (
        draw.courses(VALUES, phases, MIDDLES, "Wedge angle (°): course"),
        draw.boxes(VALUES, phases, "Wedge angle (°): boxes"),
        draw.waterfall(BARS, LEGEND, "Wedge angle (°): change"),
        draw.bland_altman_plot(VALUES[:, 0], VALUES[:, 1], None, "Wedge angle (°): agreement"),
    ):
        picture = pixels(svg)
        assert picture.shape == (780, 1080, 3)
        assert picture.min() < 60
        assert (picture == 255).mean() > 0.5


def test_shapes_lie_where_the_svg_has_them() -> None:
    picture = pixels(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20">'
        '<rect x="10" y="5" width="20" height="10" fill="#ff0000"/>'
        '<circle cx="35" cy="10" r="2" fill="#0000ff"/></svg>'
    )
    assert picture.shape == (60, 120, 3)
    red = np.argwhere((picture == (255, 0, 0)).all(axis=2))
    assert red.min(axis=0) == pytest.approx((15, 30), abs=1)
    assert red.max(axis=0) == pytest.approx((45, 90), abs=1)
    assert tuple(picture[30, 105]) == (0, 0, 255)


def test_letters_that_no_font_has_are_not_painted_as_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rasterise, "_chinese_font", lambda size: None)
    assert rasterise.to_png(draw.waterfall(BARS, LEGEND, "楔形角: 变化")) is None


def test_another_element_is_refused() -> None:
    with pytest.raises(ValueError, match="element path cannot be painted"):
        rasterise.to_png('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"><path d="M0 0"/></svg>')


def test_text_is_turned_to_be_read_from_below() -> None:
    """It ends at its place and goes down from there, on the left of its baseline."""
    picture = pixels(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 60"><text x="20" y="10" font-size="8" '
        'transform="rotate(-90 20 10)" text-anchor="end" fill="#000000">HHHH</text></svg>'
    )
    dark = np.argwhere(picture.max(axis=2) < 128)
    (top, left), (bottom, right) = dark.min(axis=0), dark.max(axis=0)
    assert top == pytest.approx(30, abs=4)
    assert bottom - top > 2 * (right - left)
    assert right == pytest.approx(60, abs=3)
    assert left == pytest.approx(60 - 0.73 * 24, abs=4), "capitals are 0.73 of the size high"
