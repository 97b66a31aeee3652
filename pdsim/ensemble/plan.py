"""Everything a study's arms share, in the layout of the solver: kernels, parameters, kinetics, visit days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from pdsim.ensemble.steady import check_endless, steady_lines
from pdsim.errors import CohortError, DoseError, ModelError, PdsimError, did_you_mean
from pdsim.solvers.block import DrugBlock, LineBlock, Options
from pdsim.units import days, parse_quantity
from pdsim.visits import AssayError, ResponseRules

if TYPE_CHECKING:
    import xarray as xr

    from pdsim.dosing import DoseLine, Regimen
    from pdsim.ensemble.decide import ArmDosing
    from pdsim.model import EffectUse, Kernels, Model, State
    from pdsim.model.cascade import Cascade
    from pdsim.pk import DrugCard, LinearSystem, Modes, System


@dataclass(frozen=True)
class Arm:
    """One arm of a study.

    Parameters
    ----------
    regimen : Regimen or None
        What is given; None is no treatment.
    until : "progression" or None
        What ends treatment early; the regimen's own rule if None.
    set : mapping of str to float
        Model parameters, or card values such as ``"lenalidomide.cereblon_closed.closed"``, that replace those of the
        cohort in this arm; a parameter with clones takes one number for all, or is named ``"cereblon[sensitive]"``.
    steady : bool
        Start with what is left in the body of drugs on cards where the regimen has always been given; states of the
        model start where they would without it.
    label, base, hypothesis : str
        Name for plots; the plain arm and hypothesis that this arm varies.
    """

    regimen: Regimen | None = None
    until: str | None = None
    set: Mapping[str, float] = field(default_factory=dict)
    steady: bool = False
    label: str = ""
    base: str = ""
    hypothesis: str = ""

    @property
    def until_progression(self) -> bool:
        """Whether treatment ends at confirmed progression."""
        return (self.until or getattr(self.regimen, "until", None)) == "progression"


@dataclass(frozen=True)
class Grid:
    """Days of a simulation: end, stored times, visits and blood counts between them."""

    stop: float
    times: np.ndarray
    visits: np.ndarray
    counts: np.ndarray

    @property
    def outputs(self) -> np.ndarray:
        """All days at which states are written."""
        return np.union1d(self.times, self.counts)


@dataclass(frozen=True)
class Plan:
    """A study ready to run: shared by all arms and blocks, never changed."""

    model: Model
    kernels: Kernels
    cohort: xr.Dataset
    arms: Mapping[str, Arm]
    systems: Mapping[str, System]
    modes: Mapping[str, Modes]  # of drugs with linear kinetics
    params: Mapping[str, np.ndarray]  # arm -> (param, patient)
    grid: Grid
    options: Options
    assay: AssayError
    rules: ResponseRules
    seed: int
    entry: Mapping[int, np.ndarray]  # row of a state -> natural values (patient,) that replace the model's own
    dosing: Mapping[str, ArmDosing]  # arm -> lines and rules
    cascade: Cascade | None = None  # None where the model has none or the method is another

    @cached_property
    def time_unit(self) -> float:
        """Days in one unit of the model's time, which the solver runs in."""
        return days(f"1 {self.model.time}")

    @cached_property
    def patients(self) -> np.ndarray:
        """Patient numbers."""
        return np.asarray(self.cohort["patient"].values, dtype=np.int64)

    def of_arm(self, arm: str) -> Plan:
        """One arm of it alone."""
        params, dosing = {arm: self.params[arm]}, {arm: self.dosing[arm]}
        return replace(self, arms={arm: self.arms[arm]}, params=params, dosing=dosing)

    def drug_blocks(self, rows: np.ndarray) -> tuple[list[str], list[DrugBlock], list[tuple[int, int]]]:
        """Kinetics of some patients: drugs with an effect, their blocks, and (drug, species row) per concentration."""
        wanted = set(self.kernels.concentrations)
        linear = linear_systems(self.systems)
        names = [drug for drug, system in linear.items() if set(system.species) & wanted]
        blocks = []
        for name in names:
            system, modes = linear[name], self.modes[name]
            blocks.append(
                DrugBlock(
                    matrix=system.matrix[rows] * self.time_unit,
                    right=modes.right[rows],
                    left=modes.left[rows],
                    rates=modes.rates[rows] * self.time_unit,
                    readout=system.readout[:, rows],
                    confluent=modes.confluent[rows],
                )
            )
        places = {
            species: (place, row)
            for place, name in enumerate(names)
            for row, species in enumerate(self.systems[name].species)
        }
        order = [places[species] for species in self.kernels.concentrations]
        return names, blocks, order

    def acting_lines(self, arm: str) -> list[int]:
        """Places of an arm's dosing lines whose drugs act on the model or enter a state of it."""
        wanted = set(self.kernels.concentrations)
        acting = {drug for drug, system in linear_systems(self.systems).items() if set(system.species) & wanted}
        drugs = [ruled.line.drug for ruled in self.dosing[arm].lines]
        return [
            place
            for place, drug in enumerate(drugs)
            if drug in acting or is_dosed(self.model, drug) or self._has_states(drug)
        ]

    def _steady_lines(self, arm: Arm, rows: np.ndarray, names: Sequence[str]) -> list[LineBlock]:
        if not arm.steady:
            return []
        regimen = check_endless(arm.regimen, self._into_states(arm))
        lines = [self._line(line, rows, names) for line in regimen.lines(regimen.cycle) if line.drug in names]
        linear = linear_systems(self.systems)
        matrices = [linear[name].matrix[rows] * self.time_unit for name in names]
        return steady_lines(lines, matrices, names, regimen.cycle / self.time_unit)

    def _into_states(self, arm: Arm) -> list[str]:
        """Names of an arm's doses that enter states."""
        drugs = [dose.drug for dose in arm.regimen.doses] if arm.regimen else []
        return [drug for drug in drugs if is_dosed(self.model, drug) or self._has_states(drug)]

    def line_blocks(self, arm: str, rows: np.ndarray, names: Sequence[str]) -> list[LineBlock]:
        """Dosing lines of one arm for some patients, in the order of `acting_lines`, and what a steady start gives."""
        lines = self.dosing[arm].lines
        own = [self._line(lines[place].line, rows, names) for place in self.acting_lines(arm)]
        return [*own, *self._steady_lines(self.arms[arm], rows, names)]

    def line_sizes(self, arm: str, rows: np.ndarray) -> np.ndarray:
        """Amount of one planned administration of every dosing line of an arm, in the line's unit: (line, patient)."""
        lines = [ruled.line for ruled in self.dosing[arm].lines]
        sizes = [line.amount * _scale(line, self.cohort, rows) for line in lines]
        return np.array(sizes).reshape(len(lines), len(rows))

    def _has_states(self, drug: str) -> bool:
        """Whether doses of a drug enter states: the model's, if it is cells, or the drug's own if they are in use."""
        from pdsim.pk import CellsSystem

        cells = isinstance(self.systems.get(drug), CellsSystem)
        return cells or any(state.startswith(f"{drug}.") for state in self.kernels.states)

    def _line(self, line: DoseLine, rows: np.ndarray, names: Sequence[str]) -> LineBlock:
        if line.route == "infusion" and line.duration <= 0.0:
            raise DoseError(f'{line.drug}: an infusion needs its length; write for example duration = "1 h"')
        scale = _scale(line, self.cohort, rows)
        if is_dosed(self.model, line.drug):
            place, target, lag = -1, self._target(line.drug), np.zeros(len(rows))
            amount = parse_quantity(f"{line.amount!r} {line.unit}", self._dosed(line.drug).unit, line.drug) * scale
        else:
            place, target, lag, amount = self._entry_of(line, rows, names)
            amount = amount * scale
        unit = self.time_unit
        return LineBlock(place, target, line.duration / unit, line.times / unit, amount, lag / unit)

    def _entry_of(
        self, line: DoseLine, rows: np.ndarray, names: Sequence[str]
    ) -> tuple[int, int, np.ndarray, np.ndarray]:
        """Where a dose of a card enters: place of the drug or -1, row, lag in days and amount of some patients."""
        from pdsim.pk import CellsSystem, StatesSystem

        system = self.systems[line.drug]
        route = system.route_of(line.route)
        written = f"{line.amount!r} {line.unit}"
        if isinstance(system, CellsSystem):
            amount = parse_quantity(written, self._dosed(system.state).unit, line.drug)
            return -1, self._target(system.state), np.zeros(len(rows)), amount * system.fraction[rows]
        given = parse_quantity(written, "mg", line.drug) * system.nmol_per_mg * system.bioavailability[route][rows]
        lag = system.lag[route][rows]
        if isinstance(system, StatesSystem):
            return -1, self.kernels.states.index(f"{line.drug}.{system.entry[route]}"), lag, given
        return names.index(line.drug), system.entry[route], lag, given

    def _dosed(self, name: str) -> State:
        return self.model.states[name.partition("[")[0]]

    def _target(self, name: str) -> int:
        """Row of the state that a dose enters, such as ``car_t`` or ``cells[sensitive]``."""
        if name in self.kernels.states:
            return self.kernels.states.index(name)
        rows = [flat for flat in self.kernels.states if flat.partition("[")[0] == name.partition("[")[0]]
        raise DoseError(f"'{name}' has a value for each clone; a dose enters one of {', '.join(rows)}")


