"""Small problems in the shape of generated kernels; names of their functions are those of the problems."""

from __future__ import annotations

from math import cos, exp, sin, sqrt

from pdsim._abi import JACOBIAN, RATES
from pdsim._jit import LANES as W
from pdsim._jit import jit


@jit(signature=RATES)
def smooth(lanes, t, y, p, c, present, dy):
    """y = exp(sin t), z = 1 / (1 + t^2): not linear, and driven by time."""
    for i in range(lanes):
        dy[i] = y[i] * cos(t[i])
        dy[W + i] = -2.0 * t[i] * y[W + i] ** 2


@jit(signature=JACOBIAN)
def smooth_jacobian(i, t, y, p, c, present, jac):
    jac[:, :] = 0.0
    jac[0, 0] = cos(t[i])
    jac[0, 2] = -y[i] * sin(t[i])
    jac[1, 1] = -4.0 * t[i] * y[W + i]
    jac[1, 2] = -2.0 * y[W + i] ** 2


@jit(signature=RATES)
def lotka(lanes, t, y, p, c, present, dy):
    for i in range(lanes):
        dy[i] = y[i] * (1.5 - y[W + i])
        dy[W + i] = y[W + i] * (y[i] - 3.0)


@jit(signature=RATES)
def follow(lanes, t, y, p, c, present, dy):
    """y' = p0 (cos t - y) - sin t with solution cos t: as stiff as p0."""
    for i in range(lanes):
        dy[i] = p[i] * (cos(t[i]) - y[i]) - sin(t[i])


@jit(signature=JACOBIAN)
def follow_jacobian(i, t, y, p, c, present, jac):
    jac[0, 0] = -p[i]
    jac[0, 1] = -p[i] * sin(t[i]) - cos(t[i])


@jit(signature=RATES)
def rober(lanes, t, y, p, c, present, dy):
    for i in range(lanes):
        first = 0.04 * y[i]
        second = 3e7 * y[W + i] ** 2
        third = 1e4 * y[W + i] * y[2 * W + i]
        dy[i] = third - first
        dy[W + i] = first - third - second
        dy[2 * W + i] = second


@jit(signature=JACOBIAN)
def rober_jacobian(i, t, y, p, c, present, jac):
    jac[:, :] = 0.0
    jac[0, 0] = -0.04
    jac[0, 1] = 1e4 * y[2 * W + i]
    jac[0, 2] = 1e4 * y[W + i]
    jac[2, 1] = 6e7 * y[W + i]
    for j in range(3):
        jac[1, j] = -jac[0, j] - jac[2, j]


@jit(signature=RATES)
def hires(lanes, t, y, p, c, present, dy):
    for i in range(lanes):
        a, b, d, e = y[i], y[W + i], y[2 * W + i], y[3 * W + i]
        f, g, h, k = y[4 * W + i], y[5 * W + i], y[6 * W + i], y[7 * W + i]
        dy[i] = -1.71 * a + 0.43 * b + 8.32 * d + 0.0007
        dy[W + i] = 1.71 * a - 8.75 * b
        dy[2 * W + i] = -10.03 * d + 0.43 * e + 0.035 * f
        dy[3 * W + i] = 8.32 * b + 1.71 * d - 1.12 * e
        dy[4 * W + i] = -1.745 * f + 0.43 * g + 0.43 * h
        dy[5 * W + i] = -280.0 * g * k + 0.69 * e + 1.71 * f - 0.43 * g + 0.69 * h
        dy[6 * W + i] = 280.0 * g * k - 1.81 * h
        dy[7 * W + i] = -280.0 * g * k + 1.81 * h


@jit(signature=JACOBIAN)
def hires_jacobian(i, t, y, p, c, present, jac):
    g, k = y[5 * W + i], y[7 * W + i]
    jac[:, :] = 0.0
    jac[0, 0], jac[0, 1], jac[0, 2] = -1.71, 0.43, 8.32
    jac[1, 0], jac[1, 1] = 1.71, -8.75
    jac[2, 2], jac[2, 3], jac[2, 4] = -10.03, 0.43, 0.035
    jac[3, 1], jac[3, 2], jac[3, 3] = 8.32, 1.71, -1.12
    jac[4, 4], jac[4, 5], jac[4, 6] = -1.745, 0.43, 0.43
    jac[5, 3], jac[5, 4], jac[5, 5], jac[5, 6], jac[5, 7] = 0.69, 1.71, -280.0 * k - 0.43, 0.69, -280.0 * g
    jac[6, 5], jac[6, 6], jac[6, 7] = 280.0 * k, -1.81, 280.0 * g
    jac[7, 5], jac[7, 6], jac[7, 7] = -280.0 * k, 1.81, -280.0 * g


