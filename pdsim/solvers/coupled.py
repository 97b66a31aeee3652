"""The points of a driver step for states that depend on one another in rings: Newton's method over all of them."""

from __future__ import annotations

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim._lanes import get, pick, put
from pdsim.solvers.arrays import INNER, ROWS
from pdsim.solvers.elimination import factorise, solve
from pdsim.solvers.radau import INVERSE, STAGES

_G = tuple(float(g) for g in INVERSE.reshape(-1))


@jit(**ROWS)
def _scaled(lanes, factor, step, values, at, start, out, place):
    """Put start + factor * step * values into out, all (row, lane)."""
    for lane in range(lanes):
        put(out, place, lane, start + factor * step[lane] * get(values, at, lane))


@jit(**ROWS)
def _missed(lanes, row, node, states, y, x, k, at, step, rows, place):
    """How far the points miss the equation of one state at one node."""
    wide = states * lanes
    g0, g1, g2, g3 = _G[4 * node], _G[4 * node + 1], _G[4 * node + 2], _G[4 * node + 3]
    for lane in range(lanes):
        start = get(y, row * lanes, lane)
        total = g0 * (get(x, row * lanes, lane) - start) + g1 * (get(x, wide + row * lanes, lane) - start)
        total += g2 * (get(x, 2 * wide + row * lanes, lane) - start)
        total += g3 * (get(x, 3 * wide + row * lanes, lane) - start)
        put(rows, place, lane, step[lane] * get(k, at, lane) - total)


@jit(**ROWS)
def _move(lanes, moving, rows, place, x, at):
    for lane in range(lanes):
        here = get(x, at, lane)
        put(x, at, lane, pick(moving[lane] > 0.0, here + get(rows, place, lane), here))


@jit(**INNER)
def settle_rings(lanes, states, y, work):
    """Move the points of the states in rings to where their equations, linear about the present points, hold.

    `work.k` holds for each node the slopes of all states, how fast each falls by itself, and how each pulls another.
    """
    rings = work.ring.size
    unknowns = STAGES * rings
    pulls = work.pull.size // 2
    wide = work.k.size // STAGES
    for at in range(work.factors.size):
        work.factors[at] = 0.0
    for node in range(STAGES):
        for r in range(rings):
            i = work.ring[r]
            u = node * rings + r
            for other in range(STAGES):
                place = work.place[u * unknowns + other * rings + r] * W
                fall = 1.0 if other == node else 0.0
                at = node * wide + (states + i) * W
                _scaled(lanes, fall, work.step, work.k, at, _G[STAGES * node + other], work.factors, place)
            place = work.place[u * unknowns + u] * W
            for lane in range(lanes):
                work.diagonal[u * W + lane] = work.factors[place + lane]
            _missed(lanes, i, node, states, y, work.x, work.k, node * wide + i * W, work.step, work.rows, u * W)
        for p in range(pulls):
            u, v = node * rings + work.pull[2 * p], node * rings + work.pull[2 * p + 1]
            at = node * wide + (2 * states + p) * W
            _scaled(lanes, -1.0, work.step, work.k, at, 0.0, work.factors, work.place[u * unknowns + v] * W)
    factorise(lanes, work, work.factors, work.diagonal, work.spoilt)
    solve(lanes, work, work.factors, work.rows)
    for node in range(STAGES):
        for r in range(rings):
            at = (node * states + work.ring[r]) * W
            _move(lanes, work.moving, work.rows, (node * rings + r) * W, work.x, at)
