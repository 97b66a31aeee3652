"""Trial files: mistakes come in one message, a small trial runs to tables, JSON and a page, the check set is sealed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pdsim.errors import ConfigError
from pdsim.library import Library
from pdsim.trial import load_trial, load_trials
from pdsim.trial.options import Options
from pdsim.trial.publish import figure_rows, run_of
from pdsim.trial.run import run_trials
from pdsim.trial.show import as_json

KEYS = {
    "regimen_id", "trial", "subgroup", "endpoint", "timepoint", "unit", "predicted", "pred_low", "pred_high",
    "observed", "obs_low", "obs_high", "z", "set", "drugs", "sealed",
}  # fmt: skip

TRIAL = """title = "Toycide against nothing"
trial = "TOY-1"
source = "test"
model = "toy"
randomised = true
follow_up = "1 yr"
[population]
same_as = "toys"
[population.covariates.marker]
distribution = "uniform"
low = 0
high = 1
[[eligibility]]
keep = "marker > 0.1"
source = "test"
[arms.drug]
regimen = "toy"
n = 30
until = "progression"
[arms.nothing]
regimen = "idle"
n = 30
[power]
test = "drug"
against = "nothing"
endpoint = "TTP"
replicates = 40
bank = 32
[[outcome]]
row = 1
arm = "drug"
endpoint = "ORR_ge_PR"
observed = 60
n = 30
set = "fit"
[[outcome]]
row = 2
arm = "drug"
endpoint = "median_TTP"
unit = "months"
among = "marker > 0.5"
subgroup = "high marker"
observed = 6
set = "check"
[[outcome]]
row = 3
arm = "nothing"
endpoint = "median_TTP"
unit = "months"
observed = 2
set = "fit"
[[outcome]]
arm = "drug"
against = "nothing"
endpoint = "HR_TTP"
unit = "ratio"
set = "blind"
"""

IDLE = 'label = "nothing"\nsource = "test"\nmeaning = "no treatment"\n'
SMALL = Options(size=32, subgroup=16, draws=0, replicates=50, bank=0, seed=3)


def with_trial(folder: Path) -> Path:
    """Write the trial beside the toys of a folder."""
    (folder / "regimens" / "idle.toml").write_text(IDLE)
    (folder / "trials").mkdir()
    (folder / "trials" / "toy1.toml").write_text(TRIAL)
    return folder


@pytest.fixture
def toys(folder: Path) -> Path:
    return with_trial(folder)


@pytest.fixture
def write(toys: Path) -> Callable[..., str]:
    """Change the trial by pairs of old and new text; the name of the changed one."""

    def change(*pairs: str) -> str:
        text = TRIAL
        for old, new in zip(pairs[::2], pairs[1::2], strict=True):
            assert old in text
            text = text.replace(old, new)
        (toys / "trials" / "changed.toml").write_text(text)
        return "changed"

    return change


def load(name: str, folder: Path):
    return load_trial(name, Library(study_folder=folder))


def test_every_mistake_of_a_file_is_told_at_once(write, toys):
    name = write('model = "toy"', 'model = "toys"\nfolow_up = "1 yr"', "n = 30\nuntil", "n = -1\nuntil",
                 'regimen = "idle"', 'regimen = "idel"', 'endpoint = "ORR_ge_PR"', 'endpoint = "ORR"')  # fmt: skip
    with pytest.raises(ConfigError) as error:
        load(name, toys)
    text = str(error.value)
    assert text.startswith("4 mistakes in the trial")
    for part in ("folow_up: unknown key. Did you mean 'follow_up'?", "arms.drug.n: should be at least 1, not -1",
                 "arms.nothing.regimen: There is no regimen 'idel'. Did you mean 'idle'?",
                 "outcome[1]: there is no endpoint 'ORR'"):  # fmt: skip
        assert part in text


@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        (("randomised = true", "randomised = false"), "a hazard ratio needs randomised = true"),
        (('arm = "nothing"', 'arm = "notting"'), "there is no arm 'notting'. Did you mean 'nothing'?"),
        (('against = "nothing"\nendpoint = "HR', 'against = "drug"\nendpoint = "HR'), "cannot be compared with itself"),
        (("[power]", '[censoring]\naccrual = "2 yr"\n[power]'), "leaves the last patients no follow-up"),
        (("row = 3", "row = 2"), "row 2 is scored 2 times"),
        (('among = "marker > 0.5"', 'among = "markr > 0.5"'), "unknown variable 'markr'. Did you mean 'marker'?"),
        (("observed = 60", "observed = 160"), "observed cannot be 160 %"),
        (('unit = "ratio"', 'unit = "months"'), "HR_TTP is in ratio, not in months"),
        (("randomised = true", 'randomised = true\ncriteria = { partial_fal = 0.4 }'), "criteria.partial_fal"),
        (("randomised = true", "randomised = true\ndeath = { myelom = 1.0 }"), "death.myelom"),
        (('same_as = "toys"', 'same_as = "toyss"'), "There is no population 'toyss'. Did you mean 'toys'?"),
    ],
)  # fmt: skip
def test_contradictory_designs_are_told(write, toys, pairs, told):
    with pytest.raises(ConfigError) as error:
        load(write(*pairs), toys)
    assert told in str(error.value)


def test_nobody_who_can_enter_is_told_with_the_condition(write, toys):
    trial = load(write("marker > 0.1", "marker > 2"), toys)
    with pytest.raises(ConfigError, match=r"nobody can enter.\n  eligibility\[1\] 'marker > 2' holds for 0%"):
        run_trials([trial], SMALL, Library(study_folder=toys), frozen=False)


def test_nobody_in_a_subgroup_is_told(write, toys):
    trial = load(write("marker > 0.5", "marker > 7"), toys)
    with pytest.raises(ConfigError, match="nobody who entered is such that marker > 7"):
        run_trials([trial], SMALL, Library(study_folder=toys), frozen=False)


@pytest.fixture(scope="module")
def place(toy_folder, tmp_path_factory):
    """A folder that the tests of one scoreboard share."""
    return with_trial(toy_folder(tmp_path_factory.mktemp("trial")))


@pytest.fixture(scope="module")
def board(place):
    return run_trials([load("toy1", place)], SMALL, Library(study_folder=place), frozen=False)


def test_scoreboard_of_a_small_trial(board):
    found = as_json(board)
    assert [set(entry) for entry in found["endpoints"]] == [KEYS] * 4
    response, sealed, nothing, ratio = found["endpoints"]
    assert response["regimen_id"] == "toy"
    assert response["observed"] == 60.0
    assert response["pred_low"] <= response["predicted"] <= response["pred_high"]
    assert nothing["predicted"] < sealed["predicted"]
    assert ratio["predicted"] < 1.0
    assert (sealed["observed"], sealed["z"], sealed["sealed"]) == (None, None, True)
    assert found["summary"]["fit"]["figures"] == 2
    assert "check_known" not in found["summary"]
    json.dumps(found, allow_nan=False)


def test_sealed_values_are_nowhere(board):
    rows = figure_rows(board)
    assert rows[rows["verdict"] == "sealed"]["observed"].isna().all()
    assert not rows[rows["verdict"] == "sealed"]["counted"].any()


def test_frozen_parameters_open_the_check_set(board):
    opened = replace(board, frozen=True, scored=tuple(replace(one, sealed=False) for one in board.scored))
    assert opened.summary["check_known"]["figures"] == 1


def test_patients_of_arms_and_subgroups(board):
    drug, nothing = (board.arms["toy1", name] for name in ("drug", "nothing"))
    assert (drug.table["marker"].values > 0.1).all()
    assert len(drug.members[()]) == len(nothing.members[()]) == SMALL.size
    high = drug.members[("marker > 0.5",)]
    assert (drug.table["marker"].values[high] > 0.5).all()
    assert len(high) == SMALL.subgroup
    shared = np.intersect1d(drug.table["patient"], nothing.table["patient"])
    assert len(shared) >= SMALL.size


def test_arm_does_not_depend_on_the_trials_beside_it(board, toys, write):
    other = load(write("marker > 0.1", "marker > 0.2"), toys)
    both = run_trials([other, load("toy1", toys)], SMALL, Library(study_folder=toys), frozen=False)
    first, again = board.arms["toy1", "drug"].table, both.arms["toy1", "drug"].table
    np.testing.assert_array_equal(first["pfs_time"], again["pfs_time"])


def test_run_of_a_trial_can_be_drawn(board):
    run = run_of(board, board.trials[0])
    assert list(run["endpoints"]["arm"].values) == ["drug", "nothing"]
    assert {"pfs_time", "os_time", "best_change"} <= set(run["endpoints"].data_vars)


def test_command_writes_json_and_page(toys, command, tmp_path):
    status, out, err = command("trial", "toy1", "--quick", "--json", "out.json", "--out", "page")
    assert (status, err.strip()) == (0, "")
    assert "TOY-1" in out
    assert "replicate trials" in out
    assert len(json.loads(Path("out.json").read_text())["endpoints"]) == 4
    page = Path("page/report.html").read_text()
    assert page.count("data:image") >= 5
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org", "")


def test_history_changes_patients_and_starts_from_their_states(write, toys, board):
    line = ('[[history]]\nregimen = "toy"\nstop = "2 yr"\nenter = "progression"\nthen = { growth = "2 * growth" }\n'
            "[arms.drug]")  # fmt: skip
    trial = load(write("[arms.drug]", line), toys)
    grown = run_trials([trial], SMALL, Library(study_folder=toys), frozen=False).arms["changed", "nothing"]
    plain = board.arms["toy1", "nothing"]
    assert grown.tried >= SMALL.size
    assert np.median(grown.table["growth"]) > 1.5 * np.median(plain.table["growth"])


def test_shipped_trials_load():
    trials = {trial.name: trial for trial in load_trials(library=Library(paths=[]))}
    assert trials["nct06179888"].table.power.bank >= 5000
    assert [arm.n for arm in trials["nct06179888"].table.arms.values()] == [39, 39]
