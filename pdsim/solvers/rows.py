"""Arithmetic over whole rows of lanes, as plain arrays that do not overlap, so that LLVM vectorises it."""

from __future__ import annotations

from pdsim._jit import jit
from pdsim._lanes import Separate
from pdsim.solvers.arrays import INNER
from pdsim.solvers.tableau import TSIT5_ERROR, TSIT5_WEIGHTS

_ROW = {**INNER, "pipeline_class": Separate}
_A1, _A2, _A3, _A4, _A5, _A6 = (tuple(float(a) for a in TSIT5_WEIGHTS[i, :i]) for i in range(1, 7))
_HIGHEST = 0.05  # weight of the error of a forcing's highest moment beside that of its mean
_E0, _E1, _E2, _E3, _E4, _E5, _E6 = (float(e) for e in TSIT5_ERROR)


@jit(**_ROW)
def spread(values, rows, out):
    """Repeat one row of lanes (lane,) over (row, lane)."""
    lanes = values.size
    for i in range(rows):
        for lane in range(lanes):
            out[i * lanes + lane] = values[lane]


@jit(**_ROW)
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


@jit(**_ROW)
def step_errors(size, relative, y, trial, step, absolute, fixed, k0, k1, k2, k3, k4, k5, k6, out):
    """Error of a step relative to tolerance, (state, lane); `fixed` is 1 where the scale is 1, else 0."""
    for i in range(size):
        total = _E0 * k0[i] + _E1 * k1[i] + _E2 * k2[i] + _E3 * k3[i] + _E4 * k4[i] + _E5 * k5[i] + _E6 * k6[i]
        scale = max(abs(y[i]), abs(trial[i]))
        out[i] = abs(step[i] * total) / (absolute[i] + relative * (scale + fixed[i] * (1.0 - scale)))


@jit(**_ROW)
def worst(rows, lanes, ratio, error, spoilt):
    """Largest of the rows into error (lane,), NaN where any is not finite; `spoilt` (lane,) is scratch."""
    for lane in range(lanes):
        error[lane] = 0.0
        spoilt[lane] = 0.0
    for i in range(rows):
        for lane in range(lanes):
            value = ratio[i * lanes + lane]
            error[lane] = value if value > error[lane] else error[lane]
            spoilt[lane] += 0.0 * value
    for lane in range(lanes):
        error[lane] += spoilt[lane]


@jit(**_ROW)
def series(rows, wide, lanes, moments, polynomials, out):
    """Sums of moments (row, degree, lane) times polynomials (degree, lane), into out (row, lane)."""
    for f in range(rows):
        for lane in range(lanes):
            out[f * lanes + lane] = moments[f * wide * lanes + lane]
        for j in range(1, wide):
            for lane in range(lanes):
                out[f * lanes + lane] += moments[(f * wide + j) * lanes + lane] * polynomials[j * lanes + lane]


@jit(**_ROW)
def legendre(wide, lanes, time, origin, until, values):
    """Legendre polynomials at times within pieces, into values (degree, lane)."""
    for lane in range(lanes):
        values[lane] = 1.0
    if wide > 1:
        for lane in range(lanes):
            values[lanes + lane] = 2.0 * (time[lane] - origin[lane]) / (until[lane] - origin[lane]) - 1.0
    for j in range(2, wide):
        rise = (2.0 * j - 1.0) / j
        fall = (j - 1.0) / j
        for lane in range(lanes):
            newer = values[lanes + lane] * values[(j - 1) * lanes + lane]
            values[j * lanes + lane] = rise * newer - fall * values[(j - 2) * lanes + lane]


@jit(**_ROW)
def add(size, other, out):
    """Add one array to another."""
    for i in range(size):
        out[i] += other[i]


@jit(**_ROW)
def take(rows, lanes, chosen, other, out):
    """Copy (row, lane) for the lanes where `chosen` is above 0."""
    for i in range(rows):
        for lane in range(lanes):
            at = i * lanes + lane
            out[at] = other[at] if chosen[lane] > 0.0 else out[at]


@jit(**_ROW)
def add_chosen(rows, lanes, chosen, other, out):
    """Add (row, lane) for the lanes where `chosen` is above 0."""
    for i in range(rows):
        for lane in range(lanes):
            at = i * lanes + lane
            out[at] += other[at] if chosen[lane] > 0.0 else 0.0


@jit(**_ROW)
def weighted(lanes, wide, rows, k, first, stride, weight, out):
    """Sums over six stages of k (stage, row, lane) times weight (stage, degree, lane): what a step adds to moments."""
    for f in range(rows):
        for j in range(wide):
            to = (f * wide + j) * lanes
            k0 = first + f * lanes
            w0 = j * lanes
            shift = wide * lanes
            for lane in range(lanes):
                total = _A6[0] * weight[w0 + lane] * k[k0 + lane]
                total += _A6[1] * weight[w0 + shift + lane] * k[k0 + stride + lane]
                total += _A6[2] * weight[w0 + 2 * shift + lane] * k[k0 + 2 * stride + lane]
                total += _A6[3] * weight[w0 + 3 * shift + lane] * k[k0 + 3 * stride + lane]
                total += _A6[4] * weight[w0 + 4 * shift + lane] * k[k0 + 4 * stride + lane]
                total += _A6[5] * weight[w0 + 5 * shift + lane] * k[k0 + 5 * stride + lane]
                out[to + lane] = total


@jit(**_ROW)
def moment_errors(lanes, wide, rows, relative, panel, step, origin, until, k, first, stride, weight, size, out):
    """Error a step leaves in the mean and the highest moment of each forcing, relative to tolerance, (row, lane)."""
    shift = wide * lanes
    high = (wide - 1) * lanes
    share = _HIGHEST / (2.0 * wide - 1.0)
    for f in range(rows):
        at = first + f * lanes
        for lane in range(lanes):
            v0 = k[at + lane]
            v1 = k[at + stride + lane]
            v2 = k[at + 2 * stride + lane]
            v3 = k[at + 3 * stride + lane]
            v4 = k[at + 4 * stride + lane]
            v5 = k[at + 5 * stride + lane]
            v6 = k[at + 6 * stride + lane]
            mean = _E0 * v0 + _E1 * v1 + _E2 * v2 + _E3 * v3 + _E4 * v4 + _E5 * v5 + _E6 * v6
            highest = _E0 * v0 * weight[high + lane] + _E1 * v1 * weight[high + shift + lane]
            highest += _E2 * v2 * weight[high + 2 * shift + lane] + _E3 * v3 * weight[high + 3 * shift + lane]
            highest += _E4 * v4 * weight[high + 4 * shift + lane] + _E5 * v5 * weight[high + 5 * shift + lane]
            highest += _E6 * v6 * weight[high + 6 * shift + lane]
            low = max(max(abs(v0), abs(v2)), max(abs(v4), abs(v6)))
            scale = max(max(abs(v1), abs(v3)), max(abs(v5), low))
            scale = max(scale, size[f * lanes + lane]) + 1e-300
            error = abs(mean) * step[lane]
            other = share * abs(highest) * (until[lane] - origin[lane])
            out[f * lanes + lane] = max(error, other) / (panel * relative * scale)


@jit(**_ROW)
def enlarge(rows, lanes, chosen, other, out):
    """Raise (row, lane) to the magnitude of another where that is larger, for the lanes where `chosen` is above 0."""
    for i in range(rows):
        for lane in range(lanes):
            at = i * lanes + lane
            value = abs(other[at])
            out[at] = value if value > out[at] and chosen[lane] > 0.0 else out[at]
