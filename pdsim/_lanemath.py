"""Exponential, logarithm, power and choices that LLVM vectorises over lanes; used by generated kernels and solvers.

All pass NaN on. ``exp`` is infinite above 709.78 and 0 below -707.7; ``log`` is minus infinity from 0 to 2.2e-308 and
NaN below 0; ``power`` takes a base of 0 or more. Errors are below 1e-15 relative; of ``power`` below 4e-15 where the
result lies beyond 1e-87 or 1e87. Series: exp by Taylor to degree 12 on half of ln 2; log as in fdlibm's e_log.c.
"""

from __future__ import annotations

import math

import numpy as np

from pdsim._jit import jit
from pdsim._lanes import pick
from pdsim._parts import PART

_ROUND = 6755399441055744.0  # 1.5 * 2**52: adding it rounds to an integer in the low bits
_LOG2E = 1.4426950408889634
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
_EXP_LOW = -707.7
_EXP_HIGH = 710.0
_TINY = 2.2250738585072014e-308
_HUGE = 1.7976931348623157e308
_HALF_ROOT = np.int64(0x3FE6A09E667F3BCD)  # bits of sqrt(1/2)
_ROUND_BITS = np.int64(0x4338000000000000)  # bits of _ROUND
_CUT = np.int64(-0x8000000)  # keeps the upper 26 bits of a mantissa
_NAN = math.nan
_INF = math.inf

lane = jit(forceinline=True, **PART)


@lane
def _scaled_exp(x, low):
    """exp(x + low) for |low| far below 1 and x within +-710, without the checks of its ends."""
    t = x * _LOG2E + _ROUND
    k = t - _ROUND
    r = (x - k * _LN2_HIGH) - (k * _LN2_LOW - low)
    p = 2.08767569878681e-09
    p = p * r + 2.505210838544172e-08
    p = p * r + 2.755731922398589e-07
    p = p * r + 2.7557319223985893e-06
    p = p * r + 2.48015873015873e-05
    p = p * r + 1.984126984126984e-04
    p = p * r + 1.3888888888888889e-03
    p = p * r + 8.333333333333333e-03
    p = p * r + 4.1666666666666664e-02
    p = p * r + 1.6666666666666666e-01
    p = p * r + 0.5
    p = p * (r * r) + r + 1.0
    bits = np.float64(t).view(np.int64)
    half_scale = np.int64((bits + np.int64(1022)) << np.int64(52)).view(np.float64)
    return (p + p) * half_scale


@lane
def exp(x):
    """Exponential."""
    inner = pick(x > _EXP_HIGH, _EXP_HIGH, x)
    inner = pick(inner < _EXP_LOW, _EXP_LOW, inner)
    value = _scaled_exp(inner, 0.0)
    value = pick(x < _EXP_LOW, 0.0, value)
    return pick(x >= _EXP_HIGH, _INF, value)


@lane
def log(x):
    """Natural logarithm."""
    bits = np.float64(x).view(np.int64)
    e = (bits - _HALF_ROOT) >> np.int64(52)
    m = np.int64(bits - (e << np.int64(52))).view(np.float64)
    k = np.int64(e + _ROUND_BITS).view(np.float64) - _ROUND
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    p = 1.479819860511658591e-01
    p = p * z + 1.531383769920937332e-01
    p = p * z + 1.818357216161805012e-01
    p = p * z + 2.222219843214978396e-01
    p = p * z + 2.857142874366239149e-01
    p = p * z + 3.999999999940941908e-01
    p = p * z + 6.666666666666735130e-01
    half_square = 0.5 * f * f
    value = k * _LN2_HIGH - ((half_square - (s * (half_square + z * p) + k * _LN2_LOW)) - f)
    value = pick(x <= _HUGE, value, x)
    low = pick(x >= 0.0, -_INF, _NAN)
    return pick(x >= _TINY, value, low)


@lane
def power(x, y):
    """x to the power y, with the logarithm in two parts so that large exponents keep their digits."""
    bits = np.float64(x).view(np.int64)
    e = (bits - _HALF_ROOT) >> np.int64(52)
    m = np.int64(bits - (e << np.int64(52))).view(np.float64)
    k = np.int64(e + _ROUND_BITS).view(np.float64) - _ROUND
    f = m - 1.0
    u = f + 2.0
    s = f / u
    s_high = np.int64(np.float64(s).view(np.int64) & _CUT).view(np.float64)
    u_high = np.int64(np.float64(u).view(np.int64) & _CUT).view(np.float64)
    u_low = f - (u_high - 2.0)
    s_low = ((f - s_high * u_high) - s_high * u_low) / u
    z = s * s
    p = 0.0952380952380952381
    p = p * z + 0.105263157894736842
    p = p * z + 0.117647058823529412
    p = p * z + 0.133333333333333333
    p = p * z + 0.153846153846153846
    p = p * z + 0.181818181818181818
    p = p * z + 0.222222222222222222
    p = p * z + 0.285714285714285714
    p = p * z + 0.4
    p = p * z + 0.666666666666666667
    tail = s * z * p + 2.0 * s_low + k * _LN2_LOW
    head = k * _LN2_HIGH
    first = 2.0 * s_high
    total = head + first
    big = pick(abs(head) > abs(first), head, first)
    small = pick(abs(head) > abs(first), first, head)
    tail += small - (total - big)
    whole = total + tail
    tail -= whole - total
    t_high = np.int64(np.float64(whole).view(np.int64) & _CUT).view(np.float64)
    t_low = (whole - t_high) + tail
    y_high = np.int64(np.float64(y).view(np.int64) & _CUT).view(np.float64)
    exact = y_high * t_high
    rest = (y - y_high) * t_high + y * t_low
    inner = pick(exact < _EXP_HIGH, exact, _EXP_HIGH)
    inner = pick(inner > _EXP_LOW, inner, _EXP_LOW)
    value = _scaled_exp(inner, rest)
    value = pick(exact < _EXP_LOW, 0.0, value)
    value = pick(exact >= _EXP_HIGH, _INF, value)
    at_infinity = pick(y > 0.0, _INF, 0.0)
    value = pick(x <= _HUGE, value, at_infinity)
    at_zero = pick(y > 0.0, 0.0, _INF)
    at_zero = pick(x >= 0.0, at_zero, _NAN)
    value = pick(x >= _TINY, value, at_zero)
    value = pick(y == 0.0, 1.0, value)
    value = pick(x == x, value, x)
    return pick(y == y, value, y)


@lane
def positive(x):
    """x above 0, else 0."""
    return pick(x <= 0.0, 0.0, x)


@lane
def above(x):
    """1 above 0, else 0."""
    low = pick(x <= 0.0, 0.0, x)
    return pick(x > 0.0, 1.0, low)


@lane
def gate(x, value):
    """value where x is above 0, else 0."""
    return pick(x <= 0.0, 0.0, value)


@lane
def select(x, yes, no):
    """yes where x is above 0, else no."""
    low = pick(x <= 0.0, no, x)
    return pick(x > 0.0, yes, low)


@lane
def alive(present, value):
    """value where present is 1, else 0."""
    return pick(present > 0.5, value, 0.0)


@lane
def choose(present, yes, no):
    """yes where present is 1, else no."""
    return pick(present > 0.5, yes, no)
