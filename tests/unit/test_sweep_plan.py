"""Designs, chunks, the manifest, and sensitivity indices against functions whose indices are known."""

from __future__ import annotations

import numpy as np
import pytest

from pdsim.errors import PdsimError
from pdsim.sweep.design import Factor, expand_design
from pdsim.sweep.indices import indices
from pdsim.sweep.layout import chunk_shape, chunks_of, share_of
from pdsim.sweep.manifest import Manifest

DOSE = Factor("dose", ("arms.a.dose.x.amount",), (("10 mg",), ("25 mg",)))
PAIR = Factor("pair", ("p", "q"), ((1, "weekly"), (4, "1")), ("often", "rarely"))
GROWTH = Factor("growth", ("arms.*.set.growth",), low=0.01, high=0.04, unit="1/day", scale="log", points=3)


def test_a_grid_is_every_combination_in_order():
    found = expand_design("grid", [DOSE, PAIR]).scenarios
    assert [one.label for one in found][:2] == ["dose = 10 mg; pair = often", "dose = 10 mg; pair = rarely"]
    assert len(found) == 4
    assert found[3].settings == (("arms.a.dose.x.amount", "25 mg"), ("p", 4), ("q", "1"))
    assert (found[3].levels["dose"].number, DOSE.axis_unit) == (25.0, "mg")
    assert np.isnan(found[3].levels["pair"].number)


def test_one_at_a_time_starts_with_the_study_as_it_is():
    found = expand_design("one_at_a_time", [DOSE, GROWTH]).scenarios
    assert [one.label for one in found] == [
        "as the study has it", "dose = 10 mg", "dose = 25 mg",
        "growth = 0.01 1/day", "growth = 0.02 1/day", "growth = 0.04 1/day",
    ]  # fmt: skip
    assert found[0].settings == ()
    value = found[4].settings[0][1]
    assert float(value.split()[0]) == pytest.approx(0.02)
    assert value.endswith(" 1/day")


def test_a_list_takes_the_values_together():
    assert [one.label for one in expand_design("list", [DOSE, PAIR]).scenarios] == [
        "dose = 10 mg; pair = often", "dose = 25 mg; pair = rarely",
    ]  # fmt: skip
    with pytest.raises(PdsimError, match="several lengths: dose 2, growth 3"):
        expand_design("list", [DOSE, GROWTH])


def test_values_of_one_name_are_refused():
    with pytest.raises(PdsimError, match="two scenarios are both called 'dose = 5 mg'"):
        expand_design("grid", [Factor("dose", ("k",), (("5 mg",), ("5 mg",)))])


@pytest.mark.parametrize("plan", ["lhs", "sobol"])
def test_samples_fill_every_factor_evenly_and_repeat_with_the_seed(plan):
    design = expand_design(plan, [GROWTH, DOSE, PAIR], size=16, seed=5)
    again = expand_design(plan, [GROWTH, DOSE, PAIR], size=16, seed=5)
    other = expand_design(plan, [GROWTH, DOSE, PAIR], size=16, seed=6)
    assert [one.settings for one in again.scenarios] == [one.settings for one in design.scenarios]
    assert not np.array_equal(other.places, design.places)
    assert sorted(np.floor(design.places[:, 0] * 16)) == list(range(16))  # one in each sixteenth
    assert sum(one.levels["dose"].label == "10 mg" for one in design.scenarios) == 8
    numbers = np.array([one.levels["growth"].number for one in design.scenarios])
    assert np.allclose(numbers, 0.01 * 4.0 ** design.places[:, 0])


def test_whole_numbers_take_both_ends_as_often_as_others():
    factor = Factor("n", ("k",), low=1, high=4, scale="whole")
    assert [factor.at(place).values[0] for place in (0.0, 0.2, 0.3, 0.6, 0.9, 1.0)] == [1, 1, 2, 3, 4, 4]


@pytest.mark.parametrize(("scenarios", "patients", "chunk"), [(3, 100, 64), (200, 5, 32), (1, 7, 7), (70, 40, 512)])
def test_chunks_cover_every_patient_once_and_lie_on_the_grid_of_the_store(scenarios, patients, chunk):
    wide, tall = chunk_shape(scenarios, patients, chunk)
    count = np.zeros((scenarios, patients), dtype=int)
    for one in chunks_of(scenarios, patients, chunk):
        count[one.region] += 1
        assert one.scenarios[0] % wide == 0
        assert one.patients[0] % tall == 0
        assert one.count <= max(chunk, 1)
    assert (count == 1).all()


