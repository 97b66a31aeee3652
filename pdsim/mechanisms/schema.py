"""Schema of claim files: populations, doses, and claims with their arms, readouts and checks."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from pdsim.config.base import Duration, PlainName, Settings, Table

Kind = Literal["dynamic", "direct", "outside"]
Basis = Literal["mechanism", "fit", "check", "blind"]

READOUT_KEYS = {
    "output": ("of", "over", "from", "to", "relative", "summary"),
    "response": ("least",),
    "mrd": (),
    "survival": ("of", "summary"),
    "grade": ("of", "least"),
    "time_to_best": ("summary",),
    "time_to": ("of", "since"),
    "exposure": ("of",),
    "intensity": (),
}
_NEEDED = {"output": ("of",), "survival": ("of",), "grade": ("of",), "time_to": ("of",), "exposure": ("of",)}
_CHOICES = {"survival": ("pfs", "ttp", "os"), "grade": ("neutropenia", "thrombocytopenia")}
_ARMS = {"value": 1, "difference": 2, "ratio": 2, "interaction": 4}


class CloneTable(Table):
    """A clone that a population has besides those of its base: like one of them, but for some traits."""

    like: str
    share: float = Field(gt=0, lt=1)
    log_odds_sd: float = Field(0.0, ge=0)
    traits: dict[str, float] = Field(default_factory=dict)


class PopulationTable(Table):
    """``[population.NAME]``: a population of the library with some variables fixed and other clones.

    `patients` fixes parameters and covariates, in the units of the base, categories by a level's name; `shares` and
    `log_odds_sd` replace typical shares of clones (the others keep their ratio to the first clone) and spreads;
    `clones` adds some; `set` holds for every arm.
    """

    base: str
    patients: dict[str, float | str] = Field(default_factory=dict)
    shares: dict[str, float] = Field(default_factory=dict)
    log_odds_sd: dict[str, float] = Field(default_factory=dict)
    clones: dict[PlainName, CloneTable] = Field(default_factory=dict)
    set: Settings = Field(default_factory=dict)
    source: str
    status: Literal["verified", "recalled", "assumed"]


class ArmTable(Table):
    """One entry of a claim's ``arms``: what is given to whom, and who of them is read.

    `give` lists dose lines by name, or tables with ``dose`` and the keys that change in it; `rules`
    names files of dose rules that go with them. `after` starts the arm
    from the states that another arm of the claim had reached `at` its end or at progression. `among` is arithmetic
    over endpoints and covariates that is true for those who are read.

    With `first` and `second` nothing is given: the arm is read from two others as one course of treatment, in which
    `share` of the patients (drawn) who progress in `first` go on as in `second`, which starts after it. Only survival
    is read from it; progression is that of `first`.
    """

    regimen: str | None = None
    give: tuple[str | dict[str, Any], ...] = Field((), strict=False)
    rules: tuple[str, ...] = Field((), strict=False)
    population: str | None = None
    patients: dict[str, float] = Field(default_factory=dict)
    set: Settings = Field(default_factory=dict)
    until: Literal["progression"] | None = None
    stop: Duration | None = None
    after: str | None = None
    at: Literal["progression", "end"] = "progression"
    among: str | None = None
    first: str | None = None
    second: str | None = None
    share: float = Field(1.0, gt=0, le=1)

    @model_validator(mode="after")
    def _one_source(self) -> ArmTable:
        joins = bool(self.first or self.second)
        own = self.model_fields_set - {"first", "second", "share"}
        if joins and (own or not (self.first and self.second)):
            raise ValueError("is read from two arms: 'first', 'second', a 'share' if it is not all, and no other key.")
        if self.regimen and self.give:
            raise ValueError("names a regimen and gives doses too; keep one of 'regimen' and 'give'.")
        if self.rules and not self.give:
            raise ValueError("has 'rules' and no doses that they could change; write 'give'.")
        return self


class ReadoutTable(Table):
    """What is read from one arm, as one number: a kind and its keys."""

    kind: Literal["output", "response", "mrd", "survival", "grade", "time_to_best", "time_to", "exposure", "intensity"]
    of: str | None = None
    over: Literal["last", "mean", "min", "max", "auc", "progression"] = "last"
    from_: Duration | None = Field(None, alias="from")
    to: Duration | None = None
    relative: Literal["entry", "peak"] | None = None
    summary: Literal["mean", "median"] = "mean"
    least: str | int | None = None
    since: Literal["start", "progression"] = "start"

    @model_validator(mode="after")
    def _keys_of_kind(self) -> ReadoutTable:
        given = {"from" if name == "from_" else name for name in self.model_fields_set} - {"kind"}
        known = READOUT_KEYS[self.kind]
        for name in sorted(given - set(known)):
            raise ValueError(f"'{name}' is no key of kind = '{self.kind}'; it has: {', '.join(known) or 'none'}.")
        for name in set(_NEEDED.get(self.kind, ())) - given:
            raise ValueError(f"kind = '{self.kind}' needs '{name}'.")
        choices = _CHOICES.get(self.kind)
        if choices and self.of not in choices:
            raise ValueError(f"of = '{self.of}' is not one of {', '.join(choices)}.")
        return self


class CheckTable(Table):
    """One ``[[claim.check]]``: a contrast of one readout between arms, and the bounds it must lie within.

    ``interaction`` takes the arms both, first, second, neither: (both - first) - (second - neither).
    """

    title: str
    readout: ReadoutTable
    contrast: Literal["value", "difference", "ratio", "interaction"] = "difference"
    arms: tuple[str, ...] = Field(strict=False)
    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _complete(self) -> CheckTable:
        if len(self.arms) != _ARMS[self.contrast]:
            raise ValueError(f"contrast = '{self.contrast}' takes {_ARMS[self.contrast]} arms, not {len(self.arms)}.")
        if self.above is None and self.below is None:
            raise ValueError("has no bound; write 'above', 'below' or both.")
        if self.above is not None and self.below is not None and self.above >= self.below:
            raise ValueError(f"above = {self.above:g} leaves nothing below {self.below:g}.")
        return self

    @property
    def expected(self) -> str:
        """The bounds as text."""
        low = "" if self.above is None else f"> {self.above:g}"
        high = "" if self.below is None else f"< {self.below:g}"
        return " and ".join(bound for bound in (low, high) if bound)

    def holds(self, value: float) -> bool:
        """Whether a value lies within the bounds; NaN does not."""
        return value > (self.above if self.above is not None else float("-inf")) and value < (
            self.below if self.below is not None else float("inf")
        )


class ClaimTable(Table):
    """One ``[[claim]]``; `death` holds numbers of `pdsim.endpoints.DeathHazard` that differ from the usual ones."""

    id: str = Field(pattern=r"^M\d+$")
    title: str
    kind: Kind
    basis: Basis
    statement: str
    source: str
    reason: str = ""
    population: str = "len_refractory"
    patients: dict[str, float] = Field(default_factory=dict)
    size: int = Field(48, ge=2)
    stop: Duration = "2 yr"
    every: Duration = "7 d"
    visits: Duration = "28 d"
    until: Literal["progression"] | None = None
    death: dict[str, float] = Field(default_factory=dict)
    arms: dict[PlainName, ArmTable] = Field(default_factory=dict)
    check: tuple[CheckTable, ...] = Field((), strict=False)

    @model_validator(mode="after")
    def _arms_and_reasons(self) -> ClaimTable:
        if self.kind == "outside" and self.check:
            raise ValueError("is outside, so it has no experiment; remove its checks.")
        if not self.check and not self.reason:
            raise ValueError("has no check, so it needs a 'reason'.")
        used = {name for check in self.check for name in check.arms}
        used |= {name for arm in self.arms.values() for name in (arm.after, arm.first, arm.second) if name}
        for name in used - set(self.arms):
            raise ValueError(f"there is no arm '{name}'. Arms: {', '.join(self.arms) or 'none'}.")
        for name, arm in self.arms.items():
            if arm.after and (self.arms[arm.after].after or self.arms[arm.after].first):
                raise ValueError(f"the arm '{name}' is after '{arm.after}', which is itself after another.")
            if arm.second and (self.arms[arm.second].after, self.arms[arm.second].at) != (arm.first, "progression"):
                raise ValueError(f"the arm '{name}' needs a second arm that starts at progression in '{arm.first}'.")
        for name in set(self.arms) - used:
            raise ValueError(f"the arm '{name}' is in no check.")
        for name in {one for check in self.check if check.readout.kind != "survival" for one in check.arms}:
            if self.arms[name].first:
                raise ValueError(f"only survival is read from the arm '{name}', which joins two others.")
        return self


class ClaimFile(Table):
    """A claim file, or one that holds only what the others share."""

    title: str = ""
    population: dict[PlainName, PopulationTable] = Field(default_factory=dict)
    dose: dict[PlainName, dict[str, Any]] = Field(default_factory=dict)
    claim: tuple[ClaimTable, ...] = Field((), strict=False)
