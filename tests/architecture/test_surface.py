"""The public surface: every name resolves and is documented, imports stay light, every listed file loads."""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import pdsim
from pdsim.config import load_study
from pdsim.library import Library

HEAVY = {"numba", "xarray", "matplotlib", "sympy", "pint", "pandas", "scipy.stats", "lifelines", "zarr"}
PATTERNS = {
    "model": "models/*.py",
    "drug": "models/drugs/*.toml",
    "regimen": "configs/regimens/**/*.toml",
    "rule_set": "configs/rules/*.toml",
    "population": "configs/populations/*.toml",
    "study": "configs/studies/*.toml",
}


def _fresh(code: str) -> str:
    """Run code in a new process that imports the same pdsim."""
    folder = Path(pdsim.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("name", pdsim.__all__)
def test_public_name_resolves_and_is_documented(name):
    found = getattr(pdsim, name)
    if name == "__version__":
        assert found.count(".") == 2
        return
    text = inspect.getdoc(found)
    assert text
    assert text.splitlines()[0].endswith(".")
    assert name in dir(pdsim)


def test_names_for_type_checkers_are_the_lazy_names():
    homes = {name for names in pdsim._HOMES.values() for name in names}
    assert homes | set(pdsim._SUBMODULES) | {"__version__"} == set(pdsim.__all__)


def test_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(AttributeError, match=r"module 'pdsim' has no attribute 'simulat'\. Did you mean 'simulate'"):
        pdsim.simulat  # noqa: B018


def test_simulate_is_the_function_whatever_was_imported_first():
    code = "from pdsim.simulate import Arm; import pdsim; print(callable(pdsim.simulate), pdsim.Arm is Arm)"
    assert _fresh(code).split() == ["True", "True"]
    module = importlib.import_module("pdsim.simulate")
    assert isinstance(module, ModuleType)
    assert module.simulate is pdsim.simulate


@pytest.mark.parametrize("module", ["pdsim", "pdsim.cli", "pdsim.config"])
def test_import_is_light(module):
    loaded = json.loads(_fresh(f"import sys, json, {module}; print(json.dumps(sorted(sys.modules)))"))
    assert HEAVY & set(loaded) == set()


def test_a_cohort_is_drawn_without_what_it_does_not_need():
    code = (
        "import json, sys, pdsim; patients = pdsim.sample_cohort('len_refractory', 4, seed=1);"
        "patients['growth_net'].notnull(); print(json.dumps(sorted(sys.modules)))"
    )
    loaded = set(json.loads(_fresh(code)))
    assert "xarray" in loaded
    assert {"numba", "matplotlib", "sympy", "pint", "dask", "scipy", "zarr"} & loaded == set()


def _shipped() -> list[tuple[str, Path]]:
    root = Path(__file__).parents[2]
    found = [(kind, path) for kind, pattern in PATTERNS.items() for path in sorted(root.glob(pattern))]
    return [(kind, path) for kind, path in found if path.name != "not_simulated.toml"]


@pytest.mark.parametrize(("kind", "path"), _shipped(), ids=lambda value: getattr(value, "stem", value))
def test_every_shipped_file_loads_by_name_and_by_path(kind, path):
    if kind == "study":
        assert load_study(path).title
        return
    library = Library()
    assert path.stem in library.names(kind)
    by_name = library.load(kind, path.stem)
    by_path = library.load(kind, str(path))
    assert type(by_name).__qualname__ == type(by_path).__qualname__


def test_every_config_file_is_of_a_known_kind(root):
    known = {*(path for _, path in _shipped()), root / "configs" / "regimens" / "not_simulated.toml"}
    known |= {*root.glob("configs/trials/*.toml"), *root.glob("configs/fits/*.toml")}  # loaded by tests of their own
    claims = set(root.glob("configs/mechanisms/*.toml"))  # one suite, loaded whole by the tests of its claims
    assert set(root.glob("configs/**/*.toml")) - known == claims


def test_library_lists_nothing_that_does_not_load():
    library = Library()
    listed = {kind: library.names(kind) for kind in ("model", "drug", "regimen", "rule_set", "population")}
    assert all(listed.values())
    assert all(library.load(kind, name) for kind, names in listed.items() for name in names)
