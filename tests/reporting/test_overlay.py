from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from PIL import Image, ImageFont

from kummell_ai.anatomy import Facing, VertebralLevel
from kummell_ai.imaging.radiograph import Calibration, PixelSpacing
from kummell_ai.measurement.results import RadiographMeasurement
from kummell_ai.reporting import shapes as s
from kummell_ai.reporting.overlay import draw_overlay, draw_overlay_png
from kummell_ai.reporting.pen import front_side
from kummell_ai.reporting.scene import build_scene
from kummell_ai.reporting.view import FOCUS_MM, focus_view, whole_view
from tests import made_up

L1 = VertebralLevel.L1
SVG = "{http://www.w3.org/2000/svg}"


def labels(scene: s.Scene) -> list[str]:
    return [shape.text for shape in scene.shapes if isinstance(shape, s.Label)]


def with_points(measurement: RadiographMeasurement, change: dict[VertebralLevel, np.ndarray]) -> RadiographMeasurement:
    vertebrae = tuple(
        replace(v, landmarks=replace(v.landmarks, points_px=change.get(v.level, v.landmarks.points_px)))
        for v in measurement.vertebrae
        if v.level is not None
    )
    return replace(measurement, vertebrae=vertebrae)


def test_corners_lie_where_they_were_measured() -> None:
    measurement = made_up.measurement()
    view = whole_view((4000, 3000), measurement.spacing)
    assert view.size == pytest.approx((1200.0, 900.0))
    dots = [shape for shape in build_scene(measurement, view).shapes if isinstance(shape, s.Dot)]
    corners = np.concatenate([v.landmarks.corners_px for v in measurement.vertebrae])
    assert np.allclose([dot.centre for dot in dots], corners * 0.3)
    assert [dot.colour for dot in dots[:4]] == [s.SUPERIOR, s.SUPERIOR, s.INFERIOR, s.INFERIOR]


def test_flat_pixels_are_drawn_true_to_shape() -> None:
    spacing = PixelSpacing(0.2, 0.1, Calibration.GEOMETRY)
    view = whole_view((400, 300), spacing)
    assert view.size == pytest.approx((400.0, 600.0))
    assert np.allclose(view.to_scene.apply(np.array([[100.0, 100.0]])), [[100.0, 200.0]])


def test_a_film_is_not_enlarged_and_its_long_side_has_a_limit() -> None:
    spacing = PixelSpacing(0.1, 0.1, Calibration.GEOMETRY)
    assert whole_view((300, 400), spacing).size == pytest.approx((300.0, 400.0))
    assert max(whole_view((2800, 1100), spacing).size) == pytest.approx(1200.0)


def test_side_by_side_views_have_one_scale_and_the_level_in_the_middle() -> None:
    measurement = made_up.measurement()
    view = focus_view(measurement, L1)
    vertebra = measurement.at(L1)
    assert vertebra is not None
    centre = view.to_scene.apply(vertebra.landmarks.centre_px)
    assert np.allclose(centre, np.array(view.size) / 2)
    assert view.px_per_mm == pytest.approx(1000.0 / FOCUS_MM[1])
    unscaled = focus_view(made_up.measurement(metric=False), L1)
    assert unscaled.px_per_mm is None
    assert unscaled.size[1] == pytest.approx(1000.0)


def test_the_index_level_gets_its_angles_and_flags() -> None:
    measurement = made_up.measurement()
    texts = labels(build_scene(measurement, whole_view(made_up.SIZE, measurement.spacing), L1))
    assert {"T10", "L1", "L3", "fracture", "Cobb 23.2°", "wedge 21.6°", "20 mm", "◂ front"} <= set(texts)
    assert "Research use, not a medical device" in texts
    plain = labels(build_scene(measurement, whole_view(made_up.SIZE, measurement.spacing)))
    assert not [text for text in plain if text.startswith(("Cobb", "wedge"))]


