"""Steady state of a regimen: the states of patients who have always been given it."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from pdsim._jit import LANES
from pdsim.errors import DoseError, SolverError, did_you_mean
from pdsim.events.course import OdeCourse
from pdsim.events.cycle import Arrival, Cycle, cycle
from pdsim.solvers.block import Options
from pdsim.solvers.status import OK
from pdsim.units import convert, parse_quantity

if TYPE_CHECKING:
    import xarray as xr

    from pdsim.dosing import Dose, Regimen
    from pdsim.model import Model


def steady_state(
    model: Model, cohort: xr.Dataset, regimen: Regimen, *, rtol: float = 1e-8, atol: float = 1e-10
) -> xr.Dataset:
    """States just before day 0 of patients who have been given a regimen for ever.

    They are the fixed point of one cycle, found by Newton's method in a few cycles.

    Parameters
    ----------
    model : Model
        Whose states settle; integrals, which no rate reads, keep their entry value.
    cohort : Dataset
        Dimensions patient[, clone].
    regimen : Regimen
        Doses of states of the model, all without end.
    rtol, atol : float
        Of the integration.

    Returns
    -------
    Dataset
        States by name, (patient[, clone]); `pdsim.simulate` takes it as `initial`.

    Raises
    ------
    DoseError
        If the regimen ends, starts late or gives a drug that is no state.
    SolverError
        If a patient has no steady state.
    """
    from pdsim.ensemble.plan import Arm, parameters
    from pdsim.model import kernels as make_kernels

    clones = tuple(str(name) for name in cohort["clone"].values) if "clone" in cohort.coords else ()
    kernels = make_kernels(model, clones, keep=tuple(model.states))
    pattern = _pattern(model, kernels, cohort, regimen)
    params = parameters(kernels, cohort, {}, Arm(regimen), regimen.name).T
    patients = np.asarray(cohort["patient"].values)
    found = np.empty((len(patients), len(kernels.states)))
    for first in range(0, len(patients), LANES):
        rows = np.arange(first, min(first + LANES, len(patients)))
        course = OdeCourse(kernels, params[rows], Options(rtol=rtol, atol=atol, max_step=pattern.period))
        course.reset(0.0)
        own = Cycle(pattern.period, pattern.offsets, pattern.jumps[:, rows], pattern.inflows[:, rows])
        course.settle(own, added=False)
        lost = [f"  patient {patients[rows[place]]}: {reason}" for place, reason in course.reasons.items()]
        if lost or (course.failed != OK).any():
            raise SolverError("\n".join([f"'{regimen.name}' has no steady state in model '{model.name}':", *lost]))
        found[rows] = course.states
    return _dataset(model, kernels, cohort, found)


def _pattern(model: Model, kernels: Any, cohort: xr.Dataset, regimen: Regimen) -> Cycle:
    """What a cycle of the regimen gives, in the model's units."""
    wrong = [text for dose in regimen.doses for text in _mistakes(dose, model, regimen)]
    if wrong:
        raise DoseError("\n".join([f"regimen '{regimen.name}' has no steady state:", *dict.fromkeys(wrong)]))
    arrivals = []
    for line in regimen.lines(regimen.cycle):
        amount = parse_quantity(f"{line.amount!r} {line.unit}", model.states[line.drug].unit, line.drug)
        amounts = amount * _sizes(line.per, cohort, line.drug)
        length = float(convert(line.duration, "day", model.time))
        value = amounts / length if length > 0.0 else amounts
        target = kernels.states.index(line.drug)
        arrivals += [Arrival(float(convert(time, "day", model.time)), target, length, value) for time in line.times]
    period = float(convert(regimen.cycle, "day", model.time))
    return cycle(arrivals, period, cohort.sizes["patient"], len(kernels.states))


def _mistakes(dose: Dose, model: Model, regimen: Regimen) -> list[str]:
    dosed = [name for name, state in model.states.items() if state.dosed]
    found = []
    if dose.drug not in dosed:
        hint = did_you_mean(dose.drug, dosed)
        found.append(f"  '{dose.drug}' is no dosed state of model '{model.name}'.{hint} Dosed: {', '.join(dosed)}")
    if dose.cycles or dose.start or dose.stop < inf or dose.cycle not in (None, regimen.cycle):
        found.append(f"  '{dose.drug}' is not given alike in every cycle for ever; leave cycles, start and stop out")
    return found


def _sizes(per: str, cohort: xr.Dataset, drug: str) -> np.ndarray:
    from pdsim.pk import dose_scale

    if per == "flat":
        return np.ones(cohort.sizes["patient"])
    scale = dose_scale(cohort)
    if per not in scale:
        raise DoseError(f"{drug} is dosed per {per}, and the cohort has no {'bsa' if per == 'm2' else 'weight'}")
    return scale[per]


def _dataset(model: Model, kernels: Any, cohort: xr.Dataset, states: np.ndarray) -> xr.Dataset:
    import xarray as xr

    found = {}
    for name, item in model.states.items():
        places = [i for i, flat in enumerate(kernels.states) if flat.partition("[")[0] == name]
        dims, values = (("patient", "clone"), states[:, places]) if item.dim else (("patient",), states[:, places[0]])
        found[name] = xr.DataArray(values, dims=dims, attrs={"units": item.unit, "long_name": item.sentence})
    coords = {name: cohort[name] for name in ("patient", "clone") if name in cohort.coords}
    return xr.Dataset(found, coords=coords)
