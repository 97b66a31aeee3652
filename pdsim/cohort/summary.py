"""A cohort at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

COLUMNS = ("median", "q05", "q95", "units", "long_name")


def summary(cohort: xr.Dataset) -> pd.DataFrame:
    """Tabulate median and 5 to 95 % range of every variable.

    Parameters
    ----------
    cohort : Dataset
        Dims (patient[, clone]); every patient counts the same.

    Returns
    -------
    DataFrame
        One row a variable, named as in the Dataset: a variable of the clones has one row a clone, such as
        ``cereblon[sensitive]``, a category one row a level, such as ``sex[female]``, whose median is the share of
        patients with it (no range).
    """
    import pandas as pd

    rows: dict[str, tuple[float, float, float, str, str]] = {}
    for name, variable in cohort.data_vars.items():
        labels = (str(variable.attrs.get("units", "")), str(variable.attrs.get("long_name", "")))
        if "flag_meanings" in variable.attrs:
            codes = np.ravel(variable.attrs["flag_values"])
            for code, level in zip(codes, variable.attrs["flag_meanings"].split(), strict=True):
                share = float((variable.values == code).mean())
                rows[f"{name}[{level}]"] = (share, np.nan, np.nan, *labels)
        elif "clone" in variable.dims:
            for clone in cohort["clone"].values:
                rows[f"{name}[{clone}]"] = (*_range(variable.sel(clone=clone).values), *labels)
        else:
            rows[str(name)] = (*_range(variable.values), *labels)
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(COLUMNS))


def _range(values: np.ndarray) -> tuple[float, float, float]:
    median, low, high = np.nanquantile(values, (0.5, 0.05, 0.95))
    return float(median), float(low), float(high)
