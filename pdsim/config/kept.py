"""Checks what a sweep keeps: outputs, reductions, events and endpoints that there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pdsim.config.messages import Mistakes
from pdsim.errors import PdsimError, did_you_mean

if TYPE_CHECKING:
    from pdsim.config.schema import Study
    from pdsim.model import Model


def check_kept(study: Study, model: Model, arms: Mapping[str, Any], mistakes: Mistakes) -> None:
    """Note what ``[sweep]`` and ``[sensitivity]`` ask for and the study cannot give.

    Parameters
    ----------
    study : Study
        With ``[sweep]``.
    model : Model
    arms : mapping
        Its keys are the arms.
    mistakes : Mistakes
        Takes what is wrong.
    """
    from pdsim import schema
    from pdsim.endpoints import endpoint_attributes

    sweep = study.sweep
    assert sweep is not None
    for number, name in enumerate(sweep.save):
        if name not in model.outputs:
            hint = did_you_mean(name, model.outputs)
            mistakes.add(("sweep", "save", number), f"'{name}' is no output of the model '{model.name}'.{hint}")
    for name, hows in sweep.reduce.items():
        if name not in model.outputs:
            hint = did_you_mean(name, model.outputs)
            mistakes.add(("sweep", "reduce", name), f"'{name}' is no output of the model '{model.name}'.{hint}")
        for how in [hows] if isinstance(hows, str) else hows:
            if how not in schema.REDUCTIONS:
                known = f"{did_you_mean(how, schema.REDUCTIONS)} Known: {', '.join(schema.REDUCTIONS)}."
                mistakes.add(("sweep", "reduce", name), f"'{how}' is no reduction.{known}")
    for number, name in enumerate(sweep.keep):
        try:
            endpoint_attributes(name)
        except PdsimError as error:
            mistakes.add(("sweep", "keep", number), str(error))
    for number, level in enumerate(sweep.quantiles):
        if not 0 <= level <= 1:
            mistakes.add(("sweep", "quantiles", number), f"should be from 0 to 1, not {level}.")
    columns = summary_names(study)
    wanted: list[tuple[tuple[str | int, ...], str]]
    wanted = [(("sweep", "figures", number), name) for number, name in enumerate(sweep.figures or ())]
    if study.sensitivity is not None:
        wanted += [(("sensitivity", "endpoints", n), name) for n, name in enumerate(study.sensitivity.endpoints)]
    for key, name in wanted:
        if name not in columns:
            hint = f"{did_you_mean(name, columns)} Known: {', '.join(columns)}."
            mistakes.add(key, f"'{name}' is no column of the summary.{hint}")


def summary_names(study: Study) -> list[str]:
    """Names of what the summary of a sweep holds for each scenario and arm, one number each, or one a clone."""
    sweep = study.sweep
    assert sweep is not None
    found = ["n", "failed"]
    kept = set(sweep.keep)
    if "best_response" in kept:
        found += ["orr", "vgpr", "cr"]
    if {"pfs_time", "pfs_event"} <= kept:
        found += ["median_pfs", "mean_pfs", "pfs_12_months"]
    found += [f"{name.removeprefix('worst_')}_34" for name in sweep.keep if name.startswith("worst_")]
    return found + [f"mean_{name}" for name in averaged(study)]


def averaged(study: Study) -> list[str]:
    """Names of the values of each patient that are measures, not codes: their means and quantiles are taken."""
    from pdsim.endpoints import endpoint_attributes

    sweep = study.sweep
    assert sweep is not None
    measures = [name for name in sweep.keep if "flag_values" not in endpoint_attributes(name)]
    reduced = [
        f"{name}_{how}" for name, hows in sweep.reduce.items() for how in ([hows] if isinstance(hows, str) else hows)
    ]
    return [name for name in measures if name != "pfs_time"] + reduced
