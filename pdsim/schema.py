"""Registry of Dataset variables: each name once, with its dimensions, unit and one sentence.

`simulate`, `endpoints` and `cohort` label their results from here, readers check against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pdsim.errors import StoreError, did_you_mean

if TYPE_CHECKING:
    import xarray

DIMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "cohort": ("patient",),
        "trajectory": ("arm", "patient", "time"),
        "visits": ("arm", "patient", "visit"),
        "counts": ("arm", "patient", "count"),
        "states": ("arm", "patient", "moment"),
        "endpoints": ("arm", "patient"),
        "events": ("arm", "patient", "event"),
        "reduced": ("arm", "patient"),
        "dosing": ("arm", "drug", "day"),
        "doses": ("arm", "patient", "drug", "visit"),
        "ledger": ("entry",),
    }
)
"""Dimensions of each group of a run; a variable may add `clone`."""

RESPONSE: Mapping[str, int] = MappingProxyType(
    {"not_evaluable": -1, "PD": 0, "SD": 1, "MR": 2, "PR": 3, "VGPR": 4, "CR": 5, "sCR": 6}
)
"""Response categories and their codes."""

PROGRESSION: Mapping[str, int] = MappingProxyType({"none": 0, "unconfirmed": 1, "confirmed": 2})
"""Progression at a visit and its codes."""

GRADE: Mapping[str, int] = MappingProxyType({"not_measured": -1, **{f"grade_{number}": number for number in range(5)}})
"""CTCAE grades and their codes."""

STATUS: Mapping[str, int] = MappingProxyType(
    {"ok": 0, "nan": 1, "step_floor": 2, "too_many_steps": 3, "overflow": 4, "bad_input": 5}
)
"""Outcome of a patient's integration and its codes."""

REDUCTIONS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "min": ("minimum", "lowest stored value of"),
        "max": ("maximum", "highest stored value of"),
        "mean": ("mean", "mean of the stored values of"),
        "first": ("point", "first stored value of"),
        "last": ("point", "last stored value of"),
        "time_of_min": ("point", "first time of the lowest stored value of"),
        "time_of_max": ("point", "first time of the highest stored value of"),
    }
)
"""Reductions over time: the CF cell method, and how the sentence of the reduced variable begins."""

_NO_YES: Mapping[str, int] = MappingProxyType({"no": 0, "yes": 1})
_MAYBE: Mapping[str, int] = MappingProxyType({"not_measured": -1, "no": 0, "yes": 1})


@dataclass(frozen=True)
class Variable:
    """One variable of a Dataset.

    Attributes
    ----------
    name : str
    groups : tuple of str
        Groups of a run that hold it, keys of `DIMS`; none for a coordinate.
    unit : str
        ``"1"`` without dimension, ``""`` for text.
    kind : str
        ``"coordinate"``, ``"covariate"``, ``"output"``, ``"endpoint"`` or ``"code"``.
    text : str
        One sentence without a full stop; the `long_name` on every result.
    clone, drug : bool
        Whether it has the dimension `clone` or `drug` besides those of its group.
    codes : mapping of str to int
        Meanings of an integer category.
    """

    name: str
    groups: tuple[str, ...]
    unit: str
    kind: str
    text: str
    clone: bool = False
    drug: bool = False
    codes: Mapping[str, int] = field(default_factory=dict, hash=False)

    def dims(self, group: str) -> tuple[str, ...]:
        """Dimensions of the variable in `group`."""
        return DIMS[group] + (("clone",) if self.clone else ()) + (("drug",) if self.drug else ())

    def attributes(self) -> dict[str, Any]:
        """Attributes for a Dataset: `units`, `long_name` and, for a category, CF flags."""
        import numpy as np

        found: dict[str, Any] = {"long_name": self.text}
        if self.unit:
            found["units"] = self.unit
        if self.codes:
            found["flag_values"] = np.array(list(self.codes.values()), dtype=np.int8)
            found["flag_meanings"] = " ".join(self.codes)
        return found


_COHORT, _TRAJECTORY, _VISITS, _ENDPOINTS = ("cohort",), ("trajectory",), ("visits",), ("endpoints",)
_MEASURED = ("trajectory", "visits")
_DOSES, _LEDGER = ("doses",), ("ledger",)

