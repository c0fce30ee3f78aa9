import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kummell_ai.imaging.frames import cell_to_coordinate
from kummell_ai.landmarks.channels import STRIDE
from kummell_ai.landmarks.heatmaps import encode_heatmaps, find_peaks, peak_covariance, refine_peak

SHAPE = (48, 40)
HEIGHT, WIDTH = SHAPE[0] * STRIDE, SHAPE[1] * STRIDE


def body(x, y, half=20.0):
    return np.array([[x - half, y - half], [x + half, y - half], [x - half, y + half], [x + half, y + half]])


# float32 maps carry 7 digits and a cell is 4 px: 1e-3 px is generous
@settings(deadline=None, max_examples=50)
@given(st.floats(0.01, WIDTH - 0.01), st.floats(0.01, HEIGHT - 0.01))
def test_decode_after_encode_is_the_identity_up_to_the_border(x, y):
    points = np.full((1, 4, 2), np.nan)
    points[0, 0] = x, y
    heatmap = encode_heatmaps(points, SHAPE).maps[1]
    peaks = find_peaks(heatmap, 0.1)
    assert len(peaks) == 1
    decoded = cell_to_coordinate(refine_peak(heatmap, peaks[0]), STRIDE)
    np.testing.assert_allclose(decoded, [x, y], atol=1e-3)


def test_a_flat_top_gives_one_peak():
    heatmap = np.zeros((9, 9), np.float32)
    heatmap[3:5, 3:5] = 0.8
    assert find_peaks(heatmap, 0.5).tolist() == [[3, 3]]


def test_peaks_come_highest_first():
    heatmap = np.zeros((9, 20), np.float32)
    heatmap[4, 3], heatmap[4, 15] = 0.6, 0.9
    assert find_peaks(heatmap, 0.5).tolist() == [[15, 4], [3, 4]]


def test_offsets_lead_from_each_cell_to_the_corners():
    points = body(83.0, 91.0)[None]
    targets = encode_heatmaps(points, SHAPE)
    assert len(targets.cells) == 9
    x, y = targets.cells % SHAPE[1], targets.cells // SHAPE[1]
    start = cell_to_coordinate(np.stack([x, y], axis=1), STRIDE)
    reached = start[:, None] + targets.offsets_px.reshape(-1, 4, 2)
    np.testing.assert_allclose(reached, np.broadcast_to(points[0], reached.shape), atol=1e-4)


def test_a_corner_that_is_not_seen_is_ignored_about_the_body_only():
    points = body(80.0, 90.0)[None]
    points[0, 2] = np.nan
    targets = encode_heatmaps(points, SHAPE)
    assert targets.maps[3].max() == 0.0
    assert targets.weights[3][22, 20] == 0.0
    assert targets.weights[3][2, 2] == 1.0
    assert (targets.weights[[0, 1, 2, 4]] == 1.0).all()
    assert np.isnan(targets.offsets_px[:, 4:6]).all()


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 5), st.integers(1, 6), st.floats(-0.2, 0.2), st.permutations(range(6)))
def test_a_truth_that_ends_early_contradicts_no_longer_one(first, last, lean, order):
    """Where both say that they know, they say the same, whatever part of the spine was marked."""
    spine = np.stack([body(75.0 + 30.0 * lean * k, 20.0 + 32.0 * k, 10.0) for k in range(6)])
    first, last = min(first, last - 1), max(last, first + 1)
    order = [k for k in order if first <= k < last]
    whole, part = encode_heatmaps(spine, SHAPE), encode_heatmaps(spine[order], SHAPE, STRIDE, (True, True))
    known = part.weights > 0
    # at most 0.092, where bodies half as large as usual lean by a fifth without being turned; 0 on a straight spine
    assert np.abs(whole.maps - part.maps)[known].max() < 0.1
    for k in order:
        x, y = np.rint(spine[k].T / STRIDE - 0.5).astype(int)
        assert part.weights[np.arange(1, 5), y, x].all(), "corners that are marked are known"
        assert part.weights[0, round(y.mean()), round(x.mean())] == 1.0
    closed = encode_heatmaps(spine[order], SHAPE)
    assert (closed.weights == 1.0).all()
    if len(order) < 6:
        assert np.abs(whole.maps - closed.maps).max() > 0.9


def test_a_body_outside_the_film_leaves_no_trace():
    targets = encode_heatmaps(body(-100.0, 50.0)[None], SHAPE)
    assert targets.maps.max() == 0.0
    assert len(targets.cells) == 0


@pytest.mark.parametrize("axis", [0, 1])
def test_a_blob_smeared_along_an_axis_has_its_spread_there(axis):
    ys, xs = np.mgrid[:41, :41].astype(float) - 20.0
    sigma = np.array([1.5, 1.5])
    sigma[axis] = 2.5
    blob = np.exp(-0.5 * ((xs / sigma[0]) ** 2 + (ys / sigma[1]) ** 2)).astype(np.float32)
    spread = np.diag(peak_covariance(blob, np.array([20.0, 20.0])))
    assert spread[axis] > 2.0 * spread[1 - axis]
