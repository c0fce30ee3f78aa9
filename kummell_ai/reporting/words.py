"""What each quantity is called, how it is written, and where it is defined."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kummell_ai.anatomy import Phase, VertebralLevel
from kummell_ai.imaging.interval_factors import SIMULATED_FILMS
from kummell_ai.measurement.results import CorrectionReport, RadiographMeasurement, Verdict
from kummell_ai.quantities import Quantity

RESEARCH_USE = "Research use, not a medical device"
INTERVALS_TOO_NARROW = (
    "The 95 % intervals and the probabilities of the level names were set on simulated films. On real films the errors "
    "are larger: trust a change only where it is well beyond them, and check the names."
)
INTERVALS_NOT_CALIBRATED = (
    "The 95 % intervals of this model are not calibrated: how often they hold is not known, and the films of a "
    "patient are measured apart. Set them on annotated films before a change is believed."
)
SIGNS = "Kyphosis is positive, lordosis negative."
UNROUNDED = "Changes are computed from unrounded values and may differ by 0.1 from the difference of the printed ones."
TABLE_NOTE = (
    "Small figures are 95 % intervals of the measurement error. A change counts as improved or worse only beyond the "
    "minimal detectable change (MDC) of the two films; smaller ones are within measurement error. The films of a "
    "patient err alike, so that a change can be real although the intervals of two films overlap. A value is "
    f"maintained where two one-sided tests rule out a change as large as the margin. {UNROUNDED} Posture alone can "
    "change these values by more than the MDC."
)


def intervals_too_narrow(films: Iterable[RadiographMeasurement]) -> bool:
    """Whether a real film was measured with intervals that were set on simulated ones."""
    return any(film.provenance.calibrated_on == SIMULATED_FILMS and not film.reference.simulated for film in films)


def are_not_calibrated(films: Iterable[RadiographMeasurement]) -> bool:
    """Whether a film was measured with a model whose intervals were never set on films with known corners."""
    return any(film.provenance.calibrated_on is None and not _has_factors(film) for film in films)


def _has_factors(film: RadiographMeasurement) -> bool:
    """Films measured with models from before provenance told what they were calibrated on have factors all the same."""
    factors = (vertebra.landmarks.interval_factors for vertebra in film.vertebrae)
    return any(f is not None and bool(f.by_quantity) for f in factors)


def limits_of_intervals(measurements: Iterable[RadiographMeasurement]) -> list[str]:
    """What limits the 95 % intervals of films, each said once for all of them."""
    films = list(measurements)
    said = {INTERVALS_TOO_NARROW: intervals_too_narrow(films), INTERVALS_NOT_CALIBRATED: are_not_calibrated(films)}
    return [text for text, is_so in said.items() if is_so]


UNIT_SUFFIX = {"mm": "_mm", "deg": "_deg", "%": "_percent", "px": "_px", "1": ""}
"""Ending of a column name for a unit."""


@dataclass(frozen=True, slots=True)
class Words:
    """How a quantity is presented.

    Attributes:
        label: name in tables.
        unit: the unit it is reported in when all is known.
        definition: one sentence for the end of the report.
        digits: decimals shown.
    """

    label: str
    unit: str
    definition: str
    digits: int = 1


VERTEBRA_WORDS: dict[str, Words] = {
    "anterior_height": Words(
        "Anterior height", "mm", "Distance from the superior to the inferior anterior corner of the body."
    ),
    "middle_height": Words("Middle height", "mm", "Distance between the middles of the two endplates."),
    "posterior_height": Words(
        "Posterior height", "mm", "Distance from the superior to the inferior posterior corner of the body."
    ),
    "superior_depth": Words("Superior endplate depth", "mm", "Length of the superior endplate."),
    "inferior_depth": Words("Inferior endplate depth", "mm", "Length of the inferior endplate."),
    "wedge_angle": Words(
        "Wedge angle",
        "deg",
        "Angle between the superior and the inferior endplate of the body itself; positive when lower in front.",
    ),
    "reference_height": Words(
        "Reference height", "mm", "Mean anterior height of the nearest intact vertebrae above and below."
    ),
    "wedge_ratio": Words("Wedge ratio", "%", "100 × anterior height / posterior height of the same body."),
    "height_loss": Words(
        "Anterior height loss",
        "%",
        "Anterior height held against the mean anterior height of the nearest intact neighbours.",
    ),
    "compression": Words(
        "Compression", "%", "100 × (1 − the smaller of anterior and middle height / posterior height)."
    ),
    "height_derived_grade": Words(
        "Height-derived grade",
        "1",
        "0 below 20 %, 1 from 20 %, 2 from 25 %, 3 above 40 % height loss; not a reader's Genant grade.",
        0,
    ),
}
"""Quantities of one vertebra, in table order."""

SEGMENT_WORDS: dict[str, Words] = {
    "segmental_cobb": Words(
        "Segmental kyphosis (Cobb)",
        "deg",
        "Superior endplate of the level above to the inferior endplate of the level below the index level.",
    ),
    "surgical_segment_cobb": Words(
        "Surgical segment (Cobb)",
        "deg",
        "Superior endplate of the upper to the inferior endplate of the lower instrumented vertebra.",
    ),
    "local_kyphosis": Words(
        "Local kyphosis (Gardner)",
        "deg",
        "Superior endplate of the level above to the inferior endplate of the index level.",
    ),
    "sagittal_index": Words(
        "Sagittal index (Farcy)", "deg", "Segmental kyphosis minus the normal angle at that level."
    ),
}
"""Angles over several vertebrae, in table order."""

DERIVED_WORDS: dict[str, Words] = {
    "height_restoration": Words("Height restored", "mm", "Anterior height after minus before."),
    "height_restoration_rate": Words(
        "Height restoration rate",
        "%",
        "Anterior height regained as a share of what was missing to the reference height of the neighbours.",
        0,
    ),
    "height_gain_rate": Words(
        "Height gain", "%", "Anterior height regained as a share of the height before surgery.", 0
    ),
    "kyphosis_correction": Words("Kyphosis correction", "deg", "Segmental kyphosis before minus after."),
    "correction_rate": Words(
        "Kyphosis correction rate",
        "%",
        "Kyphosis correction as a share of the kyphosis before surgery; not given near 0°.",
        0,
    ),
    "wedge_correction": Words("Wedge correction", "deg", "Wedge angle before minus after."),
    "loss_of_correction": Words(
        "Loss of correction", "deg", "Segmental kyphosis at the last film minus that right after surgery."
    ),
    "height_loss_after_surgery": Words(
        "Height lost since surgery", "mm", "Anterior height after surgery minus that of the last film."
    ),
    "intravertebral_instability": Words(
        "Intravertebral instability", "mm", "Anterior height lying minus sitting, both before surgery."
    ),
}
"""Numbers that follow from a change, in table order."""

COMPARISON_WORDS: dict[str, str] = {
    "Change by surgery, after surgery, overall": (
        "From before surgery to after it, from there to the last film, from before to the last."
    ),
    "Minimal detectable change": "1.96 times the standard error of the difference between two films.",
    "Maintained": "Two one-sided tests at 5 % rule out that a loss is as large as the margin.",
    "Patient position": (
        "The same fractures measured 18.3 mm and 26.2° sitting, 24.3 mm and 15.4° supine "
        "(J Orthop Surg Res 2020, s13018-020-01649-y)."
    ),
}
"""What the words of a comparison mean."""

MAIN_IDS: tuple[str, ...] = ("anterior_height", "segmental_cobb", "wedge_angle")
"""The three numbers a correction is judged by."""
MAIN_IDS_WITHOUT_SCALE: tuple[str, ...] = ("height_loss", "segmental_cobb", "wedge_angle")
"""The same where no film has a scale."""
NEUTRAL_IDS = frozenset({"posterior_height"})
"""Quantities of which higher is not better; their changes are told as higher or lower."""

PHASE_LABEL = {Phase.PRE_OP: "Pre-op", Phase.POST_OP: "Post-op", Phase.FOLLOW_UP: "Follow-up", Phase.UNKNOWN: "Film"}
CORRECTION_LABEL = {"correction": "Change by surgery", "loss": "Change after surgery", "net": "Overall change"}
VERDICT_MARK = {
    Verdict.IMPROVED: "✓",
    Verdict.WORSE: "✗",
    Verdict.NOT_DISTINGUISHABLE: "≈",
    Verdict.UNKNOWN: "?",
}


def css_class(verdict: Verdict) -> str:
    """Name of the colour of a verdict.

    >>> css_class(Verdict.NOT_DISTINGUISHABLE)
    'not-distinguishable'
    """
    return verdict.name.lower().replace("_", "-")


def main_ids(report: CorrectionReport) -> tuple[str, ...]:
    """The three numbers a correction is judged by: the height itself, or its loss where no film has a scale."""
    has_scale = any(film.measurement.spacing.is_metric for film in report.films)
    return MAIN_IDS if has_scale else MAIN_IDS_WITHOUT_SCALE


def are_on_own_scales(report: CorrectionReport) -> bool:
    """Whether the films have pixel sizes of unlike kind, so that their lengths are not those of one scale."""
    spacings = (film.measurement.spacing for film in report.films)
    return len({spacing.calibration for spacing in spacings if spacing.is_metric}) > 1


def words_for(quantity_id: str) -> Words:
    """The words of a quantity; an id without an entry is written out.

    >>> words_for("wedge_angle").label
    'Wedge angle'
    >>> words_for("brand_new").label
    'Brand new'
    """
    for table in (VERTEBRA_WORDS, SEGMENT_WORDS, DERIVED_WORDS):
        if quantity_id in table:
            return table[quantity_id]
    return Words(quantity_id.replace("_", " ").capitalize(), "1", "See docs/definitions.md.")


def column(quantity_id: str, words: Words) -> str:
    """Column name with the unit, for example ``anterior_height_mm``."""
    return quantity_id + UNIT_SUFFIX[words.unit]


def number(value: float, digits: int, *, sign: bool = False) -> str:
    """A number with a true minus sign and never ``-0.0``.

    >>> number(-0.04, 1), number(-3.25, 1), number(3.2, 1, sign=True)
    ('0.0', '−3.2', '+3.2')
    """
    rounded = round(value, digits) + 0.0
    return f"{rounded:{'+' if sign and rounded else ''}.{digits}f}".replace("-", "−")


def unit_text(unit: str) -> str:
    """The unit as it follows a number: ``°`` without, all others with a thin gap."""
    return {"deg": "°", "1": ""}.get(unit, f"\u202f{unit}")


def change_unit(unit: str) -> str:
    """The unit of a change: that of a share is percentage points.

    >>> change_unit("%"), change_unit("mm")
    ('pp', 'mm')
    """
    return "pp" if unit == "%" else unit


def quantity_of(measurement: RadiographMeasurement, level: VertebralLevel, quantity_id: str) -> Quantity:
    """The quantity of ``level`` on a film, be it of the vertebra or of the segment about it."""
    segment = measurement.segment(quantity_id, level)
    if segment is not None:
        return segment.angle
    vertebra = measurement.at(level)
    if vertebra is not None and quantity_id in vertebra.quantities:
        return vertebra.quantities[quantity_id]
    reason = f"{level} was not found on this film" if vertebra is None else "a vertebra it needs was not found"
    return Quantity.missing(words_for(quantity_id).unit, reason)
