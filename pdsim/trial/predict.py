"""From simulated arms to a predicted figure with the interval in which a trial of that size would fall."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from pdsim import draws
from pdsim.endpoints import DAYS_PER_MONTH
from pdsim.schema import RESPONSE
from pdsim.trial.bank import reads_entry_only
from pdsim.trial.columns import columns, in_unit
from pdsim.trial.load import DEPTHS
from pdsim.trial.scales import UNSTATED_N, from_scale, to_scale
from pdsim.trial.survival import hazard_ratio, medians, rates_at
from pdsim.units import days

if TYPE_CHECKING:
    from pdsim.trial.engine import ArmResult
    from pdsim.trial.load import Trial
    from pdsim.trial.options import Options
    from pdsim.trial.schema import OutcomeTable

LEVEL = 0.90
FEWEST = 4  # patients without whom nothing is said


@dataclass(frozen=True)
class Figure:
    """A predicted figure.

    Attributes
    ----------
    value, low, high : float
        In the unit of the outcome; NaN where too few patients count.
    patients : int
        Simulated patients behind it.
    parameter_sd : float
        Spread by parameters on the working scale, NaN where they were not drawn.
    """

    value: float
    low: float
    high: float
    patients: int
    parameter_sd: float


def predict(trial: Trial, one: OutcomeTable, arms: Mapping[tuple[str, str], ArmResult], options: Options) -> Figure:
    """Predict the figure of one outcome.

    The interval holds 90 % of trials of the published size, patients drawn again with replacement, each with an error
    of the size that the draws of the parameters show. Arms of a trial hold different patients.
    """
    size = trial.n(one) or _arm_size(trial, one) or UNSTATED_N
    sides = [name for name in (one.arm, one.against) if name is not None]
    results = [arms[trial.name, name] for name in sides]
    main = _counted(trial, one, results)
    if min(values.shape[-1] for values in main) < FEWEST:
        return Figure(np.nan, np.nan, np.nan, 0, np.nan)
    value = _estimate(one, [values[:, None, :] for values in main])[0]
    sizes = _sizes(trial, one, size, sides)
    samples = _samples(one, main, sizes, options)
    spread = _parameter_sd(trial, one, results, size)
    scale = to_scale(samples, one.unit, size)
    scale = scale[np.isfinite(scale)]
    if np.isfinite(spread):
        scale = scale + spread * draws.normals(options.seed, np.arange(len(scale)), "trial.interval", 1)[:, 0]
    tail = (1 - LEVEL) / 2
    low, high = from_scale(np.quantile(scale, [tail, 1 - tail]), one.unit, size) if len(scale) else (np.nan, np.nan)
    return Figure(float(value), float(low), float(high), min(v.shape[-1] for v in main), spread)


def _arm_size(trial: Trial, one: OutcomeTable) -> int | None:
    return trial.table.arms[one.arm].n


def _sizes(trial: Trial, one: OutcomeTable, size: int, sides: list[str]) -> list[int]:
    """Patients of each side of a comparison: `size` in all, by allocation; of one arm, `size`."""
    if len(sides) == 1:
        return [size]
    printed = [trial.table.arms[name].n for name in sides]
    if one.n is None and all(printed):
        return [int(n) for n in printed if n]
    weights = [trial.table.arms[name].allocation or trial.table.arms[name].n or 1.0 for name in sides]
    return [max(FEWEST, round(size * weight / sum(weights))) for weight in weights]


def members_of(trial: Trial, one: OutcomeTable, result: ArmResult) -> np.ndarray:
    """Places of the patients that an outcome asks about, as far as that is known before its own endpoint."""
    if one.among is None:
        return result.members[()]
    if (one.among,) in result.members and reads_entry_only(trial, trial.conditions[one.among]):
        return result.members[(one.among,)]
    places = result.members[()]
    return places[_true(trial, one.among, result.table)[places]]


def _true(trial: Trial, text: str, table: xr.Dataset) -> np.ndarray:
    """Whether a condition over covariates and endpoints holds for each patient of a table."""
    values = {str(name): column.values for name, column in table.data_vars.items()}
    values |= {name: np.asarray(RESPONSE[name]) for name in DEPTHS}
    found = trial.conditions[text].evaluate(values, trial.levels)
    return np.broadcast_to(np.nan_to_num(found), table["status"].shape) > 0


def _counted(trial: Trial, one: OutcomeTable, results: list[ArmResult]) -> list[np.ndarray]:
    """Columns of the patients that count, (2, patient) a side; two sides hold the same patients in the same order."""
    sides = [columns(one, result.table)[:, members_of(trial, one, result)] for result in results]
    good = [~np.isnan(side).any(axis=0) for side in sides]
    if len(sides) == 2:
        good = [good[0] & good[1]] * 2
    return [side[:, keep] for side, keep in zip(sides, good, strict=True)]


def _estimate(one: OutcomeTable, sides: list[np.ndarray]) -> np.ndarray:
    """Figures of samples: each side (2, sample, patient) -> (sample,)."""
    first = sides[0]
    if one.against is not None:
        other = sides[1]
        treated = np.concatenate([np.ones(first.shape[-1]), np.zeros(other.shape[-1])])
        both = np.concatenate([first, other], axis=-1)
        return np.array([hazard_ratio(both[0, k], both[1, k], treated) for k in range(both.shape[1])])
    if _is_share(one):
        return 100.0 * first[0].mean(axis=-1)
    if one.at is not None:
        return 100.0 * rates_at(first[0], first[1], days(one.at) / DAYS_PER_MONTH)
    return in_unit(medians(first[0], first[1]), one)


def _samples(one: OutcomeTable, main: list[np.ndarray], sizes: list[int], options: Options) -> np.ndarray:
    """Figures of replicate trials, (replicate,)."""
    count = options.replicates
    if len(main) == 1 and _is_share(one):
        return 100.0 * _shares(main[0][0], sizes[0], one.endpoint, options)
    if len(main) == 1:
        places = _again(main[0].shape[-1], sizes[0], count, f"trial.replicate.{one.endpoint}", options.seed)
        return _estimate(one, [main[0][:, places]])
    pairs = [split_pair(main, sizes, options.seed, number) for number in range(count)]
    return np.array([_estimate(one, [side[:, None, :] for side in pair])[0] for pair in pairs])


def _again(bank: int, size: int, count: int, purpose: str, seed: int) -> np.ndarray:
    """Places of patients in replicate trials, (replicate, size): drawn from a bank that is itself drawn again.

    So a small bank adds its own error, as a large one hardly does.
    """
    numbers = np.arange(count)
    banks = (draws.uniforms(seed, numbers, f"{purpose}.bank", bank) * bank).astype(np.int64)
    picked = (draws.uniforms(seed, numbers, purpose, size) * bank).astype(np.int64)
    return np.take_along_axis(banks, picked, axis=1)


def _is_share(one: OutcomeTable) -> bool:
    return one.unit == "%" and (one.kind != "time" or one.endpoint == "car_t_persistence_rate")


def _shares(share: np.ndarray, size: int, purpose: str, options: Options) -> np.ndarray:
    """Shares in replicate trials: beta-binomial, so that no simulated patient with the outcome is not certainty."""
    from scipy.stats import betabinom

    count = float(share.sum())
    uniform = draws.uniforms(options.seed, np.arange(options.replicates), f"trial.replicate.{purpose}", 1)[:, 0]
    below = np.cumsum(betabinom(size, count + 0.5, share.size - count + 0.5).pmf(np.arange(size)))
    return np.searchsorted(below, uniform) / size


def split_pair(main: list[np.ndarray], sizes: list[int], seed: int, number: int) -> list[np.ndarray]:
    """Draw one replicate trial of two arms that hold different patients.

    Parameters
    ----------
    main : list of array, (column, patient)
        The same patients in both, in the same order, when the arms share a bank.
    sizes : list of int
        Patients of each arm.
    seed, number : int
        Of the study and of the replicate.

    Returns
    -------
    list of array, (column, size)
        Without replacement where the bank is large enough, else with replacement from two halves of it.
    """
    fewest = min(side.shape[-1] for side in main)
    uniform = draws.uniforms(seed, np.array([number]), "trial.pair", max(fewest, 1))[0]
    order = np.argsort(uniform, kind="stable")
    if fewest >= sum(sizes):
        places = [order[: sizes[0]], order[sizes[0] : sum(sizes)]]
    else:
        half = max(1, round(fewest * sizes[0] / sum(sizes)))
        pools = [order[:half], order[half:]]
        places = [
            pool[_again(len(pool), size, 1, f"trial.pair.{side}.{number}", seed)[0]]
            for side, (pool, size) in enumerate(zip(pools, sizes, strict=True))
        ]
    return [side[:, place] for side, place in zip(main, places, strict=True)]


def _parameter_sd(trial: Trial, one: OutcomeTable, results: list[ArmResult], size: int) -> float:
    """Root mean square effect of the draws of parameters on the figure, on the working scale.

    The same few patients are compared with themselves, so that what they are does not count as uncertainty. Patients
    of a subgroup are too few among them: they stand for the arm as a whole.
    """
    if any(result.drawn is None for result in results):
        return float("nan")
    again = [columns(one, result.drawn) for result in results if result.drawn is not None]
    lead = again[0].shape[-1]
    base = [columns(one, result.table.isel(patient=slice(0, lead))) for result in results]
    good = ~np.isnan(np.concatenate([*(side[:, None] for side in base), *again], axis=1)).any(axis=(0, 1))
    if good.sum() < FEWEST:
        return float("nan")
    few = int(good.sum())
    drawn = to_scale(_estimate(one, [side[..., good] for side in again]), one.unit, few)
    own = to_scale(_estimate(one, [side[:, None, :][..., good] for side in base]), one.unit, few)
    effect = (drawn - own)[np.isfinite(drawn - own)]
    return float(np.sqrt(np.mean(effect**2))) if len(effect) else float("nan")
