"""The other commands: list, show, check, new-model, check-model; help is quick, mistakes end in one message."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import pdsim

Command = Callable[..., tuple[int, str, str]]


def process(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    home = {**os.environ, "PYTHONPATH": str(Path(pdsim.__file__).parents[1]), **more}
    return subprocess.run([sys.executable, "-m", "pdsim.cli", *words], capture_output=True, text=True, env=home)


def test_check_prints_the_plan_and_runs_nothing(folder: Path, command: Command) -> None:
    before = sorted(folder.rglob("*"))
    status, out, err = command("check", "study.toml", "--set", "cohort.size=9", "title=Another")
    assert (status, err) == (0, "")
    assert out.startswith("Another [study, identity ")
    assert "27 patient runs (9 patients x 3 arms)." in out
    assert sorted(folder.rglob("*")) == before


def test_check_balances_units(command: Command, edit: Callable[..., Path]) -> None:
    edit("models/toy.py", "anc=p.anc_normal /", "anc=p.growth /")
    status, _, err = command("check", "study.toml")
    assert status == 2
    assert "units do not balance" in err


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("models", "toy Cells that grow and are killed by one drug."),
        ("drugs", "Toycide"),
        ("regimens", "Toy regimen"),
        ("populations", "Toy patients"),
        ("studies", "study Toy study"),
    ],
)
def test_list(kind: str, line: str, command: Command) -> None:
    status, out, _ = command("list", kind)
    assert status == 0
    assert any(line in " ".join(text.split()) for text in out.splitlines())  # columns are as wide as the longest name
    assert all(len(text) > 3 for text in out.splitlines())


def test_show_model(command: Command) -> None:
    status, out, _ = command("show", "toy", "--kind", "model")
    assert status == 0
    assert out.startswith("model toy (models/toy.py)\n")
    assert "largest kill" in out


def test_show_every_kind_of_a_name(command: Command) -> None:
    out = command("show", "toy")[1]
    assert [line for line in out.splitlines() if line.startswith(("model ", "regimen "))] == [
        "model toy (models/toy.py)",
        "regimen toy (regimens/toy.toml)",
    ]


def test_show_regimen_with_its_calendar(command: Command, edit: Callable[..., Path]) -> None:
    more = '[[dose]]\ndrug = "toycide"\namount = "5 mg"\ndays = [22]\ncycles = "3-"\n'
    edit("regimens/toy.toml", "[[dose]]", f"{more}[[dose]]")
    out = command("show", "toy", "--kind", "regimen")[1]
    assert out.endswith(
        "cycle 1\n"
        "  day      1      8      15     22\n"
        "  toycide  xxxxxxxxxxxxxxxxxxxxx.......\n"
        "from cycle 3\n"
        "  day      1      8      15     22\n"
        "  toycide  xxxxxxxxxxxxxxxxxxxxxx......\n"
    )


def test_show_population(command: Command) -> None:
    out = command("show", "toys")[1]
    assert "of 1024 patients" in out
    row = next(line for line in out.splitlines() if line.startswith("growth"))
    assert 0.0095 < float(row.split()[1]) < 0.0105


def test_show_drug_with_its_figure(folder: Path, command: Command) -> None:
    status, out, _ = command("show", "toycide", "--figure", "drug.svg")
    assert status == 0
    assert "AUC" in out
    assert "slowest half-life 4.99 h" in out
    assert "one dose of 1 mg" in (folder / "drug.svg").read_text()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ("show", "toyz"),
            "There is no model, drug, regimen, rule set or population 'toyz'. Did you mean 'toy' or 'toys'?",
        ),
        (("show", "./toy.toml"), "There is no file toy.toml."),
        (("show", "toys", "--figure", "x.png"), "--figure is for drugs, and 'toys' is none."),
        (("show", "toycide", "--figure", "x.bmp"), "A figure is written as png, svg or pdf"),
        (("check", "stdy.toml"), "There is no study file stdy.toml. Did you mean 'study.toml'?"),
        (("check", "stdy"), "There is no study 'stdy'. Did you mean 'study'?"),
        (("check", "models"), "models is a folder"),
        (("plot", "nothing"), "there is no stored run here"),
        (("new-model", "Bad-Name"), "'Bad-Name' cannot name a model"),
        (("check-model", "tooy"), "There is no model 'tooy'. Did you mean 'toy'?"),
        (("warm", "nothing.toml"), "There is no study file nothing.toml"),
    ],
)
def test_mistakes_end_in_one_message(words: tuple[str, ...], expected: str, command: Command) -> None:
    status, _, err = command(*words)
    assert status == 2
    assert err.startswith("pdsim: ")
    assert expected in err


@pytest.mark.parametrize("words", [("runn",), ("run",), ("list", "drug"), ("run", "study.toml", "--sed", "1")])
def test_a_wrong_command_line_ends_with_2(words: tuple[str, ...], command: Command) -> None:
    status, out, err = command(*words)
    assert status == 2
    assert "Traceback" not in out + err


def test_new_model_is_a_model(folder: Path, command: Command) -> None:
    assert command("new-model", "mine")[:2] == (0, "Wrote mine.py. Check it with: pdsim check-model mine.py\n")
    assert command("show", "./mine.py")[0] == 0
    assert "mine.py cannot be written: File exists." in command("new-model", "mine")[2]


def test_check_model_lists_findings(folder: Path, command: Command, edit: Callable[..., Path]) -> None:
    edit("models/toy.py", "cells=s.cells * net", "cell=s.cells * net")
    status, out, err = command("check-model", "models/toy.py")
    assert (status, out) == (2, "")
    assert "toy.py:" in err


def test_help_is_quick(folder: Path) -> None:
    done = process("--help")
    assert done.returncode == 0
    assert "check-model" in done.stdout
    # what takes long to import waits until a command needs it
    heavy = "numba numpy scipy pandas xarray matplotlib sympy pint zarr pydantic lifelines jinja2"
    code = (
        "import sys\nfrom pdsim.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print('loaded:', sorted(set({heavy.split()!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded: []"


def test_debug_shows_the_traceback(folder: Path) -> None:
    assert "Traceback" not in process("check", "nothing.toml").stderr
    assert "Traceback" in process("check", "nothing.toml", "--debug").stderr
    assert "Traceback" in process("check", "nothing.toml", PDSIM_DEBUG="1").stderr


def test_a_closed_pipe_is_no_mistake(folder: Path) -> None:
    home = {**os.environ, "PYTHONPATH": str(Path(pdsim.__file__).parents[1])}
    line = f"{sys.executable} -m pdsim.cli show myeloma --kind model | head -1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {line}"], capture_output=True, text=True, env=home)
    assert (done.returncode, done.stderr) == (0, "")
