"""A copy of this process that loads what figures need while a run is simulated, and draws while it is stored."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from pdsim._loading import loading
from pdsim.study.publish import publish

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    import pandas as pd
    import xarray as xr

_MOST = 500_000_000  # bytes of a run that is handed over: it is held twice then


@contextmanager
def publisher(processes: int) -> Iterator[Callable[[xr.DataTree, Path], Callable[[], pd.DataFrame]]]:
    """Yield what begins to publish a run into a folder, as `publish` does, and returns what waits for the summary.

    It works beside this process where `processes` allow more than one, the system can copy a process and the run is not
    too large; else when the summary is asked for. What goes wrong there is done again here, where it can be told.

    Examples
    --------
    >>> with publisher(2) as begin:  # doctest: +SKIP
    ...     run = pdsim.simulate(model, cohort, arms, stop="3 yr")
    ...     summary = begin(run, Path("runs/rep"))
    ...     save_run(run, "runs/rep/run.zarr")
    ...     summary()
    """

    def alone(run: xr.DataTree, folder: Path) -> Callable[[], pd.DataFrame]:
        return lambda: publish(run, folder, processes)

    if processes < 2 or not hasattr(os, "fork"):
        yield alone
        return
    from multiprocessing import get_context

    context = get_context("fork")
    here, there = context.Pipe()
    copy = context.Process(target=_serve, args=(here, there, processes), name="pdsim-publisher")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads that wait for work
        copy.start()
    there.close()

    def begin(run: xr.DataTree, folder: Path) -> Callable[[], pd.DataFrame]:
        if run.nbytes > _MOST:
            return alone(run, folder)
        with suppress(OSError):  # of a copy that came to an end
            here.send((run, folder))

        def summary() -> pd.DataFrame:
            with suppress(EOFError, OSError):
                return here.recv()
            return publish(run, folder, processes)

        return summary

    try:
        yield begin
    finally:
        copy.terminate()
        copy.join()
        here.close()


def _serve(here: Connection, there: Connection, processes: int) -> None:
    """Publish the run that comes through the pipe and send back its summary."""
    here.close()  # else the other's end would go unnoticed
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what draws beside it is ended too
    try:
        with loading():
            for name in ("figure", "backends.backend_agg", "backends.backend_svg"):
                import_module(f"matplotlib.{name}")
            for name in ("lifelines", "pdsim.plot", "pdsim.report"):
                import_module(name)
        run, folder = there.recv()
        there.send(publish(run, folder, processes))
    except BaseException:
        sys.exit(1)  # the other process tells what is wrong
