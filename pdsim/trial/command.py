"""What ``pdsim trial`` does: load, run with a progress bar, print, write tables and the report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pdsim.library import Library
from pdsim.study.counted import counted_patients, table_console
from pdsim.trial.load import load_trials
from pdsim.trial.options import Options, quick
from pdsim.trial.run import run_trials
from pdsim.trial.show import show_board, write_json

ALL = "all"


def run_command(
    name: str,
    fast: bool,
    json: Path | None,
    seed: int,
    threads: int | None,
    size: int | None,
    bank: int | None,
    out: Path | None,
) -> None:
    """Run one trial or all of them; see `pdsim.cli`."""
    console = table_console()
    options = quick(seed, threads) if fast else Options(seed=seed, threads=threads, bank=0 if name == ALL else None)
    options = replace(options, size=size or options.size, bank=options.bank if bank is None else bank)
    library = Library(study_folder=Path.cwd())
    trials = load_trials([] if name == ALL else [name], library)
    with counted_patients(json) as progress:
        board = run_trials(trials, options, library, progress)
    show_board(board, console)
    if json is not None:
        write_json(board, json)
        console.print(f"Results: {json}", highlight=False)
    if out is not None:
        from pdsim.trial.publish import publish

        console.print(f"Report: {publish(board, out)}", highlight=False)
