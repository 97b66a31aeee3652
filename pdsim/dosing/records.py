"""Columns of an event table as numbers, and what is wrong in which row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from pdsim.errors import DoseError

STANDARD = ("id", "time", "evid", "amt", "cmt", "rate", "ii", "addl", "ss", "mdv")
EVIDS = "0 observes, 1 doses, 2 is another event, 3 resets, 4 resets and doses"
_LISTED = 6  # rows named in one line of a message


class Mistakes:
    """What is wrong with a table; every text with its rows, the first row below the header being row 1."""

    def __init__(self) -> None:
        self.found: dict[str, list[int]] = {}

    def add(self, text: str, rows: Iterable[int] = ()) -> None:
        """Note a mistake in some rows (counted from 0), or in the table as a whole."""
        self.found.setdefault(text, []).extend(int(row) + 1 for row in rows)

    def where(self, mask: np.ndarray, text: str) -> None:
        """Note a mistake in the rows that a mask (row,) marks, if any."""
        if mask.any():
            self.add(text, np.flatnonzero(mask))

    def values(self, mask: np.ndarray, values: np.ndarray, text: str) -> None:
        """Note a mistake for every value among the marked rows; ``{}`` in the text is the value."""
        for value in np.unique(values[mask]):
            shown = int(value) if float(value).is_integer() else value
            self.where(mask & (values == value), text.format(shown))

    def take(self, others: Mistakes, order: np.ndarray | None) -> None:
        """Note the mistakes of a table whose rows stand at `order` (row,) in this one, None if it is the same."""
        for text, rows in others.found.items():
            own = np.array(rows, dtype=np.int64) - 1
            self.add(text, own if order is None else order[own])

    def check(self) -> None:
        """Raise a `DoseError` with every mistake found."""
        if self.found:
            raise DoseError("\n".join(["the event table cannot be given:", *self.lines()]))

    def lines(self) -> list[str]:
        """List the mistakes in the order of their first row."""
        ordered = sorted(self.found.items(), key=lambda item: min(item[1], default=0))
        return [f"  {_rows(rows)}{text}" for text, rows in ordered]


def _rows(rows: list[int]) -> str:
    if not rows:
        return ""
    rows = sorted(set(rows))
    more = f" and {len(rows) - _LISTED} more" if len(rows) > _LISTED else ""
    return f"row{'s' if len(rows) > 1 else ''} {', '.join(map(str, rows[:_LISTED]))}{more}: "


def numbers(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Read a column as numbers.

    Returns
    -------
    array of float, (row,)
        NaN where the entry is missing: ``.``, empty, None.
    array of bool, (row,)
        Entries that are text, not numbers.
    """
    if values.dtype.kind in "iufb":
        return values.astype(float), np.zeros(len(values), dtype=bool)
    found = np.full(len(values), np.nan)
    text = np.zeros(len(values), dtype=bool)
    for row, value in enumerate(values.tolist()):
        written = value.strip() if isinstance(value, str) else value
        if written is None or written in ("", "."):
            continue
        try:
            found[row] = float(written)
        except ValueError:
            text[row] = True
        except TypeError:  # a missing value of pandas
            continue
    return found, text


def compartments(values: np.ndarray) -> np.ndarray:
    """Read CMT: whole numbers, names, and None where missing."""
    as_numbers, text = numbers(values)
    out = np.full(len(values), None, dtype=object)
    for row, number in enumerate(as_numbers.tolist()):
        if text[row]:
            out[row] = str(values[row]).strip()
        elif number == number and number != 0:
            out[row] = int(number) if number.is_integer() else number
    return out


def identifiers(values: np.ndarray, mistakes: Mistakes) -> np.ndarray:
    """Read ID: whole numbers where all are, else as written."""
    as_numbers, text = numbers(values)
    mistakes.where(np.isnan(as_numbers) & ~text, "ID is missing")
    if text.any():
        return np.array([str(value).strip() for value in values], dtype=object)
    whole = np.isfinite(as_numbers) & (as_numbers == np.floor(as_numbers))
    return as_numbers.astype(np.int64) if whole.all() else as_numbers


