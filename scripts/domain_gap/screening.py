"""What the ingredients of the films are worth, all from the same twelve runs.

In a run about half of the factors are left out; which, says `SCREENING`. The design is orthogonal, so that the effect
of a factor is the mean of its six runs without it less the mean of its six runs with it, and each run serves all
factors. Every run has a seed of its own; the spread of the networks is in the margin of error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from domain_gap.arms import SCREENED, SCREENING


class Figure(NamedTuple):
    """A figure of a run: heading, decimals, and where it stands in the results of a seed."""

    head: str
    digits: int
    path: tuple[str, ...]


FIGURES = (
    Figure("real: found", 1, ("val10", "found")),
    Figure("real: false", 1, ("val10", "false_vertebrae")),
    Figure("real: median %", 2, ("val10", "corner_median_percent_of_depth")),
    Figure("real: p90 %", 1, ("val10", "corner_p90_percent_of_depth")),
    Figure("simulated: found %", 1, ("simulated", "outside", "found_percent")),
    Figure("simulated: named right %", 1, ("simulated", "outside", "named_right_percent")),
    Figure("simulated: median %", 2, ("simulated", "outside", "corner_median_percent_of_depth")),
)


def effects(values: Mapping[str, float]) -> dict[str, float]:
    """Factor -> mean without it less mean with it.

    Args:
        values: a figure of every run of `SCREENING`.
    """
    return {
        factor: float(
            np.mean([values[run] for run, out in SCREENING.items() if factor in out])
            - np.mean([values[run] for run, out in SCREENING.items() if factor not in out])
        )
        for factor in SCREENED
    }


def margin_of_error(contrasts: Mapping[str, float]) -> float:
    """How large an effect is by chance at most, in 95 of 100 factors without any.

    Lenth's pseudo standard error (Technometrics 1989;31:469-473) times the t of a third as many degrees of freedom as
    there are effects: most factors are taken to do little, and their effects to show the noise.
    """
    sizes = np.abs(np.array(list(contrasts.values())))
    first = 1.5 * float(np.median(sizes))
    error = 1.5 * float(np.median(sizes[sizes < 2.5 * first])) if first > 0.0 else 0.0
    return float(stats.t.ppf(0.975, len(sizes) / 3.0)) * error


def screening_table(arms: Mapping[str, Any]) -> str:
    """Markdown: what leaving out each factor changes; bold what is beyond the margin of error. Empty without runs."""
    runs = {name: list(arms[name]["seeds"].values()) for name in SCREENING if name in arms}
    if not runs:
        return ""
    if missing := [name for name in SCREENING if name not in runs]:
        return f"Screening: {len(runs)} of {len(SCREENING)} runs are done, to be done: {', '.join(missing)}."
    columns = [["left out", "---", *SCREENED, "margin of error", "mean of the 12 runs"]]
    for figure in FIGURES:
        values = {name: value for name, run in runs.items() if (value := _value(run, figure)) is not None}
        if len(values) == len(SCREENING):
            columns.append(_column(figure, values))
    lines = [f"| {' | '.join(line)} |" for line in zip(*columns, strict=True)]
    return "Screening: what leaving a factor out changes\n\n" + "\n".join(lines)


def _column(figure: Figure, values: Mapping[str, float]) -> list[str]:
    """The cells of a figure that every run has."""
    changes, digits = effects(values), figure.digits
    margin = margin_of_error(changes)
    cells = [_change(change, margin, digits) for change in changes.values()]
    mean = float(np.mean(list(values.values())))
    return [figure.head, "---", *cells, f"±{margin:.{digits}f}", f"{mean:.{digits}f}"]


def _value(seeds: Sequence[Any], figure: Figure) -> float | None:
    """Mean of a figure over the seeds of a run; None where one has none."""
    values = [_look_up(seed, figure.path) for seed in seeds]
    return None if None in values else float(np.mean(values))


def _look_up(results: Any, path: Sequence[str]) -> Any:
    for key in path:
        results = results.get(key) if isinstance(results, dict) else None
    return results


def _change(effect: float, margin: float, digits: int) -> str:
    text = f"{effect:+.{digits}f}".replace("-", "−")
    return f"**{text}**" if abs(effect) > margin else text
