"""The values a measurement consists of; pure data, no computation."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import Enum

from kummell_ai.anatomy import Phase, VertebralLevel
from kummell_ai.imaging.annotation import SpineLandmarks, VertebraLandmarks
from kummell_ai.imaging.radiograph import ImageReference, PixelSpacing
from kummell_ai.quantities import Quantity

DISCLAIMER = "Research use only, not a medical device."

NO_INFERIOR = "the sacrum has no inferior endplate"
"""Why an angle that would end at the inferior endplate of S1 has no value."""


class Severity(Enum):
    """How much a finding weighs."""

    INFO = "info"
    WARNING = "warning"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a reader must know about a film or a series.

    Attributes:
        code: short kebab-case id, stable, for example ``no-spacing``.
        severity: how much it weighs.
        message: one sentence with value, expectation and remedy.
        level: the vertebra it is about, or None.
    """

    code: str
    severity: Severity
    message: str
    level: VertebralLevel | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """What made a result.

    Attributes:
        software: name and version.
        model: name of the model folder, or ``manual``.
        weights_sha256: hash of the weights, hex, or None.
        created: when (UTC).
        definitions: version of docs/definitions.md the numbers follow.
        input_sha256: hashes of the films used, in order.
        options: options that change numbers, as (name, value) text pairs.
        calibrated_on: what the intervals were set on, of `imaging.interval_factors`, or None when that is not known.
        statement: the research-use sentence.
    """

    software: str
    model: str
    weights_sha256: str | None
    created: dt.datetime
    definitions: str
    input_sha256: tuple[str | None, ...]
    options: tuple[tuple[str, str], ...] = ()
    calibrated_on: str | None = None
    statement: str = DISCLAIMER


@dataclass(frozen=True, slots=True)
class VertebraMeasurement:
    """All quantities of one vertebra.

    Attributes:
        landmarks: the points measured on.
        quantities: by id (docs/definitions.md), for example ``anterior_height``; in table order.
        findings: about this vertebra.
    """

    landmarks: VertebraLandmarks
    quantities: dict[str, Quantity]
    findings: tuple[Finding, ...] = ()

    @property
    def level(self) -> VertebralLevel | None:
        """Name of the vertebra."""
        return self.landmarks.level


@dataclass(frozen=True, slots=True)
class SegmentMeasurement:
    """One angle between two endplates of (usually) different vertebrae.

    Attributes:
        quantity_id: ``segmental_cobb``, ``local_kyphosis``, ``surgical_segment_cobb``, ...
        index_level: the vertebra it is about (the middle one), or None.
        upper, lower: the vertebrae whose endplates are used.
        upper_endplate, lower_endplate: ``superior`` or ``inferior``.
        angle: degrees, kyphosis positive.
    """

    quantity_id: str
    index_level: VertebralLevel | None
    upper: VertebralLevel
    upper_endplate: str
    lower: VertebralLevel
    lower_endplate: str
    angle: Quantity

    @property
    def endplates(self) -> str:
        """For people, for example ``T12 superior to L2 inferior``."""
        return f"{self.upper} {self.upper_endplate} to {self.lower} {self.lower_endplate}"


@dataclass(frozen=True, slots=True)
class RadiographMeasurement:
    """Everything measured on one film.

    Attributes:
        reference: the film.
        size_px: (width, height) of the film as stored (px).
        spacing: its pixel size.
        landmarks: all points, in image px.
        vertebrae: cranial to caudal, one for each of ``landmarks.vertebrae``.
        segments: angles over several vertebrae.
        findings: about the film as a whole.
        provenance: what made the numbers.
        exposed_px: (x0, y0, x1, y1) of the exposed field; None is all of the film.
    """

    reference: ImageReference
    size_px: tuple[int, int]
    spacing: PixelSpacing
    landmarks: SpineLandmarks
    vertebrae: tuple[VertebraMeasurement, ...]
    segments: tuple[SegmentMeasurement, ...]
    findings: tuple[Finding, ...]
    provenance: Provenance
    exposed_px: tuple[float, float, float, float] | None = None

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings about the film as a whole that a reader must see before using it."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.WARNING)

    def at(self, level: VertebralLevel) -> VertebraMeasurement | None:
        """The vertebra called ``level``, or None."""
        return next((v for v in self.vertebrae if v.level is level), None)

    def segment(self, quantity_id: str, index_level: VertebralLevel) -> SegmentMeasurement | None:
        """The angle ``quantity_id`` about ``index_level``, or None."""
        return next((s for s in self.segments if s.quantity_id == quantity_id and s.index_level is index_level), None)


class Verdict(Enum):
    """What a change says, held against the minimal detectable change."""

    IMPROVED = "improved"
    WORSE = "worse"
    NOT_DISTINGUISHABLE = "not distinguishable"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Change:
    """One quantity on two films.

    Attributes:
        quantity_id: as in docs/definitions.md.
        before, after: the quantity on either film.
        change: after minus before, same unit.
        mdc95: minimal detectable change at 95 %, same unit; None when no interval is known.
        verdict: the change held against ``mdc95``.
    """

    quantity_id: str
    before: Quantity
    after: Quantity
    change: Quantity
    mdc95: float | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class PhasedMeasurement:
    """A film's measurement and its place in the series."""

    phase: Phase
    measurement: RadiographMeasurement


@dataclass(frozen=True, slots=True)
class AppliedScale:
    """How the lengths of one film were brought to the scale of another.

    Attributes:
        film: the film whose lengths were multiplied.
        factor: by which, with its 95 % interval (1).
        rulers: the intact vertebrae that keep their size.
    """

    film: str
    factor: Quantity
    rulers: tuple[VertebralLevel, ...]


@dataclass(frozen=True, slots=True)
class Correction:
    """From one film of a patient to a later one.

    Attributes:
        name: ``correction`` (pre to post), ``loss`` (post to last) or ``net`` (pre to last).
        before, after: names of the films' phases.
        index_level: the injured vertebra.
        changes: one for each main quantity (anterior_height, segmental_cobb, wedge_angle, ...).
        derived: height_restoration_rate, kyphosis_correction, correction_rate, ... by id.
        findings: posture, scale and similar warnings.
        scale: None where both films have a scale of one kind, or none.
    """

    name: str
    before: Phase
    after: Phase
    index_level: VertebralLevel
    changes: tuple[Change, ...]
    derived: dict[str, Quantity]
    findings: tuple[Finding, ...] = ()
    scale: AppliedScale | None = None


@dataclass(frozen=True, slots=True)
class CorrectionReport:
    """The course of one patient.

    Attributes:
        patient_id: as in the films; ``unknown`` when they do not say.
        index_level: the injured vertebra.
        index_level_source: ``given`` or ``found``; of ``further_levels`` too.
        films: by date.
        corrections: correction, loss, net, as far as the phases exist.
        findings: about the series.
        provenance: what made it.
        further_levels: other injured vertebrae, each of which has a report of its own.
    """

    patient_id: str
    index_level: VertebralLevel
    index_level_source: str
    films: tuple[PhasedMeasurement, ...]
    corrections: tuple[Correction, ...]
    findings: tuple[Finding, ...]
    provenance: Provenance
    further_levels: tuple[VertebralLevel, ...] = ()
