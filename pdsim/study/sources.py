"""Every parameter behind a run with its status and source, for the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pdsim.cohort import Trait, Variable
    from pdsim.config.plan import Plan


def parameter_records(plan: Plan) -> list[dict[str, str | float]]:
    """List name, value, unit, status and source of the model's parameters, the drugs' and the population's.

    Parameters
    ----------
    plan : Plan
        The expanded study.

    Returns
    -------
    list of dict
        What the population or an arm replaces is listed with the model's default, and again with the population's rule.
    """
    records: list[dict[str, str | float]] = [
        {"name": name, "value": param.default, "unit": param.unit, "status": param.status, "source": param.source}
        for name, param in plan.model.params.items()
    ]
    for drug, card in plan.drugs.items():
        records += [
            {"name": f"{drug}.{key}", "value": str(value), "unit": value.unit, **_origin(value.status, value.source)}
            for key, value in card.all_values().items()
        ]
    population = plan.population
    entries: list[tuple[Trait | Variable, str]]
    entries = [(trait, "by clone") for trait in population.traits]
    entries += [(variable, type(variable.rule).__name__.lower()) for variable in population.variables]
    for one, value in entries:
        name = f"{population.name}: {one.name}"
        records.append({"name": name, "value": value, "unit": one.unit, **_origin(one.status, one.source)})
    return records


def _origin(status: str, source: str) -> dict[str, str | float]:
    return {"status": status or "assumed", "source": source}
