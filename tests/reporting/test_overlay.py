from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from PIL import Image, ImageFont

from kummell_ai.anatomy import Facing, Phase, VertebralLevel
from kummell_ai.imaging.radiograph import Calibration, PixelSpacing
from kummell_ai.measurement.results import RadiographMeasurement
from kummell_ai.reporting import shapes as s
from kummell_ai.reporting.ellipses import ellipse
from kummell_ai.reporting.film import film_picture
from kummell_ai.reporting.overlay import draw_overlay, draw_overlays
from kummell_ai.reporting.pen import Pen, front_side
from kummell_ai.reporting.room import Area
from kummell_ai.reporting.scene import build_scene
from kummell_ai.reporting.view import FOCUS_MM, focus_view, whole_view
from tests import made_up

L1 = VertebralLevel.L1
RIGHT, DOWN = np.array([1.0, 0.0]), np.array([0.0, 1.0])
SVG = "{http://www.w3.org/2000/svg}"


def plates(scene: s.Scene) -> list[s.Label]:
    return [shape for shape in scene.shapes if isinstance(shape, s.Label)]


def labels(scene: s.Scene) -> list[str]:
    """Texts and notes."""
    return [text for label in plates(scene) for text in (label.text, *label.note.split(", ")) if text]


def flagged(measurement: RadiographMeasurement, level: VertebralLevel, *flags: str) -> RadiographMeasurement:
    vertebrae = tuple(
        replace(v, landmarks=replace(v.landmarks, flags=frozenset(flags))) if v.level is level else v
        for v in measurement.vertebrae
    )
    return replace(measurement, vertebrae=vertebrae)


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
    assert view.size == pytest.approx((800.0, 1200.0))
    assert np.allclose(view.to_scene.apply(np.array([[100.0, 100.0]])), [[200.0, 400.0]])


@pytest.mark.parametrize("size", [(326, 512), (2800, 1100), (430, 1024)])
def test_every_film_is_drawn_at_one_size_with_small_text(size: tuple[int, int]) -> None:
    measurement = replace(made_up.measurement(), size_px=size)
    view = whole_view(size, measurement.spacing)
    assert max(view.size) == pytest.approx(1200.0)
    assert 0.015 <= Pen(measurement, view).text / view.size[1] <= 0.03


def test_the_film_of_an_enlarged_drawing_is_in_place() -> None:
    measurement = made_up.measurement()
    view = whole_view(made_up.SIZE, measurement.spacing)
    picture = np.asarray(film_picture(made_up.radiograph(), view), dtype=float)
    assert picture.shape == (1200, 747)
    for vertebra in measurement.vertebrae:
        x, y = view.to_scene.apply(vertebra.landmarks.centre_px)
        assert picture[int(y), int(x)] > 180


def test_side_by_side_views_have_one_scale_and_the_level_in_the_middle() -> None:
    measurement = replace(made_up.measurement(), size_px=(2000, 2000))
    middle = np.array([700.0, 600.0])
    points = {v.level: v.landmarks.points_px + middle for v in measurement.vertebrae if v.level is not None}
    measurement = with_points(measurement, points)
    view = focus_view(measurement, L1)
    vertebra = measurement.at(L1)
    assert vertebra is not None
    centre = view.to_scene.apply(vertebra.landmarks.centre_px)
    assert np.allclose(centre, np.array(view.size) / 2)
    assert view.px_per_mm == pytest.approx(1000.0 / FOCUS_MM[1])
    unscaled = focus_view(made_up.measurement(metric=False), L1)
    assert unscaled.px_per_mm is None
    assert unscaled.size[1] == pytest.approx(1000.0)


@pytest.mark.parametrize(("down", "top"), [(-2000.0, 40.0), (2000.0, 900.0 - FOCUS_MM[1] / made_up.MM)])
def test_a_part_at_the_border_is_moved_onto_the_film(down: float, top: float) -> None:
    """Pixels above 40 are not exposed: no block of black stands above or beneath the shown part."""
    usual = replace(made_up.measurement(), exposed_px=(0.0, 40.0, 560.0, 900.0))
    points = {v.level: v.landmarks.points_px + down * DOWN for v in usual.vertebrae if v.level is not None}
    x0, y0, x1, y1 = focus_view(with_points(usual, points), L1).box_px
    assert y0 == pytest.approx(top)
    assert (x1 - x0, y1 - y0) == pytest.approx((FOCUS_MM[0] / made_up.MM, FOCUS_MM[1] / made_up.MM))
    assert x0 >= 0
    assert x1 <= 560.0


def test_a_film_smaller_than_the_part_is_shown_whole() -> None:
    small = replace(made_up.measurement(), size_px=(300, 400))
    x0, y0, x1, y1 = focus_view(small, L1).box_px
    assert min(x0, y0) <= 0
    assert x1 >= 300
    assert y1 >= 400


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
    shown = plates(scene)
    (use,) = [label for label in shown if label.text.startswith("Research use")]
    assert "L3" in labels(scene)
    assert not [label.text for label in shown if label is not use and covers(use, label)]


