"""Schema of ``[sweep]`` and ``[sensitivity]``: what is varied, how, and what is kept of it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from pdsim.config.base import PlainName, Setting, Table

KEPT = (
    "best_response",
    "best_change",
    "time_to_response",
    "pfs_time",
    "pfs_event",
    "worst_neutropenia",
    "worst_thrombocytopenia",
    "dose_intensity",
)


class FactorTable(Table):
    """One ``[[sweep.factor]]``: keys of the study that change together, and the values or the range they take."""

    key: str | list[str] = Field(min_length=1)
    name: PlainName | None = None
    title: str = ""
    values: tuple[Any, ...] | None = Field(None, strict=False, min_length=1)
    labels: tuple[str, ...] | None = Field(None, strict=False)
    low: Setting | None = None
    high: Setting | None = None
    points: int | None = Field(None, ge=2)
    scale: Literal["linear", "log", "whole"] = "linear"

    @model_validator(mode="after")
    def _one_way(self) -> FactorTable:
        if (self.values is None) == (self.low is None and self.high is None):
            raise ValueError("should have either values, or low and high.")
        if (self.low is None) != (self.high is None):
            raise ValueError("should have both low and high.")
        if self.values is None and not isinstance(self.key, str):
            raise ValueError("a range is for one key; give values, one list for each scenario.")
        if self.labels is not None and (self.values is None or len(self.labels) != len(self.values)):
            raise ValueError("should have one label for each of the values.")
        return self


class SweepTable(Table):
    """``[sweep]``: the plan, what is kept of each patient, and how the work is cut."""

    plan: Literal["grid", "lhs", "sobol", "list", "one_at_a_time"] | None = None
    size: int | None = Field(None, ge=1)
    file: str | None = None
    paired: bool = True
    factor: tuple[FactorTable, ...] = Field((), strict=False)
    save: tuple[str, ...] = Field((), strict=False)
    reduce: dict[str, str | list[str]] = Field(default_factory=dict)
    events: dict[PlainName, str] = Field(default_factory=dict)
    keep: tuple[str, ...] = Field(KEPT, strict=False)
    quantiles: tuple[float, ...] = Field((0.05, 0.25, 0.5, 0.75, 0.95), strict=False)
    figures: tuple[str, ...] | None = Field(None, strict=False)
    chunk: int = Field(512, ge=1)


class SensitivityTable(Table):
    """``[sensitivity]``: which endpoints, by which methods; Morris and Sobol choose the plan themselves."""

    method: Literal["morris", "sobol", "prcc", "delta"] | list[Literal["prcc", "delta"]] = "prcc"
    endpoints: tuple[str, ...] = Field(strict=False, min_length=1)
    size: int = Field(16, ge=2)
    levels: int = Field(4, ge=2)
    confidence: float = Field(0.95, gt=0, lt=1)
    resamples: int = Field(200, ge=10)

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods as a tuple."""
        return (self.method,) if isinstance(self.method, str) else tuple(self.method)

    @property
    def own_plan(self) -> str:
        """``"morris"`` or ``"saltelli"`` where the method needs a plan of its own, else empty."""
        return {"morris": "morris", "sobol": "saltelli"}.get(self.methods[0], "")
