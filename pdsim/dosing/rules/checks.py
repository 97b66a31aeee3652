"""What is wrong with rules in the company of a regimen's dose lines and of each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from pdsim.dosing.days import parse_days
from pdsim.dosing.dose import Dose
from pdsim.dosing.rules.rule import Rule
from pdsim.errors import did_you_mean

_SETS = ("set", "limit")
_ON_ALL = ("hold", "stop")  # may be meant for every planned drug


def rule_mistakes(doses: Sequence[Dose], rules: Sequence[Rule], cycle: float, complete: bool = True) -> list[str]:
    """List the mistakes of a regimen's rules as ``rule 'name': sentence``; `complete` says that none is missing."""
    found: list[str] = []
    for rule in rules:
        found += [f"rule '{rule.name}': {text}" for text in _against_doses(rule, doses, cycle)]
        if rule.resume is not None and _overlap(rule):
            found.append(
                f"rule '{rule.name}': resume = \"{rule.resume.written}\" can hold while when = "
                f'"{rule.when.written}" still does; a drug would be held and resumed at once'
            )
    names = [rule.name for rule in rules]
    found += [
        f"rule '{name}': the name is there {names.count(name)} times; the ledger needs one for each rule"
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]
    drugs = tuple(dict.fromkeys(dose.drug for dose in doses))
    for one, other in combinations(rules, 2):
        found += _contradiction(one, other, drugs)
    return found + (_waiting(doses, rules) if complete else [])


def _overlap(rule: Rule) -> bool:
    """Whether a rule resumes on the very values that it holds at; names it does not share are left to the visit."""
    assert rule.resume is not None
    shared = set(rule.resume.names) & set(rule.when.names)
    return bool(shared) and not rule.resume.excludes(rule.when)


def _against_doses(rule: Rule, doses: Sequence[Dose], cycle: float) -> list[str]:
    found = []
    drugs = tuple(dict.fromkeys(dose.drug for dose in doses))
    if not rule.drugs and rule.action not in _ON_ALL:
        found.append(f"'{rule.action}' cannot act on all drugs; name those it is meant for")
    for drug in rule.drugs:
        lines = [dose for dose in doses if dose.drug == drug]
        if not lines:
            listed = ", ".join(drugs) or "none"
            found.append(f"no dose line gives '{drug}'.{did_you_mean(drug, drugs)} Drugs of the regimen: {listed}")
            continue
        waits = any(dose.when_needed for dose in lines)
        if rule.action == "give" and not waits:
            found.append(f"'{drug}' is given anyway; mark its dose line when_needed = true")
        if rule.action != "give" and waits:
            found.append(f"'{drug}' waits for a rule (when_needed); '{rule.action}' can only act on a planned drug")
        found += _amounts(rule, lines)
        found += _days(rule, lines, cycle)
    return found


def _amounts(rule: Rule, lines: Sequence[Dose]) -> list[str]:
    drug = lines[0].drug
    written = dict.fromkeys((dose.amount, dose.unit, dose.per) for dose in lines)
    steps = [step for step in rule.steps if step.unit != "%"]
    if steps and len(written) > 1:
        return [f"'{drug}' has dose lines of different amounts; write {steps[0]} and the other steps in %"]
    _, unit, per = next(iter(written))
    full = unit if per == "flat" else f"{unit}/{per}"
    return [f"{step} does not fit '{drug}', which is given in {full}" for step in steps if not step.fits(unit, per)][:1]


def _days(rule: Rule, lines: Sequence[Dose], cycle: float) -> list[str]:
    found = []
    for dose in lines if rule.days else ():
        changed = replace(dose, days=parse_days(rule.days, dose.cycle or cycle))
        found += [f"days: {text}" for key, text in changed.mistakes(cycle) if key == "days"]
    return found[:1]


def _contradiction(one: Rule, other: Rule, drugs: tuple[str, ...]) -> list[str]:
    shared = [drug for drug in one.drugs or drugs if drug in (other.drugs or drugs)]
    if not shared or one.order != other.order or one.when.excludes(other.when):
        return []
    pair = {one.action, other.action}
    amounts = one.action == other.action == "set" and one.amount != other.amount
    days = pair <= set(_SETS) and one.days and other.days and one.days != other.days
    if not (amounts or days or pair == {"reduce", "escalate"}):
        return []
    what = "amount" if amounts else "days" if days else "step"
    return [
        f"rules '{one.name}' and '{other.name}' contradict each other: both change the {what} of '{shared[0]}', and "
        f'"{one.when.written}" and "{other.when.written}" can hold together; narrow one, or give each an order '
        "(the higher acts last)"
    ]


def _waiting(doses: Sequence[Dose], rules: Sequence[Rule]) -> list[str]:
    given = {drug for rule in rules if rule.action == "give" for drug in rule.drugs}
    found = []
    for drug in dict.fromkeys(dose.drug for dose in doses if dose.when_needed):
        if drug not in given:
            found.append(f"'{drug}' waits for a rule (when_needed), and no rule gives it")
        if not all(dose.when_needed for dose in doses if dose.drug == drug):
            found.append(f"'{drug}' has a planned dose line and one that waits for a rule; name one drug for each")
    return found
