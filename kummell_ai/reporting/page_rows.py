"""The parts of the patient's page as plain values, ready for the template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kummell_ai.cohort.measures import FILM_MEASURES
from kummell_ai.measurement.results import (
    Change,
    Correction,
    CorrectionReport,
    Finding,
    RadiographMeasurement,
    Severity,
)
from kummell_ai.quantities import Z95, Quantity
from kummell_ai.reporting.finding_words_zh import finding_in_chinese
from kummell_ai.reporting.page_words import translator
from kummell_ai.reporting.prose import interval_text, value_text, verdict_text
from kummell_ai.reporting.words import (
    COMPARISON_WORDS,
    CORRECTION_LABEL,
    DERIVED_WORDS,
    MAIN_IDS,
    PHASE_LABEL,
    SEGMENT_WORDS,
    VERDICT_MARK,
    VERTEBRA_WORDS,
    quantity_of,
    unit_text,
    words_for,
)
from kummell_ai.statistics.cohort import ALPHA
from kummell_ai.statistics.paired import equivalence_p

INDEX_FOUND = "index-level-found"
"""Code of the finding that says how the injured level was found; it has a line of its own."""

NO_SPACING = "no-spacing"
"""Code of the finding that a film has no scale, which each picture says, too."""
POSITION_CODES = ("posture-unlike", "posture-unknown")
"""Codes of the findings that the position of the patient differs or is not recorded."""
UNCERTAIN_LEVEL = "uncertain-level"
"""Code of the finding that the name of one vertebra is uncertain."""

ROW_IDS: tuple[str, ...] = (
    *MAIN_IDS,
    *("posterior_height", "wedge_ratio", "height_loss", "height_derived_grade"),
    *("local_kyphosis", "surgical_segment_cobb", "sagittal_index"),
)
"""Rows of the main table, as far as a film has them."""


@dataclass(frozen=True, slots=True)
class CellText:
    """One cell: the value, its interval beneath, and what explains it on hover."""

    value: str
    interval: str = ""
    hint: str = ""
    verdict: str = ""
    mark: str = ""
    verdict_class: str = ""
    maintained: str = ""


@dataclass(frozen=True, slots=True)
class QuantityRow:
    """One quantity on all films and its changes."""

    label: str
    detail: str
    main: bool
    values: tuple[CellText, ...]
    changes: tuple[CellText, ...]


@dataclass(frozen=True, slots=True)
class FindingText:
    """One finding and the film it is about; ``detail`` is the English line with its values beneath a Chinese one."""

    severity: str
    about: str
    message: str
    detail: str = ""


def quantity_rows(report: CorrectionReport) -> list[QuantityRow]:
    """Rows of the main table."""
    return [_row(report, i) for i in ROW_IDS if _is_present(report, i)]


def _is_present(report: CorrectionReport, quantity_id: str) -> bool:
    if quantity_id in MAIN_IDS:
        return True
    level = report.index_level
    return any(quantity_of(film.measurement, level, quantity_id).value is not None for film in report.films)


def _row(report: CorrectionReport, quantity_id: str) -> QuantityRow:
    digits = words_for(quantity_id).digits
    quantities = [quantity_of(film.measurement, report.index_level, quantity_id) for film in report.films]
    return QuantityRow(
        label=words_for(quantity_id).label,
        detail=row_detail(report, quantity_id),
        main=quantity_id in MAIN_IDS,
        values=tuple(value_cell(q, digits) for q in quantities),
        changes=tuple(_change_cell(correction, quantity_id, digits) for correction in report.corrections),
    )


def row_detail(report: CorrectionReport, quantity_id: str) -> str:
    """The endplates of an angle, or the vertebra a height belongs to."""
    for film in report.films:
        segment = film.measurement.segment(quantity_id, report.index_level)
        if segment is not None:
            return segment.endplates
    if quantity_id == "wedge_angle":
        return f"{report.index_level} superior to inferior"
    return str(report.index_level) if quantity_id in VERTEBRA_WORDS else ""


def value_cell(quantity: Quantity, digits: int) -> CellText:
    """The cell of a measured value."""
    return CellText(value_text(quantity, digits), interval_text(quantity, digits), quantity.caveat or "")


def _change_cell(correction: Correction, quantity_id: str, digits: int) -> CellText:
    change = next((c for c in correction.changes if c.quantity_id == quantity_id), None)
    if change is None:
        return CellText("")
    return CellText(
        value=value_text(change.change, digits, sign=True),
        interval=interval_text(change.change, digits),
        hint=change.change.caveat or _mdc_text(change),
        verdict=verdict_text(change.verdict),
        mark=VERDICT_MARK[change.verdict],
        verdict_class=change.verdict.name.lower().replace("_", "-"),
        maintained=_maintained(change) if correction.name == "loss" else "",
    )


def _maintained(change: Change) -> str:
    """Whether a change as large as the margin of the cohort's table is ruled out; empty where there is no margin."""
    margin = next((m.margin for m in FILM_MEASURES if m.key == change.quantity_id), None)
    value, unit = change.change.value, change.change.unit
    if margin is None or value is None or change.mdc95 is None or unit == "px":
        return ""
    p = equivalence_p(value, change.mdc95 / Z95, margin)
    within = f"within ± {margin:g}{unit_text(unit)}"
    return f"maintained {within}" if p < ALPHA else f"maintained {within}: not shown"


def _mdc_text(change: Change) -> str:
    if change.mdc95 is None:
        return "the minimal detectable change is not known"
    return f"minimal detectable change {change.mdc95:.1f}"


