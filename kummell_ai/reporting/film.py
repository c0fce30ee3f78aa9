"""A film as a picture: the part a view shows, resampled, as JPEG bytes."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kummell_ai.imaging.intensity import Box, robust_window
from kummell_ai.imaging.radiograph import Radiograph
from kummell_ai.reporting.view import View


def film_picture(radiograph: Radiograph, view: View) -> Image.Image:
    """The film in ``view``, grey, ``view.size`` px; what lies outside the film is black."""
    grey = Image.fromarray(_display_bytes(radiograph.pixels, radiograph.valid_box))
    x0, y0, x1, y1 = view.box_px
    size = (max(1, round(view.size[0])), max(1, round(view.size[1])))
    step_x, step_y = (x1 - x0) / size[0], (y1 - y0) / size[1]
    shrink = max(1, int(min(step_x, step_y)))
    if shrink > 1:
        grey = grey.reduce(shrink)
    matrix = (step_x / shrink, 0.0, x0 / shrink, 0.0, step_y / shrink, y0 / shrink)
    return grey.transform(size, Image.Transform.AFFINE, matrix, resample=Image.Resampling.BICUBIC, fillcolor=0)


def film_data_uri(radiograph: Radiograph, view: View, quality: int = 86) -> str:
    """The film in ``view`` as a JPEG data URI."""
    buffer = io.BytesIO()
    film_picture(radiograph, view).save(buffer, format="JPEG", quality=quality, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _display_bytes(pixels: NDArray[np.float32], valid_box: Box | None) -> NDArray[np.uint8]:
    """Grey values of the film in its robust window."""
    grey: NDArray[np.uint8] = np.round(robust_window(pixels, valid_box) * 255.0).astype(np.uint8)
    return grey
