"""What a model is judged by, on top of an evaluation's page: tiles, the main table, requirements and targets."""

from __future__ import annotations

from collections.abc import Sequence

from kummell_ai.evaluation.aims import standings
from kummell_ai.evaluation.figures import TOGETHER, Figure, finder
from kummell_ai.evaluation.tables import main_figures
from kummell_ai.reporting.evaluation_cells import NO_CELL, Line, cell
from kummell_ai.reporting.evaluation_words import sign

_TILES = {
    "found_percent": "Vertebrae found",
    "level_exact_percent_any_field": "Names exact",
    "usable_films_percent": "Films usable",
    "corner_median_mm": "Corner error, median",
    "cobb_mae_deg": "Segmental Cobb, mean absolute error",
    "wedge_mae_deg": "Wedge angle, mean absolute error",
    "anterior_height_mae_mm": "Anterior height, mean absolute error",
    "cobb_interval_coverage_percent": "95 % intervals that hold the Cobb angle",
}
"""The most important main figures, all of them film by film."""

_Key = tuple[str, ...]

_CORNERS, _VALUES, _CHANGES = "corners", "quantities", "changes"
_COBB, _WEDGE, _HEIGHT = "segmental_cobb", "wedge_angle", "anterior_height"
_WITH_JOINT_NAMES = {"exact": "exact_jointly", "usable": "usable_jointly"}

_ROWS: tuple[tuple[str, _Key], ...] = (
    ("Films refused", ("films", "film", "refused", "%")),
    ("Films usable", ("films", "film", "usable", "%")),
    ("Films usable, pre-op", ("films", "film", "usable", "%", "all", "pre-op")),
    ("Films usable, post-op", ("films", "film", "usable", "%", "all", "post-op")),
    ("Films with the sacrum or the last rib in view", ("films", "film", "with_landmark", "%")),
    ("Vertebrae found", ("vertebrae", "vertebra", "found", "%")),
    ("False vertebrae a film", ("vertebrae", "false", "per_film", "1")),
    ("Names exact, any field", ("levels", "exact", "any_field", "%")),
    ("Names exact, sacrum or last rib in view", ("levels", "exact", "with_landmark", "%")),
    ("Corner error, mean", (_CORNERS, "error", "mean", "mm")),
    ("Corner error, mean, injured vertebra", (_CORNERS, "error", "mean", "mm", "injured")),
    ("Corner error, mean, vertebrae with screws", (_CORNERS, "error", "mean", "mm", "instrumented")),
    ("Corner error, median", (_CORNERS, "error", "median", "mm")),
    ("Corner error, 90th percentile", (_CORNERS, "error", "p90", "mm")),
    ("Corner error, median, of depth", (_CORNERS, "error", "median", "%")),
    ("Corner error, 90th percentile, of depth", (_CORNERS, "error", "p90", "%")),
    ("Corners within 1 mm", (_CORNERS, "error", "sdr_1mm", "%")),
    ("Corners within 2 mm", (_CORNERS, "error", "sdr_2mm", "%")),
    ("Corners within 3 mm", (_CORNERS, "error", "sdr_3mm", "%")),
    ("Corners in their 95 % ellipse", (_CORNERS, "ellipse", "coverage", "%")),
    ("Segmental Cobb, MAE", (_VALUES, _COBB, "mae", "deg")),
    ("Segmental Cobb about the injured vertebra, MAE", (_VALUES, _COBB, "mae", "deg", "injured")),
    ("Segmental Cobb, MAE post-op minus MAE pre-op", (_VALUES, _COBB, "mae_post_minus_pre", "deg")),
    (
        "Segmental Cobb about the injured vertebra, MAE post-op minus MAE pre-op",
        (_VALUES, _COBB, "mae_post_minus_pre", "deg", "injured"),
    ),
    ("Segmental Cobb, in its 95 % interval", (_VALUES, _COBB, "coverage", "%")),
    ("Segmental Cobb, mean width of the interval", (_VALUES, _COBB, "width_mean", "deg")),
    ("Change of segmental Cobb, post-op − pre-op, MAE", (_CHANGES, _COBB, "correction_mae", "deg", "injured")),
    (
        "Change of segmental Cobb, post-op − pre-op, in its 95 % interval",
        (_CHANGES, _COBB, "correction_coverage", "%", "injured"),
    ),
    (
        "Change of segmental Cobb, post-op − pre-op, mean width of the interval",
        (_CHANGES, _COBB, "correction_width_mean", "deg", "injured"),
    ),
    ("Change of segmental Cobb, follow-up − post-op, MAE", (_CHANGES, _COBB, "loss_mae", "deg", "injured")),
    (
        "Change of segmental Cobb, follow-up − post-op, in its 95 % interval",
        (_CHANGES, _COBB, "loss_coverage", "%", "injured"),
    ),
    (
        "Change of segmental Cobb, follow-up − post-op, mean width of the interval",
        (_CHANGES, _COBB, "loss_width_mean", "deg", "injured"),
    ),
    ("Wedge angle, MAE", (_VALUES, _WEDGE, "mae", "deg")),
    ("Wedge angle of the injured vertebra, MAE", (_VALUES, _WEDGE, "mae", "deg", "injured")),
    ("Wedge angle, in its 95 % interval", (_VALUES, _WEDGE, "coverage", "%")),
    ("Wedge angle, mean width of the interval", (_VALUES, _WEDGE, "width_mean", "deg")),
    ("Anterior height, MAE", (_VALUES, _HEIGHT, "mae", "mm")),
    ("Anterior height of the injured vertebra, MAE", (_VALUES, _HEIGHT, "mae", "mm", "injured")),
    ("Anterior height, in its 95 % interval", (_VALUES, _HEIGHT, "coverage", "%")),
    ("Anterior height, mean width of the interval", (_VALUES, _HEIGHT, "width_mean", "mm")),
    ("Height restoration rate, MAE", (_CHANGES, "height_restoration_rate", "correction_mae", "%", "injured")),
    ("Kyphosis correction rate, MAE", (_CHANGES, "correction_rate", "correction_mae", "%", "injured")),
    ("Height loss, MAE", (_VALUES, "height_loss", "mae", "%")),
    ("Seconds to locate the vertebrae of a film", ("films", "locate", "mean", "s")),
)
"""Rows of the main table; the same figure of films taken together has a key that follows from this one."""

