"""The state machine of one visit, compiled: response, progression, blood-count grades."""

from __future__ import annotations

from typing import Any

import numpy as np

from pdsim._jit import jit
from pdsim._parts import PART

# measured values are stored as float32: a value on a limit must not fall beside it by rounding
_SLACK = 1e-6

_NO_MARKER, _M_PROTEIN, _LIGHT_CHAIN, _BOTH = 0, 1, 2, 3
_NOT_EVALUABLE, _PD, _SD, _MR, _PR, _VGPR, _CR, _SCR = -1, 0, 1, 2, 3, 4, 5, 6

STATE = np.dtype(
    [
        ("marker", np.int64),  # 0 none, 1 M-protein, 2 light chain, 3 both, in rises that PD needs
        ("baseline", np.float64),
        ("previous", np.float64),  # last evaluable value
        ("lowest", np.float64),  # lowest confirmed value
        ("depth", np.int64),  # class of the last evaluable visit, unconfirmed
        ("best", np.int64),  # best confirmed class
        ("onset", np.int64),  # visit at which the standing PD criterion was first met, or -1
        ("progressed", np.int64),  # PD confirmed
    ],
    align=True,
)


@jit(**PART)
def _grade(count: float, limits: tuple) -> int:
    if np.isnan(count):
        return -1
    grade = 0
    for limit in limits:
        if count < limit:
            grade += 1
    return grade


@jit(**PART)
def _depth(marker: int, baseline: float, m_protein: float, flc: float, burden: float, rules: Any) -> int:
    negative = m_protein < rules.complete_m_protein * (1.0 - _SLACK)
    normal = flc <= rules.normal_flc * (1.0 + _SLACK)
    complete = negative
    if marker == _LIGHT_CHAIN:
        complete = normal and (negative or np.isnan(m_protein))
    if complete and not burden >= rules.complete_marrow * rules.marrow_cells:
        return _SCR if normal and burden < rules.stringent_marrow * rules.marrow_cells else _CR
    if marker == _BOTH:
        return _SD
    value = m_protein if marker == _M_PROTEIN else flc
    left = value / baseline - _SLACK
    if left <= 1.0 - rules.very_good_fall:
        return _VGPR
    if marker == _M_PROTEIN and m_protein < rules.very_good_m_protein * (1.0 - _SLACK):
        return _VGPR
    if left <= 1.0 - rules.partial_fall:
        return _PR
    return _MR if left <= 1.0 - rules.minimal_fall else _SD


@jit(**PART)
def _worse(marker: int, value: float, lowest: float, rules: Any) -> bool:
    rise = value - lowest
    slack = _SLACK * value
    relative = rise >= rules.progression_rise * lowest - slack
    if marker == _BOTH:
        return relative and rise >= 1.0 - slack
    if marker == _LIGHT_CHAIN:
        return relative and rise > rules.progression_flc + slack
    if lowest >= rules.high_m_protein * (1.0 - _SLACK) and rise >= rules.high_m_protein_rise - slack:
        return True
    return relative and rise >= rules.progression_m_protein - slack


@jit(**PART)
def _value(marker: int, m_protein: float, flc: float, rules: Any) -> float:
    if marker == _M_PROTEIN:
        return m_protein
    if marker == _LIGHT_CHAIN:
        return flc
    return m_protein / rules.progression_m_protein + flc / rules.progression_flc


@jit(**PART)
def _start(state: Any, i: int, m_protein: float, flc: float, rules: Any) -> None:
    state[i].marker = _NO_MARKER
    value = np.nan
    if m_protein > 0.0 and m_protein >= rules.measurable_m_protein * (1.0 - _SLACK):
        state[i].marker = _M_PROTEIN
        value = m_protein
    elif flc > 0.0 and flc >= rules.measurable_flc * (1.0 - _SLACK):
        state[i].marker = _LIGHT_CHAIN
        value = flc
    elif rules.follow_unmeasurable > 0.0 and not (np.isnan(m_protein) or np.isnan(flc)):
        state[i].marker = _BOTH
        value = _value(_BOTH, m_protein, flc, rules)
    state[i].baseline = value
    state[i].previous = value
    state[i].lowest = value
    state[i].depth = _SD
    state[i].best = _NOT_EVALUABLE
    state[i].onset = -1
    state[i].progressed = 0


@jit(**PART)
def _follow(state: Any, i: int, k: int, value: float, m_protein: float, flc: float, burden: float, rules: Any) -> None:
    marker = state[i].marker
    if _worse(marker, value, state[i].lowest, rules):
        if state[i].onset >= 0:
            state[i].progressed = 1
            if state[i].best == _NOT_EVALUABLE:
                state[i].best = _PD
        else:
            state[i].onset = k
        depth = _PD
    else:
        depth = _depth(marker, state[i].baseline, m_protein, flc, burden, rules)
        state[i].onset = -1
        state[i].best = max(state[i].best, _SD, min(state[i].depth, depth))
    state[i].depth = depth
    state[i].lowest = min(state[i].lowest, max(state[i].previous, value))
    state[i].previous = value


@jit
def assess_visit(k: int, state: Any, rules: Any, values: tuple, results: tuple) -> None:
    """Assess visit `k` of a block: updates `state` and writes column `k` of the results.

    values: m_protein, flc, anc, platelets, burden, each (patient, visit) float32, as measured; state (patient,);
    results: response, progression, neutropenia, thrombocytopenia, mrd_negative, each (patient, visit) int8.
    The caller checks shapes and visits in order from 0.
    """
    for i in range(len(state)):
        m_protein = np.float64(values[0][i, k])
        flc = np.float64(values[1][i, k])
        burden = np.float64(values[4][i, k])
        if k == 0:
            _start(state, i, m_protein, flc, rules)
        value = _value(state[i].marker, m_protein, flc, rules)
        evaluable = state[i].marker != _NO_MARKER and not np.isnan(value)
        if k > 0 and evaluable and state[i].progressed == 0:
            _follow(state, i, k, value, m_protein, flc, burden, rules)
        progression = 0
        if state[i].progressed:
            progression = 2
        elif evaluable and state[i].onset == k:
            progression = 1
        results[0][i, k] = state[i].best if evaluable else _NOT_EVALUABLE
        results[1][i, k] = progression
        results[2][i, k] = _grade(np.float64(values[2][i, k]), rules.neutropenia)
        results[3][i, k] = _grade(np.float64(values[3][i, k]), rules.thrombocytopenia)
        results[4][i, k] = -1 if np.isnan(burden) else int(burden < rules.mrd_marrow * rules.marrow_cells)


@jit
def assess_run(state: Any, rules: Any, values: tuple, results: tuple) -> None:
    """Assess all visits in order; arguments as for `assess_visit`, which does the work.

    values (patient, visit) float32, results (patient, visit) int8, state (patient,).
    The caller checks shapes.
    """
    for k in range(values[0].shape[1]):
        assess_visit(k, state, rules, values, results)
