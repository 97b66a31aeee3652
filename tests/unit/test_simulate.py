"""`pdsim.simulate`: what it refuses and in which words, what it does about failures, and the shape of its run."""

from __future__ import annotations

import inspect
import json
import warnings
from itertools import pairwise

import numpy as np
import pytest
import xarray as xr

import pdsim
from pdsim import Arm, Regimen, schema
from pdsim.dosing import Dose
from pdsim.ensemble.plan import Plan
from pdsim.errors import CohortError, DoseError, ModelError, PdsimError, SolverError, UnitError
from pdsim.simulate import SolverWarning
from pdsim.visits import AssayError


@pytest.fixture(scope="module")
def model():
    return pdsim.load_model("myeloma")


@pytest.fixture(scope="module")
def rep():
    return pdsim.load_regimen("rep")


@pytest.fixture(scope="module")
def cohort():
    return pdsim.sample_cohort("len_refractory", 3, seed=2)


@pytest.fixture(scope="module")
def simulate(model, cohort, rep):
    cards = {dose.drug: pdsim.load_drug(dose.drug) for dose in rep.doses}

    def run(arms=rep, patients=None, **changes):
        settings = {"stop": "56 d", "drugs": cards, **changes}
        return pdsim.simulate(model, cohort if patients is None else patients, arms, **settings)

    return run


@pytest.fixture(scope="module")
def run(simulate, rep):
    arms = {
        "none": None,
        "rep": rep,
        "rep:H1": Arm(rep, set={"treg_loss_max": 0.0}, base="rep", hypothesis="H1", label="no H2"),
    }
    return simulate(arms, every="7 d", counts="3.5 d")


# what is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"stop": -1.0}, PdsimError, "stop = -1 days; it must be a positive time, for example '28 d'"),
        ({"stop": 0.0}, PdsimError, "stop = 0 days"),
        ({"every": float("nan")}, UnitError, "not-a-number is no quantity"),
        ({"visits": float("inf")}, PdsimError, "visits = inf days"),
        ({"counts": "-7 d"}, PdsimError, "counts = -7 days"),
        ({"stop": "two months"}, UnitError, "two months"),
        ({"method": "stif"}, SolverError, r"method = 'stif' is not known; use .*\. Did you mean 'stiff'"),
        ({"rtol": 0.0}, SolverError, "rtol = 0 must be a positive number"),
        ({"atol": float("nan")}, SolverError, "atol = nan"),
        ({"max_step": -3.0}, SolverError, "max_step = -3"),
        ({"on_failure": "ignore"}, PdsimError, "on_failure = 'ignore' is not known; use warn, raise or keep"),
        ({"save": ["anx", "flc", "treq"]}, PdsimError, r"no output 'anx'\. .*'anc'.*\n.*'treq'.*'treg'.*\nOutputs: "),
    ],
)  # fmt: skip
def test_wrong_setting(simulate, changes, error, words):
    with pytest.raises(error, match=words):
        simulate(**changes)


def test_cohort_without_patients(simulate, cohort):
    with pytest.raises(CohortError, match="no dimension 'patient'; make one with"):
        simulate(patients=xr.Dataset({"growth": 0.1}))
    with pytest.raises(CohortError, match="no patients"):
        simulate(patients=cohort.isel(patient=[]))


def test_cohort_variable_of_wrong_shape(simulate, cohort):
    wrong = cohort.assign(capacity=(("patient", "clone"), np.ones((3, cohort.sizes["clone"]))))
    with pytest.raises(CohortError, match=r"'capacity' has dimensions \('patient', 'clone'\); .*needs \('patient',\)"):
        simulate(patients=wrong)


@pytest.mark.parametrize("arms", [{}, "rep", {"rep": 5}], ids=["none", "text", "number"])
def test_arms_that_are_none(simulate, arms):
    with pytest.raises(PdsimError, match=r"no arms to simulate|give a Regimen, an Arm or None"):
        simulate(arms)


def test_parameter_that_does_not_exist(simulate, rep):
    with pytest.raises(
        ModelError, match=r"arm 'x' sets 'treg_los_max', which is no parameter\. Did you mean 'treg_loss_max'"
    ):
        simulate({"x": Arm(rep, set={"treg_los_max": 0.0})})


