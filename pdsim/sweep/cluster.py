"""Runs the same chunks on a dask.distributed cluster: one that is there, or one of local processes."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pdsim.errors import PdsimError
from pdsim.sweep.layout import Chunk
from pdsim.sweep.running import Result, Watch

RETRIES = 3  # of a chunk that raises
LOSSES = 5  # workers that may die under one chunk before it counts as their cause
# workers of `local:N` do without the profiler, which stops them a hundred times a second
_SETTINGS = {"distributed.scheduler.allowed-failures": LOSSES, "distributed.worker.profile.enabled": False}
_PATIENCE = 60  # seconds to wait for a scheduler, and for its first worker


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Connect to a scheduler, or start ``local:N`` processes with one thread each; yields the client.

    Raises
    ------
    PdsimError
        dask.distributed is not installed, the address is none, nobody answers there, or no worker comes.
    """
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError:
        raise PdsimError(
            "--cluster needs dask.distributed, which is not installed: pip install 'pdsim[cluster]'"
        ) from None
    local = re.fullmatch(r"local:([1-9]\d*)", address)
    if address.startswith("local") and not local:
        raise PdsimError(f"'{address}' is no cluster; write local:N with a number of processes, such as local:4")
    with dask.config.set(_SETTINGS):
        cluster = None
        try:
            if local:
                cluster = LocalCluster(
                    n_workers=int(local[1]), threads_per_worker=1, dashboard_address=":0", silence_logs="ERROR"
                )
            client = Client(cluster if cluster is not None else address, timeout=_PATIENCE)
            client.wait_for_workers(1, timeout=_PATIENCE)
        except (OSError, TimeoutError, ValueError) as error:
            if cluster is not None:
                cluster.close()
            raise PdsimError(f"no cluster answers at '{address}': {error}") from error
        try:
            yield client
        finally:
            client.close()
            if cluster is not None:
                cluster.close()


def on_cluster(
    client: Any, task: Callable[..., Result], payload: Any, chunks: Sequence[Chunk], watch: Watch
) -> Generator[tuple[Chunk, Result], None, None]:
    """Run chunks on a cluster and yield each with its result; workers need no access to the store.

    A chunk that raises is tried again, one whose worker is lost runs on another.

    Parameters
    ----------
    client : distributed.Client
        From `connected`.
    task : callable
        Importable function from `payload` and a chunk to a `Result`.
    payload : Any
        What every worker needs besides the chunk; small.
    chunks : sequence of Chunk
    watch : Watch

    Raises
    ------
    PdsimError
        A chunk fails again and again, or its workers die.
    """
    from distributed import as_completed
    from distributed.scheduler import KilledWorker

    waiting = iter(chunks)
    running: dict[Any, Chunk] = {}
    queue = as_completed(with_results=False)

    def refill() -> None:
        most = 2 * max(1, sum(client.nthreads().values()))
        while len(running) < most and (chunk := next(waiting, None)) is not None:
            future = client.submit(task, payload, chunk, pure=False, retries=RETRIES)
            running[future] = chunk
            queue.add(future)

    try:
        refill()
        for future in queue:
            chunk = running.pop(future)
            try:
                result = future.result()
            except KilledWorker:
                lost = f"{LOSSES + 1} workers were lost over chunk {chunk.name}; do they have enough memory?"
                raise PdsimError(lost) from None
            future.release()
            refill()
            watch.count(result.done, result.failed)
            yield chunk, result
    finally:
        client.cancel(list(running))
