"""A plan as lines of text: what runs, from which files, at what cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pdsim.library.files import shown

if TYPE_CHECKING:
    from pdsim.config.plan import Estimate, Plan
    from pdsim.simulate import Arm


def plan_lines(plan: Plan) -> list[str]:
    """Return the expanded plan for ``pdsim check``."""
    study = plan.study
    drawn = {"sobol": "spread evenly (Sobol)", "random": "drawn at random"}[study.cohort.sampling]
    width = max(map(len, plan.arms))
    return [
        f"{study.title} [{study.name}, identity {plan.identity}]",
        "",
        f"model       {study.model}: {len(plan.model.states)} states, {len(plan.model.params)} parameters",
        f"population  {study.population}: {study.cohort.size} patients, {drawn}, seed {study.seed}",
        f"time        to {study.stop}, stored every {study.every}, visits every {study.visits}",
        f"stored      {', '.join(study.save or ())}",
        f"intervals   of a trial of {study.interval_n} patients",
        "",
        f"arms        {len(plan.arms)}",
        *(f"  {name:{width}}  {arm_line(arm)}" for name, arm in plan.arms.items()),
        "",
        "files",
        *(f"  {kind:10} {name}: {shown(path)}" for (kind, name), path in sorted(plan.files.items())),
        "",
        f"{plan.patient_runs} patient runs ({study.cohort.size} patients x {len(plan.arms)} arms). "
        + _estimate_text(plan.estimate),
        *(f"Note: {note}" for note in plan.notes),
    ]


def arm_line(arm: Arm) -> str:
    """Say what an arm gives, until when, and what it changes."""
    parts = ["no treatment" if arm.regimen is None else arm.regimen.name]
    until = arm.until or (arm.regimen.until if arm.regimen is not None else None)
    parts.append(f"until {until}" if until else "")
    rules = len(arm.regimen.rules) if arm.regimen is not None else 0
    parts.append(f"{rules} dosing rule{'s' * (rules > 1)}" if rules else "")
    parts.append(", ".join(f"{name} = {value:g}" for name, value in arm.set.items()))
    return "; ".join(part for part in parts if part)


def _estimate_text(estimate: Estimate) -> str:
    return (
        f"About {duration_text(estimate.seconds)}, {size_text(estimate.memory)} of memory and at most "
        f"{size_text(estimate.disk)} on disk ({estimate.basis})."
    )


def duration_text(seconds: float) -> str:
    """Return ``40 s``, ``3 min`` or ``2.5 h``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def size_text(size: int) -> str:
    """Return ``3 MB`` or ``1.2 GB``."""
    return f"{max(1, round(size / 1e6))} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"
