"""Tables of a TOML file that note every mistake instead of stopping at the first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pdsim.errors import UnitError, did_you_mean
from pdsim.schema import VARIABLES
from pdsim.units import check_unit, parse_quantity

STATUSES = ("verified", "recalled", "assumed")
_KNOWN_UNITS = frozenset(variable.unit for variable in VARIABLES.values())  # need no unit registry to be checked


class Table:
    """One table: its keys are read by type, and what is wrong goes to a shared list with the key path.

    Parameters
    ----------
    data : Any
        What the file holds; anything but a table is noted and read as an empty one.
    path : str
        Key path of the table, ``""`` for the file itself.
    mistakes : list of str
        Shared by all tables of a file.
    """

    def __init__(self, data: Any, path: str, mistakes: list[str]) -> None:
        self.path = path
        self.notes = mistakes
        self.data: Mapping[str, Any] = data if isinstance(data, Mapping) else {}
        if not isinstance(data, Mapping):
            self.notes.append(f"{path}: should be a table, not {shown(data)}")

    def wrong(self, key: str, what: str) -> None:
        """Note a mistake at a key of this table."""
        self.notes.append(f"{self.key(key)}: {what}")

    def key(self, key: str) -> str:
        """Return the path of a key of this table."""
        return ".".join(part for part in (self.path, key) if part)

    def unknown(self, known: Iterable[str], what: str) -> None:
        """Note every key that `what` does not accept."""
        known = list(known)
        for key in self.data:
            if key not in known:
                self.wrong(key, f"unknown key of {what}.{did_you_mean(key, known)} Accepted: {', '.join(known)}")

    def table(self, key: str) -> Table:
        """Return the table at a key, an empty one if there is none."""
        return Table(self.data.get(key, {}), self.key(key), self.notes)

    def text(self, key: str) -> str:
        """Read a text; ``""`` if there is none."""
        value = self.data.get(key, "")
        if isinstance(value, str):
            return value.strip()
        self.wrong(key, f"should be text in quotes, not {shown(value)}")
        return ""

    def number(self, key: str, unit: str = "") -> float | None:
        """Read a number; with a unit, also a quantity such as ``"25 g/L"``. None if absent or wrong."""
        return self._number(self.data[key], key, unit) if key in self.data else None

    def numbers(self, key: str, unit: str = "") -> tuple[float, ...] | None:
        """Read a list of numbers; None if absent or wrong."""
        if key not in self.data:
            return None
        value = self.data[key]
        if not isinstance(value, list) or not value:
            self.wrong(key, f"should be a list of numbers, not {shown(value)}")
            return None
        found = [self._number(entry, f"{key}[{place}]", unit) for place, entry in enumerate(value, 1)]
        return None if None in found else tuple(entry for entry in found if entry is not None)

    def words(self, key: str) -> tuple[str, ...] | None:
        """Read a list of names without blanks; None if absent or wrong."""
        if key not in self.data:
            return None
        value = self.data[key]
        if not isinstance(value, list) or not value:
            self.wrong(key, f"should be a list of names, not {shown(value)}")
            return None
        wrong = [entry for entry in value if not isinstance(entry, str) or len(entry.split()) != 1]
        if wrong:
            self.wrong(key, f"{shown(wrong[0])} is not a name without blanks, in quotes")
            return None
        return tuple(value)

    def unit(self, default: str = "1") -> str:
        """Read and check the key ``unit``."""
        unit = self.text("unit") or default
        if unit not in _KNOWN_UNITS:
            try:
                check_unit(unit)
            except UnitError as wrong:
                self.wrong("unit", str(wrong))
                return "1"
        return unit

    def labels(self) -> dict[str, str]:
        """Read ``long_name``, ``source`` and ``status``."""
        found = {key: self.text(key) for key in ("long_name", "source", "status")}
        status = found["status"]
        if status and status not in STATUSES:
            self.wrong("status", f"'{status}' is not one of {', '.join(STATUSES)}.{did_you_mean(status, STATUSES)}")
        return found

    def _number(self, value: Any, key: str, unit: str) -> float | None:
        if isinstance(value, bool) or not isinstance(value, int | float | str) or (isinstance(value, str) and not unit):
            self.wrong(key, f"should be a number, not {shown(value)}")
            return None
        try:
            return parse_quantity(value, unit) if unit else float(value)
        except UnitError as wrong:
            self.wrong(key, str(wrong))
            return None


def shown(value: Any) -> str:
    """Return a value as the file spells it, shortened."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a table"
    text = f"'{value}'" if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
