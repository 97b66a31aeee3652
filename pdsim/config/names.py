"""Loads what a study refers to: model, population, regimens and the cards of their drugs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pdsim.config.changes import changed_regimen, merged
from pdsim.config.messages import Mistakes
from pdsim.errors import ModelError, PdsimError
from pdsim.library import Library
from pdsim.library.files import read_toml, shown

if TYPE_CHECKING:
    from pdsim.cohort import Population
    from pdsim.dosing import Regimen
    from pdsim.model import Model
    from pdsim.pk import DrugCard


class Bounds(NamedTuple):
    """Unit and range of a parameter."""

    unit: str
    low: float | None = None
    high: float | None = None


@dataclass
class References:
    """What a study refers to, loaded, and the files it came from."""

    model: Model | None = None
    population: Population | None = None
    regimens: dict[str, Regimen] = field(default_factory=dict)
    drugs: dict[str, DrugCard] = field(default_factory=dict)
    files: dict[tuple[str, str], Path] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def settable(self) -> dict[str, Bounds]:
        """Return unit and bounds of everything that ``set`` may name: parameters, one clone's, values of effects."""
        found: dict[str, Bounds] = {}
        for name, param in (self.model.params if self.model is not None else {}).items():
            names = [name, *(f"{name}[{clone}]" for clone in self._clones())] if param.dim else [name]
            found |= {one: Bounds(param.unit, param.low, param.high) for one in names}
        for drug, card in self.drugs.items():
            from pdsim.pk.kinetics import in_rates

            if card.kind == "states":
                found |= {f"{drug}.{key}": Bounds(value.unit) for key, value in card.values.items() if in_rates(key)}
            for effect in card.effects:
                acting = [f"{drug}.{effect.input}", f"{drug}.{effect.species}.{effect.input}"]
                found |= {f"{one}.{key}": Bounds(value.unit) for one in acting for key, value in effect.keys.items()}
        return found

    def _clones(self) -> tuple[str, ...]:
        return self.population.clones if self.population is not None else ()


def load_references(tree: dict[str, Any], library: Library, mistakes: Mistakes) -> References:
    """Load everything a study names, and note what is not there or is wrong in itself.

    Parameters
    ----------
    tree : dict
        The parsed study, as it came; entries of a wrong type are passed over, the schema reports them.
    library : Library
        Where names are looked up.
    mistakes : Mistakes
        Takes what is wrong.

    Returns
    -------
    References
        What could be loaded.
    """
    found = References()
    found.model = _load("model", tree.get("model"), ("model",), library, found, mistakes)
    found.population = _load("population", tree.get("population"), ("population",), library, found, mistakes)
    change = tables(tree).get("cohort", {}).get("change")
    if found.population is not None and change:
        found.population = _changed_population(tree["population"], change, library, found, mistakes)
    for name, arm in tables(tree.get("arms")).items():
        _load_arm(name, arm, library, found, mistakes)
    return found


def tables(value: Any) -> dict[str, dict[str, Any]]:
    """Return the entries of a table that are tables themselves; what else there is, the schema reports."""
    return {key: entry for key, entry in value.items() if isinstance(entry, dict)} if isinstance(value, dict) else {}


def _load(kind: str, name: Any, key: tuple[str, ...], library: Library, found: References, mistakes: Mistakes) -> Any:
    """Load one entry once; None, with its mistakes noted, where that fails."""
    if not isinstance(name, str):
        return None
    try:
        file = library.find(kind, name)
    except PdsimError as error:
        mistakes.add(key, str(error))
        return None
    found.files[kind, name] = file
    try:
        return library.load(kind, name)
    except PdsimError as error:
        mistakes.adopt(error, shown(file))
        return None


def _changed_population(
    name: str, change: Any, library: Library, found: References, mistakes: Mistakes
) -> Population | None:
    """The population with keys of its file, and of those that it is the same as, replaced by ``cohort.change``."""
    from pdsim.cohort import population_from_dict

    file = found.files["population", name]
    try:
        tree = merged(library.population_tree(name), change)
        return population_from_dict(tree, file.stem, f"{shown(file)} with cohort.change")
    except (PdsimError, ValueError) as error:
        for line in str(error).splitlines()[1:] or [str(error)]:
            mistakes.add(("cohort", "change"), line.strip())
        return None


def _load_arm(name: str, arm: dict[str, Any], library: Library, found: References, mistakes: Mistakes) -> None:
    wanted = arm.get("regimen")
    if wanted is None:
        for key, what in (("until", "end"), ("dose", "be changed"), ("rules", "have rules")):
            if arm.get(key):
                mistakes.add(("arms", name, key), f'there is no regimen that could {what}. Add regimen = "...".')
        return
    regimen = _load("regimen", wanted, ("arms", name, "regimen"), library, found, mistakes)
    path = found.files.get(("regimen", wanted)) if isinstance(wanted, str) else None
    if path is None:
        return
    if regimen is not None:
        regimen = changed_regimen(regimen, name, arm, library, mistakes)
        found.regimens[name] = regimen
        found.files |= {("rule_set", one): library.find("rule_set", one) for one in regimen.rule_sets}
        found.files |= {("regimen", one): library.find("regimen", one) for one in library.lenders(wanted)}
    drugs = _named_drugs(path) if regimen is None else [dose.drug for dose in regimen.doses]
    states = {} if found.model is None else found.model.states
    for number, drug in enumerate(drugs, 1):
        if drug in found.drugs or getattr(states.get(drug), "dosed", False):
            continue
        card = _load_drug(drug, f"dose[{number}].drug", shown(path), library, found, mistakes)
        if card is not None:
            found.drugs[drug] = card


def _named_drugs(path: Path) -> list[str]:
    """Drugs that a regimen file names although it is wrong elsewhere, so that their names are checked too."""
    try:
        doses = read_toml(path).get("dose")
    except PdsimError:
        return []
    entries = doses if isinstance(doses, list) else []
    return [drug for entry in entries if isinstance(entry, dict) and isinstance(drug := entry.get("drug"), str)]


def _load_drug(
    name: str, key: str, file: str, library: Library, found: References, mistakes: Mistakes
) -> DrugCard | None:
    try:
        found.files["drug", name] = library.find("drug", name)
    except PdsimError as error:
        mistakes.add((key,), str(error), file)
        return None
    try:
        card = library.load_drug(name)
        _check_effects(card, found.model)
        return card
    except PdsimError as error:
        mistakes.adopt(error, shown(found.files["drug", name]))
        return None


def _check_effects(card: DrugCard, model: Model | None) -> None:
    """Raise a ModelError if the card acts on an Input or state that the model lacks, or with other keys."""
    from pdsim.model import EffectUse
    from pdsim.model.uses import check_uses
    from pdsim.pk import missing_state

    if model is not None:
        wrong = missing_state(card, model.name, model.states)
        if wrong:
            raise ModelError(wrong)
        check_uses(model, [EffectUse(card.name, one.species, one.input, tuple(one.keys)) for one in card.effects])
