"""Compiles ahead what a study needs, by running two of its patients for a moment."""

from __future__ import annotations

import time
from pathlib import Path


def warm_study(study_path: Path | str) -> float:
    """Compile the kernels of a study and the solver into the cache.

    Parameters
    ----------
    study_path : Path or str
        Study file, or the name of a shipped one.

    Returns
    -------
    float
        Seconds it took.
    """
    from pdsim.cohort import sample_cohort
    from pdsim.config import plan_study
    from pdsim.simulate import simulate

    started = time.perf_counter()
    plan = plan_study(study_path)
    study = plan.study
    cohort = sample_cohort(plan.population, 2, seed=study.seed, sampling=study.cohort.sampling)
    # patients that the cascade cannot carry go to the other methods
    for method in dict.fromkeys((study.solver.method, *(("explicit",) if study.solver.method == "auto" else ()))):
        simulate(
            plan.model,
            cohort,
            plan.arms,
            stop=study.visits,
            every=study.visits,
            visits=study.visits,
            save=list(study.save or ()),
            drugs=plan.drugs,
            method=method,
            on_failure="keep",
        )
    return time.perf_counter() - started
