"""Schema of trial files: patients, arms, visits, censoring, and the published figures that they are held against."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from pdsim.config.base import Duration, PlainName, Settings, Table

Rows = Annotated[tuple[int, ...], BeforeValidator(lambda given: tuple(given) if isinstance(given, list) else (given,))]
Status = Literal["verified", "recalled", "assumed"]

RESPONSES = {
    "ORR_ge_PR": "at least PR",
    "rate_ge_MR": "at least MR",
    "rate_ge_VGPR": "at least VGPR",
    "rate_VGPR": "VGPR and no better",
    "rate_CR": "CR or sCR",
    "rate_CR_nCR": "at least near CR",
    "rate_nCR": "near CR and no better",
    "MRD_negative_rate": "MRD negative at any visit before progression",
    "MRD_sustained_rate": "MRD negative at all visits of a year",
    "MRD_conversion_rate": "MRD positive at the start, negative later",
    "deepening_rate": "better response than at the start",
}
TIMES = ("PFS", "TTP", "OS", "EFS", "DOR")
COUNTS = ("neutropenia", "thrombocytopenia")
ENDPOINTS: dict[str, str] = {
    **dict.fromkeys(RESPONSES, "response"),
    **{f"median_{name}": "time" for name in TIMES},
    **{f"{name}_rate": "time" for name in TIMES},
    "HR_PFS": "time",
    "HR_TTP": "time",
    "HR_OS": "time",
    "time_to_best_response": "time",
    "time_to_response": "time",
    "car_t_persistence_rate": "time",
    **{f"grade{grade}_{name}": "toxicity" for grade in ("34", "4") for name in COUNTS},
}
"""Endpoints of outcomes by name, and the class that they are summarised in."""

_UNITS = {"HR": ("ratio",), "rate": ("%",), "time": ("months", "weeks", "days")}


class EligibilityTable(Table):
    """``[[eligibility]]``: arithmetic over a patient's covariates and parameters that is true for those who enter."""

    keep: str
    source: str = ""


class HistoryTable(Table):
    """``[[history]]``: treatment that is simulated before entry, in the order of the file.

    Patients go on at confirmed ``progression``, at the ``end`` of the line after `stop`, or on a day of their own in a
    `window`. Those who have not got there, or for whom `keep` is not true, do not enter. `then` computes covariates
    and parameters that have changed.
    """

    regimen: str
    stop: Duration = "5 yr"
    enter: Literal["progression", "end", "window"] = "progression"
    window: tuple[Duration, Duration] | None = Field(None, strict=False)
    until: Literal["progression"] | None = None
    keep: str | None = None
    then: dict[str, float | str] = Field(default_factory=dict)
    set: Settings = Field(default_factory=dict)
    source: str = ""

    @model_validator(mode="after")
    def _window(self) -> HistoryTable:
        if (self.enter == "window") != (self.window is not None):
            raise ValueError("a window belongs to enter = 'window'; give both or none.")
        return self


class ArmTable(Table):
    """``[arms.NAME]``: what is given to whom.

    `n` is the number of patients of the published arm, `allocation` its share of those who are randomised (by default
    in the ratio of `n`). `keep` lets only some of the patients into the arm. `regimen_id` is the name of the arm in the
    published results, by default that of the regimen.
    """

    regimen: str
    n: int | None = Field(None, ge=1)
    label: str = ""
    allocation: float | None = Field(None, gt=0)
    keep: str | None = None
    until: Literal["progression"] | None = None
    rules: tuple[str, ...] = Field((), strict=False)
    set: Settings = Field(default_factory=dict)
    regimen_id: str = ""


class AssayTable(Table):
    """``[assay]``: errors of measurement; see `pdsim.visits.AssayError`."""

    proportional_m_protein: float = Field(0.10, ge=0)
    additive_m_protein: float | str = "2 g/L"
    proportional_flc: float = Field(0.10, ge=0)
    proportional_counts: float = Field(0.10, ge=0)


class CensoringTable(Table):
    """``[censoring]``: why a patient is no longer followed.

    `accrual` is the time over which patients entered: the last of them is followed for `follow_up` less it. `dropout`
    is the share that is lost in a year.
    """

    accrual: Duration | None = None
    dropout: float = Field(0.03, ge=0, lt=1)
    source: str = ""
    status: Status = "assumed"


class RunInTable(Table):
    """``[run_in]``: patients treated before randomisation to find the dose; they are in no arm."""

    regimen: str
    n: int = Field(ge=1)
    doses: tuple[str, ...] = Field((), strict=False)
    drug: str = ""
    limit: float = Field(0.33, gt=0, lt=1)
    days: Duration = "28 d"
    source: str = ""


class PowerTable(Table):
    """``[power]``: replicate trials drawn from a bank of simulated patients."""

    test: str
    against: str
    endpoint: Literal["PFS", "TTP", "OS"] = "PFS"
    replicates: int = Field(1000, ge=1)
    bank: int = Field(5000, ge=2)
    alpha: float = Field(0.05, gt=0, lt=1)
    sides: Literal[1, 2] = 2


