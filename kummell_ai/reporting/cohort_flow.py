"""What became of films and patients, as the rows of one table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kummell_ai.cohort.measures import PHASES
from kummell_ai.cohort.problems import Fault, Problem
from kummell_ai.cohort.study import CohortStudy


@dataclass(frozen=True, slots=True)
class FlowRow:
    """One line; ``kind`` is ``head``, or ``part`` for what adds up to the line above it."""

    kind: str
    label: str
    count: int


def flow_rows(study: CohortStudy, w: Mapping[str, str]) -> list[FlowRow]:
    """Films given, refused by reason, measured, used; patients; all other faults of the inputs by kind."""
    flow = study.flow
    complete = sum(m.phases == len(PHASES) for m in study.members.values())
    rows = [FlowRow("head", w["flow_films"], flow.given)]
    rows += [FlowRow("head", w["flow_refused"], len(flow.refused)), *_parts(flow.refused, w)]
    rows += [FlowRow("head", w["flow_unused"], len(flow.unused)), *_parts(flow.unused, w)]
    rows += [FlowRow("head", w["flow_used"], flow.used)]
    rows += [FlowRow("head", w["flow_patients"], flow.patients), FlowRow("head", w["flow_members"], len(study.members))]
    rows += [FlowRow("part", w["flow_complete"], complete)]
    rows += [FlowRow("part", w["flow_incomplete"], len(study.members) - complete)]
    rows += [FlowRow("head", w["flow_inputs"], len(study.problems)), *_parts(study.problems, w)]
    return rows


def _parts(problems: Iterable[Problem], w: Mapping[str, str]) -> list[FlowRow]:
    counts = Counter(problem.fault for problem in problems)
    return [FlowRow("part", w[fault.value], counts[fault]) for fault in Fault if counts[fault]]
