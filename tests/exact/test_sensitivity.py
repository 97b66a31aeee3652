"""Derivatives of outputs by parameters: closed forms, central differences of `simulate`, and what is refused."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import pdsim
from pdsim import Arm, Regimen
from pdsim.dosing import Dose
from pdsim.errors import ModelError, PdsimError, SolverError
from pdsim.pk import card_from_dict
from pdsim.simulate import SolverWarning
from pdsim.solvers.status import BAD_INPUT

LOGISTIC = Path(__file__).parent.parent / "models" / "fixtures" / "logistic.py"
METHODS = pytest.mark.parametrize("method", ["explicit", "stiff"])
CARD = """
[pk]
kind = "linear"
route = "oral"
molar_mass = { value = 250, unit = "g/mol", status = "assumed", source = "s" }
unbound = { value = 0.5, status = "assumed", source = "s" }
clearance = { value = 24, unit = "L/day", status = "assumed", source = "s" }
volume = { value = 10, unit = "L", status = "assumed", source = "s" }
absorption = { value = 1, unit = "1/h", status = "assumed", source = "s" }
[[effect]]
input = "closed"
affinity = { value = 178, unit = "nM", status = "assumed", source = "s" }
closed = { value = 0.1, status = "assumed", source = "s" }
"""


@pytest.fixture(scope="module")
def logistic():
    return pdsim.load_model(str(LOGISTIC))


@pytest.fixture(scope="module")
def clones():
    return xr.Dataset(
        {"cereblon": (("patient", "clone"), [[1.0, 0.3], [0.8, 0.05]]), "capacity": ("patient", [2e12, 1e12])},
        {"patient": [0, 1], "clone": ["first", "second"]}, {"seed": 1},
    )  # fmt: skip


@METHODS
def test_closed_form_of_a_turnover(turnover, three, method):
    doses = Regimen("level", 28.0, (Dose("level", 5.0, "g/L", days=(3,)),))
    found = pdsim.sensitivities(
        turnover, three, doses, ["make", "loss", "ratio", "idle"], ["level_seen", "squared"], stop=10.0, every=1.0,
        method=method, rtol=1e-9, atol=1e-12,
    )  # fmt: skip
    k, t = three["loss"].values[:, None], np.arange(11.0)
    make, ratio = 3.0, 2.0
    fall, later = np.exp(-k * t), np.where(t >= 2.0, np.exp(-k * (t - 2.0)), 0.0)
    level = make / k * (1.0 + (ratio - 1.0) * fall) + 5.0 * later
    by = {
        "make": (1.0 + (ratio - 1.0) * fall) / k,
        "loss": -make / k**2 * (1.0 + (ratio - 1.0) * fall) - make / k * (ratio - 1.0) * t * fall
        - 5.0 * (t - 2.0) * later,
        "ratio": make / k * fall,
        "idle": make / k * (1.0 - fall),
    }  # fmt: skip
    for name, expected in by.items():
        assert found["level_seen"].sel(parameter=name).values == pytest.approx(expected, rel=1e-6, abs=1e-7)
        square = 4.0 * level * expected + (level**2 if name == "ratio" else 0.0)
        assert found["squared"].sel(parameter=name).values == pytest.approx(square, rel=1e-6, abs=1e-5)
    assert (found["status"] == 0).all()


@METHODS
def test_cells_that_doses_enter(turnover, three, method):
    doses = Regimen("cells", 28.0, (Dose("cells", 1e6, "cell", days=(2, 5)),))
    found = pdsim.sensitivities(
        turnover, three, doses, ["growth"], ["given"], stop=8.0, every=0.5, method=method, rtol=1e-9, atol=1e-12
    )["given"]  # fmt: skip
    t = found["time"].values
    expected = sum(np.where(t >= day, 1e6 * (t - day) * np.exp(0.3 * (t - day)), 0.0) for day in (1.0, 4.0))
    assert found.values[0] == pytest.approx(np.tile(expected, (3, 1)), rel=1e-6, abs=1e-3)


@METHODS
def test_central_differences_of_clones_under_a_drug(logistic, clones, method):
    card = {"made": card_from_dict(tomllib.loads(CARD), "made", "made.toml")}
    regimen = Regimen.every("1 d", "10 mg", drug="made")
    wanted = ["growth", "half", "capacity", "mutation", "clearance", "share[first]", "made.closed.affinity"]
    settings = {"stop": 14.0, "every": 1.0, "drugs": card, "method": method, "rtol": 1e-10, "atol": 1e-13}
    found = pdsim.sensitivities(logistic, clones, regimen, wanted, relative=True, **settings)
    assert found["parameter"].values.tolist() == ["growth[first]", "growth[second]", *wanted[1:]]
    step = 1e-3  # simulate rounds to float32: 6e-8 / 1e-3
    for name in found["parameter"].values:
        sizes = [_value(logistic, clones, card, str(name)) * factor for factor in (1.0 - step, 1.0 + step)]
        runs = [
            pdsim.simulate(
                logistic, _with(clones, str(name), size), Arm(regimen, set=_own(str(name), size)), **settings
            )
            for size in sizes
        ]
        for output in ("burden", "clone_cells"):
            low, high = (run["trajectory"][output].values[0].astype(float) for run in runs)
            slope = (high - low) / (2.0 * step)
            assert found[output].sel(parameter=name).values == pytest.approx(slope, rel=1e-3, abs=3e-4 * high.max())


def _value(model, clones, cards, name):
    base = name.partition("[")[0]
    if name.startswith("made."):
        return 178.0
    return clones[base].values if base in clones else np.full(2, model.params[base].default)


def _with(clones, name, size):
    """Cohort with another value of a parameter that the cohort gives for each patient."""
    return clones.assign({name: ("patient", size)}) if np.ndim(size) and "[" not in name else clones


def _own(name, size):
    return {name: float(np.ravel(size)[0])} if "[" in name or np.ndim(size) == 0 else {}


def test_shipped_model_against_central_differences():
    model, regimen = pdsim.load_model("myeloma"), pdsim.load_regimen("rep")
    cohort = pdsim.sample_cohort("len_refractory", 2, seed=5)
    # the clones that are there stay, and none enters within the month
    settings = {"stop": "28 d", "every": "7 d", "method": "explicit", "rtol": 1e-9, "atol": 1e-12}
    names = ["growth_net", "lenalidomide.cereblon_closed.affinity"]
    outputs = ["m_protein", "anc", "treg"]
    found = pdsim.sensitivities(model, cohort, regimen, names, outputs, relative=True, **settings)
    step = 1e-3
    base = {"growth_net": cohort["growth_net"], names[1]: None}
    for name in names:
        runs = []
        for factor in (1.0 - step, 1.0 + step):
            if name in cohort:
                changed, own = cohort.assign({name: base[name] * factor}), {}
            else:
                changed, own = cohort, {name: 178.0 * factor}
            runs.append(pdsim.simulate(model, changed, Arm(regimen, set=own), **settings)["trajectory"])
        for output in outputs:
            low, high = (run[output].values[0].astype(float) for run in runs)
            slope = (high - low) / (2.0 * step)
            assert found[output].sel(parameter=name).values == pytest.approx(slope, rel=2e-3, abs=3e-4 * high.max())


@METHODS
def test_clone_that_enters_ends_the_derivative(logistic, clones, method):
    absent = clones.assign(share=(("patient", "clone"), [[1.0, 0.0], [0.5, 0.5]]))
    with pytest.warns(SolverWarning, match=r"in 1 patients \(0\) a clone entered by mutation"):
        found = pdsim.sensitivities(
            logistic, absent, None, ["clearance", "capacity"], stop=30.0, every=1.0, method=method
        )
    gone = np.isnan(found["burden"].values)
    assert not gone[:, 1].any()
    assert gone[:, 0, -1].all()
    assert (np.diff(gone[:, 0].astype(int), axis=1) >= 0).all()
    assert not gone[:, 0, 0].any()


def test_clone_that_dies_out_takes_its_derivative_with_it(logistic, clones):
    card = {"made": card_from_dict(tomllib.loads(CARD), "made", "made.toml")}
    dying = clones.assign(
        share=(("patient", "clone"), [[0.5, 1e-10], [0.5, 1e-10]]),
        growth=(("patient", "clone"), [[0.02, -2.0], [0.02, -1.0]]),
        mutation=("patient", [0.0, 0.0]),
    )
    found = pdsim.sensitivities(logistic, dying, None, ["growth"], drugs=card, stop=20.0, every=1.0)
    second = found["clone_cells"].sel(clone="second", parameter="growth[second]").values
    assert (second[:, 1] > 0.0).all()
    assert (second[:, -1] == 0.0).all()
    assert np.isfinite(found["burden"]).all()


def test_labels(turnover, three):
    settings = {"stop": 4.0, "every": 2.0}
    found = pdsim.sensitivities(turnover, three, None, ["make", "loss"], **settings)
    assert found["level_seen"].dims == ("parameter", "patient", "time")
    assert found["level_seen"].attrs["units"] == "(g/L)/parameter_unit"
    assert found["parameter_unit"].values.tolist() == ["g/L/day", "1/day"]
    assert found["patient"].values.tolist() == [3, 4, 8]
    scaled = pdsim.sensitivities(turnover, three, None, ["make", "loss"], relative=True, **settings)
    assert scaled["level_seen"].attrs["units"] == "g/L"
    times = found["level_seen"].sel(parameter="loss") * three["loss"].values[:, None]
    assert np.array_equal(scaled["level_seen"].sel(parameter="loss"), times)


def test_a_patient_alone(turnover, three):
    settings = {"stop": 10.0, "every": 1.0}
    whole = pdsim.sensitivities(turnover, three, None, ["loss", "make"], threads=2, **settings)
    alone = pdsim.sensitivities(turnover, three.isel(patient=[1]), None, ["loss", "make"], **settings)
    xr.testing.assert_identical(whole.isel(patient=[1]), alone)


def test_failure(turnover, three):
    broken = three.assign(loss=("patient", [0.1, np.nan, 0.5]))
    with pytest.warns(SolverWarning, match=r"2 of 6 patients failed\n  2 x bad_input \(make/4, loss/4\)"):
        found = pdsim.sensitivities(turnover, broken, None, ["make", "loss"], stop=4.0)
    assert found["status"].values.tolist() == [[0, BAD_INPUT, 0]] * 2
    assert np.isnan(found["level_seen"].isel(patient=1)).all()
    assert np.isfinite(found["level_seen"].isel(patient=[0, 2])).all()
    with pytest.raises(SolverError, match="bad_input"):
        pdsim.sensitivities(turnover, broken, None, ["make"], stop=4.0, on_failure="raise")


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"parameters": ["mak"]}, ModelError, r"'mak' is no parameter\. Did you mean 'make'"),
        ({"parameters": ["drug.clearance"]}, ModelError, "Kinetics on a drug card .* have no derivative here"),
        ({"parameters": []}, PdsimError, "at least one name"),
        ({"parameters": "make"}, PdsimError, "give a list"),
        ({"outputs": ["level_sen"]}, PdsimError, r"no output 'level_sen'\. Did you mean 'level_seen'"),
        ({"method": "cascade"}, PdsimError, "method = 'cascade' is not known; use auto, explicit, stiff"),
        ({"regimen": {"a": None, "b": None}}, PdsimError, "one regimen or Arm"),
        ({"on_failure": "no"}, PdsimError, "on_failure = 'no' is not known"),
    ],
)
def test_what_is_refused(turnover, three, changes, error, words):
    given = {"regimen": None, "parameters": ["make"], "stop": 4.0, **changes}
    with pytest.raises(error, match=words):
        pdsim.sensitivities(turnover, three, **given)
