import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from kummell_ai.anatomy import Facing, Phase
from kummell_ai.annotations.coco import read_coco
from kummell_ai.dicom import read_radiograph
from kummell_ai.errors import ConfigError, UsageError
from kummell_ai.geometry.angles import wedge_angle
from kummell_ai.geometry.heights import anterior_height
from kummell_ai.synthesis.case import banks_of, generate_case, generate_film
from kummell_ai.synthesis.dataset import write_dataset
from kummell_ai.synthesis.recipe import FilmRecipe, Recipe, load_recipe
from kummell_ai.synthesis.truth import true_measurements

SMALL = Recipe(rows=192)


def test_a_seed_gives_one_patient_with_three_films() -> None:
    first, again, other = generate_case(7, SMALL), generate_case(7, SMALL), generate_case(8, SMALL)
    assert [f.phase for f in first.films] == [Phase.PRE_OP, Phase.POST_OP, Phase.FOLLOW_UP]
    for a, b in zip(first.films, again.films, strict=True):
        np.testing.assert_array_equal(a.pixels, b.pixels)
    assert not np.array_equal(first.films[0].pixels.mean(), other.films[0].pixels.mean())
    days = [f.acquired for f in first.films]
    assert days == sorted(days)
    assert len(set(days)) == 3


def test_surgery_lifts_the_body_and_some_of_it_is_lost_again() -> None:
    gains, losses = [], []
    for seed in range(12):
        case = generate_case(seed, Recipe(rows=128))
        before, after, last = (true_measurements(f.corners_mm, case.index_level) for f in case.films)
        gains.append(after["anterior_height_mm"] - before["anterior_height_mm"])
        losses.append(after["anterior_height_mm"] - last["anterior_height_mm"])
        assert after["wedge_angle_deg"] < before["wedge_angle_deg"]
    assert min(gains) > 0
    assert 0 < np.mean(losses) < np.mean(gains)


def test_projected_truth_equals_the_spatial_truth_within_the_magnification_of_depth() -> None:
    checked = 0
    for seed in range(10):
        case = generate_case(seed, Recipe(rows=128, full=0.0, lumbar=0.0, thoracolumbar=1.0, narrow=0.0))
        for film in case.films:
            body = film.landmarks.at(case.index_level)
            assert body is not None
            points = body.points_px * film.spacing.row_mm
            if not np.isfinite(points).all():
                continue
            truth = true_measurements(film.corners_mm, case.index_level)
            # the patient is turned by a few degrees and stands up to 15 mm off the plane y = 0
            assert float(anterior_height(points)) == pytest.approx(truth["anterior_height_mm"], rel=0.03, abs=0.3)
            assert float(wedge_angle(points)) == pytest.approx(truth["wedge_angle_deg"], abs=1.5)
            checked += 1
    assert checked > 20


def test_right_facing_film_is_the_mirror_of_what_lies_in_the_beam() -> None:
    plain = FilmRecipe(**{item.name: 0.0 for item in fields(FilmRecipe)})
    left = generate_film(3, Recipe(rows=192, right_facing=0.0, film=plain))
    right = generate_film(3, Recipe(rows=192, right_facing=1.0, film=plain))
    assert left.landmarks.facing is Facing.LEFT
    assert right.landmarks.facing is Facing.RIGHT
    # black and white are set by the grey values of every third pixel, which are not the same ones in the mirror: the
    # films are each other's mirror up to a straight line
    mirrored = left.pixels[:, ::-1]
    between = (mirrored > 0.02) & (mirrored < 0.98) & (right.pixels > 0.0) & (right.pixels < 1.0)
    slope, shift = np.polyfit(mirrored[between], right.pixels[between], 1)
    np.testing.assert_allclose(right.pixels[between], slope * mirrored[between] + shift, atol=1e-4)
    assert slope == pytest.approx(1.0, abs=0.03)
    np.testing.assert_array_equal(left.mask[:, ::-1], right.mask)
    width = left.pixels.shape[1]
    for a, b in zip(left.landmarks.vertebrae, right.landmarks.vertebrae, strict=True):
        np.testing.assert_allclose(b.points_px[:, 0], width - a.points_px[:, 0])
        np.testing.assert_allclose(b.points_px[:, 1], a.points_px[:, 1])


