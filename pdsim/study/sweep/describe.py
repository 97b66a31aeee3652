"""The expanded plan of a sweep as lines of text: scenarios, patients, and what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pdsim._jit import thread_count
from pdsim.config.describe import arm_line, duration_text, size_text
from pdsim.library.files import shown
from pdsim.study.sweep.template import all_chunks, kept_endpoints, reductions, template_of

if TYPE_CHECKING:
    from pdsim.config.sweep_plan import SweepPlan
    from pdsim.sweep.design import Factor

_ROWS = 12  # scenarios to list
_BASE = 450e6  # bytes of a process with everything imported
_VISIT = 160  # bytes of a patient and arm at one visit, while a chunk is in work
_WORDS = {
    "grid": "every combination",
    "list": "one line after the other",
    "one_at_a_time": "the study, then one factor at a time",
    "lhs": "Latin hypercube",
    "sobol": "Sobol points",
    "morris": "Morris trajectories, for elementary effects",
    "saltelli": "Saltelli's plan, for Sobol indices",
}


def sweep_lines(plan: SweepPlan) -> list[str]:
    """Return the expanded plan for ``pdsim check``."""
    study, sweep, size = plan.study, plan.sweep, len(plan.scenarios)
    width = max(map(len, plan.base.arms))
    names = max(len(factor.name) for factor in plan.design.factors)
    kept = [*kept_endpoints(plan), *(f"{name} {how}" for name, how in reductions(plan)), *sweep.events]
    paired = "the same patients and measurement errors in every scenario" if sweep.paired else "new patients in each"
    return [
        f"{study.title} [{study.name}, sweep, identity {plan.identity}]",
        "",
        f"model       {study.model}: {len(plan.base.model.states)} states, {len(plan.base.model.params)} parameters",
        f"population  {study.population}: {study.cohort.size} patients, seed {study.seed}; {paired}",
        f"time        to {study.stop}, visits every {study.visits}",
        f"kept        {', '.join(kept)}",
        *([f"courses     {', '.join(sweep.save)}, every {study.every}"] if sweep.save else []),
        "",
        f"arms        {len(plan.base.arms)}",
        *(f"  {name:{width}}  {arm_line(arm)}" for name, arm in plan.base.arms.items()),
        "",
        f"factors     {len(plan.design.factors)}; {_WORDS[plan.design.plan]}",
        *(f"  {factor.name:{names}}  {factor_line(factor)}" for factor in plan.design.factors),
        "",
        f"scenarios   {size}",
        *_scenario_lines(plan),
        "",
        "files",
        *(f"  {kind:10} {name}: {shown(path)}" for (kind, name), path in sorted(plan.files.items())),
        "",
        _cost(plan),
        *(f"Note: {note}" for note in plan.base.notes),
    ]


def factor_line(factor: Factor) -> str:
    """Say which keys a factor changes and which values they take."""
    keys = ", ".join(factor.keys)
    if factor.values is None:
        scale = "" if factor.scale == "linear" else f", {factor.scale}"
        return f"{keys}: {factor.low:g} to {factor.high:g} {factor.unit}".rstrip() + scale
    return f"{keys}: {', '.join(level.label for level in factor.levels())}"


def _scenario_lines(plan: SweepPlan) -> list[str]:
    rows = []
    for scenario in plan.design.scenarios:
        levels = "; ".join(f"{name} = {level.label}" for name, level in scenario.levels.items())
        rows.append(
            f"  {scenario.label}" if scenario.label == levels or not levels else f"  {scenario.label}: {levels}"
        )
    if len(rows) <= _ROWS:
        return rows
    return [*rows[: _ROWS - 2], f"  ... {len(rows) - _ROWS + 1} more", rows[-1]]


def _cost(plan: SweepPlan) -> str:
    from pdsim.units import days

    study = plan.study
    chunks = all_chunks(plan)
    workers = thread_count(plan.threads)
    seconds, basis = plan.seconds(workers)
    template = template_of(plan, {})
    at_once = min(workers, len(chunks)) * chunks[0].count * len(plan.base.arms)
    visits = days(study.stop) / days(study.visits) + days(study.stop) / 7.0
    largest = max(template.bytes_each(field) for field in template.fields)
    one_scenario = largest // (len(plan.scenarios) * len(plan.base.arms))
    memory = int(_BASE + at_once * visits * _VISIT + 3 * one_scenario)
    return (
        f"{plan.patient_runs} patient runs ({study.cohort.size} patients x {len(plan.base.arms)} arms x "
        f"{len(plan.scenarios)} scenarios) in {len(chunks)} chunks. About {duration_text(seconds)}, "
        f"{size_text(memory)} of memory and at most {size_text(template.bytes)} on disk ({basis})."
    )
