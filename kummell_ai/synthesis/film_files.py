"""One simulated film on disk: the picture, the mask beside it, and its entry for the annotations."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kummell_ai.anatomy import VertebralLevel
from kummell_ai.annotations.coco import AnnotatedFilm
from kummell_ai.dicom.write import write_simulated_dicom
from kummell_ai.imaging.frames import FloatArray
from kummell_ai.imaging.radiograph import ImageReference
from kummell_ai.synthesis.case import SimulatedCase, SimulatedFilm
from kummell_ai.synthesis.truth import (
    VertebraTruth,
    body_measurements,
    sagittal,
    segment_measurements,
    true_measurements,
)

FORMATS = ("dicom", "png")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A name to write to, which becomes ``path`` when all went well, so that half a file is never met."""
    partial = path.with_name(path.name + ".partial")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def mask_of(film: str) -> str:
    """The mask's name in the folder of the set, of a film's file.

    >>> mask_of("films/SIM00000007-1-post-op.dcm")
    'masks/SIM00000007-1-post-op.png'
    """
    return f"masks/{Path(film).stem}.png"


@dataclass(frozen=True, slots=True)
class FilmFiles:
    """Where and how films are kept.

    Attributes:
        folder: has ``films/``, and ``masks/`` when they are asked for.
        form: one of `FORMATS`.
        masks: whether masks are written.
    """

    folder: Path
    form: str
    masks: bool

    def write(self, case: SimulatedCase, film: SimulatedFilm, number: int) -> AnnotatedFilm:
        """Write film ``number`` (from 0) of a patient and return its entry."""
        name = f"{case.patient_id}-{number}-{film.phase.value}"
        path = self.folder / "films" / f"{name}{'.dcm' if self.form == 'dicom' else '.png'}"
        with whole(path) as partial:
            if self.form == "dicom":
                _write_dicom(partial, case, film, number)
            else:
                _write_png(partial, np.rint(film.pixels * 65535).astype(np.uint16))
        extra = film_truth(film)
        if self.masks:
            extra["mask"] = mask_of(path.name)
            with whole(self.folder / extra["mask"]) as partial:
                _write_png(partial, film.mask)
        reference = ImageReference(name, patient_id=case.patient_id, acquired=film.acquired, simulated=True)
        details = {v.level: vertebra_details(v, film.spacing.row_mm) for v in film.vertebrae}
        return AnnotatedFilm(
            f"films/{path.name}",
            (film.pixels.shape[1], film.pixels.shape[0]),
            replace(film.landmarks, reference=reference),
            film.spacing,
            extra,
            tuple(details[v.level] for v in film.landmarks.vertebrae if v.level is not None),
        )


def film_truth(film: SimulatedFilm) -> dict[str, Any]:
    """What is true of a film as JSON values: the patient's state, the exposure, the injured level's measurements."""
    index = film.index_level
    extra: dict[str, Any] = {
        "phase": film.phase.value,
        "index_level": None if index is None else index.value,
        "fracture": next((v.fracture for v in film.vertebrae if v.level is index), None),
        "screws": [level.value for level in film.screws],
        "posture": film.posture,
        "field_of_view": film.field,
        "geometry": dict(film.geometry),
        "truth": {},
        "projected_truth": {},
    }
    if index is not None:
        on_film = {v.level: np.full((6, 2), np.nan) for v in film.vertebrae}
        on_film |= {v.level: v.points_px * film.spacing.row_mm for v in film.landmarks.vertebrae if v.level is not None}
        extra["truth"] = true_measurements(film.points_mm, index, film.fractured, film.screws)
        extra["projected_truth"] = segment_measurements(on_film, index, film.fractured, film.screws)
    return extra


def vertebra_details(vertebra: VertebraTruth, pixel_mm: float) -> dict[str, Any]:
    """What is true of a vertebra beyond its landmarks, as JSON values."""
    return {
        "fracture": vertebra.fracture,
        "truth": _of_body(vertebra, sagittal(vertebra.points_mm)),
        "projected_truth": _of_body(vertebra, vertebra.points_px * pixel_mm),
        "points_mm": _listed(vertebra.points_mm, 3),
        "rims_mm": _listed(vertebra.rims_mm, 3),
        "rims_px": _listed(vertebra.rims_px, 2),
    }


def _of_body(vertebra: VertebraTruth, points: FloatArray) -> dict[str, float]:
    """The measurements of a body; of the sacrum, whose lower corners are made up, the superior endplate alone."""
    found = body_measurements(points)
    kept = ("superior_depth_mm",) if vertebra.level is VertebralLevel.S1 else tuple(found)
    return {name: found[name] for name in kept if name in found}


def _listed(values: FloatArray, digits: int) -> Any:
    """Nested lists, rounded; null for NaN."""
    rounded = np.round(values, digits).astype(object)
    rounded[~np.isfinite(values)] = None
    return rounded.tolist()


def _write_dicom(path: Path, case: SimulatedCase, film: SimulatedFilm, number: int) -> None:
    write_simulated_dicom(
        path,
        film.pixels,
        spacing=film.spacing,
        patient_id=case.patient_id,
        acquired=film.acquired,
        facing=film.landmarks.facing,
        comment=f"Phase {film.phase.value}.",
        seed=case.seed * 10 + number,
    )


def _write_png(path: Path, pixels: np.ndarray[Any, Any]) -> None:
    from PIL import Image

    Image.fromarray(pixels).save(path, format="PNG")
