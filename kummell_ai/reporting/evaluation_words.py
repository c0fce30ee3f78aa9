"""How an evaluation's figures are called and written for people."""

from __future__ import annotations

from kummell_ai.evaluation.bootstrap import Estimate
from kummell_ai.evaluation.shares import FEW_CARRIERS
from kummell_ai.statistics.resampled_agreement import MIN_PATIENTS

EXACT = "†"
"""Marks intervals of Clopper and Pearson, of shares whose rarer side few patients carry."""

MIN_PATIENTS_OF_AGREEMENT = 10
"""With fewer patients the page gives no ICC and no limits of agreement; summary.csv does."""

FEW = f"(< {MIN_PATIENTS_OF_AGREEMENT} patients)"

AGREEMENT_NOTE = (
    "Measured minus true. Limits of agreement: bias ± 1.96 standard deviations. SEM: the standard deviation of "
    "measured minus true, since the truth is taken to be exact and the whole error is the program's. MDC95, the least "
    "change of two films that is told from none: 1.96 √2 SEM. "
    "Where the truth is a person's marks, which err too, SEM and MDC95 are upper bounds. The ICC takes measured and "
    "true as two readings of one film (ICC(2,1)). Values of one patient are alike; limits and ICC do not know that, "
    "the intervals below the values do. Of fewer than ten patients an ICC and limits of agreement would say next to "
    "nothing and are withheld here; summary.csv has them."
)

_LABELS = {
    "segmental_cobb": "Segmental Cobb",
    "local_kyphosis": "Local kyphosis",
    "surgical_segment_cobb": "Surgical segment Cobb",
    "wedge_angle": "Wedge angle",
    "anterior_height": "Anterior height",
    "middle_height": "Middle height",
    "posterior_height": "Posterior height",
    "superior_depth": "Superior depth",
    "inferior_depth": "Inferior depth",
    "height_loss": "Height loss",
    "wedge_ratio": "Wedge ratio",
    "compression": "Compression",
    "reference_height": "Reference height",
    "height_restoration_rate": "Height restoration rate",
    "height_gain_rate": "Height gain",
    "correction_rate": "Kyphosis correction rate",
}
RATES_NOTE = (
    "Height restoration rate: anterior height regained as a share of what was missing to the reference height. Height "
    "gain: the same as a share of the height before. Kyphosis correction rate: correction as a share of the segmental "
    "Cobb angle before. A rate that a report withholds, near nothing lost or nothing to correct, is left out."
)

_SIGNS = {"mm": " mm", "deg": " °", "%": " %", "s": " s", "px": " px", "1": ""}


def label(quantity_id: str) -> str:
    """Name of a quantity.

    >>> label("wedge_angle_3d"), label("wrong name")
    ('Wedge angle, 3-D truth', 'Wrong name')
    """
    base = quantity_id.removesuffix("_3d")
    name = _LABELS.get(base, base[:1].upper() + base[1:])
    return f"{name}, 3-D truth" if quantity_id.endswith("_3d") else name


def is_few(estimate: Estimate | None) -> bool:
    """Whether a figure is of too few patients for an ICC or limits of agreement to say anything."""
    return estimate is not None and estimate.patients < MIN_PATIENTS_OF_AGREEMENT


def is_rate(quantity_id: str) -> bool:
    """Whether a quantity of two films is what was won as a share, and not a change."""
    return quantity_id.endswith("_rate")


def sign(unit: str) -> str:
    """A unit as it follows a number."""
    return _SIGNS[unit]


def digits_of(unit: str) -> int:
    """Decimals that a figure is written with.

    >>> digits_of("%"), digits_of("deg")
    (1, 2)
    """
    return 1 if unit == "%" else 2


def value_text(estimate: Estimate | None, digits: int = 2) -> str:
    """The value alone.

    >>> value_text(None), value_text(Estimate(-1.234, None, 5, 5, "none"))
    ('–', '−1.23')
    """
    if estimate is None or estimate.value is None:
        return "–"
    return _number(estimate.value, digits)


def interval_text(estimate: Estimate | None, digits: int = 2) -> str:
    """The interval alone, marked † where it is the exact one; why there is none; empty where there is no value.

    >>> from kummell_ai.quantities import Interval
    >>> interval_text(Estimate(0.0, Interval(0.0, 60.236), 9, 4, "exact"), 1)
    '0.0 to 60.2 †'
    >>> interval_text(Estimate(100.0, None, 9, 1, "none")), interval_text(Estimate(0.0, None, 9, 5, "none"))
    ('(1 patient)', '(no spread)')
    """
    if estimate is None or estimate.value is None:
        return ""
    if estimate.interval is not None:
        ends = f"{_number(estimate.interval.low, digits)} to {_number(estimate.interval.high, digits)}"
        return f"{ends} {EXACT}" if estimate.method == "exact" else ends
    if estimate.patients < MIN_PATIENTS:
        return f"({patients_text(estimate.patients)})"
    return "(no spread)"


def simulated_text(simulated: int, films: int) -> str:
    """That all or some of the films are simulated; empty where none is.

    >>> simulated_text(12, 12), simulated_text(3, 12), simulated_text(0, 12)
    ('Simulated films', '3 of 12 films are simulated', '')
    """
    if not simulated:
        return ""
    return "Simulated films" if simulated >= films else f"{simulated:,} of {films:,} films are simulated"


def patients_text(count: int) -> str:
    """``1 patient``, ``2 patients``."""
    return f"{count:,} patient{'' if count == 1 else 's'}"


def intervals_note(patients: int, resamples: int, seed: int) -> str:
    """How the intervals of the page were made."""
    return (
        f"In grey below or beside a value stands its 95 % interval, over {patients_text(patients)}: percentiles of "
        f"{resamples:,} bootstrap resamples of patients (seed {seed}). {EXACT}: a share whose failures, or successes, "
        f"fewer than {FEW_CARRIERS:g} patients carry has the exact interval of Clopper and Pearson, of as many trials "
        "as its values, which are alike in a patient, are worth; at 0 and 100 % one trial a patient. Values of fewer "
        f"than {MIN_PATIENTS} patients, and values without spread, have no interval. With few patients the percentiles "
        "lie further out, as far as Student's t."
    )


def _number(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text.replace("-", "−") if float(text) else text.removeprefix("-")
