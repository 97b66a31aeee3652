"""Own exp, log and power against 200-bit arithmetic, and at the ends of the number range."""

from __future__ import annotations

import math

import mpmath
import numba
import numpy as np
import pytest

from pdsim import _lanemath as lanemath

EXP, LOG, POWER, POSITIVE, ABOVE = range(5)


@numba.njit
def run(which, x, y, out):
    for i in range(x.size):
        if which == EXP:
            out[i] = lanemath.exp(x[i])
        elif which == LOG:
            out[i] = lanemath.log(x[i])
        elif which == POWER:
            out[i] = lanemath.power(x[i], y[i])
        elif which == POSITIVE:
            out[i] = lanemath.positive(x[i])
        else:
            out[i] = lanemath.above(x[i])


def call(which, x, y=None):
    x = np.atleast_1d(np.asarray(x, dtype=float))
    y = x if y is None else np.atleast_1d(np.asarray(y, dtype=float))
    out = np.empty_like(x)
    run(which, x, y, out)
    return out


def worst(found, exact):
    return max(float(abs((mpmath.mpf(float(a)) - b) / b)) for a, b in zip(found, exact, strict=True))


@pytest.fixture(autouse=True)
def many_bits():
    with mpmath.workprec(200):
        yield


def test_exp_is_accurate():
    rng = np.random.default_rng(0)
    x = np.r_[rng.uniform(-707.6, 709.7, 3000), rng.normal(0, 1, 1000)]
    assert worst(call(EXP, x), [mpmath.exp(mpmath.mpf(float(v))) for v in x]) < 4e-16


def test_log_is_accurate():
    rng = np.random.default_rng(1)
    x = np.r_[np.exp(rng.uniform(-700, 700, 3000)), 1 + rng.normal(0, 0.01, 1000), math.sqrt(0.5), math.sqrt(2.0)]
    assert worst(call(LOG, x), [mpmath.log(mpmath.mpf(float(v))) for v in x]) < 3e-16


@pytest.mark.parametrize(("reach", "bound"), [(200.0, 1e-15), (690.0, 4e-15)])
def test_power_is_accurate(reach, bound):
    rng = np.random.default_rng(2)
    x = np.exp(np.r_[rng.uniform(-300, 300, 2000), rng.normal(0, 1, 2000)])
    y = rng.uniform(-1, 1, x.size) * reach / np.log(x)
    exact = [mpmath.mpf(float(v)) ** mpmath.mpf(float(w)) for v, w in zip(x, y, strict=True)]
    assert worst(call(POWER, x, y), exact) < bound


def test_ends_of_exp():
    x = [0.0, -0.0, 709.78, 709.79, 1e308, math.inf, -707.6, -708.0, -1e308, -math.inf]
    found = call(EXP, x)
    assert found[:2].tolist() == [1.0, 1.0]
    assert found[2] == pytest.approx(math.exp(709.78), rel=1e-15)
    assert found[3:6].tolist() == [math.inf] * 3
    assert found[6] == pytest.approx(math.exp(-707.6), rel=1e-15)
    assert found[7:].tolist() == [0.0, 0.0, 0.0]


def test_ends_of_log():
    found = call(LOG, [1.0, math.inf, 1.7976931348623157e308, 2.2250738585072014e-308, 5e-324, 0.0, -0.0])
    assert found[:2].tolist() == [0.0, math.inf]
    assert found[2] == pytest.approx(709.782712893384, rel=1e-15)
    assert found[3] == pytest.approx(-708.3964185322641, rel=1e-15)
    assert found[4:].tolist() == [-math.inf] * 3
    assert np.isnan(call(LOG, [-1.0, -math.inf, -5e-324])).all()


def test_ends_of_power():
    x = [0.0, 0.0, 0.0, math.inf, math.inf, 2.0, 2.0, 0.5, 1e308, 1e-308, 1.0, 7.0]
    y = [2.0, 0.0, -1.0, 0.5, -0.5, 1e9, -1e9, 1e300, 2.0, 3.0, 1e300, 1.0]
    expected = [0.0, 1.0, math.inf, math.inf, 0.0, math.inf, 0.0, 0.0, math.inf, 0.0, 1.0, 7.0]
    np.testing.assert_allclose(call(POWER, x, y), expected, rtol=1e-15)
    assert np.isnan(call(POWER, [-1.0, -2.0], [2.0, 0.5])).all()


def test_nan_is_passed_on():
    for which in (EXP, LOG, POSITIVE, ABOVE):
        assert np.isnan(call(which, math.nan)).all()
    assert np.isnan(call(POWER, [math.nan, math.nan, 2.0, 0.0], [0.0, 2.0, math.nan, math.nan])).all()