def test_without_a_scale_there_is_no_bar() -> None:
    measurement = made_up.measurement(metric=False)
    texts = labels(build_scene(measurement, whole_view(made_up.SIZE, measurement.spacing), L1))
    assert "20 mm" not in texts
    assert not [text for text in texts if text.startswith("anterior")]


def test_a_chinese_drawing_has_chinese_labels() -> None:
    measurement = made_up.measurement()
    view = whole_view(made_up.SIZE, measurement.spacing)
    texts = set(labels(build_scene(measurement, view, L1, "zh")))
    assert {"骨折", "楔变角 21.6°", "◂ 前方", "仅供研究，非医疗器械"} <= texts
    assert any(re.fullmatch(r"前缘 [\d.]+\s?mm", text) for text in texts)
    assert not re.search(r"[a-z]{4}", " ".join(texts).replace("Cobb", ""))
    assert "楔变角 21.6°" in draw_overlay(made_up.radiograph(), measurement, index_level=L1, language="zh")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_all_labels_stay_inside(language: str) -> None:
    measurement = made_up.measurement()
    for view in (focus_view(measurement, L1), whole_view(made_up.SIZE, measurement.spacing)):
        for shape in build_scene(measurement, view, L1, language).shapes:
            if isinstance(shape, s.Label):
                x0, y0, x1, y1 = shape.box
                assert min(x0, y0) >= -1e-6
                assert x1 <= view.size[0] + 1e-6
                assert y1 <= view.size[1] + 1e-6


@pytest.mark.parametrize("below", [150.0, 215.0, 225.0])
def test_a_low_name_does_not_lie_on_the_research_use_line(below: float) -> None:
    usual = made_up.measurement()
    step = np.array([-150.0, below])
    points = {v.level: v.landmarks.points_px + step for v in usual.vertebrae if v.level is not None}
    scene = build_scene(with_points(usual, points), whole_view(made_up.SIZE, usual.spacing))
    shown = [shape for shape in scene.shapes if isinstance(shape, s.Label)]
    (use,) = [label for label in shown if label.text.startswith("Research use")]
    assert "L3" in labels(scene)
    assert not [label.text for label in shown if label is not use and use.touches(label)]


def test_a_low_name_leaves_room_for_its_flags() -> None:
    usual = made_up.measurement()
    lowest = usual.vertebrae[-1]
    view = whole_view(made_up.SIZE, usual.spacing)
    step_down = np.array([0.0, made_up.SIZE[1] - lowest.landmarks.corners_px[[1, 3], 1].mean() - 1.0])
    points = {v.level: v.landmarks.points_px + step_down for v in usual.vertebrae if v.level is not None}
    moved = with_points(usual, points)
    flagged = replace(moved.vertebrae[-1].landmarks, flags=frozenset({"fractured", "cropped"}))
    vertebrae = (*moved.vertebrae[:-1], replace(moved.vertebrae[-1], landmarks=flagged))
    shown = {x.text: x for x in build_scene(replace(moved, vertebrae=vertebrae), view).shapes if isinstance(x, s.Label)}
    name, first, second = (shown[text] for text in (str(lowest.level), "fracture", "cropped"))
    step = first.at[1] - name.at[1]
    assert step > 0.6 * name.size
    assert second.at[1] - first.at[1] == pytest.approx(step)


def test_a_right_facing_film_is_labelled_on_the_other_side() -> None:
    spine = made_up.landmarks(facing=Facing.RIGHT)
    left = made_up.measurement()
    points = {v.level: v.points_px for v in spine.vertebrae if v.level is not None}
    right = with_points(left, points)
    assert (front_side(left), front_side(right)) == (-1.0, 1.0)
    assert "front ▸" in labels(build_scene(right, whole_view(made_up.SIZE, right.spacing), L1))


