"""Sizes and placing shared by everything that is drawn on one film."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kummell_ai.anatomy import VertebralLandmark, VertebralLevel
from kummell_ai.geometry.vertebra import signed_area
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.measurement.results import RadiographMeasurement, VertebraMeasurement
from kummell_ai.reporting import shapes as s
from kummell_ai.reporting.page_words import Translate
from kummell_ai.reporting.view import View

TEXT_OF_HEIGHT, TEXT_OF_WIDTH = 0.0225, 0.05
"""Font size in heights of the scene, and its limit in widths, for narrow films."""


class Pen:
    """Maps points of one film into a view and places labels there.

    Attributes:
        text: font size (scene px); follows the scene, so that text stays readable when it is scaled down.
        line: line width (scene px).
        say: gives a label in the language of the picture.
        front: -1 when the patient's front is turned to the left of the film, +1 to the right.
    """

    def __init__(self, measurement: RadiographMeasurement, view: View, say: Translate = str) -> None:
        self.measurement = measurement
        self.view = view
        self.say = say
        self.text = max(13.0, min(TEXT_OF_HEIGHT * view.size[1], TEXT_OF_WIDTH * view.size[0]))
        self.line = self.text / 12
        self.front = front_side(measurement)

    def points(self, vertebra: VertebraMeasurement) -> FloatArray:
        """The corners in scene px, (4, 2); NaN = not seen. S1 has a superior endplate only."""
        points = self.view.to_scene.apply(vertebra.landmarks.corners_px)
        if vertebra.level is VertebralLevel.S1:
            points[[VertebralLandmark.INFERIOR_ANTERIOR, VertebralLandmark.INFERIOR_POSTERIOR]] = np.nan
        return points

    def label(
        self, at: s.Point, text: str, colour: str, anchor: str, *, bold: bool = False, size: float | None = None
    ) -> s.Label:
        """A label, moved so that its plate lies inside the scene."""
        return self.inward(s.Label(at, text, size or self.text, colour, anchor, bold))

    def inward(self, label: s.Label) -> s.Label:
        """``label`` moved so that its plate lies inside the scene."""
        x0, y0, x1, y1 = label.box
        width, height = self.view.size
        shift_x = max(0.0, -x0) - max(0.0, x1 - width)
        shift_y = max(0.0, -y0) - max(0.0, y1 - height)
        return replace(label, at=(label.at[0] + shift_x, label.at[1] + shift_y))

    def inside(self, start: FloatArray, tip: FloatArray) -> FloatArray:
        """``tip`` (2,) drawn back towards ``start`` (2,) until it lies inside the scene."""
        margin = 0.6 * self.text
        low, high = np.full(2, margin), np.array(self.view.size) - margin
        step = tip - start
        share = 1.0
        for axis in range(2):
            if step[axis] != 0.0:
                border = high[axis] if step[axis] > 0 else low[axis]
                share = min(share, max(0.0, float((border - start[axis]) / step[axis])))
        inside: FloatArray = start + step * share
        return inside


def front_side(measurement: RadiographMeasurement) -> float:
    """-1 when the anterior corners lie to the left of the posterior ones, +1 when to the right."""
    area = sum(float(signed_area(v.landmarks.points_px)) for v in measurement.vertebrae)
    return 1.0 if area > 0 else -1.0


def to_point(array: FloatArray) -> s.Point:
    """A (2,) array as a plain pair."""
    return (float(array[0]), float(array[1]))
