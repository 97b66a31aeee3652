"""A small library and study of its own, so that messages can be compared word for word."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pdsim.cli import main

MODEL = '''"""Cells that grow and are killed by one drug."""

from pdsim.model import Input, Model, Output, Param, State, additive


class Toy(Model):
    """dN/dt = N (growth - kill u)."""

    cells = State(1e12, "cell", "plasma cells")
    paraprotein = State(40.0, "g/L", "serum M-protein")
    growth = Param(0.01, "1/day", "net growth", low=0, source="test")
    kill = Param(0.05, "1/day", "largest kill", low=0, high=1, source="test")
    anc_normal = Param(3.5, "Gpt", "neutrophils without drug", low=0, source="test")
    exposed = Input("1", "drug relative to its potency", combine=additive)
    m_protein = Output("g/L", "serum M-protein")
    burden = Output("cell", "all plasma cells")
    anc = Output("Gpt", "neutrophils in blood")

    @staticmethod
    def rates(t, s, p, u, d):
        net = p.growth - p.kill * u.exposed / (1 + u.exposed)
        return d(cells=s.cells * net, paraprotein=s.paraprotein * net)

    @staticmethod
    def outputs(t, s, p, u):
        return dict(m_protein=s.paraprotein, burden=s.cells, anc=p.anc_normal / (1 + u.exposed))
'''

DRUG = """label = "Toycide"
source = "test"
status = "assumed"
[pk]
kind = "linear"
molar_mass = { value = "259.3 g/mol", status = "assumed", source = "test" }
unbound = { value = 0.7, status = "assumed", source = "test" }
clearance = { value = "200 L/day", cv = 0.3, status = "assumed", source = "test" }
volume = { value = "60 L", status = "assumed", source = "test" }
absorption = { value = "30 1/day", status = "assumed", source = "test" }
[[effect]]
input = "exposed"
potency = { value = "100 nM", status = "assumed", source = "test" }
"""

REGIMEN = """label = "Toy regimen"
cycle = "28 d"
source = "test"
[[dose]]
drug = "toycide"
amount = "25 mg"
days = "1-21"
route = "oral"
"""

POPULATION = """title = "Toy patients"
[parameters.growth]
distribution = "lognormal"
typical = 0.01
cv = 0.3
unit = "1/day"
"""

STUDY = """title = "Toy study"
model = "toy"
population = "toys"
seed = 3
stop = "168 d"
every = "7 d"
visits = "28 d"
interval_n = 20
save = ["m_protein", "burden"]

[cohort]
size = 4

[arms]
none = {}
toy = { regimen = "toy", until = "progression" }

[[hypothesis]]
name = "H1"
arm = "toy"
set = { kill = 0.0 }
"""

SWEEP = """
[sweep]
chunk = 3
figures = ["orr"]
save = ["m_protein"]
reduce = { burden = ["min", "time_of_min"] }
[[sweep.factor]]
name = "dose"
key = "arms.toy.dose.toycide.amount"
values = ["10 mg", "60 mg"]
[[sweep.factor]]
name = "course"
key = ["arms.toy.dose.toycide.days", "arms.*.set.growth"]
values = [["1-21", 0.012], ["weekly", 0.008]]
labels = ["long", "short"]
"""


FILES = {
    "models/toy.py": MODEL,
    "models/drugs/toycide.toml": DRUG,
    "regimens/toy.toml": REGIMEN,
    "populations/toys.toml": POPULATION,
    "study.toml": STUDY,
}


def write_toy(place: Path) -> Path:
    """Write the toy study and its library into a folder."""
    for name, text in FILES.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return place


@pytest.fixture(scope="session")
def toy_folder() -> Callable[[Path], Path]:
    """Write the toy study into a folder."""
    return write_toy


@pytest.fixture(scope="session")
def write_sweep(toy_folder: Callable[[Path], Path]) -> Callable[[Path], Path]:
    """Write the toy study with a sweep, 4 patients in 2 arms and 4 scenarios: 8 chunks."""

    def write(place: Path) -> Path:
        toy_folder(place)
        text = (place / "study.toml").read_text().partition("[[hypothesis]]")[0]
        (place / "sweep.toml").write_text(text + SWEEP)
        return place

    return write


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study folder with everything it needs; it is the current folder, and no run before has measured a speed."""
    write_toy(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pdsim.config.plan._speed_file", lambda: tmp_path / "speed.json")
    monkeypatch.delenv("PDSIM_MODEL_PATH", raising=False)
    return tmp_path


@pytest.fixture
def edit(folder: Path) -> Callable[..., Path]:
    """Replace text in one of the files: ``edit("study.toml", "size = 4", "size = -4")``."""

    def change(name: str, *pairs: str) -> Path:
        path = folder / name
        text = path.read_text()
        for old, new in zip(pairs[::2], pairs[1::2], strict=True):
            assert old in text
            text = text.replace(old, new)
        path.write_text(text)
        return path

    return change


@pytest.fixture
def shipped_folder(root: Path) -> Path:
    """The configs of the checkout."""
    return root / "configs"


@pytest.fixture
def remove(folder: Path) -> Callable[[str], None]:
    """Remove a file or folder."""

    def away(name: str) -> None:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return away


@pytest.fixture
def command(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command in this process: exit status, output, errors."""

    def call(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(words)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return int(ended.value.code or 0), out, err

    return call
