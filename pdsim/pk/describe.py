"""A drug card as lines of text."""

from __future__ import annotations

from pdsim.pk.card import Covariate, DrugCard, Reference, Value
from pdsim.pk.closed_form import exposure
from pdsim.pk.course import Interval, Usual, half_life, published, usual_exposure
from pdsim.pk.system import LinearSystem

_HOURS = 24.0
_COLUMNS = ("AUC nM day", "AUC mg h/L", "Cmax nM", "Cmax mg/L", "Tmax h", "trough nM")


def card_lines(card: DrugCard) -> tuple[str, ...]:
    """Say what the card holds: kinetics, exposure of a reference patient, effects, status, sources."""
    head = f"{card.label} ({card.drug_class})" if card.drug_class else card.label
    place = f"cells enter the state {card.state}" if card.kind == "cells" else _compartments(card)
    lines = [head, f"  {place}; route: {card.route or 'to be named'}"]
    lines += ["kinetics"]
    lines += [_value_line(key, value) for key, value in card.values.items()]
    lines += [] if card.kind == "cells" else _exposure_lines(card)
    for effect in card.effects:
        lines.append(f"acts on {effect.input}, by free {effect.species}")
        lines += [_value_line(key, value) for key, value in effect.keys.items()]
    lines.append("sources")
    seen: dict[str, list[str]] = {}
    checks = [(f"check.{key}", value.status, value.source) for key, value in card.checks.items()]
    for key, _, source in [*card.sources(), *checks]:
        seen.setdefault(source, []).append(key)
    lines += [f"  {source} [{', '.join(keys)}]" for source, keys in seen.items()]
    return tuple(lines)


def _compartments(card: DrugCard) -> str:
    more = "" if card.kind == "linear" else ", as states of the model"
    return f"compartments: {', '.join(card.compartments)}{more}"


def _covariate_text(name: str, item: Covariate) -> str:
    return f"{name} {item.reference:g}" + ("" if item.unit == "1" else f" {item.unit}")


def _value_line(key: str, value: Value) -> str:
    return f"  {key} = {value} ({value.status})"


def _exposure_lines(card: DrugCard) -> list[str]:
    patient = ", ".join(_covariate_text(name, item) for name, item in card.covariates.items())
    where = f"in the reference patient{f' ({patient})' if patient else ''}"
    if card.reference:
        lines = _usual_lines(card, card.reference, usual_exposure(card), where)
    elif card.kind == "linear":
        lines = _lines_for_each_mg(card, where)
    else:
        lines = [
            where,
            "  exposure is not in proportion to the dose; a table [reference] with amount and every shows it",
        ]
        lines.append(f"  slowest half-life of the linear part {_HOURS * half_life(card):.3g} h")
    for key, (computed, cited) in published(card).items():
        value = card.checks[key]
        lines.append(f"  {key}: published {value} ({value.status}); this card {100 * (computed / cited - 1):+.0f} %")
    return lines


def _lines_for_each_mg(card: DrugCard, where: str) -> list[str]:
    system = card.typical_system()
    assert isinstance(system, LinearSystem)
    reached = exposure(system, system.route or "iv", 1.0)
    lines = [f"{where}, for each mg"]
    for row, species in enumerate(card.species):
        total, free = reached.auc[row, 0], reached.auc_free[row, 0]
        lines.append(f"  {species}: AUC {total:.4g} nM day, free {free:.4g} nM day")
    lines.append(f"  slowest half-life {_HOURS * reached.half_life[0]:.3g} h")
    return lines


def _usual_lines(card: DrugCard, reference: Reference, found: Usual, where: str) -> list[str]:
    masses = [card.molar_mass, *(metabolite.molar_mass for metabolite in card.metabolites)]
    rows = [
        (f"{species}, {name}", _cells(part, row, mass))
        for row, (species, mass) in enumerate(zip(card.species, masses, strict=True))
        for name, part in (("first dose", found.first), ("steady", found.steady))
    ]
    width = max(len(name) for name, _ in rows)
    part = "" if card.kind == "linear" else " of the linear part"
    return [
        f"{where}, {reference.text}; free and bound together",
        f"  {'':{width}}  {'  '.join(_COLUMNS)}",
        *(
            f"  {name:{width}}  {'  '.join(f'{cell:>{len(head)}}' for cell, head in zip(cells, _COLUMNS, strict=True))}"
            for name, cells in rows
        ),
        f"  steady after {found.doses} doses; slowest half-life{part} {_HOURS * found.half_life:.3g} h",
    ]


def _cells(part: Interval, row: int, molar_mass: float) -> list[str]:
    milligrams = 1e-6 * molar_mass  # in a nmol
    area, peak = part.auc[row], part.peak[row]
    time, trough = _HOURS * part.peak_time[row], part.trough[row]
    values = (area, area * milligrams * _HOURS, peak, peak * milligrams, time, trough)
    return [f"{value:.4g}" for value in values]
