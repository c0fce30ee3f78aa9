"""The patients behind the means: films by posture, injured levels, changes beyond the error of each patient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.cohort.measures import FILM_MEASURES, PHASES
from kummell_ai.cohort.study import CohortStudy
from kummell_ai.measurement.results import Verdict


@dataclass(frozen=True, slots=True)
class FilmRow:
    """Films by phase; ``kind`` is ``head``, or ``part`` for one posture."""

    kind: str
    label: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """One change of one measure: how many patients it was what for."""

    label: str
    pair: str
    n: int
    improved: int
    worse: int
    within_error: int
    unknown: int


def film_rows(study: CohortStudy, w: Mapping[str, str]) -> list[FilmRow]:
    """Films in the statistics by phase, and by the posture that their headers name."""
    seen = Counter((phase, posture) for m in study.members.values() for phase, posture in m.postures.items())
    postures = sorted({posture for _, posture in seen}, key=lambda p: (p is None, p or ""))
    total = tuple(sum(n for (phase, _), n in seen.items() if phase is own) for own in PHASES)
    rows = [FilmRow("head", w["films"], total)]
    for posture in postures:
        label = w["posture_none"] if posture is None else w.get(f"posture_{posture}", posture.capitalize())
        rows.append(FilmRow("part", label, tuple(seen[phase, posture] for phase in PHASES)))
    return rows


def posture_text(study: CohortStudy, w: Mapping[str, str]) -> str:
    """How many patients have films in unlike or unknown posture, and what that means for the tests."""
    known = [set(m.postures.values()) for m in study.members.values() if len(m.postures) > 1]
    mixed = sum(len(postures - {None}) > 1 for postures in known)
    unknown = sum(None in postures and len(postures - {None}) < 2 for postures in known)
    return w["posture_text"].format(mixed=mixed, unknown=unknown, n=len(known))


def levels_text(study: CohortStudy, w: Mapping[str, str]) -> str:
    """The injured levels, cranial to caudal, with the number of patients of each, and who has further ones."""
    counts = Counter(m.level for m in study.members.values())
    levels = sorted(counts, key=lambda name: VertebralLevel.parse(name).index)
    further = sum(bool(m.other_levels) for m in study.members.values())
    named = w["comma"].join(f"{level} {counts[level]}" for level in levels)
    return w["levels_text"].format(levels=named, further=further)


def verdict_rows(study: CohortStudy, w: Mapping[str, str]) -> list[VerdictRow]:
    """Patients improved or worse beyond the minimal detectable change; nothing where no change has one."""
    rows = []
    for measure in FILM_MEASURES:
        for earlier, later in combinations(PHASES, 2):
            said = Counter(m.verdicts.get((earlier, later, measure.key)) for m in study.members.values())
            improved, worse = said[Verdict.IMPROVED], said[Verdict.WORSE]
            within = said[Verdict.NOT_DISTINGUISHABLE]
            pair, n = f"{w[earlier.value]} → {w[later.value]}", improved + worse + within
            if n:
                unknown = len(study.members) - n
                rows.append(VerdictRow(w[measure.key], pair, n, improved, worse, within, unknown))
    return rows
