"""Days of a cycle as people write them: "1-21", "1,8,15", "qod:1-21", "weekly", "continuous"."""

from __future__ import annotations

import re
from typing import Any, Literal

Days = tuple[int, ...] | Literal["continuous"]

FORMS = '"1-21", "1,8,15,22", [1, 8], "qod:1-21", "weekly" or "continuous"'


def parse_days(written: Any, cycle: float) -> Days:
    """Read the dosing days of one cycle; day 1 is the first.

    Parameters
    ----------
    written : str, int or list of int
        A range, a list, ``"qod:"`` before a range for every other day, ``"weekly"`` for day 1 of
        every seven, ``"continuous"`` for every day.
    cycle : float
        Length of the cycle in days; ``"weekly"`` ends with it.

    Returns
    -------
    tuple of int, or "continuous"

    Raises
    ------
    ValueError
        If it cannot be read; the message says how to write it.
    """
    if isinstance(written, str):
        return _from_text(written, cycle)
    if isinstance(written, int) and not isinstance(written, bool):
        return (written,)
    if isinstance(written, (list, tuple)) and written:
        if all(isinstance(day, int) and not isinstance(day, bool) for day in written):
            return _ascending(list(written))
        raise ValueError(f"{list(written)!r} holds something that is not a whole day; write {FORMS}")
    raise ValueError(f"{written!r} gives no days; write {FORMS}")


def _from_text(text: str, cycle: float) -> Days:
    plain = text.strip().lower()
    if plain == "continuous":
        return "continuous"
    if plain == "weekly":
        return tuple(range(1, max(int(cycle), 1) + 1, 7))
    every = 1
    if plain.startswith("qod:"):
        every, plain = 2, plain[4:]
    days: list[int] = []
    for part in plain.split(","):
        days.extend(_range(part.strip(), text, every))
    return _ascending(days)


def _range(part: str, text: str, every: int) -> range:
    found = re.fullmatch(r"(\d+)(?:\s*-\s*(\d+))?", part)
    if found is None:
        raise ValueError(f'"{text}" gives no days; write {FORMS}')
    first = int(found[1])
    last = int(found[2]) if found[2] else first
    if last < first:
        raise ValueError(f'"{part}" runs backwards; write "{last}-{first}"')
    return range(first, last + 1, every)


def _ascending(days: list[int]) -> tuple[int, ...]:
    ordered = sorted(set(days))
    if len(ordered) < len(days):
        raise ValueError("a day is listed twice; use per_day for several doses on one day")
    return tuple(ordered)


def parse_cycles(written: Any) -> tuple[int, int | None]:
    """Read the cycles of a dose line: ``"1-8"``, ``"9-"`` (without end) or ``3``.

    Raises
    ------
    ValueError
        If it cannot be read, runs backwards or starts before cycle 1.
    """
    text = str(written).strip() if not isinstance(written, bool) else ""
    found = re.fullmatch(r"(\d+)(?:\s*(-)\s*(\d+)?)?", text)
    if found is None:
        raise ValueError(f'{written!r} gives no cycles; write "1-8", "9-" or 3')
    first = int(found[1])
    last = int(found[3]) if found[3] else (None if found[2] else first)
    if first < 1:
        raise ValueError(f"{written!r} starts before cycle 1")
    if last is not None and last < first:
        raise ValueError(f'"{text}" runs backwards; write "{last}-{first}"')
    return first, last