class OutcomeTable(Table):
    """``[[outcome]]``: one published figure, or one that is only predicted (without `observed`).

    `row` are the rows of the published results that hold it. `subgroup` is what the source calls the patients and
    `among` the arithmetic over covariates, parameters and endpoints that picks them. `timepoint` is the source's text,
    `at` the time of a landmark rate. A hazard ratio is that of `arm` relative to `against`. `duplicate_of` marks a
    figure that is printed again elsewhere: it is shown and not counted.
    """

    row: Rows = ()
    arm: str
    against: str | None = None
    endpoint: str
    subgroup: str = ""
    among: str | None = None
    timepoint: str = ""
    at: Duration | None = None
    unit: Literal["%", "months", "weeks", "days", "ratio"] = "%"
    observed: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = Field(None, ge=1)
    set: Literal["fit", "check", "blind"]
    drugs: Literal["known", "new"] = "known"
    duplicate_of: str | int = ""
    regimen_id: str = ""
    trial: str = ""
    source: str = ""

    @property
    def kind(self) -> str:
        """Class that it is summarised in: response, time or toxicity."""
        return ENDPOINTS[self.endpoint]

    @model_validator(mode="after")
    def _fits(self) -> OutcomeTable:
        complaint = _endpoint_mistake(self) or _unit_mistake(self) or _figure_mistake(self)
        if complaint:
            raise ValueError(complaint)
        return self


def _endpoint_mistake(one: OutcomeTable) -> str:
    from pdsim.errors import did_you_mean

    if one.endpoint not in ENDPOINTS:
        return f"there is no endpoint '{one.endpoint}'.{did_you_mean(one.endpoint, ENDPOINTS)}"
    landmark = one.kind == "time" and one.endpoint.endswith("_rate")
    if landmark and one.at is None:
        return f"{one.endpoint} needs its time: write for example at = '12 months'."
    if not landmark and one.at is not None:
        return f"'at' belongs to landmark rates such as PFS_rate, not to {one.endpoint}."
    ratio = one.endpoint.startswith("HR_")
    if ratio != (one.against is not None):
        return "a hazard ratio, and nothing else, needs 'against', the arm it is relative to."
    return "an arm cannot be compared with itself." if one.against == one.arm else ""


def _unit_mistake(one: OutcomeTable) -> str:
    percent = one.kind in ("response", "toxicity") or one.endpoint.endswith("_rate")
    known = _UNITS["HR"] if one.endpoint.startswith("HR_") else _UNITS["rate"] if percent else _UNITS["time"]
    return "" if one.unit in known else f"{one.endpoint} is in {' or '.join(known)}, not in {one.unit}."


def _figure_mistake(one: OutcomeTable) -> str:
    if (one.low is None) != (one.high is None):
        return "has one end of an interval; give 'low' and 'high', or none."
    if one.observed is None:
        return "" if one.set == "blind" else f"is in the {one.set} set, so it needs 'observed'."
    if one.low is not None and one.high is not None and not one.low <= one.observed <= one.high:
        return "lies outside its interval."
    top = 100.0 if one.unit == "%" else float("inf")
    if not 0 <= one.observed <= top or (one.unit != "%" and one.observed == 0):
        return f"observed cannot be {one.observed:g} {one.unit}."
    return ""


class TrialFile(Table):
    """One file of ``configs/trials``. Times are text with a unit."""

    title: str
    trial: str
    source: str
    status: Status = "recalled"
    notes: str = ""
    model: str = "myeloma"
    population: str | dict[str, Any]
    eligibility: tuple[EligibilityTable, ...] = Field((), strict=False)
    history: tuple[HistoryTable, ...] = Field((), strict=False)
    randomised: bool = False
    arms: dict[PlainName, ArmTable] = Field(min_length=1)
    visits: Duration = "28 d"
    counts: Duration = "7 d"
    follow_up: Duration = "3 yr"
    assay: AssayTable = AssayTable()
    criteria: dict[str, float] = Field(default_factory=dict)
    censoring: CensoringTable = CensoringTable()
    death: dict[str, float] = Field(default_factory=dict)
    rules: tuple[str, ...] = Field((), strict=False)
    run_in: RunInTable | None = None
    power: PowerTable | None = None
    outcome: tuple[OutcomeTable, ...] = Field((), strict=False)

    @model_validator(mode="after")
    def _arms_exist(self) -> TrialFile:
        from pdsim.errors import did_you_mean

        named = [(f"outcome[{place}].{key}", name) for place, one in enumerate(self.outcome, 1)
                 for key, name in (("arm", one.arm), ("against", one.against)) if name is not None]  # fmt: skip
        if self.power:
            named += [("power.test", self.power.test), ("power.against", self.power.against)]
        wrong = [
            f"{key}: there is no arm '{name}'.{did_you_mean(name, self.arms)} Arms: {', '.join(self.arms)}."
            for key, name in named
            if name not in self.arms
        ]
        if wrong:
            raise ValueError("\n".join(wrong))
        return self
