"""The shipped sweeps: their plans hold, and each runs to its figures at a small size."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from pdsim.config import plan_sweep
from pdsim.config.sweep_plan import SweepPlan
from pdsim.study.sweep import run_sweep
from pdsim.sweep import open_sweep

STUDIES = Path(__file__).resolve().parents[2] / "configs" / "studies"
SWEEPS = [path.stem for path in sorted(STUDIES.glob("*.toml")) if "sweep" in tomllib.loads(path.read_text())]
SMALL = ["cohort.size=4", "stop=112 d"]


@pytest.fixture(scope="module")
def plans() -> dict[str, SweepPlan]:
    pytest.importorskip("SALib")
    return {name: plan_sweep(STUDIES / f"{name}.toml") for name in SWEEPS}


def test_the_questions_are_there() -> None:
    assert {
        "clone_mix", "cyclophosphamide_schedule", "iberdomide_after_cells", "iberdomide_dose", "lenalidomide_renal",
    } <= set(SWEEPS)  # fmt: skip


def test_metronomic_and_pulsed_give_the_same_amount(plans: dict[str, SweepPlan]) -> None:
    plan = plans["cyclophosphamide_schedule"]
    given: dict[float, set[float]] = {}
    for one, scenario in zip(plan.scenarios, plan.design.scenarios, strict=True):
        for arm in one.arms.values():
            line = next(line for line in arm.regimen.lines(280.0) if line.drug == "cyclophosphamide")
            total = round(line.amount * len(line.times), 6)
            given.setdefault(scenario.levels["dose_in_cycle"].number, set()).add(total)
    assert given == {0.5: {7000.0}, 1.0: {14000.0}, 2.0: {28000.0}}


def test_clone_mixes_are_whole_and_keep_their_ratios(plans: dict[str, SweepPlan]) -> None:
    for one, scenario in zip(plans["clone_mix"].scenarios, plans["clone_mix"].design.scenarios, strict=True):
        shares = dict(zip(one.population.clones, one.population.composition.typical, strict=True))
        assert sum(shares.values()) == pytest.approx(1.0, abs=1e-3)
        assert shares["crbn_low"] / shares["crbn_lowest"] == pytest.approx(4.0)
        low = 100 * (shares["crbn_low"] + shares["crbn_lowest"])
        assert low == pytest.approx(scenario.levels["mix"].number, abs=0.1)
        assert [dose.drug for dose in one.arms["lp"].regimen.doses] == ["lenalidomide", "prednisone"]


def test_iberdomide_starts_when_the_scenario_says(plans: dict[str, SweepPlan]) -> None:
    plan = plans["iberdomide_after_cells"]
    for one, scenario in zip(plan.scenarios, plan.design.scenarios, strict=True):
        lines = {line.drug: line.times for line in one.arms["iberdomide"].regimen.lines(500.0)}
        assert lines["iberdomide"][0] - lines["ide_cel"][0] == scenario.levels["start"].number
        assert "iberdomide" not in {dose.drug for dose in one.arms["cells"].regimen.doses}


def test_renal_arms_differ_in_their_rules(plans: dict[str, SweepPlan]) -> None:
    arms = plans["lenalidomide_renal"].base.arms
    assert [len(arm.regimen.rules) for arm in arms.values()] == [0, 4, 6]


def test_every_plan_says_what_it_costs(plans: dict[str, SweepPlan]) -> None:
    from pdsim.study.sweep.describe import sweep_lines

    for name, plan in plans.items():
        lines = sweep_lines(plan)
        assert any(line.startswith(f"{plan.patient_runs} patient runs (") for line in lines), name


@pytest.mark.slow
@pytest.mark.parametrize("name", SWEEPS)
def test_every_sweep_runs_to_its_figures(name: str, tmp_path: Path) -> None:
    more = ["sensitivity.size=2"] if name == "rep_sensitivity" else []
    run_sweep(plan_sweep(STUDIES / f"{name}.toml", [*SMALL, *more]), tmp_path)
    sweep = open_sweep(tmp_path)
    assert (sweep["patients"]["status"].values == 0).all()
    assert np.isfinite(sweep["summary"]["mean_pfs"].values).all()
    assert list((tmp_path / "figures").glob("*.png"))