def standard_columns(given: Mapping[str, np.ndarray], rows: int, mistakes: Mistakes) -> dict[str, Any]:
    """Read the columns of NONMEM from a mapping of lower-case names to raw values, and note what is wrong."""
    columns: dict[str, Any] = {}
    for name in ("time", "evid", "amt", "rate", "ii", "addl", "ss", "mdv"):
        raw = given.get(name)
        if raw is None:
            columns[name] = np.zeros(rows)
            continue
        values, text = numbers(raw)
        for row in np.flatnonzero(text).tolist():
            mistakes.add(f"{name.upper()} '{raw[row]}' is no number", [row])
        mistakes.where(np.isinf(values), f"{name.upper()} is infinite")
        if name == "time":
            mistakes.where(np.isnan(values) & ~text, "TIME is missing")
            columns["timed"] = np.isfinite(values)
        if name == "amt":
            columns["amt_missing"] = np.isnan(values) & ~text
        columns[name] = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    if "evid" not in given:
        constant = (columns["rate"] > 0) & (columns["ss"] > 0)
        columns["evid"] = ((columns["amt"] > 0) | constant).astype(float)
    columns["cmt"] = compartments(given["cmt"]) if "cmt" in given else np.full(rows, None, dtype=object)
    columns["id"] = identifiers(given["id"], mistakes) if "id" in given else np.ones(rows, dtype=np.int64)
    _check_values(columns, "evid" in given, mistakes)
    _check_doses(columns, mistakes)
    _check_order(columns, mistakes)
    for name in ("evid", "addl", "ss", "mdv"):
        columns[name] = columns[name].astype(np.int64)
    return {name: columns[name] for name in STANDARD}


def _check_values(columns: dict[str, Any], evid_given: bool, mistakes: Mistakes) -> None:
    evid, ss, addl, rate, mdv = (columns[name] for name in ("evid", "ss", "addl", "rate", "mdv"))
    known = np.isin(evid, range(5))
    mistakes.values(~known, evid, f"EVID {{}} is unknown; {EVIDS}")
    mistakes.values(~np.isin(ss, range(3)), ss, "SS {} is unknown; 0, 1 (steady state) or 2 (added to what is there)")
    mistakes.values(~np.isin(mdv, range(2)), mdv, "MDV {} is unknown; 0 or 1")
    mistakes.values(columns["ii"] < 0, columns["ii"], "II {} is negative")
    mistakes.values((addl < 0) | (addl != np.floor(addl)), addl, "ADDL {} is no number of further doses")
    mistakes.values(columns["amt"] < 0, columns["amt"], "AMT {} is negative")
    mistakes.values(
        (rate < 0) & ~np.isin(rate, (-1, -2)),
        rate,
        "RATE {} is unknown; above 0, -1 (modelled rate) or -2 (modelled duration)",
    )
    if evid_given:
        idle = known & ~np.isin(evid, (1, 4)) & (columns["amt"] > 0)
        mistakes.where(idle, "AMT is not given with this EVID; set EVID = 1 to dose, or AMT = 0")


def _check_doses(columns: dict[str, Any], mistakes: Mistakes) -> None:
    amt, rate, ss, ii, addl = (columns[name] for name in ("amt", "rate", "ss", "ii", "addl"))
    dose = np.isin(columns["evid"], (1, 4))
    mistakes.where(dose & columns.get("amt_missing", False), "AMT is missing in a dose")
    constant = dose & (amt == 0) & (rate != 0) & (ss > 0)
    mistakes.where(constant & (rate == -2), "a constant infusion (AMT = 0) needs its rate, not RATE = -2")
    mistakes.where(constant & ((ii != 0) | (addl != 0)), "a constant infusion (AMT = 0, SS) takes neither II nor ADDL")
    mistakes.where(dose & (amt == 0) & (rate == 0) & (ss > 0), "SS with neither AMT nor RATE")
    endless = dose & (amt == 0) & (rate > 0) & (ss == 0)
    mistakes.where(endless, "RATE without AMT never ends; give AMT, or SS = 1 for a constant infusion up to here")
    mistakes.where(dose & (addl > 0) & (ii == 0), "ADDL without II, the time from dose to dose")
    mistakes.where(dose & (ss > 0) & (ii == 0) & (amt > 0), "SS without II, the time from dose to dose")
    negative = np.array([isinstance(cmt, (int, float)) and cmt < 0 for cmt in columns["cmt"]], dtype=bool)
    mistakes.where(negative, "CMT is negative; turning a compartment off is not supported, reset with EVID = 3")


def _check_order(columns: dict[str, Any], mistakes: Mistakes) -> None:
    late: dict[Any, float] = {}
    ids, times, evid = columns["id"].tolist(), columns["time"].tolist(), columns["evid"]
    backwards = np.zeros(len(times), dtype=bool)
    for row in np.flatnonzero(columns["timed"]).tolist():
        backwards[row] = times[row] < late.get(ids[row], -np.inf) and evid[row] not in (3, 4)
        late[ids[row]] = times[row]
    mistakes.where(backwards, "TIME runs backwards within the ID; only a reset (EVID 3 or 4) may go back")
