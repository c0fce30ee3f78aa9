"""A predictor that keeps what it has located, so that an interrupted run goes on where it stopped.

The store is the run's own: its files are pickles, and nothing else is ever read from them.
"""

from __future__ import annotations

import multiprocessing
import pickle
import resource
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kummell_ai.cli import console, models
from kummell_ai.cli.files import write_atomic
from kummell_ai.dicom import read_radiograph
from kummell_ai.imaging.annotation import SpineLandmarks
from kummell_ai.imaging.radiograph import Radiograph

if TYPE_CHECKING:
    from kummell_ai.landmarks.predictor import Precision

MEBIBYTE_KB = 1024


@dataclass
class StoredPredictor:
    """Locates a film with ``network`` once; later calls read ``folder``.

    Attributes:
        folder: of the store; landmarks of this network only.
        network: what locates a film that is not in the store.
        peaks: the process's peak resident memory (MiB) after each film.
    """

    folder: Path
    network: models.Locator
    peaks: list[float] = field(default_factory=list)

    @property
    def bundle(self) -> models.ModelFacts:
        """The model behind it."""
        return self.network.bundle

    @property
    def precision(self) -> Precision:
        """The precision that was asked for."""
        return self.network.precision

    @property
    def device(self) -> str:
        """Where the network runs."""
        return self.network.device

    def locate(self, radiograph: Radiograph) -> SpineLandmarks:
        """Landmarks in image px, from the store where they are there."""
        path = self.folder / f"{radiograph.reference.sha256}.pickle"
        if path.is_file():
            landmarks: SpineLandmarks = pickle.loads(path.read_bytes())
        else:
            landmarks = self.network.locate(radiograph)
            write_atomic(path, pickle.dumps(landmarks))
        self.peaks.append(peak_memory())
        return replace(landmarks, reference=radiograph.reference)


def peak_memory(of: int = resource.RUSAGE_SELF) -> float:
    """Peak resident memory (MiB) of this process, or the largest of its children."""
    return resource.getrusage(of).ru_maxrss / MEBIBYTE_KB


_worker: StoredPredictor | None = None


def _start(folder: Path, model: Path | None) -> None:
    global _worker
    import torch

    torch.set_num_threads(1)
    _worker = StoredPredictor(folder, models.load_predictor(model))


def _locate(path: Path) -> None:
    assert _worker is not None
    _worker.locate(read_radiograph(path))


def fill(folder: Path, model: Path | None, films: Sequence[Path], workers: int) -> None:
    """Locate the films that are not in the store ``folder``, in processes of their own; says how far it is."""
    done = folder / "films.txt"
    known = set(done.read_text(encoding="utf-8").split("\n")) if done.is_file() else set()
    open_films = [film for film in films if film.name not in known]
    folder.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _start, (folder, model)) as pool:
        jobs = {pool.submit(_locate, film): film for film in open_films}
        for job in console.track(as_completed(jobs), "locating", len(jobs)):
            job.result()
            with done.open("a", encoding="utf-8") as stream:
                stream.write(f"{jobs[job].name}\n")
