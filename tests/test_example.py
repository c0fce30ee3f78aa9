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
