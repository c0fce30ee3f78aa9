"""What is refused and what is only flagged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kummell_ai.anatomy import LEVELS as ALL
from kummell_ai.anatomy import Facing, VertebralLevel
from kummell_ai.errors import FilmRefusedError
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.frames import ScaleShift
from kummell_ai.imaging.interval_factors import IntervalFactors
from kummell_ai.imaging.level_evidence import LevelEvidence, NameRow
from kummell_ai.imaging.radiograph import Radiograph
from kummell_ai.measurement.pipeline import measure_film
from kummell_ai.measurement.quality import check_landmarks, facing_of, spine_findings
from kummell_ai.measurement.results import Severity
from tests.measurement.spines import PROVENANCE, SIZE, SPACING, L, measured, mirrored, spine


def radiograph(landmarks: SpineLandmarks, **changes: object) -> Radiograph:
    film = Radiograph(np.zeros((SIZE[1], SIZE[0]), np.float32), SPACING, landmarks.reference)
    return replace(film, **changes)  # type: ignore[arg-type]


def codes(landmarks: SpineLandmarks, **changes: object) -> list[str]:
    return [f.code for f in check_landmarks(radiograph(landmarks, **changes), landmarks)]


def with_body(landmarks: SpineLandmarks, index: int, **changes: object) -> SpineLandmarks:
    bodies = list(landmarks.vertebrae)
    bodies[index] = replace(bodies[index], **changes)  # type: ignore[arg-type]
    return replace(landmarks, vertebrae=tuple(bodies))


def test_a_good_film_has_no_findings() -> None:
    assert codes(spine()) == []
    assert codes(mirrored(spine())) == []


def test_frontal_film_is_refused() -> None:
    with pytest.raises(
        FilmRefusedError, match=r"IM1 does not look like a lateral film \(probability 0\.12, at least 0\.5"
    ) as error:
        codes(replace(spine(name="IM1"), lateral_probability=0.12))
    assert error.value.value == 0.12


@pytest.mark.parametrize(
    ("turns", "lies", "remedy"),
    [
        (1, "lies on its side, the head to the right", "by 90 degrees counter-clockwise"),
        (2, "is upside down", "by 180 degrees"),
        (3, "lies on its side, the head to the left", "by 90 degrees clockwise"),
    ],
)
def test_a_film_whose_head_is_not_at_the_top_is_refused(turns: int, lies: str, remedy: str) -> None:
    with pytest.raises(FilmRefusedError, match=f"IM1 {lies}; the head is expected at the top: .* {remedy}") as error:
        codes(replace(spine(name="IM1"), needed_turns=turns))
    assert error.value.value == turns


def test_frontal_header_is_refused_when_the_view_was_not_judged() -> None:
    with pytest.raises(FilmRefusedError, match="IM1 has ViewPosition AP; a lateral view is expected"):
        codes(spine(name="IM1", view_position="AP"))


def test_frontal_header_on_a_lateral_film_is_flagged() -> None:
    assert codes(replace(spine(view_position="PA"), lateral_probability=0.97)) == ["view-contradicts-header"]


def test_no_vertebra_is_refused() -> None:
    with pytest.raises(FilmRefusedError, match="IM1 shows 0 vertebrae; at least 1 is expected"):
        codes(replace(spine(name="IM1"), vertebrae=()))
    with pytest.raises(FilmRefusedError, match="shows 0 vertebrae"):
        measured(replace(spine(), vertebrae=()))


def test_facing_against_the_header() -> None:
    assert codes(spine(), facing=Facing.LEFT) == ["facing-contradicts-header"]
    assert codes(spine(), facing=Facing.RIGHT) == []


def test_facing_without_area() -> None:
    flat = with_body(spine(levels=(L.L1,)), 0, points_px=np.zeros((4, 2)))
    assert facing_of(flat) is Facing.UNKNOWN
    assert facing_of(mirrored(spine())) is Facing.LEFT


def test_notes_of_the_reader() -> None:
    assert codes(spine(), notes=("a shutter was cut off",)) == ["reader-note"]


def test_what_the_reader_could_not_trust() -> None:
    film = radiograph(spine(), warnings=("AcquisitionDate lies in the future",))
    (found,) = check_landmarks(film, spine())
    assert (found.code, found.severity) == ("header-contradiction", Severity.WARNING)


def looking_like(names: tuple[VertebralLevel, ...], surely: float = 0.9) -> SpineLandmarks:
    """The spine of T11 to L3 whose bodies by themselves look like ``names``."""
    share = np.full((len(names), len(ALL)), (1.0 - surely) / (len(ALL) - 1))
    share[np.arange(len(names)), [ALL.index(name) for name in names]] = surely
    row = NameRow((L.T11, L.T12, L.L1, L.L2, L.L3), 0.97)
    return replace(spine(), level_evidence=LevelEvidence(np.log(share), np.zeros(4), (row,)))


@pytest.mark.parametrize(
    ("names", "surely", "expected"),
    [
        ((L.T11, L.T12, L.L1, L.L2, L.L3), 0.9, []),
        ((L.T12, L.L1, L.L2, L.L3, L.L4), 0.9, []),  # all one off, as after a given level
        ((L.T13, L.L2, L.L3, L.T11, L.T12), 0.9, ["upside-down"]),
        ((L.L3, L.L2, L.L1, L.T12, L.T11), 0.9, ["upside-down"]),
        ((L.L3, L.L2, L.L1, L.T12, L.T11), 0.05, []),  # bodies that look like anything
    ],
)
def test_a_row_that_runs_from_foot_to_head(
    names: tuple[VertebralLevel, ...], surely: float, expected: list[str]
) -> None:
    found = spine_findings(looking_like(names, surely))
    assert [f.code for f in found] == expected
    for finding in found:
        assert "which is no row from head to foot: the film may be upside down" in finding.message


def test_few_vertebrae_do_not_tell_the_top() -> None:
    landmarks = looking_like((L.L3, L.L2, L.L1, L.T12, L.T11))
    evidence = landmarks.level_evidence
    assert evidence is not None
    few = LevelEvidence(evidence.log_probability[:3], np.zeros(2), (NameRow((L.T11, L.T12, L.L1), 0.97),))
    assert spine_findings(replace(landmarks, vertebrae=landmarks.vertebrae[:3], level_evidence=few)) == ()


def test_names() -> None:
    assert codes(with_body(spine(), 1, level=None)) == ["level-unknown"]
    assert "level-twice" in codes(with_body(spine(), 1, level=L.L1))
    assert codes(with_body(spine(levels=(L.T12, L.L1, L.L2)), 0, level=L.L3)) == ["level-order"]
    assert codes(spine(levels=(L.T11, L.L1, L.L2))) == ["level-gap"]


def test_certainty() -> None:
    assert codes(with_body(spine(), 1, confidence=0.3)) == ["low-confidence"]
    assert codes(with_body(spine(), 1, level_probability=0.6)) == ["uncertain-level"]
    assert codes(with_body(spine(), 1, level_probability=None)) == []


def test_a_doubtful_name_is_told_of_the_vertebra_unless_all_names_are_in_doubt() -> None:
    for of_the_row, expected in ((0.9, ["uncertain-level"]), (0.6, ["names-may-be-shifted"])):
        landmarks = with_body(spine(), 1, level_probability=0.5)
        names = tuple(body.level for body in landmarks.vertebrae if body.level is not None)
        count = len(names)
        evidence = LevelEvidence(np.full((count, 20), -3.0), np.zeros(count - 1), (NameRow(names, of_the_row),))
        assert codes(replace(landmarks, level_evidence=evidence)) == expected


def test_cropped() -> None:
    assert codes(spine(), valid_box=(0.0, 0.0, 290.0, 1600.0)) == ["cropped"] * 5
    assert codes(spine(flags={L.T11: {"cropped"}})) == ["cropped"]


def test_unseen_corner() -> None:
    landmarks = spine()
    landmarks.vertebrae[1].points_px[0] = np.nan
    found = check_landmarks(radiograph(landmarks), landmarks)
    assert [f.code for f in found] == ["corner-not-seen"]
    assert "T12: superior anterior corner not visible; measurements that need it are not given" in found[0].message


def test_sacrum_needs_its_superior_endplate_only() -> None:
    landmarks = spine(levels=(L.L4, L.L5, L.S1))
    landmarks.vertebrae[2].points_px[2:] = np.nan
    assert codes(landmarks) == []


def test_shapes() -> None:
    body = spine().vertebrae[1].points_px
    assert codes(with_body(spine(), 1, points_px=body[[1, 0, 3, 2]])) == ["corners-swapped"]
    tall = body + np.array([[0, 0], [0, 0], [0, 200], [0, 200]])
    assert codes(with_body(spine(), 1, points_px=tall)) == ["implausible-body"]
    deep = body + np.array([[120, 0], [0, 0], [120, 0], [0, 0]])
    assert codes(with_body(spine(), 1, points_px=deep)) == ["implausible-depth"]
    point = np.repeat(body[:1], 4, axis=0)
    assert "implausible-body" in codes(with_body(spine(), 1, points_px=point))


def test_findings_reach_the_measurement_once() -> None:
    landmarks = with_body(with_body(spine(), 1, confidence=0.3), 3, level=None)
    film = measure_film(radiograph(landmarks, valid_box=(0.0, 0.0, 290.0, 1600.0)), landmarks, provenance=PROVENANCE)
    assert [f.code for f in film.findings] == ["level-unknown"]
    assert [f.code for f in film.vertebrae[3].findings] == ["cropped"]
    assert [f.code for f in film.vertebrae[1].findings] == ["low-confidence", "cropped"]
    assert [f.code for f in film.vertebrae[2].findings] == ["cropped"]
    assert film.size_px == SIZE


def test_a_number_beyond_a_limit_does_not_read_as_the_limit() -> None:
    """34 mm of depth are 136 px, of which 3.02 % must not be told as 3.0 % where 3 % is usual."""
    landmarks = spine(sigma_px=136 * 0.0302)
    bodies = tuple(replace(v, interval_factors=IntervalFactors("intact", {})) for v in landmarks.vertebrae)
    (found,) = spine_findings(replace(landmarks, vertebrae=bodies))
    assert "is 3.02 % of a body's depth" in found.message
    (low,) = check_landmarks(radiograph(spine()), with_body(spine(), 2, confidence=0.4999))
    assert "confidence (0.4999, below 0.5)" in low.message


@pytest.mark.parametrize(("sigma_px", "expected"), [(3.0, []), (5.0, ["corners-unsure"])])
def test_a_film_whose_corners_are_unsure(sigma_px: float, expected: list[str]) -> None:
    """34 mm of depth are 136 px: 2.2 and 3.7 % of it; only calibrated covariances can tell."""
    landmarks = spine(sigma_px=sigma_px)
    assert spine_findings(landmarks) == ()
    factors = IntervalFactors("intact", {})
    bodies = tuple(replace(v, interval_factors=factors) for v in landmarks.vertebrae)
    found = measured(replace(landmarks, vertebrae=bodies))
    assert [f.code for f in found.findings] == expected
    assert [f.message.split("% of")[0] for f in found.warnings] == (
        ["the corners of this film are unsure: their standard deviation is 3.7 "] if expected else []
    )


@pytest.mark.parametrize("places", [[], [1], [1, 2, 3]])
def test_vertebrae_without_contrast_are_told(places: list[int]) -> None:
    landmarks = spine()
    for i in places:
        landmarks = with_body(landmarks, i, flags=frozenset({"no-contrast"}))
    film = measured(landmarks)
    assert [i for i, v in enumerate(film.vertebrae) if [f.code for f in v.findings] == ["no-contrast"]] == places
    assert film.warnings == ()
    for i in places:
        (found,) = film.vertebrae[i].findings
        assert found.level is landmarks.vertebrae[i].level
        assert found.message.startswith(f"{found.level}: the film is evenly grey where corners should be")


@pytest.mark.parametrize("wider", [0.5, 2.0])
@pytest.mark.parametrize(("turned", "sigma_mm"), [(60.0, 0.5), (0.0, 1.1), (75.0, 1.3)])
def test_the_shape_of_the_pixels_changes_no_finding(wider: float, turned: float, sigma_mm: float) -> None:
    """The same bones, one of them steep as a sacrum is, on pixels that are not square; errors are those in mm."""
    landmarks = spine(px_per_mm=4.0, sigma_px=4.0 * sigma_mm)
    sine, cosine = np.sin(np.radians(turned)), np.cos(np.radians(turned))
    body = landmarks.vertebrae[4]
    middle = body.points_px.mean(axis=0)
    steep = (body.points_px - middle) @ np.array([[cosine, sine], [-sine, cosine]]) + middle
    square = with_body(landmarks, 4, points_px=steep)
    factors = IntervalFactors("intact", {})
    square = replace(square, vertebrae=tuple(replace(v, interval_factors=factors) for v in square.vertebrae))
    wide = ScaleShift.resize(1.0 / wider, 1.0)
    bodies = [
        replace(v, points_px=wide.apply(v.points_px), covariance_px=wide.apply_covariance(v.covariance_px))
        for v in square.vertebrae
        if v.covariance_px is not None
    ]
    spacing = replace(SPACING, column_mm=SPACING.column_mm * wider)
    one, other = measured(square), measured(replace(square, vertebrae=tuple(bodies)), spacing)
    assert [f.message for f in other.findings] == [f.message for f in one.findings]
    assert [[f.message for f in v.findings] for v in other.vertebrae] == [
        [f.message for f in v.findings] for v in one.vertebrae
    ]
    for a, b in zip(one.vertebrae, other.vertebrae, strict=True):
        for name, quantity in a.quantities.items():
            assert b.quantities[name].text(6) == quantity.text(6), name
