"""Arithmetic over whole rows of lanes, as plain arrays that do not overlap, so that LLVM vectorises it."""

from __future__ import annotations

from pdsim._jit import jit
from pdsim._lanemath import exp as lane_exp
from pdsim._lanemath import power as lane_power
from pdsim._lanes import get, pick, put
from pdsim.solvers.arrays import HOT, ROWS
from pdsim.solvers.dop853 import FIFTH, THIRD, in_fours
from pdsim.solvers.radau import COEFFICIENTS, INVERSE
from pdsim.solvers.tableau import TSIT5_WEIGHTS

_FALLEN = 0.05  # of its value before a step: the size of a state that falls by more, or passes through zero
_A1, _A2, _A3, _A4, _A5, _A6 = (tuple(float(a) for a in TSIT5_WEIGHTS[i, :i]) for i in range(1, 7))
_F0, _F1, _F2, _F3, _F4, _F5, _F6, _F7 = FIFTH
_T0, _T1, _T2, _T3, _T4, _T5, _T6, _T7 = THIRD
_WHICH, _HOW, _FOURS = in_fours()
(_G00, _G01, _G02, _G03), (_G10, _G11, _G12, _G13), (_G20, _G21, _G22, _G23), (_G30, _G31, _G32, _G33) = (
    tuple(float(g) for g in row) for row in INVERSE
)
(_L10, _L11, _L12, _L13), (_L20, _L21, _L22, _L23), (_L30, _L31, _L32, _L33) = (
    tuple(float(c) for c in row) for row in COEFFICIENTS[1:]
)


@jit(**ROWS)
def spread(values, rows, out):
    """Repeat one row of lanes (lane,) over (row, lane)."""
    lanes = values.size
    for i in range(rows):
        for lane in range(lanes):
            put(out, i * lanes, lane, values[lane])


@jit(**ROWS)
def trial_point(stage, size, y, step, k0, k1, k2, k3, k4, k5, out):
    """Point at which a stage of Tsitouras 5(4) is evaluated; every array (state, lane), `step` spread over states."""
    if stage == 1:
        for i in range(size):
            out[i] = y[i] + step[i] * (_A1[0] * k0[i])
    elif stage == 2:
        for i in range(size):
            out[i] = y[i] + step[i] * (_A2[0] * k0[i] + _A2[1] * k1[i])
    elif stage == 3:
        for i in range(size):
            out[i] = y[i] + step[i] * (_A3[0] * k0[i] + _A3[1] * k1[i] + _A3[2] * k2[i])
    elif stage == 4:
        for i in range(size):
            out[i] = y[i] + step[i] * (_A4[0] * k0[i] + _A4[1] * k1[i] + _A4[2] * k2[i] + _A4[3] * k3[i])
    elif stage == 5:
        for i in range(size):
            total = _A5[0] * k0[i] + _A5[1] * k1[i] + _A5[2] * k2[i] + _A5[3] * k3[i] + _A5[4] * k4[i]
            out[i] = y[i] + step[i] * total
    else:
        for i in range(size):
            total = _A6[0] * k0[i] + _A6[1] * k1[i] + _A6[2] * k2[i] + _A6[3] * k3[i] + _A6[4] * k4[i]
            out[i] = y[i] + step[i] * (total + _A6[5] * k5[i])


@jit(**ROWS)
def four(size, y, step, share, k0, k1, k2, k3, out):
    """y plus a step times four slopes, each with its share; arrays (state, lane), `step` spread over states."""
    for i in range(size):
        out[i] = y[i] + step[i] * (share[0] * k0[i] + share[1] * k1[i] + share[2] * k2[i] + share[3] * k3[i])


@jit(**ROWS)
def add_four(size, step, share, k0, k1, k2, k3, out):
    """Add a step times four slopes; see `four`."""
    for i in range(size):
        out[i] += step[i] * (share[0] * k0[i] + share[1] * k1[i] + share[2] * k2[i] + share[3] * k3[i])


