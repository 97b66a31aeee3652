"""Sweeps of the toy study: the plan, the store, what is refused, and every way of running it giving the same bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from pdsim.cli import main
from pdsim.config import plan_sweep
from pdsim.errors import ConfigError, StoreError
from pdsim.study.sweep import sweep_study
from pdsim.sweep import open_sweep, to_dataframe, to_netcdf


@pytest.fixture(scope="module")
def done(write_sweep: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished sweep in ``runs/sweep`` of its study's folder; read only."""
    place = write_sweep(tmp_path_factory.mktemp("sweep"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        with pytest.raises(SystemExit) as ended:
            main(["run", "sweep.toml"])
    assert not ended.value.code
    return place


@pytest.fixture
def here(done: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(done)
    return done


@pytest.fixture
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the figures out where they are not what is tested."""
    monkeypatch.setattr("pdsim.plot.save_sweep_figures", lambda *_, **__: [])


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a sweep but its figures and the study, which holds the time."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "study.toml"]
    files = [path for path in files if path.parent.name != "figures"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def begun_like(there: Path, folder: Path) -> Path:
    """A folder whose sweep counts as begun at the same time as another's."""
    folder.mkdir(parents=True)
    (folder / "study.toml").write_bytes((there / "study.toml").read_bytes())
    return folder


def test_check_prints_the_plan_and_its_cost(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["check", "sweep.toml"])
    text = capsys.readouterr().out
    assert text.startswith("Toy study [sweep, sweep, identity ")
    assert "the same patients and measurement errors in every scenario" in text
    assert "  dose    arms.toy.dose.toycide.amount: 10 mg, 60 mg\n" in text
    assert "scenarios   4\n  dose = 10 mg; course = long\n" in text
    assert "32 patient runs (4 patients x 2 arms x 4 scenarios) in 8 chunks. About " in text
    assert "of memory and at most 1 MB on disk" in text


def test_scenarios_change_what_they_say(here: Path) -> None:
    plan = plan_sweep("sweep.toml")
    last = plan.scenarios[3].arms
    assert last["toy"].regimen.doses[0].amount == 60.0
    assert last["toy"].regimen.doses[0].days == (1, 8, 15, 22)
    assert last["none"].set == {"growth": 0.008}
    assert {one.seed for one in plan.scenarios} == {3}
    assert len({one.seed for one in plan_sweep("sweep.toml", ["sweep.paired=false"]).scenarios}) == 4


def test_what_the_store_holds(here: Path) -> None:
    sweep = open_sweep("runs/sweep")
    plain = xr.open_datatree("runs/sweep/sweep.zarr", engine="zarr", consolidated=False, decode_timedelta=False)
    assert set(plain.children) == {"patients", "courses", "summary"}
    patients = sweep["patients"].to_dataset()
    assert dict(patients.sizes) == {"scenario": 4, "arm": 2, "patient": 4}
    assert {patients[name].dtype for name in ("pfs_time", "burden_min")} == {np.dtype("float32")}
    assert patients["best_response"].dtype == np.int8
    assert patients["burden_min"].attrs["units"] == "cell"
    assert sweep["courses"]["m_protein"].dims == ("scenario", "arm", "patient", "time")
    assert sweep["dose"].values.tolist() == [10.0, 10.0, 60.0, 60.0]
    assert sweep["dose"].attrs["units"] == "mg"
    assert [str(word) for word in sweep["course"].values] == ["long", "short"] * 2
    assert {"config", "config_hash", "seed", "packages", "created"} <= set(sweep.attrs)
    codecs = json.loads(Path("runs/sweep/sweep.zarr/patients/pfs_time/zarr.json").read_text())["codecs"]
    assert codecs[-1]["name"] == "crc32c"
    assert not any(np.isnan(patients["burden_min"].values).ravel())


def test_a_scenario_is_the_study_with_its_changes(here: Path) -> None:
    """The same numbers as the plain study with the changes made by hand, patients in pieces or not."""
    import pdsim
    from pdsim.config import plan_study

    changes = ["arms.toy.dose.toycide.amount=60 mg", "arms.toy.dose.toycide.days=weekly", "arms.toy.set.growth=0.008"]
    plan = plan_study("study.toml", [*changes, "arms.none.set.growth=0.008"])
    cohort = pdsim.sample_cohort(plan.population, 4, seed=3)
    arms = {name: plan.arms[name] for name in ("none", "toy")}
    run = pdsim.simulate(
        plan.model, cohort, arms, stop="168 d", save=["m_protein"], reduce={"burden": "min"}, drugs=plan.drugs
    )
    sweep = open_sweep("runs/sweep")
    stored = sweep["courses"]["m_protein"].isel(scenario=3).values
    assert np.array_equal(stored, run["trajectory"]["m_protein"].values)
    assert np.array_equal(sweep["patients"]["burden_min"].isel(scenario=3).values, run["reduced"]["burden_min"].values)
    found = pdsim.endpoints.progression(run)
    assert np.array_equal(sweep["patients"]["pfs_time"].isel(scenario=3).values, found["pfs_time"].values)


@pytest.mark.usefixtures("no_figures")
def test_events_are_kept_on_threads_too(here: Path, tmp_path: Path) -> None:
    changes = ["sweep.events={ grown = 'm_protein > 44 g/L' }", "cohort.size=2", "stop=28 d"]
    sweep_study("sweep.toml", tmp_path, [*changes, "sweep.save=[]"], threads=2)
    patients = open_sweep(tmp_path)["patients"].to_dataset()
    grown = patients["event_time"].sel(event="grown")
    assert grown.dims == ("scenario", "arm", "patient")
    assert grown.attrs["units"] == "d"
    # without a drug growth is exponential from 40 g/L, and grows as the scenario says
    rates = np.array([0.012, 0.008, 0.012, 0.008])
    assert np.allclose(grown.sel(arm="none").isel(patient=0), np.log(44 / 40) / rates, rtol=1e-4)


def test_summary_is_of_the_stored_patients(here: Path) -> None:
    sweep = open_sweep("runs/sweep")
    summary, patients = sweep["summary"].to_dataset(), sweep["patients"].to_dataset()
    assert np.array_equal(summary["orr"].values, 100.0 * (patients["best_response"] >= 3).mean("patient").values)
    levels = summary["quantile"].values
    found = np.quantile(patients["burden_min"].values, levels, axis=2)
    assert np.allclose(np.moveaxis(summary["burden_min_quantile"].values, 2, 0), found, rtol=1e-7)
    courses = np.quantile(sweep["courses"]["m_protein"].values, levels, axis=2)
    assert np.allclose(np.moveaxis(summary["m_protein_quantile"].values, 2, 0), courses, rtol=1e-6)
    assert summary["m_protein_quantile"].dims == ("scenario", "arm", "quantile", "time")
    rows = Path("runs/sweep/summary.csv").read_text().splitlines()
    assert rows[0].startswith("scenario,dose,course,arm,n,failed,orr,")
    assert rows[1].startswith("dose = 10 mg; course = long,10,long,none,4,0,")
    assert len(rows) == 1 + 8
    assert {path.name for path in Path("runs/sweep/figures").iterdir()} == {
        "lines.png", "lines.svg", "heat.png", "heat.svg",
    }  # fmt: skip


def test_hand_overs(here: Path, tmp_path: Path) -> None:
    sweep = open_sweep("runs/sweep")
    table = to_dataframe(sweep, "patients", ["pfs_time", "status"])
    assert len(table) == 4 * 2 * 4
    assert {"scenario", "arm", "patient", "dose", "course", "pfs_time", "status"} <= set(table.columns)
    assert table["course"].tolist()[:2] == ["long", "long"]
    with pytest.raises(StoreError, match=r"no 'pfs_tim'\. Did you mean 'pfs_time'"):
        to_dataframe(sweep, "patients", ["pfs_tim"])
    file = to_netcdf(sweep, tmp_path / "sweep.nc")
    again = xr.open_datatree(file)
    assert np.array_equal(again["patients"]["pfs_time"].values, sweep["patients"]["pfs_time"].values)
    assert again["summary"]["median_pfs"].attrs["units"] == "month"
    again.close()


@pytest.mark.usefixtures("no_figures")
def test_threads_and_shares_change_no_byte(here: Path, tmp_path: Path) -> None:
    whole = contents(here / "runs" / "sweep")
    one = begun_like(here / "runs" / "sweep", tmp_path / "one")
    sweep_study("sweep.toml", one, threads=1)
    assert contents(one) == whole
    shared = begun_like(here / "runs" / "sweep", tmp_path / "shared")
    sweep_study("sweep.toml", shared, chunk="2/2")
    assert not (shared / "summary.csv").exists()
    with pytest.raises(StoreError, match="this sweep is not finished \\(4 chunks are\\)"):
        open_sweep(shared)
    sweep_study("sweep.toml", shared, chunk="1/2")
    assert contents(shared) == whole


def test_a_finished_sweep_is_left_as_it_is(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (here / "runs" / "sweep" / "manifest" / "000000.json").stat().st_mtime_ns
    sweep_study("sweep.toml")
    assert "This sweep is finished already, in runs/sweep.\n" in capsys.readouterr().out
    assert (here / "runs" / "sweep" / "manifest" / "000000.json").stat().st_mtime_ns == before


def test_another_study_or_code_is_refused_with_the_difference(
    here: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match=r"holds another sweep.*\n  - cohort.size: 4 there, 5 here\n"):
        sweep_study("sweep.toml", overrides=["cohort.size=5"], resume=True)
    (here / "other.toml").write_text(Path("sweep.toml").read_text().replace('["10 mg", "60 mg"]', '["1 mg"]'))
    with pytest.raises(StoreError, match=r"- sweep.factor\[1\].values: \['10 mg', '60 mg'\] there, \['1 mg'\] here"):
        sweep_study("other.toml", "runs/sweep", overrides=["name=sweep"])
    from pdsim.study.sweep import folder

    real = folder.code_parts()
    monkeypatch.setattr(folder, "code_parts", lambda: {**real, "pdsim/solvers": "other", "numba": "0.1"})
    with pytest.raises(StoreError, match=r"- pdsim/solvers has changed\n  - numba \S+ there, 0.1 here"):
        sweep_study("sweep.toml")
    monkeypatch.undo()
    monkeypatch.chdir(here)
    monkeypatch.setattr(folder, "cpu_name", lambda: "another")
    notes = folder.SweepFolder(here / "runs" / "sweep").claim(plan_sweep("sweep.toml"))[1]
    assert notes[0].startswith("begun on another type of processor (")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    with pytest.raises(StoreError, match="is not empty and holds no sweep"):
        sweep_study("sweep.toml", tmp_path / "full")


MISTAKES = {
    "a key that is not there": (
        'key = "arms.toy.dose.toycide.amount"',
        'key = "arms.toi.dose.toycide.amount"',
        "dose = 10 mg; course = long: .*there is no 'toi' in 'arms'. Did you mean 'toy'",
    ),
    "a drug that is not given": (
        'key = "arms.toy.dose.toycide.amount"',
        'key = "arms.toy.dose.toxicide.amount"',
        "dose = 10 mg; course = long: arms.toy.dose.toxicide: .*does not give 'toxicide'. Did you mean 'toycide'",
    ),
    "an amount without a unit": (
        '"10 mg", "60 mg"',
        '"10 mg", "60"',
        "dose = 60; course = long: arms.toy.dose.toycide: ",
    ),
    "a value out of bounds": ("0.008", "-0.008", "arms.none.set.growth: should be at least 0 1/day, not -0.008"),
    "a range without an end": (
        'values = ["10 mg", "60 mg"]',
        'low = "1 mg"',
        r"sweep.factor\[1\]: should have both low and high",
    ),
    "two factors of one name": ('name = "course"', 'name = "dose"', "two factors are called 'dose'"),
    "a row too short": (
        '["weekly", 0.008]',
        '["weekly"]',
        r"sweep.factor\[2\].values\[2\]: should be a list of 2 values",
    ),
    "no reduction": ('"time_of_min"', '"tim_of_min"', "'tim_of_min' is no reduction. Did you mean 'time_of_min'"),
    "the size of the store": (
        'key = "arms.toy.dose.toycide.amount"\nvalues = ["10 mg", "60 mg"]',
        'key = "cohort.size"\nvalues = [3, 4]',
        "'cohort.size' cannot be varied",
    ),
    "a plan without its size": ("[sweep]", '[sweep]\nplan = "lhs"', "sweep.size: is missing: the plan 'lhs'"),
    "indices without a sample": (
        "[sweep]",
        '[sensitivity]\nendpoints = ["orr"]\n[sweep]',
        "PRCC and delta need a sampled plan",
    ),
    "an endpoint that is not there": (
        "[sweep]",
        '[sensitivity]\nmethod = "morris"\nendpoints = ["or"]\n[sweep]',
        r"sensitivity.endpoints\[1\]: 'or' is no column of the summary",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_named(case: str, here: Path, tmp_path: Path) -> None:
    old, new, words = MISTAKES[case]
    text = (here / "sweep.toml").read_text()
    assert old in text
    file = here / "wrong.toml"
    file.write_text(text.replace(old, new))
    with pytest.raises(ConfigError, match=words):
        plan_sweep(file)


def test_plot_and_report_of_a_sweep(here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["plot", "runs/sweep", "--kind", "lines", "--format", "svg", "--out", str(tmp_path)])
    assert not ended.value.code
    assert [path.name for path in tmp_path.iterdir()] == ["lines.svg"]
    with pytest.raises(SystemExit) as ended:
        main(["report", "runs/sweep"])
    assert ended.value.code == 2
    assert "holds a sweep" in capsys.readouterr().err


def test_a_list_from_a_file(here: Path) -> None:
    text = (here / "sweep.toml").read_text().partition("[[sweep.factor]]")[0]
    (here / "rows.csv").write_text(
        "scenario,arms.toy.dose.toycide.amount,arms.toy.dose.toycide.given\nlow,5 mg,true\noff,25 mg,false\n"
    )
    (here / "listed.toml").write_text(text.replace("[sweep]", '[sweep]\nfile = "rows.csv"'))
    plan = plan_sweep("listed.toml")
    assert [one.label for one in plan.design.scenarios] == ["low", "off"]
    assert plan.scenarios[0].arms["toy"].regimen.doses[0].amount == 5.0
    assert plan.scenarios[1].arms["toy"].regimen.doses == ()


def test_cluster_and_share_need_a_sweep(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--cluster", "local:2"], ["--chunk", "1/2"]):
        with pytest.raises(SystemExit) as ended:
            main(["run", "study.toml", *words])
        assert ended.value.code == 2
        assert "are for sweeps" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["run", "sweep.toml", "--chunk", "3/2"])
    assert "write i/n with i from 1 to n" in capsys.readouterr().err
