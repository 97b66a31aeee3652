"""How outputs change with parameters: exact derivatives along each patient's course."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from pdsim._jit import LANES, thread_count
from pdsim._together import together
from pdsim.ensemble.block_run import _make_block
from pdsim.ensemble.plan import Arm, Plan, parameters
from pdsim.ensemble.prepare import ASSAY, flat_outputs, make_grid, make_options, make_plan, named_arms
from pdsim.errors import PdsimError, did_you_mean
from pdsim.simulate import SolverWarning, report_failures
from pdsim.solvers.block import Block
from pdsim.solvers.outputs import observe_record
from pdsim.units import days as to_days
from pdsim.visits import ResponseRules

if TYPE_CHECKING:
    import xarray as xr

    from pdsim.dosing import Regimen
    from pdsim.model import Kernels, Model
    from pdsim.model.tangent import TangentKernels
    from pdsim.pk import DrugCard

METHODS = ("auto", "explicit", "stiff")


def sensitivities(
    model: Model,
    cohort: xr.Dataset,
    regimen: Regimen | Arm | None,
    parameters: Sequence[str],
    outputs: Sequence[str] | None = None,
    *,
    stop: str | float,
    every: str | float = "7 d",
    drugs: Mapping[str, DrugCard] | None = None,
    relative: bool = False,
    method: str = "auto",
    rtol: float = 1e-6,
    atol: float = 1e-9,
    max_step: float = 30.0,
    threads: int | None = None,
    on_failure: str = "warn",
) -> xr.Dataset:
    """Differentiate the outputs of every patient by parameters of the model.

    The equations of the derivatives come from the traced model and are integrated beside it, in float64:

        dS/dt = (df/dx) S + df/dp,    S(0) = dx(0)/dp.

    Doses are given throughout, without visits. What other parameters or covariates a population derives from a
    parameter stays as it is. Where a rate jumps (`where`), each side is differentiated by itself. A clone that dies
    out takes its derivative with it (error: that of one cell). The moment at which a clone enters by mutation depends
    on the parameters and is not differentiated: from a patient's first such entry on its derivatives are NaN.

    Parameters
    ----------
    model : Model
        From `pdsim.load_model`.
    cohort : Dataset
        Dimensions patient[, clone].
    regimen : Regimen, Arm or None
        What is given.
    parameters : sequence of str
        Parameters of the model, such as ``"growth"`` or ``"growth[sensitive]"`` (with clones, the name alone stands
        for each of them), and effects on drug cards such as ``"lenalidomide.cereblon_closed.affinity"``.
    outputs : sequence of str, optional
        All of the model's by default.
    stop, every : str or float
        End and distance of times; days, or text with a unit.
    drugs : mapping of str to DrugCard, optional
        Cards to use; others come from the library.
    relative : bool
        Multiply by the parameter: change of the output for a relative change of the parameter, in the output's unit.
    method : {"auto", "explicit", "stiff"}
    rtol, atol : float
        Relative tolerance, and absolute tolerance per unit of a state's scale, of states and derivatives alike.
    max_step : float
        Largest step in days.
    threads : int, optional
        Threads; by default those that the process may use.
    on_failure : {"warn", "raise", "keep"}
        What to do about patients that cannot be integrated.

    Returns
    -------
    Dataset
        Derivatives under the outputs' names, (parameter, patient, time[, clone]), in the output's unit per
        ``parameter_unit``; `status` (parameter, patient). NaN after a failure or an entry.

    Raises
    ------
    PdsimError
        Where an input is impossible; a `ModelError` names what is no parameter, such as the clearance of a drug card.
    SolverError
        With ``on_failure="raise"``, where a patient fails.

    Examples
    --------
    >>> import pdsim
    >>> model = pdsim.load_model("myeloma")
    >>> cohort = pdsim.sample_cohort("len_refractory", 2, seed=7)
    >>> found = pdsim.sensitivities(model, cohort, None, ["growth_net"], ["m_protein"], stop="28 d", relative=True)
    >>> bool((found["m_protein"].isel(time=-1) > 0).all())
    True
    """
    from pdsim.model.tangent import tangent_kernels

    if method not in METHODS:
        raise PdsimError(f"method = '{method}' is not known; use {', '.join(METHODS)}.{did_you_mean(method, METHODS)}")
    if on_failure not in ("warn", "raise", "keep"):
        raise PdsimError(f"on_failure = '{on_failure}' is not known; use warn, raise or keep")
    named = named_arms(regimen)
    if len(named) > 1:
        raise PdsimError("give one regimen or Arm; call once for each")
    grid = make_grid(to_days(stop), to_days(every), to_days(stop), to_days(every))
    options = make_options("explicit", rtol, atol, max_step)
    plan = make_plan(model, cohort, named, drugs, grid, options, ASSAY, ResponseRules(), None)
    saved = flat_outputs(plan, outputs)
    directions = _directions(plan.kernels, parameters)
    kernels = tangent_kernels(plan.kernels, directions)
    plan = replace(_toward(plan, kernels), options=replace(options, method=method))
    values, status, entered = _run(plan, kernels, saved, thread_count(threads))
    if relative:
        sizes = next(iter(plan.params.values()))[[plan.kernels.params.index(name) for name in directions]]
        values *= sizes[:, :, None, None]
    found = _labelled(plan, kernels, saved, values, status, relative)
    report_failures(found["status"], on_failure)
    _report_entries(plan, entered)
    return found


def _directions(kernels: Kernels, wanted: Sequence[str]) -> tuple[str, ...]:
    """Flat names of parameters; a name without its clone stands for all."""
    if isinstance(wanted, str) or not wanted:
        raise PdsimError("parameters: give a list with at least one name, such as ['growth']")
    found: list[str] = []
    for name in wanted:
        own = [flat for flat in kernels.params if flat.partition("[")[0] == name]
        found += own if name not in kernels.params and own else [name]
    return tuple(dict.fromkeys(found))


def _toward(plan: Plan, kernels: TangentKernels) -> Plan:
    """The plan with tangents, and an arm for each direction.

    A direction's weight is its parameter's own size, so that the tangent has the size of the state.
    """
    (name, arm), *_ = plan.arms.items()
    base = parameters(kernels, plan.cohort, plan.systems, arm, name)
    params = {}
    for place, direction in enumerate(kernels.directions, start=len(kernels.plain.params)):
        size = np.abs(base[kernels.params.index(direction)])
        params[direction] = base.copy()
        params[direction][place] = np.where(size == 0.0, 1.0, size)
    arms, dosing = dict.fromkeys(kernels.directions, arm), dict.fromkeys(kernels.directions, plan.dosing[name])
    return replace(plan, kernels=kernels, arms=arms, dosing=dosing, params=params)


def _run(
    plan: Plan, kernels: TangentKernels, saved: tuple[str, ...], threads: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Derivatives (direction, patient, time, output), status and whether a clone has entered (direction, patient)."""
    patients = len(plan.patients)
    shape = (len(kernels.directions), patients)
    values = np.full((*shape, len(plan.grid.times), len(saved)), np.nan)
    status, entered = np.zeros(shape, dtype=np.int8), np.zeros(shape, dtype=bool)
    columns = [kernels.plain.outputs.index(name) for name in saved]

    def run(task: tuple[int, int]) -> None:
        place, first = task
        rows = np.arange(first, min(first + LANES, patients))
        lanes = np.concatenate([rows, np.repeat(rows[-1:], LANES - len(rows))])
        direction = kernels.directions[place]
        block = _make_block(plan, direction, lanes)
        block.watch(plan.grid.outputs / plan.time_unit)
        block.advance(plan.grid.stop / plan.time_unit)
        block.finish()
        found, entries = _read(plan, kernels, block, columns)
        weight = plan.params[direction][len(kernels.plain.params) + place, lanes]
        values[place, rows] = np.moveaxis(found / weight, -1, 0)[: len(rows)]
        status[place, rows], entered[place, rows] = block.failed[: len(rows)], entries[: len(rows)]

    together(run, product(range(shape[0]), range(0, patients, LANES)), threads)
    return values, status, entered


