"""Assay error, the assessor and the rules."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pdsim import schema
from pdsim.errors import ConfigError
from pdsim.visits import MARKERS, AssayError, Assessor, Progression, Response, ResponseRules, assay_noise, classify
from pdsim.visits.assessor import RESULTS

DAYS = 28.0 * np.arange(14)


def truth(n=24, seed=3):
    """True courses that respond and come back at different speeds: dict of (visit, n)."""
    generator = np.random.default_rng(seed)
    fall, rise = generator.uniform(0.0, 0.1, n), generator.uniform(0.0, 0.03, n)
    depth = np.exp(-fall * DAYS[:, None]) + 0.003 * np.exp(rise * DAYS[:, None])
    m_protein = depth * generator.uniform(3, 60, n)
    return {
        "m_protein": m_protein,
        "flc": depth * generator.uniform(20, 900, n),
        "anc": 3.0 * depth,
        "platelets": 200.0 * depth,
        "burden": 1e12 * depth**3,
    }


def step(course, noise=None, **more):
    n = course["m_protein"].shape[1]
    assessor = Assessor(DAYS, n, noise=noise, **more)
    for k in range(len(DAYS)):
        assessor.visit(k, **{name: value[k] for name, value in course.items()})
    return assessor


def test_classify_repeats_what_the_assessor_stepped():
    course = truth()
    assessor = step(course, assay_noise(5, np.arange(24), len(DAYS)), until_progression=True)
    again = classify(DAYS, assessor.record, assessor.record["burden_true"])
    for name in RESULTS:
        np.testing.assert_array_equal(again[name], assessor.record[name])
        assert again[name].dtype == assessor.record[name].dtype
    np.testing.assert_array_equal(again["progressed"], assessor.progressed)
    assert 0 < assessor.progressed.sum() < 24
    assert len(np.unique(assessor.record["response"])) > 5


def test_record_holds_the_visit_variables_of_the_schema():
    record = step(truth()).record
    assert set(record) == set(schema.names("visits"))
    assert {name for name, value in record.items() if value.dtype == np.float32} == {*MARKERS, "burden_true"}
    assert all(value.shape == (24, len(DAYS)) for value in record.values())


def test_codes_agree_with_the_schema():
    assert {name.lower(): code for name, code in schema.RESPONSE.items()} == {
        response.name.lower(): response.value for response in Response
    }
    assert list(schema.PROGRESSION.values()) == [code.value for code in Progression]


def test_patients_do_not_depend_on_their_block():
    course = truth()
    noise = assay_noise(5, np.arange(24), len(DAYS))
    whole = step(course, noise).record
    part = step(
        {name: value[:, 7:12] for name, value in course.items()}, {name: value[7:12] for name, value in noise.items()}
    ).record
    for name, value in part.items():
        np.testing.assert_array_equal(value, whole[name][7:12])


def test_threads_give_the_same_record():
    course = truth()
    noise = assay_noise(5, np.arange(24), len(DAYS))
    with ThreadPoolExecutor(4) as pool:
        records = list(pool.map(lambda _: step(course, noise).record, range(8)))
    for name, value in step(course, noise).record.items():
        for record in records:
            np.testing.assert_array_equal(record[name], value)


def test_failed_patient_is_missing_and_never_an_event():
    course = truth()
    course = {name: value.copy() for name, value in course.items()}
    course["m_protein"][:, 0] = [40, 10, 10, 20, *[np.nan] * 10]  # criterion met, then the integration fails
    for name in ("flc", "anc", "platelets", "burden"):
        course[name][4:, 0] = np.nan
    assessor = step(course, until_progression=True)
    record = {name: value[0] for name, value in assessor.record.items()}
    assert record["progression"].tolist() == [0, 0, 0, 1] + [0] * 10
    assert record["dosing"].tolist() == [1] * 4 + [0] * 10
    assert not assessor.progressed[0]
    for name in (*MARKERS, "burden_true"):
        assert np.isnan(record[name][4:]).all()
    for name in ("response", "neutropenia", "thrombocytopenia", "mrd_negative"):
        assert (record[name][4:] == -1).all()


def test_treatment_stops_at_confirmed_progression():
    course = {"m_protein": np.array([[40.0, 10, 10, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20]]).T}
    until = step(course, until_progression=True)
    assert until.record["dosing"][0].tolist() == [1] * 4 + [0] * 10
    assert not until.on_treatment[0]
    assert step(course).record["dosing"][0].tolist() == [1] * 14
    assert step(course, treated=False).record["dosing"][0].tolist() == [0] * 14


def test_outputs_that_a_model_lacks_are_not_measured():
    record = step({"m_protein": truth()["m_protein"]}).record
    assert np.isnan(record["anc"]).all()
    assert (record["neutropenia"] == -1).all()
    assert (record["dosing"] == 1).all()


def test_visits_come_in_order():
    assessor = Assessor(DAYS, 1)
    with pytest.raises(ValueError, match="visit 0 comes next"):
        assessor.visit(1, np.ones(1))


def test_noise_must_fit():
    with pytest.raises(ValueError, match=r"'flc' has shape \(1, 3\)"):
        Assessor(DAYS, 1, noise={"flc": np.zeros((1, 3))})


def test_classify_refuses_unequal_shapes():
    with pytest.raises(ValueError, match="share one shape"):
        classify(DAYS, {"m_protein": np.zeros((2, 14)), "flc": np.zeros((3, 14))})


def test_no_error_reads_the_truth():
    true = np.array([[0.1, 30.0], [5.0, 400.0], [0.4, 4.0], [20.0, 200.0]])
    np.testing.assert_array_equal(AssayError.none().read(true, np.full((4, 2), 3.0)), true.astype(np.float32))


def test_spread_of_each_assay():
    true = np.array([[20.0], [400.0], [4.0], [200.0]])
    measured = AssayError().read(true, np.ones((4, 1)))[:, 0]
    # 20 g/L: 2 proportional, 2 * 20 / 25 additive
    np.testing.assert_allclose(measured, [20 + np.hypot(2.0, 1.6), 440, 4.4, 220], rtol=1e-6)


def test_no_band_is_read_as_zero_and_stays_so():
    true = np.zeros((4, 1000))
    true[0] = 0.1
    noise = np.random.default_rng(1).standard_normal((4, 1000))
    assert (AssayError().read(true, noise)[0] == 0).all()
    true[0] = 5.0
    assert (AssayError().read(true, noise)[0] > 0.35).all()


def test_stable_patients_are_rarely_called_progressive():
    # the docstring of AssayError states these probabilities
    days = 28.0 * np.arange(14)
    noise = assay_noise(1, np.arange(4000), 14)
    share = {}
    for label, error in {
        "default": AssayError(),
        "repeat": AssayError(proportional_m_protein=0.081, additive_m_protein=0),
    }.items():
        for level in (20.0, 30.0):
            assessor = Assessor(days, 4000, noise=noise, error=error)
            for k in range(14):
                assessor.visit(k, np.full(4000, level))
            share[label, level] = assessor.progressed.mean()
    # 4,000 patients: standard error below 0.007
    assert all(abs(share["default", level] - 0.2) < 0.03 for level in (20.0, 30.0)), share
    assert 0.01 < share["repeat", 20.0] < share["repeat", 30.0] < 0.06, share


def test_noise_depends_on_patient_and_visit_alone():
    noise = assay_noise(9, np.arange(10), 100)
    short = assay_noise(9, np.array([7, 2]), 20)
    for marker in MARKERS:
        np.testing.assert_array_equal(short[marker], noise[marker][[7, 2], :20])
        assert noise[marker].shape == (10, 100)
    assert abs(np.corrcoef(noise["m_protein"].ravel(), noise["flc"].ravel())[0, 1]) < 0.1


def test_rules_list_all_mistakes_at_once():
    with pytest.raises(ConfigError) as caught:
        ResponseRules(partial_fall=0.95, normal_flc=-1, neutropenia=(1, 2, 3, 4))
    for word in ("partial_fall", "normal_flc", "neutropenia"):
        assert word in str(caught.value)
