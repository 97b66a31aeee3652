"""Expressions of derived variables: value, and what they refuse."""

from __future__ import annotations

import re

import numpy as np
import pytest

from pdsim.cohort.expressions import parse_expression

KNOWN = {"age": (), "prior_lines": (), "isotype": ("IgG", "IgA", "light_chain"), "sex": ("male", "female")}
VALUES = {
    "age": np.array([40.0, 66.0, 90.0]),
    "prior_lines": np.array([1.0, 2.0, 8.0]),
    "isotype": np.array([0, 2, 1], dtype=np.int8),
    "sex": np.array([1, 0, 1], dtype=np.int8),
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.6*(log2(min(prior_lines, 6)) - 1)", 1.6 * (np.log2([1, 2, 6]) - 1)),
        ("-age ** 2 / 4 + 1", [-399, -1088, -2024]),
        ("where(isotype == 'light_chain', 1, age)", [40, 1, 90]),
        ("'IgA' != isotype", [1, 1, 0]),
        ("isotype == 'IgG' or sex == 'male' and not age > 70", [1, 1, 0]),
        ("(isotype == 'IgG') + 1", [2, 1, 1]),
        ("sqrt(abs(age - 66)) + exp(log(prior_lines))", [1 + np.sqrt(26), 2, 8 + np.sqrt(24)]),
        ("max(age, 50) <= 66", [1, 1, 0]),
        ("log(age - 66)", [np.nan, -np.inf, np.log(24)]),
        ("2", 2),
    ],
)
def test_values(text, expected):
    found = parse_expression(text, KNOWN).evaluate(VALUES, KNOWN)
    assert found.dtype == float
    np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_names_are_listed_once_in_order():
    assert parse_expression("age * prior_lines + log(age)", KNOWN).names == ("age", "prior_lines")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("agee + 1", "unknown variable 'agee'. Did you mean 'age'?"),
        ("weight", "unknown variable 'weight'. Known are: age, prior_lines, isotype, sex."),
        ("isotype + 1", "'isotype' is a category; compare it with a level, such as isotype == 'IgG'"),
        ("isotype == 'igg'", "'igg' is no level of 'isotype'. Did you mean 'IgG'"),
        ("isotype < 'IgG'", "'isotype' is a category; its levels have no order, compare with == or !="),
        ("age == 'old'", "'old' is a text; it can only be compared with a category"),
        ("lg2(age)", "unknown function 'lg2'. Did you mean 'log2'"),
        ("min(age)", "'min' takes 2 arguments, not 1"),
        ("1 < age < 3", "'1 < age < 3' compares more than once; join two comparisons with 'and'"),
        ("age in (1, 2)", "'age in (1, 2)' cannot stand in an expression; compare with < <= > >= == !="),
        ("age[0]", "'age[0]' cannot stand in an expression"),
        ("age.real", "'age.real' cannot stand in an expression"),
        ("__import__('os').system('ls')", "cannot stand in an expression"),
        ("(lambda: 1)()", "cannot stand in an expression"),
        ("True", "'True' cannot stand in an expression"),
        ("age +", "'age +' is no arithmetic: invalid syntax"),
        ("agee + lg2(age)", "unknown variable 'agee'. Did you mean 'age'?; unknown function 'lg2'."),
    ],
)
def test_mistakes(text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        parse_expression(text, KNOWN)
