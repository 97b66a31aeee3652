"""Schema of study files: every key, its type, its default and its bounds."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from pdsim.config.base import Duration, Moment, PlainName, Settings, Table
from pdsim.config.sweep_schema import FactorTable, SensitivityTable, SweepTable


class CohortTable(Table):
    """``[cohort]``: how many patients, how they are drawn, and keys of the population file that are changed."""

    size: int = Field(100, ge=1)
    sampling: Literal["sobol", "random"] = "sobol"
    change: dict[str, Any] = Field(default_factory=dict)


class DoseTable(Table):
    """``arms.NAME.dose.DRUG``: what is given otherwise than the regimen says; see `pdsim.dosing.change`."""

    given: bool = True
    amount: str | None = None
    factor: float | None = Field(None, gt=0)
    days: str | list[int] | None = None
    start: Moment | None = None
    stop: Duration | None = None


class ArmTable(Table):
    """One entry of ``[arms]``: a regimen (none: untreated), when it ends, what it changes of drugs and parameters."""

    regimen: str | None = None
    until: Literal["progression"] | None = None
    set: Settings = Field(default_factory=dict)
    dose: dict[str, DoseTable] = Field(default_factory=dict)
    rules: tuple[str, ...] | None = Field(None, strict=False)
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
    sweep: SweepTable | None = None
    sensitivity: SensitivityTable | None = None
    provenance: dict[str, Any] = Field(default_factory=dict)

    @property
    def simulation(self) -> dict[str, Any]:
        """What `pdsim.simulate` is told of days and solver by a study whose defaults are explicit."""
        days = {name: getattr(self, name) for name in ("stop", "every", "visits")}
        return {**days, **self.solver.model_dump()}


TABLES: dict[str, type[Table]] = {
    "cohort": CohortTable,
    "solver": SolverTable,
    "sweep": SweepTable,
    "sensitivity": SensitivityTable,
}


def known_keys(path: tuple[str | int, ...]) -> list[str]:
    """Return the keys that the table at `path` of a study accepts; empty where any name may stand."""
    parts = [str(part) for part in path]
    if not parts:
        return [key for key in Study.model_fields if key != "provenance"]
    table: type[Table] | None = None
    if len(parts) == 1:
        table = TABLES.get(parts[0])
    elif len(parts) == 2 and parts[0] == "arms":
        table = ArmTable
    elif len(parts) == 2 and parts[0] == "hypothesis":
        table = HypothesisTable
    elif parts[0] == "arms" and parts[2] == "dose" and len(parts) == 4:
        table = DoseTable
    elif parts[:2] == ["sweep", "factor"] and len(parts) == 3:
        table = FactorTable
    return list(table.model_fields) if table else []
