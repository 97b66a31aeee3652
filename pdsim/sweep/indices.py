"""Which factors an endpoint depends on: elementary effects, Sobol indices, partial rank correlation, delta."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from pdsim.sweep.design import need_salib

if TYPE_CHECKING:
    import xarray as xr

# variable -> sentence; each method's first one is drawn, with its bounds `_low` and `_high`
WORDS: dict[str, dict[str, str]] = {
    "morris": {
        "mu_star": "mean size of the change of the endpoint over the whole range of the factor",
        "mu": "mean change of the endpoint over the whole range of the factor",
        "sigma": "SD of that change: curvature and interaction",
    },
    "sobol": {
        "total": "share of the variance that involves the factor",
        "first": "share of the variance that is due to the factor alone",
    },
    "prcc": {"prcc": "partial rank correlation with the factor, others held"},
    "delta": {"delta": "shift of the endpoint's distribution when the factor is fixed (Borgonovo)"},
}
_GRID = 100  # points of a density
BOUNDED = ("mu_star", "total", "first", "prcc", "delta")


def indices(
    method: str,
    places: np.ndarray,
    values: np.ndarray,
    *,
    levels: int = 4,
    confidence: float = 0.95,
    resamples: int = 200,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Compute the sensitivity indices of one endpoint.

    Parameters
    ----------
    method : {"morris", "sobol", "prcc", "delta"}
        Elementary effects on a plan "morris", Sobol indices on a plan "saltelli"; partial rank correlation and
        Borgonovo's delta on any sample.
    places : array of float, (scenario, factor)
        The plan in the unit cube.
    values : array of float, (scenario,)
        The endpoint.
    levels : int
        Levels of the Morris plan.
    confidence : float
        Of the bounds.
    resamples : int
        Bootstrap samples; PRCC takes Fisher's transform instead.
    seed : int
        Of the bootstrap.

    Returns
    -------
    dict of str to array, (factor,)
        See `WORDS`; bounds end in ``_low`` and ``_high``. NaN where values are missing; a constant endpoint has 0.

    Raises
    ------
    PdsimError
        SALib is not installed, which "morris" and "sobol" need.

    References
    ----------
    Morris 1991 Technometrics 33:161; Saltelli 2010 Comput Phys Commun 181:259; Marino 2008 J Theor Biol 254:178;
    Borgonovo 2007 Reliab Eng Syst Saf 92:771; Plischke 2013 Eur J Oper Res 226:536.
    """
    count = places.shape[1]
    names = [*WORDS[method], *(f"{name}_{end}" for name in WORDS[method] if name in BOUNDED for end in ("low", "high"))]
    known = np.isfinite(values)
    paired = method in ("morris", "sobol")
    if not known.all() and (paired or known.sum() < count + 4):
        return {name: np.full(count, np.nan) for name in names}
    places, values = places[known], values[known].astype(float)
    if np.ptp(values) == 0.0:
        return {name: np.zeros(count) for name in names}
    if method == "prcc":
        return _prcc(places, values, confidence)
    if method == "delta":
        return _delta(places, values, confidence, resamples, seed)
    problem = {"num_vars": count, "names": [f"x{place}" for place in range(count)], "bounds": [[0.0, 1.0]] * count}
    found = _by_salib(method, problem, places, values, levels, confidence, resamples, seed)
    return {name: found[name] for name in names}


def _by_salib(
    method: str,
    problem: dict[str, Any],
    places: np.ndarray,
    values: np.ndarray,
    levels: int,
    confidence: float,
    resamples: int,
    seed: int,
) -> dict[str, np.ndarray]:
    analyze = need_salib().analyze
    common = {"num_resamples": resamples, "conf_level": confidence, "seed": seed}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own use of numpy and pandas
        if method == "morris":
            raw = analyze.morris.analyze(problem, places, values, num_levels=levels, **common)
            found = _bounded("mu_star", raw["mu_star"], raw["mu_star_conf"])
            found["mu_star_low"] = np.maximum(found["mu_star_low"], 0.0)
            return found | {"mu": np.asarray(raw["mu"]), "sigma": np.asarray(raw["sigma"])}
        raw = analyze.sobol.analyze(problem, values, calc_second_order=False, **common)
        return _bounded("total", raw["ST"], raw["ST_conf"]) | _bounded("first", raw["S1"], raw["S1_conf"])


def _bounded(name: str, value: Any, half: Any) -> dict[str, np.ndarray]:
    value, half = np.asarray(value, dtype=float), np.asarray(half, dtype=float)
    return {name: value, f"{name}_low": value - half, f"{name}_high": value + half}


