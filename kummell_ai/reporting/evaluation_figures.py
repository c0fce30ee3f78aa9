"""Plots of an evaluation: error distributions, agreement, coverage, risk against coverage, changes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kummell_ai.evaluation.abstention import RiskCoverage
from kummell_ai.evaluation.changes import ChangeError
from kummell_ai.evaluation.figures import Figure, finder
from kummell_ai.evaluation.samples import STRATA, QuantitySamples, Samples
from kummell_ai.evaluation.study import MAIN_QUANTITIES, Study
from kummell_ai.reporting.evaluation_words import digits_of, is_few, is_rate, label, patients_text, sign
from kummell_ai.reporting.plots import FloatArray, Plot, nice_ticks

COLOURS = {
    "all": "#14181d",
    "intact": "#17527a",
    "fractured": "#b3261e",
    "cemented": "#b07d00",
    "instrumented": "#0b7a4b",
    "injured": "#7b3fa0",
}
ACCENT, WARM, SOFT = "#17527a", "#b3261e", "#9aa6b2"

MOST_DOTS = 1500
"""Dots of a scatter plot; of more values a fixed part is drawn, lines are taken of all."""

MOST_POINTS = 200
"""Points of a curve."""

COVERAGE_BAND = (92.0, 98.0)
"""Coverage (%) that is asked of each stratum; the aim is 95."""


def error_plots(study: Study) -> list[str]:
    """Share of corners within a distance, by stratum; histograms of the errors of the main quantities."""
    return [_corner_shares(study.samples), *(_histogram(q) for q in _main(study.samples))]


def agreement_plots(study: Study) -> list[str]:
    """Bland-Altman plots of the main quantities."""
    return [_bland_altman(q, study.figures) for q in _main(study.samples)]


def coverage_plots(figures: Sequence[Figure]) -> list[str]:
    """Coverage of the 95 % intervals and ellipses by stratum, each with its own interval."""
    plots = [_coverage(figures, "corners", "ellipse", "Corner ellipses")]
    plots += [_coverage(figures, "quantities", name, label(name)) for name in MAIN_QUANTITIES]
    return [plot for plot in plots if plot]


def risk_plots(curves: Sequence[RiskCoverage]) -> list[str]:
    """Mean error of what is kept, against the share kept."""
    return [_risk(curve) for curve in curves]


def change_plots(changes: Sequence[ChangeError]) -> list[str]:
    """Measured against true change from pre-op to post-op, or rate of what was won, one dot a patient."""
    chosen = [c for c in changes if c.change == "correction" and not c.quantity_id.endswith("_3d")]
    names = dict.fromkeys(c.quantity_id for c in chosen)
    return [_change([c for c in chosen if c.quantity_id == name]) for name in names]


def _main(samples: Samples) -> list[QuantitySamples]:
    known = [samples.quantities[name] for name in MAIN_QUANTITIES if name in samples.quantities]
    return [quantity for quantity in known if len(quantity.error)]


def _corner_shares(samples: Samples) -> str:
    part, unit = (
        ("distance_mm", "mm") if np.isfinite(samples.corners["distance_mm"]).any() else ("percent", "% of depth")
    )
    known = {name: _finite(samples.corners[part][mask]) for name, mask in samples.strata.items()}
    known = {name: np.sort(values) for name, values in known.items() if len(values)}
    high = nice_ticks(0.0, float(np.quantile(known["all"], 0.98)) if known else 1.0)[-1]
    plot = Plot("Corner error", f"distance, {unit}", "% of located corners within", (0.0, high), (0.0, 100.0))
    for name, values in known.items():
        shares = np.linspace(0.0, 1.0, min(len(values), MOST_POINTS) + 1)
        plot.line(np.append(0.0, np.quantile(values, shares)), 100.0 * np.append(0.0, shares), COLOURS[name])
    plot.legend([(f"{name} (n = {len(values):,})", COLOURS[name]) for name, values in known.items()])
    return plot.svg()


def _histogram(quantity: QuantitySamples) -> str:
    error = quantity.error
    reach = nice_ticks(0.0, max(float(np.quantile(np.abs(error), 0.99)), 1e-3))[-1]
    edges = np.linspace(-reach, reach, 42)
    counts, _ = np.histogram(error, edges)
    shares = 100.0 * counts / len(error)
    top = max(float(shares.max()), 1.0)
    title, unit = f"{label(quantity.quantity_id)}: errors", sign(quantity.unit)
    size = f"{np.abs(error).mean():.{digits_of(quantity.unit)}f}{unit}".replace(" °", "°")
    y_label = f"% of {len(error):,} values; mean absolute error {size}"
    plot = Plot(title, f"measured − true,{unit}", y_label, (-reach, reach), (0.0, 1.05 * top))
    plot.bars(edges, shares, "#8fb3cc")
    plot.up(0.0, SOFT)
    plot.up(float(np.median(error)), WARM, dashed=True)
    for side, anchor in ((-1.0, "start"), (1.0, "end")):
        outside = int((side * error > reach).sum())
        if outside:
            plot.beyond(np.array([2.0 * side * reach]), np.array([0.05 * top]), WARM)
            plot.note(side * reach, 0.11 * top, f"{outside} beyond", WARM, anchor)
    return plot.svg()


def _bland_altman(quantity: QuantitySamples, figures: Sequence[Figure]) -> str:
    find = finder(figures)
    ends = [find("quantities", quantity.quantity_id, name, quantity.unit) for name in ("lower", "bias", "upper")]
    values = [end.estimate.value for end in ends if end is not None and end.estimate.value is not None]
    mean, error = 0.5 * (quantity.measured + quantity.true), quantity.error
    reach = max(1.5 * max((abs(v) for v in values), default=0.0), float(np.quantile(np.abs(error), 0.98)), 1e-3)
    x, y = nice_ticks(float(mean.min()), float(mean.max())), nice_ticks(-reach, reach)
    unit = sign(quantity.unit)
    plot = Plot(
        label(quantity.quantity_id), f"mean of both,{unit}", f"measured − true,{unit}", (x[0], x[-1]), (y[0], y[-1])
    )
    shown = _part(len(mean))
    plot.dots(mean[shown], error[shown], ACCENT)
    lines = list(zip(values, (WARM, "#14181d", WARM), strict=False))
    for value, colour in lines[1:2] if any(end is not None and is_few(end.estimate) for end in ends) else lines:
        text = f"{value:+.{digits_of(quantity.unit)}f}".replace("-", "−")
        plot.across(value, colour, text, dashed=colour == WARM)
    if outside := plot.beyond(mean, error, WARM):
        plot.y_label += f"; triangles: {outside} of {len(error):,} beyond the frame"
    return plot.svg()


def _coverage(figures: Sequence[Figure], section: str, subject: str, title: str) -> str | None:
    find = finder(figures)
    found = [(stratum, find(section, subject, "coverage", "%", stratum)) for stratum in STRATA]
    rows = [(stratum, figure) for stratum, figure in found if figure is not None]
    if not rows:
        return None
    names = [f"{stratum} ({figure.estimate.n:,})" for stratum, figure in rows]
    places = [float(len(rows) - i) for i in range(len(rows))]
    values = [figure.estimate.value or 0.0 for _, figure in rows]
    lows = [figure.estimate.interval.low for _, figure in rows if figure.estimate.interval is not None]
    low = min(85.0, 5.0 * np.floor((min([*values, *lows]) - 1.0) / 5.0))
    plot = Plot(
        f"{title}: coverage", "% of true values inside", "95 % intervals, by stratum (n)",
        (max(float(low), 0.0), 100.0), (0.4, len(rows) + 0.6), y_ticks=places, y_names=names, left=118.0,
    )  # fmt: skip
    plot.band(COVERAGE_BAND, "#e7f1ea")
    plot.up(95.0, "#0b7a4b")
    for (stratum, figure), place, value in zip(rows, places, values, strict=True):
        interval = figure.estimate.interval
        if interval is not None:
            plot.line(np.array([interval.low, interval.high]), np.array([place, place]), COLOURS[stratum], width=2.2)
        plot.dots(np.array([value]), np.array([place]), COLOURS[stratum], size=8.0, opacity=1.0)
    return plot.svg()


def _risk(curve: RiskCoverage) -> str:
    shown = np.unique(np.linspace(0, len(curve.risk) - 1, MOST_POINTS).astype(int))
    start = max(int(0.05 * len(curve.risk)), 1) - 1
    high = nice_ticks(0.0, max(float(curve.risk[start:].max()), 0.1))[-1]
    area = f"{curve.aurc:.{digits_of(curve.unit)}f}"
    gain = "" if curve.gain is None else f", gain {curve.gain:.2f}".replace("-", "−")
    plot = Plot(
        f"{label(curve.subject)} by {curve.signal}", "% of answers kept, the surest first",
        f"mean error of what is kept,{sign(curve.unit)} (area {area}{gain})", (0.0, 100.0), (0.0, high),
    )  # fmt: skip
    plot.line(100.0 * curve.coverage[shown], curve.best[shown], SOFT, dashed=True)
    plot.line(100.0 * curve.coverage[shown], curve.risk[shown], ACCENT, width=2.2)
    return plot.svg()


def _change(changes: Sequence[ChangeError]) -> str:
    measured, true = (np.array([getattr(c, name) for c in changes]) for name in ("measured", "true"))
    both = np.concatenate([measured, true])
    ends = nice_ticks(float(both.min()), float(both.max()))
    span, unit = (ends[0], ends[-1]), sign(changes[0].unit)
    name = label(changes[0].quantity_id)
    title, what = (name, "rate") if is_rate(changes[0].quantity_id) else (f"{name}: post-op − pre-op", "change")
    patients = patients_text(len(changes))
    plot = Plot(title, f"true {what},{unit}", f"measured {what},{unit} ({patients})", span, span)
    plot.line(np.array(span), np.array(span), SOFT, width=1.2)
    plot.dots(true, measured, ACCENT, size=5.0, opacity=0.6)
    return plot.svg()


def _part(count: int) -> np.ndarray:
    """Rows of at most `MOST_DOTS` of ``count`` values, always the same ones."""
    if count <= MOST_DOTS:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, MOST_DOTS, replace=False))


def _finite(values: FloatArray) -> FloatArray:
    finite: FloatArray = values[np.isfinite(values)]
    return finite
