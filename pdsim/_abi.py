"""Signatures of the generated kernels, shared by the code generator and the solvers.

Arrays are flat, C-contiguous float64; element (row, lane) lies at ``row * LANES + lane``. ``lanes`` is passed at
run time, because a literal count is unrolled before the vectoriser sees the loop. Callers check the sizes and pass
arrays that do not overlap.
"""

from __future__ import annotations

_ROW = "float64[::1]"

DERIVE = f"void(int64, {_ROW})"
"""``derive(lanes, p)``: fills the derived rows of ``p`` from the parameter rows before them."""

INITIAL = f"void(int64, {_ROW}, {_ROW})"
"""``initial(lanes, p, x)``: natural entry values of all states."""

RATES = f"void(int64, {', '.join([_ROW] * 6)})"
"""``rates(lanes, t, y, p, c, present, dy)``: derivatives of the integrated states.

``y`` holds the logarithm of a state with ``extinct_below`` while ``present`` is 1; while it is 0 the state is zero
and ``dy`` is its supply. ``c`` holds free concentrations in nM. ``p`` has its derived rows filled.
"""

OUTPUTS = f"void(int64, {', '.join([_ROW] * 6)})"
"""``outputs(lanes, t, y, p, c, present, out)``: natural values of the outputs."""

JACOBIAN = f"void(int64, {', '.join([_ROW] * 5)}, float64[:, ::1])"
"""``jacobian(lane, t, y, p, c, present, jac)``: one lane's derivatives of the natural rates.

``jac`` is (states, states + concentrations + 1): by natural states, by concentrations, by time.
"""
