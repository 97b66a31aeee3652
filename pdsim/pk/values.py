"""One quantity of a card: { value, unit, cv or log_sd or logit_sd, status, source }."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pdsim.errors import UnitError, did_you_mean
from pdsim.pk.card import FRACTIONS, MAY_BE_ZERO, Covariate, Value
from pdsim.pk.expression import Expression, constant, parse_expression
from pdsim.pk.quantity import unit_of

KEYS = ("value", "unit", "cv", "log_sd", "logit_sd", "status", "source")
STATUSES = ("verified", "recalled", "assumed")


class ValueReader:
    """Reads quantities of one card.

    Parameters
    ----------
    mistakes : list of str
        Grows by what is wrong.
    covariates : mapping
        Covariates that a relation may read.
    source, status : str
        Of the card, for bare dimensionless numbers.
    """

    def __init__(
        self, mistakes: list[str], covariates: Mapping[str, Covariate], source: Any = "", status: Any = ""
    ) -> None:
        self.mistakes = mistakes
        self.covariates = covariates
        self.reference = {name: (item.reference, unit_of(item.unit)) for name, item in covariates.items()}
        self.source, self.status = source, status

    def read(self, written: Any, key: str, unit: str, path: str) -> Value | None:
        """Read the quantity of a key, to be handed on in `unit`; None after a mistake."""
        before = len(self.mistakes)
        table = self._table(written, key, unit, path)
        expression = self._expression(table, unit, f"{path}{key}") if table else None
        if table is None or expression is None:
            return None
        spread = {name: self._spread(table, name, key, path) for name in ("cv", "log_sd", "logit_sd")}
        if sum(value > 0 for value in spread.values()) > 1:
            self.mistakes.append(f"{path}{key}: give one of cv, log_sd, logit_sd")
        log_sd = spread["log_sd"] or math.sqrt(math.log1p(spread["cv"] ** 2))
        self._typical(expression, key, unit, path)
        value = Value(expression, unit, log_sd, spread["logit_sd"], table.get("status", ""), table.get("source", ""))
        self._provenance(value, f"{path}{key}")
        return value if len(self.mistakes) == before else None

    def fitting(self, written: Any, units: Sequence[str]) -> str:
        """Return the first of `units` that the quantity fits, the first of all if none does."""
        for unit in units:
            try:
                self._expression_of(written, unit).evaluate(self.reference, unit)
            except (UnitError, ValueError, KeyError, TypeError, AttributeError):
                continue
            return unit
        return units[0]

    def _table(self, written: Any, key: str, unit: str, path: str) -> Mapping[str, Any] | None:
        if isinstance(written, Mapping):
            for name in written:
                if name not in KEYS:
                    hint = did_you_mean(name, KEYS)
                    self.mistakes.append(f"{path}{key}.{name}: unknown key.{hint} Accepted: {', '.join(KEYS)}")
            if "value" in written:
                return written
            self.mistakes.append(f"{path}{key}.value: missing")
            return None
        if isinstance(written, (int, float)) and not isinstance(written, bool) and unit == "1" and self.source:
            return {"value": written, "status": self.status, "source": self.source}
        asked = f'{{ value = {written!r}, unit = "{unit}", status = "...", source = "..." }}'
        self.mistakes.append(f"{path}{key}: write a table with a source, {asked}")
        return None

    def _expression(self, table: Mapping[str, Any], unit: str, path: str) -> Expression | None:
        try:
            expression = self._expression_of(table, unit)
        except (UnitError, ValueError) as wrong:
            self.mistakes.append(f"{path}: {wrong}")
            return None
        for name in expression.names:
            if name not in self.covariates:
                hint = did_you_mean(name, self.covariates)
                known = ", ".join(self.covariates)
                self.mistakes.append(
                    f"{path}: '{name}' is no covariate.{hint} Known: {known}; others go in [covariates]"
                )
                return None
        return expression

    def _expression_of(self, table: Any, unit: str) -> Expression:
        written = table.get("value") if isinstance(table, Mapping) else table
        stated = table.get("unit") if isinstance(table, Mapping) else None
        if isinstance(written, str):
            if stated is not None:
                raise ValueError(f'the units stand inside "{written}"; leave unit out')
            return parse_expression(written)
        if isinstance(written, bool) or not isinstance(written, (int, float)):
            raise ValueError(f"{written!r} is neither a number nor an expression in quotes")
        if stated is None and unit != "1":
            raise ValueError(f'{written!r} has no unit; add unit = "{unit}"')
        if stated is not None and not isinstance(stated, str):
            raise ValueError(f"unit = {stated!r} is not a text in quotes")
        return constant(written, stated or "1")

    def _spread(self, table: Mapping[str, Any], name: str, key: str, path: str) -> float:
        written = table.get(name, 0.0)
        if isinstance(written, bool) or not isinstance(written, (int, float)) or not 0 <= written < 10:
            self.mistakes.append(f"{path}{key}.{name}: {written!r} is no standard deviation between 0 and 10")
            return 0.0
        if written and (key in FRACTIONS) != (name == "logit_sd"):
            other = "logit_sd, so that it stays below 1" if key in FRACTIONS else "cv or log_sd"
            self.mistakes.append(f"{path}{key}.{name}: the variability of {key} is given as {other}")
        return float(written)

    def _typical(self, expression: Expression, key: str, unit: str, path: str) -> None:
        try:
            value = float(np.asarray(expression.evaluate(self.reference, unit)))
        except UnitError as wrong:
            self.mistakes.append(f"{path}{key}: {wrong}")
            return
        low = value >= 0 if key in MAY_BE_ZERO else value > 0
        if not (math.isfinite(value) and low and (value <= 1 or key not in FRACTIONS)):
            wanted = "between 0 and 1" if key in FRACTIONS else "positive"
            named = "" if unit == "1" else f" {unit}"
            self.mistakes.append(f"{path}{key}: is {value:g}{named} in the reference patient and must be {wanted}")

    def _provenance(self, value: Value, path: str) -> None:
        if not isinstance(value.source, str) or not value.source.strip():
            self.mistakes.append(f"{path}.source: missing; say where the value comes from, or why it is assumed")
        if value.status not in STATUSES:
            hint = did_you_mean(str(value.status), STATUSES)
            self.mistakes.append(f"{path}.status: {value.status!r} is not known.{hint} Use {', '.join(STATUSES)}")
