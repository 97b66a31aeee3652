"""From the TOML keys of a regimen file to a Regimen, with all mistakes in one message."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pdsim.dosing.amount import parse_amount
from pdsim.dosing.borrow import LoadRegimen, borrowed, borrowed_rules, left_out, lender
from pdsim.dosing.days import parse_cycles, parse_days
from pdsim.dosing.dose import STATUSES, Dose
from pdsim.dosing.reader import Reader, count, flag, length, span, text
from pdsim.dosing.regimen import Regimen
from pdsim.dosing.rules.checks import rule_mistakes
from pdsim.dosing.rules.parse import RuleSet, read_rules
from pdsim.errors import PdsimError

KEYS = ("cycle", "label", "source", "status", "until", "meaning", "same_as", "without", "dose", "rule", "rules")
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
    "when_needed",
)
_FIELDS = {"time": "time_of_day"}
_EMPTY_CYCLE = 28.0  # days, of an arm without drugs

LoadRules = Callable[[str], RuleSet]


def regimen_from_dict(
    data: Mapping[str, Any],
    name: str,
    where: str,
    load_rules: LoadRules | None = None,
    load_regimen: LoadRegimen | None = None,
) -> Regimen:
    """Build a regimen from the keys of its file.

    Parameters
    ----------
    data : mapping
        Keys ``cycle``, ``label``, ``source``, ``until``, ``meaning``, a list of ``dose`` tables, ``status`` of those
        that give none, a list of ``rule`` tables, and ``rules``, names of rule files. A regimen ``same_as`` another
        takes that one's rules, and its doses, as well known as ``status`` at most, but those of drugs that it leaves
        out (``without``) or gives in dose tables of its own.
    name : str
        Name of the regimen.
    where : str
        File, for messages.
    load_rules : callable, optional
        Returns the `RuleSet` of a name; see `Library.load_rule_set`.
    load_regimen : callable, optional
        Returns the Regimen of a name; see `Library.load_regimen`.

    Returns
    -------
    Regimen

    Raises
    ------
    ConfigError
        Lists every mistake with its key path. Doses and rules count from 1.
    """
    reader = _Reader()
    reader.unknown(data, KEYS, "")
    base = reader.read(data, "same_as", "same_as", lambda written: lender(written, load_regimen))
    without = reader.read(data, "without", "without", lambda written: left_out(written, base)) or ()
    cycle = base.cycle if base else reader.read(data, "cycle", "cycle", length) or 0.0
    texts = {key: reader.read(data, key, key, text) or "" for key in ("label", "source", "meaning")}
    status = reader.read(data, "status", "status", _status) or ""
    until = reader.read(data, "until", "until", _until)
    tables = reader.tables(data)
    own = tuple(dose for number, table in enumerate(tables, 1) if (dose := reader.dose(table, number, cycle)))
    own = tuple(replace(dose, status=dose.status or status) for dose in own)
    doses = (*borrowed(base, own, without, status), *own) if base else own
    reader.mistakes += _contradictions(data, bool(doses or tables))
    before = len(reader.mistakes)
    sets = _rule_sets(data.get("rules", []), reader, load_rules)
    rules = (*(rule for one in sets for rule in one.rules), *read_rules(data.get("rule", []), reader, name))
    rules = (*borrowed_rules(base, rules, doses), *rules) if base else rules
    if doses and len(own) == len(tables) and cycle:
        reader.mistakes += rule_mistakes(doses, rules, cycle, complete=len(reader.mistakes) == before)
    reader.raise_if_any(where, f"regimen '{name}'")
    names = (*(base.rule_sets if base else ()), *data.get("rules", ()))
    if base:
        until = until or base.until
        texts |= {key: texts[key] or getattr(base, key) for key in ("source", "meaning")}
    return Regimen(name, cycle or _EMPTY_CYCLE, doses, until=until, rules=rules, rule_sets=names, **texts)


def _contradictions(data: Mapping[str, Any], gives: bool) -> list[str]:
    """What is missing, or is there beside a key that excludes it."""
    borrows = "same_as" in data
    found = []
    if "cycle" in data and borrows:
        found.append("cycle: the cycle is that of the regimen in same_as; leave it out")
    if "cycle" not in data and not borrows and (gives or "meaning" not in data):
        found.append('cycle: missing; write the length of a cycle, for example cycle = "28 d"')
    if "without" in data and not borrows:
        found.append("without: nothing can be left out of a regimen that is not same_as another")
    if not gives and "meaning" not in data and not borrows:
        found.append("dose: give at least one [[dose]] table, or say with meaning what the arm without drugs is")
    return found


def _rule_sets(names: Any, reader: Reader, load_rules: LoadRules | None) -> list[RuleSet]:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        reader.mistakes.append('rules: write names of rule files, such as rules = ["lenalidomide_counts"]')
        return []
    if names and load_rules is None:
        reader.mistakes.append("rules: rule files are found by a library; load the regimen with pdsim.load_regimen")
        return []
    found = []
    for number, name in enumerate(names, 1):
        try:
            assert load_rules is not None
            found.append(load_rules(name))
        except PdsimError as error:
            reader.mistakes += [f"rules[{number}] ({name}): {line.strip()}" for line in str(error).splitlines()]
    return found


class _Reader(Reader):
    """Reads dose tables too."""

    def tables(self, data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Return the dose tables of a regimen."""
        tables = data.get("dose", [])
        if isinstance(tables, list) and all(isinstance(table, Mapping) for table in tables):
            return tables
        self.mistakes.append("dose: write every dose as a [[dose]] table")
        return []

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
        own = self.read(table, "cycle", f"{path}cycle", length)
        convert: dict[str, Callable[[Any], Any]] = {
            "drug": text,
            "days": lambda written: parse_days(written, own or cycle),
            "cycles": parse_cycles,
            "route": text,
            "duration": span,
            "time": span,
            "per_day": count,
            "start": lambda written: _span_in_cycles(written, cycle),
            "stop": lambda written: _span_in_cycles(written, cycle),
            "status": text,
            "source": text,
            "when_needed": flag,
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


def _span_in_cycles(written: Any, cycle: float) -> float:
    """Read a time, or a number of cycles of the regimen such as ``"8 cycles"``."""
    found = re.fullmatch(r"\s*(\d+)\s*cycles?\s*", written) if isinstance(written, str) else None
    return int(found[1]) * cycle if found else span(written)


def _status(written: Any) -> str:
    if written not in STATUSES:
        raise ValueError(f"{written!r} is no status; use {', '.join(STATUSES)}")
    return str(written)


def _until(written: Any) -> str:
    if written != "progression":
        raise ValueError(f'{written!r} is not known; write until = "progression" or leave it out')
    return written