def _prcc(places: np.ndarray, values: np.ndarray, confidence: float) -> dict[str, np.ndarray]:
    """Correlation of what is left of the ranks of factor and endpoint after regression on the others' ranks."""
    from scipy.stats import norm, rankdata

    ranks = rankdata(places, axis=0)
    goal = rankdata(values)
    count, size = places.shape[1], len(values)
    found = np.empty(count)
    for place in range(count):
        others = np.column_stack([np.ones(size), np.delete(ranks, place, axis=1)])
        left = [y - others @ np.linalg.lstsq(others, y, rcond=None)[0] for y in (ranks[:, place], goal)]
        spread = np.sqrt((left[0] ** 2).sum() * (left[1] ** 2).sum())
        found[place] = left[0] @ left[1] / spread if spread > 0 else 0.0
    middle = np.arctanh(np.clip(found, -1 + 1e-15, 1 - 1e-15))
    half = norm.ppf(0.5 + confidence / 2) / np.sqrt(max(size - 3 - (count - 1), 1))
    return {"prcc": found, "prcc_low": np.tanh(middle - half), "prcc_high": np.tanh(middle + half)}


def _delta(
    places: np.ndarray, values: np.ndarray, confidence: float, resamples: int, seed: int
) -> dict[str, np.ndarray]:
    """Half the distance of the endpoint's density from that in classes of the factor, less the bias of the estimate.

    Densities are Gaussian kernel estimates with one bandwidth (Silverman), so that a resample is a sum of columns.
    """
    from scipy.stats import norm

    size = len(values)
    grid = np.linspace(values.min(), values.max(), _GRID)
    width = 0.9 * min(values.std(), np.subtract(*np.quantile(values, [0.75, 0.25])) / 1.34 or values.std()) * size**-0.2
    kernels = np.exp(-0.5 * ((grid[:, None] - values) / width) ** 2) / (width * np.sqrt(2 * np.pi))
    classes = max(2, round(size**0.28))
    step = grid[1] - grid[0]
    rng = np.random.default_rng(seed)
    draws = [np.arange(size), *(rng.integers(size, size=size) for _ in range(resamples))]

    def distance(place: np.ndarray, drawn: np.ndarray) -> float:
        order = drawn[np.argsort(place[drawn], kind="stable")]
        whole = kernels[:, order].mean(axis=1)
        parts = [
            (len(part) / size) * np.abs(kernels[:, part].mean(axis=1) - whole)
            for part in np.array_split(order, classes)
        ]
        return 0.5 * float(np.sum(parts)) * step

    found = np.array([[distance(column, drawn) for drawn in draws] for column in places.T])
    value = np.maximum(2 * found[:, 0] - found[:, 1:].mean(axis=1), 0.0)
    bounds = _bounded("delta", value, norm.ppf(0.5 + confidence / 2) * found[:, 1:].std(axis=1))
    return bounds | {"delta_low": np.maximum(bounds["delta_low"], 0.0)}


def sensitivity_dataset(
    summary: xr.Dataset,
    places: np.ndarray,
    factors: list[str],
    methods: tuple[str, ...],
    endpoints: tuple[str, ...],
    **options: Any,
) -> xr.Dataset:
    """Compute the indices of several endpoints in every arm.

    Parameters
    ----------
    summary : Dataset
        Endpoints, (scenario, arm).
    places : array of float, (scenario, factor)
    factors, methods, endpoints
        Names; methods are those of `indices`.
    options
        As for `indices`.

    Returns
    -------
    Dataset
        Variables ``mu_star`` and so on, (endpoint, arm, factor).
    """
    import xarray as xr

    arms = [str(name) for name in summary["arm"].values]
    data: dict[str, Any] = {}
    for method in methods:
        rows = [
            [indices(method, places, summary[name].sel(arm=arm).values, **options) for arm in arms]
            for name in endpoints
        ]
        for name in rows[0][0]:
            values = np.array([[cell[name] for cell in row] for row in rows])
            data[name] = (("endpoint", "arm", "factor"), values, _attributes(method, name))
    words = np.dtypes.StringDType()
    coords = {"endpoint": np.array(endpoints, dtype=words), "factor": np.array(factors, dtype=words)}
    return xr.Dataset(data, {**coords, "arm": summary["arm"].values}, {"methods": " ".join(methods)})


def _attributes(method: str, name: str) -> dict[str, str]:
    base, _, end = name.rpartition("_")
    if end in ("low", "high") and base in WORDS[method]:
        return {"long_name": f"{'lower' if end == 'low' else 'upper'} bound of {base}"}
    return {"long_name": WORDS[method][name], "method": method}
