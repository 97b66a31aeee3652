"""All figures of a run as files with fixed names."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib import rcParams

from pdsim.errors import PdsimError, StoreError, did_you_mean
from pdsim.plot.clones import clone_panels
from pdsim.plot.data import dataset, hypothesis_arms
from pdsim.plot.hypotheses import hypothesis_figure
from pdsim.plot.ledger import decided, ledger_panels
from pdsim.plot.settled import KeptTicks
from pdsim.plot.style import style
from pdsim.plot.survival import survival_figure
from pdsim.plot.toxicity import anc_panels, platelet_panels
from pdsim.plot.trajectories import m_protein_panels
from pdsim.plot.waterfall import waterfall_panels

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

KINDS: dict[str, Callable[..., Figure]] = {
    "m_protein": m_protein_panels,
    "waterfall": waterfall_panels,
    "clones": clone_panels,
    "anc": anc_panels,
    "platelets": platelet_panels,
    "pfs": survival_figure,
    "ledger": ledger_panels,
    "hypotheses": hypothesis_figure,
}
NEEDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "m_protein": ("trajectory", ("m_protein",)),
    "waterfall": ("endpoints", ("best_change", "best_response")),
    "clones": ("trajectory", ("clone_cells",)),
    "anc": ("trajectory", ("anc",)),
    "platelets": ("trajectory", ("platelets",)),
    "pfs": ("endpoints", ("pfs_time", "pfs_event")),
    "ledger": ("ledger", ("day", "decision")),
    "hypotheses": ("trajectory", ("m_protein",)),
}
# No dates and no program version in the files, so that the same run gives the same bytes.
METADATA: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
# a tenth larger than with the usual level, in a third of the time
QUICK: dict[str, dict[str, Any]] = {"png": {"pil_kwargs": {"compress_level": 3}}}


def available(run: xr.DataTree) -> list[str]:
    """Kinds of figure that the stored variables of a run allow."""
    found = []
    for kind, (group, names) in NEEDS.items():
        if group not in run.children or not set(names) <= set(map(str, dataset(run, group).data_vars)):
            continue
        if kind == "hypotheses" and not ("endpoints" in run.children and hypothesis_arms(run)):
            continue
        if kind == "ledger" and not ("endpoints" in run.children and decided(run)):
            continue
        found.append(kind)
    return found


def draw(run: xr.DataTree, kind: str, figure: Figure | None = None) -> Figure:
    """Draw one kind of figure.

    Raises
    ------
    PdsimError
        Unknown kind, or a run that lacks what it shows.
    """
    if kind not in KINDS:
        message = f"Unknown kind of figure '{kind}'.{did_you_mean(kind, KINDS)} Kinds: {', '.join(KINDS)}."
        raise PdsimError(message)
    return KINDS[kind](run, figure)


def save_figures(
    run: xr.DataTree,
    folder: str | Path,
    formats: Sequence[str] = ("png", "svg"),
    dpi: int = 200,
    kinds: Iterable[str] | None = None,
    processes: int = 1,
) -> list[Path]:
    """Write figures as ``folder/KIND.FORMAT`` and return the paths in the order of `KINDS`.

    Parameters
    ----------
    formats
        Of "png", "svg", "pdf". SVG and PDF keep text as text; single-patient lines in them are a bitmap of `dpi`.
    kinds
        Names from `KINDS`; if left out, all that the run's stored variables allow.
    processes
        How many draw, where the system can copy a process; more than one needs a run that is in memory.

    Raises
    ------
    PdsimError
        Unknown kind or format, or a named kind that the run cannot show.
    StoreError
        The folder cannot be written.
    """
    for name in formats:
        if name not in METADATA:
            message = f"Unknown figure format '{name}'.{did_you_mean(name, METADATA)} Formats: {', '.join(METADATA)}."
            raise PdsimError(message)
    chosen = available(run) if kinds is None else list(kinds)
    return write_figures({kind: partial(draw, run, kind) for kind in chosen}, Path(folder), formats, dpi, processes)


def write_figures(
    drawings: Mapping[str, Callable[[Figure], Figure]],
    folder: Path,
    formats: Sequence[str] = ("png", "svg"),
    dpi: int = 200,
    processes: int = 1,
) -> list[Path]:
    """Draw each figure and write it as ``folder/NAME.FORMAT``, laid out once; return the paths.

    Raises
    ------
    StoreError
        The folder cannot be written.
    """
    processes = min(processes, len(drawings)) if hasattr(os, "fork") else 1
    alone = processes < 2 or not _shared(drawings, folder, formats, dpi, processes)
    for stem, drawing in drawings.items() if alone else ():
        _draw(stem, drawing, folder, formats, dpi)
    return [folder / f"{stem}.{name}" for stem in drawings for name in formats]


def _shared(
    drawings: Mapping[str, Callable[[Figure], Figure]], folder: Path, formats: Sequence[str], dpi: int, processes: int
) -> bool:
    """Draw in copies of this process and in itself, each the next figure; returns whether all copies came to an end.

    Another process would import everything again and need the run. Nobody else may hold a lock when this one is
    copied, so no thread may be at work.
    """
    from multiprocessing import get_context

    context = get_context("fork")
    waiting = context.SimpleQueue()
    for stem in [*drawings, *[None] * processes]:
        waiting.put(stem)

    def work() -> None:
        for stem in iter(waiting.get, None):
            _draw(stem, drawings[stem], folder, formats, dpi)

    def help_out() -> None:
        try:
            work()
        except BaseException:  # the first process does it all again, and tells what is wrong
            sys.exit(1)

    copies = [context.Process(target=help_out, daemon=True) for _ in range(processes - 1)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads that wait for work
        for copy in copies:
            copy.start()
    try:
        work()
    except BaseException:
        for copy in copies:
            copy.terminate()
        raise
    finally:
        for copy in copies:
            copy.join()
    return not any(copy.exitcode for copy in copies)


def _draw(stem: str, drawing: Callable[[Figure], Figure], folder: Path, formats: Sequence[str], dpi: int) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with style():
        figure = drawing(FigureCanvasAgg(Figure(dpi=dpi)).figure)  # sizes of texts are known to the layout and to PNG
        _lay_out(figure)
        for name in formats:
            _write(figure, folder / f"{stem}.{name}", name, dpi)


def _lay_out(figure: Figure) -> None:
    """Place everything for good; a figure with an engine for this is drawn twice for every file."""
    parts = [part for ax in figure.axes for part in (ax, *ax.child_axes)]
    every = [axis for part in parts for axis in (part.xaxis, part.yaxis)]
    labelled = [axis for axis in every if axis.get_label_text()]
    for axis in every:
        if axis not in labelled:
            axis.set_label_coords(0.0, 0.0)  # else its place is looked for among the ticks
    engine = figure.get_layout_engine()
    if engine is not None:
        kept = [KeptTicks(axis) for axis in every]
        engine.execute(figure)
        rcParams["figure.constrained_layout.use"] = False  # the style that is in force ends with the figure
        figure.set_layout_engine(None)
        for axis in labelled:
            _keep_label(axis)
        for ticks in kept:
            ticks.settle()


def _keep_label(axis: Axis) -> None:
    """Leave an axis' label where the layout has put it: every drawing would look for its place among the ticks."""
    ax, label = axis.axes, axis.label
    place = ax.get_axes_locator()
    ax.apply_aspect(place(ax, None) if place else None)
    point = label.get_transform().transform(label.get_position())
    axis.set_label_coords(*ax.transAxes.inverted().transform(point))


def _write(figure: Figure, path: Path, name: str, dpi: int) -> None:
    """Write one file; an unwritable place is a `StoreError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format=name, dpi=dpi, metadata=METADATA[name], **QUICK.get(name, {}))
    except OSError as error:
        message = f"Cannot write the figure {path}: {error.strerror or error}."
        raise StoreError(message) from error
