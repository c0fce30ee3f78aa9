"""Every figure of an evaluation, with its number of values and its interval: one value object a figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kummell_ai.anatomy import Phase
from kummell_ai.evaluation.abstention import KEPT, RiskCoverage
from kummell_ai.evaluation.bootstrap import Bootstrap, Estimate
from kummell_ai.evaluation.changes import ChangeError
from kummell_ai.evaluation.points import ELLIPSE_95
from kummell_ai.evaluation.samples import FLAGS, STRATA, BoolArray, QuantitySamples, Samples
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.quantities import Interval

ANY_PHASE = "all"

TOGETHER = " together"
"""Ends the name of a section of figures about films that were measured together with others of the patient."""

RADII_MM = (1.0, 2.0, 3.0)
"""Radii of the successful detection rate (SDR)."""

UNITLESS = ("icc", "slope")
"""Figures of agreement that have no unit."""

_CORNER_UNITS = (("mm", "distance_mm", "normal_mm", "tangential_mm"),
                 ("%", "percent", "normal_percent", "tangential_percent"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Attributes:
        section: ``corners``, ``vertebrae``, ``levels``, ``films``, ``quantities``, ``changes`` or ``abstention``; with
            `TOGETHER` when the films of a patient were measured together.
        subject: what it is about, for example ``error``, ``segmental_cobb``.
        name: which figure, for example ``median``, ``mae``, ``coverage``.
        unit: ``mm``, ``deg``, ``%``, ``px``, ``1`` or ``s``.
        stratum: one of `STRATA`.
        phase: of the films, or `ANY_PHASE`.
        estimate: value, interval, number of values and of patients.
    """

    section: str
    subject: str
    name: str
    unit: str
    stratum: str
    phase: str
    estimate: Estimate

    @property
    def key(self) -> tuple[str, str, str, str, str, str]:
        """What tells figures apart: section, subject, name, unit, stratum, phase."""
        return self.section, self.subject, self.name, self.unit, self.stratum, self.phase


@dataclass(frozen=True, slots=True)
class _Group:
    """A stratum on the films of a phase, to which figures are filed."""

    samples: Samples
    bootstrap: Bootstrap
    stratum: str
    phase: Phase | None

    @property
    def vertebrae(self) -> BoolArray:
        return self.samples.mask(self.stratum, self.phase)

    def figure(self, section: str, subject: str, name: str, unit: str, estimate: Estimate) -> Figure:
        phase = ANY_PHASE if self.phase is None else self.phase.value
        return Figure(section, subject, name, unit, self.stratum, phase, estimate)


def all_figures(
    samples: Samples, changes: Sequence[ChangeError], curves: Sequence[RiskCoverage], bootstrap: Bootstrap
) -> tuple[Figure, ...]:
    """Every figure that has at least one value, by stratum and phase, then changes and abstention."""
    found: list[Figure] = []
    for phase in (None, *Phase):
        if not samples.film_mask(phase).any():
            continue
        found += _of_films(_Group(samples, bootstrap, "all", phase))
        for stratum in STRATA:
            group = _Group(samples, bootstrap, stratum, phase)
            if group.vertebrae.any():
                for part in (_of_vertebrae, _of_levels, _of_corners, _of_ellipses, _of_quantities):
                    found += part(group)
    found += _of_phases(samples, bootstrap)
    found += _of_changes(samples, changes, bootstrap)
    found += _of_curves(curves)
    return tuple(figure for figure in found if figure.estimate.value is not None)


def together_figures(samples: Samples, changes: Sequence[ChangeError], bootstrap: Bootstrap) -> tuple[Figure, ...]:
    """The figures that measuring a patient's films together changes: corners, quantities and changes.

    Args:
        samples: of the films measured together.
        changes: likewise.
        bootstrap: of the same patients.
    """
    parts = {"corners", "quantities", "changes"}
    own = all_figures(samples, changes, (), bootstrap)
    return tuple(replace(f, section=f.section + TOGETHER) for f in own if f.section in parts)


def _of_films(group: _Group) -> Iterator[Figure]:
    mask = group.samples.film_mask(group.phase)
    films = [film for film, chosen in zip(group.samples.films, mask, strict=True) if chosen]
    patient = group.samples.film_patient[mask]
    shares: dict[str, list[float | None]] = {
        "refused": [film.refused is not None for film in films],
        "usable": [film.is_usable if film.needed else None for film in films],
        "usable_jointly": [film.is_usable_jointly if film.needed else None for film in films],
        "measurable": [film.is_measurable if film.needed else None for film in films],
        "with_landmark": [film.has_level_landmark for film in films],
    }
    for name, values in shares.items():
        yield group.figure("films", "film", name, "%", group.bootstrap.proportion(_array(values), patient))
    for name in ("false", "beyond"):
        counts = _array([getattr(film, name) for film in films])
        yield group.figure("vertebrae", name, "per_film", "1", group.bootstrap.mean(counts, patient))
    for name, seconds in (
        ("locate", [film.seconds for film in films]),
        ("decode", [film.decode_seconds for film in films]),
    ):
        values_s = _array(seconds)
        yield group.figure("films", name, "mean", "s", group.bootstrap.mean(values_s, patient))
        for label, estimate in _quantiles(group.bootstrap, values_s, patient):
            yield group.figure("films", name, label, "s", estimate)


