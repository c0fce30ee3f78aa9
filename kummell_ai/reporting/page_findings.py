"""What the patient's page says about its numbers: what to check first, findings, the injured level, provenance."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kummell_ai.anatomy import LEVELS, VertebralLevel
from kummell_ai.measurement.results import CorrectionReport, Finding, RadiographMeasurement, Severity
from kummell_ai.reporting.finding_values_zh import values_in_chinese
from kummell_ai.reporting.finding_words_zh import finding_in_chinese
from kummell_ai.reporting.page_words import translator
from kummell_ai.reporting.words import CORRECTION_LABEL, are_on_own_scales

INDEX_FOUND = "index-level-found"
"""Code of the finding that says how the injured level was found; it has a line of its own."""
NO_SPACING = "no-spacing"
"""Code of the finding that a film has no scale, which each picture says, too."""
POSITION_CODES = ("posture-unlike", "posture-unknown")
"""Codes of the findings that the position of the patient differs or is not recorded."""
SCALE_CODES = ("scale-from-neighbours", "magnification-from-neighbours", "changes-on-unlike-scales")
"""Codes of the findings by what lengths were multiplied, and that their changes are on several scales."""
UNCERTAIN_LEVEL = "uncertain-level"
"""Code of the finding that the name of one vertebra is uncertain."""
NEW_FRACTURE = "new-fracture"
"""Code of the finding that a further vertebra broke between two films."""


@dataclass(frozen=True, slots=True)
class FindingText:
    """One finding and the film it is about; ``detail`` is the English line with its values beneath a Chinese one."""

    severity: str
    about: str
    message: str
    detail: str = ""


def finding_rows(report: CorrectionReport, language: str = "en") -> list[FindingText]:
    """Findings about the series, the comparisons and each film; warnings first, each once."""
    t = translator(language)
    rows = [finding_text(f, t("Series"), language) for f in report.findings if f.code != INDEX_FOUND]
    for correction in report.corrections:
        name = t(CORRECTION_LABEL.get(correction.name, correction.name))
        rows += [finding_text(f, name, language) for f in correction.findings]
    for film in report.films:
        name = film.measurement.reference.name
        near = _levels_in_use(report, film.measurement)
        about_bodies = _vertebra_findings(film.measurement)
        far = [f for f in about_bodies if _is_far(f, near)]
        own = (*film.measurement.findings, *(f for f in about_bodies if f not in far))
        rows += [finding_text(f, name, language) for f in own]
        rows += [_far_text(far, name, report.index_level, language)] if far else []
    merged = _merge(rows)
    order = {Severity.REFUSED.value: 0, Severity.WARNING.value: 1, Severity.INFO.value: 2}
    return sorted(merged, key=lambda row: order[row.severity])


def alert_rows(report: CorrectionReport, language: str = "en") -> list[FindingText]:
    """What must be checked before anything is read, each once.

    The position of the patient comes first, as all verdicts hang on it, whatever its severity, then the scales where
    films have unlike ones, so that a row of heights misleads; then the warnings about the series and whole films.
    """
    position = [f for f in report.findings if f.code in POSITION_CODES]
    scales = [f for f in report.findings if f.code in SCALE_CODES and are_on_own_scales(report)]
    others = [f for f in report.findings if f.severity is Severity.WARNING and f not in position]
    others.sort(key=lambda f: f.code != NEW_FRACTURE)
    rows = [finding_text(f, "", language) for f in (*position, *scales, *others)]
    for film in report.films:
        name = film.measurement.reference.name
        rows += [finding_text(f, name, language) for f in film.measurement.warnings if f.code != NO_SPACING]
    return _merge(rows)


def _levels_in_use(report: CorrectionReport, film: RadiographMeasurement) -> set[VertebralLevel]:
    """The levels whose corners enter the page's numbers on a film.

    They are the injured one, those beside it, those of its angles, its height references and the rulers of a common
    scale.
    """
    level = report.index_level
    present = sorted((v.level for v in film.vertebrae if v.level is not None), key=LEVELS.index)
    upper = [other for other in present if other < level][-1:]
    lower = [other for other in present if level < other][:1]
    segments = [s for s in film.segments if s.index_level is level]
    spans = [other for s in segments for other in present if s.upper <= other <= s.lower]
    rulers = [ruler for c in report.corrections if c.scale is not None for ruler in c.scale.rulers]
    return {level, *upper, *lower, *spans, *rulers, *_references(film, level)}


def _references(film: RadiographMeasurement, level: VertebralLevel) -> set[VertebralLevel]:
    """The levels that the note on the height reference names."""
    body = film.at(level)
    quantity = None if body is None else body.quantities.get("reference_height")
    named = re.findall(r"\b[TLS]\d+\b", (quantity.caveat or "") if quantity is not None else "")
    return {other for other in LEVELS if str(other) in named}


def _is_far(finding: Finding, near: set[VertebralLevel]) -> bool:
    """Whether a warning is about one vertebra that is not ``near``; a doubtful name may shift the others with it."""
    is_about_one = finding.severity is Severity.WARNING and finding.code != UNCERTAIN_LEVEL
    return is_about_one and finding.level is not None and finding.level not in near


def _far_text(far: Sequence[Finding], name: str, level: VertebralLevel, language: str) -> FindingText:
    """One line for all doubts about vertebrae that no number of the page is made of."""
    levels = sorted({f.level for f in far if f.level is not None}, key=LEVELS.index)
    if language == "zh":
        text = f"位于影像边缘而未完全显示，或检出不确定，未用于 {level} 的测量：{'、'.join(map(str, levels))}。"
    else:
        text = f"Incomplete at the film's edge or unsure, not used for {level}: {', '.join(map(str, levels))}."
    return FindingText(Severity.INFO.value, name, text)


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
    """A finding in the page's language; a code without a Chinese sentence stays English.

    Beneath a Chinese sentence that lacks the values stands the English one that has them.
    """
    english = finding.message[:1].upper() + finding.message[1:]
    english = english if english.endswith(".") else english + "."
    chinese = finding_in_chinese(finding) if language == "zh" else None
    if chinese is None:
        return FindingText(finding.severity.value, about, english)
    has_values = values_in_chinese(finding) is not None
    return FindingText(finding.severity.value, about, chinese, "" if has_values else english)


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


OPTION_LABEL = {
    "index_level": "Injured level",
    "shapes": "Shape of intact vertebrae",
    "surgical_segment": "Surgical segment",
    "spacing_mm": "Pixel spacing given, mm",
    "frame": "Frame",
    "device": "Device",
    "precision": "Precision",
}
"""What the options of a provenance are called."""
OPTION_VALUE = {
    "found": "detected automatically",
    "given": "given by the user",
    "shared": "shared by all films",
    "apart": "each film by itself",
}


def option_rows(report: CorrectionReport, language: str = "en") -> list[tuple[str, str]]:
    """The options of the provenance, for people; one without words stays as it is."""
    t = translator(language)
    rows = []
    for name, value in report.provenance.options:
        head, bracket, source = value.partition(" (")
        if bracket:
            gap = "" if language == "zh" else " "
            text = f"{t(head)}{gap}{t(f'({OPTION_VALUE.get(source[:-1], source[:-1])})')}"
        else:
            text = t(OPTION_VALUE.get(value, value))
        rows.append((t(OPTION_LABEL.get(name, name)), text))
    return rows
