"""Simulate virtual patients: the only place where model, cohort, regimen and solver meet."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Any

import numpy as np

from pdsim._jit import LANES, thread_count
from pdsim.ensemble.crossing import read_conditions
from pdsim.ensemble.plan import Arm, Grid, Plan, dosed_states, drugs_of, effect_uses, linear_systems, parameters
from pdsim.ensemble.recording import Wanted
from pdsim.ensemble.reduction import read_reductions
from pdsim.errors import CohortError, PdsimError, SolverError, did_you_mean
from pdsim.solvers.block import METHODS, Options, compile_ahead
from pdsim.solvers.status import ADVICE, MEANINGS
from pdsim.units import days as to_days
from pdsim.visits import AssayError, ResponseRules

if TYPE_CHECKING:
    import xarray as xr

    from pdsim.dosing import Regimen
    from pdsim.model import Kernels, Model
    from pdsim.model.cascade import Cascade
    from pdsim.pk import DrugCard

__all__ = ["Arm", "SolverWarning", "simulate", "state_at"]

Progress = Callable[[int, int, int], None]
ASSAY = AssayError(proportional_m_protein=0.081, additive_m_protein=0.0)
_BLOCKS = 8  # most blocks that go from visit to visit together
_SHARES = 2  # parts for each thread into which what is left is cut when the next is taken


class SolverWarning(UserWarning):
    """Some patients could not be integrated; their values are missing from the failure on."""


def simulate(
    model: Model,
    cohort: xr.Dataset,
    arms: Regimen | Arm | Mapping[str, Arm | Regimen | None] | None,
    *,
    stop: str | float,
    every: str | float = "7 d",
    visits: str | float = "28 d",
    counts: str | float = "7 d",
    save: Sequence[str] | None = None,
    reduce: Mapping[str, str | Sequence[str]] | None = None,
    events: Mapping[str, str] | None = None,
    drugs: Mapping[str, DrugCard] | None = None,
    method: str = "auto",
    rtol: float = 1e-5,
    atol: float = 1e-8,
    max_step: float = 30.0,
    assay: AssayError | None = None,
    rules: ResponseRules | None = None,
    threads: int | None = None,
    on_failure: str = "warn",
    progress: Progress | None = None,
    initial: xr.Dataset | None = None,
) -> xr.DataTree:
    """Simulate every patient of a cohort in every arm.

    Results are the same to the last bit for any number of threads, any subset and order of patients and any stored
    grid, on one type of processor.

    Parameters
    ----------
    model : Model
        From `pdsim.load_model`.
    cohort : Dataset
        Dimensions patient[, clone]; from `pdsim.sample_cohort`. Attribute `seed` keys the random numbers.
    arms : Regimen, Arm, None, or mapping of names to these
        What is given; None is no treatment.
    stop, every, visits, counts : str or float
        End, distance of stored times, of visits and of blood counts; days, or text with a unit.
    save : sequence of str, optional
        Outputs to store; all of the model's by default, none with ``[]``.
    reduce : mapping of str to str or sequence of str, optional
        Outputs to reduce over the stored times, such as ``{"anc": ["min", "time_of_min"], "m_protein": "last"}``;
        min, max, mean, first, last, time_of_min, time_of_max. Blocks of patients are reduced as they are solved: with
        ``save=[]`` no course is held of more patients than are solved at once, and of these of one visit interval.
    events : mapping of str to str, optional
        Conditions by name, such as ``{"progression": "m_protein > 60 g/L"}`` on outputs or states. The first time at
        which each holds is found on the solver's course to 1e-6 days, whatever the stored grid; a condition that
        comes and goes within 6 hours may be missed.
    drugs : mapping of str to DrugCard, optional
        Cards to use; others come from the library. Arms that are given the same drugs share compiled kernels.
    method : {"auto", "cascade", "explicit", "stiff"}
        "cascade" integrates what drugs do first and the disease under it, "explicit" and "stiff" both at once. "auto"
        is the cascade where a drug acts on the disease, else "explicit"; patients that it cannot carry are integrated
        by the other methods.
    rtol, atol : float
        Relative tolerance, and absolute tolerance per unit of a state's scale.
    max_step : float
        Largest step in days.
    assay : AssayError, optional
        Measurement error; by default 8.1 % of M-protein (Katzmann 2011 Clin Chem 57:1687) and 10 % of the others.
    rules : ResponseRules, optional
        Response and progression rules.
    threads : int, optional
        Threads; by default those that the process may use.
    on_failure : {"warn", "raise", "keep"}
        What to do about patients that cannot be integrated.
    progress : callable, optional
        Called with patients done, patients in all, and failures so far.
    initial : Dataset, optional
        Entry states by name, (patient[, clone]), from `state_at`; drugs start with nothing in the body. A patient
        with a missing value fails.

    Returns
    -------
    DataTree
        Groups cohort, trajectory, visits, counts, endpoints (status), states, dosing, doses; ledger where an arm has
        rules; where asked for reduced (`anc_min`, (arm, patient[, clone])) and events (`event_time`, days,
        (arm, patient, event)). See `pdsim.schema`.

    Raises
    ------
    PdsimError
        Where an input is impossible; the message names it.
    SolverError
        With ``on_failure="raise"``, where a patient fails.

    Examples
    --------
    >>> import pdsim
    >>> model = pdsim.load_model("myeloma")
    >>> cohort = pdsim.sample_cohort("len_refractory", 16, seed=7)
    >>> run = pdsim.simulate(model, cohort, pdsim.load_regimen("rep"), stop="84 d", every="28 d")
    >>> dict(run["trajectory"].sizes)["patient"]
    16
    """
    named = _named(arms)
    grid = _grid(to_days(stop), to_days(every), to_days(visits), to_days(counts))
    options = _options(method, rtol, atol, max_step)
    if on_failure not in ("warn", "raise", "keep"):
        raise PdsimError(f"on_failure = '{on_failure}' is not known; use warn, raise or keep")
    plan = _plan(model, cohort, named, drugs, grid, options, assay or ASSAY, rules or ResponseRules(), initial)
    wanted = Wanted(
        save=_flat_outputs(plan, save),
        reduce=read_reductions(reduce, list(plan.kernels.output_dims)),
        events=read_conditions(events, plan.kernels),
    )
    results = _run(plan, wanted, thread_count(threads), progress)
    from pdsim.ensemble.tree import assemble

    tree = assemble(plan, wanted, results)
    _report_failures(tree["endpoints"]["status"], on_failure)
    return tree


def _named(arms: Any) -> dict[str, Arm]:
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


def _grid(stop: float, every: float, visits: float, counts: float) -> Grid:
    for name, value in {"stop": stop, "every": every, "visits": visits, "counts": counts}.items():
        if not (np.isfinite(value) and value > 0.0):
            raise PdsimError(f"{name} = {value:g} days; it must be a positive time, for example '28 d'")

    def series(step: float) -> np.ndarray:
        # whole multiples, so that no rounding error adds up over a long study
        return np.arange(int(np.floor(stop / step * (1.0 + 1e-12))) + 1) * step

    return Grid(stop, series(every), series(visits), series(counts))


def _options(method: str, rtol: float, atol: float, max_step: float) -> Options:
    if method not in METHODS:
        raise SolverError(f"method = '{method}' is not known; use {', '.join(METHODS)}.{did_you_mean(method, METHODS)}")
    for name, value in {"rtol": rtol, "atol": atol, "max_step": max_step}.items():
        if not (np.isfinite(value) and value > 0.0):
            raise SolverError(f"{name} = {value:g} must be a positive number")
    return Options(rtol=rtol, atol=atol, max_step=max_step, method=method)


def _plan(
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
    from pdsim.ensemble.decide import arm_dosing
    from pdsim.model import kernels as make_kernels

    if "patient" not in cohort.dims:
        raise CohortError("the cohort has no dimension 'patient'; make one with pdsim.sample_cohort")
    if cohort.sizes["patient"] == 0:
        raise CohortError("the cohort has no patients; make one with pdsim.sample_cohort")
    cards = drugs_of(arms, model, drugs)
    compile_ahead(options.method, bool(cards))
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
        cascade=_cascade(kernels, options.method),
    )


def _cascade(kernels: Kernels, method: str) -> Cascade | None:
    from pdsim.model.cascade import cascade_of

    if method not in ("auto", "cascade"):
        return None
    found = cascade_of(kernels)
    if found is None and method == "cascade":
        raise SolverError("method = 'cascade' needs a drug that acts on the disease, and there is none; use auto")
    return found


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


def _flat_outputs(plan: Plan, save: Sequence[str] | None) -> tuple[str, ...]:
    known = list(plan.kernels.output_dims)
    unknown = [name for name in save or () if name not in known]
    if unknown:
        lines = [f"save: the model has no output '{name}'.{did_you_mean(name, known)}" for name in unknown]
        raise PdsimError("\n".join([*lines, f"Outputs: {', '.join(known)}"]))
    wanted = set(known if save is None else save)
    return tuple(flat for flat in plan.kernels.outputs if flat.partition("[")[0] in wanted)


def _run(plan: Plan, wanted: Wanted, threads: int, progress: Progress | None) -> dict[tuple[str, int], Any]:
    """Run all patients on a thread pool; (arm, first row) -> BlockResult."""
    from pdsim.ensemble.block_run import run_blocks

    patients = len(plan.patients)
    tasks = _tasks(list(plan.arms), patients, threads)
    results: dict[tuple[str, int], Any] = {}
    done = failed = 0
    pool = ThreadPoolExecutor(threads, thread_name_prefix="pdsim")
    try:
        futures = {pool.submit(run_blocks, plan, arm, rows, wanted): (arm, int(rows[0])) for arm, rows in tasks}
        for future in as_completed(futures):
            result = future.result()
            results[futures[future]] = result
            done += len(result.status)
            failed += int((result.status != 0).sum())
            if progress is not None:
                progress(done, patients * len(plan.arms), failed)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return results


def _tasks(arms: Sequence[str], patients: int, threads: int) -> list[tuple[str, np.ndarray]]:
    """Cut a run into tasks of an arm and some patients: large ones first, small ones so that threads end together."""
    tasks = []
    left = len(arms) * -(-patients // LANES)
    for arm in arms:
        first = 0
        while first < patients:
            blocks = int(np.clip(left // (_SHARES * threads), 1, _BLOCKS))
            rows = np.arange(first, min(first + LANES * blocks, patients))
            left -= -(-len(rows) // LANES)
            first += len(rows)
            tasks.append((arm, rows))
    return tasks


def _report_failures(status: xr.DataArray, on_failure: str) -> None:
    """Warn of failed patients, or raise; `status` is (arm or the like, patient)."""
    labels = status[status.dims[0]].values
    codes = sorted(set(np.unique(status.values).tolist()) - {0})
    if not codes or on_failure == "keep":
        return
    lines = []
    for code in codes:
        where = np.argwhere(status.values == code)
        first = [f"{labels[a]}/{status['patient'].values[p]}" for a, p in where[:5]]
        more = ", ..." if len(where) > 5 else ""
        lines.append(f"{len(where)} x {MEANINGS[code]} ({', '.join(first)}{more}): {ADVICE[code]}")
    text = f"{int((status.values != 0).sum())} of {status.size} patients failed\n  " + "\n  ".join(lines)
    if on_failure == "raise":
        raise SolverError(text)
    warnings.warn(SolverWarning(text), stacklevel=3)


def state_at(run: xr.DataTree, when: str = "end", arm: str | None = None) -> xr.Dataset:
    """States of every patient at one moment of a run, to start another from.

    Parameters
    ----------
    run : DataTree
        From `simulate`.
    when : {"end", "pd"}
        The end, or the visit that confirms progression (NaN for patients without one).
    arm : str, optional
        Arm; may be left out where there is one.

    Returns
    -------
    Dataset
        (patient[, clone]), natural units.

    Raises
    ------
    PdsimError
        Unknown arm or moment, or a run that holds no states.
    """
    if "states" not in run.children:
        raise PdsimError("this run holds no states")
    states = run["states"].to_dataset()
    arms = [str(name) for name in states["arm"].values]
    if arm is None and len(arms) > 1:
        raise PdsimError(f"the run has several arms; name one of {', '.join(arms)}")
    chosen = arm or arms[0]
    if chosen not in arms:
        raise PdsimError(f"the run has no arm '{chosen}'.{did_you_mean(chosen, arms)}")
    if when not in ("end", "pd"):
        raise PdsimError(f"when = '{when}' is not known; use end or pd")
    return states.sel(arm=chosen, moment=when, drop=True)