def _of_vertebrae(group: _Group) -> Iterator[Figure]:
    mask = group.vertebrae
    found, patient = group.samples.found[mask].astype(np.float64), group.samples.patient[mask]
    yield group.figure("vertebrae", "vertebra", "found", "%", group.bootstrap.proportion(found, patient))
    if group.stratum != "all":
        return
    bodies = [v for film in group.samples.films for v in film.vertebrae]
    own = [v for v, chosen in zip(bodies, mask, strict=True) if chosen]
    for flag in FLAGS:
        told = _array([flag in v.predicted_flags if v.found else None for v in own])
        true = np.array([flag in v.flags for v in own], dtype=bool)
        for name, values in (
            ("sensitivity", np.where(true, told, np.nan)),
            ("specificity", np.where(true, np.nan, 1.0 - told)),
        ):
            yield group.figure("vertebrae", flag, name, "%", group.bootstrap.proportion(values, patient))


def _of_levels(group: _Group) -> Iterator[Figure]:
    """Names film by film (``exact``) and together (``exact_jointly``), by what there is to count from and by spine."""
    mask, samples = group.vertebrae, group.samples
    patient = samples.patient[mask]
    seen = {"with_landmark": samples.has_landmark[mask], "with_landmark_on_a_film": samples.patient_has_landmark[mask]}
    for subject, right in (("exact", samples.named_right[mask]), ("exact_jointly", samples.joint_right[mask])):
        values = {"any_field": right} | {name: np.where(where, right, np.nan) for name, where in seen.items()}
        values["without_landmark"] = np.where(seen["with_landmark"], np.nan, right)
        values["usual_spine"] = np.where(np.any(list(samples.variant.values()), axis=0)[mask], np.nan, right)
        for level, has in samples.variant.items():
            values[f"spine_with_{level.value}"] = np.where(has[mask], right, np.nan)
        for name, chosen in values.items():
            yield group.figure("levels", subject, name, "%", group.bootstrap.proportion(chosen, patient))
    known = np.isfinite(samples.named_right[mask])
    for name, where in seen.items():
        share = np.where(known, where.astype(np.float64), np.nan)
        yield group.figure("levels", "vertebra", name, "%", group.bootstrap.proportion(share, patient))


def _of_corners(group: _Group) -> Iterator[Figure]:
    mask, corners = group.vertebrae, group.samples.corners
    patient = np.repeat(group.samples.patient[mask], 4)
    for unit, *parts in _CORNER_UNITS:
        for subject, part in zip(("error", "normal", "tangential"), parts, strict=True):
            values = corners[part][mask].ravel()
            yield group.figure("corners", subject, "mean", unit, group.bootstrap.mean(values, patient))
            for label, estimate in _quantiles(group.bootstrap, values, patient):
                yield group.figure("corners", subject, label, unit, estimate)
    distance = corners["distance_mm"][mask].ravel()
    lost = np.repeat(group.samples.patient[mask], group.samples.corners_lost[mask])
    owner = np.concatenate([patient, lost])
    for radius in RADII_MM:
        within = np.where(np.isfinite(distance), distance <= radius, np.nan)
        every = np.concatenate([within, np.zeros(len(lost))])
        name = f"sdr_{radius:g}mm"
        yield group.figure("corners", "error", name, "%", group.bootstrap.proportion(every, owner))
        yield group.figure("corners", "error", f"{name}_located", "%", group.bootstrap.proportion(within, patient))


def _of_ellipses(group: _Group) -> Iterator[Figure]:
    mask, corners = group.vertebrae, group.samples.corners
    patient = np.repeat(group.samples.patient[mask], 4)
    squared = corners["mahalanobis2"][mask].ravel()
    inside = np.where(np.isfinite(squared), squared <= ELLIPSE_95, np.nan)
    yield group.figure("corners", "ellipse", "coverage", "%", group.bootstrap.proportion(inside, patient))
    radius = corners["ellipse_percent"][mask].ravel()
    for label, estimate in _quantiles(group.bootstrap, radius, patient):
        yield group.figure("corners", "ellipse", f"radius_{label}", "%", estimate)


