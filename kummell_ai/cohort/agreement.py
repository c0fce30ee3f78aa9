"""Program against person on the same films: which readings are taken together, and how sure the figures are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kummell_ai.anatomy import Phase
from kummell_ai.cohort.measures import PHASES, Measure
from kummell_ai.statistics.agreement import BlandAltman, Reliability, bland_altman, reliability
from kummell_ai.statistics.resampled_agreement import agreement_intervals

LEAST_READINGS = 10
"""With fewer readings of a phase it has no figures of its own: an ICC of a few patients says next to nothing."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the program and a person read on one film that stands for a phase, in the unit of the measure.

    Attributes:
        measure: key of the measure.
        program, manual: both in the film's own scale.
    """

    patient_id: str
    phase: Phase
    measure: str
    program: float
    manual: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """Program against person on the same films, in the unit of the measure.

    Attributes:
        phase: of all the films, None where several phases are pooled.
        program, manual: readings (n,).
        patients: that the films are of.
        limits, reliability: None where there are fewer than 3 films or no spread. Where a patient has several films
            their intervals are of a bootstrap over patients: errors on films of one patient are alike.
        by_phase: the same of the films of each phase, where several are pooled, of those with ten readings or more.
            Pooling raises the ICC, since phases differ more than patients do.
    """

    measure: Measure
    phase: Phase | None
    program: NDArray[np.float64]
    manual: NDArray[np.float64]
    patients: int
    limits: BlandAltman | None
    reliability: Reliability | None
    by_phase: tuple[Agreement, ...] = ()


def agreement_of(measure: Measure, readings: Sequence[Reading]) -> Agreement | None:
    """Agreement on one measure over all phases, and within those that have enough readings; None without a reading."""
    own = [reading for reading in readings if reading.measure == measure.key]
    if not own:
        return None
    phases = [phase for phase in PHASES if any(reading.phase is phase for reading in own)]
    if len(phases) == 1:
        return _agreement(measure, own, phases[0])
    of_phase = [(phase, [reading for reading in own if reading.phase is phase]) for phase in phases]
    parts = tuple(_agreement(measure, part, phase) for phase, part in of_phase if len(part) >= LEAST_READINGS)
    return replace(_agreement(measure, own, None), by_phase=parts)


def _agreement(measure: Measure, readings: Sequence[Reading], phase: Phase | None) -> Agreement:
    pairs = np.array([[reading.program, reading.manual] for reading in readings], np.float64)
    names = sorted({reading.patient_id for reading in readings})
    limits: BlandAltman | None = None
    trust: Reliability | None = None
    try:
        limits = bland_altman(pairs[:, 0], pairs[:, 1])
        trust = reliability(pairs)
    except ValueError:
        pass  # too few pairs, or no spread: the readings are shown without limits
    if limits is not None and len(names) < len(pairs):
        patient = np.array([names.index(reading.patient_id) for reading in readings], np.int64)
        limits, trust = _over_patients(pairs, patient, limits, trust)
    return Agreement(measure, phase, pairs[:, 0], pairs[:, 1], len(names), limits, trust)


def _over_patients(
    pairs: NDArray[np.float64], patient: NDArray[np.int64], limits: BlandAltman, trust: Reliability | None
) -> tuple[BlandAltman, Reliability | None]:
    """The figures of ``pairs`` (n, 2), those of ``patient`` (n,), with intervals of resampled patients."""
    over = agreement_intervals(pairs, patient)
    limits = replace(limits, bias_interval=over.bias, lower_interval=over.lower, upper_interval=over.upper)
    return limits, None if trust is None else replace(trust, icc_interval=over.icc)
