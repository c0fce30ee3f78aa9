"""The second stage: maps and points are an inverse pair; what it says of a crop arrives on the film."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from kummell_ai.imaging.annotation import VertebraLandmarks
from kummell_ai.imaging.radiograph import Calibration, ImageReference, PixelSpacing, Radiograph
from kummell_ai.landmarks.assembly import FLOOR_SHARE, Uncertainty, assemble, calibrated, floor_of
from kummell_ai.landmarks.crops import CROP_COLUMNS, CROP_ROWS, crop_frame
from kummell_ai.landmarks.grouping import Candidate
from kummell_ai.landmarks.refiner import (
    LEAST_VARIANCE,
    POINT_SIGMA,
    REFINER_STRIDE,
    RefinerNetwork,
    RefinerOutput,
    decode_points,
    target_maps,
)  # fmt: skip
from kummell_ai.landmarks.second_stage import FIRST_STAGE_SHARE, refine

SHAPE = (CROP_ROWS // REFINER_STRIDE, CROP_COLUMNS // REFINER_STRIDE)
BODY = np.array([[200.0, 150.0], [268.0, 154.0], [202.0, 202.0], [270.0, 206.0]])


@given(st.floats(14, CROP_COLUMNS - 14), st.floats(14, CROP_ROWS - 14))
def test_decoding_undoes_encoding(x, y):
    points, covariance = decode_points(target_maps(np.array([[x, y]]), SHAPE))
    np.testing.assert_allclose(points[0], [x, y], atol=0.02)
    np.testing.assert_allclose(covariance[0], np.eye(2) * LEAST_VARIANCE * REFINER_STRIDE**2, atol=0.02)


def test_a_point_that_is_not_seen_has_no_map():
    maps = target_maps(np.array([[np.nan, 3.0], [-4.0, 50.0], [50.0, CROP_ROWS + 3.0], [50.0, 50.0]]), SHAPE)
    np.testing.assert_allclose(maps.sum(axis=(1, 2)), [0.0, 0.0, 0.0, 1.0], atol=1e-6)


def test_a_second_place_widens_the_covariance_and_does_not_pull_the_point():
    two = target_maps(np.array([[40.0, 70.0], [110.0, 70.0]]), SHAPE)
    points, covariance = decode_points(0.7 * two[:1] + 0.3 * two[1:])
    np.testing.assert_allclose(points[0], [40.0, 70.0], atol=0.1)
    assert covariance[0, 0, 0] > 0.2 * 70.0**2  # 0.3 of it lies 70 px away
    assert covariance[0, 1, 1] == pytest.approx(LEAST_VARIANCE * REFINER_STRIDE**2, abs=0.1)


def test_a_map_wider_than_the_target_gives_the_spread_beyond_it():
    wide = 3.0
    grid = np.arange(SHAPE[1]) - 40.3
    line = np.exp(-0.5 * (grid / wide) ** 2)
    column = np.exp(-0.5 * ((np.arange(SHAPE[0]) - 36.0) / POINT_SIGMA) ** 2)
    image = np.outer(column, line)
    _, covariance = decode_points((image / image.sum())[None])
    assert covariance[0, 0, 0] == pytest.approx((wide**2 - POINT_SIGMA**2) * REFINER_STRIDE**2, rel=1e-4)


@given(st.floats(2.0, 4.0), st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_a_map_that_differs_in_rounding_alone_gives_the_same_point(spread, seed):
    rng = np.random.default_rng(seed)
    x, y = 40.5 + rng.uniform(-0.02, 0.02, 2)  # four cells are nearly as high
    column, row = (np.exp(-0.5 * ((np.arange(n) - at) / spread) ** 2) for n, at in ((SHAPE[1], x), (SHAPE[0], y)))
    plain = np.outer(row, column)
    rounded = plain * (1.0 + rng.uniform(-1.0, 1.0, SHAPE) * 2.0**-8)
    points, _ = decode_points(np.stack([m / m.sum() for m in (plain, rounded)]))
    np.testing.assert_allclose(points[0], points[1], atol=0.04)


def test_the_network_keeps_the_maps_where_the_crop_is():
    network = RefinerNetwork().eval()
    output = network(torch.zeros(2, 1, CROP_ROWS, CROP_COLUMNS))
    assert output.points.shape == (2, 6, *SHAPE)
    assert output.visible.shape == (2, 6)
    assert output.states.shape == (2, 3)


class Pointer(nn.Module):
    """Says for every crop that the six points lie at given places."""

    def __init__(self, points: np.ndarray, visible: float = 0.0) -> None:
        super().__init__()
        self.visible = visible
        self.maps = nn.Parameter(torch.from_numpy(np.log(target_maps(points, SHAPE) + 1e-12)))

    def forward(self, crops: torch.Tensor) -> RefinerOutput:
        count = len(crops)
        visible = torch.full((count, 6), self.visible)
        return RefinerOutput(self.maps.expand(count, -1, -1, -1), visible, torch.zeros(count, 3))


def candidate(points: np.ndarray) -> Candidate:
    return Candidate(
        points, np.tile(np.eye(2), (4, 1, 1)), 0.9, np.ones(4, bool), np.full(20, np.log(0.05)), np.full(3, 0.1)
    )


def film(spacing: PixelSpacing | None = None) -> Radiograph:
    return Radiograph(np.zeros((400, 500), np.float32), spacing or PixelSpacing.unknown(), ImageReference("film"))


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("looks", [1, 3])
def test_points_of_a_crop_arrive_on_the_film(mirror, looks):
    truth = BODY + np.array([[1.5, -2.0], [0.5, 1.0], [-1.0, 2.5], [2.0, 0.0]])
    start = BODY
    if mirror:
        truth, start = truth * [-1.0, 1.0] + [500.0, 0.0], start * [-1.0, 1.0] + [500.0, 0.0]
    seen = crop_frame(start, mirror=mirror).apply(truth)
    network = Pointer(np.concatenate([seen, np.full((2, 2), 70.0)]))
    (moved,) = refine(film(), [candidate(start)], network, mirror=mirror)  # type: ignore[arg-type]
    np.testing.assert_allclose(moved.points_px, truth, atol=0.05)
    np.testing.assert_allclose(moved.states, 0.3)
    middle = crop_frame(start, mirror=mirror).back(np.full((2, 2), 70.0))
    np.testing.assert_allclose(moved.middles_px, middle, atol=0.05)
    if looks == 3:  # frames turned both ways about the middle cancel
        (mean,) = refine(film(), [candidate(start)], network, mirror=mirror, looks=3)  # type: ignore[arg-type]
        np.testing.assert_allclose(mean.points_px, truth, atol=0.4)


@pytest.mark.parametrize("logit", [-3.0, 3.0])
def test_a_point_that_the_second_stage_takes_to_be_beyond_the_edge_is_not_given(logit):
    seen = crop_frame(BODY).apply(BODY)
    network = Pointer(np.concatenate([seen, seen[:2]]), logit)
    (moved,) = refine(film(), [candidate(BODY)], network, mirror=False)  # type: ignore[arg-type]
    np.testing.assert_allclose(moved.on_film, np.full(6, 1.0 / (1.0 + np.exp(-logit))), rtol=1e-6)
    (body,) = assemble(film(), [moved], False, 1.0).vertebrae
    assert np.isfinite(body.points_px).all() == (logit > 0.0)
    assert ("cropped" in body.flags) == (logit < 0.0)


@pytest.mark.parametrize("aspect", [0.25, 0.6, 4.0])
@pytest.mark.parametrize("mirror", [False, True])
def test_pixels_that_are_not_square_change_nothing_on_the_patient(aspect, mirror):
    """One body on films whose pixels are ``aspect`` times as wide as high: the same corners and covariances in mm."""
    step = np.array([[6.0, -8.0], [0.5, 1.0], [-1.0, 25.0], [2.0, 0.0]])  # the third too far for the first stage
    body = BODY * ([-1.0, 1.0] if mirror else [1.0, 1.0]) + [300.0, 0.0]
    seen = crop_frame(BODY).apply(BODY + step)
    network = Pointer(np.concatenate([seen, seen[:2] + 5.0]))
    uncertainty = Uncertainty.from_info({"covariance_scale": [1.0, 2.0, 3.0, 6.0]})
    found = []
    for width in (1.0, aspect):
        stored = np.array([1.0 / width, 1.0])
        spread = np.tile(np.diag(stored**2), (4, 1, 1))
        own = replace(candidate(body * stored), covariance_px=spread)
        pixels, spacing = np.zeros((400, round(600 / width)), np.float32), PixelSpacing.unknown(1 / width)
        picture = Radiograph(pixels, spacing, ImageReference("film"))
        moved = refine(picture, [own], network, mirror=mirror, looks=3)  # type: ignore[arg-type]
        (made,) = calibrated(assemble(picture, moved, mirror, 1.0), uncertainty, picture.spacing).vertebrae
        back = 1.0 / stored
        found.append((made.points_px * back, made.covariance_px * back[:, None] * back))
    np.testing.assert_allclose(found[1][0], found[0][0], atol=1e-6)
    np.testing.assert_allclose(found[1][1], found[0][1], atol=1e-6)
    assert np.abs(found[0][0][:4] - body).max() > 1.0


def test_a_point_far_from_the_first_stage_stays_there():
    seen = crop_frame(BODY).apply(BODY)
    seen[0] += 60.0
    network = Pointer(np.concatenate([seen, np.full((2, 2), 70.0)]))
    (moved,) = refine(film(), [candidate(BODY)], network, mirror=False)  # type: ignore[arg-type]
    np.testing.assert_allclose(moved.points_px, BODY, atol=0.05)
    np.testing.assert_array_equal(moved.covariance_px[0], np.eye(2))


def test_a_body_that_would_be_turned_over_stays_as_the_first_stage_has_it():
    flat = np.array([[0.0, 0.0], [60.0, 0.0], [0.0, 18.0], [60.0, 18.0]]) + 150.0
    seen = crop_frame(flat).apply(flat + np.array([[0.0, 12.0], [0.0, 12.0], [0.0, -12.0], [0.0, -12.0]]))
    body = candidate(flat)
    (moved,) = refine(film(), [body], Pointer(np.concatenate([seen, seen[:2]])), mirror=False)  # type: ignore[arg-type]
    assert moved == replace(body, on_film=moved.on_film)  # the same arrays
    np.testing.assert_allclose(moved.on_film, 0.5)


def test_what_the_stages_differ_by_widens_the_covariance():
    """Closed form for one look: the refiner's own covariance is that of its crop, and a share of the step² is added."""
    step = np.array([[3.0, -2.0], [0.0, 4.0], [-1.0, 0.0], [0.0, 0.0]])
    wide, narrow = (
        refine(film(), [candidate(BODY)], Pointer(np.concatenate([seen, seen[:2]])), mirror=False)[0]  # type: ignore[arg-type]
        for seen in (crop_frame(BODY).apply(BODY + step), crop_frame(BODY).apply(BODY))
    )
    expected = FIRST_STAGE_SHARE * np.einsum("ni,nj->nij", step, step)
    np.testing.assert_allclose(wide.covariance_px - narrow.covariance_px, expected, atol=0.1)