def test_drug_that_does_not_exist(simulate):
    with pytest.raises(DoseError, match=r"arm 'arm of it': .*lenalidomid.*lenalidomide"):
        simulate({"arm of it": Regimen.every("1 d", "25 mg", drug="lenalidomid")})


def test_route_that_the_card_has_not(simulate):
    with pytest.raises(DoseError, match="no kinetics for route 'sc'; known: iv, infusion, oral"):
        simulate(Regimen.every("1 d", "25 mg", drug="lenalidomide", route="sc"))


def test_dose_by_a_size_that_the_cohort_lacks(simulate, cohort):
    bare = cohort.drop_vars(["height", "bsa"])
    with pytest.raises(
        DoseError, match="dosed per m2, and the cohort has no weight and height; add it to the population"
    ):
        simulate(Regimen.every("7 d", "20 mg/m2", drug="lenalidomide"), patients=bare)


def test_unit_that_does_not_fit(simulate):
    with pytest.raises(PdsimError, match="lenalidomide"):
        simulate(Regimen("cells", 28.0, (Dose("lenalidomide", 1e6, "cell", days=(1,)),)))


def test_infusion_without_length(simulate, rep, monkeypatch):
    line = rep.lines(56.0)[0]
    bad = type(line)(line.drug, line.amount, line.unit, line.per, "infusion", 0.0, line.times)
    monkeypatch.setattr(type(rep), "lines", lambda self, stop: (bad,))
    with pytest.raises(
        DoseError, match=r'lenalidomide: an infusion needs its length; write for example duration = "1 h"'
    ):
        simulate()


def test_two_drugs_with_one_species(simulate, rep):
    card = pdsim.load_drug("lenalidomide")
    with pytest.raises(DoseError, match="both have a species 'lenalidomide'; rename it on one card"):
        simulate(drugs={"lenalidomide": card, "copy": card})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda ds: ds.rename(paraprotein="m_protein"), "initial has 'm_protein', which is no state"),
        (lambda ds: ds.isel(patient=[0]), "initial has no states of 2 patients of the cohort, such as 1"),
        (lambda ds: ds.expand_dims(arm=["rep", "other"]), "choose one arm and one moment"),
        (lambda ds: ds.isel(clone=[1, 2]), "has no clone 'sensitive', which the cohort has"),
    ],
    ids=["state", "patients", "arms", "clones"],
)
def test_wrong_initial_states(simulate, run, change, words):
    start = pdsim.state_at(run, arm="rep")
    with pytest.raises(CohortError, match=words):
        simulate(initial=change(start))


def test_wrong_moment(run):
    with pytest.raises(PdsimError, match="several arms; name one of none, rep, rep:H1"):
        pdsim.state_at(run)
    with pytest.raises(PdsimError, match=r"no arm 'reb'\. Did you mean 'rep'"):
        pdsim.state_at(run, arm="reb")
    with pytest.raises(PdsimError, match="when = 'start' is not known; use end or pd"):
        pdsim.state_at(run, "start", arm="rep")
    with pytest.raises(PdsimError, match="holds no states"):
        pdsim.state_at(xr.DataTree(), arm="rep")


# failures -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def broken(cohort):
    patients = cohort.copy(deep=True)
    patients["anc_entry"][1] = np.nan
    return patients


def test_failure_warns(simulate, broken):
    with pytest.warns(
        SolverWarning, match=r"1 of 3 patients failed\n  1 x bad_input \(rep/1\): a parameter, entry state"
    ):
        run = simulate(patients=broken)
    assert run["endpoints"]["status"].values.tolist() == [[0, 5, 0]]


def test_failure_raises(simulate, broken, rep):
    with pytest.raises(SolverError, match=r"2 of 6 patients failed\n  2 x bad_input \(a/1, b/1\)"):
        simulate({"a": rep, "b": rep}, patients=broken, on_failure="raise")


def test_failure_is_kept(simulate, broken):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = simulate(patients=broken, on_failure="keep")
    gone = run["trajectory"]["m_protein"].isel(arm=0, patient=1)
    assert np.isnan(gone).all()
    assert (run["visits"]["dosing"].isel(arm=0, patient=1) == 0).all()
    assert (run["visits"]["response"].isel(arm=0, patient=1) == -1).all()
    assert np.isfinite(run["trajectory"]["m_protein"].isel(arm=0, patient=[0, 2])).all()


