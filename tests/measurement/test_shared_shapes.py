"""The films of a patient measured together: whose corners move, whose do not, and what a reader is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kummell_ai.anatomy import Phase
from kummell_ai.geometry import angles
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.interval_factors import IntervalFactors, change_factor, stratum_of
from kummell_ai.imaging.radiograph import PixelSpacing
from kummell_ai.measurement.pipeline import further_reports, measure_series, share_shapes
from kummell_ai.measurement.results import CorrectionReport
from kummell_ai.measurement.series import Shapes
from tests.measurement.spines import MM, SPACING, L, measured, mirrored, spine

SIGMA, NOISE = 2.0, 0.8
"""Standard deviation (px) that the covariances tell, and that the corners have: a network's films err alike in part."""
HELD: dict[L, set[str]] = {L.T12: {"instrumented"}, L.L2: {"instrumented"}}
CHANGES = {"segmental_cobb": {"correction": 0.5}, "anterior_height": {"correction": 0.8}}


def with_together(landmarks: SpineLandmarks) -> SpineLandmarks:
    """``landmarks`` as of a network that is calibrated for films measured together: Cobb angles are 1.5 times surer."""
    bodies = []
    for body in landmarks.vertebrae:
        stratum = stratum_of(body.flags)
        joint = IntervalFactors(stratum, {"cobb": 1.0}, CHANGES, is_together=True, of_covariance=1.2)
        bodies.append(replace(body, interval_factors=IntervalFactors(stratum, {"cobb": 1.5}, together=joint)))
    return replace(landmarks, vertebrae=tuple(bodies))


def noisy(landmarks: SpineLandmarks, rng: np.random.Generator) -> SpineLandmarks:
    bodies = (replace(v, points_px=v.points_px + rng.normal(0, NOISE, v.points_px.shape)) for v in landmarks.vertebrae)
    return replace(landmarks, vertebrae=tuple(bodies))


def films(rng: np.random.Generator, count: int = 3, **kwargs: object) -> list[SpineLandmarks]:
    return [with_together(noisy(spine(name=f"{i}", **kwargs), rng)) for i in range(count)]  # type: ignore[arg-type]


def given(landmarks: list[SpineLandmarks]) -> list[tuple[SpineLandmarks, PixelSpacing]]:
    return [(film, SPACING) for film in landmarks]


def at(film: SpineLandmarks, level: L) -> VertebraLandmarks:
    body = film.at(level)
    assert body is not None
    return body


def wedge(film: SpineLandmarks, level: L) -> float:
    return float(angles.wedge_angle(at(film, level).points_px, 1.0 if film.facing.value == "right" else -1.0))


def test_intact_bodies_get_one_shape_and_lie_nearer_to_the_truth() -> None:
    rng, true = np.random.default_rng(1), spine()
    before, after = [], []
    for _ in range(40):
        three = films(rng)
        shared = share_shapes(given(three), {L.L1})
        assert shared.levels == (L.T11, L.T12, L.L2, L.L3)
        for own, moved in zip(three, shared.landmarks, strict=True):
            assert at(moved, L.L1).points_px is at(own, L.L1).points_px
            for level in shared.levels:
                before.append(np.mean((at(own, level).points_px - at(true, level).points_px) ** 2))
                after.append(np.mean((at(moved, level).points_px - at(true, level).points_px) ** 2))
        np.testing.assert_allclose([wedge(f, L.L2) for f in shared.landmarks], wedge(shared.landmarks[0], L.L2))
    # 16 of 24 numbers are free (tests/geometry/test_common_shape.py)
    assert np.mean(after) / np.mean(before) == pytest.approx(16 / 24, abs=0.06)


def test_the_covariance_is_that_of_the_fit_times_the_calibrated_factor() -> None:
    shared = share_shapes(given(films(np.random.default_rng(2))), {L.L1})
    ratio = np.trace(at(shared.landmarks[0], L.L2).covariance_px, axis1=1, axis2=2) / (2 * SIGMA**2)  # type: ignore[arg-type]
    assert ratio.mean() == pytest.approx(1.2 * 16 / 24, rel=0.02)
    assert ratio.max() < 1.2


