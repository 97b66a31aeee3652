"""The usual dose of a card: { amount = "25 mg", every = "24 h", route, duration }."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pdsim.errors import UnitError, did_you_mean
from pdsim.pk.card import Reference
from pdsim.pk.expression import parse_expression
from pdsim.pk.keys import ROUTES
from pdsim.pk.values import ValueReader

KEYS = ("amount", "every", "route", "duration")
_SIZES = {"kg": "weight", "m2": "bsa"}


class ReferenceReader:
    """Reads the usual dose; mistakes go where those of `values` go.

    Parameters
    ----------
    values : ValueReader
        Knows the reference patient.
    route : str or None
        Route of the card, for a dose that names none.
    """

    def __init__(self, values: ValueReader, route: str | None) -> None:
        self.values, self.route, self.mistakes = values, route, values.mistakes

    def read(self, table: Any) -> Reference | None:
        """Read the table; None after a mistake."""
        if not isinstance(table, Mapping):
            self.mistakes.append('reference: write a table, for example { amount = "25 mg", every = "24 h" }')
            return None
        before = len(self.mistakes)
        for key in table:
            if key not in KEYS:
                hint = did_you_mean(key, KEYS)
                self.mistakes.append(f"reference.{key}: unknown key.{hint} Accepted: {', '.join(KEYS)}")
        amount = self._number(table, "amount", "mg", "25 mg")
        every = self._number(table, "every", "day", "24 h")
        duration = self._number(table, "duration", "day", "1 h") if "duration" in table else 0.0
        route = table.get("route", self.route)
        if route not in ROUTES:
            self.mistakes.append(f"reference.route: {route!r} is no route. Known: {', '.join(ROUTES)}")
        elif (route == "infusion") != (duration > 0):
            self.mistakes.append(
                'reference.duration: an infusion has a length, such as duration = "1 h", and no other has'
            )
        if duration > every > 0:
            self.mistakes.append("reference.duration: is longer than the time between doses")
        if len(self.mistakes) > before:
            return None
        return Reference(amount, every, str(route), duration, f"{table['amount']} every {table['every']}, {route}")

    def _number(self, table: Mapping[str, Any], key: str, unit: str, example: str) -> float:
        """Read a positive quantity; an amount for each kg or m2 is that of the reference patient."""
        written = table.get(key)
        if not isinstance(written, str):
            self.mistakes.append(f'reference.{key}: write it with its unit, for example "{example}"')
            return 0.0
        per = re.search(r"/\s*(kg|m2)\s*$", written)
        try:
            expression = parse_expression(f"{written} * {_SIZES[per[1]]}" if per else written)
            found = float(expression.evaluate(self.values.reference, unit))
        except (UnitError, ValueError, KeyError) as wrong:
            self.mistakes.append(f"reference.{key}: {wrong}")
            return 0.0
        if not found > 0:
            self.mistakes.append(f"reference.{key}: {written} is not a positive quantity")
        return found
