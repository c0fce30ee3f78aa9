"""A patient's course: each main quantity over the films, with its 95 % intervals and the height to be regained."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from kummell_ai.anatomy import Phase
from kummell_ai.cohort.film_values import scale_film, value_on_one_scale
from kummell_ai.cohort.measures import FILM_MEASURES
from kummell_ai.measurement.results import CorrectionReport
from kummell_ai.quantities import Quantity
from kummell_ai.reporting.page_words import day_text, days_texts, translator
from kummell_ai.reporting.plots import LEFT, RIGHT, TEXT_SIZE, WIDTH, Plot, nice_ticks
from kummell_ai.reporting.shapes import text_width
from kummell_ai.reporting.words import PHASE_LABEL, are_on_own_scales, main_ids, quantity_of, words_for

COLOUR, REFERENCE = "#17527a", "#6b5d00"
LEAST_FILMS = 2
HEAD_ROOM = 0.08
"""Share of the span that is left free beyond the farthest end of an interval."""
_UNIT_NAME = {"deg": "Degrees", "mm": "mm", "%": "%"}


def course_plots(report: CorrectionReport, language: str = "en") -> list[str]:
    """SVG text of a plot for each main quantity that is known on two films or more.

    Films stand side by side in order, whatever lies between them: days before and after surgery, years to the last.
    """
    plots = []
    for quantity_id in main_ids(report):
        quantities = _on_one_scale(report, quantity_id)
        if sum(q.value is not None for q in quantities) >= LEAST_FILMS:
            plots.append(_plot(report, quantity_id, quantities, language))
    return plots


def _on_one_scale(report: CorrectionReport, quantity_id: str) -> list[Quantity]:
    """The quantity on each film; a length of films with unlike scales as the cohort's tables have it, or missing."""
    measure = next((m for m in FILM_MEASURES if m.key == quantity_id and m.unit == "mm"), None)
    if measure is None or not are_on_own_scales(report):
        return [quantity_of(film.measurement, report.index_level, quantity_id) for film in report.films]
    missing = Quantity.missing("mm", "it cannot be brought to the scale of the other films")
    if scale_film(report) is None:
        return [missing] * len(report.films)
    return [value_on_one_scale(report, film, measure)[0] or missing for film in report.films]


def _unit(report: CorrectionReport, quantity_id: str) -> str:
    """What stands beside the axis: the unit, and of lengths brought to one scale the film whose scale it is."""
    unit, own = words_for(quantity_id).unit, scale_film(report)
    if unit != "mm" or own is None or not are_on_own_scales(report):
        return _UNIT_NAME[unit]
    return f"mm, on the scale of {own.measurement.reference.name}"


def _plot(report: CorrectionReport, quantity_id: str, quantities: list[Quantity], language: str) -> str:
    t = translator(language)
    reference, film_name = _reference(report) if quantity_id == "anterior_height" else (None, "")
    ends = [end for q in quantities if q.value is not None for end in _ends(q)]
    ticks = nice_ticks(*axis_range([*ends, *([reference] if reference is not None else [])]))
    words = words_for(quantity_id)
    plot = Plot(
        title=t(words.label),
        x_label="",
        y_label=f"{t(_unit(report, quantity_id))}{t('; bars: 95 % interval')}",
        x=(-0.5, len(quantities) - 0.5),
        y=(ticks[0], ticks[-1]),
        x_ticks=(),
        y_ticks=ticks,
    )
    if reference is not None:
        plot.across(reference, REFERENCE, dashed=True)
        note = t(f"mean of the neighbours {reference:.1f} ({t(film_name)})")
        plot.note(
            len(quantities) - 0.55, ticks[0] + (ticks[-1] - ticks[0]) / 25, f"– – {note}", REFERENCE, anchor="end"
        )
    known = [(i, q) for i, q in enumerate(quantities) if q.value is not None]
    places, values = np.array([float(i) for i, _ in known]), np.array([float(q.value or 0.0) for _, q in known])
    for i, q in known:
        plot.line(np.full(2, float(i)), np.array(_ends(q)), COLOUR, width=1.2)
    plot.line(places, values, COLOUR, width=2.2)
    plot.dots(places, values, COLOUR, size=8.0, opacity=1.0)
    step = (ticks[-1] - ticks[0]) / 100
    first_row, second_row = ticks[0] - 8 * step, ticks[0] - 15 * step
    days = _days_that_fit(report, language)
    if days is not None:
        for i, (film, day) in enumerate(zip(report.films, days, strict=True)):
            plot.note(i, first_row, t(PHASE_LABEL[film.phase]), anchor="middle")
            plot.note(i, second_row, day, anchor="middle")
    else:
        for row, (phase, place) in enumerate(_middles([film.phase for film in report.films])):
            plot.note(place, second_row if row % 2 else first_row, t(PHASE_LABEL[phase]), anchor="middle")
    return plot.svg()


def _days_that_fit(report: CorrectionReport, language: str) -> list[str] | None:
    """Dates of the films, of one day with their times if there is room; None if dates would run into each other."""
    moments = [film.measurement.reference.acquired for film in report.films]
    room = (WIDTH - LEFT - RIGHT) / len(moments) + 1.0
    for days in (days_texts(moments, language, is_short=True), [day_text(moment, language) for moment in moments]):
        if max(text_width(day, TEXT_SIZE) for day in days) <= room:
            return days
    return None


def _middles(phases: Sequence[Phase]) -> list[tuple[Phase, float]]:
    """Each phase and the middle of its films, which stand side by side."""
    runs = [(phase, [i for i, _ in run]) for phase, run in groupby(enumerate(phases), key=lambda pair: pair[1])]
    return [(phase, (places[0] + places[-1]) / 2) for phase, places in runs]


def _ends(quantity: Quantity) -> tuple[float, float]:
    value = quantity.value or 0.0
    return (quantity.interval.low, quantity.interval.high) if quantity.interval else (value, value)


def axis_range(values: Sequence[float]) -> tuple[float, float]:
    """Low and high of an axis that holds 0 and all values, with room beyond the farthest of them.

    >>> axis_range([10.0, 25.0]), axis_range([-5.0, 20.0])
    ((0.0, 27.0), (-7.0, 22.0))
    """
    low, high = min(0.0, *values), max(0.0, *values)
    room = HEAD_ROOM * (high - low)
    return low - room if low < 0 else 0.0, high + room if high > 0 else 0.0


def _reference(report: CorrectionReport) -> tuple[float | None, str]:
    """Mean anterior height (mm) of the intact neighbours on the last film of that scale, and that film."""
    own = scale_film(report) if are_on_own_scales(report) else None
    for number, film in reversed(list(enumerate(report.films, start=1))):
        if own is not None and film.measurement.spacing.calibration is not own.measurement.spacing.calibration:
            continue
        quantity = quantity_of(film.measurement, report.index_level, "reference_height")
        if quantity.value is not None and quantity.unit == "mm":
            phase = PHASE_LABEL[film.phase].lower()
            return quantity.value, phase if film.phase is not Phase.UNKNOWN else f"{phase} {number}"
    return None, ""