def test_frontal_film_has_no_truth() -> None:
    film = generate_film(5, Recipe(rows=160, frontal=1.0))
    assert film.frontal
    assert film.landmarks.vertebrae == ()
    assert film.landmarks.lateral_probability == 0.0


@pytest.mark.parametrize("form", ["dicom", "png"])
def test_dataset_is_complete_and_goes_on_where_it_ended(tmp_path: Path, form: str) -> None:
    seen: list[int] = []
    path = write_dataset(tmp_path, 4, 40, SMALL, form=form, progress=seen.append)
    assert sum(seen) == 4
    films = read_coco(path)
    assert [f.extra["phase"] for f in films] == ["pre-op", "post-op", "follow-up", "pre-op"]
    assert len((tmp_path / "truth.csv").read_text().splitlines()) == 5
    before = path.read_bytes()
    stamp = (tmp_path / films[0].file_name).stat().st_mtime_ns
    write_dataset(tmp_path, 4, 40, SMALL, form=form)
    assert path.read_bytes() == before
    assert (tmp_path / films[0].file_name).stat().st_mtime_ns == stamp
    assert not list(tmp_path.rglob("*.partial"))


def test_dicom_film_reads_back_with_its_scale_and_says_that_it_is_simulated(tmp_path: Path) -> None:
    write_dataset(tmp_path, 1, 41, SMALL)
    film = read_coco(tmp_path / "annotations.json")[0]
    radiograph = read_radiograph(tmp_path / film.file_name)
    assert radiograph.reference.simulated
    assert film.spacing is not None
    assert radiograph.spacing.row_mm == pytest.approx(film.spacing.row_mm, rel=1e-6)
    assert radiograph.facing is film.landmarks.facing
    np.testing.assert_allclose(radiograph.pixels, generate_case(41, SMALL).films[0].pixels, atol=1.01 / 4095)
    assert json.loads((tmp_path / "annotations.json").read_text())["images"][0]["simulated"] is True


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"colour": 1}, "recipe key colour is no known key"),
        ({"rows": 7}, "rows is 7; use 128 to 4096"),
        ({"rows": "many"}, "rows is 'many'; expected int"),
        ({"frontal": 1.5}, r"frontal is 1.5; it is a share"),
        ({"aspect_low": 0.9, "aspect_high": 0.5}, "use 0.2 <= low <= high <= 2"),
        ({"full": 0.0, "lumbar": 0.0, "thoracolumbar": 0.0, "narrow": 0.0}, "one above 0"),
        ({"full": float("nan")}, "are weights: numbers"),
        ({"narrow": float("inf")}, "are weights: numbers"),
        ({"tissue": {"lung": 1}}, r"recipe key tissue\.lung is no known key"),
        ({"disease": {"cleft": 2}}, r"disease\.cleft is 2.* must lie in \[0, 1\]"),
        ({"disease": {"crush": 0.7, "biconcave": 0.7}}, "at most 1 together"),
        ({"templates": 3}, "templates is 3; expected a list"),
        ({"own_bones": 3}, "own_bones is 3; expected bool"),
    ],
)
def test_bad_recipes_name_the_key(values: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_recipe(None, **values)


def test_bad_recipe_files_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing\.yaml: no such file"):
        load_recipe(tmp_path / "missing.yaml")
    (tmp_path / "list.yaml").write_text("- 1\n")
    with pytest.raises(ConfigError, match="expected a mapping of recipe keys, found list"):
        load_recipe(tmp_path / "list.yaml")
    with pytest.raises(ConfigError, match="nowhere"):
        banks_of(Recipe(templates=(str(tmp_path / "nowhere"),)), 0)


@pytest.mark.parametrize("path", sorted(Path("configs/synthesis").glob("*.yaml")), ids=lambda p: p.stem)
def test_shipped_recipes_load(path: Path) -> None:
    assert load_recipe(path).rows >= 512


def test_bad_calls_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="count 0"):
        write_dataset(tmp_path, 0, 0, SMALL)
    with pytest.raises(UsageError, match="format 'gif' is unknown"):
        write_dataset(tmp_path, 1, 0, SMALL, form="gif")