def is_dosed(model: Model, name: str) -> bool:
    """Whether a dose line of that name enters a state of the model, such as ``car_t`` or ``cells[sensitive]``."""
    state = model.states.get(name.partition("[")[0])
    return state is not None and state.dosed


def dosed_states(arms: Mapping[str, Arm], model: Model, cards: Mapping[str, DrugCard]) -> list[str]:
    """Names of the model's states that a dose of any arm enters, itself or as cells of a card, without their clones."""
    doses = [dose.drug for arm in arms.values() if arm.regimen for dose in arm.regimen.doses]
    entered = [name for name in doses if is_dosed(model, name)]
    entered += [card.state for card in cards.values() if card.kind == "cells"]
    return sorted({name.partition("[")[0] for name in entered})


def _scale(line: DoseLine, cohort: xr.Dataset, rows: np.ndarray) -> np.ndarray:
    from pdsim.pk import dose_scale

    if line.per == "flat":
        return np.ones(len(rows))
    scale = dose_scale(cohort)
    if line.per not in scale:
        needed = {"m2": "weight and height", "kg": "weight"}[line.per]
        raise DoseError(
            f"{line.drug} is dosed per {line.per}, and the cohort has no {needed}; add it to the population"
        )
    return scale[line.per][rows]


def drugs_of(arms: Mapping[str, Arm], model: Model, cards: Mapping[str, DrugCard] | None) -> dict[str, DrugCard]:
    """Cards of every drug that the arms give, in a stable order; those given by the caller first."""
    from pdsim.library import load_drug
    from pdsim.pk import missing_state

    found = dict(cards or {})
    for name, arm in arms.items():
        for dose in arm.regimen.doses if arm.regimen else ():
            if dose.drug in found or is_dosed(model, dose.drug):
                continue
            try:
                found[dose.drug] = load_drug(dose.drug)
            except PdsimError as error:
                raise DoseError(f"arm '{name}': {error}") from error
    for card in found.values():
        wrong = missing_state(card, model.name, model.states)
        if wrong:
            raise DoseError(wrong)
    return dict(sorted(found.items()))


