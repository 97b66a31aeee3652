"""Systems of a cohort: covariates, variability, overrides, routes, doses by size."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from pdsim.dosing import Dose, Regimen
from pdsim.errors import CohortError, DoseError, UnitError
from pdsim.pk import DrugCard, LinearSystem, card_from_dict, concentration, dose_scale, exposure

FOLDER = Path(__file__).resolve().parents[2] / "models" / "drugs"


def card(name: str) -> DrugCard:
    path = FOLDER / f"{name}.toml"
    return card_from_dict(tomllib.loads(path.read_text()), name, path.name)


def cohort(size: int = 6, **more: object) -> xr.Dataset:
    variables = {
        "weight": ("patient", np.linspace(55.0, 95.0, size), {"units": "kg"}),
        "bsa": ("patient", np.linspace(1.6, 2.1, size), {"units": "m2"}),
        "creatinine_clearance": ("patient", np.linspace(30.0, 110.0, size), {"units": "mL/min"}),
        "sex": ("patient", np.arange(size, dtype=np.int8) % 2, {"flag_values": [0, 1], "flag_meanings": "female male"}),
        **more,
    }
    return xr.Dataset(variables, {"patient": np.arange(size)}, {"seed": 11})


def clearance(system: LinearSystem) -> np.ndarray:
    central = system.compartments.index("central")
    volume = 1 / system.readout_total[0, :, central]
    return -(system.matrix.sum(axis=1)[:, central]) * volume


def test_patients_vary_by_the_card() -> None:
    found = clearance(card("lenalidomide").system(cohort(4000)))
    typical = 60 + 2.64 * np.linspace(30.0, 110.0, 4000)
    logs = np.log(found / typical)
    # 4000 draws: the standard error of a mean is 0.0055 and of an SD 0.0039
    assert np.mean(logs) == pytest.approx(0.0, abs=0.02)
    assert np.std(logs) == pytest.approx(np.sqrt(np.log1p(0.355**2)), abs=0.015)


@pytest.mark.parametrize("name", ["lenalidomide", "cyclophosphamide", "pomalidomide"])
def test_a_patient_is_the_same_in_any_cohort(name: str) -> None:
    whole = cohort(12)
    part = whole.isel(patient=[7, 2, 3])
    np.testing.assert_array_equal(card(name).system(part).matrix, card(name).system(whole).matrix[[7, 2, 3]])


def test_drugs_and_keys_are_drawn_apart() -> None:
    logs = []
    for name in ("lenalidomide", "mezigdomide"):
        system = card(name).system(cohort(3000, creatinine_clearance=("patient", np.full(3000, 85.0))))
        logs += [np.log(clearance(system)), np.log(system.matrix[:, 1, 0])]
    # 3000 independent pairs: the standard error of a correlation is 0.018
    assert np.abs(np.corrcoef(logs) - np.eye(4)).max() < 0.07


def test_a_cohort_variable_replaces_a_key() -> None:
    given = cohort(3, **{"lenalidomide.clearance": ("patient", [5.0, 6.0, 7.0], {"units": "L/h"})})
    np.testing.assert_allclose(clearance(card("lenalidomide").system(given)), [120.0, 144.0, 168.0], rtol=1e-13)
    given = cohort(2, **{"lenalidomide.cereblon_closed.affinity": ("patient", [100.0, 200.0])})
    assert card("lenalidomide").system(given).effects[0].keys["affinity"].tolist() == [100.0, 200.0]


def test_sex_gives_female() -> None:
    given = cohort(4, **{"pomalidomide.volume": ("patient", np.full(4, 70.0))})
    quiet = card("pomalidomide")
    ratio = clearance(quiet.system(given)) / clearance(quiet.system(given.assign(female=("patient", np.zeros(4)))))
    np.testing.assert_allclose(ratio, [0.766, 1.0, 0.766, 1.0], rtol=1e-13)


def test_covariates_are_read_in_their_own_unit() -> None:
    grams = cohort(3).assign(weight=("patient", np.linspace(55e3, 95e3, 3), {"units": "g"}))
    np.testing.assert_allclose(
        card("prednisone").system(grams).matrix, card("prednisone").system(cohort(3)).matrix, rtol=1e-13
    )
    wrong = cohort(3).assign(weight=("patient", np.ones(3), {"units": "day"}))
    with pytest.raises(UnitError, match="weight: 'day'"):
        card("prednisone").system(wrong)


def test_a_missing_covariate_is_named_with_card_and_key() -> None:
    lacking = cohort().drop_vars("creatinine_clearance").assign(creatinin_clearance=("patient", np.ones(6)))
    message = (
        r"lenalidomide.toml: clearance needs the covariate 'creatinine_clearance' \(mL/min\), and the cohort has none. "
        r"Did you mean 'creatinin_clearance'\? Add \[covariates.creatinine_clearance\] to the population, or a cohort "
        r"variable 'lenalidomide.clearance'"
    )
    with pytest.raises(CohortError, match=message):
        card("lenalidomide").system(lacking)


def test_impossible_values_name_the_patients() -> None:
    bad = cohort(3, creatinine_clearance=("patient", [80.0, -60.0, np.nan]))
    with pytest.raises(CohortError, match=r"clearance is .* L/day and must be positive, in patient 1, 2"):
        card("lenalidomide").system(bad)
    given = cohort(2, **{"lenalidomide.unbound": ("patient", [0.5, 1.5])})
    with pytest.raises(CohortError, match="between 0 and 1, in patient 1"):
        card("lenalidomide").system(given)


def test_a_seed_is_needed_where_patients_vary() -> None:
    unseeded = cohort()
    del unseeded.attrs["seed"]
    with pytest.raises(CohortError, match="no attribute 'seed'"):
        card("lenalidomide").system(unseeded)


def test_typical_system_names_an_unknown_covariate() -> None:
    with pytest.raises(CohortError, match=r"'wieght' is no covariate of the card\. Did you mean 'weight'"):
        card("prednisone").typical_system(wieght=70.0)


def test_routes() -> None:
    system = card("lenalidomide").typical_system()
    assert dict(system.entry) == {"iv": 1, "infusion": 1, "oral": 0}
    assert system.route_of(None) == "oral"
    with pytest.raises(
        DoseError, match="lenalidomide: the card has no kinetics for route 'sc'; known: iv, infusion, oral"
    ):
        system.route_of("sc")


def test_readouts_are_free_and_total() -> None:
    system = card("cyclophosphamide").typical_system()
    assert system.species == ("cyclophosphamide", "hydroxycyclophosphamide")
    np.testing.assert_allclose(system.readout[0, 0], [0, 0.8 / 46.5, 0], rtol=1e-14)
    np.testing.assert_allclose(system.readout_total[:, 0], [[0, 1 / 46.5, 0], [0, 0, 1 / 46.5]], rtol=1e-14)
    assert system.nmol_per_mg == pytest.approx(1e6 / 261.1, rel=1e-14)


def test_doses_by_size() -> None:
    given = cohort(3)
    system = card("cyclophosphamide").system(given)
    times = np.array([0.1, 0.5])

    def curve(amount: float, per: str) -> np.ndarray:
        lines = Regimen("a", 28.0, (Dose("cyclophosphamide", amount, per=per),)).lines(1.0)
        return concentration(system, lines, dose_scale(given), times)

    flat = curve(1.0, "flat")
    np.testing.assert_allclose(curve(2.0, "m2"), flat * 2 * given["bsa"].values[:, None], rtol=1e-13)
    np.testing.assert_allclose(curve(2.0, "kg"), flat * 2 * given["weight"].values[:, None], rtol=1e-13)
    lines = Regimen("a", 28.0, (Dose("cyclophosphamide", 1.0, per="m2"),)).lines(1.0)
    with pytest.raises(DoseError, match="needs the covariate 'bsa'"):
        concentration(system, lines, {}, times)
    cells = Regimen("a", 28.0, (Dose("cyclophosphamide", 1.0, unit="cell"),)).lines(1.0)
    with pytest.raises(DoseError, match="a dose in cell cannot enter"):
        concentration(system, cells, {}, times)


def test_an_infusion_needs_its_length() -> None:
    table = {
        key: {"value": value, "status": "assumed", "source": "test"}
        for key, value in {"molar_mass": "250 g/mol", "unbound": "1", "clearance": "24 L/day", "volume": "10 L"}.items()
    }
    made = card_from_dict({"pk": {"kind": "linear", "route": "infusion", **table}}, "made", "made.toml")
    with pytest.raises(DoseError, match="an infusion needs its length"):
        concentration(made.typical_system(), Regimen("a", 7.0, (Dose("made", 1.0),)).lines(1.0), {}, np.array([0.5]))


def test_lags_may_differ_between_patients() -> None:
    given = cohort(3, **{"thalidomide.lag": ("patient", [0.0, 0.1, 0.25])})
    system = card("thalidomide").system(given)
    times = np.array([0.4, 0.05, 0.2, 1.3])
    lines = Regimen.every("1 d", "200 mg", drug="thalidomide").lines(2.0)
    together = concentration(system, lines, {}, times)
    for row in range(3):
        alone = card("thalidomide").system(given.isel(patient=[row]))
        np.testing.assert_allclose(together[:, [row]], concentration(alone, lines, {}, times), rtol=1e-12)
    assert (together[0, :, 2] == 0).tolist() == [False, False, True]


def test_other_drugs_are_passed_over() -> None:
    system = card("lenalidomide").typical_system()
    lines = Regimen.every("1 d", "5 mg", drug="dexamethasone").lines(2.0)
    assert not concentration(system, lines, {}, np.array([0.5])).any()


def test_confluent_patients_are_flagged_and_others_untouched() -> None:
    given = cohort(
        3,
        **{
            "lenalidomide.clearance": ("patient", [260.0, 260.0, 260.0]),
            "lenalidomide.volume": ("patient", [65.0, 65.0, 65.0]),
            "lenalidomide.absorption": ("patient", [4.0, 4.0 * (1 + 1e-6), 40.0]),
        },
    )
    system = card("lenalidomide").system(given)
    modes = system.modes()
    assert modes.confluent.tolist() == [True, True, False]
    assert np.isfinite(modes.rates).all()
    np.testing.assert_allclose(modes.rates[2], [-4.0, -40.0], rtol=1e-13)
    assert np.isfinite(exposure(system, "oral", 1.0).auc).all()