def test_a_film_that_faces_the_other_way_or_has_other_pixels_takes_part() -> None:
    one, two, three = films(np.random.default_rng(3))
    plain = share_shapes(given([one, two, three]), {L.L1})
    flipped = share_shapes(given([one, mirrored(two), three]), {L.L1})
    assert flipped.levels == plain.levels
    for expected, own in zip(plain.landmarks, (flipped.landmarks[0], None, flipped.landmarks[2]), strict=True):
        if own is not None:
            np.testing.assert_allclose(at(own, L.L2).points_px, at(expected, L.L2).points_px, atol=1e-6)
    back = mirrored(flipped.landmarks[1])
    np.testing.assert_allclose(at(back, L.L2).points_px, at(plain.landmarks[1], L.L2).points_px, atol=1e-6)

    stretch = np.array([2.0, 1.0])
    bodies = tuple(
        replace(v, points_px=v.points_px * stretch, covariance_px=v.covariance_px * stretch[:, None] * stretch)  # type: ignore[operator]
        for v in two.vertebrae
    )
    narrow = (replace(two, vertebrae=bodies), replace(SPACING, column_mm=MM / 2))
    wide = share_shapes([(one, SPACING), narrow, (three, SPACING)], {L.L1})
    found = at(wide.landmarks[1], L.L2).points_px / stretch
    np.testing.assert_allclose(found, at(plain.landmarks[1], L.L2).points_px, atol=1e-6)


@pytest.mark.parametrize("flag", ["fractured", "cropped"])
def test_a_body_that_is_broken_or_cut_off_on_one_film(flag: str) -> None:
    rng = np.random.default_rng(4)
    one, two, three = *films(rng, 2), with_together(noisy(spine(flags={L.L2: {flag}}), rng))
    shared = share_shapes(given([one, two, three]), {L.L1})
    moved = [at(new, L.L2) is not at(old, L.L2) for new, old in zip(shared.landmarks, (one, two, three), strict=True)]
    if flag == "fractured":  # its shape may have changed: nobody's corners move
        assert L.L2 not in shared.levels
    else:  # the other two are still two
        assert L.L2 in shared.levels
        assert at(shared.landmarks[2], L.L2).points_px is at(three, L.L2).points_px
    assert moved[0]  # all bodies of a film that took part have its factors


def test_the_sacrum_and_levels_of_one_film_stay() -> None:
    rng = np.random.default_rng(5)
    low = (L.L3, L.L4, L.L5, L.S1)
    two = [with_together(noisy(spine(levels=low), rng)), with_together(noisy(spine(levels=low[1:]), rng))]
    assert share_shapes(given(two)).levels == (L.L4, L.L5)


def test_a_changed_shape_is_told_and_left_alone() -> None:
    rng = np.random.default_rng(6)
    one, two = films(rng, 2)
    broken = with_together(noisy(spine({L.L2: 16.0}), rng))
    shared = share_shapes(given([one, two, broken]), {L.L1})
    ((level, misfit, odd),) = shared.differing
    assert level is L.L2
    assert misfit > 1.5
    assert odd == 2
    for new, old in zip(shared.landmarks, (one, two, broken), strict=True):
        assert at(new, L.L2).points_px is at(old, L.L2).points_px


def test_the_film_that_differs_is_told_where_it_is_one() -> None:
    rng = np.random.default_rng(11)
    one, two = films(rng, 2)
    broken, flat = (with_together(noisy(spine({L.L2: front}), rng)) for front in (16.0, 10.0))
    for films_given, odd in (([one, broken, two], 1), ([one, broken, flat], None), ([one, broken], None)):
        ((level, _, found),) = share_shapes(given(films_given), {L.L1}).apart
        assert (level, found) == (L.L2, odd)


def test_films_that_cannot_take_part_are_the_very_same() -> None:
    rng = np.random.default_rng(7)
    uncalibrated = [noisy(spine(), rng) for _ in range(2)]
    assert all(new is old for new, old in zip(share_shapes(given(uncalibrated)).landmarks, uncalibrated, strict=True))
    by_hand = [with_together(spine(sigma_px=None)) for _ in range(2)]
    assert all(new is old for new, old in zip(share_shapes(given(by_hand)).landmarks, by_hand, strict=True))
    exact = [with_together(spine(sigma_px=0.0)) for _ in range(2)]
    assert share_shapes(given(exact)).levels == ()
    assert share_shapes(given(films(rng, 1))).levels == ()
    assert share_shapes([]).landmarks == ()


def test_a_name_that_stands_twice_or_a_body_without_size_has_no_part() -> None:
    one, two, three = films(np.random.default_rng(10))
    twice = replace(two, vertebrae=tuple(replace(v, level=L.L2) if v.level is L.L3 else v for v in two.vertebrae))
    shared = share_shapes(given([one, twice, three]), {L.L1})
    assert shared.levels == (L.T11, L.T12, L.L3), "L3 on the other two"
    for new, old in zip(shared.landmarks[1].vertebrae, twice.vertebrae, strict=True):
        if new.level is L.L2:
            assert new.points_px is old.points_px
    points = [np.tile(v.points_px[:1], (4, 1)) if v.level is L.L2 else v.points_px for v in two.vertebrae]
    flat = replace(two, vertebrae=tuple(replace(v, points_px=p) for v, p in zip(two.vertebrae, points, strict=True)))
    shared = share_shapes(given([one, flat]), {L.L1})
    assert shared.levels == (L.T11, L.T12, L.L3)


