"""A film as a picture: the part a view shows, resampled, as JPEG bytes."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kummell_ai.imaging.intensity import Box, box_slices, rescale, robust_limits
from kummell_ai.imaging.radiograph import Radiograph
from kummell_ai.reporting.view import View

DISPLAY_GAMMA = 0.85
"""Lifts the dark thoracic part of a film; a matter of looks only, nothing is measured on it."""


def film_picture(radiograph: Radiograph, view: View) -> Image.Image:
    """The film in ``view``, grey, ``view.size`` px; what lies outside the film is black."""
    grey = Image.fromarray(_display_bytes(radiograph.pixels, _shown_box(radiograph, view)))
    x0, y0, x1, y1 = view.box_px
    size = (max(1, round(view.size[0])), max(1, round(view.size[1])))
    step_x, step_y = (x1 - x0) / size[0], (y1 - y0) / size[1]
    shrink = max(1, int(min(step_x, step_y)))
    if shrink > 1:
        grey = grey.reduce(shrink)
    matrix = (step_x / shrink, 0.0, x0 / shrink, 0.0, step_y / shrink, y0 / shrink)
    return grey.transform(size, Image.Transform.AFFINE, matrix, resample=Image.Resampling.BICUBIC, fillcolor=0)


def jpeg_data_uri(picture: Image.Image, quality: int = 86) -> str:
    """A grey picture as a JPEG data URI."""
    buffer = io.BytesIO()
    picture.save(buffer, format="JPEG", quality=quality, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def film_png(radiograph: Radiograph) -> bytes:
    """The whole film in its own pixels as an 8-bit PNG, for programs that do not read DICOM."""
    whole = (0.0, 0.0, float(radiograph.width), float(radiograph.height))
    buffer = io.BytesIO()
    Image.fromarray(_display_bytes(radiograph.pixels, radiograph.valid_box or whole)).save(buffer, format="PNG")
    return buffer.getvalue()


def _display_bytes(pixels: NDArray[np.float32], box: Box) -> NDArray[np.uint8]:
    """Grey values in a window that suits what ``box`` (x0, y0, x1, y1 px) shows; metal may saturate, bone may not."""
    low, high = robust_limits(pixels[box_slices(pixels.shape, box)], 0.5, 99.3)
    window = rescale(pixels, low, high) if high > low else np.zeros_like(pixels)
    grey: NDArray[np.uint8] = np.round(window**DISPLAY_GAMMA * 255.0).astype(np.uint8)
    return grey


def _shown_box(radiograph: Radiograph, view: View) -> Box:
    """The part of ``view`` that lies on the exposed film."""
    valid = radiograph.valid_box or (0.0, 0.0, float(radiograph.width), float(radiograph.height))
    x0, y0, x1, y1 = view.box_px
    return (max(x0, valid[0]), max(y0, valid[1]), min(x1, valid[2]), min(y1, valid[3]))
