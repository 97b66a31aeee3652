"""What ``pdsim mechanisms`` does: load, run with a progress bar, print, write."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from pdsim.mechanisms.load import choose, load_suite
from pdsim.mechanisms.run import run_suite
from pdsim.mechanisms.show import show_results, write_json
from pdsim.study.folder import writing


def run_command(claims: Sequence[str], json: Path | None, size: int | None, threads: int | None) -> None:
    """Run claims of the shipped suite; see `pdsim.cli`."""
    from rich.console import Console
    from rich.progress import Progress

    # a file has no width of its own; this one keeps a claim's row readable
    console = Console(width=None if sys.stdout.isatty() else 200)
    suite = choose(load_suite(), claims)
    if json is not None:
        with writing(json):  # before minutes of work, not after them
            json.parent.mkdir(parents=True, exist_ok=True)
            json.touch()
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("patients", total=None)
        results = run_suite(suite, size, threads, lambda done, total: bar.update(task, completed=done, total=total))
    show_results(results, console)
    if json is not None:
        write_json(results, json)
        console.print(f"Results: {json}", highlight=False)
