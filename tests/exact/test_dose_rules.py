"""Dosing rules through the whole of `simulate`, on a model that keeps every dose: what is given, and what is said."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import pdsim
from pdsim.dosing import regimen_from_dict
from pdsim.endpoints import assemble, dose_changes
from pdsim.errors import CohortError, ModelError
from pdsim.visits import AssayError

FILE = Path(__file__).with_name("fixtures") / "scripted.py"
HEAD = """
cycle = "28 d"
[[dose]]
drug = "alpha"
amount = "25 mg"
days = "1-21"
"""
BETA = '[[dose]]\ndrug = "beta"\namount = "40 mg"\ndays = "weekly"\n'


@pytest.fixture(scope="module")
def model():
    return pdsim.load_model(str(FILE))


def patients(**values):
    """A cohort with the scripted parameters and covariates of each patient."""
    units = {"age": "yr", "creatinine_clearance": "mL/min", "weight": "kg"}
    count = max(len(value) for value in values.values())
    variables = {
        name: ("patient", np.array(value, float), {"units": units.get(name, "")}) for name, value in values.items()
    }
    return xr.Dataset(variables, {"patient": np.arange(count)}, {"seed": 1, "population": "scripted"})


@pytest.fixture(scope="module")
def simulate(model):
    def run(text, cohort, stop="84 d", visits="7 d", head=HEAD, **changes):
        regimen = regimen_from_dict(tomllib.loads(head + text), "made", "made.toml")
        settings = {"every": "1 d", "assay": AssayError.none(), "method": "explicit", **changes}
        return pdsim.simulate(model, cohort, {"made": regimen}, stop=stop, visits=visits, **settings)

    return run


def ledger(run, patient=0):
    """Entries of one patient: (day, rule, drug, decision, from, to, step)."""
    found = run["ledger"].to_dataset()
    columns = [
        found[name].values.tolist() for name in ("patient", "day", "rule", "drug", "decision", "from", "to", "step")
    ]
    return [row[1:] for row in zip(*columns, strict=True) if row[0] == patient]


def given(run, drug="alpha", patient=0):
    """What was given on each day, mg, from the drug's own state."""
    total = run["trajectory"][f"{drug}_taken"].sel(arm="made", patient=patient).values
    return np.diff(total, prepend=0.0)


HOLD = """
[[rule]]
name = "counts"
when = "anc < 1.0 Gpt"
drug = "alpha"
action = "hold"
resume = "anc >= 1.0 Gpt"
then = { ladder = ["25 mg", "15 mg", "10 mg"] }
"""


def test_a_hold_begins_and_ends_at_visits_before_the_dose_of_the_day(simulate):
    # neutrophils fall on day 3, between the visits of days 0 and 7, and recover on day 9: the visit of day 14 sees it
    run = simulate(HOLD, patients(fall=[3.0], rise=[9.0]))
    assert ledger(run) == [
        (7.0, "counts", "alpha", "hold", 25.0, 0.0, 25.0),
        (14.0, "counts", "alpha", "resume", 0.0, 25.0, 25.0),
        (14.0, "counts", "alpha", "reduce", 25.0, 15.0, 15.0),
    ]
    expected = np.zeros(85)
    days = np.arange(84)
    on = days % 28 < 21
    expected[:84] = np.where(on, np.where(days < 7, 25.0, np.where(days < 14, 0.0, 15.0)), 0.0)
    assert given(run).tolist() == expected.tolist()


def test_what_a_hold_costs(simulate):
    run = simulate(HOLD, patients(fall=[3.0, 1e9], rise=[9.0, 2e9]))
    found = assemble(run).isel(arm=0)
    planned, taken = 63 * 25.0, 7 * 25.0 + 7 * 0.0 + 7 * 15.0 + 42 * 15.0
    np.testing.assert_allclose(found["dose_intensity"].values, [taken / planned, 1.0], rtol=1e-6)
    np.testing.assert_allclose(found["drug_intensity"].sel(drug="alpha").values, [taken / planned, 1.0], rtol=1e-6)
    assert found["holds"].values.tolist() == [1.0, 0.0]
    np.testing.assert_array_equal(found["time_to_first_reduction"].values, [14.0, np.nan])
    assert np.isnan(found["time_to_stop"].values).all()
    assert found["holds"].attrs["units"] == "1"
    assert found["time_to_stop"].attrs["units"] == "d"


