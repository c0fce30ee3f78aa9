"""The page of an evaluation: main figures, tables by stratum and phase, plots, the worst films, definitions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from kummell_ai.anatomy import Phase
from kummell_ai.evaluation.figures import ANY_PHASE, TOGETHER, Figure, finder
from kummell_ai.evaluation.samples import STRATA, unit_of
from kummell_ai.evaluation.study import MAIN_QUANTITIES, Study
from kummell_ai.reporting import evaluation_figures as draw
from kummell_ai.reporting.evaluation_cells import Cell, Line, cell, cells_of, estimate_of
from kummell_ai.reporting.evaluation_main import aim_lines, main_lines, tile_lines
from kummell_ai.reporting.evaluation_words import (
    AGREEMENT_NOTE,
    FEW,
    RATES_NOTE,
    digits_of,
    intervals_note,
    is_few,
    is_rate,
    label,
    sign,
    simulated_text,
    value_text,
)
from kummell_ai.reporting.words import RESEARCH_USE, SIGNS

_CORNER_HEADS: tuple[tuple[str, tuple[str, str, str, str]], ...] = (
    ("found, %", ("vertebrae", "vertebra", "found", "%")),
    ("mean, mm", ("corners", "error", "mean", "mm")),
    ("median, mm", ("corners", "error", "median", "mm")),
    ("90th, mm", ("corners", "error", "p90", "mm")),
    ("SDR 1 mm, %", ("corners", "error", "sdr_1mm", "%")),
    ("SDR 2 mm, %", ("corners", "error", "sdr_2mm", "%")),
    ("SDR 3 mm, %", ("corners", "error", "sdr_3mm", "%")),
    ("normal mean, mm", ("corners", "normal", "mean", "mm")),
    ("tangential mean, mm", ("corners", "tangential", "mean", "mm")),
    ("median, % of depth", ("corners", "error", "median", "%")),
    ("90th, % of depth", ("corners", "error", "p90", "%")),
    ("in ellipse, %", ("corners", "ellipse", "coverage", "%")),
)

_QUANTITY_HEADS = (
    "n",
    "MAE",
    "bias",
    "limits of agreement",
    "slope",
    "ICC(2,1)",
    "SEM",
    "MDC95",
    "coverage, %",
    "width",
    "measured, %",
)

_LEVEL_HEADS: tuple[tuple[str, tuple[str, str, str, str]], ...] = (
    ("any field, %", ("levels", "exact", "any_field", "%")),
    ("landmark on the film, %", ("levels", "exact", "with_landmark", "%")),
    ("no landmark, %", ("levels", "exact", "without_landmark", "%")),
    ("any field, jointly, %", ("levels", "exact_jointly", "any_field", "%")),
    ("landmark on the film, jointly, %", ("levels", "exact_jointly", "with_landmark", "%")),
    ("landmark on a film, jointly, %", ("levels", "exact_jointly", "with_landmark_on_a_film", "%")),
    ("usual spine, %", ("levels", "exact", "usual_spine", "%")),
    ("with T13, %", ("levels", "exact", "spine_with_T13", "%")),
    ("with L6, %", ("levels", "exact", "spine_with_L6", "%")),
    ("of them with a landmark on the film, %", ("levels", "vertebra", "with_landmark", "%")),
    ("with one on a film of the patient, %", ("levels", "vertebra", "with_landmark_on_a_film", "%")),
)

_WIDTHS = ("width_mean", "width_median")
_INTERVAL_HEADS = ("n", "coverage, %", "mean width", "median width")


@dataclass(frozen=True, slots=True)
class Picture:
    """One of the worst films: name, what went wrong, drawing (SVG text)."""

    name: str
    caption: str
    drawing: str


def write_evaluation_page(
    study: Study,
    facts: Mapping[str, str],
    pictures: Sequence[Picture],
    unused: Sequence[tuple[str, str]] = (),
    *,
    simulated: int = 0,
) -> str:
    """HTML text, self-contained.

    Args:
        study: what was found.
        facts: of the run, by name, as they stand in the head of the page.
        pictures: of the worst films, worst first.
        unused: name of each film that could not be used, and why.
        simulated: films that are simulated.
    """
    environment = Environment(
        loader=PackageLoader("kummell_ai.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    plots = {
        "Error distributions": draw.error_plots(study),
        "Agreement of measured and true values": draw.agreement_plots(study),
        "Coverage of the 95 % intervals": draw.coverage_plots(study.figures),
        "Abstention: error of what is kept": draw.risk_plots(study.curves),
        "Changes and rates, measured against true": draw.change_plots(study.changes),
    }
    return environment.get_template("evaluation.html").render(
        research_use=RESEARCH_USE,
        simulated=simulated_text(simulated, len(study.samples.films)),
        signs=SIGNS,
        facts=facts,
        tiles=tile_lines(study.figures),
        main=main_lines(study.figures),
        aims=aim_lines(study.figures),
        level_heads=[head for head, _ in _LEVEL_HEADS],
        levels=group_lines(study.figures, _LEVEL_HEADS),
        interval_heads=_INTERVAL_HEADS,
        intervals=interval_lines(study.figures),
        unused=list(unused),
        corner_heads=[head for head, _ in _CORNER_HEADS],
        corners=corner_lines(study.figures),
        quantity_heads=_QUANTITY_HEADS,
        quantities=quantity_lines(study.figures),
        changes=change_lines(study.figures),
        rates=rate_lines(study.figures),
        rates_note=RATES_NOTE,
        films=film_lines(study.figures),
        plots={title: [Markup(plot) for plot in drawn] for title, drawn in plots.items() if drawn},
        pictures=[(p.name, p.caption, Markup(p.drawing)) for p in pictures],
        agreement_note=AGREEMENT_NOTE,
        intervals_note=intervals_note(len(study.samples.patients), study.resamples, study.seed),
    )


def interval_lines(figures: Sequence[Figure]) -> list[Line]:
    """Coverage and width of the 95 % intervals of the main quantities, by stratum and by phase."""
    find = finder(figures)
    units = {f.subject: f.unit for f in figures if f.section == "quantities" and f.name == "mae"}
    lines = []
    for subject in (name for name in MAIN_QUANTITIES if name in units):
        for stratum, phase in _groups():
            figure = find("quantities", subject, "coverage", "%", stratum, phase)
            if figure is not None:
                widths = [find("quantities", subject, n, units[subject], stratum, phase) for n in _WIDTHS]
                cells = ((f"{figure.estimate.n:,}", ""), cell(figure), *cells_of(widths))
                lines.append(Line(f"{label(subject)},{sign(units[subject])}", _group_name(stratum, phase), cells))
    return lines


def corner_lines(figures: Sequence[Figure]) -> list[Line]:
    """Findings and corner errors: strata over all phases, then phases over all vertebrae."""
    return group_lines(figures, _CORNER_HEADS)


def group_lines(figures: Sequence[Figure], heads: Sequence[tuple[str, tuple[str, str, str, str]]]) -> list[Line]:
    """The figures of ``heads``: strata over all phases, then phases."""
    find = finder(figures)
    lines = []
    for stratum, phase in _groups():
        cells = [find(*key, stratum, phase) for _, key in heads]
        if cells[0] is not None:
            lines.append(Line(_group_name(stratum, phase), f"n = {cells[0].estimate.n:,}", cells_of(cells)))
    return lines


def quantity_lines(figures: Sequence[Figure]) -> list[Line]:
    """Agreement and intervals of every quantity; the main ones also of the injured vertebra and against the bones."""
    find = finder(figures)
    withheld = {f.subject: unit_of(f.subject) for f in figures if f.section == "quantities" and f.name == "answered"}
    every = {f.subject: f.unit for f in figures if f.section == "quantities" and f.name == "mae"}
    every |= {subject: unit for subject, unit in withheld.items() if subject not in every}
    rank = {name: i for i, name in enumerate(MAIN_QUANTITIES)}
    units = dict(sorted(every.items(), key=lambda item: rank.get(item[0], len(rank))))
    lines = []
    for subject, unit in units.items():
        for stratum, phase in _shown_of(subject):

            def get(
                name: str, own_unit: str = unit, s: str = stratum, p: str = phase, q: str = subject
            ) -> Figure | None:
                return find("quantities", q, name, own_unit, s, p)

            if get("mae") is not None or get("answered", "%") is not None:
                words = _group_name(stratum, phase)
                lines.append(Line(f"{label(subject)},{sign(unit)}", words, _agreement_cells(get)))
    return lines


def change_lines(figures: Sequence[Figure]) -> list[Line]:
    """Agreement and intervals of the changes."""
    ends = {"correction": "post-op − pre-op", "loss": "follow-up − post-op"}
    return _lines_of_two_films([f for f in figures if not is_rate(f.subject)], ends)


def rate_lines(figures: Sequence[Figure]) -> list[Line]:
    """Agreement and intervals of what was won, as a share."""
    return _lines_of_two_films([f for f in figures if is_rate(f.subject)], {"correction": ""})


def _lines_of_two_films(figures: Sequence[Figure], ends: Mapping[str, str]) -> list[Line]:
    find = finder(figures)
    lines = []
    ways = {"changes": "each film by itself", f"changes{TOGETHER}": "films together"}
    for (change, words), (section, way) in product(ends.items(), ways.items()):
        for figure in figures:
            if figure.section == section and figure.name == f"{change}_mae":

                def get(name: str, unit: str = figure.unit, like: Figure = figure, c: str = change) -> Figure | None:
                    return find(like.section, like.subject, f"{c}_{name}", unit, "injured")

                cells = _agreement_cells(get)[:-1]
                small = ", ".join(word for word in (words, way) if word)
                lines.append(Line(f"{label(figure.subject)},{sign(figure.unit)}", small, cells))
    return lines


def film_lines(figures: Sequence[Figure]) -> list[Line]:
    """Films refused and usable, false vertebrae and seconds, by phase."""
    find = finder(figures)
    lines = []
    for phase in (ANY_PHASE, *(phase.value for phase in Phase)):
        names = ("refused", "measurable", "usable", "usable_jointly", "with_landmark")
        cells = [find("films", "film", name, "%", "all", phase) for name in names]
        if cells[0] is None:
            continue
        cells += [find("vertebrae", name, "per_film", "1", "all", phase) for name in ("false", "beyond")]
        cells += [find("films", name, "mean", "s", "all", phase) for name in ("locate", "decode")]
        lines.append(Line(phase, f"n = {cells[0].estimate.n:,}", cells_of(cells)))
    return lines


def _shown_of(subject: str) -> list[tuple[str, str]]:
    """Groups (stratum, phase) that the table of quantities shows; summary.csv holds all of them."""
    if subject in MAIN_QUANTITIES:
        return [("all", ANY_PHASE), ("injured", ANY_PHASE), ("injured", "pre-op"), ("injured", "post-op")]
    if subject.endswith("_3d"):
        return [("injured", ANY_PHASE)] if subject.removesuffix("_3d") in MAIN_QUANTITIES else []
    return [("all", ANY_PHASE)]


def _group_name(stratum: str, phase: str) -> str:
    return ", ".join(word for word in (stratum, phase) if word != "all") or "all"


def _groups() -> list[tuple[str, str]]:
    strata = [(stratum, ANY_PHASE) for stratum in STRATA]
    phases = [(stratum, phase.value) for phase in Phase for stratum in ("all", "injured")]
    return strata + phases


def _agreement_cells(get: Callable[..., Figure | None]) -> tuple[Cell, ...]:
    mae = get("mae")
    n = "0" if mae is None else f"{mae.estimate.n:,}"
    lower, upper = (estimate_of(get(name)) for name in ("lower", "upper"))
    digits = 2 if mae is None else digits_of(mae.unit)
    limits = ("–" if lower is None else f"{value_text(lower, digits)} to {value_text(upper, digits)}", "")
    slope, icc = cell(get("slope", "1"), 2), cell(get("icc", "1"), 3)
    if is_few(lower):
        limits = slope = icc = ("–", FEW)
    middle = [cell(get("mae")), cell(get("bias")), limits, slope, icc]
    ends = [get("sem"), get("mdc95"), get("coverage", "%"), get("width_mean"), get("answered", "%")]
    return ((n, ""), *middle, *(cell(end) for end in ends))
