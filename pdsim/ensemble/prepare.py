"""From what the user gives to a plan that can be run: arms, grids, options, kernels, parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pdsim._jit import compile_aside
from pdsim.ensemble.crossing import read_conditions
from pdsim.ensemble.plan import Arm, Grid, Plan, dosed_states, drugs_of, effect_uses, linear_systems, parameters
from pdsim.ensemble.recording import Wanted
from pdsim.ensemble.reduction import read_reductions
from pdsim.errors import CohortError, PdsimError, SolverError, did_you_mean
from pdsim.solvers.block import METHODS, Options
from pdsim.units import days as to_days
from pdsim.visits import AssayError, ResponseRules

if TYPE_CHECKING:
    import xarray as xr

    from pdsim.model import Kernels, Model
    from pdsim.model.cascade import Cascade
    from pdsim.pk import DrugCard

ASSAY = AssayError(proportional_m_protein=0.081, additive_m_protein=0.0)


def prepare(
    model: Model,
    cohort: xr.Dataset,
    arms: Any,
    *,
    stop: str | float,
    every: str | float,
    visits: str | float,
    counts: str | float,
    save: Sequence[str] | None,
    reduce: Mapping[str, str | Sequence[str]] | None,
    events: Mapping[str, str] | None,
    drugs: Mapping[str, DrugCard] | None,
    method: str,
    rtol: float,
    atol: float,
    max_step: float,
    assay: AssayError | None,
    rules: ResponseRules | None,
    initial: xr.Dataset | None,
) -> tuple[Plan, Wanted]:
    """Plan a simulation and what is kept of it; arguments and errors are those of `pdsim.simulate`."""
    named = named_arms(arms)
    grid = make_grid(to_days(stop), to_days(every), to_days(visits), to_days(counts))
    options = make_options(method, rtol, atol, max_step)
    plan = make_plan(model, cohort, named, drugs, grid, options, assay or ASSAY, rules or ResponseRules(), initial)
    return plan, Wanted(
        save=flat_outputs(plan, save),
        reduce=read_reductions(reduce, list(plan.kernels.output_dims)),
        events=read_conditions(events, plan.kernels),
    )


def named_arms(arms: Any) -> dict[str, Arm]:
    """Arms by name, whichever way they are given."""
    mapping = arms if isinstance(arms, Mapping) else {getattr(arms, "name", None) or "arm": arms}
    if arms is None:
        mapping = {"none": None}
    if not mapping:
        raise PdsimError("no arms to simulate; give at least one, for example {'none': None}")
    named = {str(name): arm if isinstance(arm, Arm) else Arm(arm) for name, arm in mapping.items()}
    for name, arm in named.items():
        if arm.regimen is not None and not hasattr(arm.regimen, "lines"):
            given = repr(arm.regimen)
            raise PdsimError(f"arm '{name}' is {given}; give a Regimen, an Arm or None, such as load_regimen('rep')")
    return named


def make_grid(stop: float, every: float, visits: float, counts: float) -> Grid:
    """Days of a simulation, all arguments in days."""
    for name, value in {"stop": stop, "every": every, "visits": visits, "counts": counts}.items():
        if not (np.isfinite(value) and value > 0.0):
            raise PdsimError(f"{name} = {value:g} days; it must be a positive time, for example '28 d'")

    def series(step: float) -> np.ndarray:
        # whole multiples, so that no rounding error adds up over a long study
        return np.arange(int(np.floor(stop / step * (1.0 + 1e-12))) + 1) * step

    return Grid(stop, series(every), series(visits), series(counts))


def make_options(method: str, rtol: float, atol: float, max_step: float) -> Options:
    """Accuracy and method, checked."""
    if method not in METHODS:
        raise SolverError(f"method = '{method}' is not known; use {', '.join(METHODS)}.{did_you_mean(method, METHODS)}")
    for name, value in {"rtol": rtol, "atol": atol, "max_step": max_step}.items():
        if not (np.isfinite(value) and value > 0.0):
            raise SolverError(f"{name} = {value:g} must be a positive number")
    return Options(rtol=rtol, atol=atol, max_step=max_step, method=method)


def make_plan(
    model: Model,
    cohort: xr.Dataset,
    arms: dict[str, Arm],
    drugs: Mapping[str, DrugCard] | None,
    grid: Grid,
    options: Options,
    assay: AssayError,
    rules: ResponseRules,
    initial: xr.Dataset | None,
) -> Plan:
    """Load kernels, kinetics and parameters of all arms."""
    from pdsim.ensemble.decide import arm_dosing
    from pdsim.model import kernels as make_kernels

    if "patient" not in cohort.dims:
        raise CohortError("the cohort has no dimension 'patient'; make one with pdsim.sample_cohort")
    if cohort.sizes["patient"] == 0:
        raise CohortError("the cohort has no patients; make one with pdsim.sample_cohort")
    cards = drugs_of(arms, model, drugs)
    _compile_ahead(options, bool(cards))
    systems = {name: card.system(cohort) for name, card in cards.items()}
    clones = tuple(str(name) for name in cohort["clone"].values) if "clone" in cohort.coords else ()
    given = {} if initial is None else initial.data_vars
    kernels = make_kernels(
        model,
        clones,
        effect_uses(systems),
        dosed=dosed_states(arms, model, cards),
        keep=[str(name) for name in given if name in model.states],
    )
    cascade = _cascade(kernels, options.method)
    return Plan(
        model=model,
        kernels=kernels,
        cohort=cohort,
        arms=arms,
        systems=systems,
        modes={name: system.modes() for name, system in linear_systems(systems).items()},
        params={name: parameters(kernels, cohort, systems, arm, name) for name, arm in arms.items()},
        grid=grid,
        options=options,
        assay=assay,
        rules=rules,
        seed=int(cohort.attrs.get("seed", 0)),
        entry=_entry(kernels.states, cohort, initial),
        dosing={
            name: arm_dosing(arm.regimen, name, cohort, kernels.output_dims, grid.stop) for name, arm in arms.items()
        },
        cascade=cascade,
    )


def _cascade(kernels: Kernels, method: str) -> Cascade | None:
    from pdsim.model.cascade import cascade_of

    if method not in ("auto", "cascade"):
        return None
    kernels.compile_aside()
    found = cascade_of(kernels)
    if found is None and method == "cascade":
        raise SolverError("method = 'cascade' needs a drug that acts on the disease, and there is none; use auto")
    if found is not None:
        _load(found)
    return found


def _load(cascade: Cascade) -> None:
    """Load what blocks of a cascade call; what no cache has is compiled here while other processes compile the rest."""
    from pdsim.solvers.cascade_blocks import load

    cascade.load()
    load()


def _entry(states: Sequence[str], cohort: xr.Dataset, initial: xr.Dataset | None) -> dict[int, np.ndarray]:
    """Entry states from a Dataset, row -> (patient,); missing values stay missing and fail their patients."""
    if initial is None:
        return {}
    known = list(dict.fromkeys(flat.partition("[")[0] for flat in states))
    unknown = [str(name) for name in initial.data_vars if name not in known]
    if unknown:
        raise CohortError(f"initial has '{unknown[0]}', which is no state.{did_you_mean(unknown[0], known)}")
    wanted = cohort["patient"].values
    missing = np.setdiff1d(wanted, initial["patient"].values)
    if len(missing):
        raise CohortError(f"initial has no states of {len(missing)} patients of the cohort, such as {missing[0]}")
    chosen = initial.sel(patient=wanted)
    entry = {}
    for row, flat in enumerate(states):
        base, _, clone = flat.partition("[")
        if base not in chosen:
            continue
        values = chosen[base]
        if clone and "clone" in values.dims:
            name = clone.rstrip("]")
            if name not in values["clone"]:
                raise CohortError(f"initial: '{base}' has no clone '{name}', which the cohort has")
            values = values.sel(clone=name)
        if values.dims != ("patient",):
            raise CohortError(f"initial: '{base}' has dimensions {chosen[base].dims}; choose one arm and one moment")
        entry[row] = np.asarray(values.values, dtype=np.float64)
    return entry


def flat_outputs(plan: Plan, save: Sequence[str] | None) -> tuple[str, ...]:
    """Flat names of the outputs to save; all without a choice."""
    known = list(plan.kernels.output_dims)
    unknown = [name for name in save or () if name not in known]
    if unknown:
        lines = [f"save: the model has no output '{name}'.{did_you_mean(name, known)}" for name in unknown]
        raise PdsimError("\n".join([*lines, f"Outputs: {', '.join(known)}"]))
    wanted = set(known if save is None else save)
    return tuple(flat for flat in plan.kernels.outputs if flat.partition("[")[0] in wanted)


def _compile_ahead(options: Options, drugs: bool) -> None:
    """Begin to compile, in another process, the solver of a run with or without `drugs`."""
    if options.method == "stiff":
        from pdsim.solvers.rosenbrock import advance_stiff as solver
    elif options.method == "explicit" or not drugs:
        from pdsim.solvers.eighth import explicit_solver

        solver = explicit_solver(options.rtol)
    else:
        from pdsim.solvers.cascade import advance_cascade as solver
    compile_aside(solver)
