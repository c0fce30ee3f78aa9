import csv
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.dicom import read_radiograph
from kummell_ai.geometry.angles import segmental_cobb, wedge_angle
from kummell_ai.geometry.heights import anterior_height
from kummell_ai.imaging.radiograph import PixelSpacing
from kummell_ai.landmarks.predictor import Predictor
from kummell_ai.landmarks.turn import quarter_turned

EXAMPLES = Path(__file__).parents[1] / "examples"
FILMS = sorted((EXAMPLES / "patient-01").glob("*.dcm"))


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor.load(precision="float32")


@pytest.mark.parametrize("phase", ["pre-op", "post-op", "follow-up"])
def test_the_shipped_network_measures_the_example_near_its_truth(predictor: Predictor, phase: str) -> None:
    with (EXAMPLES / "patient-01-truth.csv").open(encoding="utf-8") as stream:
        truth = next(row for row in csv.DictReader(stream) if row["phase"] == phase)
    film = read_radiograph(next((EXAMPLES / "patient-01").glob(f"*-{phase}.dcm")))
    found = predictor.locate(film)
    above, body, below = (found.at(level) for level in (VertebralLevel.T12, VertebralLevel.L1, VertebralLevel.L2))
    assert above is not None
    assert body is not None
    assert below is not None
    scale = np.array([film.spacing.column_mm, film.spacing.row_mm])
    points = [v.points_px * scale for v in (above, body, below)]
    # a corner is off by 0.6 mm in the median and 2 mm in one case of ten: 2.5 mm and 5 degrees are its size here
    assert float(anterior_height(points[1])) == pytest.approx(float(truth["anterior_height_mm"]), abs=2.5)
    assert float(wedge_angle(points[1])) == pytest.approx(float(truth["wedge_angle_deg"]), abs=5.0)
    assert float(segmental_cobb(points[0], points[2])) == pytest.approx(float(truth["segmental_cobb_deg"]), abs=5.0)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_film_of_the_example_that_was_turned_is_told_how(predictor: Predictor, turns: int) -> None:
    film = read_radiograph(FILMS[0])
    found = predictor.locate(quarter_turned(film, -turns))
    assert found.needed_turns == turns


def test_a_film_of_the_example_that_was_stretched_is_found_where_it_is(predictor: Predictor) -> None:
    film = replace(read_radiograph(FILMS[0]), spacing=PixelSpacing.unknown())
    columns = film.width * 2
    wide = replace(
        film,
        pixels=cv2.resize(film.pixels, (columns, film.height), interpolation=cv2.INTER_LINEAR),
        valid_box=None if film.valid_box is None else tuple(np.multiply(film.valid_box, (2.0, 1.0, 2.0, 1.0))),
    )
    straight = {v.level: v for v in predictor.locate(film).vertebrae}
    found = {v.level: v for v in predictor.locate(wide).vertebrae}
    assert found.keys() == straight.keys()
    off = np.concatenate([found[level].corners_px / [2.0, 1.0] - straight[level].corners_px for level in found])
    depth = np.nanmedian([v.depth_px for v in straight.values()])
    assert np.nanmedian(np.linalg.norm(off, axis=1)) < 0.02 * depth


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("path", FILMS, ids=lambda path: path.stem)
def test_a_body_that_the_edge_of_the_film_cuts_is_not_taken_for_a_whole_one(
    predictor: Predictor, path: Path, share: float
) -> None:
    film = read_radiograph(path)
    whole = predictor.locate(film).at(VertebralLevel.L2)
    assert whole is not None
    heights = whole.corners_px[:, 1]
    edge = round(heights[:2].max() + share * (heights[2:].min() - heights[:2].max()))
    cut = replace(film, pixels=film.pixels[:edge], valid_box=None)
    above = predictor.locate(cut).vertebrae
    off = [np.abs(v.corners_px[:2] - whole.corners_px[:2]).mean() for v in above]  # NaN where they are not seen
    (body,) = (v for v, distance in zip(above, off, strict=True) if distance < 0.1 * whole.depth_px)
    assert not np.isfinite(body.corners_px[2:]).any()
    assert "cropped" in body.flags
    assert np.isfinite(above[-2].corners_px).all()