def _read(plan: Plan, kernels: TangentKernels, block: Block, columns: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Tangents of outputs at the stored times (time, output, lane), NaN from an entry on, and which lanes had one."""
    times = plan.grid.outputs / plan.time_unit
    y, present, c = (part.reshape(len(times), -1) for part in block.record)
    out = np.empty(len(times) * len(kernels.outputs) * LANES)
    observe_record(kernels.observe, times, block.problem.params, y.ravel(), c.ravel(), present.ravel(), out)
    found = out.reshape(len(times), -1, LANES)[:, columns]
    found[np.broadcast_to(np.isnan(y[:, None, :LANES]), found.shape)] = np.nan
    there = present.reshape(len(times), -1, LANES)[:, list(kernels.supplied)]
    risen = np.zeros(there.shape, dtype=int)
    risen[1:] = there[1:] > there[:-1]
    drawn = block.state.redraw.reshape(-1, LANES)[list(kernels.supplied)]
    hidden = (drawn > risen.sum(axis=0)).any(axis=0)  # came and went between two stored times
    gone = np.maximum.accumulate(risen.any(axis=1), axis=0) | hidden
    found[np.broadcast_to(gone[:, None], found.shape)] = np.nan
    return found, gone.any(axis=0) & (block.failed == 0)


def _report_entries(plan: Plan, entered: np.ndarray) -> None:
    lost = plan.patients[entered.any(axis=0)]
    if len(lost):
        first = ", ".join(map(str, lost[:5])) + (", ..." if len(lost) > 5 else "")
        text = f"in {len(lost)} patients ({first}) a clone entered by mutation; derivatives are missing from there on"
        warnings.warn(SolverWarning(text), stacklevel=3)


def _card_unit(name: str) -> str:
    from pdsim.pk.keys import EFFECT_UNITS

    return EFFECT_UNITS.get(name.rpartition(".")[2], ("",))[0]


def _labelled(
    plan: Plan, kernels: TangentKernels, saved: tuple[str, ...], values: np.ndarray, status: np.ndarray, relative: bool
) -> xr.Dataset:
    import xarray as xr

    from pdsim import schema

    def text(items: Sequence[str]) -> np.ndarray:
        return np.array(items, dtype=np.dtypes.StringDType())

    dims = ("parameter", "patient", "time")
    # what is no parameter of the model is a key of a drug card's effect
    units = [kernels.units.get(name.partition("[")[0]) or _card_unit(name) for name in kernels.directions]
    variables: dict[str, Any] = {"status": (dims[:2], status)}
    for name, dim in kernels.output_dims.items():
        places = [i for i, flat in enumerate(saved) if flat.partition("[")[0] == name]
        if not places:
            continue
        declared = plan.model.outputs[name]
        attrs = {
            "units": declared.unit if relative else f"({declared.unit})/parameter_unit",
            "long_name": f"derivative of {declared.sentence} by each parameter{' times the parameter' * relative}",
        }
        if dim is None:
            variables[name] = (dims, values[..., places[0]], attrs)
        else:
            variables[name] = ((*dims, dim), values[..., places], attrs)
    coords: dict[str, Any] = {
        "parameter": text(kernels.directions),
        "parameter_unit": ("parameter", text(units)),
        "patient": plan.patients,
        "time": ("time", plan.grid.times, {"units": "d", "long_name": "time since the first dose"}),
    }
    if any("clone" in variable[0] for variable in variables.values()):
        coords["clone"] = text(kernels.clones)
    found = xr.Dataset(variables, coords)
    found["status"].attrs.update(schema.variable("status").attributes())
    found.attrs = {
        "model": plan.model.name,
        "model_hash": plan.model.source_hash,
        "seed": plan.seed,
        "solver": plan.options.method,
        "rtol": plan.options.rtol,
        "atol": plan.options.atol,
    }
    return found
