"""Films of the made-up patient on disk, and a predictor that knows where its vertebrae are."""

from __future__ import annotations

import csv
import datetime as dt
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from kummell_ai.anatomy import Facing, Phase
from kummell_ai.cli import models
from kummell_ai.dicom import write_simulated_dicom
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.radiograph import Radiograph
from tests import made_up
from tests.measurement.evidence import with_evidence


@dataclass(frozen=True, slots=True)
class FakeBundle:
    name: str = "made-up"
    weights_sha256: str = "cd" * 32
    calibrated_on: str | None = None


class FakePredictor:
    """Tells the phase by the year and month; a film called frontal* or empty* shows no lateral spine."""

    bundle = FakeBundle()
    precision = "auto"
    device = "cpu"

    def locate(self, radiograph: Radiograph) -> SpineLandmarks:
        reference = radiograph.reference
        if reference.name.startswith("frontal"):
            return SpineLandmarks((), reference, Facing.UNKNOWN, 0.03)
        if reference.name.startswith("empty"):
            return SpineLandmarks((), reference, Facing.UNKNOWN, 0.9)
        acquired = reference.acquired
        phases = [phase for phase, day in made_up.DATES.items() if acquired and day.date() == acquired.date()]
        return replace(made_up.landmarks(phases[0] if phases else Phase.PRE_OP), reference=reference)


@dataclass
class DoubtfulPredictor(FakePredictor):
    """Names the films of these phases one level too high, and is hardly sure of it."""

    off: frozenset[Phase] = frozenset({Phase.FOLLOW_UP})

    def locate(self, radiograph: Radiograph) -> SpineLandmarks:
        landmarks = FakePredictor.locate(self, radiograph)
        acquired = radiograph.reference.acquired
        is_off = any(acquired and made_up.DATES[phase].date() == acquired.date() for phase in self.off)
        right, above = "T10 T11 T12 L1 L2 L3", "T9 T10 T11 T12 L1 L2"
        return with_evidence(landmarks, {right: -0.5, above: 0.0} if is_off else {right: 0.0, above: -5.0})


@pytest.fixture(autouse=True)
def predictor(monkeypatch: pytest.MonkeyPatch) -> FakePredictor:
    fake = FakePredictor()
    monkeypatch.setattr(models, "load_predictor", lambda folder, **_: fake)
    return fake


def write_dicom(
    path: Path, phase: Phase, patient_id: str = "KUM-001", acquired: dt.datetime | None = None, seed: int = 1
) -> Path:
    """A film with pixels of its own, as no two exposures have the same; the traces of its place are not seen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    film = made_up.radiograph(phase)
    pixels, bits = film.pixels.copy(), f"{zlib.crc32(f'{path} {patient_id} {acquired} {seed}'.encode()):032b}"
    pixels[len(pixels) // 2, : len(bits)] += 0.002 * np.array([bit == "1" for bit in bits])
    write_simulated_dicom(
        path,
        pixels,
        spacing=film.spacing,
        patient_id=patient_id,
        acquired=acquired or made_up.DATES[phase],
        facing=film.facing,
        seed=seed,
    )
    return path


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the three films of one patient, each in a folder of its own under the same name."""
    folder = tmp_path_factory.mktemp("patient")
    for seed, phase in enumerate(made_up.DATES):
        write_dicom(folder / phase.value / "IM_0001.dcm", phase, seed=seed)
    return folder


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_dicom(tmp_path / "in" / "pre.dcm", Phase.PRE_OP)
