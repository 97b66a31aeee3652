"""The library: finds files by name in a fixed order of places and loads them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdsim.errors import ConfigError, NotFoundError, did_you_mean
from pdsim.library.files import read_reasons, read_toml, shown
from pdsim.library.places import KINDS, Kind, Place, from_environment, kind_of, shipped, stem

if TYPE_CHECKING:
    from pdsim.cohort import Population
    from pdsim.dosing import Regimen, RuleSet
    from pdsim.model import Model
    from pdsim.pk import DrugCard

ENTRY_POINTS = "pdsim.models"


class Library:
    """Finds and loads models, drug cards, regimens, populations and studies.

    A name is looked up in the study's folder, then in `paths` (or ``PDSIM_MODEL_PATH``), then in the files shipped
    with pdsim; models also among the installed entry points of the group ``pdsim.models``. The first place wins.
    A reference with a slash is a path, relative to the study's folder (or the current one).

    Parameters
    ----------
    paths : sequence of Path, optional
        Folders to search in place of ``PDSIM_MODEL_PATH``.
    study_folder : Path, optional
        Folder of the study file; searched first.

    Examples
    --------
    >>> "myeloma" in Library().names("models")
    True
    """

    def __init__(self, paths: Sequence[Path | str] | None = None, study_folder: Path | str | None = None) -> None:
        self.study_folder = None if study_folder is None else Path(study_folder)
        places: list[Place] = []
        if self.study_folder is not None:
            places.append(Place(self.study_folder, "the study's folder", loose_toml=True))
        if paths is None:
            places += from_environment()
        else:
            places += [Place(Path(path), "a folder given", loose_toml=True, loose_python=True) for path in paths]
        self.places: tuple[Place, ...] = (*places, shipped())
        self._loaded: dict[tuple[str, Path], Any] = {}
        self._reading: list[Path] = []

    def names(self, kind: str) -> list[str]:
        """Return the sorted names of one kind: models, drugs, regimens, rules, populations, trials or studies.

        Raises
        ------
        NotFoundError
            There is no such kind.
        ConfigError
            A name is there twice in one place.
        """
        return sorted(self.files(kind))

    def files(self, kind: str) -> dict[str, Path]:
        """Return the file of every name of one kind, the first place winning; see `names` for the errors."""
        wanted = self._kind(kind)
        found: dict[str, Path] = {}
        for place in self.places:
            for name, path in place.files(wanted).items():
                found.setdefault(name, path)
        if wanted.name == "model":
            for name, entry in _entry_points().items():
                found.setdefault(name, _source_of(entry))
        return found

    def find(self, kind: str, name: str) -> Path:
        """Return the file that a name or a path with a slash stands for.

        Raises
        ------
        NotFoundError
            It is in none of the places; the message names them and the nearest names.
        ConfigError
            The name is there twice in one place.
        """
        wanted = self._kind(kind)
        if is_path(name):
            return self._by_path(wanted, name)
        for place in self.places:
            path = place.files(wanted).get(name)
            if path is not None:
                return path
        if wanted.name == "model" and name in _entry_points():
            return _source_of(_entry_points()[name])
        raise NotFoundError(self._missing(wanted, name))

    def load_model(self, name: str) -> Model:
        """Load a disease model.

        Parameters
        ----------
        name : str
            A name, or a path to a Python file written with a slash, such as ``"./mine.py"``.

        Raises
        ------
        NotFoundError, ModelError
        """
        from pdsim.model import load_model_file

        return self._once("model", name, lambda path, _: load_model_file(path))

    def load_drug(self, name: str) -> DrugCard:
        """Load a drug card. Raises NotFoundError or ConfigError."""
        from pdsim.pk import card_from_dict

        return self._once("drug", name, _from_toml(card_from_dict))

    def load_regimen(self, name: str) -> Regimen:
        """Load a regimen with the rule files that it names. Raises NotFoundError, ConfigError or DoseError."""
        return self._once("regimen", name, self._read_regimen)

    def load_rule_set(self, name: str) -> RuleSet:
        """Load a file of dosing rules. Raises NotFoundError or ConfigError."""
        from pdsim.dosing import rule_set_from_dict

        return self._once("rule_set", name, _from_toml(rule_set_from_dict))

    def lenders(self, name: str) -> list[str]:
        """Return the regimens that a regimen borrows doses from, the nearest first. Raises as `load_regimen` does."""
        found: list[str] = []
        while isinstance(name := read_toml(self.find("regimen", name)).get("same_as", 0), str) and name not in found:
            found.append(name)
        return found

    def not_simulated(self) -> dict[str, str]:
        """Return the regimens that are known and cannot be simulated, each with the reason.

        Raises
        ------
        ConfigError
            A file ``not_simulated.toml`` is no table of texts.
        """
        found: dict[str, str] = {}
        for place in self.places:
            for path in place.files_of_reasons():
                found = read_reasons(path) | found
        return {name: reason for name, reason in sorted(found.items()) if name not in self.files("regimen")}

    def load_population(self, name: str) -> Population:
        """Load a population. Raises NotFoundError, ConfigError or CohortError."""
        from pdsim.cohort import population_from_dict

        return self._once(
            "population", name, lambda path, stem: population_from_dict(self.population_tree(name), stem, shown(path))
        )

    def population_tree(self, name: str) -> dict[str, Any]:
        """Return the keys of a population file, with those of the population that it is ``same_as``.

        Raises
        ------
        NotFoundError
            There is no such population.
        ConfigError
            The file is no TOML, or populations are the same as each other in a circle.
        """
        from pdsim.cohort import changed_tree

        path = self.find("population", name).resolve()
        tree = read_toml(path)
        base = tree.get("same_as")
        if base is None:
            return tree
        if not isinstance(base, str):
            raise ConfigError(f"{shown(path)}: same_as: should be the name of a population, not {base}.")
        if path in self._reading:
            circle = ", ".join(stem(file) for file in [*self._reading[self._reading.index(path) :], path])
            raise ConfigError(f"populations are the same as each other in a circle: {circle}")
        self._reading.append(path)
        try:
            return changed_tree(self.population_tree(base), tree)
        finally:
            self._reading.pop()

    def load(self, kind: str, name: str) -> Any:
        """Load an entry of any kind but studies by the kind's name; see the ``load_`` methods."""
        return getattr(self, f"load_{self._kind(kind).name}")(name)

    def kind_of_file(self, name: str) -> str:
        """Return the kind of a file given by a path; NotFoundError if its tables are those of none."""
        if name.endswith(".py"):
            return "model"
        path = self._absolute(name)
        if path.is_dir():
            return "model"
        keys = set(read_toml(path))
        found = next((kind.name for kind in KINDS.values() if keys & kind.tables), None)
        if found is None:
            raise NotFoundError(
                f"{shown(path)} holds none of the tables of a drug, regimen, rule set, population or study."
            )
        return found

    def where(self, name: str) -> list[str]:
        """Return the kinds that hold `name`: model, drug, regimen, rule_set, population, trial, study."""
        return [kind for kind in KINDS if name in self.files(kind)]

    def _read_regimen(self, path: Path, name: str) -> Regimen:
        """Read a regimen file and those that it borrows from."""
        from pdsim.dosing import regimen_from_dict

        if path in self._reading:
            circle = ", ".join(stem(file) for file in [*self._reading[self._reading.index(path) :], path])
            raise ConfigError(f"regimens borrow from each other in a circle: {circle}")
        self._reading.append(path)
        try:
            return regimen_from_dict(read_toml(path), name, shown(path), self.load_rule_set, self.load_regimen)
        finally:
            self._reading.pop()

    def _once(self, kind: str, name: str, read: Callable[[Path, str], Any]) -> Any:
        path = self.find(kind, name).resolve()
        key = (kind, path)
        if key not in self._loaded:
            self._loaded[key] = read(path, stem(path))
        return self._loaded[key]

    def _by_path(self, kind: Kind, name: str) -> Path:
        path = self._absolute(name)
        if kind.suffix == ".py" and (path / "__init__.py").is_file():
            return path / "__init__.py"
        if path.suffix != kind.suffix:
            raise NotFoundError(f"'{name}' is not a {kind.title} file: it should end in '{kind.suffix}'.")
        if not path.is_file():
            near = [found.name for found in path.parent.glob(f"*{kind.suffix}")]
            raise NotFoundError(f"There is no {kind.title} file {shown(path)}.{did_you_mean(path.name, near)}")
        return path

    def _absolute(self, name: str) -> Path:
        path = Path(name).expanduser()
        return path if path.is_absolute() else (self.study_folder or Path.cwd()) / path

    def _kind(self, word: str) -> Kind:
        try:
            return kind_of(word)
        except KeyError:
            known = [kind.plural for kind in KINDS.values()]
            raise NotFoundError(
                f"There are no '{word}' in the library.{did_you_mean(word, known)} It holds {', '.join(known)}."
            ) from None

    def _missing(self, kind: Kind, name: str) -> str:
        reason = self.not_simulated().get(name) if kind.name == "regimen" else None
        if reason:
            return f"The regimen '{name}' cannot be simulated: {reason}."
        known = self.names(kind.name)
        hint = did_you_mean(name, known) or (f" Known are: {', '.join(known)}." if known else "")
        file = f"{name}{kind.suffix}" if not name.endswith(kind.suffix) else name
        path = f" A file of your own is written with a slash: './{file}'." if name.endswith(kind.suffix) else ""
        places = "; ".join(str(place) for place in self.places)
        return f"There is no {kind.title} '{name}'.{hint}{path} Searched: {places}."


def is_path(name: str) -> bool:
    """Tell whether a reference is a path: it holds a slash."""
    return "/" in name or os.sep in name


def _from_toml(build: Callable[[dict[str, Any], str, str], Any]) -> Callable[[Path, str], Any]:
    return lambda path, name: build(read_toml(path), name, shown(path))


def _entry_points() -> dict[str, Any]:
    from importlib.metadata import entry_points

    return {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}


def _source_of(entry: Any) -> Path:
    """Return the file of the module that an entry point names."""
    from importlib.util import find_spec

    spec = find_spec(entry.module)
    if spec is None or spec.origin is None:
        raise NotFoundError(f"The entry point '{entry.name}' names the module '{entry.module}', which is not there.")
    return Path(spec.origin)
