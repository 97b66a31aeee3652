"""Schema of study files: every key, its type, its default and its bounds."""

from __future__ import annotations

from math import isfinite
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator

from pdsim.errors import UnitError
from pdsim.units import days


def _duration(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"should be a time with a unit, such as '28 d', not {value}.")
    if isinstance(value, int | float):
        raise ValueError(f"{value} has no unit. Write it as text with one, such as '{value} d' or '3 yr'.")
    try:
        number = days(value)
    except UnitError as error:
        raise ValueError(str(error)) from None
    try:
        float(value)
    except ValueError:
        pass
    else:
        raise ValueError(f"'{value}' has no unit. Write one, such as '{value} d' or '3 yr'.")
    if not (isfinite(number) and number > 0):
        raise ValueError(f"should be longer than zero, not '{value}'.")
    return value


def _setting(value: Any) -> float | str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"should be a number, or text with a unit such as '0.01 1/day', not {value}.")
    if isinstance(value, str):
        return value
    if not isfinite(value):
        raise ValueError(f"should be a finite number, not {value}.")
    return float(value)


def _plain_name(value: str) -> str:
    if not value or not all(letter.isalnum() or letter in "_-+" for letter in value):
        raise ValueError(f"'{value}' should be made of letters, digits, '_', '-' and '+'.")
    return value


Duration = Annotated[str, BeforeValidator(_duration)]
Setting = Annotated[float | str, PlainValidator(_setting)]
Settings = dict[str, Setting]
PlainName = Annotated[str, AfterValidator(_plain_name)]


class Table(BaseModel):
    """A table of a study file: unknown keys are mistakes, values keep their TOML type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class CohortTable(Table):
    """``[cohort]``: how many patients, and how they are drawn."""

    size: int = Field(100, ge=1)
    sampling: Literal["sobol", "random"] = "sobol"


class ArmTable(Table):
    """One entry of ``[arms]``: a regimen (none: untreated), when it ends, parameters it changes."""

    regimen: str | None = None
    until: Literal["progression"] | None = None
    set: Settings = Field(default_factory=dict)
    label: str = ""


class HypothesisTable(Table):
    """One ``[[hypothesis]]``: an arm run again with other parameters, as ``ARM:NAME``."""

    name: PlainName
    arm: str
    set: Settings = Field(min_length=1)
    label: str = ""


class SolverTable(Table):
    """``[solver]``: method and tolerances; what is not given is the simulator's own choice."""

    method: str = "auto"
    rtol: float | None = Field(None, gt=0, lt=1)
    atol: float | None = Field(None, gt=0)


class Study(Table):
    """A study file, validated.

    Quantities stay the text they were written as; `days` of `pdsim.units` reads them.
    """

    name: PlainName
    title: str = ""
    description: str = ""
    folder: str
    model: str
    population: str
    seed: int = Field(1, ge=0)
    stop: Duration
    every: Duration = "7 d"
    visits: Duration = "28 d"
    interval_n: int | None = Field(None, ge=1)
    save: tuple[str, ...] | None = Field(None, strict=False, min_length=1)
    cohort: CohortTable = CohortTable()
    arms: dict[PlainName, ArmTable] = Field(min_length=1)
    hypothesis: tuple[HypothesisTable, ...] = Field((), strict=False)
    solver: SolverTable = SolverTable()
    provenance: dict[str, Any] = Field(default_factory=dict)


TABLES: dict[str, type[Table]] = {"cohort": CohortTable, "solver": SolverTable}


def known_keys(path: tuple[str | int, ...]) -> list[str]:
    """Return the keys that the table at `path` of a study accepts; empty where any name may stand."""
    parts = [str(part) for part in path]
    if not parts:
        return [key for key in Study.model_fields if key != "provenance"]
    if parts[0] in TABLES and len(parts) == 1:
        return list(TABLES[parts[0]].model_fields)
    if parts[0] == "arms" and len(parts) == 2:
        return list(ArmTable.model_fields)
    if parts[0] == "hypothesis" and len(parts) == 2:
        return list(HypothesisTable.model_fields)
    return []
