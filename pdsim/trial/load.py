"""From a trial file to a checked `Trial`, or one list of mistakes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from pdsim.cohort.expressions import Expression, parse_expression
from pdsim.config.messages import Mistakes, explain
from pdsim.config.names import tables
from pdsim.errors import ConfigError, PdsimError, did_you_mean
from pdsim.library import Library
from pdsim.library.files import read_toml, shown
from pdsim.schema import RESPONSE
from pdsim.trial.designs import check_design
from pdsim.trial.schema import (
    ArmTable,
    AssayTable,
    CensoringTable,
    EligibilityTable,
    HistoryTable,
    OutcomeTable,
    PowerTable,
    RunInTable,
    TrialFile,
)

if TYPE_CHECKING:
    from pdsim.cohort import Population
    from pdsim.dosing import Regimen
    from pdsim.model import Model

DEPTHS = tuple(name for name in RESPONSE if name != "not_evaluable")
MEASURED = ("anc", "platelets", "m_protein", "flc", "best_response", "mrd_negative", "progressed")
"""What is known of a patient when a line of the history, or the trial, is over."""

_TABLES: Mapping[str, type] = {
    "eligibility": EligibilityTable,
    "history": HistoryTable,
    "arms": ArmTable,
    "assay": AssayTable,
    "censoring": CensoringTable,
    "run_in": RunInTable,
    "power": PowerTable,
    "outcome": OutcomeTable,
}


@dataclass(frozen=True)
class Trial:
    """A trial ready to be simulated.

    Attributes
    ----------
    name, file : str
    table : TrialFile
        As the file has it.
    model : Model
    population : Population
        With the changes of the trial.
    regimens : dict of str to Regimen
        Of arms, history and run-in, by name of the regimen.
    conditions : dict of str to Expression
        Parsed arithmetic by its text.
    """

    name: str
    file: str
    table: TrialFile
    model: Model
    population: Population
    regimens: dict[str, Regimen] = field(default_factory=dict)
    conditions: dict[str, Expression] = field(default_factory=dict)

    def regimen_id(self, one: OutcomeTable) -> str:
        """Name of the arm of an outcome in the published results."""
        arm = self.table.arms[one.arm]
        return one.regimen_id or arm.regimen_id or arm.regimen

    def n(self, one: OutcomeTable) -> int | None:
        """Patients that the published figure speaks of, where they are printed with it: its interval rests on them."""
        return one.n

    @property
    def levels(self) -> dict[str, tuple[str, ...]]:
        """Level names of the patients' categories."""
        return {variable.name: variable.levels for variable in self.population.variables}


def load_trial(name: str, library: Library | None = None) -> Trial:
    """Read and check one trial with all it refers to.

    Parameters
    ----------
    name : str
        A name in ``configs/trials``, or a path written with a slash.
    library : Library, optional
        By default the shipped one.

    Returns
    -------
    Trial

    Raises
    ------
    ConfigError
        Listing every mistake of the file, its population and its regimens.
    NotFoundError
        There is no such trial.

    Examples
    --------
    >>> load_trial("rep_hovon").table.arms["rep"].regimen
    'rep_hovon_nijhof'
    """
    library = library or Library()
    path = library.find("trial", name)
    mistakes = Mistakes(shown(path), kind="trial")
    tree = read_toml(path)
    table = _validated(tree, mistakes)
    if table is None:
        _check_names(tree, library, mistakes)
        mistakes.raise_if_any()
    assert table is not None
    found = _Reader(table, path, library, mistakes)
    trial = found.trial(path.stem)
    check_design(table, mistakes)
    mistakes.raise_if_any()
    assert trial is not None
    return trial


def load_trials(names: Iterable[str] = (), library: Library | None = None) -> list[Trial]:
    """Load several trials, all there are where `names` is empty; the mistakes of all come in one ConfigError."""
    library = library or Library()
    found, wrong = [], []
    for name in list(names) or library.names("trials"):
        try:
            found.append(load_trial(name, library))
        except PdsimError as error:
            wrong.append(str(error))
    if wrong:
        raise ConfigError("\n".join(wrong))
    return found


def not_scored(library: Library | None = None) -> dict[int, str]:
    """Return the rows of the published results that no trial scores, each with the reason.

    Raises
    ------
    ConfigError
        A file ``not_scored.toml`` is not a list of tables ``[[figure]]`` with ``rows`` and ``reason``.
    """
    found: dict[int, str] = {}
    for place in (library or Library()).places:
        for path in place.files_of_not_scored():
            for number, entry in enumerate(read_toml(path).get("figure", []), 1):
                rows, reason = entry.get("rows"), entry.get("reason")
                if not isinstance(rows, list) or not isinstance(reason, str) or not reason.strip():
                    raise ConfigError(f'{shown(path)}: figure[{number}]: write rows = [1, 2] and reason = "...".')
                for row in rows:
                    found.setdefault(int(row), reason)
    return found


