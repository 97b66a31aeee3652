"""A drug card as lines of text."""

from __future__ import annotations

from pdsim.pk.card import Covariate, DrugCard, Value
from pdsim.pk.closed_form import exposure


def card_lines(card: DrugCard) -> tuple[str, ...]:
    """Say what the card holds: kinetics, exposure of a reference patient, effects, status, sources."""
    head = f"{card.label} ({card.drug_class})" if card.drug_class else card.label
    lines = [head, f"  compartments: {', '.join(card.compartments)}; route: {card.route or 'to be named'}"]
    lines += ["kinetics"]
    lines += [_value_line(key, value) for key, value in card.values.items()]
    lines += _exposure_lines(card)
    for effect in card.effects:
        lines.append(f"acts on {effect.input}, by free {effect.species}")
        lines += [_value_line(key, value) for key, value in effect.keys.items()]
    lines.append("sources")
    seen: dict[str, list[str]] = {}
    for key, _, source in card.sources():
        seen.setdefault(source, []).append(key)
    lines += [f"  {source} [{', '.join(keys)}]" for source, keys in seen.items()]
    return tuple(lines)


def _covariate_text(name: str, item: Covariate) -> str:
    return f"{name} {item.reference:g}" + ("" if item.unit == "1" else f" {item.unit}")


def _value_line(key: str, value: Value) -> str:
    return f"  {key} = {value} ({value.status})"


def _exposure_lines(card: DrugCard) -> list[str]:
    system = card.typical_system()
    reached = exposure(system, system.route or "iv", 1.0)
    patient = ", ".join(_covariate_text(name, item) for name, item in card.covariates.items())
    lines = [f"in the reference patient{f' ({patient})' if patient else ''}, for each mg"]
    for row, species in enumerate(card.species):
        total, free = reached.auc[row, 0], reached.auc_free[row, 0]
        lines.append(f"  {species}: AUC {total:.4g} nM day, free {free:.4g} nM day")
    lines.append(f"  slowest half-life {24 * reached.half_life[0]:.3g} h")
    return lines
