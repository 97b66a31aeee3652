"""From the TOML keys of ``[[rule]]`` tables to rules, and files that hold nothing but rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pdsim.dosing.days import parse_days
from pdsim.dosing.dose import STATUSES
from pdsim.dosing.reader import Reader, count, flag, length, text
from pdsim.dosing.rules.condition import parse_condition
from pdsim.dosing.rules.rule import ACTIONS, SHARE, STOP, Rule, Step, describe_rule
from pdsim.errors import did_you_mean

KEYS = ("label", "source", "rule")
RULE_KEYS = (
    "name", "when", "drug", "action", "amount", "days", "for", "ladder", "resume", "then", "repeat", "order",
    "optional", "status", "source",
)  # fmt: skip
_THEN_KEYS = ("ladder", "after")

# what each action needs, and what it may have besides the keys of every rule
_NEEDS: Mapping[str, Mapping[str, str]] = {
    "hold": {},
    "reduce": {"drug": '"lenalidomide"', "ladder": '["25 mg", "15 mg", "10 mg"]'},
    "escalate": {"drug": '"lenalidomide"', "ladder": '["25 mg", "15 mg", "10 mg"]'},
    "set": {"drug": '"lenalidomide"', "amount": '"10 mg"'},
    "limit": {"drug": '"lenalidomide"', "amount": '"10 mg"'},
    "stop": {},
    "give": {"drug": '"filgrastim"', "for": '"5 d"'},
}
_MAY = {"hold": {"resume", "then"}, "set": {"days"}, "limit": {"days"}, "stop": set()}
_OWN = {"resume", "then", "ladder", "amount", "days", "for", "repeat"}


@dataclass(frozen=True)
class RuleSet:
    """Rules of one file, which regimens refer to by its name.

    Parameters
    ----------
    name : str
    rules : tuple of Rule
    source, label : str
        Where they are printed; a few words.
    """

    name: str
    rules: tuple[Rule, ...]
    source: str = ""
    label: str = ""

    def describe(self) -> tuple[str, ...]:
        """Say in lines of text what is done when."""
        head = self.label or self.name
        body = tuple("  " + describe_rule(rule) for rule in self.rules)
        return (head, *body, *([f"  source: {self.source}"] if self.source else []))


def rule_set_from_dict(data: Mapping[str, Any], name: str, where: str) -> RuleSet:
    """Build a rule set from the keys of its file.

    Parameters
    ----------
    data : mapping
        Keys ``label``, ``source`` and a list of ``rule`` tables.
    name : str
        Name of the set.
    where : str
        File, for messages.

    Raises
    ------
    ConfigError
        Lists every mistake with its key path. Rules count from 1.
    """
    reader = Reader()
    reader.unknown(data, KEYS, "")
    words = {key: reader.read(data, key, key, text) or "" for key in ("label", "source")}
    if not data.get("rule"):
        reader.mistakes.append("rule: give at least one [[rule]] table")
    rules = read_rules(data.get("rule", []), reader, name)
    reader.raise_if_any(where, f"rule set '{name}'")
    return RuleSet(name, rules, words["source"], words["label"])


def read_rules(tables: Any, reader: Reader, stem: str) -> tuple[Rule, ...]:
    """Read a list of ``[[rule]]`` tables; a rule without a name is called after `stem` and its place."""
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
        reader.mistakes.append("rule: write each rule as a [[rule]] table")
        return ()
    found = [_rule(table, number, reader, stem) for number, table in enumerate(tables, 1)]
    return tuple(rule for rule in found if rule is not None)


def _rule(table: Mapping[str, Any], number: int, reader: Reader, stem: str) -> Rule | None:
    own = table.get("name")
    path = f"rule[{number}] ({own})." if isinstance(own, str) else f"rule[{number}]."
    before = len(reader.mistakes)
    reader.unknown(table, RULE_KEYS, path)
    action = reader.read(table, "action", f"{path}action", _action)
    for key, example in (("when", '"anc < 1.0 Gpt"'), ("action", '"hold"')):
        if key not in table:
            reader.mistakes.append(f"{path}{key}: missing; write for example {key} = {example}")
    if action:
        _check_keys(table, action, reader, path)
    fields = _fields(table, reader, path)
    if len(reader.mistakes) > before:
        return None
    return Rule(**{"name": f"{stem}.{number}", **fields})


def _action(written: Any) -> str:
    if written not in ACTIONS:
        raise ValueError(f"'{written}' is no action.{did_you_mean(str(written), ACTIONS)} Known: {', '.join(ACTIONS)}")
    return str(written)


def _check_keys(table: Mapping[str, Any], action: str, reader: Reader, path: str) -> None:
    for key, example in _NEEDS[action].items():
        if key not in table:
            reader.mistakes.append(f"{path}{key}: missing; '{action}' needs it, for example {key} = {example}")
    accepted = {*_NEEDS[action], *_MAY.get(action, {"repeat"})}
    for key in table:
        if key in _OWN and key not in accepted:
            hint = " (write then = { ladder = [...] })" if (action, key) == ("hold", "ladder") else ""
            reader.mistakes.append(f"{path}{key}: '{action}' has no use for it{hint}")


def _fields(table: Mapping[str, Any], reader: Reader, path: str) -> dict[str, Any]:
    convert: dict[str, Callable[[Any], Any]] = {
        "name": text, "when": parse_condition, "action": _action, "drug": _drugs, "resume": parse_condition,
        "amount": Step.read, "days": _days, "for": length, "repeat": length, "order": count, "optional": flag,
        "status": _status, "source": text,
    }  # fmt: skip
    renamed = {"drug": "drugs", "for": "span"}
    fields: dict[str, Any] = {}
    for key, function in convert.items():
        silent = Reader() if key == "action" else reader  # its mistake is noted already
        value = silent.read(table, key, f"{path}{key}", function)
        if value is not None:
            fields[renamed.get(key, key)] = value
    place, holder = f"{path}ladder", table
    if "then" in table:
        place, holder = f"{path}then.ladder", table["then"]
        if not isinstance(holder, Mapping) or "ladder" not in holder:
            reader.mistakes.append(f'{path}then: write then = {{ ladder = ["25 mg", "15 mg"] }}')
            holder = {}
        reader.unknown(holder, _THEN_KEYS, f"{path}then.")
        after = reader.read(holder, "after", f"{path}then.after", _holds)
        fields |= {"after": after} if after else {}
    ladder = reader.read(holder, "ladder", place, _ladder)
    return fields | ({"ladder": ladder[0], "ends": ladder[1]} if ladder else {})


def _drugs(written: Any) -> tuple[str, ...]:
    if written == "all":
        return ()
    names = written if isinstance(written, list) else [written]
    if not names or not all(isinstance(name, str) and name.strip() for name in names):
        raise ValueError(f'{written!r} names no drug; write "lenalidomide", a list of names, or "all"')
    return tuple(names)


def _days(written: Any) -> str:
    days = parse_days(written, 28.0)
    return written.strip() if isinstance(written, str) else ",".join(map(str, days))


def _holds(written: Any) -> int:
    number = count(written)
    if number < 0:
        raise ValueError(f"{number} holds; write a whole number from 0")
    return number


def _status(written: Any) -> str:
    if written not in STATUSES:
        raise ValueError(f"'{written}' is no status; use {', '.join(STATUSES)}")
    return str(written)


def _ladder(written: Any) -> tuple[tuple[Step, ...], bool]:
    """Return the steps, and whether "stop" follows the last."""
    if not isinstance(written, list) or not written:
        raise ValueError('a ladder is a list of falling amounts, such as ["25 mg", "15 mg", "10 mg"]')
    ends = written[-1] == STOP
    steps = tuple(Step.read(one) for one in (written[:-1] if ends else written))
    if not steps:
        raise ValueError('a ladder needs a step before "stop"')
    _check_descending(steps)
    return steps, ends


def _check_descending(steps: Sequence[Step]) -> None:
    for above, below in pairwise(steps):
        if (above.unit, above.per) != (below.unit, below.per):
            raise ValueError(f"{above} and {below} are in different units; write all steps in one, or all in {SHARE}")
        if below.amount >= above.amount:
            raise ValueError(f"{below} comes after {above}; steps go from high to low")
