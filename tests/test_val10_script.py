"""How scripts/evaluate_val10.py takes an error apart."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kummell_ai.errors import InputError
from kummell_ai.imaging.annotation import VertebraLandmarks
from scripts.evaluate_val10 import (
    Film,
    along_and_across,
    counted_up,
    film_medians_against,
    main,
    read_films,
    read_untouched,
    summarise,
    without_habit,
)

BODY = np.array([[0.0, 0.0], [40.0, 0.0], [0.0, 30.0], [40.0, 30.0]])


def film(offsets: np.ndarray, untouched: bool = True) -> Film:
    """A film of level bodies of 100 px depth whose corners lie off by ``offsets`` (n, 4, 2), back and head in %."""
    percent = np.linalg.norm(offsets, axis=2)
    n = len(offsets)
    return Film(
        *("film.png", None, n, n, [], []),
        percent=percent,
        offset_percent=offsets * np.array([1.0, -1.0]),
        across_percent=offsets,
        untouched=np.full((n, 4), untouched),
        inside=np.ones((n, 4)),
        names_given=[None] * n,
        rightly_named=[untouched] * n,
    )


@given(angle=st.floats(-np.pi, np.pi), size=st.floats(0.5, 4.0), back=st.floats(-9, 9), head=st.floats(-9, 9))
def test_an_offset_in_the_axes_of_its_body(angle: float, size: float, back: float, head: float) -> None:
    turn = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    body = VertebraLandmarks(BODY @ turn.T)
    offset = np.tile(np.array([back, -head]) @ turn.T, (4, 1))
    expected = np.tile([100.0 * back / 40.0, 100.0 * head / 40.0], (4, 1))
    assert np.allclose(along_and_across(offset, body), expected, atol=1e-9)


def test_a_habit_that_all_films_share_is_taken_off() -> None:
    habit = np.array([[1.0, 2.0], [0.5, 1.0], [2.0, -1.0], [-2.0, -1.5]])
    films = [film(np.tile(habit, (n, 1, 1))) for n in (2, 3, 1)]
    assert np.allclose(without_habit(films), 0.0)
    odd = film(np.tile(habit, (2, 1, 1)) + np.array([3.0, 4.0]))
    own = without_habit([*films, odd])[-8:]
    assert np.allclose(own, 5.0), "a film's own offsets are not among those that are taken off"
    assert np.allclose(without_habit([odd]), odd.percent.reshape(-1))


def test_bodies_that_come_out_too_high_and_endplates_that_come_out_too_long() -> None:
    offsets = np.array([[[1.0, 2.0], [3.0, 1.0], [0.5, -1.0], [-2.0, 1.5]]])
    found = summarise([film(offsets)], [])["too_high_and_too_long_percent"]
    assert found == {"front_height": 3.0, "back_height": -0.5, "superior_endplate": 2.0, "inferior_endplate": -2.5}


def test_inpainted_corners_are_told_apart() -> None:
    films = [film(np.full((2, 4, 2), 3.0)), film(np.full((1, 4, 2), 6.0), untouched=False)]
    found = summarise(films, [])
    assert found["corners_not_inpainted"] == 8
    assert found["corner_median_not_inpainted"] == pytest.approx(np.hypot(3.0, 3.0))
    assert found["corner_median_inpainted"] == pytest.approx(np.hypot(6.0, 6.0))
    assert summarise([replace(f, untouched=~f.untouched) for f in films], [])["corners_not_inpainted"] == 4


def test_shares_of_inpainting_come_in_the_order_of_the_corners() -> None:
    entry = {"image_id": 1, "order_from_top": 0, "inpainted_fraction_11x11": [0.0, 0.5, 0.1, 0.2]}
    document = {"images": [{"id": 1, "file_name": "a.png"}], "annotations": [entry]}
    assert read_untouched(document)["a.png"].tolist() == [[True, False, False, True]]
    del entry["inpainted_fraction_11x11"]
    assert read_untouched(document)["a.png"].all(), "what was not recovered from figures was not inpainted"


def test_names_are_counted_up_from_the_sacrum() -> None:
    assert [str(counted_up(k)) for k in (0, 1, 5, 6, 17)] == ["S1", "L5", "L1", "T12", "T1"]
    assert counted_up(18) is None
    films = [film(np.ones((2, 4, 2))), film(np.ones((3, 4, 2)), untouched=False), film(np.ones((0, 4, 2)))]
    found = summarise(films, [])
    assert (found["named_as_counted_from_sacrum"], found["films_named_as_counted_from_sacrum"]) == (2, 1)


def test_two_models_are_compared_film_by_film() -> None:
    key = "corner_median_percent_of_depth"
    ours = [{"film": name, key: value} for name, value in zip("abcdef", (3.0, 4.0, 5.0, None, 6.0, 7.0), strict=True)]
    others = [{"film": name, key: value} for name, value in zip("bacdef", (4.5, 3.5, 5.5, 1.0, 6.5, 7.5), strict=True)]
    same = film_medians_against(ours, others)
    assert (same.value, same.interval, same.n) == (pytest.approx(-0.5), None, 5), "all films alike: no width"
    others[0][key] = 4.0
    unlike = film_medians_against(ours, others)
    assert unlike.value == pytest.approx(-0.4)
    assert unlike.interval is not None
    assert unlike.interval.low == pytest.approx(-0.5)
    assert -0.4 < unlike.interval.high <= 0.0
    assert film_medians_against(ours[3:4], others).value is None


def test_the_figures_of_another_model_are_read_from_what_out_wrote(tmp_path: Path) -> None:
    films = [{"film": "a.png", "corner_median_percent_of_depth": 3.4, "found": 5}]
    path = tmp_path / "other.json"
    path.write_text(json.dumps({"summary": {}, "films": films}), encoding="utf-8")
    assert read_films(path) == films


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"films": 3}', '{"films": [{"film": "a"}]}', '{"films": ["a"]}', '{"films": []}', None]
)
def test_what_out_did_not_write_is_told(tmp_path: Path, text: str | None) -> None:
    path = tmp_path  # a folder, where there is no text
    if text is not None:
        path = tmp_path / "other.json"
        path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=f"^{re.escape(str(path))}: .*--against wants the JSON that --out wrote"):
        read_films(path)


def test_the_other_figures_are_read_before_any_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the folder of films nor the model exists: the wrong file is told first."""
    nosuch = str(tmp_path / "nosuch")
    words = ["evaluate_val10.py", "--films", nosuch, "--model", nosuch, "--against", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(InputError, match="--against wants the JSON"):
        main()