@jit(signature=RATES)
def vdpol(lanes, t, y, p, c, present, dy):
    """Van der Pol with small parameter p0."""
    for i in range(lanes):
        dy[i] = y[W + i]
        dy[W + i] = ((1.0 - y[i] ** 2) * y[W + i] - y[i]) / p[i]


@jit(signature=JACOBIAN)
def vdpol_jacobian(i, t, y, p, c, present, jac):
    jac[:, :] = 0.0
    jac[0, 1] = 1.0
    jac[1, 0] = (-2.0 * y[i] * y[W + i] - 1.0) / p[i]
    jac[1, 1] = (1.0 - y[i] ** 2) / p[i]


@jit(signature=RATES)
def orego(lanes, t, y, p, c, present, dy):
    for i in range(lanes):
        a, b, d = y[i], y[W + i], y[2 * W + i]
        dy[i] = 77.27 * (b + a * (1.0 - 8.375e-6 * a - b))
        dy[W + i] = (d - (1.0 + a) * b) / 77.27
        dy[2 * W + i] = 0.161 * (a - d)


@jit(signature=JACOBIAN)
def orego_jacobian(i, t, y, p, c, present, jac):
    a, b = y[i], y[W + i]
    jac[:, :] = 0.0
    jac[0, 0] = 77.27 * (1.0 - 2.0 * 8.375e-6 * a - b)
    jac[0, 1] = 77.27 * (1.0 - a)
    jac[1, 0], jac[1, 1], jac[1, 2] = -b / 77.27, -(1.0 + a) / 77.27, 1.0 / 77.27
    jac[2, 0], jac[2, 2] = 0.161, -0.161


@jit(signature=RATES)
def driven(lanes, t, y, p, c, present, dy):
    """y' = p0 (c - y), z' = 1: one state behind a concentration, and one that doses may enter."""
    for i in range(lanes):
        dy[i] = p[i] * (c[i] - y[i])
        dy[W + i] = 1.0


@jit(signature=JACOBIAN)
def driven_jacobian(i, t, y, p, c, present, jac):
    jac[:, :] = 0.0
    jac[0, 0] = -p[i]
    jac[0, 2] = p[i]


@jit(signature=RATES)
def clones(lanes, t, y, p, c, present, dy):
    """Two counts: x' = p0 x + p1 and z' = p2 z + p3 + p4 x."""
    for i in range(lanes):
        x = exp(y[i]) if present[i] > 0.0 else 0.0
        dy[i] = p[i] + p[W + i] / x if present[i] > 0.0 else p[W + i]
        supply = p[3 * W + i] + p[4 * W + i] * x
        dy[W + i] = p[2 * W + i] + supply * exp(-y[W + i]) if present[W + i] > 0.0 else supply


@jit(signature=JACOBIAN)
def clones_jacobian(i, t, y, p, c, present, jac):
    jac[:, :] = 0.0
    jac[0, 0] = p[i]
    jac[1, 0] = p[4 * W + i]
    jac[1, 1] = p[2 * W + i]


@jit(signature=RATES)
def faulty(lanes, t, y, p, c, present, dy):
    """Lanes that go wrong, each in the way that p0 says; 0 is a healthy decay."""
    for i in range(lanes):
        kind = p[i]
        dy[i] = -0.1 * y[i]
        if kind == 1.0:
            dy[i] = y[i] ** 2
        elif kind == 2.0:
            dy[i] = 30.0 * y[i]
        elif kind == 3.0:
            dy[i] = sqrt(3.0 - t[i])
        elif kind == 4.0:
            dy[i] = 1.0 / (t[i] - 3.0)
        elif kind == 5.0:
            dy[i] = 1e6 * cos(1e6 * t[i])


@jit(signature=JACOBIAN)
def faulty_jacobian(i, t, y, p, c, present, jac):
    kind = p[i]
    jac[0, 0] = -0.1
    jac[0, 1] = 0.0
    if kind == 1.0:
        jac[0, 0] = 2.0 * y[i]
    elif kind == 2.0:
        jac[0, 0] = 30.0
    elif kind == 3.0:
        jac[0, 0] = 0.0
        jac[0, 1] = -0.5 / sqrt(3.0 - t[i])
    elif kind == 4.0:
        jac[0, 0] = 0.0
        jac[0, 1] = -1.0 / (t[i] - 3.0) ** 2
    elif kind == 5.0:
        jac[0, 0] = 0.0
        jac[0, 1] = -1e12 * sin(1e6 * t[i])