def _of_quantities(group: _Group) -> Iterator[Figure]:
    mask, samples, bootstrap = group.vertebrae, group.samples, group.bootstrap
    for quantity in samples.quantities.values():
        own = mask[quantity.vertebra]
        if not own.any() and not mask[quantity.abstained].any():
            continue
        patient = samples.patient[quantity.vertebra[own]]
        error, inside = quantity.error[own], quantity.inside[own]
        width = (quantity.high - quantity.low)[own]

        def file(name: str, unit: str, estimate: Estimate, subject: str = quantity.quantity_id) -> Figure:
            return group.figure("quantities", subject, name, unit, estimate)

        yield file("mae", quantity.unit, bootstrap.mean(np.abs(error), patient))
        for name, estimate in bootstrap.agreement(quantity.measured[own], quantity.true[own], patient).items():
            yield file(name, "1" if name in UNITLESS else quantity.unit, estimate)
        yield file("coverage", "%", bootstrap.proportion(inside, patient))
        yield file("width_mean", quantity.unit, bootstrap.mean(width, patient))
        yield file("width_median", quantity.unit, bootstrap.quantiles(width, patient, (0.5,))[0])
        if not quantity.quantity_id.endswith("_3d"):  # of which it is not known what was withheld
            answered, of = _answered(quantity, mask, samples)
            yield file("answered", "%", bootstrap.proportion(answered, of))


def _answered(quantity: QuantitySamples, mask: BoolArray, samples: Samples) -> tuple[FloatArray, np.ndarray]:
    """1 for each value given, 0 for each that the truth has and the prediction withholds."""
    given = quantity.vertebra[mask[quantity.vertebra]]
    silent = quantity.abstained[mask[quantity.abstained]]
    owner = samples.patient[np.concatenate([given, silent])]
    return np.concatenate([np.ones(len(given)), np.zeros(len(silent))]), owner


def _of_phases(samples: Samples, bootstrap: Bootstrap) -> Iterator[Figure]:
    """How much larger the mean absolute error is on post-op than on pre-op films."""
    for stratum in ("all", "injured"):
        for quantity in samples.quantities.values():
            parts = []
            for phase in (Phase.PRE_OP, Phase.POST_OP):
                own = samples.mask(stratum, phase)[quantity.vertebra]
                parts.append((np.abs(quantity.error[own]), samples.patient[quantity.vertebra[own]]))
            estimate = bootstrap.difference(parts[0], parts[1])
            yield Figure(
                "quantities", quantity.quantity_id, "mae_post_minus_pre", quantity.unit, stratum, ANY_PHASE, estimate
            )


def _of_changes(samples: Samples, changes: Sequence[ChangeError], bootstrap: Bootstrap) -> Iterator[Figure]:
    number = {name: i for i, name in enumerate(samples.patients)}
    for change, subject, unit in dict.fromkeys((c.change, c.quantity_id, c.unit) for c in changes):
        own = [c for c in changes if (c.change, c.quantity_id) == (change, subject)]
        patient = np.array([number[c.patient] for c in own], dtype=np.int64)
        measured, true = (_array([getattr(c, name) for c in own]) for name in ("measured", "true"))
        estimates = {"mae": (unit, bootstrap.mean(np.abs(measured - true), patient))}
        for name, estimate in bootstrap.agreement(measured, true, patient, of_changes=True).items():
            estimates[name] = ("1" if name in UNITLESS else unit, estimate)
        estimates["coverage"] = ("%", bootstrap.proportion(_array([c.inside for c in own]), patient))
        widths = _array([None if c.half_width is None else 2.0 * c.half_width for c in own])
        estimates["width_mean"] = (unit, bootstrap.mean(widths, patient))
        for name, (own_unit, estimate) in estimates.items():
            yield Figure("changes", subject, f"{change}_{name}", own_unit, "injured", ANY_PHASE, estimate)


def _of_curves(curves: Sequence[RiskCoverage]) -> Iterator[Figure]:
    for curve in curves:
        subject = f"{curve.subject} by {curve.signal}"
        values: dict[str, tuple[str, float | None]] = {
            f"risk_at_{100 * share:g}": (curve.unit, curve.risk_at(share)) for share in KEPT
        }
        values |= {"aurc": (curve.unit, curve.aurc), "gain": ("1", curve.gain)}
        for name, (unit, value) in values.items():
            estimate = Estimate(value, None, len(curve.risk), curve.patients, "none")
            yield Figure("abstention", subject, name, unit, "all", ANY_PHASE, estimate)


def _quantiles(bootstrap: Bootstrap, values: FloatArray, patient: np.ndarray) -> Iterator[tuple[str, Estimate]]:
    yield from zip(("median", "p90"), bootstrap.quantiles(values, patient, (0.5, 0.9)), strict=True)


def _array(values: Sequence[float | bool | None]) -> FloatArray:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


Finder = Callable[..., Figure | None]


def finder(figures: Sequence[Figure]) -> Finder:
    """A look-up: ``find(section, subject, name, unit, stratum="all", phase="all")`` gives a figure or None."""
    by_key = {figure.key: figure for figure in figures}

    def find(
        section: str, subject: str, name: str, unit: str, stratum: str = "all", phase: str = ANY_PHASE
    ) -> Figure | None:
        return by_key.get((section, subject, name, unit, stratum, phase))

    return find


__all__ = ["ANY_PHASE", "RADII_MM", "TOGETHER", "Figure", "Interval", "all_figures", "finder", "together_figures"]
