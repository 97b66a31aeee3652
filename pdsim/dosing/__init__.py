"""Regimens and event tables: what is given how much, and when."""

from __future__ import annotations

from pdsim.dosing.dose import Dose, DoseLine, RuledLine
from pdsim.dosing.parse import regimen_from_dict
from pdsim.dosing.regimen import Regimen
from pdsim.dosing.rules import Rule, RuleSet, rule_set_from_dict
from pdsim.dosing.table import EventTable

__all__ = [
    "Dose",
    "DoseLine",
    "EventTable",
    "Regimen",
    "Rule",
    "RuleSet",
    "RuledLine",
    "regimen_from_dict",
    "rule_set_from_dict",
]