def derived_rows(report: CorrectionReport) -> list[tuple[str, list[CellText]]]:
    """Rates and corrections: one row an id, one cell a comparison."""
    tables = [dict(c.derived) for c in report.corrections]
    missing = Quantity.missing("1", "not part of this comparison")
    rows = []
    for i in _derived_ids(report):
        cells = [value_cell(table.get(i, missing), words_for(i).digits) for table in tables]
        if any(i in table for table in tables):
            rows.append((words_for(i).label, cells))
    return rows


def _derived_ids(report: CorrectionReport) -> list[str]:
    """Rows of the derived table: those with words first, in their order, then unknown ones."""
    present = {i for c in report.corrections for i in c.derived}
    return [*(i for i in DERIVED_WORDS if i in present), *sorted(present - DERIVED_WORDS.keys())]


def correction_heads(report: CorrectionReport) -> list[tuple[str, str]]:
    """Name and span of each comparison, for example ``("Loss", "Post-op → last")``."""
    heads = []
    for correction in report.corrections:
        after = PHASE_LABEL[correction.after]
        heads.append(
            (CORRECTION_LABEL.get(correction.name, correction.name), f"{PHASE_LABEL[correction.before]} → {after}")
        )
    return heads


def finding_rows(report: CorrectionReport, language: str = "en") -> list[FindingText]:
    """Findings about the series, the comparisons and each film; warnings first, each once."""
    t = translator(language)
    rows = [finding_text(f, t("Series"), language) for f in report.findings if f.code != INDEX_FOUND]
    for correction in report.corrections:
        name = t(CORRECTION_LABEL.get(correction.name, correction.name))
        rows += [finding_text(f, name, language) for f in correction.findings]
    for film in report.films:
        name = film.measurement.reference.name
        own = (*film.measurement.findings, *_vertebra_findings(film.measurement))
        rows += [finding_text(f, name, language) for f in own]
    merged = _merge(rows)
    order = {Severity.REFUSED.value: 0, Severity.WARNING.value: 1, Severity.INFO.value: 2}
    return sorted(merged, key=lambda row: order[row.severity])


def alert_rows(report: CorrectionReport, language: str = "en") -> list[FindingText]:
    """What must be checked before anything is read, each once.

    The position of the patient comes first, as all verdicts hang on it, whatever its severity; then the warnings about
    the series and about whole films.
    """
    position = [f for f in report.findings if f.code in POSITION_CODES]
    others = [f for f in report.findings if f.severity is Severity.WARNING and f not in position]
    rows = [finding_text(f, "", language) for f in (*position, *others)]
    for film in report.films:
        name = film.measurement.reference.name
        rows += [finding_text(f, name, language) for f in film.measurement.warnings if f.code != NO_SPACING]
    return _merge(rows)


def _vertebra_findings(film: RadiographMeasurement) -> list[Finding]:
    """Findings about single vertebrae; names that are uncertain together are one finding."""
    found = [(vertebra, finding) for vertebra in film.vertebrae for finding in vertebra.findings]
    uncertain = [vertebra for vertebra, finding in found if finding.code == UNCERTAIN_LEVEL]
    if len(uncertain) < 2:
        return [finding for _, finding in found]
    shares = [v.landmarks.level_probability or 0.0 for v in uncertain]
    low, high = (f"{share:.2f}" for share in (min(shares), max(shares)))
    span = low if low == high else f"{low} to {high}"
    names = ", ".join(str(v.level) for v in uncertain)
    text = f"the level names may be shifted ({names} have probability {span}): count them on the film"
    rest = [finding for _, finding in found if finding.code != UNCERTAIN_LEVEL]
    return [Finding(UNCERTAIN_LEVEL, Severity.WARNING, text), *rest]


def _merge(rows: Sequence[FindingText]) -> list[FindingText]:
    """One row a message, naming everything it is about."""
    about: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        names = about.setdefault((row.severity, row.message, row.detail), [])
        if row.about not in names:
            names.append(row.about)
    return [FindingText(row[0], ", ".join(names), *row[1:]) for row, names in about.items()]


def finding_text(finding: Finding, about: str, language: str = "en") -> FindingText:
    """A finding in the page's language; a code without a Chinese sentence stays English."""
    english = finding.message[:1].upper() + finding.message[1:]
    english = english if english.endswith(".") else english + "."
    chinese = finding_in_chinese(finding) if language == "zh" else None
    texts = (english,) if chinese is None else (chinese, english)
    return FindingText(finding.severity.value, about, *texts)


def index_text(report: CorrectionReport, language: str = "en") -> FindingText:
    """Which level is the injured one, and where that comes from."""
    found = next((f for f in report.findings if f.code == INDEX_FOUND), None)
    is_given = report.index_level_source == "given"
    if is_given or found is None:
        t, gap = translator(language), "" if language == "zh" else " "
        source = t("given by the user." if is_given else "found automatically.")
        return FindingText(Severity.INFO.value, "", f"{report.index_level} {t('is the injured level,')}{gap}{source}")
    if language == "zh":
        return finding_text(found, "", language)
    reason = found.message.removeprefix("injured vertebra found: ").removeprefix(f"{report.index_level}: ").rstrip(".")
    text = f"{report.index_level} is the injured level, found automatically: {reason}."
    return FindingText(Severity.INFO.value, "", text)


def definition_rows(report: CorrectionReport) -> list[tuple[str, str, str]]:
    """Label, endplates and definition of every quantity on the page, and what its comparisons say."""
    ids = [i for i in ROW_IDS if _is_present(report, i)]
    derived = _derived_ids(report)
    quantities = [
        (words_for(i).label, row_detail(report, i) if i in SEGMENT_WORDS else "", words_for(i).definition)
        for i in (*ids, *derived)
    ]
    comparisons = [(name, "", text) for name, text in COMPARISON_WORDS.items() if report.corrections]
    return [*quantities, *comparisons]
