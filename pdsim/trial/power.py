"""Replicate trials drawn from a bank of simulated patients: hazard ratios and power."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pdsim.trial.columns import columns
from pdsim.trial.predict import split_pair
from pdsim.trial.schema import OutcomeTable
from pdsim.trial.survival import hazard_ratio, log_rank

if TYPE_CHECKING:
    from pdsim.trial.engine import ArmResult
    from pdsim.trial.load import Trial
    from pdsim.trial.options import Options


@dataclass(frozen=True)
class Power:
    """Replicates of a randomised trial; parameters as they are, so that sampling alone makes them differ.

    Attributes
    ----------
    ratios : array of float, (replicate,)
        Hazard ratios of the tested arm.
    statistics : array of float, (replicate,)
        Log-rank statistics, below zero where the tested arm fares better.
    sizes : tuple of int
        Patients of each arm of a replicate, who differ between the arms.
    bank : int
        Simulated patients that they are drawn from.
    power : float
        Share of replicates in which the tested arm is significantly better.
    title : str
    """

    ratios: np.ndarray
    statistics: np.ndarray
    sizes: tuple[int, int]
    bank: int
    power: float
    title: str


def power(trial: Trial, arms: Mapping[tuple[str, str], ArmResult], options: Options) -> Power:
    """Draw the replicate trials that the table ``[power]`` of a trial asks for."""
    from scipy.stats import norm

    asked = trial.table.power
    assert asked is not None
    names = (asked.test, asked.against)
    one = OutcomeTable(
        arm=asked.test, against=asked.against, endpoint=f"HR_{asked.endpoint}", unit="ratio", set="blind"
    )
    tables = [arms[trial.name, name].table.isel(patient=arms[trial.name, name].members[()]) for name in names]
    main = [columns(one, table) for table in tables]
    good = ~np.isnan(np.concatenate(main)).any(axis=0)
    main = [side[:, good] for side in main]
    sizes = [trial.table.arms[name].n or 50 for name in names]
    treated = np.repeat([1.0, 0.0], sizes)
    found = []
    for number in range(asked.replicates if options.bank is None else min(asked.replicates, 200)):
        time, event = np.concatenate(split_pair(main, sizes, options.seed, number), axis=1)
        found.append((hazard_ratio(time, event, treated), log_rank(time, event, treated)))
    ratios, statistics = np.array(found).T
    limit = norm.ppf(asked.alpha / asked.sides)
    title = f"{asked.endpoint}, {asked.test} against {asked.against}"
    share = float((statistics < limit).mean())
    return Power(ratios, statistics, (sizes[0], sizes[1]), int(good.sum()), share, title)
