"""Many jobs in several processes: results as they come, a bounded queue, no process left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing.synchronize import Event
from types import FrameType
from typing import TypeVar

from kummell_ai.errors import KummellError

Job = TypeVar("Job")
Result = TypeVar("Result")

_STAY_S = 20.0
"""How long a worker of a training outlives a signal."""

AHEAD = 2
"""Jobs given out for each process, so that none waits and few are in memory."""

NO_MEMORY = "takes more memory than there is; close other programs, or scale the film down"
"""Why a film is not used whose pixels, or what the network makes of them, do not fit beside what else is at work."""

_TOLD_BY_TORCH = ("can't allocate memory", "out of memory")
"""In the text of the `RuntimeError` by which torch tells, on a processor and on a GPU, that memory ran out."""

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def run_jobs(
    make: Callable[[Job], Result], jobs: Iterable[Job], workers: int, *, in_order: bool = False
) -> Iterator[Result]:
    """Results of ``make`` over ``jobs`` in the order they are finished; one worker needs no other process.

    Args:
        make: a function of a module, since other processes must find it.
        jobs: drawn from as needed.
        workers: processes, each with one thread.
        in_order: give the results in the order of the jobs; those done before their turn are kept, `AHEAD` a worker.

    Raises:
        KummellError: a process was ended from outside, for example by the system when memory ran out.
    """
    if workers == 1:
        yield from map(make, jobs)
        return
    context = multiprocessing.get_context("spawn")
    stopped = context.Event()
    with _one_thread_each(), ProcessPoolExecutor(workers, context, initializer=_start, initargs=(stopped,)) as pool:
        waiting = iter(jobs)
        running: list[Future[Result]] = []
        try:
            running += [pool.submit(_make, make, job) for job in islice(waiting, AHEAD * workers)]
            while running:
                done = running[:1] if in_order else wait(running, return_when=FIRST_COMPLETED).done
                for future in done:
                    running.remove(future)
                    yield future.result()
                    running += [pool.submit(_make, make, job) for job in islice(waiting, 1)]
        except BrokenProcessPool as error:
            raise KummellError(
                f"a worker was ended from outside ({workers} workers); films already written are whole: "
                "run the same command again, with fewer workers if memory is short"
            ) from error
        finally:
            stopped.set()  # what lies in the pool's pipe cannot be cancelled
            with _uninterrupted():
                pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def memory_errors() -> Iterator[None]:
    """Let lack of memory be a `MemoryError`, also where torch tells of it in its own way.

    Raises:
        MemoryError: memory ran out meanwhile.
    """
    try:
        yield
    except RuntimeError as error:
        if not any(text in str(error) for text in _TOLD_BY_TORCH):
            raise
        raise MemoryError(str(error)) from error


_stopped: Event | None = None
"""In a worker: whether the results that are still to come are wanted by nobody."""


def _make(make: Callable[[Job], Result], job: Job) -> Result:
    """One job in a worker, unless the run was ended meanwhile."""
    if _stopped is not None and _stopped.is_set():
        raise CancelledError
    return make(job)


def _start(stopped: Event) -> None:
    """Let the parent alone answer an interrupt, and end when the parent was killed."""
    global _stopped
    import cv2

    _stopped = stopped
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """A further Ctrl-C while the workers end changes nothing; in another thread than the main one none arrives."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def outlive_signal(worker: int) -> None:
    """Let worker ``worker`` of a training stay a while when all its processes get SIGTERM.

    The training ends after the step at hand, and must not find its worker gone.
    """
    signal.signal(signal.SIGTERM, _end_later)


def _end_later(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)
    timer = threading.Timer(_STAY_S, os._exit, [1])
    timer.daemon = True
    timer.start()


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes started meanwhile compute with one thread; libraries read these variables when they are loaded."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