def test_what_the_looks_differ_by_widens_the_covariance():
    """A refiner that says the same crop point whatever the frame contradicts itself in frames that are turned."""
    seen = crop_frame(BODY).apply(BODY)
    network = Pointer(np.concatenate([seen, seen[:2]]))
    one, three = (refine(film(), [candidate(BODY)], network, mirror=False, looks=n)[0] for n in (1, 3))  # type: ignore[arg-type]
    assert (np.trace(three.covariance_px, axis1=1, axis2=2) > 2.0 * np.trace(one.covariance_px, axis1=1, axis2=2)).all()


def test_no_bodies_no_crops():
    assert refine(film(), [], RefinerNetwork(), mirror=False) == ()


def test_names_and_confidence_are_kept():
    seen = crop_frame(BODY).apply(BODY)
    body = replace(candidate(BODY), confidence=0.4)
    (moved,) = refine(film(), [body], Pointer(np.concatenate([seen, seen[:2]])), mirror=False)  # type: ignore[arg-type]
    assert moved.confidence == 0.4
    np.testing.assert_array_equal(moved.level_log_probability, body.level_log_probability)


def test_middles_reach_the_landmarks_with_the_mean_of_the_corners_factors():
    middles = BODY[[0, 2]] * 0.5 + BODY[[1, 3]] * 0.5
    body = replace(candidate(BODY), middles_px=middles, middles_covariance_px=np.tile(np.eye(2), (2, 1, 1)))
    uncertainty = Uncertainty.from_info({"covariance_scale": [1.0, 2.0, 3.0, 6.0]})
    picture = replace(film(), pixels=np.random.default_rng(1).random((400, 500), dtype=np.float32))
    found = calibrated(assemble(picture, [body], False, 1.0), uncertainty, film().spacing).vertebrae[0]
    np.testing.assert_array_equal(found.points_px, np.concatenate([BODY, middles]))
    assert found.covariance_px is not None
    floor = (FLOOR_SHARE * body.depth_px) ** 2
    np.testing.assert_allclose(found.covariance_px[:, 0, 0], np.array([1.0, 2.0, 3.0, 6.0, 3.0, 3.0]) + floor)


