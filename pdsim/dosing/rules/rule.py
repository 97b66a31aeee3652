"""One dosing rule."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pdsim.dosing.amount import parse_amount
from pdsim.dosing.rules.condition import Condition
from pdsim.dosing.text import tidy

ACTIONS = ("hold", "reduce", "escalate", "set", "limit", "stop", "give")
STOP = "stop"  # the last entry of a ladder that ends treatment
SHARE = "%"


@dataclass(frozen=True)
class Step:
    """An amount that a rule sets: in the unit of the drug's dose line, or with unit ``"%"`` a share of it."""

    amount: float
    unit: str = "mg"
    per: str = "flat"

    @classmethod
    def read(cls, written: Any) -> Step:
        """Read ``"15 mg"``, ``"16 mg/kg"`` or ``"50 %"``; ValueError, DoseError or UnitError if it is none."""
        text = written.strip() if isinstance(written, str) else written
        if isinstance(text, str) and text.endswith(SHARE):
            try:
                step = cls(float(text[:-1]), SHARE)
            except ValueError:
                raise ValueError(f'{written!r} is no share; write for example "50 %"') from None
        else:
            step = cls(*parse_amount(written))
        if not (math.isfinite(step.amount) and step.amount > 0.0):
            what = "a dose of zero" if step.amount == 0.0 else f"{step}"
            raise ValueError(f'{what} is no step; to give nothing, write action = "hold" or action = "stop"')
        return step

    def share(self, planned: float) -> float:
        """Return it as a share of the planned amount."""
        return self.amount / 100.0 if self.unit == SHARE else self.amount / planned

    def fits(self, unit: str, per: str) -> bool:
        """Whether it is written in the unit of a dose line."""
        return self.unit == SHARE or (self.unit, self.per) == (unit, per)

    def __str__(self) -> str:
        return f"{tidy(self.amount)} {self.unit}" + ("" if self.per == "flat" else f"/{self.per}")


@dataclass(frozen=True)
class Rule:
    """What is done to a drug when a condition holds at a visit, before that day's dose.

    ``hold`` gives nothing until `resume` holds, then goes on, from the hold after the first `after` ones with the
    next lower step of `ladder`. The other actions act at the visit at which `when` begins to hold, and again every
    `repeat` days while it lasts: ``reduce`` and ``escalate`` take the next lower or higher step of `ladder`, ``set``
    the amount, ``limit`` the amount where more is given, ``stop`` ends the drug for good, ``give`` gives a line that
    waits (``when_needed``) for `span` days. A rule that reads covariates alone acts on day 0.

    Parameters
    ----------
    name : str
        Name in the ledger.
    when : Condition
    action : {"hold", "reduce", "escalate", "set", "limit", "stop", "give"}
    drugs : tuple of str
        Drugs it acts on; empty is every planned drug of the regimen.
    resume : Condition or None
        When a held drug goes on; None is as soon as `when` is known not to hold.
    ladder : tuple of Step
        Amounts from high to low; the lowest is kept.
    ends : bool
        Below the last step of the ladder the drug is stopped.
    after : int
        Holds that are resumed without a lower step.
    amount : Step or None
        Of ``set`` and ``limit``.
    days : str
        Days of the cycle that ``set`` and ``limit`` change to, as in a dose line; empty keeps them.
    span : float
        Days for which ``give`` gives.
    repeat : float
        Days after which the rule acts again while `when` lasts.
    order : int
        Rules act from the lowest to the highest order, then as in the file.
    optional : bool
        Leave the rule out in cohorts without its covariates, in place of an error.
    status, source : str
        Where the rule is printed.
    """

    name: str
    when: Condition
    action: str
    drugs: tuple[str, ...] = ()
    resume: Condition | None = None
    ladder: tuple[Step, ...] = ()
    ends: bool = False
    after: int = 0
    amount: Step | None = None
    days: str = ""
    span: float = 0.0
    repeat: float = math.inf
    order: int = 0
    optional: bool = False
    status: str = ""
    source: str = ""

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """All conditions it reads."""
        return (self.when,) if self.resume is None else (self.when, self.resume)

    @property
    def covariates(self) -> tuple[str, ...]:
        """Covariates that the patients must bring."""
        return tuple(dict.fromkeys(name for one in self.conditions for name in one.covariates))

    @property
    def steps(self) -> tuple[Step, ...]:
        """All amounts it may set."""
        return (*self.ladder, *((self.amount,) if self.amount else ()))


def describe_rule(rule: Rule) -> str:
    """Say in one line what a rule does when."""
    rungs = ", ".join([*map(str, rule.ladder), *([STOP] if rule.ends else [])])
    parts = [f"when {rule.when.written}: {rule.action} {', '.join(rule.drugs) or 'all drugs'}"]
    parts.append(f"{'to' if rule.action == 'set' else 'at'} {rule.amount}" if rule.amount else "")
    parts.append(f"on days {rule.days}" if rule.days else "")
    parts.append(f"for {tidy(rule.span)} d" if rule.span else "")
    parts.append(f"by {rungs}" if rungs and rule.action != "hold" else "")
    parts.append(f"again every {tidy(rule.repeat)} d" if math.isfinite(rule.repeat) else "")
    text = " ".join(part for part in parts if part)
    if rule.action == "hold":
        text += f", resume when {rule.resume.written}" if rule.resume else ", resume when it no longer holds"
        text += f" at the next of {rungs}" if rungs else ""
        text += f", from hold {rule.after + 1} on" if rule.after else ""
    return f"{rule.name}: {text}" + (f" ({rule.status})" if rule.status else "")


def rule_to_dict(rule: Rule) -> dict[str, Any]:
    """Return the keys of one ``[[rule]]`` table; keys at their default are left out."""
    keys: dict[str, Any] = {"name": rule.name, "when": rule.when.written}
    if rule.drugs:
        keys["drug"] = rule.drugs[0] if len(rule.drugs) == 1 else list(rule.drugs)
    keys["action"] = rule.action
    if rule.amount:
        keys["amount"] = str(rule.amount)
    if rule.days:
        keys["days"] = rule.days
    if rule.span:
        keys["for"] = f"{tidy(rule.span)} d"
    if rule.resume:
        keys["resume"] = rule.resume.written
    if rule.ladder:
        ladder = [*map(str, rule.ladder), *([STOP] if rule.ends else [])]
        after = {"after": rule.after} if rule.after else {}
        keys |= {"then": {"ladder": ladder, **after}} if rule.action == "hold" else {"ladder": ladder}
    if math.isfinite(rule.repeat):
        keys["repeat"] = f"{tidy(rule.repeat)} d"
    keys |= {key: value for key, value in (("order", rule.order), ("optional", rule.optional)) if value}
    return keys | {key: value for key, value in (("status", rule.status), ("source", rule.source)) if value}