def test_first_holds_may_be_resumed_at_the_same_dose(simulate):
    text = HOLD.replace('"10 mg"] }', '"10 mg"], after = 1 }')
    run = simulate(text, patients(fall=[3.0], rise=[9.0]))
    assert [entry[3] for entry in ledger(run)] == ["hold", "resume"]
    assert given(run)[14] == 25.0


def test_a_drug_is_resumed_when_its_trigger_is_gone_if_nothing_else_is_said(simulate):
    text = "\n".join(line for line in HOLD.splitlines() if not line.startswith(("resume", "then")))
    run = simulate(text, patients(fall=[3.0], rise=[9.0]))
    assert [entry[:4] for entry in ledger(run)] == [
        (7.0, "counts", "alpha", "hold"),
        (14.0, "counts", "alpha", "resume"),
    ]


@pytest.mark.parametrize("ends", [False, True])
def test_the_last_step_is_kept_or_ends_treatment(simulate, ends):
    ladder = '["15 mg", "10 mg", "stop"]' if ends else '["15 mg", "10 mg"]'
    text = f'[[rule]]\nname = "low"\nwhen = "anc < 1.0 Gpt"\ndrug = "alpha"\naction = "reduce"\nladder = {ladder}\n'
    run = simulate(text + 'repeat = "7 d"\n', patients(fall=[5.0]))
    steps = [(day, decision, to) for day, _, _, decision, _, to, _ in ledger(run)]
    assert steps == [(7.0, "reduce", 15.0), (14.0, "reduce", 10.0)] + ([(21.0, "stop", 0.0)] if ends else [])
    assert given(run)[28] == (0.0 if ends else 10.0)
    stop = assemble(run)["time_to_stop"].values
    np.testing.assert_array_equal(stop, [[21.0 if ends else np.nan]])


def test_a_reduction_is_made_once_an_episode(simulate):
    text = (
        '[[rule]]\nname = "low"\nwhen = "anc < 1.0 Gpt"\ndrug = "alpha"\naction = "reduce"\nladder = ["60 %", "40 %"]\n'
    )
    run = simulate(text, patients(fall=[5.0], rise=[40.0]))
    assert [entry[:4] for entry in ledger(run)] == [(7.0, "low", "alpha", "reduce")]
    assert given(run)[8] == 15.0


def test_a_dose_is_raised_step_by_step(simulate):
    text = (
        '[[rule]]\nname = "start"\nwhen = "day < 1 d"\ndrug = "alpha"\naction = "set"\namount = "10 mg"\n'
        '[[rule]]\nname = "well"\nwhen = "anc >= 1.0 Gpt and day >= 28 d"\ndrug = "alpha"\naction = "escalate"\n'
        'ladder = ["25 mg", "15 mg", "10 mg"]\nrepeat = "28 d"\n'
    )
    run = simulate(text, patients(fall=[1e9]))
    assert [(day, to) for day, _, _, _, _, to, _ in ledger(run)] == [
        (0.0, 10.0),
        (28.0, 15.0),
        (56.0, 25.0),
    ]
    assert given(run)[[0, 28, 56]].tolist() == [10.0, 15.0, 25.0]


RENAL = """
[[rule]]
name = "moderate"
when = "creatinine_clearance > 30 mL/min and creatinine_clearance < 50 mL/min"
drug = "alpha"
action = "limit"
amount = "10 mg"
[[rule]]
name = "severe"
when = "creatinine_clearance <= 0.5 mL/s"
drug = "alpha"
action = "limit"
amount = "15 mg"
days = "qod:1-21"
[[rule]]
name = "age"
when = "age > 75 yr"
drug = ["alpha", "beta"]
action = "limit"
amount = "20 mg"
"""


def test_rules_on_covariates_act_on_day_0_and_the_lowest_limit_holds(simulate):
    cohort = patients(creatinine_clearance=[80.0, 40.0, 30.0, 50.0], age=[60.0, 80.0, 76.0, 75.0])
    run = simulate(RENAL, cohort, stop="28 d", head=HEAD + BETA)
    cycle = np.arange(28)
    alpha = np.array([given(run, patient=patient)[:28] for patient in range(4)])
    assert alpha[0].tolist() == np.where(cycle < 21, 25.0, 0.0).tolist()
    assert alpha[1].tolist() == np.where(cycle < 21, 10.0, 0.0).tolist()
    assert alpha[2].tolist() == np.where((cycle < 21) & (cycle % 2 == 0), 15.0, 0.0).tolist()
    assert alpha[3].tolist() == alpha[0].tolist()
    assert [given(run, "beta", patient)[[0, 7]].tolist() for patient in range(4)] == [
        [40.0] * 2,
        [20.0] * 2,
        [20.0] * 2,
        [40.0] * 2,
    ]
    assert {entry[0] for patient in range(4) for entry in ledger(run, patient)} == {0.0}
    severe = run["ledger"].to_dataset().to_dataframe().query("rule == 'severe'")
    assert severe[["decision", "to", "schedule"]].to_numpy().tolist() == [["set", 15.0, "qod:1-21"]]
    assert np.isnan(dose_changes(run)["time_to_first_reduction"].values).all()


