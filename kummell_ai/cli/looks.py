"""Films read and looked at by the network, here or in several processes; what is measured on them is the caller's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from kummell_ai.cli import models
from kummell_ai.errors import InputError
from kummell_ai.workers import NO_MEMORY, memory_errors, run_jobs

if TYPE_CHECKING:
    from kummell_ai.imaging.annotation import SpineLandmarks
    from kummell_ai.imaging.radiograph import Radiograph
    from kummell_ai.landmarks.predictor import Precision

Job = TypeVar("Job")


@dataclass(frozen=True, slots=True)
class Network:
    """Which network looks, how and where it computes: what another process needs to load it."""

    folder: Path | None
    precision: Precision
    device: str

    def load(self) -> models.Locator:
        """The network, ready.

        Raises:
            CheckpointError: the folder is missing, damaged, or made for another landmark order.
            UsageError: the device cannot be used.
        """
        return models.load_predictor(self.folder, precision=self.precision, device=self.device)


@dataclass(frozen=True, slots=True)
class Look:
    """A film and what the network sees on it, or why one of the two is missing."""

    film: Radiograph | None
    found: SpineLandmarks | InputError

    def use(self) -> tuple[Radiograph, SpineLandmarks]:
        """The film and what is seen on it.

        Raises:
            InputError: one of the two is missing.
        """
        if isinstance(self.found, InputError):
            raise self.found
        assert self.film is not None, "landmarks are those of a film"
        return self.film, self.found


def look(film: Radiograph | InputError, locator: models.Locator) -> Look:
    """What a network sees on a film that could be read, or why it could not."""
    if isinstance(film, InputError):
        return Look(None, film)
    try:
        with memory_errors():
            return Look(film, locator.locate(film))
    except InputError as error:
        return Look(film, error)
    except MemoryError:
        return Look(film, InputError(f"{film.reference.name}: {NO_MEMORY}"))


def look_apart(
    read: Callable[[Job], Radiograph | InputError], jobs: Iterable[Job], network: Network, workers: int
) -> Iterator[Look]:
    """`look` at what ``read`` makes of each job, in order, in ``workers`` processes of one thread each.

    Args:
        read: a function of a module, since other processes must find it.
        jobs: one a film.
        network: loaded once in each process.
        workers: processes, two or more.

    Raises:
        KummellError: a process was ended from outside, for example by the system when memory ran out.
    """
    return run_jobs(partial(_look, read, network), jobs, workers, in_order=True)


def _look(read: Callable[[Job], Radiograph | InputError], network: Network, job: Job) -> Look:
    return look(read(job), _loaded(network))


@cache
def _loaded(network: Network) -> models.Locator:
    return network.load()


__all__ = ["NO_MEMORY", "Look", "Network", "look", "look_apart"]