_VARIABLES = (
    Variable("arm", (), "", "coordinate", "arm of the study, or arm and hypothesis"),
    Variable("patient", (), "1", "coordinate", "number of the virtual patient"),
    Variable("clone", (), "", "coordinate", "clone of the tumour"),
    Variable("drug", (), "", "coordinate", "drug of the regimen"),
    Variable("time", (), "d", "coordinate", "time since the first dose"),
    Variable("visit", (), "1", "coordinate", "number of the visit, 0 before the first dose"),
    Variable("day", (), "d", "coordinate", "day since the first dose"),
    Variable("count", (), "1", "coordinate", "number of the blood count, 0 before the first dose"),
    Variable("event", (), "", "coordinate", "name of the event"),
    Variable("condition", (), "", "coordinate", "what holds from the event on"),
    Variable("moment", (), "", "coordinate", "moment of stored states: end, or visit that confirms progression"),
    Variable("age", _COHORT, "yr", "covariate", "age at entry"),
    Variable("weight", _COHORT, "kg", "covariate", "body weight at entry"),
    Variable("height", _COHORT, "cm", "covariate", "body height"),
    Variable("bsa", _COHORT, "m2", "covariate", "body surface area by Mosteller"),
    Variable("sex", _COHORT, "1", "covariate", "sex"),
    Variable("creatinine_clearance", _COHORT, "mL/min", "covariate", "creatinine clearance at entry"),
    Variable("isotype", _COHORT, "1", "covariate", "type of the monoclonal protein"),
    Variable("prior_lines", _COHORT, "1", "covariate", "lines of therapy before entry"),
    Variable("len_refractory", _COHORT, "1", "covariate", "whether lenalidomide has failed before entry"),
    Variable("clone_fraction", _COHORT, "1", "covariate", "share of each clone at entry", clone=True),
    Variable("m_protein", _MEASURED, "g/L", "output", "serum M-protein"),
    Variable("flc", _MEASURED, "mg/L", "output", "involved serum free light chain"),
    Variable("sbcma", _TRAJECTORY, "ng/mL", "output", "soluble BCMA in serum"),
    Variable("clone_cells", _TRAJECTORY, "cell", "output", "plasma cells of each clone", clone=True),
    Variable("burden", _TRAJECTORY, "cell", "output", "all plasma cells"),
    Variable("anc", (*_MEASURED, "counts"), "Gpt", "output", "neutrophils in blood"),
    Variable("platelets", (*_MEASURED, "counts"), "Gpt", "output", "platelets in blood"),
    Variable("effector_t", _TRAJECTORY, "cell/uL", "output", "effector T cells in blood"),
    Variable("exhausted_t", _TRAJECTORY, "cell/uL", "output", "exhausted T cells in blood"),
    Variable("nk", _TRAJECTORY, "cell/uL", "output", "natural killer cells in blood"),
    Variable("treg", _TRAJECTORY, "cell/uL", "output", "regulatory T cells in blood"),
    Variable("car_t", _TRAJECTORY, "cell", "output", "CAR-T cells in the body"),
    Variable("ikzf_t", _TRAJECTORY, "1", "output", "IKZF1 and IKZF3 in T and NK cells relative to baseline"),
    Variable("activation", _TRAJECTORY, "1", "output", "activation of T and NK cells, with memory"),
    Variable("burden_true", _VISITS, "cell", "output", "all plasma cells, without assay error"),
    Variable("response", _VISITS, "1", "code", "best confirmed response so far", codes=RESPONSE),
    Variable("progression", _VISITS, "1", "code", "progression by the criteria", codes=PROGRESSION),
    Variable("mrd_negative", _VISITS, "1", "code", "whether residual disease is below the assay's limit", codes=_MAYBE),
    Variable("neutropenia", _VISITS, "1", "code", "CTCAE grade of neutropenia", codes=GRADE),
    Variable("thrombocytopenia", _VISITS, "1", "code", "CTCAE grade of thrombocytopenia", codes=GRADE),
    Variable("dosing", _VISITS, "1", "code", "whether the patient is on treatment", codes=_NO_YES),
    Variable("event_time", ("events",), "d", "endpoint", "first time at which the condition holds, or missing"),
    Variable("given", ("dosing",), "1", "code", "whether the regimen gives the drug that day", codes=_NO_YES),
    Variable("dose_unit", (), "", "coordinate", "unit of the drug's amounts"),
    Variable("dose_taken", _DOSES, "", "output", "amount given from the visit to the next, in the drug's unit"),
    Variable("dose_planned", _DOSES, "", "output", "amount that the regimen plans from the visit to the next"),
    Variable("rule", _LEDGER, "", "output", "rule that decided, or progression"),
    Variable("decision", _LEDGER, "", "output", "what was decided, such as hold or reduce"),
    Variable("from", _LEDGER, "", "output", "amount of one administration before, 0 while held or stopped"),
    Variable("to", _LEDGER, "", "output", "amount of one administration from then on, 0 while held or stopped"),
    Variable("step", _LEDGER, "", "output", "amount of one administration when the drug is given"),
    Variable("unit", _LEDGER, "", "output", "unit of the amounts, as the regimen writes them"),
    Variable("schedule", _LEDGER, "", "output", "days of the cycle that a rule has changed to, empty as planned"),
    Variable("best_response", _ENDPOINTS, "1", "code", "best confirmed response", codes=RESPONSE),
    Variable(
        "best_change", _ENDPOINTS, "1", "endpoint", "largest relative reduction of the marker, negative for a fall"
    ),
    Variable("pfs_time", _ENDPOINTS, "d", "endpoint", "time to progression, death or last visit"),
    Variable("pfs_event", _ENDPOINTS, "1", "code", "whether progression or death was seen", codes=_NO_YES),
    Variable("ttp_time", _ENDPOINTS, "d", "endpoint", "time to progression or last visit"),
    Variable("ttp_event", _ENDPOINTS, "1", "code", "whether progression was seen", codes=_NO_YES),
    Variable("dose_intensity", _ENDPOINTS, "1", "endpoint", "dose given as a share of the dose planned"),
    Variable(
        "drug_intensity",
        _ENDPOINTS,
        "1",
        "endpoint",
        "dose of the drug given as a share of the dose planned",
        drug=True,
    ),
    Variable("holds", _ENDPOINTS, "1", "endpoint", "times that a drug was held"),
    Variable("time_to_first_reduction", _ENDPOINTS, "d", "endpoint", "time to the first lower dose after day 0"),
    Variable("time_to_stop", _ENDPOINTS, "d", "endpoint", "time to the end of all treatment, missing where it went on"),
    Variable("worst_neutropenia", _ENDPOINTS, "1", "code", "worst CTCAE grade of neutropenia", codes=GRADE),
    Variable("worst_thrombocytopenia", _ENDPOINTS, "1", "code", "worst CTCAE grade of thrombocytopenia", codes=GRADE),
    Variable("status", _ENDPOINTS, "1", "code", "outcome of the integration", codes=STATUS),
)

