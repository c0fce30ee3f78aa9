"""Conformal factors: their guarantee, their oracle, and what becomes of them in a model folder."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.annotations.coco import AnnotatedFilm
from kummell_ai.errors import CheckpointError, InputError
from kummell_ai.evaluation.calibration import Fit, as_info, fit_together_scale, fit_uncertainty, with_factors
from kummell_ai.evaluation.conformal import conformal_factor, conformal_rank, covered, fitting_scale
from kummell_ai.evaluation.coverage import coverage_of, interval_score
from kummell_ai.evaluation.located import LocatedFilm, judge_films, judge_films_together
from kummell_ai.evaluation.results import VertebraResult
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.interval_factors import STRATA, IntervalFactors
from kummell_ai.imaging.radiograph import Calibration, ImageReference, PixelSpacing
from kummell_ai.landmarks.assembly import FLOOR_SHARE, Uncertainty
from kummell_ai.quantities import Z95

SPACING = PixelSpacing(0.4, 0.4, Calibration.GEOMETRY)
LEVELS = tuple(VertebralLevel[name] for name in ("T11", "T12", "L1", "L2", "L3"))
BOX = np.array([[-40.0, -30.0], [40.0, -30.0], [-40.0, 30.0], [40.0, 30.0]])


def truth(number: int) -> SpineLandmarks:
    bodies = tuple(
        VertebraLandmarks(
            BOX + np.array([100.0, 60.0 + 80.0 * i]), level, 1.0, None, 1.0, frozenset({"fractured"} if i == 2 else ())
        )
        for i, level in enumerate(LEVELS)
    )
    return SpineLandmarks(bodies, ImageReference(f"film-{number}", patient_id=f"patient-{number // 2}"))


def located(number: int, rng: np.random.Generator, spread: float = 2.0) -> LocatedFilm:
    """A film whose corners err by ``spread`` px, twice that on the injured body, while 1 px² is told for all."""
    film = truth(number)
    bodies = tuple(
        replace(
            body,
            points_px=body.points_px + rng.normal(0.0, spread * (2.0 if body.flags else 1.0), (4, 2)),
            covariance_px=np.tile(np.eye(2), (4, 1, 1)),
        )
        for body in film.vertebrae
    )
    annotated = AnnotatedFilm("film.png", (200, 500), film, SPACING)
    return LocatedFilm(annotated, SPACING, replace(film, vertebrae=bodies, lateral_probability=1.0))


@pytest.fixture(scope="module")
def films() -> list[LocatedFilm]:
    rng = np.random.default_rng(5)
    return [located(number, rng) for number in range(60)]


@pytest.fixture(scope="module")
def fit(films: list[LocatedFilm]) -> Fit:
    return fit_uncertainty(films)


@pytest.fixture(scope="module")
def fitted(fit: Fit) -> Uncertainty:
    return fit.uncertainty


# 240 and 60 errors know the 95 % quantile of their squared size to some 9 and 18 %
def test_the_scale_of_each_stratum_is_its_variance(fitted):
    floor = (FLOOR_SHARE * 80.0) ** 2
    np.testing.assert_allclose(fitted.scale["intact"] + floor, 4.0, rtol=0.27)
    np.testing.assert_allclose(fitted.scale["fractured"] + floor, 16.0, rtol=0.5)


@pytest.mark.parametrize("aspect", [0.25, 4.0])
def test_pixels_that_are_not_square_give_the_same_factors(films, aspect):
    """The films again, stored with pixels ``aspect`` times as wide as high."""

    def stored(landmarks: SpineLandmarks) -> SpineLandmarks:
        back = np.array([1.0 / aspect, 1.0])
        bodies = tuple(
            replace(
                v,
                points_px=v.points_px * back,
                covariance_px=None if v.covariance_px is None else v.covariance_px * back[:, None] * back,
            )
            for v in landmarks.vertebrae
        )
        return replace(landmarks, vertebrae=bodies)

    spacing = replace(SPACING, column_mm=SPACING.column_mm * aspect)
    size = (round(200 / aspect), 500)
    others = [
        LocatedFilm(
            replace(f.truth, landmarks=stored(f.truth.landmarks), spacing=spacing, size_px=size),
            spacing,
            stored(f.found),
        )
        for f in films
    ]
    one, other = (fit_uncertainty(own).uncertainty for own in (films, others))
    for stratum, factors in one.scale.items():
        np.testing.assert_allclose(other.scale[stratum], factors, rtol=1e-6)
    for quantity, factors in one.factors.items():
        assert other.factors[quantity] == pytest.approx(factors, rel=1e-4), quantity


# the corners err independently, as the propagation says, so that nothing is left for the factors to mend
def test_independent_normal_errors_need_no_factor(fitted):
    for quantity in ("anterior_height", "wedge_angle", "posterior_height"):
        assert fitted.factors[quantity]["intact"] == pytest.approx(1.0, abs=0.12)
        assert fitted.factors[quantity]["fractured"] == pytest.approx(1.0, abs=0.25)


def test_a_shift_shared_by_a_bodys_corners_makes_its_heights_surer(films):
    rng = np.random.default_rng(6)
    shifted = []
    for film in films:
        bodies = tuple(
            replace(v, points_px=t.points_px + rng.normal(0.0, 2.0, 2) + rng.normal(0.0, 0.5, (4, 2)))
            for v, t in zip(film.found.vertebrae, film.truth.landmarks.vertebrae, strict=True)
        )
        shifted.append(replace(film, found=replace(film.found, vertebrae=bodies)))
    factors = fit_uncertainty(shifted).uncertainty.factors
    # of the variance 4.25 only 0.25 counts in a height
    assert factors["anterior_height"]["intact"] == pytest.approx(np.sqrt(0.25 / 4.25), rel=0.15)


def test_a_rare_stratum_takes_the_factor_of_all(fitted):
    assert fitted.factors["wedge_angle"]["cemented"] == fitted.factors["wedge_angle"]["instrumented"]
    low, high = sorted(fitted.factors["wedge_angle"][s] for s in ("intact", "fractured"))
    assert low <= fitted.factors["wedge_angle"]["cemented"] <= high
    np.testing.assert_array_equal(fitted.scale["cemented"], fitted.scale["instrumented"])


def test_films_of_other_patients_are_covered(films, fit):
    assert {film.name for film in fit.held_out} == {film.truth.landmarks.reference.name for film in films}
    for row in coverage_of(fit.held_out):
        if row.n >= 100 and row.stratum in ("all", "intact"):
            # the quantile of one half and the share of the other err by some 2 % together
            assert row.inside == pytest.approx(0.955, abs=0.045), row


def test_the_factors_go_into_a_model_and_come_back(fitted):
    back = Uncertainty.from_info(as_info(fitted))
    for stratum in STRATA:
        np.testing.assert_allclose(back.scale[stratum], fitted.scale[stratum], atol=1e-4)
        assert back.of(stratum).stratum == stratum
        for quantity, rows in fitted.factors.items():
            assert back.of(stratum).of(quantity) == pytest.approx(rows[stratum], abs=1e-4)


def test_an_angle_of_a_segment_takes_the_factor_of_all_angles():
    factors = IntervalFactors("intact", {"cobb": 0.7})
    assert factors.of("segmental_cobb") == factors.of("local_kyphosis") == 0.7
    assert factors.of("wedge_angle") == 1.0


def test_a_model_without_factors_is_as_before():
    old = Uncertainty.from_info({"covariance_scale": [1.0, 2.0, 3.0, 4.0]})
    for stratum in STRATA:
        np.testing.assert_array_equal(old.scale[stratum], [1.0, 2.0, 3.0, 4.0])
        assert old.of(stratum).of("wedge_angle") == 1.0
    np.testing.assert_array_equal(Uncertainty.from_info({}).scale["intact"], np.ones(4))


def test_filled_fractures_without_factors_of_their_own_take_those_of_cemented_bodies():
    factors = {"cemented": 1.2, "instrumented": 1.3, "fractured": 1.4, "intact": 1.5}
    old = Uncertainty.from_info({"interval_factors": {"wedge_angle": factors}})
    new = Uncertainty.from_info({"interval_factors": {"wedge_angle": {**factors, "cemented fracture": 1.1}}})
    assert [u.of("cemented fracture").of("wedge_angle") for u in (old, new)] == [1.2, 1.1]


@pytest.mark.parametrize(
    ("info", "fault"),
    [
        (
            {"covariance_scale": {"intact": [1.0, 1.0, 1.0, 1.0]}},
            "covariance_scale lacks cemented, instrumented, fractured",
        ),
        ({"covariance_scale": [1.0, 2.0]}, "covariance_scale of .* has 2 numbers; expected one, or four"),
        ({"covariance_scale": []}, "covariance_scale of .* has 0 numbers"),
        ({"covariance_scale": 0}, "covariance_scale of .* is 0; expected a number"),
        ({"covariance_scale": "wide"}, "covariance_scale of .* is 'wide'; expected a number"),
        ({"covariance_scale": [10**400, 1, 1, 1]}, "covariance_scale of .* is 1000.*; expected a number"),
        ({"interval_factors": {"wedge_angle": {"intact": 1.0}}}, "interval_factors of wedge_angle lacks cemented"),
        (
            {"interval_factors": {"wedge_angle": 1.0}},
            "interval_factors of wedge_angle is 1.0; expected factors by name",
        ),
        ({"interval_factors": [1.0]}, r"interval_factors is \[1.0\]; expected factors by name"),
        ({"together_factors": {"wedge_angle": 1.0}}, "together_factors of wedge_angle is 1.0"),
        ({"change_factors": {"wedge_angle": 1.0}}, "change_factors of wedge_angle is 1.0"),
        ({"change_factors": False}, "change_factors is False; expected factors by name"),
        ({"together_scale": {"intact": "wide"}}, "together_scale, intact, is 'wide'; expected a number of 0.01 to 100"),
        ({"together_scale": 0}, "together_scale is 0; expected factors by name"),
    ],
)
def test_factors_of_another_form_are_said(info, fault):
    with pytest.raises(CheckpointError, match=rf"^model\.json: {fault}.*; calibrate the model anew") as caught:
        Uncertainty.from_info(info)
    assert "Error" not in str(caught.value)
    assert len(str(caught.value)) < 250


def test_null_is_as_good_as_nothing():
    keys = ("covariance_scale", "interval_factors", "together_factors", "together_scale", "change_factors")
    empty, null = Uncertainty.from_info({}), Uncertainty.from_info(dict.fromkeys(keys))
    np.testing.assert_array_equal(empty.scale["intact"], null.scale["intact"])
    assert [null.factors, null.together, null.together_scale, null.changes] == [{}] * 4


def test_too_few_vertebrae_are_said(films):
    with pytest.raises(InputError, match="10 vertebrae are matched; 100 are needed"):
        fit_uncertainty(films[:2])


def test_factors_scale_the_intervals_and_not_the_values(films):
    plain = Uncertainty.from_info({})
    wide = Uncertainty(plain.scale, {"wedge_angle": dict.fromkeys(STRATA, 2.0)})
    (one,), (two,) = judge_films(films[:1], plain), judge_films(films[:1], wide)
    (same,) = with_factors([one], wide.factors)
    for first, second, third in zip(one.vertebrae, two.vertebrae, same.vertebrae, strict=True):
        for a, b, c in zip(first.quantities, second.quantities, third.quantities, strict=True):
            factor = 2.0 if a.quantity_id == "wedge_angle" else 1.0
            assert a.measured == b.measured
            assert b.interval.half_width == pytest.approx(factor * a.interval.half_width)
            assert (c.measured, c.inside) == (b.measured, b.inside)
            assert c.interval.half_width == pytest.approx(b.interval.half_width)


@given(st.lists(st.floats(0.0, 100.0), min_size=19, max_size=200))
def test_the_factor_covers_as_many_scores_as_are_promised(scores):
    ranked = np.array(scores)
    held = (ranked <= conformal_factor(ranked) * Z95 * (1 + 1e-12)).sum()
    assert held >= conformal_rank(len(scores))


# Exchangeable scores: the chance that a further one is held is rank / (n + 1), whatever they are distributed like.
@given(st.integers(19, 400))
def test_the_rank_is_the_least_that_keeps_the_promise(count):
    rank = conformal_rank(count)
    assert rank / (count + 1) >= 0.95 - 1e-9 > (rank - 1) / (count + 1) - 1e-9
    assert rank <= count


def test_heavy_tailed_errors_are_held_too():
    rng = np.random.default_rng(1)
    held = [
        (np.abs(rng.standard_t(2.0, 500)) <= Z95 * conformal_factor(np.abs(rng.standard_t(2.0, 200)))).mean()
        for _ in range(200)
    ]
    # 192 of 201 ranks = 0.9552; the mean of 200 rounds is known to 0.0015
    assert np.mean(held) == pytest.approx(192 / 201, abs=0.006)


# 4,000 normal errors: the 95 % quantile of chi-square is known to 2 %, so the variance factor to some 4 %
def test_the_fitting_scale_is_the_true_variance():
    rng = np.random.default_rng(0)
    error = rng.normal(0.0, 3.0, (4000, 2))
    covariance, floor = np.tile(np.eye(2), (4000, 1, 1)), np.tile(np.eye(2), (4000, 1, 1))
    scale = fitting_scale(error, covariance, floor)
    assert scale + 1.0 == pytest.approx(9.0, rel=0.08)
    assert covered(error, covariance, floor, scale) == pytest.approx(0.95, abs=1e-3)


@settings(max_examples=25)
@given(st.floats(0.2, 5.0))
def test_the_interval_score_is_least_at_the_quantile(spread):
    error = spread * np.random.default_rng(3).normal(size=20_000)
    best = interval_score(error, np.full(len(error), Z95 * spread)).mean()
    for factor in (0.8, 1.25):
        assert interval_score(error, np.full(len(error), factor * Z95 * spread)).mean() > best


def patient(number: int, rng: np.random.Generator, shared: float, own: float) -> list[LocatedFilm]:
    """Two films of a patient whose corners err by ``shared`` px alike and by ``own`` px apart."""
    alike = rng.normal(0.0, shared, (len(LEVELS), 4, 2))
    films = []
    for phase, film in (("pre-op", truth(2 * number)), ("post-op", truth(2 * number + 1))):
        bodies = tuple(
            replace(
                v, points_px=v.points_px + e + rng.normal(0.0, own, (4, 2)), covariance_px=np.tile(np.eye(2), (4, 1, 1))
            )
            for v, e in zip(film.vertebrae, alike, strict=True)
        )
        extra = {"phase": phase, "index_level": "L1"}
        found = replace(film, vertebrae=bodies, lateral_probability=1.0)
        films.append(LocatedFilm(AnnotatedFilm("film.png", (200, 500), film, SPACING, extra), SPACING, found))
    return films


# Errors of the injured body are the same on both films in half of their variance: their difference has half of the
# variance that independent ones would have. 110 changes know the 95 % quantile to some 10 %.
@pytest.fixture(scope="module")
def alike() -> Fit:
    rng = np.random.default_rng(11)
    return fit_uncertainty([film for number in range(110) for film in patient(number, rng, 1.5, 1.5)])


def test_films_that_err_alike_have_surer_changes(alike):
    uncertainty = alike.uncertainty
    changes = uncertainty.changes["anterior_height"]
    assert changes["correction"] == pytest.approx(np.sqrt(0.5), rel=0.25)
    assert changes["loss"] == changes["net"] == changes["correction"], "films of one pair of phases are all there are"
    assert set(uncertainty.changes["height_gain_rate"]) == {"correction", "net"}
    assert uncertainty.changes["height_gain_rate"]["correction"] == pytest.approx(np.sqrt(0.5), rel=0.25)
    joint = uncertainty.of("intact").together
    assert joint is not None
    assert joint.is_together
    assert joint.of_change("anterior_height", "correction") == changes["correction"]
    # what both films share is no less for being placed together: the common fit makes itself out too sure
    assert uncertainty.together_scale["intact"] > 1.08
    assert uncertainty.together_scale["fractured"] == 1.0
    # a stratum with too few points that were placed together has the factor of all of them
    assert uncertainty.together_scale["cemented"] == uncertainty.together_scale["intact"]
    back = Uncertainty.from_info(as_info(uncertainty))
    assert back.changes["anterior_height"]["correction"] == pytest.approx(changes["correction"], abs=1e-4)
    assert back.together_scale["intact"] == pytest.approx(uncertainty.together_scale["intact"], abs=1e-4)
    assert back.of("intact").together is not None


def test_only_points_that_were_placed_together_have_a_part_in_their_factor():
    rng = np.random.default_rng(5)
    films = [film for number in range(30) for film in patient(number, rng, 1.5, 1.5)]
    plain = Uncertainty({s: np.ones(4) for s in STRATA})
    alone = judge_films(films, plain)
    together = judge_films_together(films, plain, alone)
    factor = fit_together_scale(together, alone)["intact"]
    # the injured body is placed by each film itself: how far off it is makes no difference
    far = [
        [replace(film, vertebrae=tuple(_off(v) if v.is_index else v for v in film.vertebrae)) for film in results]
        for results in (together, alone)
    ]
    assert fit_together_scale(*far)["intact"] == factor
    assert fit_together_scale(alone, alone) == dict.fromkeys(STRATA, 1.0)


def _off(body: VertebraResult) -> VertebraResult:
    assert body.corners is not None
    corners = replace(body.corners, mahalanobis2=100.0 * body.corners.mahalanobis2)
    return replace(body, corners=corners, predicted_flags=frozenset())


def test_films_measured_together_are_covered_by_narrower_intervals(alike):
    alone, together = (
        {(c.subject, c.stratum): c for c in coverage_of(films)} for films in (alike.held_out, alike.held_out_together)
    )
    for key in (("corner ellipse", "intact"), ("wedge_angle", "intact")):
        assert together[key].inside == pytest.approx(0.955, abs=0.05), key
        assert together[key].half_width < 0.97 * alone[key].half_width, key


def test_a_model_without_factors_for_films_together_has_none():
    plain = Uncertainty.from_info({"covariance_scale": [1.0] * 4, "interval_factors": {}})
    assert plain.of("intact").together is None
    assert plain.of("intact").of_change("segmental_cobb", "loss") == 1.0
