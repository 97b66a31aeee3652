"""exp, log and power that LLVM vectorises over lanes; numba's wheels bring no vector mathematics library."""

from __future__ import annotations

import numpy as np

from pdsim._jit import jit

_SHIFT = 6755399441055744.0  # 1.5 * 2**52: adding it rounds to an integer held in the low bits
_LOG2_E = 1.4426950408889634
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10


@jit(cache=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
def lane_exp(x):
    """exp(x) to 4e-16 relative for -708 < x < 709; 0 below, inf above, NaN kept."""
    clipped = min(max(x, -708.0), 709.0)
    shifted = clipped * _LOG2_E + _SHIFT
    whole = shifted - _SHIFT
    r = clipped - whole * _LN2_HIGH - whole * _LN2_LOW
    p = 1.0 / 479001600.0
    p = p * r + 1.0 / 39916800.0
    p = p * r + 1.0 / 3628800.0
    p = p * r + 1.0 / 362880.0
    p = p * r + 1.0 / 40320.0
    p = p * r + 1.0 / 5040.0
    p = p * r + 1.0 / 720.0
    p = p * r + 1.0 / 120.0
    p = p * r + 1.0 / 24.0
    p = p * r + 1.0 / 6.0
    p = p * r + 0.5
    p = p * r * r + r + 1.0
    bits = np.float64(shifted).view(np.int64)
    power = np.int64((bits + np.int64(1023)) << np.int64(52)).view(np.float64)
    inside = p * power
    high = np.inf if x > 709.0 else inside
    low = 0.0 if x < -708.0 else high
    return low if x == x else x
