"""Simulate virtual patients: the only place where model, cohort, regimen and solver meet."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np

from pdsim._jit import LANES, thread_count
from pdsim.ensemble.plan import Arm, Plan
from pdsim.ensemble.prepare import prepare
from pdsim.ensemble.recording import Wanted
from pdsim.errors import PdsimError, SolverError, did_you_mean
from pdsim.solvers.status import ADVICE, MEANINGS
from pdsim.visits import AssayError, ResponseRules

if TYPE_CHECKING:
    import xarray as xr

    from pdsim.dosing import Regimen
    from pdsim.ensemble.block_run import BlockResult
    from pdsim.model import Model
    from pdsim.pk import DrugCard

__all__ = ["Arm", "SolverWarning", "each_arm", "simulate", "state_at"]

Progress = Callable[[int, int, int], None]
_BLOCKS = 32  # most blocks that go from visit to visit together
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
        "cascade" integrates what drugs do first and the disease under it, "explicit" (order 8, or 5 from ``rtol=0.01``
        on) and "stiff" both at once. "auto" is the cascade where a drug acts on the disease, else "explicit"; patients
        that it cannot carry are integrated by the other methods.
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
    if on_failure not in ("warn", "raise", "keep"):
        raise PdsimError(f"on_failure = '{on_failure}' is not known; use warn, raise or keep")
    plan, wanted = prepare(
        model, cohort, arms, stop=stop, every=every, visits=visits, counts=counts, save=save, reduce=reduce,
        events=events, drugs=drugs, method=method, rtol=rtol, atol=atol, max_step=max_step, assay=assay, rules=rules,
        initial=initial,
    )  # fmt: skip
    results = dict(_results(plan, wanted, thread_count(threads), progress))
    from pdsim.ensemble.tree import assemble

    tree = assemble(plan, wanted, results)
    report_failures(tree["endpoints"]["status"], on_failure)
    return tree


def each_arm(
    model: Model,
    cohort: xr.Dataset,
    arms: Mapping[str, Arm],
    *,
    threads: int | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> Iterator[tuple[str, xr.DataTree]]:
    """Simulate arms as `simulate` does, and yield name and run of each as soon as its last patient is done.

    Patients of the next arms are integrated meanwhile. Failures are kept; other settings are those of `simulate`.
    """
    from pdsim.ensemble.tree import assemble

    usual = {name: one.default for name, one in signature(simulate).parameters.items() if one.kind == one.KEYWORD_ONLY}
    for name in ("threads", "progress", "on_failure"):
        del usual[name]
    plan, wanted = prepare(model, cohort, arms, **{**usual, **settings})
    found: dict[str, dict[tuple[str, int], BlockResult]] = {arm: {} for arm in plan.arms}
    for (arm, first), result in _results(plan, wanted, thread_count(threads), progress):
        found[arm][arm, first] = result
        if sum(len(one.status) for one in found[arm].values()) == len(plan.patients):
            yield arm, assemble(plan.of_arm(arm), wanted, found.pop(arm))


def _results(
    plan: Plan, wanted: Wanted, threads: int, progress: Progress | None
) -> Iterator[tuple[tuple[str, int], BlockResult]]:
    """Run all patients on a thread pool; yields ((arm, first row), result) as they come."""
    from pdsim.ensemble.block_run import run_blocks

    patients = len(plan.patients)
    tasks = _tasks(list(plan.arms), patients, threads)
    done = failed = 0
    pool = ThreadPoolExecutor(threads, thread_name_prefix="pdsim")
    try:
        futures = {pool.submit(run_blocks, plan, arm, rows, wanted): (arm, int(rows[0])) for arm, rows in tasks}
        for future in as_completed(futures):
            result = future.result()
            done += len(result.status)
            failed += int((result.status != 0).sum())
            if progress is not None:
                progress(done, patients * len(plan.arms), failed)
            yield futures.pop(future), result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


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


def report_failures(status: xr.DataArray, on_failure: str) -> None:
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
