"""Tables of the page: arms with intervals, failures by cause, parameters by status."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pdsim.schema import STATUS

if TYPE_CHECKING:
    import pandas
    import xarray as xr

NONE = "\N{EN DASH}"
FIRST = 5
HEADINGS = {
    "not_evaluable": "not evaluable",
    "orr": "PR or better (%)",
    "vgpr": "VGPR or better (%)",
    "cr": "CR or better (%)",
    "median_pfs": "median PFS (months)",
    "pfs_12_months": "PFS at 12 months (%)",
    "neutropenia_34": "neutropenia grade 3-4 (%)",
    "thrombocytopenia_34": "thrombocytopenia grade 3-4 (%)",
    "dose_intensity": "dose intensity (%)",
    "held": "patients with doses held (%)",
    "reduced": "patients with doses reduced (%)",
}
STATUS_ORDER = ("verified", "recalled", "assumed")


def number(value: Any) -> str:
    """Text of a cell: three figures or so, a dash for nothing, words for infinity."""
    if value is None:
        return NONE
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (int, np.integer)):
        return str(value)
    if isinstance(value, (float, np.floating)):
        value = float(value)
        if math.isnan(value):
            return NONE
        if math.isinf(value):
            return "not reached"
        size = abs(value)
        if size >= 1e5 or 0 < size < 1e-3:
            return f"{value:.2e}"
        return f"{value:.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.3g}"
    return str(value)


def column_decimals(values: Any) -> int | None:
    """Decimals that all numbers of a column share: three figures of the largest, fewer if none needs them.

    None where the column is not numeric or spans numbers that plain decimals cannot show.
    """
    if np.asarray(values).dtype.kind not in "fiu":
        return None
    found = np.asarray(values, float)
    found = found[np.isfinite(found)]
    largest = np.abs(found).max(initial=0.0)
    if not 1e-3 <= largest < 1e6:
        return 0 if largest == 0.0 else None
    most = max(2 - math.floor(math.log10(largest)), 0)
    return next((few for few in range(most) if np.allclose(found, found.round(few), rtol=0.0, atol=1e-9)), most)


def text_of(value: Any, decimals: int | None) -> str:
    """Text of a cell with the decimals of its column."""
    if decimals is None or not isinstance(value, (float, np.floating)) or not math.isfinite(value):
        return number(value)
    return f"{value:.{decimals}f}"


def arm_table(table: pandas.DataFrame, headings: dict[str, str]) -> dict[str, Any]:
    """Headings and rows of (text, interval) cells; an estimate and its bounds share a cell."""
    frame = table if "arm" in table.columns else table.rename_axis(index="arm").reset_index()
    names = [str(name) for name in frame.columns]
    frame = frame.set_axis(names, axis=1)
    with_bounds = {name for name in names if {f"{name}_low", f"{name}_high"} <= set(names)}
    bounds = {f"{name}_{end}" for name in with_bounds for end in ("low", "high")}
    blank = {name for name in names if (frame[name].astype(str) == "").all()}
    shown = ["arm", *(name for name in names if name != "arm" and name not in bounds | blank)]
    group = {name: [name, *((f"{name}_low", f"{name}_high") if name in with_bounds else ())] for name in shown}
    decimals = {name: column_decimals(frame[columns].to_numpy()) for name, columns in group.items()}

    def cell(row: dict[str, Any], name: str) -> tuple[str, str]:
        found = [row[column] for column in group[name]]
        if name.startswith("median_") and row.get("n") != 0:
            found = [math.inf if isinstance(one, float) and math.isnan(one) else one for one in found]
        value, *ends = (text_of(one, decimals[name]) for one in found)
        return value, " to ".join(ends) if ends and set(ends) != {NONE} else ""

    records = frame.to_dict("records")
    return {
        "headings": [(HEADINGS | headings).get(name, name.replace("_", " ")) for name in shown],
        "rows": [[cell(row, name) for name in shown] for row in records],
        "has_interval": bool(with_bounds),
    }


def failure_table(run: xr.DataTree) -> dict[str, Any]:
    """Failed patients per arm and cause, with the first of them by number."""
    if "endpoints" not in run.children or "status" not in run["endpoints"]:
        return {"known": False, "total": 0, "courses": 0, "rows": []}
    status = run["endpoints"]["status"].transpose("arm", "patient")
    causes = {code: name for name, code in STATUS.items()}
    if "flag_meanings" in status.attrs and "flag_values" in status.attrs:
        flags = np.atleast_1d(status.attrs["flag_values"]).tolist()
        causes |= dict(zip(flags, str(status.attrs["flag_meanings"]).split(), strict=False))
    patients = status["patient"].values
    rows = []
    for arm, codes in zip(status["arm"].values, status.values, strict=True):
        for code in np.unique(codes[codes != 0]):
            who = patients[codes == code]
            first = ", ".join(str(one) for one in who[:FIRST])
            first += ", \N{HORIZONTAL ELLIPSIS}" if who.size > FIRST else ""
            rows.append([str(arm), causes.get(int(code), str(code)).replace("_", " "), str(who.size), first])
    return {"known": True, "total": int((status.values != 0).sum()), "courses": status.size, "rows": rows}


def parameter_status(parameters: pandas.DataFrame | None) -> dict[str, Any]:
    """Count of parameters by status and the list of those that no source was checked for."""
    if parameters is None or "status" not in parameters:
        return {"counts": [], "total": 0, "open": [], "columns": []}
    status = parameters["status"].astype(str)
    seen = [name for name in STATUS_ORDER if (status == name).any()]
    seen += sorted(set(status) - set(STATUS_ORDER))
    columns = [name for name in ("name", "value", "unit", "status", "source") if name in parameters]
    unchecked = parameters.loc[status != "verified", columns]
    return {
        "counts": [(name, int((status == name).sum()), 100.0 * float((status == name).mean())) for name in seen],
        "total": len(parameters),
        "open": [[number(value) for value in row] for row in unchecked.itertuples(index=False)],
        "columns": columns,
    }
