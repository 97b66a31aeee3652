"""When patients die: a hazard from tumour burden and marrow function, and one from age, drawn patient by patient."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import xarray as xr

from pdsim import draws
from pdsim.endpoints.course import Course, group, read_course
from pdsim.endpoints.time_to_event import progression_onset
from pdsim.errors import ConfigError

DAYS_PER_YEAR = 365.25
CAUSES = {"none": 0, "myeloma": 1, "other": 2}


@dataclass(frozen=True)
class DeathHazard:
    """Hazards of death, 1/yr.

    Myeloma: ``myeloma * (burden / 1e12) ** burden_power * exp(marrow * shortage)`` with ``shortage = max(0,
    log(platelets_low / platelets)) + max(0, log(anc_low / anc))``. Later lines of treatment are not simulated; they
    hold back the share `later_lines` of the tumour's log growth after progression.

    Other causes: ``other * exp(other_rise * (age - 65))``.

    Parameters
    ----------
    myeloma : float
        Hazard at 1e12 myeloma cells and sufficient marrow, 1/yr; set by hand on survival in REP, MM-009 and MM-010.
    burden_power : float
        Exponent of burden (assumed).
    marrow : float
        Rise of the log hazard per unit of shortage (assumed).
    platelets_low, anc_low : float
        Counts below which marrow falls short, 1e9/L: those of CTCAE grades 2 and 3.
    later_lines : float
        Share of the log growth after progression that later lines hold back (set by hand on the same).
    other : float
        Hazard of other causes at 65 years, 1/yr (Arias 2022 Natl Vital Stat Rep 71:1, recalled: 1.3 % a year).
    other_rise : float
        Its rise a year of age; a doubling in eight years (the same table, recalled).

    Raises
    ------
    ConfigError
        A number is negative, not finite, or `later_lines` exceeds 1.
    """

    myeloma: float = 0.75
    burden_power: float = 0.5
    marrow: float = 0.5
    platelets_low: float = 75.0
    anc_low: float = 1.0
    later_lines: float = 0.7
    other: float = 0.013
    other_rise: float = 0.087

    def __post_init__(self) -> None:
        wrong = [one.name for one in fields(self) if not 0 <= getattr(self, one.name) < float("inf")]
        wrong += ["later_lines"] if self.later_lines > 1 else []
        if wrong:
            raise ConfigError(f"death: {', '.join(wrong)}: give a number that is not negative; later_lines at most 1.")


def death(run: xr.DataTree, hazard: DeathHazard | None = None, seed: int | None = None) -> xr.Dataset:
    """Draw when and of what every patient dies.

    The hazard is constant between visits. A patient's draws depend on seed and patient number alone, so that the same
    patient in two arms dies later where the hazard is lower.

    Parameters
    ----------
    run : DataTree
        A run with ``/visits`` that hold ``burden_true``; ages come from ``/cohort``, 65 years where it has none.
    hazard : DeathHazard, optional
    seed : int, optional
        By default that of the run.

    Returns
    -------
    Dataset
        Dims (arm, patient): ``death_time`` d, NaN for those alive at the last visit; ``death_cause`` code.

    Raises
    ------
    StoreError
        The run has no ``/visits``.
    """
    course = read_course(run)
    hazard = hazard or DeathHazard()
    number = int(run.attrs.get("seed", 0)) if seed is None else seed
    patients = np.asarray(course.coords["patient"].values, dtype=np.int64)
    limit = draws.exponentials(number, patients, "death", 2)
    cohort = group(run, "cohort")
    age = np.full(len(patients), 65.0) if cohort is None or "age" not in cohort else cohort["age"].values
    years = np.diff(course.days) / DAYS_PER_YEAR
    step = _myeloma(course, hazard)[..., :-1] * years
    myeloma = _crossing(np.nancumsum(step, axis=-1), limit[:, 0], course.days)
    rate = hazard.other * np.exp(hazard.other_rise * (age - 65.0))
    other = np.broadcast_to(limit[:, 1] / rate * DAYS_PER_YEAR, myeloma.shape)
    time = np.minimum(myeloma, other)
    seen = time <= course.days[-1]
    cause = np.where(seen, np.where(myeloma <= other, CAUSES["myeloma"], CAUSES["other"]), CAUSES["none"])
    return course.dataset(death_time=np.where(seen, time, np.nan), death_cause=cause.astype(np.int8))


def _myeloma(course: Course, hazard: DeathHazard) -> np.ndarray:
    """Hazard at every visit, (arm, patient, visit); NaN where a patient was lost to a failure."""
    burden = np.maximum(course.measured["burden_true"].astype(float), 1.0)
    event, onset = progression_onset(course)
    at = np.take_along_axis(burden, np.maximum(onset, 0)[..., None], axis=-1)
    later = event[..., None] & (np.arange(len(course.days)) > onset[..., None])
    held = at * (burden / at) ** (1.0 - hazard.later_lines)
    counts = {name: course.measured[name].astype(float) for name in ("platelets", "anc")}
    low = {"platelets": hazard.platelets_low, "anc": hazard.anc_low}
    shortage = sum(np.fmax(0.0, np.log(low[name] / np.maximum(counts[name], 1e-3))) for name in counts)
    return (
        hazard.myeloma
        * (np.where(later, held, burden) / 1e12) ** hazard.burden_power
        * np.exp(hazard.marrow * np.nan_to_num(shortage))
    )


def _crossing(total: np.ndarray, limit: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Day on which a cumulative hazard, (arm, patient, visit - 1) at the ends of intervals, passes each limit."""
    passed = total >= limit[:, None]
    place = passed.argmax(axis=-1)
    end = np.take_along_axis(total, place[..., None], axis=-1)[..., 0]
    start = np.where(place > 0, np.take_along_axis(total, np.maximum(place - 1, 0)[..., None], axis=-1)[..., 0], 0.0)
    part = (limit - start) / np.where(end > start, end - start, 1.0)
    return np.where(passed.any(axis=-1), days[place] + part * np.diff(days)[place], np.inf)


def overall_survival(run: xr.DataTree) -> xr.Dataset:
    """Find overall survival of every patient of a run that holds ``death_time``.

    Parameters
    ----------
    run : DataTree
        With ``death_time`` d in ``/endpoints`` or ``/cohort``; ``stop_time`` d there ends a patient's follow-up.

    Returns
    -------
    Dataset
        Dims (arm, patient): ``os_time`` d and ``os_event`` 0 or 1.

    Raises
    ------
    StoreError
        The run has no ``/visits``.
    """
    course = read_course(run)
    end = np.minimum(course.stop_time, course.horizon)
    event = course.death_time <= end
    return course.dataset(os_time=np.minimum(course.death_time, end), os_event=event.astype(np.int8))
