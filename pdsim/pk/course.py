"""Course of a drug in the reference patient over repeated doses: exact for linear kinetics, integrated for others."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from pdsim.pk.build import linear_system
from pdsim.pk.card import DrugCard, Reference
from pdsim.pk.closed_form import concentration, exposure
from pdsim.pk.individual import typical
from pdsim.pk.system import LinearSystem, StatesSystem

_SETTLED = 1e-5  # relative change of the area between doses at which the state counts as steady
_MOST = 400  # doses
_POINTS = 401  # of an interval


@dataclass(frozen=True, eq=False)
class Interval:
    """Exposure between two doses; arrays are (species,), of free and bound drug together.

    Parameters
    ----------
    auc : array
        nM day.
    peak, trough : array
        nM; the trough is just before the next dose.
    peak_time : array
        Days after the dose.
    """

    auc: np.ndarray
    peak: np.ndarray
    peak_time: np.ndarray
    trough: np.ndarray


@dataclass(frozen=True, eq=False)
class Usual:
    """Exposure at a card's reference dose, in the reference patient.

    Parameters
    ----------
    first, steady : Interval
        After the first dose, and when nothing changes any more.
    doses : int
        Doses given until then.
    half_life : float
        Days, of the slowest mode; for a card of kind "states" that of its linear part, long after the first dose.
    """

    first: Interval
    steady: Interval
    doses: int
    half_life: float


def half_life(card: DrugCard) -> float:
    """Half-life in days of the slowest mode in the reference patient; see `Usual`."""
    return _slowest(card, len(card.compartments))


def parent_half_life(card: DrugCard) -> float:
    """Half-life in days of the drug itself: its slowest mode without those of metabolites; see `Usual`."""
    own = len(card.compartments) - len(card.metabolites)
    return _slowest(card, own)


def usual_exposure(card: DrugCard) -> Usual:
    """Compute the exposure at a card's reference dose, which it must have."""
    assert card.reference is not None
    system = card.typical_system()
    slowest = half_life(card)
    if isinstance(system, LinearSystem):
        return _linear(system, card.reference, slowest)
    assert isinstance(system, StatesSystem)
    return _integrated(system, card.reference, slowest)


def published(card: DrugCard) -> dict[str, tuple[float, float]]:
    """Compare a card's own exposure with what it cites: (computed, cited) by key, in the unit of the cited value.

    Areas are those of the parent between two doses at steady state under the reference dose, half-lives those of its
    slowest mode; see `parent_half_life`.
    """
    found = {}
    for key, value in card.checks.items():
        if key == "half_life":
            computed = parent_half_life(card)
        else:
            area = float(usual_exposure(card).steady.auc[0])
            computed = area * card.molar_mass * 1e-6 if value.unit.startswith("mg") else area
        found[key] = (computed, float(value.typical({})))
    return found


def _slowest(card: DrugCard, size: int) -> float:
    """Half-life of the slowest mode of the first `size` compartments, which do not hear from the others."""
    individual = typical(card, {})
    later = {"clearance": "clearance_later"} if "clearance_later" in card.values else {}
    matrix = linear_system(card, lambda key: individual(later.get(key, key))).matrix[0, :size, :size]
    return math.log(2) / -float(np.max(np.linalg.eigvals(matrix).real))


def course(card: DrugCard, times: np.ndarray, doses: int) -> np.ndarray:
    """Total concentrations in nM, (species, time), at ascending times in days under the first doses of the reference.

    A value at the time of a dose into the blood is that after it.
    """
    assert card.reference is not None
    system = card.typical_system()
    if isinstance(system, LinearSystem):
        return concentration(system, [_line(system, card.reference, doses)], {}, times, total=True)[:, 0]
    assert isinstance(system, StatesSystem)
    every = card.reference.every
    one = _Integration(system, card.reference)
    parts = []
    for dose in range(doses):
        stop = np.inf if dose == doses - 1 else (dose + 1) * every
        inside = times[(times >= dose * every) & (times < stop)] - dose * every
        last = every if dose < doses - 1 else max([every, *inside])
        parts.append(one.dose(np.append(inside, last))[0][:, :-1])
    return np.concatenate(parts, axis=1)


def _line(system: LinearSystem | StatesSystem, reference: Reference, doses: int) -> SimpleNamespace:
    return SimpleNamespace(
        drug=system.drug, amount=reference.amount, unit="mg", per="flat", route=reference.route,
        duration=reference.duration, times=np.arange(doses) * reference.every,
    )  # fmt: skip