def test_middles_take_part_where_all_films_have_them() -> None:
    rng = np.random.default_rng(8)

    def six(film: SpineLandmarks, *, known: bool = True) -> SpineLandmarks:
        bodies = []
        for v in film.vertebrae:
            middles = 0.5 * (v.points_px[[0, 2]] + v.points_px[[1, 3]]) + rng.normal(0, NOISE, (2, 2))
            spread = np.tile(np.eye(2) * SIGMA**2, (6, 1, 1))
            points = np.concatenate([v.points_px, middles if known else np.full((2, 2), np.nan)])
            bodies.append(replace(v, points_px=points, covariance_px=spread))
        return replace(film, vertebrae=tuple(bodies))

    one, two, three = (six(film) for film in films(rng))
    shared = share_shapes(given([one, two, three]), {L.L1})
    assert not np.allclose(at(shared.landmarks[0], L.L2).points_px[4:], at(one, L.L2).points_px[4:])
    two = six(films(rng, 1)[0], known=False)
    shared = share_shapes(given([one, two, three]), {L.L1})
    assert L.L2 in shared.levels
    np.testing.assert_array_equal(at(shared.landmarks[0], L.L2).points_px[4:], at(one, L.L2).points_px[4:])
    assert np.isnan(at(shared.landmarks[1], L.L2).points_px[4:]).all()


def report(shapes: str = "shared", low: float = 26.0) -> CorrectionReport:
    rng = np.random.default_rng(9)
    before = with_together(noisy(spine({L.L1: 13.0}, name="pre"), rng))
    after = with_together(noisy(spine({L.L1: 22.0, L.L3: low}, flags=HELD, name="post"), rng))
    films = [(Phase.PRE_OP, measured(before)), (Phase.POST_OP, measured(after))]
    return measure_series(films, shapes=shapes)  # type: ignore[arg-type]


def test_a_series_shares_shapes_unless_told_otherwise() -> None:
    together, apart = report(), report("apart")
    assert ("shapes", "shared") in together.provenance.options
    assert ("shapes", "apart") in apart.provenance.options
    (text,) = [f.message for f in together.findings if f.code == "shapes-shared"]
    assert text.startswith("the corners of T11, T12, L2, L3 are placed so that all films show one shape of each")
    assert not [f for f in apart.findings if f.code == "shapes-shared"]
    first, second = (film.measurement for film in together.films)
    assert wedge(first.landmarks, L.L2) == pytest.approx(wedge(second.landmarks, L.L2))
    assert wedge(apart.films[0].measurement.landmarks, L.L2) != wedge(apart.films[1].measurement.landmarks, L.L2)
    angle = {name: found.films[0].measurement.segment("segmental_cobb", L.L1) for name, found in
             (("together", together), ("apart", apart))}  # fmt: skip
    widths = {name: s.angle.interval.half_width for name, s in angle.items() if s is not None and s.angle.interval}
    assert widths["together"] < 0.8 * widths["apart"]


def test_the_change_takes_the_factor_of_changes() -> None:
    for found, factor in ((report(), 0.5), (report("apart"), 1.0)):
        (cobb,) = (c for c in found.corrections[0].changes if c.quantity_id == "segmental_cobb")
        assert cobb.before.interval is not None
        assert cobb.after.interval is not None
        assert cobb.mdc95 == pytest.approx(
            factor * np.hypot(cobb.before.interval.half_width, cobb.after.interval.half_width)
        )
        for name, sign in (("kyphosis_correction", -1.0), ("height_restoration", 1.0)):
            derived = found.corrections[0].derived[name]
            of = {"kyphosis_correction": "segmental_cobb", "height_restoration": "anterior_height"}[name]
            (change,) = (c for c in found.corrections[0].changes if c.quantity_id == of)
            assert derived.value == pytest.approx(sign * (change.change.value or 0.0))
            assert derived.interval is not None
            assert derived.interval.half_width == pytest.approx(change.mdc95)


def test_a_rate_takes_its_factor(monkeypatch: pytest.MonkeyPatch) -> None:
    def rates(shapes: str) -> dict[str, float]:
        films = [
            (phase, measured(with_together(spine({L.T12: 18.0, L.L1: front}, name=phase.value))))
            for phase, front in ((Phase.PRE_OP, 13.0), (Phase.POST_OP, 20.0))
        ]
        derived = measure_series(films, index_level=L.L1, shapes=shapes).corrections[0].derived  # type: ignore[arg-type]
        return {name: q.interval.half_width for name, q in derived.items() if q.unit == "%" and q.interval is not None}

    plain, apart = rates("shared"), rates("apart")
    factors = {"height_restoration_rate": 0.6, "height_gain_rate": 0.7, "correction_rate": 0.8}
    for name, factor in factors.items():
        monkeypatch.setitem(CHANGES, name, {"correction": factor})
    assert rates("shared") == pytest.approx({name: factor * plain[name] for name, factor in factors.items()})
    assert rates("apart") == apart


