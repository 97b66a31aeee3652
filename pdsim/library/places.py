"""Where the library looks: places, kinds of file, and how a loose file tells its kind."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pdsim.errors import ConfigError
from pdsim.library.files import read_toml, shown

REASONS = "not_simulated.toml"
NOT_SCORED = "not_scored.toml"


@dataclass(frozen=True)
class Kind:
    """One kind of file: its names, the folders it lives in, and the tables that betray it."""

    name: str
    plural: str
    folders: tuple[str, ...]
    suffix: str = ".toml"
    tables: frozenset[str] = frozenset()

    @property
    def title(self) -> str:
        """Name as messages write it."""
        return self.name.replace("_", " ")


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("model", "models", ("models",), ".py"),
        Kind("drug", "drugs", ("models/drugs", "drugs"), tables=frozenset({"pk", "effect"})),
        Kind(
            "regimen",
            "regimens",
            ("configs/regimens", "regimens"),
            tables=frozenset({"cycle", "dose", "same_as", "meaning"}),
        ),
        Kind("rule_set", "rules", ("configs/rules", "rules"), tables=frozenset({"rule"})),
        Kind(
            "population",
            "populations",
            ("configs/populations", "populations"),
            tables=frozenset({"parameters", "covariates", "clones"}),
        ),
        Kind(
            "trial",
            "trials",
            ("configs/trials", "trials"),
            tables=frozenset({"outcome", "eligibility", "follow_up"}),
        ),
        Kind("study", "studies", ("configs/studies", "studies"), tables=frozenset({"arms", "cohort"})),
    )
}


def kind_of(word: str) -> Kind:
    """Return the kind called `word`, singular or plural; KeyError if there is none."""
    for kind in KINDS.values():
        if word in (kind.name, kind.plural):
            return kind
    raise KeyError(word)


@dataclass(frozen=True)
class Place:
    """A folder that the library searches.

    Parameters
    ----------
    root : Path
        The folder; kinds live in its ``models/``, ``models/drugs/``, ``regimens/`` and so on.
    title : str
        What messages call it.
    loose_toml, loose_python : bool
        Whether files directly in `root` count too.
    """

    root: Path
    title: str
    loose_toml: bool = False
    loose_python: bool = False

    def __str__(self) -> str:
        return f"{self.title} ({shown(self.root)})"

    def files(self, kind: Kind) -> dict[str, Path]:
        """Return the files of one kind by name.

        Raises
        ------
        ConfigError
            Two files of this place carry the same name.
        """
        found: dict[str, Path] = {}
        for path in self._candidates(kind):
            first = found.setdefault(stem(path), path)
            if first != path:
                raise ConfigError(
                    f"The {kind.title} '{stem(path)}' is there twice in {self.title}: {shown(first)} and "
                    f"{shown(path)}. Rename or remove one of them."
                )
        return found

    def _candidates(self, kind: Kind) -> list[Path]:
        if kind.suffix == ".py":
            return self._model_files(kind)
        paths: list[Path] = []
        for folder in kind.folders:
            paths += sorted((self.root / folder).rglob(f"*{kind.suffix}"))
        if self.loose_toml and self.root.is_dir():
            paths += [path for path in sorted(self.root.glob(f"*{kind.suffix}")) if _is_loose(path, kind)]
        return [
            path
            for path in paths
            if path.is_file() and not path.name.startswith(("_", ".")) and path.name not in (REASONS, NOT_SCORED)
        ]

    def files_of_reasons(self) -> list[Path]:
        """Return the files that say which regimens cannot be simulated and why."""
        return [path for folder in KINDS["regimen"].folders if (path := self.root / folder / REASONS).is_file()]

    def files_of_not_scored(self) -> list[Path]:
        """Return the files that say which published figures no trial scores and why."""
        return [path for folder in KINDS["trial"].folders if (path := self.root / folder / NOT_SCORED).is_file()]

    def _model_files(self, kind: Kind) -> list[Path]:
        """Files of models: a Python file, or the ``__init__.py`` of a folder."""
        folders = [self.root / folder for folder in kind.folders] + ([self.root] if self.loose_python else [])
        paths = [path for folder in folders for path in sorted([*folder.glob("*.py"), *folder.glob("*/__init__.py")])]
        return [path for path in paths if path.is_file() and not stem(path).startswith(("_", "."))]


def stem(path: Path) -> str:
    """Name of an entry: of its file, or of the folder whose ``__init__.py`` it is."""
    return path.parent.name if path.name == "__init__.py" else path.stem


def _is_loose(path: Path, kind: Kind) -> bool:
    try:
        keys = _keys(path, path.stat().st_mtime_ns)
    except (ConfigError, OSError):
        return True  # so that opening it by name reports its syntax error
    return next((other.name for other in KINDS.values() if keys & other.tables), "") == kind.name


@lru_cache(maxsize=1024)
def _keys(path: Path, changed: int) -> frozenset[str]:
    """Tables and keys of a file as it was when last `changed`: a study looks for a dozen names among its files."""
    return frozenset(read_toml(path))


def shipped() -> Place:
    """Return the models and configs that come with pdsim: in the wheel, or beside the package in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "_shipped"
    return Place(inside if inside.is_dir() else package.parent, "the files shipped with pdsim")


def from_environment() -> list[Place]:
    """Return the places named by ``PDSIM_MODEL_PATH``."""
    folders = [part for part in os.environ.get("PDSIM_MODEL_PATH", "").split(os.pathsep) if part.strip()]
    return [Place(Path(part).expanduser(), "PDSIM_MODEL_PATH", loose_toml=True, loose_python=True) for part in folders]