@jit(**HOT)
def dop853_point(stage, size, row, y, steps, k, point):
    """Point (state, lane) at which a stage of DOP853 is evaluated, or after the twelfth the end of the step.

    `size` entries of y and of the `steps` spread over states; slopes k (stage, entry), `row` entries to a stage.
    """
    for part in range(_FOURS[stage]):
        a, b = _WHICH[stage, 4 * part] * row, _WHICH[stage, 4 * part + 1] * row
        c, d = _WHICH[stage, 4 * part + 2] * row, _WHICH[stage, 4 * part + 3] * row
        share = _HOW[stage, 4 * part : 4 * part + 4]
        if part == 0:
            four(size, y, steps, share, k[a : a + size], k[b : b + size], k[c : c + size], k[d : d + size], point)
        else:
            add_four(size, steps, share, k[a : a + size], k[b : b + size], k[c : c + size], k[d : d + size], point)


@jit(**ROWS)
def dop853_errors(size, relative, y, trial, step, absolute, fixed, k0, k5, k6, k7, k8, k9, k10, k11, fifth, third):
    """Errors of a step of DOP853 of orders 5 and 3 relative to tolerance, (state, lane)."""
    for i in range(size):
        five = _F0 * k0[i] + _F1 * k5[i] + _F2 * k6[i] + _F3 * k7[i] + _F4 * k8[i] + _F5 * k9[i] + _F6 * k10[i]
        three = _T0 * k0[i] + _T1 * k5[i] + _T2 * k6[i] + _T3 * k7[i] + _T4 * k8[i] + _T5 * k9[i] + _T6 * k10[i]
        largest = max(_FALLEN * abs(y[i]), abs(trial[i]))
        share = abs(step[i]) / (absolute[i] + relative * (largest + fixed[i] * (1.0 - largest)))
        fifth[i] = share * abs(five + _F7 * k11[i])
        third[i] = share * abs(three + _T7 * k11[i])


@jit(**ROWS)
def worst(rows, lanes, ratio, error, spoilt):
    """Largest of the rows into error (lane,), NaN where any is not finite; `spoilt` (lane,) is scratch."""
    for lane in range(lanes):
        error[lane] = 0.0
        spoilt[lane] = 0.0
    for i in range(rows):
        for lane in range(lanes):
            value = get(ratio, i * lanes, lane)
            error[lane] = pick(value > error[lane], value, error[lane])
            spoilt[lane] += 0.0 * value
    for lane in range(lanes):
        error[lane] += spoilt[lane]


@jit(**ROWS)
def sizes(rows, lanes, y, slope, fixed, largest, other, out):
    """Largest of states (state, lane) as a share of `largest`, or of `other` where `fixed`, into out (lane,).

    NaN where any state or slope is not finite.
    """
    for lane in range(lanes):
        out[lane] = 0.0
    for i in range(rows):
        at = i * lanes
        for lane in range(lanes):
            here = get(y, at, lane)
            share = abs(here) / pick(get(fixed, at, lane) > 0.0, other, largest)
            found = out[lane]
            out[lane] = pick(share > found, share, found) + 0.0 * (here + get(slope, at, lane))


@jit(**ROWS)
def growths(lanes, error, power, out):
    """Factor by which a step may grow, or must shrink, after an error in tolerances; arrays (lane,)."""
    for lane in range(lanes):
        out[lane] = 0.9 * lane_power(max(error[lane], 1e-9), power)


