"""From the table of one parameter or covariate to its distribution."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pdsim.cohort import distributions as laws
from pdsim.cohort.tables import Table, shown
from pdsim.errors import did_you_mean

COMMON = ("distribution", "unit", "long_name", "source", "status", "correlation")
_RANGE = ("low", "high")
_QUANTITIES = ("value", "mean", "sd", "typical", "low", "high")  # carry the unit; spreads and shares do not


@dataclass(frozen=True)
class Kind:
    """Keys that one distribution takes; of each tuple in `either`, exactly one."""

    build: Callable[..., laws.Distribution]
    required: tuple[str, ...]
    either: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    cut: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """Return all keys but the common ones."""
        return (*self.required, *self.either, *self.optional)


KINDS: Mapping[str, Kind] = {
    "fixed": Kind(laws.Fixed, ("value",)),
    "normal": Kind(laws.Normal, ("mean", "sd")),
    "truncated_normal": Kind(laws.Normal, ("mean", "sd"), optional=_RANGE, cut=True),
    "lognormal": Kind(laws.Lognormal, ("typical",), either=("cv", "log_sd")),
    "truncated_lognormal": Kind(laws.Lognormal, ("typical",), either=("cv", "log_sd"), optional=_RANGE, cut=True),
    "logit_normal": Kind(laws.LogitNormal, ("typical", "logit_sd"), optional=_RANGE),
    "uniform": Kind(laws.Uniform, ("low", "high")),
    "categorical": Kind(laws.Categorical, ("probability",), either=("levels", "values")),
}
DERIVED = "derived"


def kind_of(table: Table) -> str:
    """Return the checked name of a table's distribution, ``""`` with a note if there is none."""
    known = (*KINDS, DERIVED)
    name = table.data.get("distribution", DERIVED if "expression" in table.data else None)
    if name is None:
        table.wrong("distribution", f"missing; write one of {', '.join(known)}")
        return ""
    if name not in known:
        hint = did_you_mean(str(name), known) or f" Known are: {', '.join(known)}."
        table.wrong("distribution", f"{shown(name)} is not known.{hint}")
        return ""
    return str(name)


def read_distribution(table: Table, name: str, unit: str) -> laws.Distribution | None:
    """Build the distribution that a table states; None, with its mistakes noted, if it is wrong.

    Parameters
    ----------
    table : Table
    name : str
        A key of `KINDS`.
    unit : str
        Unit that quantities with a unit of their own are converted to.
    """
    kind = KINDS[name]
    before = len(table.notes)
    _check_keys(table, name, kind)
    fields: dict[str, Any] = {}
    for key in kind.keys:
        value = _read(table, key, unit)
        if value is not None:
            fields[key] = value
    if len(table.notes) > before:
        return None
    if name == "categorical":
        fields = {"numbers" if key == "values" else key: value for key, value in fields.items()}
    if "cv" in fields:
        cv = fields.pop("cv")
        if not 0 < cv < float("inf"):
            table.wrong("cv", f"should be more than 0, not {cv:g}")
            return None
        fields["log_sd"] = laws.log_sd_from_cv(cv)
    found = kind.build(**fields)
    for key, what in found.mistakes():
        table.wrong(key, what)
    return None if len(table.notes) > before else found


def _read(table: Table, key: str, unit: str) -> Any:
    if key in ("probability", "values"):
        return table.numbers(key, unit if key == "values" else "")
    if key == "levels":
        return table.words(key)
    return table.number(key, unit if key in _QUANTITIES else "")


def _check_keys(table: Table, name: str, kind: Kind) -> None:
    known = (*kind.keys, *COMMON)
    for key in table.data:
        if key in _RANGE and key not in known and f"truncated_{name}" in KINDS:
            table.wrong(key, f"a {name} is not cut; write distribution = 'truncated_{name}'")
        elif key not in known:
            hint = did_you_mean(key, known)
            table.wrong(key, f"unknown key of the distribution '{name}'.{hint} Accepted: {', '.join(known)}")
    for key in kind.required:
        if key not in table.data:
            table.wrong(key, f"missing; the distribution '{name}' needs it")
    given = [key for key in kind.either if key in table.data]
    if kind.either and len(given) != 1:
        table.wrong(kind.either[0], f"give either {' or '.join(kind.either)}, {'not both' if given else 'one of them'}")
    if kind.cut and not any(key in table.data for key in _RANGE):
        table.wrong("low", f"missing; the distribution '{name}' needs low, high or both")
