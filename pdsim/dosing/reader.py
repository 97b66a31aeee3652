"""Reads the keys of a table, collecting what is wrong in place of stopping at the first mistake."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from pdsim.errors import ConfigError, DoseError, UnitError, did_you_mean
from pdsim.units import days as to_days

_TABLES = {"dose": "[[dose]]", "rule": "[[rule]]"}


class Reader:
    """Collects mistakes while keys are read."""

    def __init__(self) -> None:
        self.mistakes: list[str] = []

    def unknown(self, data: Mapping[str, Any], known: tuple[str, ...], path: str) -> None:
        """Note the keys of a table that it does not accept."""
        for key, value in data.items():
            if key not in known:
                table = "table" if isinstance(value, (Mapping, list)) else "key"
                accepted = ", ".join(_TABLES.get(word, word) for word in known)
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

    def raise_if_any(self, where: str, what: str) -> None:
        """Raise one ConfigError that lists every mistake of a file."""
        if self.mistakes:
            count = len(self.mistakes)
            head = f"{where}: {count} mistake{'s' * (count > 1)} in {what}"
            raise ConfigError("\n".join([head, *("  " + text for text in self.mistakes)]))


def text(written: Any) -> str:
    """Return a text that is not empty; ValueError for anything else."""
    if not isinstance(written, str) or not written.strip():
        raise ValueError(f"{written!r} is not a text in quotes")
    return written


def span(written: Any) -> float:
    """Return a time in days; ValueError or UnitError if it is none."""
    if isinstance(written, bool) or not isinstance(written, (str, int, float)):
        raise ValueError(f'{written!r} is no time; write for example "1 h" or "28 d"')
    return to_days(written)


def length(written: Any) -> float:
    """Return a positive, finite time in days."""
    value = span(written)
    if not 0 < value < math.inf:
        raise ValueError(f"{written!r} is no length; write a positive number of days")
    return value


def count(written: Any) -> int:
    """Return a whole number."""
    if isinstance(written, bool) or not isinstance(written, int):
        raise ValueError(f"{written!r} is not a whole number")
    return written


def flag(written: Any) -> bool:
    """Return true or false."""
    if not isinstance(written, bool):
        raise ValueError(f"{written!r} is not true or false")
    return written
