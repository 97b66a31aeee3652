"""Overrides, defaults, and the resolved study that gives the same run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pdsim.config import expand, load_study, plan_study, to_toml
from pdsim.config.describe import duration_text, plan_lines, size_text
from pdsim.config.plan import keep_speed, measured_speed
from pdsim.errors import NotFoundError
from pdsim.library import Library
from pdsim.study.provenance import identification

Edit = Callable[..., object]


def test_defaults(edit: Edit) -> None:
    edit("study.toml", 'every = "7 d"\nvisits = "28 d"\ninterval_n = 20\nsave = ["m_protein", "burden"]\n', "")
    edit("study.toml", "seed = 3\n", "", "size = 4", "")
    study = plan_study("study.toml").study
    assert (study.seed, study.every, study.visits, study.cohort.size) == (1, "7 d", "28 d", 100)
    assert study.interval_n == 100
    assert study.save == ("m_protein", "burden", "anc")
    assert (study.name, study.cohort.sampling, study.solver.method) == ("study", "sobol", "auto")
    assert study.solver.rtol == 1e-5
    assert "rtol = " in to_toml(study, {})


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("cohort.size=20", "cohort.size", 20),
        ("cohort.sampling=random", "cohort.sampling", "random"),
        ("stop=1 yr", "stop", "1 yr"),
        ('stop="1 yr"', "stop", "1 yr"),
        ("seed=9", "seed", 9),
        ("save=['anc']", "save", ("anc",)),
        ("solver.rtol=1e-7", "solver.rtol", 1e-7),
        ("title=A = B", "title", "A = B"),
    ],
)
def test_overrides(override: str, path: str, value: object, folder: Path) -> None:
    found: object = load_study("study.toml", [override])
    for part in path.split("."):
        found = getattr(found, part)
    assert found == value


def test_overrides_reach_arms_and_hypotheses(folder: Path) -> None:
    changes = ["arms.none.set.growth=0.02", "hypothesis.H1.set.kill=0.01", "arms.more={regimen = 'toy'}"]
    plan = plan_study("study.toml", changes)
    assert list(plan.arms) == ["none", "toy", "more", "toy:H1"]
    assert plan.arms["none"].set == {"growth": 0.02}
    assert plan.arms["toy:H1"].set == {"kill": 0.01}


def test_seed_option_wins(folder: Path) -> None:
    assert load_study("study.toml", ["seed=4"], seed=5).seed == 5


def test_arms_and_hypotheses_of_the_plan(folder: Path) -> None:
    plan = plan_study("study.toml")
    arm = plan.arms["toy:H1"]
    assert (arm.base, arm.hypothesis, arm.until, arm.set) == ("toy", "H1", "progression", {"kill": 0.0})
    assert arm.regimen is plan.arms["toy"].regimen
    assert plan.arms["none"].regimen is None
    assert list(plan.drugs) == ["toycide"]
    assert plan.patient_runs == 12
    assert {kind for kind, _ in plan.files} == {"model", "population", "regimen", "drug"}


def test_quantities_in_set_are_converted(edit: Edit) -> None:
    edit("study.toml", "{ kill = 0.0 }", '{ kill = "0.7 1/week" }')
    assert plan_study("study.toml").arms["toy:H1"].set["kill"] == pytest.approx(0.1)


def test_card_values_can_be_set(edit: Edit) -> None:
    edit("study.toml", "{ kill = 0.0 }", '{ "toycide.exposed.potency" = "1 uM" }')
    assert plan_study("study.toml").arms["toy:H1"].set == {"toycide.exposed.potency": pytest.approx(1000.0)}


def test_expand_gives_the_same_plan(folder: Path) -> None:
    plan, again = plan_study("study.toml"), expand(load_study("study.toml"))
    assert again.identity == plan.identity
    assert again.arms == plan.arms


def test_resolved_study_gives_the_same_plan_from_elsewhere(folder: Path) -> None:
    plan = plan_study("study.toml", ["cohort.size=7"], seed=11)
    other = folder / "runs" / "x" / "study.toml"
    other.parent.mkdir(parents=True)
    other.write_text(to_toml(plan.study, identification(plan)))
    again = plan_study(other)
    assert again.identity == plan.identity
    assert again.study.model_dump(exclude={"provenance"}) == plan.study.model_dump(exclude={"provenance"})
    assert again.notes == ()


def test_identity_depends_on_what_results_depend_on(edit: Edit, folder: Path) -> None:
    plan = plan_study("study.toml")
    assert plan_study("study.toml").identity == plan.identity
    assert plan_study("study.toml", ["seed=4"]).identity != plan.identity
    written = folder / "written.toml"
    written.write_text(to_toml(plan.study, identification(plan)))
    edit("models/drugs/toycide.toml", '"60 L"', '"61 L"')
    again = plan_study(written)
    assert again.identity != plan.identity
    assert again.notes == (
        "Changed since this study was written to its run folder: drug:toycide. Results will differ from that run.",
    )


def test_unused_parameters_of_a_population_are_noted(edit: Edit) -> None:
    marrow = '[parameters.marrow]\ndistribution = "fixed"\nvalue = 1\n\n'
    edit("populations/toys.toml", "[parameters.growth]", f"{marrow}[parameters.growth]")
    assert plan_study("study.toml").notes == ("The model 'toy' makes no use of marrow in populations/toys.toml.",)


def test_plan_in_words(folder: Path) -> None:
    lines = plan_lines(plan_study("study.toml", threads=2))
    assert lines[0].startswith("Toy study [study, identity ")
    assert "arms        3" in lines
    assert "  toy:H1  toy; until progression; kill = 0" in lines
    assert "  regimen    toy: regimens/toy.toml" in lines
    assert lines[-1].startswith(
        "12 patient runs (4 patients x 3 arms). About 1 s, 1 MB of memory and at most 1 MB on disk"
    )


def test_speed_is_measured_once_a_run_has_ended(folder: Path) -> None:
    plan = plan_study("study.toml", threads=1)
    assert "assumed, not measured" in plan.estimate.basis
    keep_speed(plan.model, patient_years=100.0, seconds=2.0, threads=2)
    assert measured_speed(plan.model)[0] == 25.0
    assert plan_study("study.toml", threads=1).estimate.seconds == pytest.approx(12 * 168 / 365.25 / 25.0)
    keep_speed(plan.model, patient_years=2.0, seconds=5.0, threads=2)
    assert measured_speed(plan.model)[0] == 25.0, "a run of two patient-years measures no speed"


def test_short_texts() -> None:
    assert [duration_text(seconds) for seconds in (0.1, 80, 300, 9000)] == ["1 s", "80 s", "5 min", "2.5 h"]
    assert [size_text(size) for size in (10, 3e6, 1.25e9)] == ["1 MB", "3 MB", "1.2 GB"]


def test_every_shipped_study_has_its_plan(shipped_folder: Path) -> None:
    for path in sorted((shipped_folder / "studies").glob("*.toml")):
        plan = plan_study(path)
        assert plan.study.title
        assert all("Changed since" not in note for note in plan.notes)


def test_main_study(shipped_folder: Path) -> None:
    plan = plan_study(shipped_folder / "studies" / "rep.toml")
    assert list(plan.arms) == ["none", "lenalidomide", "cp", "rep", "ibercd", "rep:H1", "rep:H2", "rep:H3"]
    assert plan.patient_runs == 4000
    kept = {"rep:H1": {"alkylator_kill"}, "rep:H2": {"treg_loss_max", "activation_gain"}, "rep:H3": {"resensitisation"}}
    routes = set().union(*kept.values())
    for arm, own in kept.items():
        assert plan.arms[arm].set == dict.fromkeys(routes - own, 0.0)
    treated = [arm for name, arm in plan.arms.items() if name != "none"]
    assert all(arm.until == "progression" and arm.regimen is not None for arm in treated)


def test_a_regimen_that_another_borrows_from_is_a_file_of_the_study(folder: Path, edit: Edit) -> None:
    (folder / "regimens" / "half.toml").write_text('label = "Half"\nsame_as = "toy"\n')
    edit("study.toml", 'regimen = "toy"', 'regimen = "half"')
    before = plan_study("study.toml")
    assert before.arms["toy"].regimen.doses[0].drug == "toycide"
    assert before.files["regimen", "toy"] == before.files["regimen", "half"].with_name("toy.toml")
    edit("regimens/toy.toml", "25 mg", "20 mg")
    assert plan_study("study.toml").identity != before.identity


def test_name_of_a_regimen_is_run_alone(shipped_folder: Path) -> None:
    plan = plan_study("castor_dvd", ["cohort.size=3"])
    assert list(plan.arms) == ["none", "castor_dvd"]
    assert set(plan.drugs) == {"bortezomib", "daratumumab", "dexamethasone"}
    assert plan.study.title == "DVd (CASTOR)"
    assert plan_study("castor_dvd", ["population='newly_diagnosed'"]).population.name == "newly_diagnosed"
    with pytest.raises(NotFoundError, match="cannot be simulated"):
        plan_study(next(iter(Library().not_simulated())))


def test_regimen_beside_the_user_is_run_alone(folder: Path, edit: Edit) -> None:
    edit("regimens/toy.toml", "toycide", "lenalidomide")
    plan = plan_study("toy")
    assert plan.files["regimen", "toy"].samefile(folder / "regimens" / "toy.toml")
    assert plan.study.name == "toy"
