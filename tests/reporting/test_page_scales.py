"""Heights on unlike scales, on the page and the terminal."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from kummell_ai.anatomy import Phase, VertebralLevel
from kummell_ai.imaging.radiograph import Calibration, PixelSpacing
from kummell_ai.measurement.pipeline import assemble_report
from kummell_ai.measurement.results import CorrectionReport
from kummell_ai.reporting.course import course_plots
from kummell_ai.reporting.page import write_page
from kummell_ai.reporting.page_findings import alert_rows, finding_text
from kummell_ai.reporting.page_rows import (
    OWN_SCALES,
    UNLIKE_CHANGES,
    quantity_rows,
)
from kummell_ai.reporting.terminal import report_caption, report_table, scale_lines
from tests import made_up
from tests.measurement import spines
from tests.reporting.test_page import text_of


def unlike_scales() -> CorrectionReport:
    """The same bones on films of three kinds of pixel size; L1 is 13, 20 and 18 mm high on the first one's scale."""
    spacings = [PixelSpacing(0.25 * k, 0.25 * k, kind) for k, kind in zip((1.0, 1.2, 1.05), KINDS, strict=True)]
    heights = zip(made_up.DATES, (13.0, 20.0, 18.0), spacings, strict=True)
    return assemble_report([spines.film(*film) for film in heights], VertebralLevel.L1)


KINDS = (Calibration.FIDUCIAL, Calibration.DETECTOR_PLANE, Calibration.GEOMETRY)


def test_heights_on_unlike_scales_are_told_and_drawn_on_one() -> None:
    report = unlike_scales()
    changes = {c.name: c.changes[0].change.value for c in report.corrections}
    assert changes == pytest.approx({"correction": 7.0, "loss": -2.0 * 1.05, "net": 5.0}), "they do not add up"
    (finding,) = [f for f in report.findings if f.code == "changes-on-unlike-scales"]
    assert "one scale, fiducial for the correction and the net and geometry for the loss, and do not" in finding.message
    notes = {row.label: row.note for row in quantity_rows(report)}
    assert {notes[label] for label in ("Anterior height", "Posterior height")} == {OWN_SCALES}
    assert notes["Segmental kyphosis (Cobb)"] == notes["Wedge angle"] == ""
    page = text_of(write_page(report, {}))
    assert OWN_SCALES in page
    assert "Each film at its own scale, centred on L1" in page
    assert "mm, on the scale of pre-op; bars: 95 % interval" in course_plots(report)[0]
    assert "不可相互比较" in write_page(report, {}, "zh")
    assert UNLIKE_CHANGES in page
    assert UNLIKE_CHANGES in report_caption(report)
    one_scale = assemble_report(
        [spines.film(p, h) for p, h in zip(made_up.DATES, (13.0, 20.0, 18.0), strict=True)], VertebralLevel.L1
    )
    assert dots(course_plots(report)[0]) == dots(course_plots(one_scale)[0])
    assert OWN_SCALES not in write_page(one_scale, {})
    assert "changes-on-unlike-scales" not in [f.code for f in one_scale.findings]
    assert UNLIKE_CHANGES not in report_caption(one_scale)
    assert UNLIKE_CHANGES not in write_page(one_scale, {})
    assert scale_lines(one_scale) == []
    without_phases = [replace(film, phase=Phase.UNKNOWN) for film in report.films]
    assert len(course_plots(replace(report, films=tuple(without_phases), corrections=()))) == 2, "angles alone"


@pytest.mark.parametrize("width", [80, 160])
def test_a_terminal_says_which_heights_are_not_to_be_subtracted_and_by_what_they_were_multiplied(width: int) -> None:
    report = unlike_scales()
    console = Console(width=width, file=io.StringIO())
    with console.capture() as capture:
        console.print(report_table(report))
    cells = [line.split("│")[0].strip() for line in capture.get().splitlines()]
    text = " ".join(cells)
    assert text.count(OWN_SCALES) == 1, "it is not so of angles"
    assert text.index("Anterior height") < text.index(OWN_SCALES) < text.index("Segmental kyphosis")
    factors, sums = scale_lines(report)
    assert "those of post-op by 0.8333 ± 0.013 for the correction (T11, T12, L2, L3)" in factors
    assert "\n" not in factors
    assert sums.startswith("Changes of heights are on more than one scale")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_scales_are_checked_first_where_a_row_of_heights_misleads(language: str) -> None:
    report = unlike_scales()
    posture, *scales = alert_rows(report, language)[:3]
    codes = ["posture-unknown", "scale-from-neighbours", "changes-on-unlike-scales"]
    found = {f.code: finding_text(f, "", language).message for f in report.findings}
    assert [posture.message, *(row.message for row in scales)] == [found[code] for code in codes]
    box = write_page(report, {}, language).partition('<ul class="lead">')[2].partition("</ul>")[0]
    assert "0.8333 ± 0.013" in box
    alike = [replace(film, measurement=replace(film.measurement, spacing=spines.SPACING)) for film in report.films]
    told = [row.message for row in alert_rows(replace(report, films=tuple(alike)), language)]
    assert not set(told) & {found[code] for code in codes[1:]}, "then a row can be compared"


def test_one_magnification_for_some_films_is_checked_where_others_have_a_scale_of_their_own() -> None:
    kinds = (Calibration.DETECTOR_PLANE, Calibration.DETECTOR_PLANE, Calibration.FIDUCIAL)
    films = []
    for phase, larger, kind in zip(made_up.DATES, (1.15, 1.2, 1.0), kinds, strict=True):
        films.append(spines.film(phase, 15.0, PixelSpacing(0.25, 0.25, kind), px_per_mm=larger / 0.25))
    told = [row.message for row in alert_rows(assemble_report(films, VertebralLevel.L1))]
    assert any(text.startswith("These pixel sizes do not tell how much a film is magnified") for text in told)
    told = [row.message for row in alert_rows(assemble_report(films[:2], VertebralLevel.L1))]
    assert not any(text.startswith("These pixel sizes") for text in told)


def dots(plot: str) -> list[str]:
    """The places of a plot's dots."""
    return re.findall(r"M([\d.]+ [\d.]+)h0", plot)


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_film_without_a_scale_is_no_unlike_one(at: int) -> None:
    spacings = [spines.SPACING] * 3
    spacings[at] = PixelSpacing.unknown()
    heights = zip(made_up.DATES, (13.0, 20.0, 18.0), spacings, strict=True)
    report = assemble_report([spines.film(*film) for film in heights], VertebralLevel.L1)
    assert {row.note for row in quantity_rows(report)} == {""}
    assert "changes-on-unlike-scales" not in [f.code for f in report.findings]