@given(st.floats(0.3, 3.0), st.floats(0.05, 0.5), st.floats(0.0, 180.0))
def test_the_floor_is_alike_all_round_in_mm(aspect: float, column_mm: float, turned_deg: float) -> None:
    """0.6 % of the depth in mm whichever way the body lies; in px only where pixels are square, and then to the bit."""
    sine, cosine = np.sin(np.radians(turned_deg)), np.cos(np.radians(turned_deg))
    body_mm = BODY @ np.array([[cosine, sine], [-sine, cosine]])
    spacing = PixelSpacing(column_mm * aspect, column_mm, Calibration.FIDUCIAL)
    size = np.array([spacing.column_mm, spacing.row_mm])
    floor = floor_of(VertebraLandmarks(body_mm / size), spacing)
    depth_mm = VertebraLandmarks(body_mm).depth_px
    np.testing.assert_allclose(floor * np.outer(size, size), np.eye(2) * (FLOOR_SHARE * depth_mm) ** 2, rtol=1e-9)
    square = VertebraLandmarks(BODY)
    even = floor_of(square, PixelSpacing(column_mm, column_mm, Calibration.FIDUCIAL))
    np.testing.assert_array_equal(even, np.eye(2) * (FLOOR_SHARE * square.depth_px) ** 2)
