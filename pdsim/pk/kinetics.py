"""Equations of a drug whose amounts are states of the model: saturable clearance, clearance that falls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

Values = Mapping[str, Any]

_NOT_IN_RATES = ("molar_mass", "lag", "bioavailability", "depot_lag", "depot_bioavailability")


@cache
def _own_hash() -> str:
    return blake2b(Path(__file__).read_bytes(), digest_size=8).hexdigest()


class DrugState(NamedTuple):
    """Entry value, unit, sentence, whether doses enter, and magnitude for the absolute tolerance."""

    default: float
    unit: str
    sentence: str
    dosed: bool
    scale: float


@dataclass(frozen=True)
class Kinetics:
    """What a card of kind "states" adds to the model: plain data, and pure functions of states and values.

    With C the total concentration in the central volume::

        central'  = absorbed - clearance C - saturable_clearance capacity C / (saturation + C) - exchange
        capacity' = -capacity_decay capacity C / (saturation + C) + capacity_recovery (1 - capacity)
        exposed'  = C / (presence + C)

    ``exposed`` is the time under the drug. The clearance starts at `clearance` and ends at `clearance_later`:
    by ``exp(-clearance_change exposed)`` of their difference, or on a log scale by a sigmoid of `exposed` with
    `clearance_half_time` and `clearance_steepness`.

    Parameters
    ----------
    drug : str
        Name of the card.
    values : tuple of (key, typical value, unit)
        Card values that the equations read.
    metabolites : tuple of (name, form)
        See `pdsim.pk.Metabolite`.
    compartments : tuple of str
        Amounts in nmol.
    species : tuple of str
        Parent, then metabolites.
    nmol_per_mg : float
        Amount of one mg of the drug.
    scale : float
        Amount in nmol that counts as large.
    equations : str
        Hash of this file, so that a compiled model knows the equations that it was made from.
    """

    drug: str
    values: tuple[tuple[str, float, str], ...]
    metabolites: tuple[tuple[str, str], ...]
    compartments: tuple[str, ...]
    species: tuple[str, ...]
    nmol_per_mg: float
    scale: float
    equations: str = field(default_factory=_own_hash)

    @property
    def typical(self) -> dict[str, float]:
        """Values of the reference patient by key."""
        return {key: value for key, value, _ in self.values}

    @property
    def states(self) -> dict[str, DrugState]:
        """States by their short names, such as ``central``."""
        entries = ("gut", "depot", "central")
        found = {
            name: DrugState(0.0, "nmol", f"{self.drug} in compartment {name}", name in entries, self.scale)
            for name in self.compartments
        }
        keys = self.typical
        if "capacity_decay" in keys:
            found["capacity"] = DrugState(1.0, "1", f"capacity of the saturable clearance of {self.drug}", False, 1.0)
        if "clearance_later" in keys:
            found["exposed"] = DrugState(0.0, "day", f"time under {self.drug}", False, 1.0)
        return found

    def rates(self, s: Values, p: Values, effects: Any) -> dict[str, Any]:
        """Derivatives of the states per day.

        Parameters
        ----------
        s, p : mapping
            States and card values by short name: numbers or symbols.
        effects : object with ``exp``, ``log`` and ``hill``
            Functions for that kind of value.
        """
        level = s["central"] / p["volume"]
        out = self._clearance(s, p, effects) * level
        rates: dict[str, Any] = {}
        if "saturation" in p:
            bound = level / (self._nmol(p, "saturation") + level)
            out = out + self._nmol(p, "saturable_clearance") * s.get("capacity", 1) * bound
            if "capacity" in s:
                recovery = p["capacity_recovery"] * (1 - s["capacity"]) if "capacity_recovery" in p else 0
                rates["capacity"] = recovery - p["capacity_decay"] * s["capacity"] * bound
        if "exposed" in s:
            rates["exposed"] = level / (self._nmol(p, "presence") + level)
        central = -out
        for name, key in (("gut", "absorption"), ("depot", "depot_absorption")):
            if name in s:
                rates[name] = -p[key] * s[name]
                central = central + p[key] * s[name]
        for name, volume, key in DISTRIBUTION:
            if name in s:
                flow = p[key] * (level - s[name] / p[volume])
                rates[name] = flow
                central = central - flow
        rates["central"] = central
        for name, form in self.metabolites:
            source = p[f"{name}.fraction"] * out if form == "fraction" else 0
            kept = s[name] - p[f"{name}.ratio"] * s["central"] if form == "ratio" else s[name]
            rates[name] = source - p[f"{name}.elimination"] * kept
        return rates

    def concentrations(self, s: Values, p: Values, total: bool = False) -> dict[str, Any]:
        """Free concentrations in nM by species, or total ones; arguments as for `rates`."""
        parent = self.species[0]
        found = {parent: s["central"] / p["volume"] * (1 if total else p["unbound"])}
        for name, form in self.metabolites:
            volume = p["volume"] if form == "ratio" else p[f"{name}.volume"]
            found[name] = s[name] / volume * (1 if total else p[f"{name}.unbound"])
        return found

    def _clearance(self, s: Values, p: Values, effects: Any) -> Any:
        first = p["clearance"]
        if "exposed" not in s:
            return first
        later = p["clearance_later"]
        if "clearance_change" in p:
            return later + (first - later) * effects.exp(-p["clearance_change"] * s["exposed"])
        gone = effects.hill(s["exposed"], p["clearance_half_time"], p["clearance_steepness"])
        return first * effects.exp(effects.log(later / first) * gone)

    def _nmol(self, p: Values, key: str) -> Any:
        """A value given by mass or by moles, in moles."""
        by_mass = next(unit for name, _, unit in self.values if name == key).startswith("mg")
        return p[key] * self.nmol_per_mg if by_mass else p[key]


DISTRIBUTION = (
    ("peripheral", "volume_2", "distribution_clearance"),
    ("deep", "volume_3", "distribution_clearance_3"),
)
"""Compartments that exchange with the central one: name, key of the volume, key of the exchange."""


def in_rates(key: str) -> bool:
    """Whether a key of a card is a value of the equations; the others tell how doses enter."""
    return key.rpartition(".")[2] not in _NOT_IN_RATES
