"""The highest moments of a panel: what they do to the disease, and how long that need not be looked at again."""

from __future__ import annotations

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim.solvers.arrays import INNER

_TRUST = 7.0  # panels, used again or not, during which highest moments that hardly showed are taken on trust
_HARDLY = 0.3  # effect up to which highest moments are taken on trust
_ROOM = 10.0  # largest factor by which these may grow meanwhile


@jit(**INNER)
def _highest(panels, plan, f, lane):
    """Highest moment of a forcing on one lane's panel, the largest of its pieces."""
    wide = panels.shape[2] + 1
    forcings = panels.size.size // W
    found = 0.0
    for piece in range(plan.pieces[lane]):
        row = ((plan.slot[lane] * panels.shape[1] + piece) * forcings + f) * wide + wide - 1
        found = max(found, abs(panels.moments[row * W + lane]))
    return found


@jit(**INNER)
def to_be_tested(panels, plan, lane):
    """Whether the effect of the highest moments on one lane's panel is to be looked at."""
    trusted = plan.begin[lane] - plan.since[lane] < _TRUST * panels.grid[1]
    for f in range(panels.size.size // W):
        trusted = trusted and _highest(panels, plan, f, lane) <= plan.passed[f * W + lane]
    return not trusted


@jit(**INNER)
def note_effect(panels, plan, lane, effect):
    """Note up to what size the highest moments would hardly show, going by one lane's panel: their effect is linear."""
    trusted = plan.begin[lane] - plan.since[lane] < _TRUST * panels.grid[1]
    room = min(_ROOM, _HARDLY / max(effect, 1e-300))
    for f in range(panels.size.size // W):
        at = f * W + lane
        found = room * _highest(panels, plan, f, lane)
        if not effect < _HARDLY:
            plan.passed[at] = -1.0
        elif trusted:
            plan.passed[at] = max(plan.passed[at], found)
        else:
            plan.passed[at] = found
    if not trusted:
        plan.since[lane] = plan.begin[lane]


@jit(**INNER)
def effect_of(problem, state, plan, borne, lane):
    """Effect of the highest moments on one lane's disease at the end of a panel, as a share of what is borne."""
    worst = 0.0
    for i in range(problem.counted.size):
        at = i * W + lane
        if plan.check_present[at] != state.present[at]:
            continue
        scale = abs(state.y[at])
        if problem.counted[i] != 0:
            scale = 1.0
        tolerance = problem.absolute[i] + problem.options[0] * scale
        worst = max(worst, abs(plan.check[at] - state.y[at]) / (borne[i] * tolerance))
    return worst
