"""A dose line back as the keys of a file, and as a line of text."""

from __future__ import annotations

import math
from typing import Any

from pdsim.dosing.dose import Dose


def tidy(number: float) -> str:
    """Write a number so that it reads back to the same one, without a trailing ``.0``."""
    return repr(int(number)) if float(number).is_integer() and abs(number) < 1e15 else repr(float(number))


def amount_text(dose: Dose) -> str:
    """Write the amount with its unit, ``"750 mg/m2"``."""
    return f"{tidy(dose.amount)} {dose.unit}" + ("" if dose.per == "flat" else f"/{dose.per}")


def cycles_text(cycles: tuple[int, int | None]) -> str:
    """Write cycles as in a file, ``"1-8"`` or ``"9-"``."""
    first, last = cycles
    return f"{first}-{'' if last is None else last}"


def dose_to_dict(dose: Dose) -> dict[str, Any]:
    """Return the keys of one ``[[dose]]`` table; keys at their default are left out."""
    keys: dict[str, Any] = {
        "drug": dose.drug,
        "amount": amount_text(dose),
        "days": "continuous" if dose.days == "continuous" else list(dose.days),
    }
    if dose.cycles is not None:
        keys["cycles"] = cycles_text(dose.cycles)
    if dose.route is not None:
        keys["route"] = dose.route
    if dose.per_day != 1:
        keys["per_day"] = dose.per_day
    spans = {"duration": dose.duration, "time": dose.time_of_day, "start": dose.start}
    keys.update({key: f"{tidy(span)} d" for key, span in spans.items() if span})
    if math.isfinite(dose.stop):
        keys["stop"] = f"{tidy(dose.stop)} d"
    if dose.cycle is not None:
        keys["cycle"] = f"{tidy(dose.cycle)} d"
    if dose.when_needed:
        keys["when_needed"] = True
    keys.update({key: text for key, text in (("status", dose.status), ("source", dose.source)) if text})
    return keys


def describe_dose(dose: Dose, cycle: float) -> str:
    """Say in one line what is given when."""
    parts = [f"{dose.drug} {amount_text(dose)}", f"{dose.per_day} times a day" if dose.per_day > 1 else ""]
    parts.append(f"by {dose.route}" if dose.route else "")
    parts.append(_days_text(dose, cycle))
    parts.append(f"cycles {cycles_text(dose.cycles)}" if dose.cycles else "")
    parts.append(f"from day {tidy(dose.start)}" if dose.start else "")
    parts.append(f"to day {tidy(dose.stop)}" if math.isfinite(dose.stop) else "")
    parts.append("when a rule says so" if dose.when_needed else "")
    return ", ".join(part for part in parts if part) + (f" ({dose.status})" if dose.status else "")


def _days_text(dose: Dose, cycle: float) -> str:
    if dose.days == "continuous":
        return "every day"
    length = tidy(dose.cycle or cycle)
    first, last = dose.days[0], dose.days[-1]
    if last - first + 1 == len(dose.days) > 2:
        return f"days {first}-{last} of {length}"
    return f"day{'s' * (len(dose.days) > 1)} {', '.join(map(str, dose.days))} of {length}"