def test_flags_stand_in_the_line_of_their_name() -> None:
    measurement = flagged(replace(made_up.measurement(), size_px=(800, 900)), L1, "instrumented", "cemented")
    view = whole_view(measurement.size_px, measurement.spacing)
    (name,) = [label for label in plates(build_scene(measurement, view)) if label.text == "L1"]
    assert name.note == "screws, cement"
    assert "".join(text for text, _ in name.runs) == "L1 · screws, cement"
    assert "".join(text for text, _ in replace(name, anchor="end").runs) == "screws, cement · L1"
    svg = draw_overlay(made_up.radiograph(), measurement)
    assert "> · screws, cement</tspan></text>" in svg


def test_flags_without_room_beside_the_spine_stand_beneath_the_name() -> None:
    usual = flagged(made_up.measurement(), L1, "fractured", "instrumented", "cemented")
    right = max(float(v.landmarks.corners_px[:, 0].max()) for v in usual.vertebrae)
    points = {v.level: v.landmarks.points_px + (400.0 - right) * RIGHT for v in usual.vertebrae if v.level is not None}
    moved = with_points(usual, points)
    shown = {label.text: label for label in plates(build_scene(moved, whole_view(made_up.SIZE, usual.spacing)))}
    name, rest = shown["L1"], shown["screws, cement"]
    assert name.note == "fracture"
    assert name.at[1] < rest.at[1] < name.at[1] + 1.5 * name.size
    assert rest.anchor == name.anchor


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
    assert root.get("viewBox") == "0 0 746.7 1200.0"


def test_a_hostile_name_is_escaped() -> None:
    measurement = made_up.measurement()
    named = replace(measurement, reference=replace(measurement.reference, name="</title><script>x</script>"))
    text = draw_overlay(made_up.radiograph(), named)
    assert "<script" not in text
    ET.fromstring(text)


def test_the_png_shows_the_same_size_and_colours() -> None:
    measurement = made_up.measurement()
    drawn = draw_overlays(made_up.radiograph(), measurement, index_level=L1)
    assert drawn["svg"] == draw_overlay(made_up.radiograph(), measurement, index_level=L1)
    assert draw_overlays(made_up.radiograph(), measurement, ["svg"], index_level=L1) == {"svg": drawn["svg"]}
    assert isinstance(drawn["png"], bytes)
    picture = Image.open(io.BytesIO(drawn["png"]))
    assert picture.size == (747, 1200)
    vertebra = measurement.at(VertebralLevel.T11)
    assert vertebra is not None
    x, y = vertebra.landmarks.corners_px[0] * 1200 / 900
    pixel = picture.getpixel((int(x), int(y)))
    assert isinstance(pixel, tuple)
    wanted = tuple(int(s.SUPERIOR[i : i + 2], 16) for i in (1, 3, 5))
    assert max(abs(a - b) for a, b in zip(pixel, wanted, strict=True)) < 30


def test_the_film_beneath_is_in_place() -> None:
    """A bright body on a black film: the drawn picture is bright inside its corners, black outside the film."""
    measurement = made_up.measurement()
    view = focus_view(measurement, L1)
    picture = np.asarray(film_picture(made_up.radiograph(), view), dtype=float)
    for vertebra in measurement.vertebrae[2:]:
        x, y = view.to_scene.apply(vertebra.landmarks.centre_px)
        assert picture[int(y), int(x)] > 180
    left_of_film = view.to_scene.apply(np.array([made_up.SIZE[0] + 5.0, 450.0]))
    if left_of_film[0] < view.size[0] - 1:
        assert picture[int(left_of_film[1]), int(left_of_film[0])] == 0


def test_two_seen_corners_are_joined_by_a_line_and_named_behind() -> None:
    measurement = made_up.measurement()
    points = measurement.vertebrae[0].landmarks.points_px.copy()
    points[[0, 1]] = np.nan
    cut = flagged(with_points(measurement, {VertebralLevel.T10: points}), VertebralLevel.T10, "cropped")
    view = whole_view(made_up.SIZE, cut.spacing)
    scene = build_scene(cut, view)
    seen = view.to_scene.apply(points)
    ends = {(line.start, line.end) for line in scene.shapes if isinstance(line, s.Line) and line.colour == s.OUTLINE}
    assert (tuple(seen[3]), tuple(seen[2])) in ends
    (name,) = [label for label in plates(scene) if label.text == "T10"]
    assert name.box[0] > seen[3][0]
    assert name.at[1] < seen[3][1]


