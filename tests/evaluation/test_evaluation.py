"""An evaluation of made-up spines with known errors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image

from kummell_ai.anatomy import USUAL_LEVELS, Facing, Phase, VertebralLevel
from kummell_ai.annotations import AnnotatedFilm, write_coco
from kummell_ai.errors import InputError
from kummell_ai.evaluation import corner_errors, evaluate_dataset, evaluate_film, match_vertebrae, summarise
from kummell_ai.evaluation.calibration import with_factors
from kummell_ai.evaluation.joint import JudgedFilm, judge_together
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.interval_factors import STRATA, IntervalFactors
from kummell_ai.imaging.radiograph import Calibration, ImageReference, PixelSpacing, Radiograph
from tests.measurement import spines

SIZE = (400, 600)
SPACING = PixelSpacing(0.5, 0.5, Calibration.GEOMETRY)
LEVELS = tuple(VertebralLevel.parse(name) for name in ("T11", "T12", "L1", "L2", "L3"))
T12, L1, L2 = LEVELS[1:4]


def body(level: VertebralLevel | None, x: float, y: float, flags: frozenset[str] = frozenset()) -> VertebraLandmarks:
    """A left-facing block of 80 x 60 px."""
    corners = np.array([[x - 40, y - 30], [x + 40, y - 30], [x - 40, y + 30], [x + 40, y + 30]], dtype=float)
    return VertebraLandmarks(corners, level, flags=flags)


def spine(levels: tuple[VertebralLevel, ...] = LEVELS, **changes: object) -> SpineLandmarks:
    flags = {VertebralLevel.L1: frozenset({"fractured"}), VertebralLevel.T12: frozenset({"instrumented", "cemented"})}
    bodies = [body(level, 200, 100 + 90 * i, flags.get(level, frozenset())) for i, level in enumerate(levels)]
    return replace(SpineLandmarks(tuple(bodies), ImageReference("film"), Facing.LEFT), **changes)


def moved(landmarks: SpineLandmarks, x: float, y: float) -> SpineLandmarks:
    bodies = tuple(replace(v, points_px=v.points_px + np.array([x, y])) for v in landmarks.vertebrae)
    return replace(landmarks, vertebrae=bodies)


@given(st.permutations(range(5)), st.floats(-15, 15), st.floats(-15, 15))
def test_matching_does_not_depend_on_the_order(order: list[int], x: float, y: float) -> None:
    predicted = moved(spine(), x, y)
    shuffled = replace(predicted, vertebrae=tuple(predicted.vertebrae[i] for i in order))
    matching = match_vertebrae(shuffled, spine())
    assert {(i, order[j]) for i, j in matching.pairs} == {(i, i) for i in range(5)}
    assert matching.missed == matching.false == matching.beyond == ()


@pytest.mark.parametrize("named", [True, False])
@given(order=st.permutations(range(5)))
def test_true_vertebrae_may_stand_in_any_order(named: bool, order: list[int]) -> None:
    """Other programs write them as they were marked; what lies beyond them, and what a report needs, is the same."""
    truth = spine()
    if not named:
        truth = replace(truth, vertebrae=tuple(replace(v, level=None) for v in truth.vertebrae))
    shuffled = replace(truth, vertebrae=tuple(truth.vertebrae[i] for i in order))
    predicted = replace(spine(), vertebrae=(body(None, 200, 10), *moved(spine(), 3, 2).vertebrae, body(None, 360, 300)))
    index = spine().vertebrae[0].level
    first, second = (
        evaluate_film(predicted, true, SPACING, size_px=SIZE, index_level=index) for true in (truth, shuffled)
    )
    assert (second.false, second.beyond) == (first.false, first.beyond) == (1, 1)
    assert [v.level for v in second.needed] == [v.level for v in first.needed]
    assert [v.predicted_level for v in second.vertebrae] == [v.predicted_level for v in first.vertebrae]


def test_the_border_of_matching_is_half_a_depth() -> None:
    assert len(match_vertebrae(moved(spine(), 39.9, 0), spine()).pairs) == 5
    assert match_vertebrae(moved(spine(), 40.1, 0), spine()).missed == (0, 1, 2, 3, 4)


@given(st.floats(0.2, 5.0), st.floats(-60, 60), st.floats(-60, 60))
def test_films_of_pixels_that_are_not_square_are_judged_alike(aspect: float, x: float, y: float) -> None:
    """The same bones and the same finds, on a film with ``aspect`` times as many columns."""

    def stretched(landmarks: SpineLandmarks) -> SpineLandmarks:
        bodies = tuple(replace(v, points_px=v.points_px * [aspect, 1.0]) for v in landmarks.vertebrae)
        return replace(landmarks, vertebrae=bodies)

    assume(abs(np.hypot(x, y) - 40.0) > 1e-6)
    truth = spine()
    predicted = replace(moved(truth, x, y), vertebrae=(*moved(truth, x, y).vertebrae, body(None, 330, 300)))
    other = PixelSpacing(SPACING.row_mm, SPACING.column_mm / aspect, SPACING.calibration)
    square = evaluate_film(predicted, truth, SPACING, size_px=SIZE)
    wide = (round(SIZE[0] * aspect), SIZE[1])
    film = evaluate_film(stretched(predicted), stretched(truth), other, size_px=wide)
    assert (film.false, film.beyond) == (square.false, square.beyond)
    assert [v.found for v in film.vertebrae] == [v.found for v in square.vertebrae]


def test_two_predictions_on_one_body_match_once() -> None:
    truth = spine()
    predicted = replace(truth, vertebrae=(*truth.vertebrae, body(None, 205, 190)))
    matching = match_vertebrae(predicted, truth)
    assert matching.pairs == tuple((i, i) for i in range(5))
    assert matching.false == (5,)


def test_false_beyond_and_sacrum() -> None:
    truth = spine()
    extra = (
        body(None, 200, 10),  # above the annotation, on the spine
        body(None, 360, 300),  # beside the spine
        body(None, 200, 550),  # below a truth that ends at L3
        body(VertebralLevel.S1, 390, 590),
    )
    matching = match_vertebrae(replace(truth, vertebrae=truth.vertebrae + extra), truth)
    assert matching.beyond == (5, 7)
    assert matching.false == (6,)


def test_below_a_complete_truth_is_false() -> None:
    levels = tuple(VertebralLevel.parse(name) for name in ("L3", "L4", "L5"))
    truth = spine(levels)
    predicted = replace(truth, vertebrae=(*truth.vertebrae, body(None, 200, 370)))
    assert match_vertebrae(predicted, truth).false == (3,)


def test_a_body_with_two_corners_on_the_film_is_not_asked_for() -> None:
    truth = spine()
    cut = truth.vertebrae[4].points_px.copy()
    cut[2:] = np.nan
    partial = replace(truth, vertebrae=(*truth.vertebrae[:4], replace(truth.vertebrae[4], points_px=cut)))
    for predicted in (truth, replace(truth, vertebrae=truth.vertebrae[:4])):
        matching = match_vertebrae(predicted, partial)
        assert matching.pairs == tuple((i, i) for i in range(4))
        assert matching.missed == matching.false == ()
    assert len(evaluate_film(truth, partial, SPACING, size_px=SIZE).vertebrae) == 4


def test_a_body_with_three_corners_is_matched_by_them() -> None:
    truth = spine()
    cut = truth.vertebrae[4].points_px.copy()
    cut[3] = np.nan
    partial = replace(truth, vertebrae=(*truth.vertebrae[:4], replace(truth.vertebrae[4], points_px=cut)))
    assert len(match_vertebrae(moved(truth, 39, 0), partial).pairs) == 5


def test_nothing_predicted_and_nothing_true() -> None:
    empty = spine(())
    assert match_vertebrae(empty, spine()).missed == (0, 1, 2, 3, 4)
    assert match_vertebrae(spine(), empty).false == (0, 1, 2, 3, 4)


def test_a_missed_sacrum_is_no_error() -> None:
    truth = spine((VertebralLevel.L4, VertebralLevel.L5, VertebralLevel.S1))
    predicted = replace(truth, vertebrae=truth.vertebrae[:2])
    assert match_vertebrae(predicted, truth).missed == ()
    result = evaluate_film(predicted, truth, SPACING, size_px=SIZE)
    assert len(result.vertebrae) == 2


@given(st.floats(-20, 20), st.floats(-20, 20))
def test_error_parts_add_up(x: float, y: float) -> None:
    """Pythagoras: the parts across and along the endplate; here the endplates are horizontal."""
    truth = body(None, 200, 200)
    errors = corner_errors(replace(truth, points_px=truth.points_px + np.array([x, y])), truth, SPACING)
    np.testing.assert_allclose(errors.normal_percent, 100 * abs(y) / 80, atol=1e-9)
    np.testing.assert_allclose(errors.tangential_percent, 100 * abs(x) / 80, atol=1e-9)
    np.testing.assert_allclose(errors.percent, np.hypot(errors.normal_percent, errors.tangential_percent), atol=1e-9)
    np.testing.assert_allclose(errors.distance_mm, 0.5 * errors.distance_px, atol=1e-9)


def test_pixel_aspect_counts_and_missing_corners_stay_missing() -> None:
    truth = body(None, 200, 200)
    points = truth.points_px + np.array([0.0, 4.0])
    points[1] = np.nan
    errors = corner_errors(replace(truth, points_px=points), truth, PixelSpacing.unknown(aspect=0.5))
    assert errors.percent[0] == pytest.approx(100 * 2 / 80)
    assert np.isnan(errors.percent[1])
    assert np.isnan(errors.distance_mm).all()


def test_perfect_prediction() -> None:
    result = evaluate_film(spine(), spine(), SPACING, size_px=SIZE, phase=Phase.PRE_OP)
    rows = summarise([result])
    assert [(row["stratum"], row["phase"]) for row in rows] == [
        ("all", "all"),
        ("intact", "all"),
        ("fractured", "all"),
        ("instrumented", "all"),
        ("cemented", "all"),
        ("all", "pre-op"),
    ]
    assert [row["vertebrae"] for row in rows] == [5, 3, 1, 1, 1, 5]
    for row in rows:
        assert row["found_percent"] == 100
        assert row["level_accuracy_percent"] == 100
        assert row["corner_p90_mm"] == pytest.approx(0)
        assert row["wedge_angle_mae_deg"] == pytest.approx(0)
        assert row["anterior_height_mae_mm"] == pytest.approx(0)
    assert rows[0]["segmental_cobb_mae_deg"] == pytest.approx(0)
    assert rows[0]["false_vertebrae"] == 0


def test_a_tilted_endplate_costs_its_angle_and_height() -> None:
    """The anterior superior corner of L1 drops by 8 px = 4 mm over a depth of 80 px."""
    truth, predicted = spine(), spine()
    points = predicted.vertebrae[2].points_px.copy()
    points[0, 1] += 8
    bodies = list(predicted.vertebrae)
    bodies[2] = replace(bodies[2], points_px=points)
    bones = {"wedge_angle_deg": 0.0, "anterior_height_mm": 26.0}
    result = evaluate_film(
        replace(predicted, vertebrae=tuple(bodies)), truth, SPACING, size_px=SIZE,
        index_level=VertebralLevel.L1, truth_3d=bones,
    )  # fmt: skip
    errors = {error.quantity_id: error for error in result.vertebrae[2].quantities}
    assert errors["wedge_angle"].error == pytest.approx(np.degrees(np.arctan(0.1)))
    assert errors["wedge_angle_3d"].error == pytest.approx(np.degrees(np.arctan(0.1)))
    assert errors["anterior_height"].error == pytest.approx(-4)
    assert errors["anterior_height_3d"].error == pytest.approx(0)
    assert errors["segmental_cobb"].error == pytest.approx(0)
    assert errors["wedge_angle"].inside is None


def test_a_wrong_name_costs_level_accuracy_only() -> None:
    truth, predicted = spine(), spine()
    bodies = list(predicted.vertebrae)
    bodies[0] = replace(bodies[0], level=VertebralLevel.T10)
    row = summarise([evaluate_film(replace(predicted, vertebrae=tuple(bodies)), truth, SPACING, size_px=SIZE)])[0]
    assert row["level_accuracy_percent"] == 80
    assert row["segmental_cobb_mae_deg"] == pytest.approx(0)


def test_a_fracture_that_was_not_told_makes_a_wrong_reference() -> None:
    flags = {L1: {"fractured"}, L2: {"fractured"}}
    true = spines.spine({L1: 15.0, L2: 21.5}, flags=flags)
    bodies = (replace(v, flags=frozenset()) if v.level is L2 else v for v in true.vertebrae)
    found = evaluate_film(
        replace(true, vertebrae=tuple(bodies)), true, spines.SPACING, size_px=spines.SIZE, index_level=L1
    )
    (loss,) = (q for v in found.vertebrae if v.level is L1 for q in v.quantities if q.quantity_id == "height_loss")
    # T12 and L3 of 26 mm in truth; T12 and the broken L2 as found
    assert loss.true == pytest.approx(100 * (1 - 15 / 26))
    assert loss.measured == pytest.approx(100 * (1 - 15 / 23.75))


def test_the_surgical_segment_has_the_stratum_of_all_its_vertebrae() -> None:
    flags = {T12: {"instrumented", "cemented"}, L1: {"fractured"}, L2: {"instrumented"}}
    film = spines.spine({L1: 15.0}, flags=flags)
    found = evaluate_film(film, film, spines.SPACING, size_px=spines.SIZE, index_level=L1)
    (angle,) = (q for v in found.vertebrae for q in v.quantities if q.quantity_id == "surgical_segment_cobb")
    assert angle.stratum == "cemented"
    factors = {"surgical_segment_cobb": {s: float(i) for i, s in enumerate(STRATA, start=1)}}
    (wide,) = with_factors([found], factors)
    (after,) = (q for v in wide.vertebrae for q in v.quantities if q.quantity_id == "surgical_segment_cobb")
    assert angle.interval is not None
    assert after.interval is not None
    assert after.interval.half_width == pytest.approx(2.0 * angle.interval.half_width)


def test_intervals_are_held_against_the_truth() -> None:
    sure = np.broadcast_to(np.eye(2) * 1e-6, (4, 2, 2)).copy()
    wide = sure * 1e8
    for covariance, share in ((sure, 0.0), (wide, 100.0)):
        points = body(None, 0, 0).points_px * 0
        points[0, 1] = 5
        bodies = tuple(replace(v, points_px=v.points_px + points, covariance_px=covariance) for v in spine().vertebrae)
        row = summarise([evaluate_film(replace(spine(), vertebrae=bodies), spine(), SPACING, size_px=SIZE)])[0]
        assert row["wedge_angle_coverage_percent"] == share


def test_no_spacing_leaves_millimetres_out() -> None:
    row = summarise([evaluate_film(moved(spine(), 1, 1), spine(), PixelSpacing.unknown(), size_px=SIZE)])[0]
    assert row["corner_median_mm"] is None
    assert row["corner_median_px"] == pytest.approx(np.sqrt(2))
    assert "anterior_height_mae_mm" not in row
    assert row["wedge_angle_mae_deg"] == pytest.approx(0, abs=1e-9)


def test_no_films_give_no_rows() -> None:
    assert summarise([]) == ()


class Fake:
    """Gives the truth, one px too far right; refuses what is called frontal."""

    def locate(self, radiograph: Radiograph) -> SpineLandmarks:
        lateral = 0.1 if "frontal" in radiograph.reference.name else 0.9
        return moved(spine(reference=radiograph.reference, lateral_probability=lateral), 1, 0)


def dataset(folder: Path, names: tuple[str, ...], size: tuple[int, int] = SIZE) -> Path:
    grey = np.random.default_rng(0).integers(0, 255, (SIZE[1], SIZE[0]), dtype=np.uint8)
    films = []
    for name in names:
        Image.fromarray(grey).save(folder / name)
        landmarks = spine(reference=ImageReference(name))
        extra = {"phase": "pre-op", "index_level": "L1", "truth": {"segmental_cobb_deg": 1.0}}
        films.append(AnnotatedFilm(name, size, landmarks, SPACING, extra))
    write_coco(folder / "annotations.json", films)
    return folder / "annotations.json"


def test_a_dataset_is_evaluated_film_by_film(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    path = dataset(tmp_path, ("a.png", "frontal.png"))
    evaluation = evaluate_dataset(path, Fake(), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2)]
    row = evaluation.rows[0]
    assert row["found_percent"] == 50
    assert row["refused_films"] == 1
    assert row["corner_median_mm"] == pytest.approx(0.5)
    assert row["segmental_cobb_3d_bias_deg"] == pytest.approx(-1)
    assert "frontal" in (evaluation.films[1].refused or "")
    assert evaluation.films[0].phase is Phase.PRE_OP
    assert len(evaluate_dataset(path, Fake(), limit=1).films) == 1


def test_an_empty_or_mismatched_dataset_is_refused(tmp_path: Path) -> None:
    write_coco(tmp_path / "none.json", [])
    with pytest.raises(InputError, match=r"none\.json: no film is annotated"):
        evaluate_dataset(tmp_path / "none.json", Fake())
    with pytest.raises(InputError, match=r"a\.png: the film is 400 x 600 px, its annotation says 10 x 10"):
        evaluate_dataset(dataset(tmp_path, ("a.png",), (10, 10)), Fake())


def _higher(level: VertebralLevel | None, up: int) -> VertebralLevel:
    assert level is not None
    return USUAL_LEVELS[USUAL_LEVELS.index(level) - up]


def two_films(up: int = 0) -> list[JudgedFilm]:
    """Films of one patient, L1 injured and not flagged so, that are named ``up`` levels too high."""
    rng = np.random.default_rng(3)
    true = spine(reference=ImageReference("film", patient_id="one"))
    located = []
    for phase in (Phase.PRE_OP, Phase.POST_OP):
        factors = IntervalFactors("intact", {}, together=IntervalFactors("intact", {}, is_together=True))
        bodies = tuple(
            replace(
                v,
                level=_higher(v.level, up),
                flags=frozenset(),
                points_px=v.points_px + rng.normal(0.0, 1.0, v.points_px.shape),
                covariance_px=np.tile(4.0 * np.eye(2), (len(v.points_px), 1, 1)),
                interval_factors=factors,
            )
            for v in true.vertebrae
        )
        found = replace(true, vertebrae=bodies)
        result = evaluate_film(found, true, SPACING, size_px=SIZE, phase=phase, index_level=true.vertebrae[2].level)
        located.append(JudgedFilm(result, found, SPACING, SIZE, true))
    return located


@pytest.mark.parametrize("up", [0, 1])
def test_the_films_of_a_patient_are_judged_together_too(up: int) -> None:
    """The injured vertebra keeps its corners on each film, by whatever name it was found."""
    located = two_films(up)
    joint = judge_together(located)
    first = located[0].truth.vertebrae[0].level
    assert [film.vertebrae[0].joint_level for film in joint.named] == [_higher(first, up)] * 2
    index, others = 2, [0, 1, 3, 4]
    for own, together in zip(joint.named, joint.together, strict=True):
        assert own.name == together.name
        np.testing.assert_allclose(
            own.vertebrae[index].corners.distance_px, together.vertebrae[index].corners.distance_px
        )
    errors = [
        [np.square(film.vertebrae[i].corners.distance_px).mean() for film in films for i in others]
        for films in (joint.named, joint.together)
    ]
    assert np.mean(errors[1]) < np.mean(errors[0])
    alone = judge_together(located[:1])
    assert alone.together == alone.named
    refused = replace(located[0], result=replace(located[0].result, refused="frontal"))
    assert judge_together([refused, located[1]]).together[0] is refused.result
