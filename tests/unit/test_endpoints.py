"""Endpoints of small runs built by hand."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from pdsim import endpoints
from pdsim.errors import StoreError
from pdsim.visits import Assessor, ResponseRules

DAYS = 28.0 * np.arange(8)
NAN = np.nan
COURSES = {
    "responder": [40, 15, 15, 3, 3, 3, 3, 3],
    "relapse": [40, 15, 15, 15, 21, 21, 30, 40],
    "primary": [20, 26, 30, 40, 50, 60, 70, 80],
    "pending": [40, 15, 15, 15, 15, 15, 15, 30],
    "failed": [40, 15, 15, NAN, NAN, NAN, NAN, NAN],
    "lost": [NAN] * 8,
    "unmeasurable": [2] * 8,
}
ORDER = list(COURSES)


def build(arms=("treated", "observed"), rules=None, **cohort):
    """Run of the courses above: first arm treated until progression, others not treated."""
    true = np.array(list(COURSES.values()), dtype=float)
    alive = np.where(np.isnan(true), NAN, 1.0)
    parts = []
    for arm in arms:
        assessor = Assessor(DAYS, len(true), rules, until_progression=True, treated=arm == arms[0])
        for k in range(len(DAYS)):
            anc = alive[:, k] * (0.8 if k == 3 else 3.0)
            burden = alive[:, k] * np.where(true[:, k] < 4, 5e6, 1e11)
            assessor.visit(k, true[:, k], alive[:, k] * 50, anc, alive[:, k] * 60, burden)
        parts.append(assessor.record)
    variables = {name: (("arm", "patient", "visit"), np.stack([part[name] for part in parts])) for name in parts[0]}
    coords = {
        "arm": np.array(arms, dtype=np.dtypes.StringDType()),
        "patient": np.arange(len(true)),
        "visit": np.arange(len(DAYS)),
        "day": ("visit", DAYS),
        "label": ("arm", np.array([arm.title() for arm in arms], dtype=np.dtypes.StringDType())),
        "hypothesis": ("arm", np.array([""] * len(arms), dtype=np.dtypes.StringDType())),
    }
    given = np.zeros((len(arms), 2, 224), dtype=np.int8)
    given[0, 0] = np.arange(224) % 28 < 21
    given[0, 1, ::7] = 1
    dosing = xr.Dataset(
        {"given": (("arm", "drug", "day"), given)},
        coords={
            "arm": coords["arm"],
            "drug": np.array(["a", "b"], dtype=np.dtypes.StringDType()),
            "day": np.arange(224),
        },
    )
    groups = {
        "/visits": xr.Dataset(variables, coords),
        "/dosing": dosing,
        "/cohort": xr.Dataset({name: ("patient", value) for name, value in cohort.items()}),
    }
    return xr.DataTree.from_dict(groups)


def row(dataset, name, arm=0):
    return dict(zip(ORDER, dataset[name].isel(arm=arm).values.tolist(), strict=True))


def test_response_of_each_course():
    found = endpoints.response(build())
    assert row(found, "best_response") == {
        "responder": 4, "relapse": 3, "primary": 0, "pending": 3, "failed": 3, "lost": -1, "unmeasurable": -1,
    }  # fmt: skip
    start = row(found, "time_to_response")
    assert [start[name] for name in ("responder", "relapse", "pending", "failed")] == [28.0] * 4
    assert np.isnan([start[name] for name in ("primary", "lost", "unmeasurable")]).all()
    # relapse: 15 confirmed, 21 is +6 g/L and +40 % at visit 4
    duration = row(found, "duration_of_response")
    assert duration["relapse"] == 84.0
    assert row(found, "duration_event")["relapse"] == 1
    assert duration["responder"] == 168.0
    assert row(found, "duration_event")["responder"] == 0


def test_best_change_is_the_lowest_reading_before_progression():
    change = row(endpoints.response(build()), "best_change")
    assert change["responder"] == pytest.approx(-0.925)
    assert change["relapse"] == pytest.approx(-0.625)
    assert change["primary"] == pytest.approx(0.3)
    assert np.isnan([change["lost"], change["unmeasurable"]]).all()


def test_residual_disease():
    found = endpoints.response(build())
    assert row(found, "mrd_negative")["responder"] == 1
    assert row(found, "mrd_time")["responder"] == 84.0
    assert row(found, "mrd_negative")["relapse"] == 0
    assert row(found, "mrd_negative")["lost"] == -1


def test_progression_times_and_censoring():
    found = endpoints.progression(build())
    assert row(found, "ttp_event") == {
        "responder": 0, "relapse": 1, "primary": 1, "pending": 0, "failed": 0, "lost": 0, "unmeasurable": 0,
    }  # fmt: skip
    time = row(found, "pfs_time")
    assert time["responder"] == 196.0
    assert time["relapse"] == 112.0
    assert time["primary"] == 28.0
    assert time["pending"] == 196.0
    assert time["failed"] == 56.0
    assert np.isnan(time["lost"])
    assert time["unmeasurable"] == 0.0
    xr.testing.assert_equal(found["pfs_time"], found["ttp_time"].rename("pfs_time"))


def test_death_is_an_event_and_confirms_a_pending_progression():
    death = np.array([100.0, 120.0, NAN, 196.0, 100.0, 50.0, 90.0])
    found = endpoints.progression(build(death_time=death))
    time, event = row(found, "pfs_time"), row(found, "pfs_event")
    assert (time["responder"], event["responder"]) == (100.0, 1)
    assert row(found, "ttp_event")["responder"] == 0
    assert row(found, "ttp_time")["responder"] == 84.0
    # relapse: met on day 112, dead before the visit that would confirm it
    assert (time["relapse"], row(found, "ttp_event")["relapse"]) == (112.0, 1)
    assert (time["pending"], row(found, "ttp_event")["pending"]) == (196.0, 1)
    # the integration failed before the death: censored at the last visit seen
    assert (time["failed"], event["failed"]) == (56.0, 0)
    assert (time["unmeasurable"], event["unmeasurable"]) == (90.0, 1)
    assert np.isnan(time["lost"])
    assert event["lost"] == 0


def test_leaving_the_study_censors_and_confirms_a_pending_progression():
    found = endpoints.progression(build(stop_time=np.array([100.0, 120.0, NAN, NAN, NAN, NAN, NAN])))
    assert (row(found, "pfs_time")["responder"], row(found, "pfs_event")["responder"]) == (84.0, 0)
    assert (row(found, "ttp_time")["relapse"], row(found, "ttp_event")["relapse"]) == (112.0, 1)


def test_death_after_follow_up_does_not_count():
    found = endpoints.progression(build(death_time=np.full(7, 1000.0)))
    assert row(found, "pfs_event") == row(found, "ttp_event")
    assert row(found, "pfs_event")["pending"] == 0


def test_other_rules_classify_the_stored_measurements_again():
    run = build()
    strict = ResponseRules(partial_fall=0.65, measurable_m_protein=25.0)
    again = row(endpoints.response(run, strict), "best_response")
    assert again["relapse"] == 2
    assert again["primary"] == -1
    xr.testing.assert_identical(endpoints.response(run, ResponseRules()), endpoints.response(run))


def test_rules_stored_with_the_run_decide_the_marker():
    run = build(rules=ResponseRules(measurable_m_protein=1.0))
    assert np.isnan(row(endpoints.response(run), "best_change")["unmeasurable"])
    run["visits"].attrs["response_rules"] = json.dumps(asdict(ResponseRules(measurable_m_protein=1.0)))
    assert row(endpoints.response(run), "best_change")["unmeasurable"] == 0.0


def test_toxicity_counts_treatment_only():
    found = endpoints.toxicity(build())
    assert row(found, "worst_neutropenia") == {
        "responder": 3, "relapse": 3, "primary": 0, "pending": 3, "failed": 0, "lost": -1, "unmeasurable": 3,
    }  # fmt: skip
    assert row(found, "worst_neutropenia_overall")["primary"] == 3
    assert row(found, "worst_thrombocytopenia")["responder"] == 2
    assert row(found, "worst_neutropenia", arm=1)["primary"] == 3  # observation: all visits


def test_toxicity_of_the_trajectory_finds_the_nadir():
    run = build()
    time = np.arange(0.0, 197.0, 7.0)
    anc = np.full((2, 7, len(time)), 3.0)
    anc[:, :, 2] = 0.4
    anc[:, 2, 20] = 0.1  # after treatment of the primary progression
    run["trajectory"] = xr.Dataset(
        {"anc": (("arm", "patient", "time"), anc)}, coords={"time": time, "arm": run["visits"]["arm"].values}
    )
    found = endpoints.toxicity(run, source="trajectory")
    assert row(found, "worst_neutropenia")["responder"] == 4
    assert row(found, "worst_thrombocytopenia")["responder"] == -1
    run["trajectory"]["anc"][:, 2, 2] = 3.0
    assert row(endpoints.toxicity(run, source="trajectory"), "worst_neutropenia")["primary"] == 0
    with pytest.raises(StoreError, match="add them to 'save'"):
        endpoints.toxicity(build(), source="trajectory")


def test_dose_intensity_counts_planned_days_until_the_end_of_treatment():
    run = build()
    found = endpoints.dose_intensity(run)
    assert row(found, "dose_intensity")["relapse"] == 1.0
    assert row(found, "treatment_time")["relapse"] == 140.0
    assert np.isnan(row(found, "dose_intensity", arm=1)["relapse"])
    run["visits"]["dosing"][0, 0, 2] = 0  # one of eight cycles held
    held = row(endpoints.dose_intensity(run), "dose_intensity")["responder"]
    assert held == pytest.approx(7 / 8)


def test_assemble_holds_the_endpoints_of_the_schema(tmp_path):
    from pdsim import schema

    run = build()
    found = endpoints.assemble(run)
    with_doses = {"drug_intensity", "holds", "time_to_first_reduction", "time_to_stop"}  # this run tells of none
    assert set(found.data_vars) == set(schema.names("endpoints")) - with_doses
    assert all(found[name].dims == ("arm", "patient") for name in found.data_vars)
    assert row(found, "status") == {name: int(name in ("failed", "lost")) for name in ORDER}
    assert found["pfs_time"].attrs["units"] == "d"
    assert found["best_response"].dtype == np.int8
    run["endpoints"] = found
    run.to_zarr(tmp_path / "run.zarr", zarr_format=3, consolidated=False)
    back = xr.open_datatree(tmp_path / "run.zarr", engine="zarr", consolidated=False, decode_timedelta=False)
    xr.testing.assert_equal(endpoints.assemble(back).load(), found)


def test_patient_subset_gives_the_same_endpoints():
    run = build()
    part = xr.DataTree.from_dict({"/visits": run["visits"].to_dataset().isel(patient=[3, 1])})
    xr.testing.assert_equal(endpoints.progression(part), endpoints.progression(run).isel(patient=[3, 1]))


def test_missing_group_is_named():
    with pytest.raises(StoreError, match="no group '/visits'"):
        endpoints.response(xr.DataTree.from_dict({"/cohort": xr.Dataset()}))
    run = build()
    broken = xr.DataTree.from_dict({"/visits": run["visits"].to_dataset().drop_vars("dosing")})
    with pytest.raises(StoreError, match="no variable 'dosing'"):
        endpoints.response(broken)


def test_summary_has_a_row_an_arm():
    table = endpoints.summary_table(build(arms=("treated", "observed", "treated:H1")), interval_n=20)
    assert list(table.index) == ["treated", "observed", "treated:H1"]
    first = table.loc["treated"]
    assert (first["label"], first["n"], first["failed"], first["not_evaluable"]) == ("Treated", 6, 2, 1)
    assert first["orr"] == pytest.approx(400 / 6)
    assert first["orr_low"] < first["orr"] < first["orr_high"]
    assert first["vgpr"] == pytest.approx(100 / 6)
    assert first["cr"] == 0
    assert first["neutropenia_34"] == pytest.approx(400 / 6)
    assert np.isnan(first["pfs_12_months"])
    text = endpoints.printable(table)
    assert isinstance(text, pd.DataFrame)
    assert text.loc["treated", "ORR %"].startswith("67 [")
    assert "NR" in text.loc["treated", "median PFS months"]


def test_summary_of_an_arm_in_which_all_failed():
    run = build()
    visits = run["visits"].to_dataset().isel(patient=[5])
    table = endpoints.summary_table(xr.DataTree.from_dict({"/visits": visits}))
    assert table["n"].tolist() == [0, 0]
    assert table["orr"].isna().all()
    assert endpoints.printable(table)["median PFS months"].tolist() == ["NR [NR, NR]"] * 2
