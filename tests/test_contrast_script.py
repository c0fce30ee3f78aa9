"""How scripts/evaluate_contrast.py counts corners where the film is evenly grey."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from kummell_ai.anatomy import Facing
from kummell_ai.annotations.coco import AnnotatedFilm
from kummell_ai.errors import InputError
from kummell_ai.evaluation.located import LocatedFilm
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.radiograph import Calibration, ImageReference, PixelSpacing
from kummell_ai.landmarks.assembly import EVEN_FACTOR, FLOOR_SHARE, Uncertainty

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

import evaluate_contrast

SEEN = np.array([[100.0, 50.0], [160.0, 50.0], [100.0, 90.0], [160.0, 90.0]])
BLANK = SEEN + np.array([0.0, 100.0])
PLAIN = Uncertainty.from_info({})


def film(off_px: float, flags: frozenset[str] = frozenset({"no-contrast"})) -> LocatedFilm:
    """Two bodies of 60 px of depth at 0.5 mm a px, found ``off_px`` beside the truth; the second is flagged."""
    reference, spacing = ImageReference("film.png"), PixelSpacing(0.5, 0.5, Calibration.GEOMETRY)
    own = np.tile(np.eye(2), (4, 1, 1))
    even = np.where(bool(flags), EVEN_FACTOR, 1.0) * own
    true = SpineLandmarks((VertebraLandmarks(SEEN), VertebraLandmarks(BLANK)), reference, facing=Facing.LEFT)
    moved = np.array([off_px, 0.0])
    bodies = (VertebraLandmarks(SEEN + moved, covariance_px=own),
              VertebraLandmarks(BLANK + moved, covariance_px=even, flags=flags))  # fmt: skip
    found = SpineLandmarks(bodies, reference, facing=Facing.LEFT)
    return LocatedFilm(AnnotatedFilm("film.png", (300, 250), true, spacing), spacing, found)


def pixels() -> np.ndarray:
    """Noise above, white below."""
    grey = np.random.default_rng(2).random((250, 300), dtype=np.float32)
    grey[120:] = 1.0
    return grey


@pytest.mark.parametrize("off_px", [1.0, 3.0, 5.0])
def test_the_distance_without_the_factor_is_larger_by_what_it_adds(off_px: float) -> None:
    counted = evaluate_contrast.corners_of(film(off_px), pixels(), PLAIN)
    assert counted.even.tolist() == [False] * 4 + [True] * 4
    np.testing.assert_allclose(counted.off_mm, 0.5 * off_px)
    floor = (FLOOR_SHARE * 60.0) ** 2
    np.testing.assert_allclose(counted.before, off_px**2 / (1.0 + floor))
    np.testing.assert_allclose(counted.distance[4:], off_px**2 / (EVEN_FACTOR + floor))
    np.testing.assert_array_equal(counted.distance[:4], counted.before[:4])


def test_a_body_without_the_flag_had_no_factor() -> None:
    counted = evaluate_contrast.corners_of(film(2.0, frozenset()), pixels(), PLAIN)
    assert not counted.even.any()
    np.testing.assert_array_equal(counted.distance, counted.before)


def test_the_lines_give_counts_and_shares() -> None:
    counted = [evaluate_contrast.corners_of(film(off), pixels(), PLAIN) for off in (1.0, 3.0, 5.0)]
    _, even, others, _, _, blank, noisy, far = evaluate_contrast.lines(counted)
    # half of the corners have no greys about them, the others noise between 0 and 1, whose deviation is 0.29
    assert blank.split() == ["0", "to", "0.4", "12", "1.50", "33.3", "3.69"]
    assert noisy.split() == ["20", "to", "100", "12", "1.50", "33.3", "3.69"]
    # 5.99 = 2.45 squared: of 1, 3 and 5 px one lies within an ellipse of 1 px, and two within one of 1.6 px
    assert even.split()[2:] == ["12", "3", "1.50", "33.3", "33.3", "66.7"]
    assert others.split()[1:] == ["12", "3", "1.50", "33.3", "33.3", "33.3"]
    assert far == "of 8 corners beyond 2 mm 50 % lie where the film is evenly grey"


def test_sets_that_share_the_name_of_a_film_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "film.png").touch()
    with pytest.raises(InputError, match="give these sets apart"):
        evaluate_contrast.pixels_of(film(1.0), [tmp_path / "a", tmp_path / "b"])
