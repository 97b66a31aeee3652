"""A regimen with one drug given otherwise."""

from __future__ import annotations

import pytest

from pdsim.dosing import Dose, Regimen
from pdsim.dosing.change import change_drug, change_rules
from pdsim.errors import DoseError
from pdsim.library import load_regimen

PAIR = Regimen("pair", 28.0, (Dose("a", 10.0, days=(1, 8)), Dose("a", 20.0, days=(15,), start=28.0), Dose("b", 5.0)))


def test_amount_and_factor():
    found = change_drug(PAIR, "a", amount="8 mg/m2", factor=0.5)
    assert [(dose.amount, dose.per) for dose in found.doses] == [(4.0, "m2"), (4.0, "m2"), (5.0, "flat")]
    assert [dose.amount for dose in change_drug(PAIR, "a", factor=2.0).doses] == [20.0, 40.0, 5.0]


def test_days():
    assert change_drug(PAIR, "b", days="weekly").doses[2].days == (1, 8, 15, 22)
    with pytest.raises(DoseError, match="'a' has 2 dose lines"):
        change_drug(PAIR, "a", days="1")


def test_start_moves_all_lines_and_stop_ends_them():
    found = change_drug(PAIR, "a", start="14 d", stop="60 d")
    assert [(dose.start, dose.stop) for dose in found.doses[:2]] == [(14.0, 60.0), (42.0, 60.0)]
    assert found.lines(100.0)[0].times.tolist() == [14.0, 21.0, 42.0, 49.0]
    assert found.doses[2] == PAIR.doses[2]


def test_leaving_a_drug_out_takes_its_rules_along():
    regimen = load_regimen("rd_rules")
    assert any("lenalidomide" in rule.drugs for rule in regimen.rules)
    found = change_drug(regimen, "lenalidomide", given=False)
    assert [dose.drug for dose in found.doses] == ["dexamethasone"]
    assert not any("lenalidomide" in rule.drugs for rule in found.rules)
    assert change_rules(regimen, [], []).rules == ()


def test_a_drug_that_is_not_given_is_named():
    with pytest.raises(DoseError, match=r"'pair' does not give 'c'.* It gives a, b\."):
        change_drug(PAIR, "c", factor=2.0)
    with pytest.raises(DoseError, match="not after the start"):
        change_drug(PAIR, "b", start="20 d", stop="10 d")
