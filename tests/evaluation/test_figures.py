"""Every figure of an evaluation on sets small enough to work out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kummell_ai.anatomy import Phase, VertebralLevel
from kummell_ai.evaluation import FilmResult, corner_errors, study_of
from kummell_ai.evaluation.abstention import risk_coverage
from kummell_ai.evaluation.changes import change_errors
from kummell_ai.evaluation.figures import finder
from kummell_ai.evaluation.films import has_level_landmark
from kummell_ai.evaluation.samples import collect
from kummell_ai.evaluation.tables import main_figures
from kummell_ai.evaluation.worst import WorstFilms, badness
from kummell_ai.imaging.annotation import VertebraLandmarks
from kummell_ai.imaging.radiograph import Calibration, PixelSpacing
from tests.evaluation.made_results import film, missed, quantity, vertebra
from tests.evaluation.test_evaluation import SPACING, spine

T12, L1, L2 = (VertebralLevel.parse(name) for name in ("T12", "L1", "L2"))
KEY = tuple[str, ...]
REFERENCE = "reference_height"
ALONE = np.arange(4)
"""Four answers, each of a patient of its own."""


def value(films: list[FilmResult], *key: str) -> float | None:
    figure = finder(study_of(films, resamples=20).figures)(*key)
    return None if figure is None else figure.estimate.value


def test_corner_errors_and_detection_rates() -> None:
    films = [film(vertebra(distance_mm=0.5), vertebra(level=L2, distance_mm=2.5)), film(missed(), name="b")]
    assert value(films, "corners", "error", "mean", "mm") == 1.5
    assert value(films, "corners", "error", "median", "mm") == 1.5
    assert value(films, "corners", "error", "p90", "mm") == 2.5
    assert value(films, "corners", "error", "mean", "%") == pytest.approx(1.5 / 0.4)
    assert value(films, "corners", "normal", "mean", "mm") == 1.5
    assert value(films, "corners", "tangential", "p90", "mm") == 0.0
    # 12 true corners, 8 located, 4 of a missed vertebra
    assert value(films, "corners", "error", "sdr_1mm", "%") == pytest.approx(100 * 4 / 12)
    assert value(films, "corners", "error", "sdr_1mm_located", "%") == 50.0
    assert value(films, "corners", "error", "sdr_3mm", "%") == pytest.approx(100 * 8 / 12)
    assert value(films, "vertebrae", "vertebra", "found", "%") == pytest.approx(100 * 2 / 3)


def test_films_without_a_scale_have_no_detection_rate() -> None:
    body = vertebra()
    pixels = replace(body, corners=replace(body.corners, distance_mm=np.full(4, np.nan)))
    films = [replace(film(pixels, missed()), is_metric=False)]
    assert value(films, "corners", "error", "sdr_2mm", "%") is None
    assert value(films, "corners", "error", "mean", "%") == pytest.approx(2.5)


def test_ellipses() -> None:
    body = vertebra()
    squared = np.array([1.0, 5.9, 6.1, np.nan])
    films = [film(replace(body, corners=replace(body.corners, mahalanobis2=squared)))]
    assert value(films, "corners", "ellipse", "coverage", "%") == pytest.approx(100 * 2 / 3)
    assert value(films, "corners", "ellipse", "radius_median", "%") == 5.0


def test_the_error_in_units_of_its_covariance_is_that_of_a_solver() -> None:
    rng = np.random.default_rng(3)
    points = np.array([[0.0, 0.0], [40.0, 2.0], [1.0, 30.0], [41.0, 33.0]])
    root = rng.normal(size=(4, 2, 2))
    covariance = root @ root.swapaxes(1, 2)
    covariance[3] = np.nan
    true = VertebraLandmarks(points)
    found = VertebraLandmarks(points + rng.normal(size=(4, 2)), covariance_px=covariance)
    errors = corner_errors(found, true, PixelSpacing(0.3, 0.2, Calibration.ASSUMED))
    for i in range(3):
        offset = found.points_px[i] - points[i]
        assert errors.mahalanobis2[i] == pytest.approx(offset @ np.linalg.solve(covariance[i], offset))
    assert np.isnan(errors.mahalanobis2[3])
    assert np.isnan(corner_errors(true, true, SPACING).mahalanobis2).all()


def test_the_disc_as_large_as_a_round_ellipse_has_its_radius() -> None:
    points = np.array([[0.0, 0.0], [40.0, 0.0], [0.0, 30.0], [40.0, 30.0]])
    body = VertebraLandmarks(points, covariance_px=np.broadcast_to(4.0 * np.eye(2), (4, 2, 2)).copy())
    expected = 100.0 * 2.0 * 2.4477468306808 / 40.0  # 2 px standard deviation, sqrt of the 95 % quantile of chi2(2)
    np.testing.assert_allclose(corner_errors(body, body, PixelSpacing.unknown()).ellipse_percent, expected)
    # half as wide a pixel: half the area across, the depth halves too
    stretched = corner_errors(body, body, PixelSpacing.unknown(aspect=2.0)).ellipse_percent
    np.testing.assert_allclose(stretched, expected * np.sqrt(2.0))


def test_level_names() -> None:
    films = [
        film(vertebra(), vertebra(level=L2, named=L1)),
        film(vertebra(named=L2), missed(L2), name="b", landmark=False),
    ]
    assert value(films, "levels", "exact", "any_field", "%") == pytest.approx(100 / 3)
    assert value(films, "levels", "exact", "with_landmark", "%") == 50.0
    assert value(films, "levels", "exact", "without_landmark", "%") == 0.0


def test_level_names_by_kind_of_spine() -> None:
    """A patient has a T13 when any film shows one: of the first patient 1 of 3, of the usual one 1 of 2 is right."""
    t13 = VertebralLevel.T13
    films = [
        replace(film(vertebra(level=t13, named=T12), vertebra(level=L1, named=L1)), patient="a"),
        replace(film(vertebra(level=L2, named=L1), name="b"), patient="a"),
        replace(film(vertebra(level=L1, named=L1), vertebra(level=L2, named=L1), name="c"), patient="c"),
    ]
    assert value(films, "levels", "exact", "spine_with_T13", "%") == pytest.approx(100 / 3)
    assert value(films, "levels", "exact", "usual_spine", "%") == 50.0
    assert value(films, "levels", "exact", "spine_with_L6", "%") is None
    assert value(films, "levels", "exact", "any_field", "%") == 40.0


def test_a_landmark_for_levels_is_the_sacrum_or_the_last_rib() -> None:
    levels = {name: VertebralLevel.parse(name) for name in ("T11", "T12", "T13", "L1", "L2", "L5", "S1")}

    def shows(*names: str) -> bool:
        return has_level_landmark(spine(tuple(levels[name] for name in names)))

    assert shows("L5", "S1")
    assert shows("T12", "L1")
    assert shows("T13", "L1")
    assert not shows("L1", "L2", "L5")
    assert not shows("T11", "T12")
    lower = spine((levels["L5"], levels["S1"]))
    cut = lower.vertebrae[1].points_px.copy()
    cut[0] = np.nan
    assert not has_level_landmark(
        replace(lower, vertebrae=(lower.vertebrae[0], replace(lower.vertebrae[1], points_px=cut)))
    )


def test_usable_films() -> None:
    beside = vertebra(level=T12), vertebra(level=L2)
    index = vertebra(is_index=True)
    good = film(vertebra(level=VertebralLevel.T10, named=T12), beside[0], index, beside[1], missed(VertebralLevel.L3))
    assert good.is_measurable
    assert good.is_usable
    misnamed = film(beside[0], index, vertebra(level=L2, named=L1))
    assert misnamed.is_measurable
    assert not misnamed.is_usable
    assert not film(beside[0], missed(is_index=True), beside[1]).is_measurable
    assert not film(missed(T12), index, beside[1]).is_measurable
    assert not film(beside[0], index, refused="frontal").is_measurable
    assert film(vertebra(level=L2)).is_usable  # nothing injured: all count
    assert not film(vertebra(level=L2), missed()).is_measurable
    films = [good, misnamed, replace(good, phase=Phase.POST_OP)]
    assert value(films, "films", "film", "usable", "%") == pytest.approx(200 / 3)
    assert value(films, "films", "film", "measurable", "%") == 100.0
    assert value(films, "films", "film", "usable", "%", "all", "pre-op") == 50.0
    assert value(films, "films", "film", "usable", "%", "all", "post-op") == 100.0


def test_refused_films_false_vertebrae_and_seconds() -> None:
    films = [film(vertebra(), false=3), film(missed(), refused="frontal", name="b")]
    assert value(films, "films", "film", "refused", "%") == 50.0
    assert value(films, "vertebrae", "false", "per_film", "1") == 1.5
    assert value(films, "films", "locate", "mean", "s") == 2.0
    assert value(films, "films", "decode", "median", "s") == 0.5


def test_flags_found() -> None:
    told = replace(vertebra(flags=("fractured",)), predicted_flags=frozenset())
    films = [film(told, vertebra(level=L2, flags=("fractured",)), vertebra(level=T12), missed())]
    assert value(films, "vertebrae", "fractured", "sensitivity", "%") == 50.0
    assert value(films, "vertebrae", "fractured", "specificity", "%") == 100.0
    assert value(films, "vertebrae", "cemented", "sensitivity", "%") is None


def test_agreement_and_intervals_of_a_quantity() -> None:
    """Errors +1, −3, +2: MAE 2, bias 0, sd sqrt(7); intervals ± 2.5 hold two of three."""
    pairs = [(11.0, 10.0), (17.0, 20.0), (32.0, 30.0)]
    films = [film(vertebra(quantity(m, t, 2.5)), patient=f"p{i}") for i, (m, t) in enumerate(pairs)]

    def of(name: str, unit: str = "deg") -> float | None:
        return value(films, "quantities", "segmental_cobb", name, unit)

    assert of("mae") == 2.0
    assert of("bias") == 0.0
    assert of("sd") == pytest.approx(7.0**0.5)
    assert of("lower") == pytest.approx(-1.959963984540054 * 7.0**0.5)
    assert of("upper") == pytest.approx(1.959963984540054 * 7.0**0.5)
    # mean squares: between films 2 var((m + t) / 2) = 213.5, residual var(m − t) / 2 = 3.5, between raters 0
    assert of("icc", "1") == pytest.approx((213.5 - 3.5) / (213.5 + 3.5 + 2 * (0 - 3.5) / 3))
    # the truth is exact: the whole spread of the differences is the program's, once a film
    assert of("sem") == pytest.approx(7.0**0.5)
    assert of("mdc95") == pytest.approx(1.959963984540054 * 14.0**0.5)
    assert of("coverage", "%") == pytest.approx(200 / 3)
    assert of("width_mean") == pytest.approx(5.0)
    assert of("answered", "%") == 100.0


def test_strata_and_phases_are_told_apart() -> None:
    films = [
        film(
            vertebra(quantity(2.0, 0.0), flags=("fractured", "cemented"), is_index=True), vertebra(quantity(1.0, 0.0))
        ),
        film(vertebra(quantity(5.0, 0.0), flags=("instrumented",)), phase=Phase.POST_OP),
    ]
    expected = {"all": 8 / 3, "intact": 1.0, "fractured": 2.0, "cemented": 2.0, "injured": 2.0, "instrumented": 5.0}
    for stratum, mae in expected.items():
        assert value(films, "quantities", "segmental_cobb", "mae", "deg", stratum) == pytest.approx(mae)
    assert value(films, "quantities", "segmental_cobb", "mae", "deg", "all", "pre-op") == 1.5
    assert value(films, "quantities", "segmental_cobb", "mae", "deg", "fractured", "post-op") is None
    assert value(films, "quantities", "segmental_cobb", "mae_post_minus_pre", "deg") == 3.5


def test_withheld_quantities_are_counted() -> None:
    films = [film(vertebra(quantity(1.0, 0.0)), replace(vertebra(level=L2), abstained=("segmental_cobb",)))]
    assert value(films, "quantities", "segmental_cobb", "answered", "%") == 50.0


def test_a_stratum_whose_values_are_all_withheld_is_told() -> None:
    silent = replace(vertebra(level=L2, flags=("fractured",)), abstained=("segmental_cobb", "height_loss"))
    study = study_of([film(vertebra(quantity(1.0, 0.0)), silent, patient=str(i)) for i in range(5)], resamples=20)
    find = finder(study.figures)

    def answered(quantity_id: str, stratum: str) -> float | None:
        figure = find("quantities", quantity_id, "answered", "%", stratum)
        return None if figure is None else figure.estimate.value

    assert [answered("segmental_cobb", s) for s in ("all", "intact", "fractured")] == [50.0, 100.0, 0.0]
    assert [answered("height_loss", s) for s in ("all", "intact", "fractured")] == [0.0, None, 0.0]
    assert find("quantities", "height_loss", "mae", "%") is None
    withheld = study.samples.quantities["height_loss"]
    assert (withheld.unit, len(withheld.error)) == ("%", 0)


def test_what_is_withheld_of_the_true_values_in_space_is_not_known() -> None:
    films = [film(vertebra(quantity(1.0, 0.0, name="wedge_angle"), quantity(1.0, 0.0, name="wedge_angle_3d")))]
    assert value(films, "quantities", "wedge_angle", "answered", "%") == 100.0
    assert value(films, "quantities", "wedge_angle_3d", "mae", "deg") == 1.0
    assert value(films, "quantities", "wedge_angle_3d", "answered", "%") is None


def test_changes_of_a_patient() -> None:
    def at(phase: Phase, measured: float, true: float, half: float | None = 3.0, patient: str = "p") -> FilmResult:
        return film(vertebra(quantity(measured, true, half), is_index=True), phase=phase, patient=patient)

    films = [
        at(Phase.PRE_OP, 22.0, 20.0), at(Phase.POST_OP, 9.0, 10.0, 4.0), at(Phase.FOLLOW_UP, 13.0, 12.0),
        at(Phase.PRE_OP, 30.0, 30.0, patient="q"), at(Phase.POST_OP, 15.0, 10.0, None, patient="q"),
        at(Phase.PRE_OP, 30.0, 30.0, patient="alone"),
    ]  # fmt: skip
    changes = {(c.patient, c.change): c for c in change_errors(films) if c.unit == "deg"}
    assert set(changes) == {("p", "correction"), ("p", "loss"), ("q", "correction")}
    correction = changes["p", "correction"]
    assert (correction.measured, correction.true, correction.error) == (-13.0, -10.0, -3.0)
    assert correction.half_width == pytest.approx(5.0)  # 3-4-5
    assert correction.inside
    assert changes["q", "correction"].half_width is None
    assert changes["q", "correction"].inside is None
    assert value(films, "changes", "segmental_cobb", "correction_mae", "deg", "injured") == 4.0
    assert value(films, "changes", "segmental_cobb", "correction_coverage", "%", "injured") == 100.0
    assert value(films, "changes", "segmental_cobb", "loss_mae", "deg", "injured") == 2.0


def test_a_refused_film_does_not_stand_for_its_phase() -> None:
    """A report compares the films that could be measured; a further one that is refused changes nothing."""
    films = [
        film(vertebra(quantity(22.0, 20.0), is_index=True)),
        film(vertebra(quantity(9.0, 10.0), is_index=True), phase=Phase.POST_OP),
        film(vertebra(quantity(12.0, 12.0), is_index=True), phase=Phase.FOLLOW_UP),
    ]
    refused = [film(missed(is_index=True), phase=f.phase, refused="frontal") for f in films]
    assert len([c for c in change_errors(films) if c.unit == "deg"]) == 2
    assert change_errors([*films, *refused]) == change_errors([*refused, *films]) == change_errors(films)


def test_rates_of_a_patient() -> None:
    def at(phase: Phase, cobb: tuple[float, float], height: tuple[float, float]) -> FilmResult:
        own = (quantity(*cobb, 1.0), quantity(*height, 1.0, "anterior_height"), quantity(26.0, 25.0, 1.0, REFERENCE))
        return film(vertebra(*own, is_index=True), phase=phase)

    films = [at(Phase.PRE_OP, (20.0, 20.0), (14.0, 13.0)), at(Phase.POST_OP, (10.0, 12.0), (20.0, 19.0))]
    rates = {c.quantity_id: c for c in change_errors(films) if c.unit == "%"}
    assert [(name, round(c.measured, 3), round(c.true, 3)) for name, c in rates.items()] == [
        ("height_restoration_rate", 50.0, 50.0),  # 6 of 12, 6 of 12
        ("height_gain_rate", round(600 / 14, 3), round(600 / 13, 3)),
        ("correction_rate", 50.0, 40.0),
    ]
    # d(1 - after / before) = after / before² and 1 / before, in %
    assert rates["correction_rate"].half_width == pytest.approx(100 * math.hypot(10 / 400, 1 / 20), rel=1e-4)
    assert not rates["correction_rate"].inside
    assert {c.quantity_id for c in change_errors(films, ["correction_rate"])} == {"correction_rate"}
    assert value(films, "changes", "correction_rate", "correction_mae", "%", "injured") == 10.0


def test_rates_that_say_nothing_are_left_out() -> None:
    def at(phase: Phase, cobb: float, height: float, true: float) -> FilmResult:
        own = (quantity(cobb, cobb, 1.0), quantity(height, true, 1.0, "anterior_height"))
        return film(vertebra(*own, quantity(26.0, 26.0, 1.0, REFERENCE), is_index=True), phase=phase)

    later = at(Phase.POST_OP, 0.0, 26.0, 26.0)
    near_nothing = change_errors([at(Phase.PRE_OP, 1.0, 25.5, 25.5), later])
    assert [c.quantity_id for c in near_nothing if c.unit == "%"] == ["height_gain_rate"]
    # nothing was lost in truth
    assert "height_restoration_rate" not in {
        c.quantity_id for c in change_errors([at(Phase.PRE_OP, 20.0, 20.0, 26.0), later])
    }
    after = replace(later, phase=Phase.FOLLOW_UP)
    assert not [c for c in change_errors([replace(later, phase=Phase.POST_OP), after]) if c.unit == "%"], "of a loss"


def test_a_change_needs_one_injured_level() -> None:
    first = film(vertebra(quantity(1.0, 0.0), is_index=True))
    second = film(vertebra(quantity(1.0, 0.0), level=L2, is_index=True), phase=Phase.POST_OP)
    assert change_errors([first, second]) == ()
    assert change_errors([replace(first, patient=None), replace(first, patient=None, phase=Phase.POST_OP)]) == ()


def test_the_detectable_change_of_changes_is_of_two_films_already() -> None:
    """Errors of a correction −1, 3, −2: sd sqrt(7), beyond 1.96 times which a change is told from none."""
    errors = (-1.0, 3.0, -2.0)
    phases = ((Phase.PRE_OP, 20.0), (Phase.POST_OP, 10.0))
    films = [
        film(vertebra(quantity(true + e * (p is Phase.POST_OP), true), is_index=True), phase=p, patient=f"{i}")
        for i, e in enumerate(errors) for p, true in phases
    ]  # fmt: skip
    assert value(films, "changes", "segmental_cobb", "correction_sem", "deg", "injured") == pytest.approx(7.0**0.5)
    found = value(films, "changes", "segmental_cobb", "correction_mdc95", "deg", "injured")
    assert found == pytest.approx(1.959963984540054 * 7.0**0.5)


def test_the_curves_tell_the_patients_of_what_was_found_and_given() -> None:
    """Four vertebrae of three patients; one is missed, and with it the third patient; one angle is withheld."""
    films = [
        film(vertebra(quantity(11.0, 10.0, 2.0)), vertebra(quantity(12.0, 10.0, 3.0), level=L2), patient="a"),
        film(replace(vertebra(), abstained=("segmental_cobb",)), patient="b"),
        film(missed(), patient="c"),
    ]
    study = study_of(films, resamples=20)
    counts = {f.subject: (f.estimate.n, f.estimate.patients) for f in study.figures if f.section == "abstention"}
    assert counts["corner error by confidence"] == (3, 2)
    assert counts["segmental_cobb by interval width"] == (2, 1)


def test_risk_against_coverage_by_hand() -> None:
    curve = risk_coverage(
        np.array([0.9, 0.8, 0.7, 0.6]), np.array([1.0, 3.0, 0.0, 8.0]), ALONE, subject="s", signal="c", unit="mm"
    )
    assert curve.risk.tolist() == pytest.approx([1.0, 2.0, 4 / 3, 3.0])
    assert curve.best.tolist() == pytest.approx([0.0, 0.5, 4 / 3, 3.0])
    assert curve.aurc == pytest.approx((1 + 2 + 4 / 3 + 3) / 4)
    assert curve.gain == pytest.approx((3.0 - curve.aurc) / (3.0 - (0.5 + 4 / 3 + 3.0) / 4))
    assert (curve.risk_at(0.5), curve.risk_at(0.51), curve.risk_at(1.0)) == pytest.approx((2.0, 4 / 3, 3.0))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), min_size=1, max_size=12), st.randoms())
def test_laws_of_the_curve(rows: list[tuple[int, int]], random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (
        risk_coverage(*np.array(r, dtype=float).T, np.arange(len(r)), subject="s", signal="c", unit="mm")
        for r in (rows, shuffled)
    )
    np.testing.assert_allclose(one.risk, other.risk, atol=1e-12)
    assert one.risk[-1] == pytest.approx(np.mean([error for _, error in rows]))
    assert (one.best <= one.risk + 1e-9).all()


def test_the_ends_of_the_gain() -> None:
    error = np.array([0.0, 1.0, 5.0, 9.0])
    assert risk_coverage(-error, error, ALONE, subject="s", signal="c", unit="mm").gain == pytest.approx(1.0)
    assert risk_coverage(np.zeros(4), error, ALONE, subject="s", signal="c", unit="mm").gain == pytest.approx(0.0)
    assert risk_coverage(error, error, ALONE, subject="s", signal="c", unit="mm").gain < 0
    assert risk_coverage(error, np.zeros(4), ALONE, subject="s", signal="c", unit="mm").gain is None
    assert risk_coverage(error, np.full(4, np.nan), ALONE, subject="s", signal="c", unit="mm") is None


def test_narrow_intervals_are_the_surest() -> None:
    films = [film(vertebra(quantity(1.0, 0.0, 1.0)), vertebra(quantity(9.0, 0.0, 5.0), level=L2))]
    (curve,) = (c for c in study_of(films, resamples=5).curves if c.subject == "segmental_cobb")
    assert curve.risk.tolist() == [1.0, 5.0]


def test_badness_and_the_worst_films() -> None:
    fine, bad, lost = film(vertebra()), film(vertebra(distance_mm=4.0, named=L2)), film(missed(), false=1)
    assert [badness(f) for f in (fine, bad, lost)] == [2.5, 20.0, 100.0]
    assert badness(film(false=1)) == 50.0
    worst = WorstFilms(2)
    for result in (fine, lost, bad, fine):
        worst.offer(result, None, None)  # type: ignore[arg-type]
    assert [w.badness for w in worst.sorted()] == [100.0, 20.0]
    none = WorstFilms(0)
    none.offer(lost, None, None)  # type: ignore[arg-type]
    assert none.sorted() == ()


def test_a_film_without_a_patient_is_a_patient_of_its_own() -> None:
    samples = collect([film(vertebra(), patient=None), film(vertebra(), patient=None), film(vertebra())])
    assert len(samples.patients) == 3


def test_no_films_and_films_without_anything_give_no_figures_of_vertebrae() -> None:
    assert study_of([]).figures == ()
    assert {f.section for f in study_of([film()]).figures} <= {"films", "vertebrae"}


def test_main_figures() -> None:
    main = main_figures(study_of([film(vertebra(quantity(2.0, 0.0, 3.0)))], resamples=5).figures)
    assert main["cobb_mae_deg"].estimate.value == 2.0
    assert main["corner_mean_mm"].estimate.n == 4
    assert "wedge_mae_deg" not in main


def test_films_measured_together_have_figures_of_their_own() -> None:
    def course(before: float, after: float, distance_mm: float) -> list[FilmResult]:
        ends = (("pre", Phase.PRE_OP, before), ("post", Phase.POST_OP, after))
        return [
            film(vertebra(quantity(value, 10.0, 3.0), is_index=True, distance_mm=distance_mm), name=name, phase=phase)
            for name, phase, value in ends
        ]

    alone, together = course(13.0, 9.0, 2.0), course(11.0, 10.5, 1.0)
    study = study_of(alone, together, resamples=5)
    find = finder(study.figures)
    for section, subject, name, unit, stratum, first, second in (
        ("corners", "error", "mean", "mm", "all", 2.0, 1.0),
        ("quantities", "segmental_cobb", "mae", "deg", "all", 2.0, 0.75),
        ("changes", "segmental_cobb", "correction_mae", "deg", "injured", 4.0, 0.5),
    ):
        for place, expected in ((section, first), (f"{section} together", second)):
            assert find(place, subject, name, unit, stratum).estimate.value == pytest.approx(expected), place
    assert [change.measured for change in study.changes if change.unit == "deg"] == [pytest.approx(-0.5)], (
        "as a report of them has it"
    )
    assert not [f for f in study.figures if f.section == "levels together"]
    main = main_figures(study.figures)
    assert main["cobb_change_mae_deg"].estimate.value == pytest.approx(4.0)
    assert main["cobb_change_mae_deg_jointly"].estimate.value == pytest.approx(0.5)
    assert study_of(alone, alone, resamples=5).figures == study_of(alone, resamples=5).figures
