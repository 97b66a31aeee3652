"""How large a simulation of trials is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """Sizes of a simulation.

    Attributes
    ----------
    size : int
        Patients of every arm, whatever the size of the published one.
    subgroup : int
        Patients of every subgroup that is known at entry; more are drawn where the arm has fewer.
    draws, draw_size : int
        Draws of uncertain parameters in pairs, and patients that are simulated again under each.
    replicates : int
        Trials of the published size that are drawn for every interval.
    bank : int or None
        Patients of an arm for replicate trials with their power; None as the trial says, 0 for `size`.
    years : float
        Longest follow-up, yr.
    seed : int
    threads : int or None
        By default all that the process may use.
    """

    size: int = 200
    subgroup: int = 100
    draws: int = 6
    draw_size: int = 16
    replicates: int = 500
    bank: int | None = None
    years: float = float("inf")
    seed: int = 1
    threads: int | None = None


def quick(seed: int = 1, threads: int | None = None) -> Options:
    """Return sizes for a look at everything within a minute: 16 patients an arm, two years, parameters as they are."""
    return Options(size=16, subgroup=8, draws=0, replicates=200, bank=0, years=2.0, seed=seed, threads=threads)