VARIABLES: Mapping[str, Variable] = MappingProxyType({variable.name: variable for variable in _VARIABLES})
"""All registered variables by name."""


def variable(name: str) -> Variable:
    """Look a variable up; `StoreError` with the nearest names if it is not registered."""
    if name not in VARIABLES:
        raise StoreError(f"'{name}' is no variable of a run.{did_you_mean(name, VARIABLES)}")
    return VARIABLES[name]


def reduced_attributes(how: str, unit: str, text: str) -> dict[str, str]:
    """Attributes of a reduction over time, a key of `REDUCTIONS`, of a variable with this unit and sentence."""
    method, words = REDUCTIONS[how]
    return {
        "units": "d" if how.startswith("time_of") else unit,
        "long_name": f"{words} {text}",
        "cell_methods": f"time: {method}",
    }


def names(group: str) -> tuple[str, ...]:
    """Names of the registered variables of a group of the run."""
    return tuple(found.name for found in VARIABLES.values() if group in found.groups)


def annotate(dataset: xarray.Dataset, group: str = "") -> xarray.Dataset:
    """Label every registered variable and coordinate of a Dataset, in place.

    Parameters
    ----------
    dataset : xarray.Dataset
        Variables that the registry does not know (model parameters, outputs of other models) stay as they are.
    group : str, optional
        Group of the run, a key of `DIMS`; when given, dimensions are checked too.

    Returns
    -------
    xarray.Dataset
        The same Dataset; attributes that a variable already has are kept.

    Raises
    ------
    StoreError
        A variable carries other units or dimensions than the registry says; all mistakes are listed.
    """
    mistakes = list(_mistakes(dataset, group))
    if mistakes:
        raise StoreError("\n".join(["the Dataset does not follow pdsim's schema:", *mistakes]))
    for name in dataset.variables:
        known = VARIABLES.get(str(name))
        for key, value in known.attributes().items() if known else ():
            dataset.variables[name].attrs.setdefault(key, value)
    return dataset


def _mistakes(dataset: xarray.Dataset, group: str) -> Iterable[str]:
    for name, array in dataset.variables.items():
        known = VARIABLES.get(str(name))
        if known is None:
            continue
        units = array.attrs.get("units", known.unit)
        if units != known.unit:
            yield f"  {name}: units are '{units}', expected '{known.unit}'"
        if group in known.groups and set(array.dims) != set(known.dims(group)):
            yield f"  {name}: dimensions are {array.dims}, expected {known.dims(group)}"
