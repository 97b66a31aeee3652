from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pdsim
from pdsim import units
from pdsim.errors import UnitError


@pytest.mark.parametrize(
    ("text", "unit", "number"),
    [
        ("25 mg", "mg", 25.0),
        ("0.025 g", "mg", 25.0),
        ("25mg", "mg", 25.0),
        ("1e3 ug", "mg", 1.0),
        ("150 mcg", "ug", 150.0),
        ("-2 h", "min", -120.0),
        ("12", "mg", 12.0),
        (12, "mg", 12.0),
        (np.int64(12), "mg", 12.0),
        ("5 nM", "uM", 0.005),
        ("1000/uL", "Gpt", 1.0),
        ("1 Gpt", "1/uL", 1000.0),
        ("3 IU/mL", "IU/L", 3000.0),
        ("2e6 copy/mL", "copy/uL", 2000.0),
        ("5 cells/uL", "cell/L", 5e6),
        ("250 mg/m^2", "g/m2", 0.25),
        ("1.5 L/h", "L/day", 36.0),
        ("50 %", "1", 0.5),
        ("37 degC", "K", 310.15),
    ],
)
def test_quantity_is_read_in_the_asked_unit(text, unit, number):
    assert units.parse_quantity(text, unit) == pytest.approx(number, rel=1e-14)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("3 yr", 1095.75), ("28 d", 28.0), ("12 months", 365.25), ("1 mo", 30.4375), ("2 weeks", 14.0), ("6 h", 0.25)],
)
def test_times_are_days(text, expected):
    assert units.days(text) == expected


def test_bare_number_is_days():
    assert units.days(28) == units.days("28") == 28.0


@pytest.mark.parametrize(
    ("text", "unit", "says"),
    [
        ("25 mgg", "mg", "unknown unit 'mgg'. Did you mean 'mg'"),
        ("3 cellls", "cell", "Did you mean 'cell'"),
        ("25 mg", "d", r"'mg' \(mass\) does not fit 'd' \(time\)"),
        ("5 nM", "mg", "does not fit 'mg'"),
        ("", "mg", "is no quantity"),
        ("mg", "mg", "such as '25 mg'"),
        ("25 1e9 cell", "cell", "number in the unit"),
        ("3 ((", "d", "is no unit"),
        (True, "mg", "True is no quantity"),
        (float("nan"), "mg", "not-a-number"),
        (None, "mg", "None is no quantity"),
    ],
)
def test_wrong_quantity_is_named(text, unit, says):
    with pytest.raises(UnitError, match=says):
        units.parse_quantity(text, unit)


def test_message_starts_with_the_place():
    with pytest.raises(UnitError, match=r"^rep\.toml, dose\.amount: cannot read '25 mgg'"):
        units.parse_quantity("25 mgg", "mg", where="rep.toml, dose.amount")


@pytest.mark.parametrize(
    "unit", ["1/day", "g/L", "cell/uL", "L/day", "mL/min", "nM", "uM", "Gpt", "mg/m2", "mg/kg", "1", "IU", "copy", "mo"]
)
def test_units_of_the_files_are_known(unit):
    units.check_unit(unit)
    assert units.compatible(unit, unit)


def test_unknown_unit_is_refused():
    with pytest.raises(UnitError, match=r"unknown unit 'dayy'\. Did you mean 'day'"):
        units.check_unit("1/dayy")


def test_compatible_compares_kinds():
    assert units.compatible("1/h", "1/day")
    assert units.compatible("Gpt", "1/uL")
    assert not units.compatible("cell/uL", "Gpt")
    assert not units.compatible("mg", "nmol")


def test_small_table_agrees_with_pint():
    pint_units = units.registry()
    by_kind = itertools.groupby(units._PLAIN, key=lambda name: units._PLAIN[name][0])
    pairs = [pair for _, group in by_kind for pair in itertools.permutations(group, 2)]
    assert len(pairs) > 100
    for old, new in [*pairs, ("L/h", "mL/min"), ("mg/L/h", "g/mL/day"), ("cell/uL", "cell/L")]:
        expected = pint_units.Quantity(1.7, old).to(new).magnitude
        assert units.convert(1.7, old, new) == pytest.approx(expected, rel=1e-14), (old, new)  # pint rounds each step


def test_convert_takes_arrays():
    values = np.array([1.0, 2.0])
    np.testing.assert_allclose(units.convert(values, "g", "mg"), [1000.0, 2000.0], rtol=1e-15)
    np.testing.assert_allclose(units.convert(values, "nM", "uM"), [0.001, 0.002], rtol=1e-14)


def test_common_units_need_no_pint():
    code = (
        "import sys; from pdsim.units import days, parse_quantity; days('3 yr'); parse_quantity('1 L/h', 'L/day');"
        "parse_quantity('25 mg', 'mg'); parse_quantity('3 nM/day', 'nM/day'); assert 'pint' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(pdsim.__file__).parents[1])
    assert units.days("3 yr") == 1095.75