def _grid(system: LinearSystem | StatesSystem, reference: Reference) -> np.ndarray:
    """Times of one interval: even ones, and many after the start and the end of the dose, where a curve is sharp."""
    start = float(system.lag[reference.route][0])
    every = reference.every
    end = start + reference.duration
    early = np.geomspace(1e-5, 1.0, 150) * every
    times = np.concatenate([np.linspace(0.0, every, _POINTS), start + early, end + early, [start, end]])
    return np.unique(times[times <= every])


def _linear(system: LinearSystem, reference: Reference, slowest: float) -> Usual:
    times = _grid(system, reference)
    doses = min(_MOST, 1 + math.ceil(20 * slowest / reference.every))
    once, often = (
        concentration(system, [_line(system, reference, count)], {}, times + (count - 1) * reference.every, total=True)[
            :, 0
        ]
        for count in (1, doses)
    )
    first = _interval(times, once, np.trapezoid(once, times))
    # at steady state the area between doses is that of one dose to infinity
    steady = _interval(times, often, exposure(system, reference.route, reference.amount).auc[:, 0])
    return Usual(first, steady, doses, slowest)


def _interval(times: np.ndarray, curve: np.ndarray, area: np.ndarray) -> Interval:
    top = curve.argmax(axis=1)
    rows = np.arange(len(curve))
    return Interval(area, curve[rows, top], times[top], curve[:, -1])


def _integrated(system: StatesSystem, reference: Reference, slowest: float) -> Usual:
    one = _Integration(system, reference)
    times = _grid(system, reference)
    first = _interval(times, *one.dose(times))
    before, doses, settled = first.auc, 1, False
    while not settled and doses < _MOST - 1:
        area = one.dose(times[-1:])[1]
        settled = bool(np.all(np.abs(area - before) <= _SETTLED * area))
        before, doses = area, doses + 1
    return Usual(first, _interval(times, *one.dose(times)), doses, slowest)


def _hill(x: float, half: float, steepness: float) -> float:
    part = max(x, 0.0) ** steepness
    return part / (half**steepness + part)


EFFECTS = SimpleNamespace(exp=np.exp, log=np.log, hill=_hill)


class _Integration:
    """A drug of kind "states" in the reference patient, dose after dose, with the areas under its curves."""

    def __init__(self, system: StatesSystem, reference: Reference) -> None:
        self.kinetics, self.reference = system.kinetics, reference
        self.names = list(system.kinetics.states)
        self.p = {key: float(value[0]) for key, value in system.values.items()}
        route = system.route_of(reference.route)
        self.target = self.names.index(system.entry[route])
        self.lag = float(system.lag[route][0])
        self.amount = reference.amount * system.nmol_per_mg * float(system.bioavailability[route][0])
        entries = [state.default for state in system.kinetics.states.values()]
        self.state = np.array([*entries, *(0.0 for _ in system.species)])

    def dose(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Give a dose and go on to the last of `times`, ascending from the dose; curves (species, time) and areas."""
        self.state[len(self.names) :] = 0.0
        out = np.empty((len(times), len(self.state)))
        span, end = self.reference.duration, self.lag + self.reference.duration
        self._carry(times, out, 0.0, self.lag, 0.0)
        if span > 0:
            self._carry(times, out, self.lag, end, self.amount / span)
        else:
            self.state[self.target] += self.amount
        self._carry(times, out, end, float(times[-1]), 0.0)
        named = dict(zip(self.names, out.T, strict=False))
        levels = self.kinetics.concentrations(named, self.p, total=True)
        return np.array([levels[name] for name in self.kinetics.species]), self.state[len(self.names) :].copy()

    def _carry(self, times: np.ndarray, out: np.ndarray, begin: float, end: float, inflow: float) -> None:
        """Integrate from `begin` to `end` under a constant inflow, and write the times between."""
        from scipy.integrate import solve_ivp

        inside = np.flatnonzero((times >= begin) & (times <= end))
        if end > begin:
            at, place = np.unique(np.append(times[inside], end), return_inverse=True)
            tolerances = {"rtol": 1e-8, "atol": 1e-10 * self.kinetics.scale}
            found = solve_ivp(self._slope, (begin, end), self.state, "LSODA", at, args=(inflow,), **tolerances)
            out[inside] = found.y[:, place[:-1]].T
            self.state = found.y[:, -1].copy()
        else:
            out[inside] = self.state

    def _slope(self, _: float, y: np.ndarray, inflow: float) -> np.ndarray:
        s = dict(zip(self.names, y, strict=False))
        rates = self.kinetics.rates(s, self.p, EFFECTS)
        levels = self.kinetics.concentrations(s, self.p, total=True)
        slopes = [rates[name] for name in self.names]
        slopes[self.target] = slopes[self.target] + inflow
        return np.array([*slopes, *(levels[name] for name in self.kinetics.species)])
