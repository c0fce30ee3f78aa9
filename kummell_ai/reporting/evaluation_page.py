"""The page of an evaluation: main figures, tables by stratum and phase, plots, the worst films, definitions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from kummell_ai.anatomy import Phase
from kummell_ai.evaluation.aims import standings
from kummell_ai.evaluation.bootstrap import Estimate
from kummell_ai.evaluation.figures import ANY_PHASE, TOGETHER, Figure, finder
from kummell_ai.evaluation.samples import STRATA, unit_of
from kummell_ai.evaluation.study import MAIN_QUANTITIES, Study
from kummell_ai.evaluation.tables import main_figures
from kummell_ai.reporting import evaluation_figures as draw
from kummell_ai.reporting.evaluation_words import interval_text, intervals_note, label, sign, value_text
from kummell_ai.reporting.words import RESEARCH_USE, SIGNS

Cell = tuple[str, str]
"""Value, and its interval."""

_CORNER_HEADS: tuple[tuple[str, tuple[str, str, str, str]], ...] = (
    ("found, %", ("vertebrae", "vertebra", "found", "%")),
    ("name exact, %", ("levels", "exact", "any_field", "%")),
    ("name exact jointly, %", ("levels", "exact_jointly", "any_field", "%")),
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
    "ICC(2,1)",
    "SEM",
    "MDC95",
    "coverage, %",
    "width",
    "given, %",
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

_WORDS = {
    "found_percent": "Vertebrae found",
    "false_vertebrae_per_film": "False vertebrae a film",
    "corner_mean_mm": "Corner error, mean",
    "corner_median_mm": "Corner error, median",
    "corner_p90_mm": "Corner error, 90th percentile",
    "corner_mean_mm_injured": "– injured vertebra, mean",
    "corner_mean_mm_jointly": "– a patient's films together, mean",
    "corner_mean_mm_instrumented_jointly": "– the same, vertebrae with screws",
    "corner_median_percent_of_depth": "Corner error, median, of depth",
    "corner_p90_percent_of_depth": "Corner error, 90th percentile, of depth",
    "sdr_1mm_percent": "Corners within 1 mm",
    "sdr_2mm_percent": "Corners within 2 mm",
    "sdr_3mm_percent": "Corners within 3 mm",
    "sdr_2mm_percent_jointly": "– within 2 mm, a patient's films together",
    "cobb_mae_deg": "Segmental Cobb, MAE",
    "cobb_mae_deg_injured": "– about the injured vertebra",
    "cobb_mae_deg_jointly": "– a patient's films together",
    "cobb_mae_deg_injured_jointly": "– the same about the injured vertebra",
    "cobb_mae_post_minus_pre_deg": "– MAE post-op minus pre-op",
    "cobb_mae_post_minus_pre_deg_injured": "– the same about the injured vertebra",
    "cobb_change_mae_deg": "– change post-op − pre-op, MAE, film by film",
    "cobb_change_mae_deg_jointly": "– the same, films together",
    "cobb_loss_mae_deg": "– change follow-up − post-op, MAE, film by film",
    "cobb_loss_mae_deg_jointly": "– the same, films together",
    "wedge_mae_deg": "Wedge angle, MAE",
    "wedge_mae_deg_jointly": "– a patient's films together",
    "wedge_mae_deg_injured": "– of the injured vertebra",
    "anterior_height_mae_mm": "Anterior height, MAE",
    "anterior_height_mae_mm_jointly": "– a patient's films together",
    "anterior_height_mae_mm_injured": "– of the injured vertebra",
    "height_loss_mae_percent": "Height loss, MAE",
    "level_exact_percent_with_landmark": "Name exact, sacrum or last rib in view",
    "level_exact_percent_any_field": "Name exact, any field",
    "level_exact_jointly_percent_with_landmark": "– patient's films together, landmark in view",
    "level_exact_jointly_percent_any_field": "– patient's films together, any field",
    "vertebrae_percent_with_landmark": "Vertebrae with sacrum or last rib in view",
    "films_percent_with_landmark": "Films with sacrum or last rib in view",
    "corner_ellipse_coverage_percent": "95 % ellipses hold the corner",
    "cobb_interval_coverage_percent": "95 % intervals hold the Cobb angle",
    "cobb_interval_width_deg": "– their mean width",
    "wedge_interval_coverage_percent": "95 % intervals hold the wedge angle",
    "wedge_interval_width_deg": "– their mean width",
    "anterior_height_interval_coverage_percent": "95 % intervals hold the anterior height",
    "anterior_height_interval_width_mm": "– their mean width",
    "cobb_interval_coverage_percent_jointly": "– the Cobb angle, films together",
    "cobb_interval_width_deg_jointly": "– their mean width",
    "cobb_change_interval_coverage_percent": "– its change post-op − pre-op, films together",
    "cobb_change_interval_width_deg": "– their mean width",
    "cobb_loss_interval_coverage_percent": "– its change follow-up − post-op, films together",
    "cobb_loss_interval_width_deg": "– their mean width",
    "refused_films_percent": "Films refused",
    "usable_films_percent": "Films usable",
    "usable_films_percent_pre_op": "– pre-op",
    "usable_films_percent_post_op": "– post-op",
    "usable_jointly_films_percent_pre_op": "– pre-op, named together",
    "usable_jointly_films_percent_post_op": "– post-op, named together",
    "seconds_a_film": "Seconds a film",
}

_ALONE = {
    "corner_mean_mm_injured": "Corner error of the injured vertebra, mean",
    "corner_mean_mm_jointly": "Corner error, a patient's films together, mean",
    "sdr_2mm_percent_jointly": "Corners within 2 mm, a patient's films together",
    "cobb_mae_deg_jointly": "Segmental Cobb, a patient's films together, MAE",
    "wedge_mae_deg_jointly": "Wedge angle, a patient's films together, MAE",
    "anterior_height_mae_mm_jointly": "Anterior height, a patient's films together, MAE",
    "cobb_mae_post_minus_pre_deg": "Segmental Cobb, MAE post-op minus MAE pre-op",
    "level_exact_percent_with_landmark": "Name exact, film by film, sacrum or last rib in view",
    "level_exact_percent_any_field": "Name exact, film by film, any field",
    "level_exact_jointly_percent_with_landmark": "Name exact, a patient's films together, sacrum or last rib in view",
    "level_exact_jointly_percent_any_field": "Name exact, a patient's films together, any field",
    "usable_films_percent_pre_op": "Films usable, pre-op",
    "usable_films_percent_post_op": "Films usable, post-op",
    "usable_jointly_films_percent_pre_op": "Films usable, pre-op, named together",
    "usable_jointly_films_percent_post_op": "Films usable, post-op, named together",
}
"""The words of main figures where their neighbours are not there."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table: its head, a smaller word, and its cells."""

    head: str
    small: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """One of the worst films: name, what went wrong, drawing (SVG text)."""

    name: str
    caption: str
    drawing: str


