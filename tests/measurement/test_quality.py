"""What is refused and what is only flagged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kummell_ai.anatomy import Facing
from kummell_ai.errors import FilmRefusedError
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.interval_factors import IntervalFactors
from kummell_ai.imaging.radiograph import Radiograph
from kummell_ai.measurement.pipeline import measure_film
from kummell_ai.measurement.quality import check_landmarks, facing_of, spine_findings
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


def test_names() -> None:
    assert codes(with_body(spine(), 1, level=None)) == ["level-unknown"]
    assert "level-twice" in codes(with_body(spine(), 1, level=L.L1))
    assert codes(with_body(spine(levels=(L.T12, L.L1, L.L2)), 0, level=L.L3)) == ["level-order"]
    assert codes(spine(levels=(L.T11, L.L1, L.L2))) == ["level-gap"]


def test_certainty() -> None:
    assert codes(with_body(spine(), 1, confidence=0.3)) == ["low-confidence"]
    assert codes(with_body(spine(), 1, level_probability=0.6)) == ["uncertain-level"]
    assert codes(with_body(spine(), 1, level_probability=None)) == []


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
