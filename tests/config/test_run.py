"""Running a study from the command line: what is written, what is refused, how it goes on."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from rich.console import Console

import pdsim
from pdsim.cli import main
from pdsim.config import plan_study
from pdsim.store import open_run
from pdsim.study.screen import progress, show_failures

Command = Callable[..., tuple[int, str, str]]

# Sends the process the signal of Ctrl-C when the second arm is done and the third is not.
STOPPED = """
import functools, os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may start background jobs with it ignored
import pdsim.simulate
module = sys.modules["pdsim.simulate"]
real = module.each_arm

@functools.wraps(real)
def each_arm(*given, progress, **more):
    def stop(done, total, failed):
        if done == 8:
            os.kill(os.getpid(), signal.SIGINT)
    return real(*given, progress=stop, **more)

module.each_arm = each_arm
from pdsim.cli import main
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def finished(toy_folder: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the toy study, in its study's folder; read only."""
    place = toy_folder(tmp_path_factory.mktemp("toy"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        with pytest.raises(SystemExit) as ended:
            main(["run", "study.toml"])
    assert not ended.value.code
    return place


@pytest.fixture
def run_folder(finished: Path, folder: Path) -> Path:
    """A copy of the finished run, at ``runs/study`` of the current folder."""
    shutil.copytree(finished / "runs", folder / "runs")
    return folder / "runs" / "study"


def refused(found: tuple[int, str, str]) -> str:
    """Return the one message of a refused command."""
    status, out, err = found
    assert (status, out) == (2, "")
    assert err.count("pdsim: ") == 1
    return err


def test_what_a_run_writes(finished: Path) -> None:
    place = finished / "runs" / "study"
    names = {path.name for path in place.iterdir()}
    assert names == {"run.zarr", "study.toml", "summary.csv", "figures", "report.html"}
    rows = (place / "summary.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["arm", "none", "toy", "toy:H1"]
    assert (place / "figures" / "m_protein.svg").stat().st_size > 1000
    assert "Toy study" in (place / "report.html").read_text()


def test_what_a_run_holds(finished: Path) -> None:
    run = open_run(finished / "runs" / "study")
    assert {"cohort", "trajectory", "visits", "endpoints", "dosing"} <= set(run.children)
    trajectory = run["trajectory"].to_dataset()
    assert dict(trajectory.sizes) == {"arm": 3, "patient": 4, "time": 25}
    assert set(trajectory.data_vars) == {"m_protein", "burden"}
    assert [str(name) for name in trajectory["arm"].values] == ["none", "toy", "toy:H1"]
    assert [str(name) for name in trajectory["base_arm"].values] == ["none", "toy", "toy"]
    assert [str(name) for name in trajectory["hypothesis"].values] == ["", "", "H1"]
    assert [str(name) for name in trajectory["regimen"].values] == ["", "toy", "toy"]
    values = trajectory["m_protein"].values
    np.testing.assert_allclose(values[0], values[2], rtol=1e-4)  # without kill nothing is left of the treatment
    assert (values[1, :, 4] < values[0, :, 4]).all()
    known = {"title", "study", "model", "model_hash", "config", "config_hash", "seed", "rtol", "packages", "created"}
    assert known <= set(run.attrs)
    assert (run.attrs["study"], run.attrs["seed"], run.attrs["interval_n"]) == ("study", 3, 20)
    assert run["endpoints"]["best_response"].dims == ("arm", "patient")


def test_arms_one_by_one_equal_all_at_once(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pdsim.cohort import sample_cohort
    from pdsim.simulate import simulate

    monkeypatch.chdir(finished)
    plan = plan_study("study.toml")
    cohort = sample_cohort(plan.population, 4, seed=3)
    whole = simulate(plan.model, cohort, plan.arms, stop="168 d", save=["m_protein", "burden"], drugs=plan.drugs)
    stored = open_run(finished / "runs" / "study")
    for group in ("trajectory", "visits", "dosing", "cohort"):
        expected = whole[group].to_dataset(inherit=False)
        xr.testing.assert_identical(stored[group].to_dataset(inherit=False).load(), expected)


def test_a_finished_study_is_not_run_again(run_folder: Path, command: Command) -> None:
    before = (run_folder / "run.zarr" / "zarr.json").read_bytes()
    for words in ((), ("--resume",)):
        status, out, err = command("run", "study.toml", *words)
        assert (status, err) == (0, "")
        assert out.startswith("This study is finished already, in runs/study.\n")
        assert "toy:H1" in out
    assert (run_folder / "run.zarr" / "zarr.json").read_bytes() == before


def test_the_resolved_study_is_the_same_study(run_folder: Path, command: Command) -> None:
    status, out, _ = command("run", "runs/study/study.toml")
    assert (status, "finished already" in out) == (0, True)


def test_a_folder_of_another_run_is_refused(run_folder: Path, command: Command) -> None:
    message = refused(command("run", "study.toml", "--set", "cohort.size=5"))
    assert "runs/study holds another run, of the study 'study' (identity " in message
    assert "its settings, or pdsim's version, differ. Choose another folder with --out DIR." in message


def test_a_changed_file_is_named(run_folder: Path, command: Command, edit: Callable[..., Path]) -> None:
    edit("regimens/toy.toml", '"25 mg"', '"20 mg"')
    assert "changed since: regimen:toy" in refused(command("run", "study.toml", "--resume"))


def test_a_folder_with_something_else_is_refused(folder: Path, command: Command) -> None:
    message = refused(command("run", "study.toml", "--out", "."))
    assert "study.toml cannot be read as a stored study" in message
    assert "regimens is not empty and holds no run" in refused(command("run", "study.toml", "--out", "regimens"))


def test_an_unfinished_run_asks_for_resume_and_completes(run_folder: Path, command: Command) -> None:
    report = (run_folder / "report.html").read_text()
    (run_folder / "report.html").unlink()
    assert "holds an unfinished run of this study" in refused(command("run", "study.toml"))
    status, out, _ = command("run", "study.toml", "--resume")
    assert (status, "Report   runs/study/report.html" in out) == (0, True)
    assert (run_folder / "report.html").read_text() == report


def test_a_damaged_run_is_named(run_folder: Path, command: Command) -> None:
    chunk = next((run_folder / "run.zarr" / "visits" / "m_protein" / "c").rglob("0"))
    chunk = chunk if chunk.is_file() else next(path for path in chunk.rglob("*") if path.is_file())
    chunk.write_bytes(chunk.read_bytes()[:-9])
    for words in (("plot", "runs/study"), ("report", "runs/study"), ("run", "study.toml")):
        assert "a chunk of the array '/visits/m_protein' is truncated or altered" in refused(command(*words))


def test_plot_and_report_need_only_the_stored_run(run_folder: Path, command: Command, remove: Callable) -> None:
    report = (run_folder / "report.html").read_bytes()
    for name in ("models", "regimens", "populations", "study.toml", "runs/study/figures", "runs/study/report.html"):
        remove(name)
    status, out, _ = command("plot", "runs/study", "--kind", "pfs", "--format", "png", "--out", "drawn")
    assert (status, out) == (0, "drawn/pfs.png\n")
    assert command("report", "runs/study")[:2] == (0, "runs/study/report.html\n")
    assert (run_folder / "report.html").read_bytes() == report
    assert "Unknown kind of figure 'pf'. Did you mean 'pfs'?" in refused(command("plot", "runs/study", "--kind", "pf"))


def test_a_place_that_cannot_be_written(folder: Path, command: Command) -> None:
    (folder / "file").write_text("")
    assert "cannot be written: " in refused(command("run", "study.toml", "--out", "file/run"))
    assert "cannot be written: " in refused(command("run", "study.toml", "--out", "file"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(folder: Path, command: Command) -> None:
    (folder / "closed").mkdir(mode=0o500)
    assert "Permission denied" in refused(command("run", "study.toml", "--out", "closed/run"))


def test_a_wrong_study_is_refused_before_anything_is_written(folder: Path, command: Command, edit: Callable) -> None:
    edit("study.toml", "size = 4", "size = -4")
    assert "cohort.size: should be at least 1, not -4." in refused(command("run", "study.toml"))
    assert not (folder / "runs").exists()


def test_ctrl_c_keeps_finished_arms_and_resume_gives_the_same(finished: Path, folder: Path, command: Command) -> None:
    handler = signal.getsignal(signal.SIGINT)
    words = [sys.executable, "-c", STOPPED, "run", "study.toml", "--threads", "1"]
    home = {**os.environ, "PYTHONPATH": str(Path(pdsim.__file__).parents[1])}
    stopped = subprocess.run(words, cwd=folder, capture_output=True, text=True, env=home)
    assert stopped.stderr == (
        "pdsim: Stopped. 1 of 3 arms are finished and kept in runs/study. "
        "Go on with: pdsim run runs/study/study.toml --out runs/study --resume\n"
    )
    assert (stopped.returncode, stopped.stdout) == (130, "")
    assert "(1 of 3 arms are kept)" in refused(command("run", "study.toml"))
    kept = folder / "runs" / "study" / "parts" / "none.npz"
    before = kept.stat().st_mtime_ns
    assert before
    status, _, err = command("run", "runs/study/study.toml", "--out", "runs/study", "--resume")
    assert (status, err) == (0, "")
    assert not (folder / "runs" / "study" / "parts").exists()
    there, here = open_run(finished / "runs" / "study"), open_run(folder / "runs" / "study")
    for group in there.children:
        xr.testing.assert_identical(here[group].to_dataset().load(), there[group].to_dataset().load())
    assert signal.getsignal(signal.SIGINT) is handler


def test_progress_on_a_terminal(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(finished)
    screen = Console(file=io.StringIO(), force_terminal=True, width=120)
    with progress(plan_study("study.toml"), 1, screen) as begin:
        begin("toy")(4, 4, 0)
        begin("toy:H1")(2, 4, 1)
    text = screen.file.getvalue()
    assert "toy:H1" in text
    assert "10/12 patients" in text
    assert "1 failed" in text
    quiet = Console(file=io.StringIO())
    with progress(plan_study("study.toml"), 0, quiet) as begin:
        begin("toy")(4, 4, 0)
    assert quiet.file.getvalue() == ""


def test_failures_are_told_by_cause_and_number(finished: Path) -> None:
    run = open_run(finished / "runs" / "study").load()
    run["endpoints"]["status"][1] = np.array([0, 2, 0, 2], dtype=np.int8)
    run["endpoints"]["status"][2] = np.array([1, 0, 0, 0], dtype=np.int8)
    screen = Console(file=io.StringIO(), width=120)
    show_failures(run, screen)
    assert screen.file.getvalue() == "toy: 2 failed (step_floor), patients 1, 3\ntoy:H1: 1 failed (nan), patients 0\n"


def test_rules_of_one_arm_come_through_the_whole_run(folder: Path, command: Command, edit: Callable[..., Path]) -> None:
    """One arm has rules, one has none: ledger, endpoints, table and report hold both; a kept part is taken up again."""
    rule = '[[rule]]\nname = "low"\nwhen = "anc < 3.4 Gpt"\naction = "hold"\n'
    (folder / "regimens" / "ruled.toml").write_text((folder / "regimens" / "toy.toml").read_text() + rule)
    edit(
        "study.toml",
        'visits = "28 d"',
        'visits = "7 d"',
        "[[hypothesis]]",
        'ruled = { regimen = "ruled" }\n\n[[hypothesis]]',
    )
    status, out, err = command("run", "study.toml")
    assert (status, err) == (0, "")
    assert "dose intensity" in out
    run = open_run(folder / "runs" / "study")
    ledger = run["ledger"].to_dataset()
    assert set(ledger["arm"].values.tolist()) == {"ruled"}
    assert set(ledger["decision"].values.tolist()) == {"hold", "resume"}
    found = run["endpoints"].to_dataset()
    assert found["drug_intensity"].sel(drug="toycide", arm="toy").values.tolist() == [1.0] * 4
    assert (found["drug_intensity"].sel(drug="toycide", arm="ruled").values < 0.9).all()
    assert np.isnan(found["drug_intensity"].sel(arm="none").values).all()
    assert (found["holds"].sel(arm="ruled") > 0).all()
    assert (found["holds"].sel(arm="toy") == 0).all()
    report = (folder / "runs" / "study" / "report.html").read_text()
    assert "patients with doses held %" in report
    assert "dose_intensity,held,reduced" in (folder / "runs" / "study" / "summary.csv").read_text()


def test_a_changed_rule_file_is_another_study(folder: Path) -> None:
    rules = folder / "rules" / "own.toml"
    rules.parent.mkdir()
    text = '[[rule]]\nname = "low"\nwhen = "anc < 1 Gpt"\naction = "hold"\n'
    rules.write_text(text)
    regimen = folder / "regimens" / "toy.toml"
    regimen.write_text(regimen.read_text().replace("[[dose]]", 'rules = ["own"]\n[[dose]]'))
    before = plan_study("study.toml")
    assert before.files["rule_set", "own"] == rules
    rules.write_text(text.replace("1 Gpt", "2 Gpt"))
    assert plan_study("study.toml").identity != before.identity
