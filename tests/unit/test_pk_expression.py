"""Expressions of drug cards: quantities, covariates, dimensions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdsim.errors import UnitError
from pdsim.pk.expression import parse_expression
from pdsim.pk.quantity import _ATOMS, _MOLAR, ONE, unit_of
from pdsim.units import convert

PATIENT = {
    "weight": (np.array([70.0, 80.0]), unit_of("kg")),
    "creatinine_clearance": (np.array([85.0, 40.0]), unit_of("mL/min")),
    "female": (np.array([0.0, 1.0]), ONE),
}


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("60 L/day + 2.64 L/day/(mL/min) * creatinine_clearance", "L/day", [60 + 2.64 * 85, 60 + 2.64 * 40]),
        ("2.5 L/h + 1e-1 * creatinine_clearance", "L/day", [60 + 0.1 * 85 * 1.44, 60 + 0.1 * 40 * 1.44]),
        ("187 L/day * (1 - 0.234 * female)", "L/day", [187, 187 * 0.766]),
        ("65 L * (weight/70 kg)**0.75", "L", [65, 65 * (80 / 70) ** 0.75]),
        ("0.65 L/kg * weight", "L", [45.5, 52.0]),
        ("24/day", "1/day", 24),
        ("1/h", "1/day", 24),
        ("0.6931 / 1.7 h", "1/day", 0.6931 / 1.7 * 24),
        ("-0.5 h + 1 h", "day", 0.5 / 24),
        ("exp(log(2)) * sqrt(4)", "1", 4),
        ("0.7", "1", 0.7),
        ("1 uM", "nM", 1000),
        ("5 nmol/mL", "nM", 5000),
        ("(2 L**2)**0.5 * 3", "L", 3 * np.sqrt(4)),
        ("weight**0.5 * 1 L / (1 kg)**0.5", "L", np.sqrt([70.0, 80.0])),
    ],
)
def test_value(text: str, unit: str, value: object) -> None:
    np.testing.assert_allclose(parse_expression(text).evaluate(PATIENT, unit), value, rtol=1e-14, atol=0)


def test_names_are_covariates() -> None:
    assert parse_expression("3 L * weight / 70 kg * exp(female) * weight / 1 kg").names == ("weight", "female")


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("60 L/day + 3 L", "L cannot be added"),
        ("2 ** (3 L)", "an exponent needs a number without unit"),
        ("exp(weight)", r"exp\(\) needs a number without unit"),
        ("weight ** female", "differs between patients"),
        ("60 L", "not L/day"),
    ],
)
def test_dimensions_that_do_not_fit(text: str, match: str) -> None:
    with pytest.raises(UnitError, match=match):
        parse_expression(text).evaluate(PATIENT, "L/day")


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "weight.real",
        "[1]",
        "weight if female else 1",
        "lambda: 1",
        "f(weight)",
        "exp(weight, 2)",
        "2 +",
        "exp",
        "",
    ],
)
def test_anything_but_arithmetic_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be read|may hold|calls something|begins with|is a function|holds"):
        parse_expression(text)


def test_a_wrong_unit_is_named() -> None:
    with pytest.raises(UnitError, match=r"'L/dya' is no unit of a drug card\. Did you mean 'day'"):
        unit_of("L/dya")
    with pytest.raises(UnitError, match="follows a number and is no unit"):
        parse_expression("2 weight")


@pytest.mark.parametrize("word", sorted(_ATOMS))
def test_units_agree_with_the_registry(word: str) -> None:
    base = {"L": "L", "day": "day", "g": "g", "mol": "mol", "m": "m", "m2": "m2"}[_ATOMS[word][1]]
    assert unit_of(word).factor == pytest.approx(convert(1.0, word, base), rel=1e-15)


@pytest.mark.parametrize("word", sorted(_MOLAR))
def test_molar_units_agree_with_the_registry(word: str) -> None:
    assert unit_of(word).factor == pytest.approx(convert(1.0, word, "mol/L"), rel=1e-15)


@given(a=st.floats(0.1, 1e3), b=st.floats(0.1, 1e3), c=st.floats(0.1, 1e3))
def test_arithmetic_is_that_of_python(a: float, b: float, c: float) -> None:
    text = f"({a!r} + {b!r}) / {c!r} - {a!r} * {b!r} ** 0.5"
    assert parse_expression(text).evaluate({}, "1") == (a + b) / c - a * b**0.5
