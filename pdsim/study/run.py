"""Runs a study: cohort, arms one by one, endpoints, figures, report."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pdsim._jit import thread_count
from pdsim.config.plan import Plan, busy_threads, keep_speed, plan_study
from pdsim.library.files import shown
from pdsim.store import open_run, save_run
from pdsim.study.folder import RunFolder, writing
from pdsim.study.join import joined
from pdsim.study.pieces import load_piece, save_piece
from pdsim.study.provenance import attributes
from pdsim.study.publish import summary
from pdsim.study.publisher import publisher
from pdsim.study.screen import progress, show_failures, show_files, show_table
from pdsim.units import days

if TYPE_CHECKING:
    import xarray as xr
    from rich.console import Console

_YEAR = 365.25
_WORTH_KEEPING = 20.0  # seconds of work: to write less takes longer than to do it again


class Interrupted(KeyboardInterrupt):
    """The user stopped a run; the message says what is kept and how to go on."""


def run_study(
    study_path: Path | str,
    out: Path | str | None = None,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    threads: int | None = None,
    resume: bool = False,
    console: Console | None = None,
) -> Path:
    """Run a study into a folder.

    The folder gets ``run.zarr``, ``study.toml`` as resolved, ``summary.csv``, ``figures/`` and ``report.html``.
    Finished arms are kept where the rest takes long or is stopped, so that it can go on.

    Parameters
    ----------
    study_path : Path or str
        Study file, or the name of a shipped one.
    out : Path, optional
        Folder of the run, by default ``runs/NAME``.
    overrides : sequence of str
        ``key.path=value`` changes of the study.
    seed, threads : int, optional
        Seed in place of the study's; threads in place of all cores.
    resume : bool
        Complete what an earlier run of the same study left.
    console : rich Console, optional
        Where progress and the table go, by default standard output.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ConfigError, NotFoundError
        The study is wrong.
    StoreError
        The folder holds another run or cannot be written.
    Interrupted
        The user stopped it.
    """
    from rich.console import Console

    # a file has no width of its own; this one keeps the table's rows in one line
    console = console or Console(width=None if sys.stdout.isatty() else 120)
    with publisher(thread_count(threads)) as begin:
        plan = plan_study(study_path, overrides, seed, threads)
        folder = RunFolder(Path(out) if out is not None else Path("runs") / plan.study.name)
        for note in plan.notes:
            console.print(f"Note: {note}", highlight=False)
        folder.claim(plan, resume)
        if folder.finished:
            run = open_run(folder.store)
            console.print(f"This study is finished already, in {shown(folder.path)}.", highlight=False)
            show_table(summary(run), run, console)
            return folder.path
        try:
            stored = folder.store.is_dir()
            run = open_run(folder.store).load() if stored else _simulated(plan, folder, threads, console)
            if console.is_terminal:
                console.print("figures and report")
            published = begin(run, folder.path)
            if not stored:
                save_run(run, folder.store)
            table = published()
            folder.drop_parts()
        except KeyboardInterrupt:
            raise Interrupted(_how_to_go_on(plan, folder)) from None
    show_table(table, run, console)
    show_failures(run, console)
    show_files(folder, console)
    return folder.path


def _how_to_go_on(plan: Plan, folder: RunFolder) -> str:
    kept = len(plan.arms) if folder.store.is_dir() else folder.kept(plan)
    path = shown(folder.path)
    return (
        f"Stopped. {kept} of {len(plan.arms)} arms are finished and kept in {path}. "
        f"Go on with: pdsim run {path}/study.toml --out {path} --resume"
    )


def _simulated(plan: Plan, folder: RunFolder, threads: int | None, console: Console) -> xr.DataTree:
    """Simulate the arms that are missing; keep finished arms where that takes long."""
    from pdsim.cohort import sample_cohort

    study = plan.study
    cohort = sample_cohort(plan.population, study.cohort.size, seed=study.seed, sampling=study.cohort.sampling)
    found = {arm: load_piece(folder.piece(arm), cohort) for arm in plan.arms}
    trees = {arm: tree for arm, tree in found.items() if tree is not None}
    missing = [arm for arm in plan.arms if arm not in trees]
    ends = [time.perf_counter()]
    with (
        _kept_if_stopped(folder, trees) as keep,
        progress(plan, len(trees), console) as begin,
        closing(_by_arm(plan, missing, cohort, threads, begin)) as runs,
    ):
        kept = ends[0]
        for arm, tree in runs:
            trees[arm] = tree
            ends.append(time.perf_counter())
            if ends[-1] - kept > _WORTH_KEEPING:
                keep()
                kept = ends[-1]
    _note_speed(plan, ends, threads)
    run = joined([trees[arm] for arm in plan.arms])
    run.attrs.update(attributes(plan, str(run.attrs.get("history", ""))))
    return run


@contextmanager
def _kept_if_stopped(folder: RunFolder, trees: Mapping[str, xr.DataTree]) -> Iterator[Callable[[], None]]:
    """Yield what keeps the finished arms; keep them too if the user, or an error, stops the others."""
    there = set(trees)

    def keep() -> None:
        with writing(folder.path):
            for arm in [arm for arm in trees if arm not in there]:
                save_piece(trees[arm], folder.piece(arm))
                there.add(arm)

    try:
        yield keep
    except BaseException:
        keep()
        raise


def _note_speed(plan: Plan, ends: Sequence[float], threads: int | None) -> None:
    """Keep the speed of all arms after the first, whose time is also that of loading and compiling."""
    if len(ends) > 2:
        study = plan.study
        years = (len(ends) - 2) * study.cohort.size * days(study.stop) / _YEAR
        keep_speed(plan.model, years, ends[-1] - ends[1], busy_threads(study.cohort.size, threads))


def _by_arm(
    plan: Plan,
    arms: Sequence[str],
    cohort: xr.Dataset,
    threads: int | None,
    begin: Callable[[str], Callable[[int, int, int], None]],
) -> Generator[tuple[str, xr.DataTree], None, None]:
    """Name and run of each of these arms, as they are done."""
    from pdsim.simulate import each_arm

    if not arms:
        return
    study = plan.study
    yield from each_arm(
        plan.model,
        cohort,
        {arm: plan.arms[arm] for arm in arms},
        **study.simulation,
        save=list(study.save or ()),
        drugs=plan.drugs,
        threads=threads,
        progress=begin(", ".join(arms) if len(arms) < 3 else f"{len(arms)} arms"),
    )
