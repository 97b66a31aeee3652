"""What dosing rules did to each patient of a run."""

from __future__ import annotations

import numpy as np
import xarray as xr

from pdsim.endpoints.course import Course, group, last_index, read_course
from pdsim.errors import StoreError


def dose_changes(run: xr.DataTree) -> xr.Dataset:
    """Count holds and time the first reduction and the end of treatment.

    A hold counts when a drug that was given is given no longer; one rule more that holds it does not count again. A
    reduction counts after day 0, so that a start at a lower dose for age or renal function is none.

    Parameters
    ----------
    run : DataTree
        A run with ``/visits`` and ``/ledger``.

    Returns
    -------
    Dataset
        Dims (arm, patient): ``holds``; ``time_to_first_reduction`` d, NaN without one; ``time_to_stop`` d, to the
        visit at which treatment was over, by a rule or by progression, NaN where it went on to the end or was broken
        off by a failure.

    Raises
    ------
    StoreError
        The run has no ``/visits`` or no ``/ledger``.
    """
    found = find_changes(run, read_course(run))
    if found is None:
        raise StoreError("the run has no group '/ledger': none of its arms has dosing rules")
    return found


def find_changes(run: xr.DataTree, course: Course) -> xr.Dataset | None:
    """Do the work of `dose_changes` on a course that is already read; None where no arm has rules."""
    ledger = group(run, "ledger")
    if ledger is None:
        return None
    arms = [str(name) for name in course.coords["arm"].values]
    patients = {int(number): row for row, number in enumerate(course.coords["patient"].values)}
    shape = course.dosing.shape[:2]
    holds, first = np.zeros(shape), np.full(shape, np.inf)
    at = (
        np.array([arms.index(str(name)) for name in ledger["arm"].values], dtype=np.intp),
        np.array([patients[int(number)] for number in ledger["patient"].values], dtype=np.intp),
    )
    decision, day = ledger["decision"].values, ledger["day"].values
    held = (decision == "hold") & (ledger["from"].values > 0.0)
    reduced = (decision == "reduce") & (day > course.days[0])
    np.add.at(holds, (at[0][held], at[1][held]), 1.0)
    np.minimum.at(first, (at[0][reduced], at[1][reduced]), day[reduced])
    return course.dataset(
        holds=holds,
        time_to_first_reduction=np.where(np.isfinite(first), first, np.nan),
        time_to_stop=_time_to_stop(course),
    )


def _time_to_stop(course: Course) -> np.ndarray:
    """Day of the visit after the last one on treatment, where the patient was still measured: (arm, patient)."""
    last = last_index(course.dosing == 1)
    following = np.minimum(last + 1, len(course.days) - 1)
    measured = ~np.all([np.isnan(value) for value in course.measured.values()], axis=0)
    seen = np.take_along_axis(measured, following[..., None], axis=-1)[..., 0]
    over = (last + 1 < len(course.days)) & seen & (last >= 0)
    time = np.where(over, course.days[following], np.nan)
    return np.where(course.days[following] <= np.minimum(course.death_time, course.stop_time), time, np.nan)
