"""Runs chunks: on threads of this process, one result at a time in the order in which they come."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pdsim.sweep.layout import Chunk

_AHEAD = 1  # finished chunks that may wait to be stored, so that memory stays flat however many there are


@dataclass(frozen=True)
class Result:
    """What one chunk gave: arrays by path of the field, patients through all arms, and how many of them failed."""

    arrays: dict[str, np.ndarray]
    done: int
    failed: int


@dataclass
class Watch:
    """Counts patients as they are done, and tells the work to stop."""

    done: int = 0
    failed: int = 0
    told: Callable[[int, int], None] | None = None  # with patients done and failed, from any thread
    stopped: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, done: int, failed: int) -> None:
        """Add patients that are done."""
        with self._lock:
            self.done += done
            self.failed += failed
            if self.told is not None:
                self.told(self.done, self.failed)


class Stopped(BaseException):
    """Raised inside of a chunk when the run is stopped."""


Work = Callable[[Chunk, int, Watch], Result]


def on_threads(
    work: Work, chunks: Sequence[Chunk], threads: int, watch: Watch
) -> Generator[tuple[Chunk, Result], None, None]:
    """Run chunks on threads and yield each with its result.

    With many chunks each thread takes whole ones; with few, all threads share one. The results are the same.

    Parameters
    ----------
    work : callable
        From a chunk, a number of threads and the watch to a `Result`.
    chunks : sequence of Chunk
    threads : int
    watch : Watch
        Set to stopped when the caller goes away, by an error or by Ctrl-C.
    """
    if not chunks:
        return
    workers, inner = (threads, 1) if len(chunks) >= 2 * threads else (1, threads)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="pdsim-sweep")
    waiting = iter(chunks)
    running: dict[Future[Any], Chunk] = {}

    def refill() -> None:
        while len(running) < workers + _AHEAD and (chunk := next(waiting, None)) is not None:
            running[pool.submit(work, chunk, inner, watch)] = chunk

    try:
        refill()
        while running:
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=lambda one: running[one].index):
                chunk = running.pop(future)
                result = future.result()
                refill()
                yield chunk, result
    finally:
        watch.stopped.set()
        pool.shutdown(wait=True, cancel_futures=True)
