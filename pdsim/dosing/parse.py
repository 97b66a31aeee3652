"""From the TOML keys of a regimen file to a Regimen, with all mistakes in one message."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from pdsim.dosing.amount import parse_amount
from pdsim.dosing.days import parse_cycles, parse_days
from pdsim.dosing.dose import Dose
from pdsim.dosing.regimen import Regimen
from pdsim.errors import ConfigError, DoseError, UnitError, did_you_mean
from pdsim.units import days as to_days

KEYS = ("cycle", "label", "source", "until", "dose")
DOSE_KEYS = (
    "drug",
    "amount",
    "days",
    "cycles",
    "route",
    "duration",
    "time",
    "per_day",
    "start",
    "stop",
    "cycle",
    "status",
    "source",
)
_FIELDS = {"time": "time_of_day"}


def regimen_from_dict(data: Mapping[str, Any], name: str, where: str) -> Regimen:
    """Build a regimen from the keys of its file.

    Parameters
    ----------
    data : mapping
        Keys ``cycle``, ``label``, ``source``, ``until`` and a list of ``dose`` tables.
    name : str
        Name of the regimen.
    where : str
        File, for messages.

    Returns
    -------
    Regimen

    Raises
    ------
    ConfigError
        Lists every mistake with its key path. Doses count from 1.
    """
    reader = _Reader()
    reader.unknown(data, KEYS, "")
    cycle = reader.read(data, "cycle", "cycle", _length) or 0.0
    if "cycle" not in data:
        reader.mistakes.append('cycle: missing; write the length of a cycle, for example cycle = "28 d"')
    texts = {key: reader.read(data, key, key, _text) or "" for key in ("label", "source")}
    until = reader.read(data, "until", "until", _until)
    tables = data.get("dose", [])
    if not isinstance(tables, list) or not tables or not all(isinstance(table, Mapping) for table in tables):
        reader.mistakes.append("dose: give at least one [[dose]] table")
        tables = []
    doses = [reader.dose(table, number, cycle) for number, table in enumerate(tables, 1)]
    if reader.mistakes:
        count = len(reader.mistakes)
        head = f"{where}: {count} mistake{'s' * (count > 1)} in regimen '{name}'"
        raise ConfigError("\n".join([head, *("  " + text for text in reader.mistakes)]))
    return Regimen(name, cycle, tuple(dose for dose in doses if dose), texts["source"], until, texts["label"])


class _Reader:
    """Collects mistakes while keys are read."""

    def __init__(self) -> None:
        self.mistakes: list[str] = []

    def unknown(self, data: Mapping[str, Any], known: tuple[str, ...], path: str) -> None:
        for key, value in data.items():
            if key not in known:
                table = "table" if isinstance(value, (Mapping, list)) else "key"
                accepted = ", ".join("[[dose]]" if word == "dose" else word for word in known)
                self.mistakes.append(f"{path}{key}: unknown {table}.{did_you_mean(key, known)} Accepted: {accepted}")

    def read(self, data: Mapping[str, Any], key: str, path: str, convert: Callable[[Any], Any]) -> Any:
        """Convert the value of a key; None if it is absent or wrong."""
        if key not in data:
            return None
        try:
            return convert(data[key])
        except (ValueError, DoseError, UnitError) as wrong:
            self.mistakes.append(f"{path}: {wrong}")
            return None

    def dose(self, table: Mapping[str, Any], number: int, cycle: float) -> Dose | None:
        path = f"dose[{number}] ({table['drug']})." if isinstance(table.get("drug"), str) else f"dose[{number}]."
        before = len(self.mistakes)
        self.unknown(table, DOSE_KEYS, path)
        for key, example in (("drug", '"lenalidomide"'), ("amount", '"25 mg"'), ("days", '"1-21"')):
            if key not in table:
                self.mistakes.append(f"{path}{key}: missing; write for example {key} = {example}")
        fields = self._fields(table, path, cycle)
        wrong = {text.removeprefix(path).partition(":")[0] for text in self.mistakes[before:]}
        dose = Dose(**{"drug": "?", "amount": 1.0, **fields})
        found = [(key, text) for key, text in dose.mistakes(cycle or math.inf) if key not in wrong]
        self.mistakes += [f"{path}{key}: {text}" for key, text in found]
        return dose if len(self.mistakes) == before else None

    def _fields(self, table: Mapping[str, Any], path: str, cycle: float) -> dict[str, Any]:
        own = self.read(table, "cycle", f"{path}cycle", _length)
        convert: dict[str, Callable[[Any], Any]] = {
            "drug": _text,
            "days": lambda written: parse_days(written, own or cycle),
            "cycles": parse_cycles,
            "route": _text,
            "duration": _span,
            "time": _span,
            "per_day": _count,
            "start": _span,
            "stop": _span,
            "status": _text,
            "source": _text,
        }
        fields = {}
        for key, function in convert.items():
            value = self.read(table, key, f"{path}{key}", function)
            if value is not None:
                fields[_FIELDS.get(key, key)] = value
        if own:
            fields["cycle"] = own
        amount = self.read(table, "amount", f"{path}amount", parse_amount)
        if amount:
            fields["amount"], fields["unit"], fields["per"] = amount
        return fields


def _text(written: Any) -> str:
    if not isinstance(written, str) or not written.strip():
        raise ValueError(f"{written!r} is not a text in quotes")
    return written


def _span(written: Any) -> float:
    if isinstance(written, bool) or not isinstance(written, (str, int, float)):
        raise ValueError(f'{written!r} is no time; write for example "1 h" or "28 d"')
    return to_days(written)


def _length(written: Any) -> float:
    value = _span(written)
    if not 0 < value < math.inf:
        raise ValueError(f"{written!r} is no length; write a positive number of days")
    return value


def _count(written: Any) -> int:
    if isinstance(written, bool) or not isinstance(written, int):
        raise ValueError(f"{written!r} is not a whole number")
    return written


def _until(written: Any) -> str:
    if written != "progression":
        raise ValueError(f'{written!r} is not known; write until = "progression" or leave it out')
    return written
