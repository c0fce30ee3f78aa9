"""Many jobs in several processes: results as they come, a bounded queue, no process left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

from kummell_ai.errors import KummellError

Job = TypeVar("Job")
Result = TypeVar("Result")

AHEAD = 2
"""Jobs given out for each process, so that none waits and few are in memory."""

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
    with _one_thread_each(), ProcessPoolExecutor(workers, context, initializer=_start) as pool:
        waiting = iter(jobs)
        running: list[Future[Result]] = [pool.submit(make, job) for job in islice(waiting, AHEAD * workers)]
        try:
            while running:
                done = running[:1] if in_order else wait(running, return_when=FIRST_COMPLETED).done
                for future in done:
                    running.remove(future)
                    yield future.result()
                    running += [pool.submit(make, job) for job in islice(waiting, 1)]
        except BrokenProcessPool as error:
            raise KummellError(
                f"a worker was ended from outside ({workers} workers); films already written are whole: "
                "run the same command again, with fewer workers if memory is short"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _start() -> None:
    """Let the parent alone answer an interrupt, and end when the parent was killed."""
    import cv2

    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


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