def _validated(tree: dict[str, Any], mistakes: Mistakes) -> TrialFile | None:
    try:
        return TrialFile.model_validate(tree)
    except ValidationError as error:
        for one in error.errors():
            location = [part for part in one["loc"] if part != "[key]"]
            known = _TABLES.get(str(location[0]) if location else "", TrialFile) if len(location) > 1 else TrialFile
            for line in explain(dict(one), known.model_fields).splitlines():  # type: ignore[attr-defined]
                mistakes.add(location, line)
        return None


def _check_names(tree: dict[str, Any], library: Library, mistakes: Mistakes) -> None:
    """Note names that lead nowhere in a file that is wrong elsewhere, so that all mistakes come together."""
    wanted: list[tuple[str, tuple[str | int, ...], Any]] = [("population", ("population",), tree.get("population"))]
    wanted += [
        ("regimen", ("arms", name, "regimen"), arm.get("regimen")) for name, arm in tables(tree.get("arms")).items()
    ]
    for kind, key, name in wanted:
        if isinstance(name, str):
            try:
                library.find(kind, name)
            except PdsimError as error:
                mistakes.add(key, str(error))


class _Reader:
    """Loads what one trial names and parses its arithmetic; what is wrong goes to `mistakes`."""

    def __init__(self, table: TrialFile, path: Path, library: Library, mistakes: Mistakes) -> None:
        self.table, self.path, self.library, self.mistakes = table, path, library, mistakes
        self.conditions: dict[str, Expression] = {}

    def trial(self, name: str) -> Trial | None:
        model = self._tried(("model",), lambda: self.library.load_model(self.table.model))
        population = self._tried(("population",), self._population)
        regimens = self._regimens(model)
        for place, rules in [(("rules",), self.table.rules), *(
            (("arms", arm, "rules"), one.rules) for arm, one in self.table.arms.items()
        )]:  # fmt: skip
            for rule in rules:
                self._tried(place, lambda rule=rule: self.library.load_rule_set(rule))
        if model is None or population is None:
            return None
        self._conditions(model, population)
        return Trial(name, shown(self.path), self.table, model, population, regimens, self.conditions)

    def _tried(self, key: tuple[str | int, ...], load: Any) -> Any:
        try:
            return load()
        except PdsimError as error:
            for line in str(error).splitlines():
                self.mistakes.add(key, line.strip())
            return None

    def _population(self) -> Population:
        from pdsim.cohort import changed_tree, population_from_dict

        given = self.table.population
        if isinstance(given, str):
            return self.library.load_population(given)
        base = given.get("same_as")
        if not isinstance(base, str):
            raise ConfigError('a table needs same_as = "...", the population that it changes.')
        tree = changed_tree(self.library.population_tree(base), given)
        return population_from_dict(tree, f"{self.path.stem} ({base})", shown(self.path))

    def _regimens(self, model: Model | None) -> dict[str, Regimen]:
        table = self.table
        wanted = {("arms", name, "regimen"): arm.regimen for name, arm in table.arms.items()}
        wanted |= {("history", str(place), "regimen"): line.regimen for place, line in enumerate(table.history)}
        if table.run_in:
            wanted["run_in", "", "regimen"] = table.run_in.regimen
        found: dict[str, Regimen] = {}
        for key, name in wanted.items():
            if name in found:
                continue
            regimen = self._tried(key, lambda name=name: self.library.load_regimen(name))
            if regimen is None:
                continue
            found[name] = regimen
            for dose in regimen.doses:
                state = model.states.get(dose.drug) if model else None
                if not (state is not None and state.dosed):
                    self._tried(key, lambda drug=dose.drug: self.library.load_drug(drug))
        return found

    def _conditions(self, model: Model, population: Population) -> None:
        table = self.table
        known = {one.name: one.levels for one in population.variables if one.name.isidentifier()}
        later = known | dict.fromkeys((*MEASURED, *DEPTHS), ())
        at_entry = later if table.history else known
        for place, entry in enumerate(table.eligibility):
            self._parse(entry.keep, known, ("eligibility", place, "keep"))
        for place, line in enumerate(table.history):
            self._parse(line.keep, later, ("history", place, "keep"))
            for name, value in line.then.items():
                key = ("history", place, "then", name)
                if name not in known and name not in model.params:
                    self.mistakes.add(key, f"is no variable of the population.{did_you_mean(name, known)}")
                self._parse(str(value), later, key)
        for name, arm in table.arms.items():
            self._parse(arm.keep, at_entry, ("arms", name, "keep"))
        for place, one in enumerate(table.outcome):
            self._parse(one.among, later, ("outcome", place, "among"))

    def _parse(self, text: str | None, known: Mapping[str, tuple[str, ...]], key: tuple[str | int, ...]) -> None:
        if text is None:
            return
        try:
            self.conditions[text] = parse_expression(text, known)
        except ValueError as error:
            self.mistakes.add(key, str(error))
