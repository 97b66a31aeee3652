"""Effects in plain Python, and that floats, symbols and quantities agree."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pint
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from pdsim import units
from pdsim.model import (
    additive,
    bliss,
    combine,
    competitive_binding,
    each,
    emax,
    exp,
    hill,
    log,
    maximum,
    minimum,
    positive,
    power,
    sqrt,
    total,
    where,
)

SMALL = st.floats(0.01, 100.0)
X, HALF, N = sympy.symbols("x half n", real=True)


def drug(c, **keys):
    return SimpleNamespace(c=c, **keys)


@given(x=SMALL, half=SMALL, n=st.floats(0.2, 8.0))
def test_hill_is_its_formula(x, half, n):
    assert hill(x, half, n) == pytest.approx(x**n / (half**n + x**n), rel=1e-10)


@given(x=st.floats(-5, 5), y=st.floats(-5, 5))
def test_choices(x, y):
    assert (positive(x), minimum(x, y), maximum(x, y)) == (max(x, 0.0), min(x, y), max(x, y))
    assert where(x > y, 1.0, 2.0) == (1.0 if x > y else 2.0)


def test_ends():
    assert hill(0.0, 1.0, 2.0) == hill(-1.0, 1.0, 2.0) == 0.0
    assert hill(1e-200, 1.0, 5.0) == 0.0
    assert hill(1e200, 1.0, 5.0) == 1.0
    assert exp(1000.0) == math.inf
    assert log(0.0) == -math.inf
    assert math.isnan(log(-1.0))
    assert math.isnan(sqrt(-1.0))
    assert math.isnan(power(-1.0, 0.5))
    assert power(0.0, -1.0) == power(1e300, 2.0) == math.inf
    assert emax(3.0) == 0.75
    assert emax(2.0, 6.0) == 0.25


@pytest.mark.parametrize("steepness", [1, 2, 2.0, 4, 2.5, N])
def test_slope_of_a_traced_hill(steepness):
    expression = hill(X, HALF, steepness)
    at = {X: 0.7, HALF: 1.3, N: 1.9}
    number = at.get(steepness, steepness)
    low, high = (hill(0.7 + s, 1.3, number) for s in (-1e-6, 1e-6))
    slope = float(evaluated(expression.diff(X), at))
    assert slope == pytest.approx((high - low) / 2e-6, rel=1e-8)
    assert float(evaluated(expression, at)) == pytest.approx(hill(0.7, 1.3, number), rel=1e-14)
    assert float(evaluated(expression, {**at, X: -0.7})) == 0.0


def evaluated(expression, at):
    """Value of a traced expression, its functions replaced by their definition."""
    from pdsim.model.symbols import Above, Gate, Hill, Positive

    plain = expression.replace(Hill, lambda x, half, n: Gate(x, x**n / (half**n + x**n)))
    return plain.subs(at).doit().replace(Positive, lambda x: max(x, 0)).replace(Above, lambda x: int(x > 0))


def test_traced_conditions_may_be_joined():
    expression = where((X > 1) & (X < 2) | (X >= 5), 1, 0)
    assert [expression.subs(X, value) for value in (0.5, 1.5, 2.0, 5.0, 6.0)] == [0, 1, 0, 1, 1]
    assert where(~(X > 1), 1, 0).subs(X, 1.0) == 1
    with pytest.raises(TypeError, match="equality"):
        where(sympy.Eq(X, 1), 1, 0)


def test_quantities():
    quantity = units.registry().Quantity
    assert hill(quantity(2000.0, "pM"), quantity(2.0, "nM"), 3.0) == pytest.approx(0.5)
    assert positive(quantity(-2.0, "cell")).units == quantity(1.0, "cell").units
    assert sqrt(quantity(4.0, "day**2")) == quantity(2.0, "day")
    assert minimum(quantity(1.0, "hour"), quantity(1.0, "day")) == quantity(1.0, "hour")
    for function in (exp, log):
        with pytest.raises(pint.DimensionalityError):
            function(quantity(1.0, "cell"))


def test_each_and_total():
    assert each(lambda a, b, c: a + b * c, (1, 2), 10, (3, 4)) == (31, 42)
    assert total((1, 2, 3)) == 6
    with pytest.raises(TypeError, match=r"lengths \[1, 2\]"):
        each(max, (1, 2), (1,))
    with pytest.raises(TypeError, match="no argument with a dimension"):
        each(abs, 1)
    with pytest.raises(TypeError, match="needs a value over a dimension"):
        total(1.0)
    with pytest.raises(TypeError, match="takes one value"):
        exp((1.0, 2.0))


def test_combines():
    one, two = drug(10.0, affinity=5.0, closed=0.5), drug(4.0, affinity=2.0, closed=0.2)
    assert competitive_binding((one,)) == pytest.approx(2.0 * 0.5 / 3.0)
    assert competitive_binding((one, two)) == pytest.approx((2.0 * 0.5 + 2.0 * 0.2) / 5.0)
    assert additive((drug(3.0, potency=2.0), drug(1.0, potency=4.0))) == 1.75
    assert bliss((drug(1.0, potency=1.0), drug(3.0, potency=1.0))) == 0.875
    assert competitive_binding(()) == additive(()) == bliss(()) == 0


def test_combines_name_their_keys_and_units():
    assert competitive_binding.keys == ("affinity", "closed")
    assert additive.keys == bliss.keys == ("potency",)
    assert additive.key_units("1/day") == {"potency": "nM/(1/day)"}
    assert competitive_binding.key_units("1") == {"affinity": "nM", "closed": "1"}

    @combine(strength="1")
    def strongest(drugs):
        return total([d.strength for d in drugs]) if drugs else 0

    assert strongest.keys == ("strength",)
