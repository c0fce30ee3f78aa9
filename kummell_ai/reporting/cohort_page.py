"""The cohort's page: table in the shape of a journal's, comparisons, figures, methods, flow of films."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from kummell_ai.cohort.measures import PHASES
from kummell_ai.cohort.study import CohortStudy
from kummell_ai.imaging.radiograph import Calibration
from kummell_ai.reporting.cohort_flow import flow_rows
from kummell_ai.reporting.cohort_format import amount
from kummell_ai.reporting.cohort_gallery import figures
from kummell_ai.reporting.cohort_patients import film_rows, levels_text, posture_text, verdict_rows
from kummell_ai.reporting.cohort_rows import agreement_rows, pair_rows, rule_text, table_row
from kummell_ai.reporting.cohort_words import words
from kummell_ai.reporting.finding_words_zh import problem_in_chinese

DAYS_A_MONTH = 365.25 / 12


def write_cohort_page(study: CohortStudy, language: str, links: Mapping[str, Sequence[tuple[str, str]]]) -> str:
    """HTML text, self-contained.

    Args:
        study: the cohort.
        language: ``en`` or ``zh``.
        links: injured level and relative link to its page, by patient.
    """
    w = words(language)
    environment = Environment(
        loader=PackageLoader("kummell_ai.reporting", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("cohort.html").render(
        w=w,
        language={"en": "en", "zh": "zh-CN"}[language],
        study=study,
        links=links,
        phases=[w[phase.value] for phase in PHASES],
        rows=[table_row(line, w) for line in study.lines],
        pairs=[row for line in study.lines for row in pair_rows(line, w)],
        rules=[(w[line.measure.key], rule_text(line, w)) for line in study.lines],
        follow_up=follow_up_text(study, w),
        scale=scale_text(study, w),
        films=film_rows(study, w),
        notes=(levels_text(study, w), posture_text(study, w)),
        verdicts=verdict_rows(study, w),
        flow=flow_rows(study, w),
        chinese=lambda problem: problem_in_chinese(problem) if language == "zh" else "",
        agreement=agreement_rows(study, w),
        figures=list(figures(study, language).values()),
        methods=methods(study, w),
    )


def follow_up_text(study: CohortStudy, w: Mapping[str, str]) -> str:
    """Length of the follow-up in months, mean and range; empty when no dates tell it."""
    days = [m.follow_up_days for m in study.members.values() if m.follow_up_days is not None]
    if not days:
        return ""
    months = np.array(days) / DAYS_A_MONTH
    return w["follow_up_length"].format(mean=months.mean(), low=months.min(), high=months.max(), n=len(days))


def scale_text(study: CohortStudy, w: Mapping[str, str]) -> str:
    """On what scales the heights of how many patients are; empty without a height."""
    scale_of = {o.patient_id: o.scale for o in study.observations if o.counts and o.scale is not None}
    counts = Counter(scale_of.values())
    parts = (
        f"{w[f'scale_{kind.value}']}{w['open']}n = {counts[kind]}{w['close']}" for kind in Calibration if counts[kind]
    )
    if not counts:
        return ""
    return w["scale_text"].format(counts=w["then"].join(parts)) + (w["scales_differ"] if len(counts) > 1 else "")


def methods(study: CohortStudy, w: Mapping[str, str]) -> str:
    """The methods paragraph, with what measured and what computed."""
    made = study.provenance
    margins = w["comma"].join(
        w["margin_of"].format(margin=amount(m.margin, m), measure=w[f"name_{m.key}"])
        for m in (line.measure for line in study.lines)
        if m.margin is not None
    )
    origin = w["simulated_method"] if study.simulated else ""
    doubt = (w["shared_method"] if study.shared else "") + (w["too_narrow_method"] if study.too_narrow else "")
    doubt += w["not_calibrated_method"] if study.not_calibrated else ""
    text = w["method_text"].format(
        software=made.software if made else "kummell_ai",
        model=made.model if made else "–",
        weights=(made.weights_sha256 or "–")[:16] if made else "–",
        definitions=made.definitions if made else "–",
        margins=margins or "–",
        scipy=version("scipy"),
        statsmodels=version("statsmodels"),
    )
    scale = scale_text(study, w)
    return origin + text + (w["gap"] + scale if scale else "") + doubt