def test_unseen_corners_are_left_out() -> None:
    measurement = made_up.measurement()
    vertebra = measurement.at(L1)
    assert vertebra is not None
    points = vertebra.landmarks.points_px.copy()
    points[[0, 1]] = np.nan
    cut = with_points(measurement, {L1: points, VertebralLevel.T12: np.full((4, 2), np.nan)})
    scene = build_scene(cut, whole_view(made_up.SIZE, cut.spacing), L1)
    assert sum(isinstance(shape, s.Dot) for shape in scene.shapes) == 4 * 6 - 2 - 4
    assert "T12" not in labels(scene)
    assert "Cobb 23.2°" not in labels(scene)


def test_the_svg_is_whole_and_loads_nothing() -> None:
    measurement = made_up.measurement()
    root = ET.fromstring(draw_overlay(made_up.radiograph(), measurement, index_level=L1))
    (image,) = root.iter(f"{SVG}image")
    assert image.get("href", "").startswith("data:image/jpeg;base64,")
    assert len(list(root.iter(f"{SVG}circle"))) == 4 * len(measurement.vertebrae)
    assert root.get("viewBox") == "0 0 560.0 900.0"


def test_a_hostile_name_is_escaped() -> None:
    measurement = made_up.measurement()
    named = replace(measurement, reference=replace(measurement.reference, name="</title><script>x</script>"))
    text = draw_overlay(made_up.radiograph(), named)
    assert "<script" not in text
    ET.fromstring(text)


def test_the_png_shows_the_same_size_and_colours() -> None:
    measurement = made_up.measurement()
    picture = Image.open(io.BytesIO(draw_overlay_png(made_up.radiograph(), measurement, index_level=L1)))
    assert picture.size == made_up.SIZE
    vertebra = measurement.at(VertebralLevel.T11)
    assert vertebra is not None
    x, y = vertebra.landmarks.corners_px[0]
    pixel = picture.getpixel((int(x), int(y)))
    assert isinstance(pixel, tuple)
    wanted = tuple(int(s.SUPERIOR[i : i + 2], 16) for i in (1, 3, 5))
    assert max(abs(a - b) for a, b in zip(pixel, wanted, strict=True)) < 30


def test_the_film_beneath_is_in_place() -> None:
    """A bright body on a black film: the drawn picture is bright inside its corners, black outside the film."""
    from kummell_ai.reporting.film import film_picture

    measurement = made_up.measurement()
    view = focus_view(measurement, L1)
    picture = np.asarray(film_picture(made_up.radiograph(), view), dtype=float)
    for vertebra in measurement.vertebrae[2:]:
        x, y = view.to_scene.apply(vertebra.landmarks.centre_px)
        assert picture[int(y), int(x)] > 180
    left_of_film = view.to_scene.apply(np.array([made_up.SIZE[0] + 5.0, 450.0]))
    if left_of_film[0] < view.size[0] - 1:
        assert picture[int(left_of_film[1]), int(left_of_film[0])] == 0


def test_names_of_crowded_vertebrae_do_not_cover_each_other() -> None:
    measurement = made_up.measurement()
    squeezed = {v.level: v.landmarks.points_px * [1.0, 0.12] for v in measurement.vertebrae if v.level is not None}
    scene = build_scene(with_points(measurement, squeezed), whole_view((1200, 1000), measurement.spacing))
    levels = {str(level) for level in squeezed}
    boxes = [shape.box for shape in scene.shapes if isinstance(shape, s.Label) and shape.text in levels]
    assert len(boxes) == 6
    for a, b in combinations(boxes, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] + 1e-6 or b[3] <= a[1] + 1e-6


@pytest.mark.parametrize("text", ["wedge 12.7°", "anterior 16.7\u202fmm", "Cobb 18.5°", "T11", "L1", "20 mm", "screws"])
def test_a_plate_is_about_as_wide_as_its_text(text: str) -> None:
    drawn = ImageFont.load_default(100).getlength(text.replace("\u202f", " "))
    assert 0.9 <= s.text_width(text, 100) / drawn <= 1.2