RESCUE = """
[[dose]]
drug = "rescue"
amount = "1 mg"
days = "continuous"
when_needed = true
[[rule]]
name = "growth factor"
when = "anc < 1.0 Gpt"
drug = "rescue"
action = "give"
for = "5 d"
repeat = "14 d"
"""


def test_a_course_is_given_for_its_days_and_again_while_it_is_needed(simulate):
    run = simulate(RESCUE, patients(fall=[3.0, 1e9], rise=[24.0, 2e9]))
    days = np.flatnonzero(given(run, "rescue"))
    assert days.tolist() == [*range(7, 12), *range(21, 26)]
    assert [entry[:1] + entry[3:6] for entry in ledger(run)] == [
        (7.0, "give", 0.0, 1.0),
        (12.0, "end", 1.0, 0.0),
        (21.0, "give", 0.0, 1.0),
        (26.0, "end", 1.0, 0.0),
    ]
    assert not given(run, "rescue", 1).any()
    assert not ledger(run, 1)
    assert assemble(run)["dose_intensity"].values.tolist() == [[1.0, 1.0]]


def test_the_shipped_rule_for_growth_factor(model):
    rule = pdsim.load_regimen("rd_growth_factor").rules[-1]
    regimen = regimen_from_dict(tomllib.loads(HEAD + RESCUE), "made", "made.toml")
    assert "filgrastim" in rule.drugs
    regimen = replace(regimen, rules=(replace(rule, drugs=("rescue",)),))
    run = pdsim.simulate(
        model,
        patients(fall=[3.0], rise=[24.0]),
        {"made": regimen},
        stop="56 d",
        visits="7 d",
        every="1 d",
        assay=AssayError.none(),
        method="explicit",
    )
    # five days from each weekly visit at which neutrophils are low, days 7, 14 and 21
    assert np.flatnonzero(given(run, "rescue")).tolist() == [*range(7, 12), *range(14, 19), *range(21, 26)]
    assert (given(run)[:21] == 25.0).all()


def test_a_course_longer_than_the_time_between_visits(simulate):
    text = RESCUE.replace('"5 d"', '"10 d"').replace('repeat = "14 d"\n', "")
    run = simulate(text, patients(fall=[3.0], rise=[8.0]))
    assert np.flatnonzero(given(run, "rescue")).tolist() == list(range(7, 17))


@pytest.mark.parametrize(
    ("when", "day"),
    [("cycle > 2", 56.0), ("day >= 30 d", 35.0), ("day >= 5 wk", 35.0), ("progressed", 35.0), ("anc < 600/uL", 14.0)],
)
def test_what_ends_treatment(simulate, when, day):
    text = f'[[rule]]\nname = "end"\nwhen = "{when}"\naction = "stop"\n'
    run = simulate(text, patients(fall=[8.0], relapse=[22.0]), head=HEAD + BETA)
    assert [entry[:4] for entry in ledger(run)] == [(day, "end", drug, "stop") for drug in ("alpha", "beta")]
    assert not given(run)[int(day) :].any()
    assert given(run)[: int(day)].sum() == 25.0 * (np.arange(int(day)) % 28 < 21).sum()
    assert assemble(run)["time_to_stop"].values.tolist() == [[day]]
    assert run["visits"]["dosing"].values[0, 0].sum() == day / 7


def test_the_end_at_progression_is_in_the_ledger(simulate):
    run = simulate(HOLD, patients(relapse=[22.0]), head='until = "progression"' + HEAD)
    assert ledger(run) == [(35.0, "progression", "alpha", "stop", 25.0, 0.0, 25.0)]


