"""What tables of a study file are made of: durations, settings, plain names, and the strict table itself."""

from __future__ import annotations

from math import isfinite
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainValidator

from pdsim.errors import UnitError
from pdsim.units import days


def _moment(value: Any) -> Any:
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
    if not (isfinite(number) and number >= 0):
        raise ValueError(f"should not be negative, not '{value}'.")
    return value


def _duration(value: Any) -> Any:
    if not days(_moment(value)):
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


Moment = Annotated[str, BeforeValidator(_moment)]
Duration = Annotated[str, BeforeValidator(_duration)]
Setting = Annotated[float | str, PlainValidator(_setting)]
Settings = dict[str, Setting]
PlainName = Annotated[str, AfterValidator(_plain_name)]


class Table(BaseModel):
    """A table of a study file: unknown keys are mistakes, values keep their TOML type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