def test_shares_are_disjoint_and_whole():
    chunks = chunks_of(7, 100, 20)
    shares = [share_of(chunks, number, 3) for number in (1, 2, 3)]
    assert sorted(one.index for share in shares for one in share) == list(range(len(chunks)))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_manifest_notices_what_happens_to_files(tmp_path):
    root, folder = tmp_path / "store", tmp_path / "manifest"
    root.mkdir()
    folder.mkdir()
    file = root / "c"
    file.write_bytes(b"some values of a chunk")
    manifest = Manifest(folder, root)
    assert manifest.damage("000000") == "unfinished"
    manifest.record("000000", [file], failed=2)
    assert manifest.damage("000000") is None
    assert manifest.entry("000000")["failed"] == 2
    file.write_bytes(b"some values of a chun")
    assert manifest.damage("000000") == "c is truncated or altered"
    file.write_bytes(b"some values of a chunj")
    assert manifest.damage("000000") == "c is truncated or altered"
    file.unlink()
    assert manifest.damage("000000") == "c is missing"
    (folder / "000000.json").write_text('{"files": {"c": [')
    assert manifest.damage("000000") == "unfinished"


WEIGHTS = np.array([3.0, -2.0, 0.0])
SPREAD = WEIGHTS**2 / (WEIGHTS**2).sum()  # shares of the variance of a weighted sum of uniform numbers


def _factors():
    return [Factor(f"f{place}", (f"k{place}",)) for place in range(3)]


def test_elementary_effects_of_a_weighted_sum_are_its_weights():
    pytest.importorskip("SALib")
    places = expand_design("morris", _factors(), size=6, seed=1).places
    found = indices("morris", places, places @ WEIGHTS)
    assert np.allclose(found["mu"], WEIGHTS)
    assert np.allclose(found["mu_star"], np.abs(WEIGHTS))
    assert np.allclose(found["sigma"], 0.0, atol=1e-12)


def test_sobol_indices_of_a_weighted_sum_are_its_shares():
    pytest.importorskip("SALib")
    design = expand_design("saltelli", _factors(), size=256, seed=1)
    assert len(design.scenarios) == 256 * (3 + 2)
    found = indices("sobol", design.places, design.places @ WEIGHTS, resamples=50)
    # the error of the estimate at 256 base points, seen to be below 0.05 for other seeds too
    assert np.allclose(found["first"], SPREAD, atol=0.1)
    assert np.allclose(found["total"], SPREAD, atol=0.1)
    assert (found["total_low"] <= found["total"]).all()


def test_partial_rank_correlation_sees_through_other_factors():
    places = expand_design("lhs", _factors(), size=200, seed=3).places
    found = indices("prcc", places, np.exp(places @ WEIGHTS))  # monotone, so that ranks lie on a plane nearly
    assert found["prcc"][0] > 0.9
    assert found["prcc"][1] < -0.8
    assert found["prcc_low"][2] < 0.0 < found["prcc_high"][2]
    alone = indices("prcc", places[:, :1], places[:, 0] ** 3)
    assert alone["prcc"][0] == pytest.approx(1.0)


def test_delta_ranks_the_factors():
    places = expand_design("lhs", _factors(), size=256, seed=3).places
    found = indices("delta", places, places @ WEIGHTS, resamples=40)
    assert found["delta"][0] > found["delta"][1] > found["delta"][2]
    assert found["delta_low"][0] > found["delta_high"][2]
    assert found["delta"][2] < 0.1  # what is left of the bias of the estimate
    both = indices("delta", places, places @ WEIGHTS, resamples=40)
    assert np.array_equal(both["delta_high"], found["delta_high"])


def test_missing_and_constant_endpoints():
    places = expand_design("lhs", _factors(), size=40, seed=3).places
    values = places @ WEIGHTS
    values[:5] = np.nan
    assert np.isfinite(indices("prcc", places, values)["prcc"]).all()
    assert np.isnan(indices("morris", places, values)["mu_star"]).all()
    assert (indices("prcc", places, np.ones(40))["prcc"] == 0.0).all()
