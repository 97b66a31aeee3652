"""Keys of ``[pk]``, their units, and which of them each kind of card may, must and cannot have."""

from __future__ import annotations

from pdsim.pk.card import Covariate

KINDS = ("linear", "states", "cells")
ROUTES = ("oral", "iv", "infusion", "sc")

# unit in which each key is handed on; of several, the first that the quantity fits
LINEAR_UNITS: dict[str, tuple[str, ...]] = {
    "molar_mass": ("g/mol",),
    "unbound": ("1",),
    "clearance": ("L/day",),
    "volume": ("L",),
    "volume_2": ("L",),
    "distribution_clearance": ("L/day",),
    "volume_3": ("L",),
    "distribution_clearance_3": ("L/day",),
    "absorption": ("1/day",),
    "lag": ("day",),
    "bioavailability": ("1",),
    "depot_absorption": ("1/day",),
    "depot_lag": ("day",),
    "depot_bioavailability": ("1",),
}
MORE_UNITS: dict[str, tuple[str, ...]] = {
    "saturable_clearance": ("mg/day", "nmol/day"),
    "saturation": ("mg/L", "nM"),
    "capacity_decay": ("1/day",),
    "capacity_recovery": ("1/day",),
    "clearance_later": ("L/day",),
    "presence": ("mg/L", "nM"),
    "clearance_change": ("1/day",),
    "clearance_half_time": ("day",),
    "clearance_steepness": ("1",),
}
CELLS_UNITS: dict[str, tuple[str, ...]] = {"fraction": ("1",)}
UNITS = {"linear": LINEAR_UNITS, "states": {**LINEAR_UNITS, **MORE_UNITS}, "cells": CELLS_UNITS}

REQUIRED = dict.fromkeys(("linear", "states"), ("molar_mass", "unbound", "clearance", "volume")) | {"cells": ()}
NEEDS = {  # a key that means nothing without another
    "volume_2": "distribution_clearance",
    "distribution_clearance": "volume_2",
    "volume_3": "distribution_clearance_3",
    "distribution_clearance_3": "volume_3",
    "lag": "absorption",
    "bioavailability": "absorption",
    "depot_lag": "depot_absorption",
    "depot_bioavailability": "depot_absorption",
    "saturable_clearance": "saturation",
    "saturation": "saturable_clearance",
    "capacity_decay": "saturable_clearance",
    "capacity_recovery": "capacity_decay",
    "clearance_later": "presence",
    "presence": "clearance_later",
    "clearance_change": "clearance_later",
    "clearance_half_time": "clearance_steepness",
    "clearance_steepness": "clearance_half_time",
}
METABOLITE_UNITS = {
    "molar_mass": "g/mol",
    "unbound": "1",
    "elimination": "1/day",
    "ratio": "1",
    "fraction": "1",
    "volume": "L",
}
# a potency is nM over the unit of the input that it acts on
EFFECT_UNITS = {"affinity": ("nM",), "potency": ("nM", "nM*day"), "closed": ("1",)}
OTHER_EFFECT_UNITS = ("1", "nM", "1/day", "day")  # the first that a key fits
CHECK_UNITS = {"auc": ("mg*day/L", "nM*day"), "half_life": ("day",)}

# the typical patient of the reference documents: 75 kg, creatinine clearance 85 mL/min
COVARIATES = {
    "weight": Covariate("kg", 75.0),
    "height": Covariate("cm", 170.0),
    "bsa": Covariate("m2", 1.88),
    "age": Covariate("yr", 68.0),
    "creatinine_clearance": Covariate("mL/min", 85.0),
    "female": Covariate("1", 0.0),
    "male": Covariate("1", 1.0),
}