def write_evaluation_page(
    study: Study, facts: Mapping[str, str], pictures: Sequence[Picture], unused: Sequence[tuple[str, str]] = ()
) -> str:
    """HTML text, self-contained.

    Args:
        study: what was found.
        facts: of the run, by name, as they stand in the head of the page.
        pictures: of the worst films, worst first.
        unused: name of each film that could not be used, and why.
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
        "Change of a patient": draw.change_plots(study.changes),
    }
    return environment.get_template("evaluation.html").render(
        research_use=RESEARCH_USE,
        signs=SIGNS,
        facts=facts,
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
        films=film_lines(study.figures),
        plots={title: [Markup(plot) for plot in drawn] for title, drawn in plots.items() if drawn},
        pictures=[(p.name, p.caption, Markup(p.drawing)) for p in pictures],
        intervals_note=intervals_note(len(study.samples.patients), study.resamples, study.seed),
    )


def main_lines(figures: Sequence[Figure]) -> list[Line]:
    """The figures a model is judged by."""
    lines = []
    for name, figure in main_figures(figures).items():
        estimate = figure.estimate
        value = f"{value_text(estimate)}{sign(figure.unit)}".replace(" °", "°")
        lines.append(Line(_WORDS[name], f"n = {estimate.n:,}", ((value, interval_text(estimate)),)))
    return lines


def aim_lines(figures: Sequence[Figure]) -> list[Line]:
    """Requirement, result and target of the figures that have one, and which of them is met."""
    lines = []
    for standing in standings(figures):
        unit = sign(standing.figure.unit)
        than = "≥" if standing.is_to_be_high else "≤"
        ends = ["–" if end is None else f"{than} {end:g}" for end in (standing.floor, standing.aim)]
        cells = ((ends[0], ""), _cell(standing.figure), (ends[1], ""), (standing.verdict, ""))
        words_of_it = _ALONE.get(standing.name, _WORDS[standing.name])
        lines.append(Line(f"{words_of_it},{unit}", f"n = {standing.figure.estimate.n:,}", cells))
    return lines


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
                cells = ((f"{figure.estimate.n:,}", ""), _cell(figure), *_cells(widths))
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
            lines.append(Line(_group_name(stratum, phase), f"n = {cells[0].estimate.n:,}", _cells(cells)))
    return lines


def quantity_lines(figures: Sequence[Figure]) -> list[Line]:
    """Agreement and intervals of every quantity; the main ones also of the injured vertebra and against the bones."""
    find = finder(figures)
    withheld = {f.subject: unit_of(f.subject) for f in figures if f.section == "quantities" and f.name == "answered"}
    every = withheld | {f.subject: f.unit for f in figures if f.section == "quantities" and f.name == "mae"}
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
    find = finder(figures)
    lines = []
    ends = {"correction": "post-op − pre-op", "loss": "follow-up − post-op"}
    ways = {"changes": "each film by itself", f"changes{TOGETHER}": "films together"}
    for (change, words), (section, way) in product(ends.items(), ways.items()):
        for figure in figures:
            if figure.section == section and figure.name == f"{change}_mae":

                def get(name: str, unit: str = figure.unit, like: Figure = figure, c: str = change) -> Figure | None:
                    return find(like.section, like.subject, f"{c}_{name}", unit, "injured")

                cells = _agreement_cells(get)[:-1]
                lines.append(Line(f"{label(figure.subject)},{sign(figure.unit)}", f"{words}, {way}", cells))
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
        lines.append(Line(phase, f"n = {cells[0].estimate.n:,}", _cells(cells)))
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
    lower, upper = (_estimate(get(name)) for name in ("lower", "upper"))
    limits = "–" if lower is None else f"{value_text(lower)} to {value_text(upper)}"
    middle = [_cell(get("mae")), _cell(get("bias")), (limits, ""), _cell(get("icc", "1"), 3)]
    ends = [get("sem"), get("mdc95"), get("coverage", "%"), get("width_mean"), get("answered", "%")]
    return ((n, ""), *middle, *(_cell(end) for end in ends))


def _cells(figures: Sequence[Figure | None]) -> tuple[Cell, ...]:
    return tuple(_cell(figure) for figure in figures)


def _cell(figure: Figure | None, digits: int | None = None) -> Cell:
    estimate = _estimate(figure)
    digits = digits if digits is not None else (1 if figure is not None and figure.unit == "%" else 2)
    return value_text(estimate, digits), interval_text(estimate, digits)


def _estimate(figure: Figure | None) -> Estimate | None:
    return None if figure is None else figure.estimate
