"""From a folder of claim files to a checked suite, or one list of mistakes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from pdsim.config.messages import Mistakes, explain
from pdsim.errors import ConfigError, NotFoundError, PdsimError, did_you_mean
from pdsim.library import Library
from pdsim.library.files import read_toml, shown
from pdsim.library.places import shipped
from pdsim.mechanisms.experiment import Experiment, experiments
from pdsim.mechanisms.schema import (
    ArmTable,
    CheckTable,
    ClaimFile,
    ClaimTable,
    CloneTable,
    PopulationTable,
    ReadoutTable,
)

if TYPE_CHECKING:
    from pdsim.model import Model
    from pdsim.pk import DrugCard

_TABLES: Mapping[str, type] = {"population": PopulationTable, "claim": ClaimTable}
_INNER: Mapping[str, type] = {"arms": ArmTable, "check": CheckTable, "readout": ReadoutTable, "clones": CloneTable}


@dataclass(frozen=True)
class Suite:
    """Claims ready to run.

    Attributes
    ----------
    model : Model
    cards : dict of str to DrugCard
        Of all drugs there are.
    claims : tuple of ClaimTable
        By number.
    experiments : dict
        `Experiment` of each claim that has checks, by id.
    frozen : bool
        Whether parameters are frozen, so that claims whose evidence is a check arm may be looked at.
    """

    model: Model
    cards: dict[str, DrugCard]
    claims: tuple[ClaimTable, ...]
    experiments: dict[str, Experiment]
    frozen: bool


def load_suite(
    folder: Path | str | None = None,
    library: Library | None = None,
    model: str = "myeloma",
    frozen: bool | None = None,
) -> Suite:
    """Read and check all claim files of a folder.

    Parameters
    ----------
    folder : Path or str, optional
        By default the shipped ``configs/mechanisms``.
    library : Library, optional
        Where the model, populations, regimens and drug cards are found.
    model : str
        Name of the model that the claims are about.
    frozen : bool, optional
        By default whether ``configs/fits/frozen`` holds anything.

    Returns
    -------
    Suite

    Raises
    ------
    ConfigError
        Listing every mistake, file by file.
    NotFoundError
        The folder holds no claim files.
    """
    root = shipped().root / "configs"
    place = Path(folder) if folder is not None else root / "mechanisms"
    paths = sorted(place.glob("*.toml"))
    if not paths:
        raise NotFoundError(f"{shown(place)} holds no claim files.")
    library = library or Library()
    loaded = library.load_model(model)
    mistakes = Mistakes(shown(place), kind="suite")
    trees = {path: read_toml(path) for path in paths}
    files = {path: _validated(tree, shown(path), mistakes) for path, tree in trees.items()}
    good = {path: file for path, file in files.items() if file is not None}
    _check_ids(good, mistakes)
    cards = {name: library.load_drug(name) for name in library.names("drugs")}
    found = {} if mistakes.found else _experiments(good, loaded, library, cards, mistakes)
    mistakes.raise_if_any()
    claims = sorted((claim for file in good.values() for claim in file.claim), key=lambda claim: int(claim.id[1:]))
    held = any((root / "fits" / "frozen").glob("*")) if frozen is None else frozen
    return Suite(loaded, cards, tuple(claims), found, held)


def _validated(tree: dict[str, Any], file: str, mistakes: Mistakes) -> ClaimFile | None:
    try:
        return ClaimFile.model_validate(tree)
    except ValidationError as error:
        for one in error.errors():
            location = [part for part in one["loc"] if part != "[key]"]
            # a claim is called by its id: an index says nothing in a file of twenty
            mistakes.add(_named(location, tree), explain(dict(one), _known_keys(location)), file)
        return None


def _named(location: list[str | int], tree: Mapping[str, Any]) -> list[str | int]:
    if len(location) > 1 and location[0] == "claim" and isinstance(location[1], int):
        claim = tree["claim"][location[1]]
        name = claim.get("id") if isinstance(claim, dict) else None
        return [name if isinstance(name, str) else f"claim {location[1] + 1}", *location[2:]]
    return location


def _known_keys(location: Iterable[str | int]) -> list[str]:
    table: type = ClaimFile
    for part in list(location)[:-1]:
        table = _TABLES.get(str(part)) or _INNER.get(str(part)) or table
    fields = table.model_fields  # type: ignore[attr-defined]
    return [field.alias or name for name, field in fields.items()]


def _check_ids(files: Mapping[Path, ClaimFile], mistakes: Mistakes) -> None:
    for word in ("claim", "population", "dose"):
        seen: dict[str, str] = {}
        for path, file in files.items():
            entries = getattr(file, word)
            for name in [claim.id for claim in entries] if word == "claim" else entries:
                if name in seen:
                    mistakes.add((name,), f"this {word} is in {seen[name]} too.", shown(path))
                seen[name] = shown(path)


def _experiments(
    files: Mapping[Path, ClaimFile], model: Model, library: Library, cards: Mapping[str, DrugCard], mistakes: Mistakes
) -> dict[str, Experiment]:
    populations = {name: table for file in files.values() for name, table in file.population.items()}
    doses = {name: table for file in files.values() for name, table in file.dose.items()}
    found: dict[str, Experiment] = {}
    for path, file in files.items():
        try:
            found |= experiments(file.claim, populations, doses, model, library, cards)
        except PdsimError as error:
            mistakes.adopt(error, shown(path))
    return found


def choose(suite: Suite, ids: Iterable[str]) -> Suite:
    """Return the suite with some claims only, all of them where `ids` is empty.

    Raises
    ------
    ConfigError
        There is no such claim.
    """
    wanted = [name.upper() for name in ids]
    known = {claim.id: claim for claim in suite.claims}
    for name in wanted:
        if name not in known:
            raise ConfigError(f"There is no claim '{name}'.{did_you_mean(name, known)} There are M1 to M{len(known)}.")
    claims = tuple(claim for claim in suite.claims if not wanted or claim.id in wanted)
    kept = {claim.id: suite.experiments[claim.id] for claim in claims if claim.id in suite.experiments}
    return replace(suite, claims=claims, experiments=kept)
