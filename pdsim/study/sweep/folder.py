"""The folder of a sweep: whose it is, and what a run into it may do."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from pdsim.config.resolved import file_hashes, to_toml
from pdsim.errors import StoreError
from pdsim.library.files import shown
from pdsim.study.provenance import now
from pdsim.study.sweep.identity import code_parts, cpu_name, differences

if TYPE_CHECKING:
    from pdsim.config.sweep_plan import SweepPlan

_WORDS = {27: "a file is larger than this user may write", 28: "no space left on the disk", 122: "the quota is used up"}


class SweepFolder:
    """The folder of one sweep: ``study.toml``, ``sweep.zarr``, ``manifest/``, and what is made from them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def claim(self, plan: SweepPlan) -> tuple[str, list[str]]:
        """Make the folder this sweep's; several processes may do so at once.

        Returns
        -------
        begun : str
            When.
        notes : list of str
            What the user should know.

        Raises
        ------
        StoreError
            The folder holds something else, or a sweep of another study or code; the message names the difference.
        """
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            file = self.path / "study.toml"
            own = self.text(plan)
            if not file.exists():
                if any(not entry.name.startswith(".") for entry in self.path.iterdir()):
                    raise StoreError(
                        f"{shown(self.path)} is not empty and holds no sweep. Choose another with --out DIR."
                    )
                _create(file, own)
        held, here = self._held(file), tomllib.loads(own)
        provenance = held["provenance"]
        same = provenance["identity"] == plan.identity and provenance.get("code") == here["provenance"]["code"]
        if not same:
            found = differences(held, here) or ["the scenarios have changed"]
            raise StoreError(
                "\n".join(
                    [
                        f"{shown(self.path)} holds another sweep, of {provenance['created']}. What differs:",
                        *(f"  - {text}" for text in found),
                        "Choose another folder with --out DIR.",
                    ]
                )
            )
        there, own_cpu = provenance.get("cpu", ""), here["provenance"]["cpu"]
        note = f"begun on another type of processor ({there}, this is {own_cpu}): last digits may differ between chunks"
        return str(provenance["created"]), [] if there == own_cpu else [note]

    def text(self, plan: SweepPlan) -> str:
        """The study as it is written to the folder."""
        from pdsim import __version__

        provenance = {
            "identity": plan.identity,
            "pdsim_version": __version__,
            "created": now(),
            "files": file_hashes(plan.files),
            "code": code_parts(),
            "cpu": cpu_name(),
        }
        return to_toml(plan.study, provenance)

    def _held(self, file: Path) -> dict[str, Any]:
        try:
            tree = tomllib.loads(file.read_text(encoding="utf-8"))
            if not {"identity", "created"} <= set(tree["provenance"]):
                raise KeyError("provenance.identity")
            return tree
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{shown(file)} cannot be read as a stored study ({error}).") from None


def _create(file: Path, text: str) -> None:
    """Write a file that another process may be writing too: the first one wins, and nobody sees half of it."""
    aside = file.with_name(f".{file.name}.{token_hex(4)}.part")
    try:
        aside.write_text(text, encoding="utf-8")
        os.link(aside, file)
    except FileExistsError:
        pass
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def writing(path: Path, kept: Callable[[], str] = str) -> Iterator[None]:
    """Turn the operating system's refusals into a StoreError that names the path, and what `kept` says is kept."""
    try:
        yield
    except OSError as error:
        where = error.filename or path
        reason = _WORDS.get(error.errno or 0) or error.strerror or str(error)
        raise StoreError(f"{shown(Path(str(where)))} cannot be written: {reason}.{kept()}") from error
