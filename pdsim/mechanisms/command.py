"""What ``pdsim mechanisms`` does: load, run with a progress bar, print, write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pdsim.mechanisms.load import choose, load_suite
from pdsim.mechanisms.run import run_suite
from pdsim.mechanisms.show import show_results, write_json
from pdsim.study.counted import counted_patients, table_console


def run_command(claims: Sequence[str], json: Path | None, size: int | None, threads: int | None) -> None:
    """Run claims of the shipped suite; see `pdsim.cli`."""
    console = table_console()
    suite = choose(load_suite(), claims)
    with counted_patients(json) as progress:
        results = run_suite(suite, size, threads, progress)
    show_results(results, console)
    if json is not None:
        write_json(results, json)
        console.print(f"Results: {json}", highlight=False)
