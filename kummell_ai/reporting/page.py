"""The patient's page: one self-contained HTML file with films, table, findings, definitions and provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.imaging.radiograph import UNKNOWN_PATIENT, Calibration, ImageReference, Radiograph
from kummell_ai.measurement.results import CorrectionReport, PhasedMeasurement
from kummell_ai.reporting import page_findings as texts
from kummell_ai.reporting import page_rows as rows
from kummell_ai.reporting.caveat_words_zh import caveat_translator
from kummell_ai.reporting.course import course_plots
from kummell_ai.reporting.index_rows import index_row
from kummell_ai.reporting.overlay import draw_overlay
from kummell_ai.reporting.page_words import chinese_sentences, days_texts, translator
from kummell_ai.reporting.prose import VERDICT_WORDS, summary_sentences
from kummell_ai.reporting.view import focus_view
from kummell_ai.reporting.words import (
    CORRECTION_LABEL,
    PHASE_LABEL,
    RESEARCH_USE,
    SIGNS,
    TABLE_NOTE,
    VERDICT_MARK,
    are_on_own_scales,
    css_class,
    limits_of_intervals,
)

LANGUAGE_TAGS = {"en": "en", "zh": "zh-CN"}
CALIBRATION_WORDS = {
    Calibration.FIDUCIAL: "mm, calibrated",
    Calibration.GEOMETRY: "mm at the patient",
    Calibration.DETECTOR_PLANE: "mm at the detector (magnified)",
    Calibration.ASSUMED: "mm, by an assumed pixel size",
    Calibration.NONE: "no scale: angles and ratios only",
}


@dataclass(frozen=True, slots=True)
class FilmPanel:
    """One film as the page shows it."""

    title: str
    date: str
    name: str
    scale: str
    picture: Markup


def write_page(
    report: CorrectionReport,
    films: Mapping[ImageReference, Radiograph],
    language: str = "en",
    links: Mapping[VertebralLevel, str] | None = None,
) -> str:
    """HTML text of a patient's correction report.

    Args:
        report: the course of the patient.
        films: the films by the reference of their measurement; a film that is absent gets no picture.
        language: ``en`` or ``zh``; the values of a finding stay English, beneath its sentence.
        links: relative link to the page about each of the patient's injured levels.
    """
    return (
        _environment()
        .get_template("report.html")
        .render(
            report=report,
            language=LANGUAGE_TAGS[language],
            t=translator(language),
            why=caveat_translator(language),
            research_use=RESEARCH_USE,
            signs=SIGNS,
            panels=_panels(report, films, language),
            index=texts.index_text(report, language),
            level_source={"given": "(given by the user)", "found": "(detected automatically)"}[
                report.index_level_source
            ],
            links=links or {},
            summary=chinese_sentences(report) if language == "zh" else summary_sentences(report),
            alerts=texts.alert_rows(report, language),
            courses=[
                Markup(plot) for plot in course_plots(report, language)
            ],  # every text in them is escaped where it is drawn
            table=rows.quantity_rows(report),
            heads=rows.correction_heads(report),
            note=TABLE_NOTE,
            gap="" if language == "zh" else " ",
            derived=rows.derived_table(report),
            findings=texts.finding_rows(report, language),
            definitions=rows.definition_rows(report),
            options=texts.option_rows(report, language),
            pictures=_scale_of_pictures(report),
            limits=limits_of_intervals(f.measurement for f in report.films),
            simulated=any(film.measurement.reference.simulated for film in report.films),
        )
    )


def _scale_of_pictures(report: CorrectionReport) -> str:
    if not all(film.measurement.spacing.is_metric for film in report.films):
        return "Films scaled by the depth of their vertebrae, centred on"
    if are_on_own_scales(report):
        return "Each film at its own scale, centred on"
    return "All films at one scale, centred on"


def write_index(reports: Sequence[tuple[CorrectionReport, str]], problems: Sequence[str], language: str = "en") -> str:
    """HTML text of the table of patients of a run.

    Args:
        reports: each report and the relative link to its page; a patient may have several.
        problems: one line for each input that could not be used or must be checked.
        language: ``en`` or ``zh``; the problems stay English.
    """
    template = _environment().get_template("index.html")
    patients = len({report.patient_id for report, _ in reports} - {UNKNOWN_PATIENT})
    return template.render(
        rows=[index_row(report, link, language) for report, link in reports],
        heads=list(CORRECTION_LABEL.values()),
        marks=[(VERDICT_MARK[verdict], css_class(verdict), words) for verdict, words in VERDICT_WORDS.items()],
        patients=patients,
        note=f"The films belong to {patients} patients; one report was written for each." if patients > 1 else "",
        problems=problems,
        research_use=RESEARCH_USE,
        simulated=any(film.measurement.reference.simulated for report, _ in reports for film in report.films),
        language=LANGUAGE_TAGS[language],
        t=translator(language),
    )


def _panels(report: CorrectionReport, films: Mapping[ImageReference, Radiograph], language: str) -> list[FilmPanel]:
    days = days_texts([film.measurement.reference.acquired for film in report.films], language)
    return [
        _panel(report, number, day, film, films, language)
        for number, (day, film) in enumerate(zip(days, report.films, strict=True), start=1)
    ]


def _panel(
    report: CorrectionReport,
    number: int,
    day: str,
    film: PhasedMeasurement,
    films: Mapping[ImageReference, Radiograph],
    language: str,
) -> FilmPanel:
    measurement = film.measurement
    name = measurement.reference.name
    picture = ""
    if measurement.reference in films:
        view = focus_view(measurement, report.index_level)
        picture = draw_overlay(
            films[measurement.reference], measurement, index_level=report.index_level, view=view, language=language
        )
    return FilmPanel(
        title=PHASE_LABEL[film.phase] if film.phase.value != "unknown" else f"Film {number}",
        date=day,
        name=name,
        scale=CALIBRATION_WORDS[measurement.spacing.calibration],
        picture=Markup(picture),  # every text in it is escaped where it is drawn
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("kummell_ai.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
