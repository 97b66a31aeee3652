"""What one chunk of a sweep computes: the same simulation as any study, of some patients in some scenarios."""

from __future__ import annotations

from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pdsim.errors import PdsimError
from pdsim.sweep.running import Result, Stopped, Watch

if TYPE_CHECKING:
    import xarray as xr

    from pdsim.config.sweep_plan import SweepPlan
    from pdsim.sweep.layout import Chunk


class Payload(NamedTuple):
    """What a worker in another process needs besides the chunk."""

    study: str  # resolved, as TOML
    identity: str
    code: str


def compute(plan: SweepPlan, chunk: Chunk, threads: int, watch: Watch) -> Result:
    """Simulate the patients of a chunk in its scenarios.

    Returns
    -------
    Result
        Arrays (scenario, arm, patient[, ...]) by path of the field.
    """
    parts = [_scenario(plan, place, chunk, threads, watch) for place in range(*chunk.scenarios)]
    arrays = {path: np.stack([part[path] for part in parts]) for path in parts[0]}
    failed = int((arrays["patients/status"] != 0).sum())
    return Result(arrays, arrays["patients/status"].size, failed)


def prepare(plan: SweepPlan) -> None:
    """Load or compile the kernels in one thread, by one patient up to a visit, before several ask for them at once."""
    _simulated(plan, 0, (0, 1), plan.scenarios[0].study.visits, 1, Watch())


def compute_elsewhere(payload: Payload, chunk: Chunk) -> Result:
    """Simulate a chunk in a worker process, which must have the same study files and the same code.

    Raises
    ------
    PdsimError
        It has others.
    """
    from pdsim.study.sweep.identity import code_hash

    plan = _prepared(payload.study)
    if code_hash() != payload.code:
        raise PdsimError("this worker runs another version of pdsim than the process that started the sweep")
    if plan.identity != payload.identity:
        raise PdsimError("this worker finds other files for the study than the process that started the sweep")
    return compute(plan, chunk, 1, Watch())


_preparing = Lock()


def _prepared(study: str) -> SweepPlan:
    """The plan of a study, expanded once a process, whichever of its threads asks first."""
    with _preparing:
        return _plan_of(study)


@lru_cache(maxsize=2)
def _plan_of(study: str) -> SweepPlan:
    import tomllib

    from pdsim.config.messages import Mistakes
    from pdsim.config.sweep_plan import expand_sweep

    plan = expand_sweep(tomllib.loads(study), Mistakes("the study of this sweep"))
    prepare(plan)
    return plan


def _scenario(plan: SweepPlan, place: int, chunk: Chunk, threads: int, watch: Watch) -> dict[str, np.ndarray]:
    study = plan.scenarios[place].study
    return _arrays(plan, _simulated(plan, place, chunk.patients, study.stop, threads, watch))


def _simulated(
    plan: SweepPlan, place: int, patients: tuple[int, int], stop: str, threads: int, watch: Watch
) -> xr.DataTree:
    """Some patients of a scenario through all arms, by the same function as any study."""
    from pdsim.cohort import sample_cohort
    from pdsim.simulate import simulate

    scenario, sweep = plan.scenarios[place], plan.sweep
    study = scenario.study
    first, last = patients
    cohort = sample_cohort(
        scenario.population, last - first, seed=study.seed, sampling=study.cohort.sampling, start=first
    )
    return simulate(
        scenario.model,
        cohort,
        scenario.arms,
        **{**study.simulation, "stop": stop},
        save=list(sweep.save),
        reduce=sweep.reduce,
        events=sweep.events,
        drugs=plan.drugs,
        threads=threads,
        on_failure="keep",
        progress=_counter(watch),
    )


def _counter(watch: Watch) -> Any:
    """Progress of one simulation as what is added to the count of all; stops the simulation with the sweep."""
    last = [0, 0]

    def count(done: int, _: int, failed: int) -> None:
        watch.count(done - last[0], failed - last[1])
        last[:] = done, failed
        if watch.stopped.is_set():
            raise Stopped

    return count


def _arrays(plan: SweepPlan, run: xr.DataTree) -> dict[str, np.ndarray]:
    """What is kept of a run, each (arm, patient[, ...])."""
    from pdsim.endpoints import per_patient
    from pdsim.study.sweep.template import kept_endpoints

    endpoints = per_patient(run, kept_endpoints(plan))
    found = {f"patients/{name}": values for name, values in endpoints.data_vars.items()}
    if plan.sweep.reduce:
        reduced = run["reduced"].to_dataset(inherit=False)
        found |= {f"patients/{name}": values for name, values in reduced.data_vars.items()}
    if plan.sweep.events:
        found["patients/event_time"] = run["events"]["event_time"]
    courses = run["trajectory"].to_dataset(inherit=False)
    found |= {f"courses/{name}": courses[name] for name in plan.sweep.save}
    return {path: _stored(values.transpose("arm", "patient", ...).values) for path, values in found.items()}


def _stored(values: np.ndarray) -> np.ndarray:
    """Codes as they are, all else as float32."""
    if values.dtype == np.int8:
        return values
    with np.errstate(over="ignore"):
        return values.astype(np.float32)