def test_many_failures_are_named_in_part(simulate, cohort):
    patients = pdsim.sample_cohort("len_refractory", 8, seed=2)
    patients["anc_entry"][:] = np.inf
    with pytest.raises(SolverError, match=r"8 x bad_input \(rep/0, rep/1, rep/2, rep/3, rep/4, \.\.\.\)"):
        simulate(patients=patients, on_failure="raise")


# the run --------------------------------------------------------------------------------------------------------------


def test_groups_and_labels(run, cohort):
    assert set(run.children) == {"cohort", "trajectory", "visits", "counts", "endpoints", "states", "dosing", "doses"}
    for group in run.children:
        ds = run[group].to_dataset(inherit=False)
        for name, values in ds.data_vars.items():
            assert values.attrs["long_name"], f"{group}/{name}"
            assert values.dims[: len(schema.DIMS[group])] == schema.DIMS[group], f"{group}/{name}"
        if "arm" in ds.dims:
            assert ds["arm"].values.tolist() == ["none", "rep", "rep:H1"]
            assert ds["arm"].dtype == np.dtypes.StringDType()
            assert ds["regimen"].values.tolist() == ["", "rep", "rep"]
            assert ds["base_arm"].values.tolist() == ["none", "rep", "rep"]
            assert ds["hypothesis"].values.tolist() == ["", "", "H1"]
            assert ds["label"].values.tolist() == ["none", "rep", "no H2"]
        if "patient" in ds.dims:
            assert ds["patient"].dtype == np.int64
    xr.testing.assert_identical(run["cohort"].to_dataset(), cohort)


def test_axes_and_types(run):
    trajectory, visits = run["trajectory"].to_dataset(), run["visits"].to_dataset()
    assert trajectory["time"].values.tolist() == list(np.arange(9) * 7.0)
    assert visits["visit"].values.tolist() == [0, 1, 2]
    assert visits["day"].values.tolist() == [0.0, 28.0, 56.0]
    assert run["counts"]["day"].values.tolist() == list(np.arange(17) * 3.5)
    assert {values.dtype for values in trajectory.data_vars.values()} == {np.dtype(np.float32)}
    for name in ("response", "progression", "neutropenia", "thrombocytopenia", "mrd_negative", "dosing"):
        assert visits[name].dtype == np.int8
    for name in ("m_protein", "flc", "anc", "platelets", "burden_true"):
        assert visits[name].dtype == np.float32
    assert {values.dtype for values in run["states"].data_vars.values()} == {np.dtype(np.float64)}
    assert run["endpoints"]["status"].dtype == np.int8
    assert trajectory["clone_cells"].dims == ("arm", "patient", "time", "clone")
    assert trajectory["time"].attrs["units"] == "d"
    assert np.isfinite(trajectory.to_array()).all()


def test_attributes(run, model, cohort):
    assert run.attrs["model"] == "myeloma"
    assert run.attrs["model_hash"] == model.source_hash
    assert run.attrs["seed"] == cohort.attrs["seed"]
    assert (run.attrs["solver"], run.attrs["rtol"], run.attrs["atol"]) == ("auto", 1e-5, 1e-8)
    assert json.loads(run.attrs["assay"])["proportional_m_protein"] == pytest.approx(0.081)


def test_dosing_strip(run):
    given = run["dosing"]["given"]
    assert given["drug"].values.tolist() == ["cyclophosphamide", "lenalidomide", "prednisone"]
    assert given.sizes["day"] == 56
    assert (given.sel(arm="none") == 0).all()
    lenalidomide = given.sel(arm="rep", drug="lenalidomide").values
    assert lenalidomide.tolist() == ([1] * 21 + [0] * 7) * 2
    assert run["visits"]["dosing"].sel(arm="none").values.max() == 0
    assert run["visits"]["dosing"].sel(arm="rep").values.min() == 1


def test_entry_is_before_the_first_dose(run):
    first = run["trajectory"].to_dataset().isel(time=0)
    assert np.array_equal(first["m_protein"].sel(arm="none"), first["m_protein"].sel(arm="rep"))
    assert (run["trajectory"]["ikzf_t"].isel(time=0) == 1.0).all()
    assert (run["trajectory"]["ikzf_t"].isel(time=1).sel(arm="rep") < 1.0).all()


