"""From the TOML keys of a regimen file to a Regimen, with all mistakes in one message."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from pdsim.dosing.amount import parse_amount
from pdsim.dosing.days import parse_cycles, parse_days
from pdsim.dosing.dose import Dose
from pdsim.dosing.reader import Reader, count, flag, length, span, text
from pdsim.dosing.regimen import Regimen
from pdsim.dosing.rules.checks import rule_mistakes
from pdsim.dosing.rules.parse import RuleSet, read_rules
from pdsim.errors import PdsimError

KEYS = ("cycle", "label", "source", "until", "dose", "rule", "rules")
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

LoadRules = Callable[[str], RuleSet]


def regimen_from_dict(data: Mapping[str, Any], name: str, where: str, load_rules: LoadRules | None = None) -> Regimen:
    """Build a regimen from the keys of its file.

    Parameters
    ----------
    data : mapping
        Keys ``cycle``, ``label``, ``source``, ``until``, a list of ``dose`` tables, a list of ``rule`` tables, and
        ``rules``, names of rule files.
    name : str
        Name of the regimen.
    where : str
        File, for messages.
    load_rules : callable, optional
        Returns the `RuleSet` of a name; see `Library.load_rule_set`.

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
    cycle = reader.read(data, "cycle", "cycle", length) or 0.0
    if "cycle" not in data:
        reader.mistakes.append('cycle: missing; write the length of a cycle, for example cycle = "28 d"')
    texts = {key: reader.read(data, key, key, text) or "" for key in ("label", "source")}
    until = reader.read(data, "until", "until", _until)
    tables = data.get("dose", [])
    if not isinstance(tables, list) or not tables or not all(isinstance(table, Mapping) for table in tables):
        reader.mistakes.append("dose: give at least one [[dose]] table")
        tables = []
    doses = tuple(dose for number, table in enumerate(tables, 1) if (dose := reader.dose(table, number, cycle)))
    before = len(reader.mistakes)
    sets = _rule_sets(data.get("rules", []), reader, load_rules)
    rules = (*(rule for one in sets for rule in one.rules), *read_rules(data.get("rule", []), reader, name))
    if doses and len(doses) == len(tables) and cycle:
        reader.mistakes += rule_mistakes(doses, rules, cycle, complete=len(reader.mistakes) == before)
    reader.raise_if_any(where, f"regimen '{name}'")
    names = tuple(data.get("rules", ()))
    return Regimen(name, cycle, doses, texts["source"], until, texts["label"], rules, names)


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
            "start": span,
            "stop": span,
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


def _until(written: Any) -> str:
    if written != "progression":
        raise ValueError(f'{written!r} is not known; write until = "progression" or leave it out')
    return written
