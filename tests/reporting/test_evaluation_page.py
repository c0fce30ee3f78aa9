"""The page of an evaluation: whole, self-contained, and the same in every run."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html import unescape

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kummell_ai.anatomy import Phase
from kummell_ai.annotations import AnnotatedFilm
from kummell_ai.evaluation import FilmResult, study_of, tables
from kummell_ai.evaluation.aims import AIMS
from kummell_ai.evaluation.study import Study
from kummell_ai.evaluation.worst import WorstFilm
from kummell_ai.imaging.radiograph import Radiograph
from kummell_ai.reporting import evaluation_figures as draw
from kummell_ai.reporting.evaluation_gallery import caption, draw_worst
from kummell_ai.reporting.evaluation_main import _OF_AIMS, _ROWS, _TILES, aim_lines, main_lines, tile_lines
from kummell_ai.reporting.evaluation_page import (
    Picture,
    change_lines,
    corner_lines,
    quantity_lines,
    rate_lines,
    write_evaluation_page,
)
from kummell_ai.reporting.plots import Plot, nice_ticks
from tests.evaluation.made_results import film, missed, quantity, vertebra
from tests.evaluation.test_evaluation import SIZE, SPACING, moved, spine

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def study() -> Study:
    rng = np.random.default_rng(0)
    films = []
    for i in range(5):
        for phase in (Phase.PRE_OP, Phase.POST_OP):
            errors = [
                quantity(float(true + rng.normal(0, 2)), float(true), 4.0, name)
                for name, true in (("segmental_cobb", 15 + i), ("wedge_angle", 10 - i), ("anterior_height", 20 + i))
            ]
            body = vertebra(*errors, flags=("fractured",), is_index=True, distance_mm=float(rng.uniform(0.5, 3)))
            films.append(film(body, vertebra(), patient=f"p{i}", phase=phase))
    return study_of(films, resamples=50)


def plots_of(study: Study) -> list[str]:
    return [
        *draw.error_plots(study),
        *draw.agreement_plots(study),
        *draw.coverage_plots(study.figures),
        *draw.risk_plots(study.curves),
        *draw.change_plots(study.changes),
    ]


def test_every_plot_is_svg(study: Study) -> None:
    plots = plots_of(study)
    titles = [ET.fromstring(plot).get("aria-label") for plot in plots]
    assert titles == [
        *("Corner error", "Segmental Cobb: errors", "Wedge angle: errors", "Anterior height: errors"),
        *("Segmental Cobb", "Wedge angle", "Anterior height"),
        *("Corner ellipses: coverage", "Segmental Cobb: coverage", "Wedge angle: coverage"),
        "Anterior height: coverage",
        *("Corner error by confidence", "Corner error by ellipse", "Wrong name by probability"),
        *("Segmental Cobb by interval width", "Wedge angle by interval width", "Anterior height by interval width"),
        *("Segmental Cobb: post-op − pre-op", "Wedge angle: post-op − pre-op", "Anterior height: post-op − pre-op"),
        *("Height gain", "Kyphosis correction rate"),
    ]
    assert not any("nan" in plot.lower() for plot in plots)


def test_the_page_is_whole_and_loads_nothing(study: Study) -> None:
    pictures = [Picture("<script>alert(1)</script>", "1 missed", "<svg></svg>")]
    page = write_evaluation_page(study, {"Model": "a & b"}, pictures)
    for part in ("Main figures", "Vertebrae and corners", "Films", "Error distributions", "Coverage of the 95",
                 "Abstention", "Change of a patient", "Films, largest corner error first", "Heights, angles and ratios",
                 "not a medical device", "a &amp; b"):  # fmt: skip
        assert part in page
    assert "<script" not in page
    assert not re.search(r'(src|href)="(?!#|data:)', page)
    assert page == write_evaluation_page(study, {"Model": "a & b"}, pictures)


def test_a_page_of_films_where_nothing_was_found() -> None:
    page = write_evaluation_page(study_of([film(missed(), refused="frontal")]), {}, [])
    assert "Main figures" in page
    assert "largest corner error" not in page


def test_numbers_on_the_page_are_those_of_the_figures() -> None:
    study = study_of([film(vertebra(quantity(3.0, 1.0, 4.0), is_index=True))], resamples=5)
    (every, *_, injured) = corner_lines(study.figures)[:3]
    assert every.head == "all"
    assert every.cells[0] == ("100.0", "(1 patient)")
    assert injured.head == "injured"
    line = quantity_lines(study.figures)[0]
    assert (line.head, line.small) == ("Segmental Cobb, °", "all")
    assert [value for value, _ in line.cells] == ["1", "2.00", "–", "–", "–", "–", "–", "–", "100.0", "8.00", "100.0"]


def test_the_page_says_that_films_are_simulated(study: Study) -> None:
    page = write_evaluation_page(study, {}, [], simulated=10)
    assert '<span class="badge">Simulated films</span>' in page
    assert "<title>Evaluation: simulated films</title>" in page
    assert "3 of 10 films are simulated" in write_evaluation_page(study, {}, [], simulated=3)
    assert "imulated films</span>" not in write_evaluation_page(study, {}, [])


def test_rates_are_no_changes() -> None:
    def at(phase: Phase, cobb: float, height: float, patient: int) -> FilmResult:
        true = (quantity(cobb, cobb + 1.0, 1.0), quantity(height, height + 0.5, 1.0, "anterior_height"))
        body = vertebra(*true, quantity(26.0, 25.0, 1.0, "reference_height"), is_index=True)
        return film(body, phase=phase, patient=str(patient))

    ends = ((Phase.PRE_OP, 20.0, 14.0), (Phase.POST_OP, 10.0, 20.0))
    study = study_of([at(phase, c + i, h, i) for i in range(3) for phase, c, h in ends], resamples=5)
    rates = ["Height restoration rate, %", "Height gain, %", "Kyphosis correction rate, %"]
    assert [line.head for line in change_lines(study.figures)] == ["Segmental Cobb, °", "Anterior height, mm"]
    assert [line.head for line in rate_lines(study.figures)] == rates
    assert {line.small for line in rate_lines(study.figures)} == {"each film by itself"}
    plots = [ET.fromstring(plot) for plot in draw.change_plots(study.changes)]
    titles = [plot.get("aria-label") for plot in plots]
    assert titles == ["Segmental Cobb: post-op − pre-op", "Anterior height: post-op − pre-op", *(r[:-3] for r in rates)]
    assert "true rate, %" in [text.text for text in plots[-1].iter(f"{SVG}text")]
    page = write_evaluation_page(study, {}, [])
    assert "What an operation won, as a share" in page
    assert "Reference height, mm" in page


def test_results_stand_before_the_plots_and_no_heading_twice(study: Study) -> None:
    page = write_evaluation_page(study, {}, [Picture("a", "1 missed", "<svg></svg>")])
    heads = re.findall(r"<h2>(.*?)</h2>", page)
    assert len(set(heads)) == len(heads)
    assert heads.index("Heights, angles and ratios") < heads.index("Error distributions")


def test_exact_intervals_are_marked_and_explained(study: Study) -> None:
    every = corner_lines(study.figures)[0]
    assert every.cells[0] == ("100.0", "47.8 to 100.0 †")  # 0.025 to the power of 1 / 5
    page = write_evaluation_page(study, {}, [])
    assert "over 5 patients: percentiles of 50 bootstrap resamples of patients (seed 0). †: a share whose" in page
    assert "fewer than 20 patients carry" in page
    assert "a person's marks, which err too, SEM and MDC95 are upper bounds" in unescape(page)
    assert page.count("MDC95: 1.96 SEM, since a") == 2


@pytest.mark.parametrize(("patients", "few"), [(9, True), (10, False)])
def test_few_patients_have_no_limits_of_agreement(patients: int, few: bool) -> None:
    films = [film(vertebra(quantity(10.0 + i + (-1) ** i, 10.0 + i)), patient=str(i)) for i in range(patients)]
    study = study_of(films, resamples=20)
    limits, icc = quantity_lines(study.figures)[0].cells[3:5]
    assert (limits == icc == ("–", "(< 10 patients)")) is few
    (plot,) = draw.agreement_plots(study)
    assert len(ET.fromstring(plot).findall(f"{SVG}svg/{SVG}polyline")) == (1 if few else 3)


def test_a_quantity_that_is_withheld_throughout_has_its_row_and_no_plot() -> None:
    silent = replace(vertebra(is_index=True), abstained=("height_loss",))
    study = study_of([film(silent, patient=str(i)) for i in range(3)], resamples=5)
    lines = [line for line in quantity_lines(study.figures) if line.head == "Height loss, %"]
    assert [line.small for line in lines] == ["all", "injured", "injured, pre-op"]
    assert [(line.cells[0][0], line.cells[1][0], line.cells[-1][0]) for line in lines] == [("0", "–", "0.0")] * 3
    assert "Height loss: errors" not in write_evaluation_page(study, {}, [])


def test_main_figures_stand_film_by_film_and_together() -> None:
    def course(error: float) -> list[FilmResult]:
        phases = (Phase.PRE_OP, Phase.POST_OP)
        body = vertebra(quantity(10.0 + error, 10.0, 3.0), quantity(9.0, 8.0, name="wedge_angle"), is_index=True)
        return [film(body, name=phase.value, phase=phase) for phase in phases]

    figures = study_of(course(2.0), course(0.5), resamples=5).figures
    tiles = {line.head: line.cells[0][0] for line in tile_lines(figures)}
    assert len(tiles) <= 8
    assert (tiles["Vertebrae found"], tiles["Segmental Cobb, mean absolute error"]) == ("100.0 %", "2.00°")
    lines = {line.head: [value for value, _ in line.cells] for line in main_lines(figures)}
    assert lines["Segmental Cobb, MAE, °"] == ["2", "2.00", "0.50"]
    assert lines["Names exact, any field, %"] == ["2", "100.0", "0.0"], "nothing is named jointly here"
    assert lines["Vertebrae found, %"] == ["2", "100.0", ""]
    assert lines["Seconds to locate the vertebrae of a film"] == ["2", "2.00", ""]
    assert not [head for head in lines if head.startswith("–")]


def test_every_main_figure_has_words() -> None:
    main, aims = dict(tables._MAIN), set(AIMS)
    assert set(_TILES) <= set(main)
    assert set(_OF_AIMS) == aims
    words, keys = zip(*_ROWS, strict=True)
    assert len(set(words)) == len(set(keys)) == len(_ROWS)


def test_figures_beside_their_aims_read_alone(study: Study) -> None:
    lines = aim_lines(study.figures)
    heads = [line.head for line in lines]
    ends = {line.head: (line.cells[0][0], line.cells[2][0]) for line in lines}
    assert ends["Corner error, mean, mm"] == ("≤ 1.2", "≤ 0.5")
    assert ends["Corners within 2 mm, %"] == ("≥ 88", "≥ 99")
    assert heads
    assert not [head for head in heads if "–" in head]
    assert len(set(heads)) == len(heads)


def worst(**changes: object) -> WorstFilm:
    truth = spine()
    result = film(missed(), vertebra(distance_mm=4.0), false=2, name="a<b")
    annotated = AnnotatedFilm("films/a.png", SIZE, truth, SPACING)
    return replace(WorstFilm(result, annotated, moved(truth, 10, 0), 50.0), **changes)


def test_a_picture_shows_truth_and_found_side_by_side() -> None:
    radiograph = Radiograph(np.zeros((SIZE[1], SIZE[0]), np.float32), SPACING, spine().reference)
    drawing = ET.fromstring(draw_worst(worst(), radiograph))
    left, right = drawing.findall(f"{SVG}polygon"), drawing.findall(f"{SVG}g/{SVG}polygon")
    assert (len(left), len(right)) == (5, 10)  # the truth; the truth in thin lines and what was found
    scale = 520.0 / SIZE[1]
    first_true, first_found = (float(p.get("points").split(",")[0]) for p in (left[0], right[5]))
    assert first_found - first_true == pytest.approx(10 * scale, abs=0.11)
    assert len(drawing.findall(f".//{SVG}image")) == 1
    names = [t.text for t in drawing.findall(f"{SVG}text")]
    assert names == ["T11", "T12", "L1", "L2", "L3", "true"]


def test_captions_say_what_went_wrong() -> None:
    assert caption(worst()) == "1 missed, 2 false, corners 10.0 % of depth, worst 10.0 %"
    assert caption(worst(result=film(missed(), refused="no lateral film"))) == "refused: no lateral film"


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_ticks_hold_the_values_between_them(low: float, span: float) -> None:
    ticks = nice_ticks(low, low + span)
    tolerance = 1e-6 * max(abs(low), span, 1.0)
    assert ticks[0] <= low + tolerance
    assert ticks[-1] >= low + span - tolerance
    assert 2 <= len(ticks) <= 9


def test_what_lies_beyond_the_frame_is_marked_at_its_edge() -> None:
    plot = Plot("t", "x", "y", (0.0, 10.0), (-1.0, 1.0))
    assert plot.beyond(np.array([5.0, 5.0, 5.0, 99.0]), np.array([0.0, 7.0, -7.0, 0.0]), "#b00") == 3
    marks = [p.get("d") for p in ET.fromstring(plot.svg()).findall(f"{SVG}path") if p.get("fill") == "#b00"]
    tips = [mark.partition("L")[0] for mark in marks]
    assert tips == ["M206.0 44.0", "M206.0 238.0", "M366.0 141.0"]  # above, below, to the right


def test_errors_that_a_plot_does_not_reach_are_counted_on_it() -> None:
    near = [quantity(10.0 + 0.01 * i, 10.0) for i in range(-100, 100)]
    films = [film(vertebra(error), patient=str(i)) for i, error in enumerate([*near, quantity(60.0, 10.0)])]
    study = study_of(films, resamples=5)
    _, histogram = (ET.fromstring(plot) for plot in draw.error_plots(study))
    assert [text.text for text in histogram.iter(f"{SVG}text") if "beyond" in text.text] == ["1 beyond"]
    (agreement,) = (ET.fromstring(plot) for plot in draw.agreement_plots(study))
    words = [text.text for text in agreement.iter(f"{SVG}text")]
    assert "measured − true, °; triangles: 1 of 201 beyond the frame" in words
    marks = [path for path in agreement.findall(f"{SVG}path") if path.get("fill") == draw.WARM]
    assert len(marks) == 1


def test_a_place_on_the_plot_is_linear_in_the_value() -> None:
    plot = Plot("t", "x", "y", (0.0, 10.0), (-1.0, 1.0))
    plot.line(np.array([0.0, 10.0]), np.array([-1.0, 1.0]), "#000")
    line = ET.fromstring(plot.svg()).find(f"{SVG}svg/{SVG}polyline")
    assert line.get("points") == "46.0,238.0 366.0,44.0"
