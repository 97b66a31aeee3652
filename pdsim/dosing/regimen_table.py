"""Writes a regimen as an event table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pdsim.dosing.dose import DoseLine
from pdsim.dosing.table import EventTable
from pdsim.errors import DoseError, did_you_mean
from pdsim.units import convert, parse_quantity
from pdsim.units import days as to_days

if TYPE_CHECKING:
    from pdsim.dosing.regimen import Regimen

_EVEN = 1e-9  # of the interval: how exactly doses must be spaced to share a record


class _Record(NamedTuple):
    time: float
    evid: int
    cmt: str | None = None
    amount: float = 0.0
    rate: float = 0.0
    interval: float = 0.0
    further: int = 0
    per: str = "flat"


def regimen_table(
    regimen: Regimen,
    stop: str | float,
    model: Any = None,
    *,
    patients: int | Iterable[int] = 1,
    at: Sequence[float] | np.ndarray = (),
    scale: Mapping[str, np.ndarray] | None = None,
) -> EventTable:
    """Write the doses of a regimen below `stop`, and rows to report `at`; see `Regimen.to_table`."""
    unit = getattr(model, "time", "day")
    records = [_Record(float(convert(day, "day", unit)), 0) for day in np.asarray(at, dtype=float)]
    for line in regimen.lines(to_days(stop)):
        records += _records(line, unit, _amount(line, model))
    records.sort(key=lambda record: (record.time, record.evid == 0))  # a value at the time of a dose is that after it
    ids = np.arange(1, patients + 1) if isinstance(patients, int) else np.array(list(patients))
    sizes = np.array([_sizes(record.per, scale, len(ids), regimen.name) for record in records]).T.reshape(-1)
    return _table(records * len(ids), np.repeat(ids, len(records)), sizes)


def _table(records: list[_Record], ids: np.ndarray, sizes: np.ndarray) -> EventTable:
    def column(name: str, kind: type = float) -> np.ndarray:
        return np.array([getattr(record, name) for record in records], dtype=kind)

    return EventTable(
        id=ids,
        time=column("time"),
        evid=column("evid", np.int64),
        amt=column("amount") * sizes,
        rate=column("rate") * sizes,
        ii=column("interval"),
        addl=column("further", np.int64),
        ss=np.zeros(len(records), dtype=np.int64),
        mdv=(column("evid") != 0).astype(np.int64),
        cmt=column("cmt", object),
    )


def _records(line: DoseLine, unit: str, amount: float) -> list[_Record]:
    """Records of a dose line: a run of evenly spaced doses is one."""
    times = np.asarray(convert(line.times, "day", unit), dtype=float)
    length = float(convert(line.duration, "day", unit))
    rate = amount / length if length > 0.0 else 0.0
    records = []
    first = 0
    while first < len(times):
        last = _end_of_run(times, first)
        interval = float(times[first + 1] - times[first]) if last > first else 0.0
        records.append(_Record(float(times[first]), 1, line.drug, amount, rate, interval, last - first, line.per))
        first = last + 1
    return records


def _end_of_run(times: np.ndarray, first: int) -> int:
    """Last dose that an interval from the first one still meets."""
    if first + 2 >= len(times):
        return first
    interval = times[first + 1] - times[first]
    expected = times[first] + interval * np.arange(len(times) - first)
    met = np.abs(times[first:] - expected) <= _EVEN * interval
    run = int(np.argmin(met)) if not met.all() else len(met)
    return first + run - 1 if run > 2 and interval > 0.0 else first


def _amount(line: DoseLine, model: Any) -> float:
    """Amount in the unit of the state that it enters; as written where there is no model."""
    if model is None:
        return line.amount
    dosed = [name for name, state in model.states.items() if state.dosed]
    if line.drug not in dosed:
        hint = did_you_mean(line.drug, dosed)
        known = ", ".join(dosed) or "none"
        raise DoseError(
            f"'{line.drug}' is no dosed state of model '{model.name}', and a table doses states.{hint} Dosed: {known}"
        )
    return parse_quantity(f"{line.amount!r} {line.unit}", model.states[line.drug].unit, line.drug)


def _sizes(per: str, scale: Mapping[str, np.ndarray] | None, count: int, name: str) -> np.ndarray:
    if per == "flat":
        return np.ones(count)
    if per not in (scale or {}):
        raise DoseError(f"regimen '{name}' has doses per {per}; give scale = {{'{per}': values of the patients}}")
    return np.broadcast_to(np.asarray(scale[per], dtype=float), count)  # type: ignore[index]