def test_days_from_car_t_cells(simulate):
    head = HEAD + '[[dose]]\ndrug = "car_t"\namount = "450e6 cell"\ndays = [8]\ncycles = "1"\n'
    text = (
        '[[rule]]\nname = "maintenance"\nwhen = "car_t_day >= 20 d"\ndrug = "alpha"\naction = "set"\namount = "10 mg"\n'
    )
    run = simulate(text, patients(fall=[1e9]), head=head)
    assert [entry[0] for entry in ledger(run)] == [28.0]
    late = simulate(text, patients(car_t_day=[0.0, 15.0]))
    assert [[entry[0] for entry in ledger(late, patient)] for patient in range(2)] == [[21.0], [7.0]]
    with pytest.raises(
        CohortError, match="reads 'car_t_day', and the regimen gives no cells; add a dose line in cells"
    ):
        simulate(text, patients(fall=[1e9]))


def test_two_holds_on_one_drug_are_one_interruption(simulate):
    again = HOLD.replace('"counts"', '"again"').replace("1.0", "0.7")
    run = simulate(HOLD + again, patients(fall=[3.0], rise=[9.0]))
    assert [entry[:6] for entry in ledger(run)] == [
        (7.0, "counts", "alpha", "hold", 25.0, 0.0),
        (7.0, "again", "alpha", "hold", 0.0, 0.0),
        (14.0, "counts", "alpha", "resume", 0.0, 0.0),
        (14.0, "counts", "alpha", "reduce", 0.0, 0.0),
        (14.0, "again", "alpha", "resume", 0.0, 15.0),
        (14.0, "again", "alpha", "reduce", 15.0, 10.0),
    ]
    assert dose_changes(run)["holds"].values.tolist() == [[1.0]]


@pytest.mark.parametrize("text", [HOLD, RENAL, RESCUE, HOLD + RESCUE], ids=["hold", "renal", "rescue", "both"])
def test_the_amounts_kept_are_the_amounts_given(simulate, text):
    cohort = patients(
        fall=[3.0, 20.0, 1e9, 0.0], rise=[9.0, 50.0, 2e9, 70.0], relapse=[1e9, 30.0, 22.0, 1e9],
        creatinine_clearance=[80.0, 40.0, 20.0, 50.0], age=[60.0, 80.0, 76.0, 75.0],
    )  # fmt: skip
    run = simulate(text, cohort, head='until = "progression"' + HEAD + BETA)
    taken = run["doses"]["dose_taken"].isel(arm=0)
    for drug in taken["drug"].values:
        for row in range(4):
            daily = given(run, str(drug), row)[:84].reshape(-1, 7).sum(axis=1)
            np.testing.assert_allclose(taken.sel(drug=drug).values[row, :12], daily, rtol=1e-6)


# what is refused ------------------------------------------------------------------------------------------------------


def test_a_covariate_that_the_cohort_lacks(simulate):
    with pytest.raises(CohortError) as caught:
        simulate(RENAL, patients(age=[70.0]), head=HEAD + BETA)
    assert str(caught.value).splitlines() == [
        "arm 'made': the rules of 'made' do not fit the cohort",
        *(
            f"  rule '{name}' reads 'creatinine_clearance', which is neither known at visits nor a covariate of the "
            "patients. Add [covariates.creatinine_clearance] to the population 'scripted', or make the rule "
            "optional = true"
            for name in ("moderate", "severe")
        ),
    ]


def test_a_rule_that_is_optional_is_left_out(simulate):
    text = '[[rule]]\nname = "dialysis"\nwhen = "dialysis"\ndrug = "alpha"\naction = "limit"\namount = "5 mg"\n'
    optional = text + "optional = true\n"
    assert not ledger(simulate(optional, patients(age=[70.0])))
    assert [entry[5] for entry in ledger(simulate(optional, patients(dialysis=[1.0])))] == [5.0]
    with pytest.raises(CohortError, match=r"Add \[covariates.dialysis\]"):
        simulate(text, patients(age=[70.0]))


def test_a_covariate_that_some_patients_lack(simulate):
    with pytest.raises(CohortError, match="rule 'age' reads 'age', which 1 patients lack, such as 1"):
        simulate(RENAL, patients(age=[70.0, np.nan], creatinine_clearance=[50.0, 50.0]), head=HEAD + BETA)


def test_a_value_that_the_model_does_not_put_out(simulate):
    with pytest.raises(ModelError, match="rule 'counts' reads 'platelets', and the model has no output platelets"):
        simulate(HOLD.replace("anc", "platelets"), patients(fall=[1e9]))