def linear_systems(systems: Mapping[str, System]) -> dict[str, LinearSystem]:
    """Return the drugs whose concentrations come in closed form."""
    from pdsim.pk import LinearSystem

    return {name: system for name, system in systems.items() if isinstance(system, LinearSystem)}


def effect_uses(systems: Mapping[str, System]) -> tuple[EffectUse, ...]:
    """Which drug concentration feeds which Input.

    Raises
    ------
    DoseError
        Two drugs have a species of one name, whose concentrations could not be told apart.
    """
    from pdsim.model import EffectUse

    owners: dict[str, str] = {}
    for drug, system in systems.items():
        for species in system.species:
            if owners.setdefault(species, drug) != drug:
                raise DoseError(f"{owners[species]} and {drug} both have a species '{species}'; rename it on one card")
    return tuple(
        EffectUse(drug, effect.species, effect.input, tuple(effect.keys), getattr(system, "kinetics", None))
        for drug, system in systems.items()
        for effect in system.effects
    )


def parameters(kernels: Kernels, cohort: xr.Dataset, systems: Mapping[str, System], arm: Arm, name: str) -> np.ndarray:
    """Parameter values of one arm, (param, patient): model default, then cohort or card, then the arm's own.

    Raises
    ------
    CohortError
        A cohort variable has the wrong dimensions.
    ModelError
        The arm sets a parameter that does not exist.
    """
    patients = cohort.sizes["patient"]
    clones = cohort["clone"].values.tolist() if "clone" in cohort.coords else []
    values = np.repeat(np.asarray(kernels.param_defaults, dtype=np.float64)[:, None], patients, axis=1)
    for row, flat in enumerate(kernels.params):
        base, _, clone = flat.partition("[")
        if base not in cohort.data_vars:
            continue
        variable = cohort.variables[base]
        if clone and "clone" in variable.dims:
            variable = variable.isel(clone=clones.index(clone.rstrip("]")))
        if variable.dims != ("patient",):
            raise CohortError(
                f"cohort variable '{base}' has dimensions {variable.dims}; parameter '{flat}' needs ('patient',)"
            )
        values[row] = variable.values
    for drug, species, target, key, flat in kernels.drug_params:
        effect = next(e for e in systems[drug].effects if (e.species, e.input) == (species, target))
        if flat not in cohort.data_vars:
            values[kernels.params.index(flat)] = effect.keys[key]
    for drug, system in systems.items():
        for key, found in getattr(system, "values", {}).items():
            if f"{drug}.{key}" in kernels.params:
                values[kernels.params.index(f"{drug}.{key}")] = found
    for wanted, value in arm.set.items():
        rows = [row for row, flat in enumerate(kernels.params) if flat == wanted or flat.partition("[")[0] == wanted]
        if not rows:
            known = sorted({flat.partition("[")[0] for flat in kernels.params})
            raise ModelError(f"arm '{name}' sets '{wanted}', which is no parameter.{did_you_mean(wanted, known)}")
        values[rows] = float(value)
    return values
