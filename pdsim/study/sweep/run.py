"""Runs a sweep: claims the folder, computes the chunks that are missing, and makes the rest from the store."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pdsim._jit import thread_count
from pdsim.config.plan import keep_speed
from pdsim.errors import PdsimError
from pdsim.library.files import shown
from pdsim.study.provenance import attributes
from pdsim.study.sweep.folder import SweepFolder, writing
from pdsim.study.sweep.identity import code_hash
from pdsim.study.sweep.publish import drawing_attributes, publish
from pdsim.study.sweep.screen import progress, show_files, show_summary
from pdsim.study.sweep.summary import sensitivity, summarise
from pdsim.study.sweep.template import all_chunks, template_of
from pdsim.study.sweep.work import Payload, compute, compute_elsewhere, prepare
from pdsim.sweep.layout import Chunk, share_of
from pdsim.sweep.running import Result, Watch, on_threads
from pdsim.sweep.store import SweepStore, open_sweep

if TYPE_CHECKING:
    from rich.console import Console

    from pdsim.config.sweep_plan import SweepPlan

Runner = Callable[[Sequence[Chunk], Watch], Generator[tuple[Chunk, Result], None, None]]


class Interrupted(KeyboardInterrupt):
    """The user stopped a sweep; the message says what is kept and how to go on."""


def run_sweep(
    plan: SweepPlan,
    out: Path | str | None = None,
    *,
    resume: bool = False,
    cluster: str | None = None,
    share: tuple[int, int] | None = None,
    console: Console | None = None,
) -> Path:
    """Run a sweep into a folder.

    The folder gets ``sweep.zarr``, ``manifest/``, ``study.toml`` as resolved, and when all chunks are there the group
    ``/summary`` of the store, ``summary.csv`` and ``figures/``. The store is the same to the last byte for any number
    of threads or workers, for any shares and however often it was interrupted (its time of creation apart).

    Parameters
    ----------
    plan : SweepPlan
        From `plan_sweep`.
    out : Path, optional
        Folder, by default ``runs/NAME``.
    resume : bool
        Complete what an earlier run of the same sweep left, and redo what is damaged.
    cluster : str, optional
        Address of a dask scheduler, or ``local:N`` for processes here; by default threads of this process.
    share : (int, int), optional
        Compute only the i-th of n shares; whichever process finds all chunks finished makes the summary.
    console : rich Console, optional
        Where progress and the table go.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    StoreError
        The folder holds another sweep or cannot be written, or holds an unfinished one and `resume` is off.
    Interrupted
        The user stopped it.
    """
    from rich.console import Console

    console = console or Console(width=None if sys.stdout.isatty() else 120)
    folder = Path(out) if out is not None else Path("runs") / plan.study.name
    begun, notes = SweepFolder(folder).claim(plan)
    for note in (*plan.base.notes, *notes):
        console.print(f"Note: {note}", highlight=False)
    store = SweepStore(folder)
    everything = all_chunks(plan)
    chunks = everything if share is None else share_of(everything, *share)
    missing, damaged = store.missing(chunks)
    kept = len(chunks) - len(missing)
    _may_go_on(store, kept, len(chunks), damaged, resume or share is not None)
    for text in damaged:
        console.print(f"{text}: its chunk is computed again.", highlight=False)
    how = partial(_how_to_go_on, folder, store, everything)
    try:
        with writing(folder, how):
            if share is None:
                store.tidy()
            made = {
                "created": begun,
                "history": f"{begun} pdsim: sweep '{plan.study.name}'",
                "config_hash": plan.identity,
            }
            attrs = {**attributes(plan.base), **drawing_attributes(plan), **made}
            store.begin(template_of(plan, attrs))
        if missing:
            _fill(plan, store, missing, how, cluster, console)
        if not all(_recorded(store, chunk) for chunk in everything) or (share and store.missing(everything)[0]):
            _show_share(store, everything, share, console)
            return folder
        if _finished(folder, store):
            console.print(f"This sweep is finished already, in {shown(folder)}.", highlight=False)
        else:
            with writing(folder), console.status("summary and figures") if console.is_terminal else nullcontext():
                _finish(plan, folder, store)
    except KeyboardInterrupt:
        raise Interrupted(f"Stopped.{how()}") from None
    sweep = open_sweep(folder)
    show_summary(sweep["summary"].to_dataset(), plan, console)
    show_files(folder, console)
    return folder


def _may_go_on(store: SweepStore, kept: int, count: int, damaged: list[str], resume: bool) -> None:
    from pdsim.errors import StoreError

    if resume or (kept == count and not damaged) or (kept == 0 and not damaged):
        return
    broken = f", {len(damaged)} files of it are damaged ({damaged[0]})" if damaged else ""
    raise StoreError(
        f"{shown(store.folder)} holds an unfinished sweep of this study ({kept} of {count} chunks are kept{broken}). "
        "Go on with --resume, or choose another folder with --out DIR."
    )


def _recorded(store: SweepStore, chunk: Chunk) -> bool:
    return store.manifest.entry(chunk.name) is not None


def _how_to_go_on(folder: Path, store: SweepStore, chunks: Sequence[Chunk]) -> str:
    kept = sum(_recorded(store, chunk) for chunk in chunks)
    path = shown(folder)
    return (
        f" {kept} of {len(chunks)} chunks are finished and kept in {path}. "
        f"Go on with: pdsim run {path}/study.toml --out {path} --resume"
    )


def _fill(
    plan: SweepPlan,
    store: SweepStore,
    missing: list[Chunk],
    how: Callable[[], str],
    cluster: str | None,
    console: Console,
) -> None:
    """Compute chunks and store each as it comes."""
    arms = len(plan.base.arms)
    for chunk in missing:
        store.manifest.forget(chunk.name)
    todo = sum(chunk.count for chunk in missing) * arms
    watch = Watch()
    with _runner(plan, cluster, console) as (runner, workers):
        started = time.perf_counter()
        with (
            progress(plan, plan.patient_runs - todo, plan.patient_runs, watch, console),
            closing(runner(missing, watch)) as results,
        ):
            for chunk, result in results:
                with writing(store.folder, how):
                    store.put(chunk, result.arrays, failed=result.failed)
        seconds = time.perf_counter() - started
    years = plan.patient_years * todo / plan.patient_runs
    keep_speed(plan.base.model, years, seconds, workers)
    console.print(
        f"{todo} patient runs in {seconds:.0f} s, {todo / seconds:.3g} a second, {watch.failed} failed.",
        highlight=False,
    )


@contextmanager
def _runner(plan: SweepPlan, cluster: str | None, console: Console) -> Iterator[tuple[Runner, int]]:
    """What runs the chunks, and on how many threads or workers."""
    if cluster is None:
        threads = thread_count(plan.threads)
        prepare(plan)
        work = partial(compute, plan)
        yield (lambda chunks, watch: on_threads(work, chunks, threads, watch)), threads
        return
    from pdsim.config.resolved import to_toml
    from pdsim.sweep.cluster import connected, on_cluster

    payload = Payload(to_toml(plan.study, {"identity": plan.identity}), plan.identity, code_hash())
    with connected(cluster) as client:
        workers = sum(client.nthreads().values())
        if console.is_terminal:
            console.print(f"{workers} worker threads, dashboard {client.dashboard_link}", highlight=False)
        yield (lambda chunks, watch: on_cluster(client, compute_elsewhere, payload, chunks, watch)), workers


def _show_share(store: SweepStore, chunks: Sequence[Chunk], share: tuple[int, int] | None, console: Console) -> None:
    done = sum(_recorded(store, chunk) for chunk in chunks)
    which = "" if share is None else f"Share {share[0]} of {share[1]} is finished. "
    console.print(f"{which}{done} of {len(chunks)} chunks are there.", highlight=False)


def _finished(folder: Path, store: SweepStore) -> bool:
    """Whether everything that is made from the chunks is there too."""
    made = (folder / "summary.csv").is_file() and (folder / "figures").is_dir()
    return made and store.manifest.damage("summary") is None


def _finish(plan: SweepPlan, folder: Path, store: SweepStore) -> None:
    """Make what is computed from the whole store, where it is not there yet."""
    if store.manifest.damage("summary") is not None:
        summary = summarise(plan, store)
        found = sensitivity(plan, summary)
        if found is not None:
            store.put_group("sensitivity", found)
        store.put_group("summary", summary)
    publish(open_sweep(folder), plan, folder)


def parse_share(text: str) -> tuple[int, int]:
    """Read ``"3/16"``: the third of sixteen shares.

    Raises
    ------
    PdsimError
        It is none.
    """
    number, slash, of = text.partition("/")
    if not slash or not number.isdigit() or not of.isdigit() or not 1 <= int(number) <= int(of):
        raise PdsimError(f"--chunk {text}: write i/n with i from 1 to n, such as --chunk 3/16")
    return int(number), int(of)