# 0.5 of the two intervals together is less than either of them
def test_a_rate_of_an_angle_that_could_be_zero_is_not_given() -> None:
    def kyphotic(front: float, name: str) -> SpineLandmarks:
        return with_together(spine({L.T12: front}, sigma_px=2.6, name=name))

    for front, is_given in ((25.5, False), (22.0, True)):
        films = [(Phase.PRE_OP, measured(kyphotic(front, "pre"))), (Phase.POST_OP, measured(kyphotic(26.0, "post")))]
        (found,) = measure_series(films, index_level=L.L1).corrections
        (cobb,) = (c for c in found.changes if c.quantity_id == "segmental_cobb")
        assert cobb.before.interval is not None
        assert cobb.mdc95 is not None
        assert cobb.mdc95 < min(cobb.before.interval.half_width, cobb.before.value or 0.0)
        assert (found.derived["correction_rate"].value is not None) is is_given


def test_a_neighbour_that_broke_is_told() -> None:
    found = report(low=17.0)
    (finding,) = [f for f in found.findings if f.code == "shape-differs"]
    assert finding.level is L.L3
    assert finding.message.startswith(
        "the shape of L3 differs between the films by more than the errors of its corners"
    )
    assert "look whether the vertebra broke" in finding.message


def test_names_that_contradict_each_other_share_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from kummell_ai.measurement import series
    from kummell_ai.measurement.results import Finding, Severity

    conflict = Finding("names-conflict", Severity.WARNING, "the names contradict each other")
    monkeypatch.setattr(series, "name_films", lambda films, given: (list(films), [conflict]))
    assert ("shapes", "apart") in report().provenance.options


def test_factors_of_changes() -> None:
    own = IntervalFactors("intact", {}, CHANGES)
    assert change_factor("sagittal_index", "correction", own, own) == 0.5
    assert change_factor("surgical_segment_cobb", "correction", own, own) == 0.5
    assert change_factor("segmental_cobb", "loss", own, own) == 1.0
    assert change_factor("wedge_angle", "correction", own, own) == 1.0
    assert change_factor("segmental_cobb", "correction", own, None) == 1.0


# 2.5 mm at corners that err by 0.5 mm: too much to be one shape, too little to say that it is not
def test_a_shape_in_doubt_is_left_alone_and_not_told() -> None:
    two = [with_together(spine()) for _ in range(2)]
    shared = share_shapes(given([*two, with_together(spine({L.L2: 23.5}))]), {L.L1})
    ((level, misfit, _),) = shared.apart
    assert level is L.L2
    assert 0.7 < misfit < 1.5
    assert shared.differing == ()
    assert L.L2 not in shared.levels


@pytest.mark.parametrize("shapes", ["shared", "apart"])
def test_a_turned_patient_is_told_from_the_films_as_they_were_located(shapes: Shapes) -> None:
    """One shape on all films would leave no body deeper for its height on one of them."""
    flat = spine(sigma_px=4.0, name="post-op")
    deep = tuple(replace(v, points_px=v.points_px * [1.1, 1.0]) for v in flat.vertebrae)
    located = [spine(sigma_px=4.0, name="pre-op"), replace(flat, vertebrae=deep)]
    films = [
        (phase, measured(with_together(landmarks)))
        for phase, landmarks in zip((Phase.PRE_OP, Phase.POST_OP), located, strict=True)
    ]
    report = measure_series(films, index_level=L.L1, further_levels=[L.T11], shapes=shapes)
    assert any(f.code == "shapes-shared" for f in report.findings) == (shapes == "shared")
    for one in (report, *further_reports(report)):
        told = [f.message for f in one.findings if f.code == "rotation-unlike"]
        assert [text.split(" for ")[0] for text in told] == ["intact vertebrae are 10 % deeper on post-op"]


def test_a_body_without_factors_for_films_together_keeps_its_own() -> None:
    """One whose network tells none, or that a person set, may stand beside bodies that are placed together."""
    one, two = films(np.random.default_rng(12), 2)
    for factors in (None, IntervalFactors("intact", {"cobb": 1.5})):
        bodies = tuple(replace(v, interval_factors=factors) if v.level is L.T11 else v for v in one.vertebrae)
        shared = share_shapes(given([replace(one, vertebrae=bodies), two]), {L.L1})
        assert shared.levels == (L.T12, L.L2, L.L3)
        body = at(shared.landmarks[0], L.T11)
        assert body.interval_factors is factors
        assert body.points_px is at(one, L.T11).points_px