def test_measured_values_scatter_about_the_truth(simulate):
    run = simulate(assay=AssayError.none(), every="28 d")
    for name in ("m_protein", "flc", "anc", "platelets"):
        truth = run["trajectory"][name].values
        measured = run["visits"][name].values
        assert measured == pytest.approx(truth, rel=1e-6)


def test_an_arm_alone_takes_the_name_of_its_regimen(simulate, rep):
    assert simulate(rep, save=["anc"])["trajectory"]["arm"].values.tolist() == ["rep"]
    assert simulate(Arm(rep), save=["anc"])["trajectory"]["arm"].values.tolist() == ["arm"]
    assert simulate(None, save=["anc"])["trajectory"]["arm"].values.tolist() == ["none"]


def test_nothing_saved(simulate):
    run = simulate(save=[])
    assert not run["trajectory"].data_vars
    assert np.isfinite(run["visits"]["m_protein"]).all()


def test_stop_before_the_first_visit(simulate):
    run = simulate(stop=3.0)
    assert run["visits"]["day"].values.tolist() == [0.0]
    assert run["trajectory"]["time"].values.tolist() == [0.0]
    assert np.isfinite(run["states"]["paraprotein"].sel(moment="end")).all()


def test_progress(simulate, rep):
    seen = []
    patients = pdsim.sample_cohort("len_refractory", 20, seed=2)
    simulate(
        {"a": rep, "b": None}, patients=patients, stop=7.0, threads=2, progress=lambda *numbers: seen.append(numbers)
    )
    assert len(seen) == 4
    assert [total for _, total, _ in seen] == [40] * 4
    assert sorted(done for done, _, _ in seen)[-1] == 40
    assert all(a[0] < b[0] for a, b in pairwise(seen))
    assert {failed for _, _, failed in seen} == {0}


def test_progress_that_raises_stops_the_run(simulate):
    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(progress=stop)


def test_until_progression(simulate, rep, cohort):
    # a tumour that triples in a month progresses under any treatment
    fast = cohort.assign(growth_net=("patient", np.full(3, 0.04)))
    run = simulate(
        {"on": Arm(rep, until="progression"), "through": Regimen("r", rep.cycle, rep.doses)}, patients=fast, stop=168.0
    )
    dosing = run["visits"]["dosing"]
    assert dosing.sel(arm="through").values.min() == 1
    progressed = run["visits"]["progression"].sel(arm="on") == 2
    assert progressed.any("visit").any()
    assert (dosing.sel(arm="on") == ~progressed.cumulative("visit").max().astype(bool)).all()
    start = pdsim.state_at(run, "pd", arm="on")
    assert np.array_equal(start["paraprotein"].notnull(), progressed.any("visit"))


def test_settings_of_the_plan_reach_the_solver(simulate, monkeypatch):
    seen = []
    kept = Plan.line_blocks

    def watch(self, *arguments):
        seen.append(self.options)
        return kept(self, *arguments)

    monkeypatch.setattr(Plan, "line_blocks", watch)
    simulate(rtol=1e-4, atol=1e-7, max_step=2.0, method="explicit", threads=1)
    assert (seen[0].rtol, seen[0].atol, seen[0].max_step, seen[0].method) == (1e-4, 1e-7, 2.0, "explicit")


def test_defaults():
    """Those of the Python twin in the documentation; `stop` has none."""
    parameters = inspect.signature(pdsim.simulate).parameters
    assert list(parameters)[:3] == ["model", "cohort", "arms"]
    assert parameters["stop"].default is inspect.Parameter.empty
    wanted = {"every": "7 d", "visits": "28 d", "save": None, "method": "auto", "rtol": 1e-5, "on_failure": "warn"}
    assert {name: parameters[name].default for name in wanted} == wanted


def test_twin_of_the_command_line(model, rep):
    cohort = pdsim.sample_cohort("len_refractory", 2, seed=7)
    run = pdsim.simulate(model, cohort, rep, stop="28 d", every="7 d")
    assert run["trajectory"].sizes == {"arm": 1, "patient": 2, "time": 5, "clone": 5}


def test_an_arm_without_drugs_is_an_untreated_one(simulate):
    watched = pdsim.load_regimen("nct06179888_observation")
    run = simulate({"none": None, "watched": watched})
    for group, name in (("trajectory", "m_protein"), ("visits", "dosing")):
        values = run[group].to_dataset()
        assert name in values
        xr.testing.assert_equal(values.sel(arm="none", drop=True), values.sel(arm="watched", drop=True))