@jit(**ROWS)
def series(rows, wide, lanes, moments, polynomials, out):
    """Sums of moments (row, degree, lane) times polynomials (degree, lane), into out (row, lane)."""
    for f in range(rows):
        at = f * wide * lanes
        for lane in range(lanes):
            put(out, f * lanes, lane, get(moments, at, lane))
        done = 1
        if wide > 3:
            done = 4
            for lane in range(lanes):
                total = get(out, f * lanes, lane) + get(moments, at + lanes, lane) * get(polynomials, lanes, lane)
                total += get(moments, at + 2 * lanes, lane) * get(polynomials, 2 * lanes, lane)
                total += get(moments, at + 3 * lanes, lane) * get(polynomials, 3 * lanes, lane)
                put(out, f * lanes, lane, total)
        for j in range(done, wide):
            for lane in range(lanes):
                total = get(out, f * lanes, lane)
                total += get(moments, at + j * lanes, lane) * get(polynomials, j * lanes, lane)
                put(out, f * lanes, lane, total)


@jit(**ROWS)
def legendre(wide, lanes, time, origin, until, values):
    """Legendre polynomials at times within pieces, into values (degree, lane)."""
    for lane in range(lanes):
        values[lane] = 1.0
    if wide > 1:
        for lane in range(lanes):
            put(values, lanes, lane, 2.0 * (time[lane] - origin[lane]) / (until[lane] - origin[lane]) - 1.0)
    for j in range(2, wide):
        rise = (2.0 * j - 1.0) / j
        fall = (j - 1.0) / j
        for lane in range(lanes):
            newer = get(values, lanes, lane) * get(values, (j - 1) * lanes, lane)
            put(values, j * lanes, lane, rise * newer - fall * get(values, (j - 2) * lanes, lane))


@jit(**ROWS)
def add(size, other, out):
    """Add one array to another."""
    for i in range(size):
        out[i] += other[i]


@jit(**ROWS)
def fall(rows, which, lanes, share, step, decay, y, point, left):
    """Let what differs in some rows of `point` from the start y of a step decay over a share of it.

    y and point (state, lane), `which` (row,) of their states; decay (row, lane); what is left of it into `left`.
    """
    for f in range(rows):
        at = which[f] * lanes
        for lane in range(lanes):
            rest = lane_exp(-get(decay, f * lanes, lane) * share * step[lane])
            start = get(y, at, lane)
            put(left, f * lanes, lane, rest)
            put(point, at, lane, start + (get(point, at, lane) - start) * rest)


@jit(**ROWS)
def rise(rows, which, lanes, decay, left, y, point, slope):
    """Turn the slopes at a stage into those of what is integrated in the place of some rows; see `fall`."""
    for f in range(rows):
        at = which[f] * lanes
        for lane in range(lanes):
            own = get(decay, f * lanes, lane) * (get(point, at, lane) - get(y, at, lane))
            put(slope, at, lane, (get(slope, at, lane) + own) / get(left, f * lanes, lane))


@jit(**ROWS)
def take(rows, lanes, chosen, other, out):
    """Copy (row, lane) for the lanes where `chosen` is above 0."""
    for i in range(rows):
        for lane in range(lanes):
            new, old = get(other, i * lanes, lane), get(out, i * lanes, lane)
            put(out, i * lanes, lane, pick(chosen[lane] > 0.0, new, old))


@jit(**ROWS)
def add_chosen(size, lanes, chosen, other, out):
    """Add (row, lane) for the lanes where `chosen` is above 0."""
    for i in range(size):
        for lane in range(lanes):
            more = get(other, i * lanes, lane)
            put(out, i * lanes, lane, get(out, i * lanes, lane) + pick(chosen[lane] > 0.0, more, 0.0))


