"""Dosing rules as data: when to hold, reduce, raise, cap, stop or add a drug."""

from __future__ import annotations

from pdsim.dosing.rules.condition import VISIT, Condition, parse_condition
from pdsim.dosing.rules.parse import RuleSet, rule_set_from_dict
from pdsim.dosing.rules.rule import ACTIONS, Rule, Step

__all__ = ["ACTIONS", "VISIT", "Condition", "Rule", "RuleSet", "Step", "parse_condition", "rule_set_from_dict"]
