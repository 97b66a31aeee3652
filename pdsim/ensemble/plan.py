"""Everything a study's arms share, in the layout of the solver: kernels, parameters, kinetics, visit days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pdsim.errors import CohortError, DoseError, ModelError, PdsimError, did_you_mean
from pdsim.solvers.block import DrugBlock, LineBlock, Options
from pdsim.units import days, parse_quantity
from pdsim.visits import AssayError, ResponseRules

if TYPE_CHECKING:
    import xarray as xr

    from pdsim.dosing import DoseLine, Regimen
    from pdsim.model import EffectUse, Kernels, Model, State
    from pdsim.model.cascade import Cascade
    from pdsim.pk import DrugCard, LinearSystem, Modes


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
    label, base, hypothesis : str
        Name for plots; the plain arm and hypothesis that this arm varies.
    """

    regimen: Regimen | None = None
    until: str | None = None
    set: Mapping[str, float] = field(default_factory=dict)
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
    systems: Mapping[str, LinearSystem]
    modes: Mapping[str, Modes]
    params: Mapping[str, np.ndarray]  # arm -> (param, patient)
    grid: Grid
    options: Options
    assay: AssayError
    rules: ResponseRules
    seed: int
    entry: Mapping[int, np.ndarray]  # row of a state -> natural values (patient,) that replace the model's own
    cascade: Cascade | None = None  # None where the model has none or the method is another

    @property
    def time_unit(self) -> float:
        """Days in one unit of the model's time, which the solver runs in."""
        return days(f"1 {self.model.time}")

    @property
    def patients(self) -> np.ndarray:
        """Patient numbers."""
        return np.asarray(self.cohort["patient"].values, dtype=np.int64)

    def drug_blocks(self, rows: np.ndarray) -> tuple[list[str], list[DrugBlock], list[tuple[int, int]]]:
        """Kinetics of some patients: drugs with an effect, their blocks, and (drug, species row) per concentration."""
        wanted = set(self.kernels.concentrations)
        names = [drug for drug, system in self.systems.items() if set(system.species) & wanted]
        blocks = []
        for name in names:
            system, modes = self.systems[name], self.modes[name]
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

    def line_blocks(self, arm: str, rows: np.ndarray, names: Sequence[str]) -> list[LineBlock]:
        """Dosing lines of one arm for some patients; drugs without an effect on the model are left out."""
        regimen = self.arms[arm].regimen
        lines = () if regimen is None else regimen.lines(self.grid.stop)
        return [
            self._line(line, rows, names) for line in lines if line.drug in names or is_dosed(self.model, line.drug)
        ]

    def _line(self, line: DoseLine, rows: np.ndarray, names: Sequence[str]) -> LineBlock:
        if line.route == "infusion" and line.duration <= 0.0:
            raise DoseError(f'{line.drug}: an infusion needs its length; write for example duration = "1 h"')
        scale = _scale(line, self.cohort, rows)
        if is_dosed(self.model, line.drug):
            place, target, lag = -1, self._target(line.drug), np.zeros(len(rows))
            amount = parse_quantity(f"{line.amount!r} {line.unit}", self._dosed(line.drug).unit, line.drug) * scale
        else:
            system = self.systems[line.drug]
            route = system.route_of(line.route)
            place, target, lag = names.index(line.drug), system.entry[route], system.lag[route][rows]
            milligrams = parse_quantity(f"{line.amount!r} {line.unit}", "mg", line.drug)
            amount = milligrams * system.nmol_per_mg * system.bioavailability[route][rows] * scale
        unit = self.time_unit
        return LineBlock(place, target, line.duration / unit, line.times / unit, amount, lag / unit)

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

    found = dict(cards or {})
    for name, arm in arms.items():
        for dose in arm.regimen.doses if arm.regimen else ():
            if dose.drug in found or is_dosed(model, dose.drug):
                continue
            try:
                found[dose.drug] = load_drug(dose.drug)
            except PdsimError as error:
                raise DoseError(f"arm '{name}': {error}") from error
    return dict(sorted(found.items()))


def effect_uses(systems: Mapping[str, LinearSystem]) -> tuple[EffectUse, ...]:
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
        EffectUse(drug, effect.species, effect.input, tuple(effect.keys))
        for drug, system in systems.items()
        for effect in system.effects
    )


def parameters(
    kernels: Kernels, cohort: xr.Dataset, systems: Mapping[str, LinearSystem], arm: Arm, name: str
) -> np.ndarray:
    """Parameter values of one arm, (param, patient): model default, then cohort or card, then the arm's own.

    Raises
    ------
    CohortError
        A cohort variable has the wrong dimensions.
    ModelError
        The arm sets a parameter that does not exist.
    """
    patients = cohort.sizes["patient"]
    values = np.repeat(np.asarray(kernels.param_defaults, dtype=np.float64)[:, None], patients, axis=1)
    for row, flat in enumerate(kernels.params):
        base, _, clone = flat.partition("[")
        if base not in cohort.data_vars:
            continue
        variable = cohort[base]
        if clone and "clone" in variable.dims:
            variable = variable.sel(clone=clone.rstrip("]"))
        if variable.dims != ("patient",):
            raise CohortError(
                f"cohort variable '{base}' has dimensions {variable.dims}; parameter '{flat}' needs ('patient',)"
            )
        values[row] = variable.values
    for drug, species, target, key, flat in kernels.drug_params:
        effect = next(e for e in systems[drug].effects if (e.species, e.input) == (species, target))
        if flat not in cohort.data_vars:
            values[kernels.params.index(flat)] = effect.keys[key]
    for wanted, value in arm.set.items():
        rows = [row for row, flat in enumerate(kernels.params) if flat == wanted or flat.partition("[")[0] == wanted]
        if not rows:
            known = sorted({flat.partition("[")[0] for flat in kernels.params})
            raise ModelError(f"arm '{name}' sets '{wanted}', which is no parameter.{did_you_mean(wanted, known)}")
        values[rows] = float(value)
    return values