@jit(**ROWS)
def collocate(row, states, lanes, step, moving, y, k, apart, x):
    """Solve one state's own linear equation over a step by Radau IIA, where its slopes and rates of decay hold.

    y (state, lane) at the start; k (node, row, lane) slopes, and behind them rates of decay, at the points
    x (node, state, lane), which move on the lanes where `moving` is above 0; `apart` entries of k belong to a node.
    """
    at = row * lanes
    wide = states * lanes
    for lane in range(lanes):
        h = step[lane]
        start = get(y, at, lane)
        x0 = get(x, at, lane) - start
        x1 = get(x, wide + at, lane) - start
        x2 = get(x, 2 * wide + at, lane) - start
        x3 = get(x, 3 * wide + at, lane) - start
        z0 = h * get(k, wide + at, lane)
        z1 = h * get(k, apart + wide + at, lane)
        z2 = h * get(k, 2 * apart + wide + at, lane)
        z3 = h * get(k, 3 * apart + wide + at, lane)
        r0 = h * get(k, at, lane) + z0 * x0
        r1 = h * get(k, apart + at, lane) + z1 * x1
        r2 = h * get(k, 2 * apart + at, lane) + z2 * x2
        r3 = h * get(k, 3 * apart + at, lane) + z3 * x3
        p0 = 1.0 / (_G00 + z0)
        f = _G10 * p0
        m11, m12, m13 = _G11 + z1 - f * _G01, _G12 - f * _G02, _G13 - f * _G03
        r1 -= f * r0
        f = _G20 * p0
        m21, m22, m23 = _G21 - f * _G01, _G22 + z2 - f * _G02, _G23 - f * _G03
        r2 -= f * r0
        f = _G30 * p0
        m31, m32, m33 = _G31 - f * _G01, _G32 - f * _G02, _G33 + z3 - f * _G03
        r3 -= f * r0
        p1 = 1.0 / m11
        f = m21 * p1
        m22 -= f * m12
        m23 -= f * m13
        r2 -= f * r1
        f = m31 * p1
        m32 -= f * m12
        m33 -= f * m13
        r3 -= f * r1
        p2 = 1.0 / m22
        f = m32 * p2
        d3 = (r3 - f * r2) / (m33 - f * m23)
        d2 = (r2 - m23 * d3) * p2
        d1 = (r1 - m12 * d2 - m13 * d3) * p1
        d0 = (r0 - _G01 * d1 - _G02 * d2 - _G03 * d3) * p0
        on = moving[lane] > 0.0
        put(x, at, lane, pick(on, start + d0, get(x, at, lane)))
        put(x, wide + at, lane, pick(on, start + d1, get(x, wide + at, lane)))
        put(x, 2 * wide + at, lane, pick(on, start + d2, get(x, 2 * wide + at, lane)))
        put(x, 3 * wide + at, lane, pick(on, start + d3, get(x, 3 * wide + at, lane)))


@jit(**ROWS)
def node_slopes(rows, lanes, y, x, out):
    """A step times the slopes at its nodes, (node, row, lane), of the polynomials through y and x (node, row, lane)."""
    wide = rows * lanes
    for at in range(wide):
        x0 = x[at] - y[at]
        x1 = get(x, wide, at) - y[at]
        x2 = get(x, 2 * wide, at) - y[at]
        x3 = get(x, 3 * wide, at) - y[at]
        out[at] = _G00 * x0 + _G01 * x1 + _G02 * x2 + _G03 * x3
        put(out, wide, at, _G10 * x0 + _G11 * x1 + _G12 * x2 + _G13 * x3)
        put(out, 2 * wide, at, _G20 * x0 + _G21 * x1 + _G22 * x2 + _G23 * x3)
        put(out, 3 * wide, at, _G30 * x0 + _G31 * x1 + _G32 * x2 + _G33 * x3)


@jit(**ROWS)
def node_weights(wide, lanes, share, step, origin, until, polynomials, out):
    """Weights (degree, lane) of a node of a step in Legendre moments of a piece; `share` is the node's in the step."""
    for lane in range(lanes):
        out[lane] = share * step[lane] / (until[lane] - origin[lane])
    for j in range(1, wide):
        for lane in range(lanes):
            put(out, j * lanes, lane, (2.0 * j + 1.0) * out[lane] * get(polynomials, j * lanes, lane))


