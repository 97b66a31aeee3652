"""Regimens: which drug is given how much, on which days."""

from __future__ import annotations

from pdsim.dosing.dose import Dose, DoseLine
from pdsim.dosing.parse import regimen_from_dict
from pdsim.dosing.regimen import Regimen

__all__ = ["Dose", "DoseLine", "Regimen", "regimen_from_dict"]
