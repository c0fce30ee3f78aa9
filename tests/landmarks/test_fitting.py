import numpy as np
import pytest

from kummell_ai.imaging.radiograph import Calibration, ImageReference, PixelSpacing, Radiograph
from kummell_ai.landmarks.fitting import FitPlan, fit, plan_rows


def blob_film(size, point, spacing, valid_box=None):
    """A film with a smooth bright blob centred on ``point`` (x, y) px."""
    ys, xs = np.mgrid[: size[0], : size[1]] + 0.5
    pixels = np.exp(-0.5 * (((xs - point[0]) / 9.0) ** 2 + ((ys - point[1]) / 9.0) ** 2)).astype(np.float32)
    return Radiograph(pixels, spacing, ImageReference("blob"), valid_box=valid_box)


def blob_centre(pixels):
    """Intensity centroid (x, y) of the brightest part."""
    weight = np.clip(pixels - 0.5 * pixels.max(), 0, None).astype(np.float64)
    ys, xs = np.mgrid[: pixels.shape[0], : pixels.shape[1]] + 0.5
    return np.array([(weight * xs).sum(), (weight * ys).sum()]) / weight.sum()


# resampling is linear and the blob smooth, so centroids move by well under 0.1 network px
@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("size", [(700, 431), (300, 200)])
@pytest.mark.parametrize("aspect", [1.0, 1.3])
def test_blob_and_point_arrive_together(mirror, size, aspect):
    point = np.array([0.6 * size[1], 0.35 * size[0]])
    box = (20.0, 30.0, size[1] - 11.0, size[0] - 7.0)
    radiograph = blob_film(size, point, PixelSpacing.unknown(aspect), box)
    fitted = fit(radiograph, plan_rows(radiograph, 512, mirror))
    assert fitted.to_network.is_mirror is mirror
    np.testing.assert_allclose(blob_centre(fitted.pixels), fitted.to_network.apply(point), atol=0.1)


def test_sides_are_multiples_of_32_and_padding_is_the_mean():
    radiograph = blob_film((500, 333), (100.0, 100.0), PixelSpacing.unknown())
    fitted = fit(radiograph, plan_rows(radiograph, 512))
    assert fitted.pixels.shape == (512, 352)
    assert fitted.content == (512, 341)
    assert (fitted.pixels[:, 341:] == 0.0).all()


def test_unequal_pixel_sides_are_made_equal():
    spacing = PixelSpacing(0.4, 0.2, Calibration.DETECTOR_PLANE)
    radiograph = blob_film((256, 256), (128.0, 128.0), spacing)
    frame = fit(radiograph, plan_rows(radiograph, 512)).to_network
    assert frame.scale_x * 0.4 == pytest.approx(frame.scale_y * 0.2)


def test_a_box_shows_that_part_only():
    radiograph = blob_film((400, 400), (200.0, 200.0), PixelSpacing.unknown())
    fitted = fit(radiograph, FitPlan(1.0, box=(150.0, 100.0, 250.0, 300.0)))
    assert fitted.content == (200, 100)
    np.testing.assert_allclose(blob_centre(fitted.pixels), [50.0, 100.0], atol=0.1)
