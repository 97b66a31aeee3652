"""What commands that run many patients and end in a table have in common."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pdsim.study.folder import writing

if TYPE_CHECKING:
    from rich.console import Console


def table_console() -> Console:
    """Console of a table: a file has no width of its own, and this one keeps a row readable."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 200)


@contextmanager
def counted_patients(json: Path | None) -> Iterator[Callable[[int, int], None]]:
    """Show a bar of patients done, for the callback that is given; a file that cannot be written is told before.

    Raises
    ------
    StoreError
        `json` cannot be written.
    """
    from rich.console import Console
    from rich.progress import Progress

    if json is not None:
        with writing(json):  # before minutes of work, not after them
            json.parent.mkdir(parents=True, exist_ok=True)
            json.touch()
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("patients", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