_OF_AIMS = {
    "corner_mean_mm": "Corner error, mean",
    "corner_mean_mm_injured": "Corner error of the injured vertebra, mean",
    "corner_mean_mm_jointly": "Corner error, a patient's films together, mean",
    "sdr_2mm_percent": "Corners within 2 mm",
    "sdr_2mm_percent_jointly": "Corners within 2 mm, a patient's films together",
    "cobb_mae_deg": "Segmental Cobb, MAE",
    "cobb_mae_deg_jointly": "Segmental Cobb, a patient's films together, MAE",
    "wedge_mae_deg": "Wedge angle, MAE",
    "wedge_mae_deg_jointly": "Wedge angle, a patient's films together, MAE",
    "anterior_height_mae_mm": "Anterior height, MAE",
    "anterior_height_mae_mm_jointly": "Anterior height, a patient's films together, MAE",
    "cobb_mae_post_minus_pre_deg": "Segmental Cobb, MAE post-op minus MAE pre-op",
    "level_exact_percent_with_landmark": "Names exact, film by film, sacrum or last rib in view",
    "level_exact_percent_any_field": "Names exact, film by film, any field",
    "level_exact_jointly_percent_with_landmark": "Names exact, a patient's films together, sacrum or last rib in view",
    "level_exact_jointly_percent_any_field": "Names exact, a patient's films together, any field",
    "usable_films_percent_pre_op": "Films usable, pre-op",
    "usable_films_percent_post_op": "Films usable, post-op",
    "usable_jointly_films_percent_pre_op": "Films usable, pre-op, named together",
    "usable_jointly_films_percent_post_op": "Films usable, post-op, named together",
}


def tile_lines(figures: Sequence[Figure]) -> list[Line]:
    """The most important main figures, at most eight; the unit stands beside the value."""
    main = main_figures(figures)
    lines = []
    for name, words in _TILES.items():
        if name in main:
            value, interval = cell(main[name])
            value = f"{value}{sign(main[name].unit)}".replace(" °", "°")
            lines.append(Line(words, f"n = {main[name].estimate.n:,}", ((value, interval),)))
    return lines


def main_lines(figures: Sequence[Figure]) -> list[Line]:
    """The figures a model is judged by: n, film by film, and with a patient's films together."""
    find = finder(figures)
    lines = []
    for words, key in _ROWS:
        figure, other = find(*key), _together(key)
        if figure is not None:
            unit = f",{sign(figure.unit)}" if sign(figure.unit) and figure.unit != "s" else ""
            joint = NO_CELL if other is None else cell(find(*other))
            lines.append(Line(f"{words}{unit}", "", ((f"{figure.estimate.n:,}", ""), cell(figure), joint)))
    return lines


def aim_lines(figures: Sequence[Figure]) -> list[Line]:
    """Requirement, result and target of the figures that have one, and which of them is met."""
    lines = []
    for standing in standings(figures):
        than = "≥" if standing.is_to_be_high else "≤"
        ends = ["–" if end is None else f"{than} {end:g}" for end in (standing.floor, standing.aim)]
        cells = ((ends[0], ""), cell(standing.figure), (ends[1], ""), (standing.verdict, ""))
        head = f"{_OF_AIMS[standing.name]},{sign(standing.figure.unit)}"
        lines.append(Line(head, f"n = {standing.figure.estimate.n:,}", cells))
    return lines


def _together(key: _Key) -> _Key | None:
    """Key of the same figure with a patient's films together; None where that cannot differ."""
    section, subject, name, *rest = key
    if section in (_CORNERS, _VALUES, _CHANGES):
        return (f"{section}{TOGETHER}", subject, name, *rest)
    if section == "levels":
        return (section, _WITH_JOINT_NAMES[subject], name, *rest)
    if name in _WITH_JOINT_NAMES:
        return (section, subject, _WITH_JOINT_NAMES[name], *rest)
    return None
