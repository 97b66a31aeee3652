"""Death in simulated arms, and two lines of treatment read as one course."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from pdsim import draws
from pdsim.endpoints import DeathHazard, assemble, death, overall_survival, response
from pdsim.visits import Progression

if TYPE_CHECKING:
    from pdsim.mechanisms.experiment import Joined
    from pdsim.mechanisms.readouts import View


def lived(run: xr.DataTree, hazard: DeathHazard) -> xr.Dataset:
    """Let the patients of a run die and return their endpoints, (arm, patient).

    Those of `pdsim.endpoints.assemble`, of which progression-free survival counts deaths, ``mrd_negative``,
    ``os_time`` d and ``os_event``.
    """
    plain = run["endpoints"].to_dataset().assign(death_time=death(run, hazard)["death_time"])
    ended = xr.DataTree.from_dict({**{name: run[name].to_dataset() for name in run.children}, "endpoints": plain})
    ended.attrs = dict(run.attrs)
    found = [assemble(ended), response(ended)[["mrd_negative"]], overall_survival(ended)]
    return xr.merge(found, join="exact", compat="no_conflicts")


def joined_view(joined: Joined, first: View, second: View, seed: int) -> View:
    """Read two lines as one course: overall survival is that of the course, all else of the first line."""
    patients = first.patients
    goes_on = draws.uniforms(seed, patients, "mechanisms.second_line", 1)[:, 0] < joined.share
    goes_on &= np.isin(patients, second.patients)
    later = second.visits.reindex(patient=patients)
    visits = appended(first.visits, later, goes_on).expand_dims(arm=["both"])
    status = first.endpoints["status"].values.copy()
    status[goes_on] |= second.endpoints["status"].reindex(patient=patients[goes_on]).values
    plain = xr.Dataset({"status": (("arm", "patient"), status[None])}, visits.coords)
    course = xr.DataTree.from_dict({"visits": visits, "cohort": first.cohort, "endpoints": plain})
    course.attrs["seed"] = seed
    found = lived(course, DeathHazard(**dict(joined.group.death))).isel(arm=0, drop=True)
    own = {name: found[name] for name in ("os_time", "os_event", "status")}
    return replace(first, request=joined, endpoints=first.endpoints.assign(own))


def appended(first: xr.Dataset, second: xr.Dataset, goes_on: np.ndarray) -> xr.Dataset:
    """Visits of a first line, and from its confirmed progression on those of the second, both (patient, visit).

    Who goes on has not progressed before the second line does: only then is later treatment left to assumptions.
    """
    confirmed = first["progression"].transpose("patient", "visit").values == Progression.CONFIRMED
    goes_on = goes_on & confirmed.any(axis=1)
    start = np.where(goes_on, confirmed.argmax(axis=1), confirmed.shape[1])[:, None]
    since = np.arange(confirmed.shape[1]) - start
    after = since > 0
    found = {}
    for name, column in first.data_vars.items():
        if set(column.dims) != {"patient", "visit"}:
            continue
        own = column.transpose("patient", "visit").values
        other = second[name].transpose("patient", "visit").values
        later = np.take_along_axis(other, np.maximum(since, 0), axis=1)
        found[name] = (("patient", "visit"), np.where(after, later, own).astype(own.dtype), column.attrs)
    flags = found["progression"][1]
    flags[goes_on[:, None] & ~after & (flags > 0)] = Progression.NONE
    return first.assign(found)
