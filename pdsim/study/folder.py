"""The folder of a run: whose it is, what is there, and where things go."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from pdsim.config.resolved import file_hashes, to_toml
from pdsim.errors import StoreError
from pdsim.library.files import shown
from pdsim.study.provenance import identification

if TYPE_CHECKING:
    from pdsim.config.plan import Plan


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run: ``study.toml``, ``parts/`` while it runs, ``run.zarr`` and what is made from it."""

    path: Path

    @property
    def store(self) -> Path:
        """The finished run."""
        return self.path / "run.zarr"

    @property
    def report(self) -> Path:
        """The page that is written last."""
        return self.path / "report.html"

    @property
    def finished(self) -> bool:
        """Whether everything is there."""
        return self.store.is_dir() and self.report.is_file() and not (self.path / "parts").exists()

    def piece(self, arm: str) -> Path:
        """Where a finished arm is kept until all are."""
        return self.path / "parts" / f"{quote(arm, safe='')}.npz"

    def kept(self, plan: Plan) -> int:
        """How many arms are kept."""
        return sum(self.piece(arm).is_file() for arm in plan.arms)

    def drop_parts(self) -> None:
        """Remove the parts once the whole run is stored."""
        shutil.rmtree(self.path / "parts", ignore_errors=True)

    def claim(self, plan: Plan, resume: bool) -> None:
        """Make the folder this run's, or refuse.

        Raises
        ------
        StoreError
            The folder holds something else, or an unfinished run of this study and `resume` is off, or it cannot
            be written.
        """
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            held = self._held()
            if held is None or self._holds_nothing():
                if held is None and any(self.path.iterdir()):
                    raise StoreError(
                        f"{shown(self.path)} is not empty and holds no run. Choose another with --out DIR."
                    )
                (self.path / "study.toml").write_text(to_toml(plan.study, identification(plan)), encoding="utf-8")
                return
        name, identity, created, files = held
        if identity != plan.identity:
            what = f"of the study '{name}' (identity {identity}, {created})"
            raise StoreError(
                f"{shown(self.path)} holds another run, {what}. This study is '{plan.study.name}' (identity "
                f"{plan.identity}); {self._difference(plan, name, files)}. Choose another folder with --out DIR."
            )
        if not self.finished and not resume:
            kept = f"{self.kept(plan)} of {len(plan.arms)} arms are kept"
            raise StoreError(
                f"{shown(self.path)} holds an unfinished run of this study ({kept}). "
                "Go on with --resume, or choose another folder with --out DIR."
            )

    def _holds_nothing(self) -> bool:
        """Whether a run was begun here and no arm of it finished, so that nothing is lost."""
        return not self.store.exists() and not any((self.path / "parts").glob("*.npz"))

    def _held(self) -> tuple[str, str, str, dict[str, str]] | None:
        """Return name, identity, date and file hashes of the run that the folder holds."""
        try:
            tree = tomllib.loads((self.path / "study.toml").read_text(encoding="utf-8"))
            found = tree["provenance"]
            return str(tree["name"]), str(found["identity"]), str(found["created"]), dict(found["files"])
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{shown(self.path / 'study.toml')} cannot be read as a stored study ({error}).") from None

    def _difference(self, plan: Plan, name: str, files: dict[str, str]) -> str:
        if name != plan.study.name:
            return "the two have different names"
        changed = [entry for entry, value in file_hashes(plan.files).items() if files.get(entry) != value]
        return f"changed since: {', '.join(changed)}" if changed else "its settings, or pdsim's version, differ"


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals into a StoreError that names the path."""
    try:
        yield
    except OSError as error:
        where = error.filename or path
        raise StoreError(f"{shown(Path(str(where)))} cannot be written: {error.strerror or error}.") from error
