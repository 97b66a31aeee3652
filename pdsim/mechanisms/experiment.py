"""From claims to what has to be simulated: each arm a request, equal ones once, alike ones in one group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from pdsim.cohort.expressions import Expression, parse_expression
from pdsim.config.checks import setting
from pdsim.dosing import Regimen
from pdsim.dosing.parse import regimen_from_dict
from pdsim.endpoints import DeathHazard
from pdsim.errors import ConfigError, PdsimError, did_you_mean
from pdsim.library.families import family
from pdsim.mechanisms.patients import changed
from pdsim.schema import names
from pdsim.units import days

if TYPE_CHECKING:
    from pdsim.cohort import Population
    from pdsim.library import Library
    from pdsim.mechanisms.schema import ArmTable, ClaimTable, PopulationTable, ReadoutTable
    from pdsim.model import Model
    from pdsim.pk import DrugCard

CLONE_PREFIX = "clone_cells_"
_CYCLE = "28 d"


@dataclass(frozen=True)
class Group:
    """What arms must share to be simulated together: patients, days, and the `cards` that their kernels know.

    `death` holds what differs from the usual `DeathHazard`.
    """

    population: str
    patients: tuple[tuple[str, float], ...]
    size: int
    stop: float
    every: float
    visits: float
    cards: tuple[str, ...]
    death: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Request:
    """One arm to simulate; equal requests of several claims are simulated once."""

    group: Group
    regimen: Regimen | None
    settings: tuple[tuple[str, float], ...]
    until: str | None
    after: Request | None = None
    at: str = "end"


@dataclass(frozen=True)
class Joined:
    """Two lines of treatment read as one: `share` of the patients who progress on the first go on with the second."""

    first: Request
    second: Request
    share: float

    @property
    def group(self) -> Group:
        """Group of the first line."""
        return self.first.group


Arms = Request | Joined
"""What an arm of a claim is read from."""


@dataclass(frozen=True)
class Experiment:
    """The requests of one claim by arm, the populations they name, and the outputs that its readouts need."""

    requests: dict[str, Request]
    populations: dict[str, Population]
    outputs: frozenset[str]
    among: dict[str, Expression] = field(default_factory=dict)
    joined: dict[str, Joined] = field(default_factory=dict)

    def arm(self, name: str) -> Arms:
        """What an arm is read from."""
        return self.joined[name] if name in self.joined else self.requests[name]


def experiments(
    claims: Iterable[ClaimTable],
    populations: Mapping[str, PopulationTable],
    doses: Mapping[str, Mapping[str, Any]],
    model: Model,
    library: Library,
    cards: Mapping[str, DrugCard],
) -> dict[str, Experiment]:
    """Spell out the claims of one file; `cards` are those of all drugs there are.

    Raises
    ------
    ConfigError
        Listing every name that is not there.
    """
    builder = _Builder(populations, doses, model, library, cards)
    found: dict[str, Experiment] = {}
    mistakes: list[str] = []
    for claim in claims:
        if claim.check:
            try:
                found[claim.id] = builder.experiment(claim)
            except PdsimError as error:
                mistakes += [f"{claim.id}.{line.strip()}" for line in str(error).splitlines()]
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return found


@dataclass
class _Builder:
    tables: Mapping[str, PopulationTable]
    doses: Mapping[str, Mapping[str, Any]]
    model: Model
    library: Library
    cards: Mapping[str, DrugCard]
    made: dict[str, Population] = field(default_factory=dict)

    def experiment(self, claim: ClaimTable) -> Experiment:
        requests: dict[str, Request] = {}
        single = {name: arm for name, arm in claim.arms.items() if not arm.first}
        # an arm that another starts from comes first
        for name, arm in sorted(single.items(), key=lambda item: item[1].after is not None):
            requests[name] = self._request(claim, name, arm, requests)
        joined = {
            name: Joined(requests[arm.first], requests[arm.second], arm.share)
            for name, arm in claim.arms.items()
            if arm.first and arm.second
        }
        populations = {request.group.population for request in requests.values()}
        known = self._known(claim, populations)
        among = {name: _parsed(arm.among, known, f"arms.{name}.among") for name, arm in claim.arms.items() if arm.among}
        outputs = {word for check in claim.check for word in self._outputs(check.readout, known)}
        return Experiment(requests, {name: self.made[name] for name in populations}, frozenset(outputs), among, joined)

    def _request(self, claim: ClaimTable, name: str, arm: ArmTable, made: Mapping[str, Request]) -> Request:
        population = arm.population or claim.population
        chosen = self._population(population, f"arms.{name}.population")
        patients = tuple(sorted((claim.patients | arm.patients).items()))
        stop = days(arm.stop or claim.stop)
        regimen = self._regimen(arm, f"arms.{name}")
        drugs = {dose.drug for dose in regimen.doses} if regimen else set()
        after = made[arm.after] if arm.after else None
        cards = family(drugs, self.model, self.cards)
        death = tuple(sorted(_hazard(claim.death).items()))
        group = Group(population, patients, claim.size, stop, days(claim.every), days(claim.visits), cards, death)
        settings = dict(self.tables[population].set) if population in self.tables else {}
        values = {
            key: self._setting(key, value, chosen, f"arms.{name}.set") for key, value in (settings | arm.set).items()
        }
        until = (arm.until or claim.until) if regimen else None
        return Request(group, regimen, tuple(sorted(values.items())), until, after, arm.at if after else "end")

    def _population(self, name: str, key: str) -> Population:
        if name not in self.made:
            if name not in self.tables:
                known = (*self.tables, *self.library.names("populations"))
                if name not in known:
                    raise ConfigError(f"{key}: there is no population '{name}'.{did_you_mean(name, known)}")
                self.made[name] = self.library.load_population(name)
            else:
                table = self.tables[name]
                self.made[name] = changed(self.library.load_population(table.base), table)
        return self.made[name]

    def _regimen(self, arm: ArmTable, key: str) -> Regimen | None:
        if arm.regimen:
            regimen = self.library.load_regimen(arm.regimen)
        elif arm.give:
            lines = [self._line(given, f"{key}.give") for given in arm.give]
            given = {"cycle": _CYCLE, "dose": lines, "rules": list(arm.rules)}
            regimen = regimen_from_dict(given, "given", key, self.library.load_rule_set)
        else:
            return None
        for dose in regimen.doses:
            state = self.model.states.get(dose.drug)
            if not (state is not None and state.dosed):
                self.library.find("drug", dose.drug)
        return regimen

    def _line(self, given: str | dict[str, Any], key: str) -> dict[str, Any]:
        changes = {"dose": given} if isinstance(given, str) else dict(given)
        name = changes.pop("dose", None)
        if name is None:
            return changes
        if name not in self.doses:
            raise ConfigError(f"{key}: there is no dose '{name}'.{did_you_mean(str(name), self.doses)}")
        return {**self.doses[name], **changes}

    def _setting(self, name: str, value: float | str, population: Population, key: str) -> float:
        base, _, clone = name.partition("[")
        if "." in base:  # a value of a drug card, which simulate checks
            return float(value)
        if base not in self.model.params:
            raise ConfigError(f"{key}.{name}: no parameter of the model.{did_you_mean(base, self.model.params)}")
        if clone and clone.rstrip("]") not in population.clones:
            raise ConfigError(f"{key}.{name}: no clone of the population.{did_you_mean(clone, population.clones)}")
        return setting(value, self.model.params[base].unit)

    def _known(self, claim: ClaimTable, populations: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Names that arithmetic may read: outputs, clones, states at the end, endpoints, patients' own variables."""
        words: dict[str, tuple[str, ...]] = {}
        for name in populations:
            words |= {f"{CLONE_PREFIX}{clone}": () for clone in self.made[name].clones}
            words |= {variable.name: variable.levels for variable in self.made[name].variables}
        words |= {name: () for name, output in self.model.outputs.items() if not output.dim}
        words |= {name: () for name, state in self.model.states.items() if not state.dim}
        words |= dict.fromkeys(names("endpoints"), ())
        words |= {name: () for arm in claim.arms.values() for name in (*claim.patients, *arm.patients)}
        return {name: levels for name, levels in words.items() if name.isidentifier()}

    def _outputs(self, readout: ReadoutTable, known: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
        if readout.kind not in ("output", "time_to"):
            return
        for name in _parsed(str(readout.of), known, "check.readout.of").names:
            if name.startswith(CLONE_PREFIX):
                yield "clone_cells"
            elif name in self.model.outputs:
                yield name


def _hazard(death: Mapping[str, float]) -> Mapping[str, float]:
    """Numbers of a claim's ``death``, once they are known to be some."""
    known = [one.name for one in fields(DeathHazard)]
    for name in set(death) - set(known):
        raise ConfigError(f"death.{name}: unknown.{did_you_mean(name, known)}")
    DeathHazard(**death)
    return death


def _parsed(text: str, known: Mapping[str, tuple[str, ...]], key: str) -> Expression:
    try:
        return parse_expression(text, known)
    except ValueError as wrong:
        raise ConfigError(f"{key}: {wrong}") from None