def test_of_the_sacrum_the_superior_endplate_alone_is_drawn() -> None:
    usual = made_up.measurement()
    lowest = usual.vertebrae[-1]
    sacrum = replace(lowest, landmarks=replace(lowest.landmarks, level=VertebralLevel.S1))
    measurement = replace(usual, vertebrae=(*usual.vertebrae[:-1], sacrum))
    view = whole_view(made_up.SIZE, usual.spacing)
    scene = build_scene(measurement, view)
    dots = [shape for shape in scene.shapes if isinstance(shape, s.Dot)]
    assert len(dots) == 4 * 5 + 2
    assert np.allclose([dot.centre for dot in dots[-2:]], view.to_scene.apply(lowest.landmarks.corners_px[:2]))
    assert sum(isinstance(shape, s.Polygon) and shape.colour == s.OUTLINE for shape in scene.shapes) == 5
    assert "S1" in labels(scene)


@pytest.mark.parametrize("facing", [Facing.LEFT, Facing.RIGHT])
@pytest.mark.parametrize("phase", list(made_up.WEDGE))
@pytest.mark.parametrize("part", ["whole", "focus"])
def test_no_plate_covers_what_is_measured(facing: Facing, phase: Phase, part: str) -> None:
    spine = made_up.landmarks(phase, facing=facing)
    usual = made_up.measurement(phase)
    measurement = with_points(usual, {v.level: v.points_px for v in spine.vertebrae if v.level is not None})
    view = focus_view(measurement, L1) if part == "focus" else whole_view(made_up.SIZE, usual.spacing)
    scene = build_scene(measurement, view, L1)
    bodies = [Area.of(shape.points, 1) for shape in scene.shapes if isinstance(shape, s.Polygon)]
    lines = [Area.of((x.start, x.end), 1) for x in scene.shapes if isinstance(x, s.Line) and x.colour == s.COBB]
    dots = [Area.of(square(dot), 1) for dot in scene.shapes if isinstance(dot, s.Dot)]
    assert len(lines) == 3
    for label in plates(scene):
        assert not [area for area in (*bodies, *lines, *dots) if area.touches(label.box)], label.text
    for a, b in combinations(plates(scene), 2):
        assert not covers(a, b), (a.text, b.text)


def square(dot: s.Dot) -> list[s.Point]:
    (x, y), r = dot.centre, dot.radius
    return [(x - r, y - r), (x + r, y - r), (x + r, y + r), (x - r, y + r)]


def covers(a: s.Label, b: s.Label) -> bool:
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = a.box, b.box
    slack = 1e-6
    return ax0 < bx1 - slack and bx0 < ax1 - slack and ay0 < by1 - slack and by0 < ay1 - slack


def test_a_part_shows_how_sure_its_corners_are() -> None:
    """Round ellipses of 0.6 mm standard deviation: 1.47 mm hold 95 %."""
    measurement = made_up.measurement()
    view = focus_view(measurement, L1)
    scenes = [build_scene(measurement, view, L1, with_ellipses=shown) for shown in (False, True)]
    plain, shown = ({x for x in scene.shapes if isinstance(x, s.Polygon)} for scene in scenes)
    ellipses = shown - plain
    assert len(ellipses) == 4 + 2 + 2
    assert view.px_per_mm is not None
    for shape in ellipses:
        points = np.array(shape.points)
        radii = np.linalg.norm(points - points.mean(axis=0), axis=1)
        assert np.allclose(radii, 0.6 * 2.4477 * view.px_per_mm, rtol=1e-3)
    assert draw_overlay(made_up.radiograph(), measurement, index_level=L1).count("<polygon") == 2 * 6


def test_an_ellipse_follows_the_axes_of_its_covariance() -> None:
    turn = np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    points = ellipse(np.array([3.0, 4.0]), turn @ np.diag([4.0, 1.0]) @ turn.T)
    along = (points - [3.0, 4.0]) @ turn / np.array([2.0, 1.0])
    assert np.allclose(np.linalg.norm(along, axis=1) ** 2, 5.9915, atol=1e-3)
    assert np.isnan(ellipse(np.array([3.0, np.nan]), np.eye(2))).all()


def test_the_cobb_angle_stands_outside_the_middle_of_its_dashed_line() -> None:
    measurement = made_up.measurement()
    points = {v.level: v.landmarks.points_px + 150.0 * RIGHT for v in measurement.vertebrae if v.level is not None}
    scene = build_scene(with_points(measurement, points), whole_view((800, 900), measurement.spacing), L1)
    (dashed,) = [shape for shape in scene.shapes if isinstance(shape, s.Line) and shape.dashed]
    (plate,) = [label for label in plates(scene) if label.text.startswith("Cobb")]
    x, y = np.mean([dashed.start, dashed.end], axis=0)
    assert plate.at[1] == pytest.approx(y)
    assert 0 < x - plate.box[2] < plate.size


@pytest.mark.parametrize("text", ["wedge 12.7°", "anterior 16.7\u202fmm", "Cobb 18.5°", "T11", "L1", "20 mm", "screws"])
def test_a_plate_is_about_as_wide_as_its_text(text: str) -> None:
    drawn = ImageFont.load_default(100).getlength(text.replace("\u202f", " "))
    assert 0.9 <= s.text_width(text, 100) / drawn <= 1.2