@jit(**ROWS)
def weighted(lanes, wide, rows, values, weight, out):
    """Sums over the nodes of values (node, row, lane) times weight (node, degree, lane): gains of moments."""
    shift = rows * lanes
    apart = wide * lanes
    for f in range(rows):
        at = f * lanes
        for j in range(wide):
            w = j * lanes
            for lane in range(lanes):
                total = get(weight, w, lane) * get(values, at, lane)
                total += get(weight, w + apart, lane) * get(values, at + shift, lane)
                total += get(weight, w + 2 * apart, lane) * get(values, at + 2 * shift, lane)
                total += get(weight, w + 3 * apart, lane) * get(values, at + 3 * shift, lane)
                put(out, (f * wide + j) * lanes, lane, total)


@jit(**HOT)
def _last_term(v0, v1, v2, v3):
    """What a step may leave out of the integral of what has these values at its nodes: two parts of a fraction.

    Legendre coefficients over the step fall in a row; the last of them, let fall twice more, bounds what is left out.
    """
    third = _L30 * v0 + _L31 * v1 + _L32 * v2 + _L33 * v3
    second = _L20 * v0 + _L21 * v1 + _L22 * v2 + _L23 * v3
    first = _L10 * v0 + _L11 * v1 + _L12 * v2 + _L13 * v3
    last = third * third
    return abs(third) * last, last + second * second + first * first


@jit(**ROWS)
def state_ratios(rows, lanes, relative, y, slopes, end, absolute, ratio):
    """Errors (state, lane) of a step from y to `end`, in tolerances; slopes (node, state, lane) are times the step."""
    shift = rows * lanes
    for i in range(rows):
        at = i * lanes
        for lane in range(lanes):
            error, part = _last_term(
                get(slopes, at, lane), get(slopes, at + shift, lane), get(slopes, at + 2 * shift, lane),
                get(slopes, at + 3 * shift, lane),
            )  # fmt: skip
            size = max(_FALLEN * abs(get(y, at, lane)), abs(get(end, at, lane)))
            put(ratio, at, lane, error / (part * (get(absolute, at, lane) + relative * size) + 1e-300))


@jit(**ROWS)
def forcing_ratios(rows, lanes, tolerance, step, values, size, ratio):
    """Errors (row, lane) of the integrals of forcings (node, row, lane), of largest `size` so far, in tolerances."""
    shift = rows * lanes
    for i in range(rows):
        at = i * lanes
        for lane in range(lanes):
            v0, v1 = get(values, at, lane), get(values, at + shift, lane)
            v2, v3 = get(values, at + 2 * shift, lane), get(values, at + 3 * shift, lane)
            error, part = _last_term(v0, v1, v2, v3)
            scale = max(max(max(abs(v0), abs(v1)), max(abs(v2), abs(v3))), get(size, at, lane))
            put(ratio, at, lane, step[lane] * error / (part * (tolerance * scale) + 1e-300))


@jit(**ROWS)
def farthest(rows, lanes, relative, y, before, after, absolute, moved):
    """Raise `moved` (lane,) to the largest change of points (state, lane) in tolerances."""
    for i in range(rows):
        at = i * lanes
        for lane in range(lanes):
            scale = get(absolute, at, lane) + relative * abs(get(y, at, lane))
            change = abs(get(after, at, lane) - get(before, at, lane)) / scale
            moved[lane] = change if not change <= moved[lane] else moved[lane]


@jit(**ROWS)
def enlarge(rows, lanes, chosen, values, out):
    """Raise (row, lane) to the largest magnitude of values (node, row, lane) where `chosen` is above 0."""
    shift = rows * lanes
    for i in range(rows):
        at = i * lanes
        for lane in range(lanes):
            early = max(abs(get(values, at, lane)), abs(get(values, at + shift, lane)))
            late = max(abs(get(values, at + 2 * shift, lane)), abs(get(values, at + 3 * shift, lane)))
            here = get(out, at, lane)
            put(out, at, lane, pick(chosen[lane] > 0.0, max(max(early, late), here), here))
