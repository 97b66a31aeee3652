"""Drug concentrations between events in closed form, lane by lane.

Amounts obey ``dA/dt = M A + inflow``. The eigenvalues of M are real; a species' free concentration is a sum of
exponentials whose weights are set anew at each event. Where eigenvalues meet, the matrix exponential is taken.
"""

from __future__ import annotations

import numpy as np

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim._lanemath import exp as lane_exp
from pdsim._lanes import get, put
from pdsim.solvers.arrays import HOT, INNER, PLAIN, ROWS


@jit(**INNER)
def _multiply(scratch, size, a, b, factor, out):
    """Square matrices at offsets a, b, out of scratch: out = factor a b."""
    for i in range(size):
        for j in range(size):
            total = 0.0
            for k in range(size):
                total += scratch[a + i * size + k] * scratch[b + k * size + j]
            scratch[out + i * size + j] = factor * total


@jit(**INNER)
def _exponential(scratch, size):
    """Replace the matrix (size, size) at the start of scratch by its exponential: scaling, Taylor, squaring.

    Uses the next three matrices of scratch. Callers pass finite entries.
    """
    square = size * size
    term, other, result = square, 2 * square, 3 * square
    norm = 0.0
    for i in range(size):
        row = 0.0
        for j in range(size):
            row += abs(scratch[i * size + j])
        norm = max(norm, row)
    halvings = 0
    shrink = 1.0
    while norm > 0.5 and halvings < 1000:
        norm *= 0.5
        shrink *= 0.5
        halvings += 1
    for i in range(size):
        for j in range(size):
            one = 1.0 if i == j else 0.0
            scratch[term + i * size + j] = one
            scratch[result + i * size + j] = one
    for order in range(1, 19):
        _multiply(scratch, size, term, 0, shrink / order, other)
        for at in range(square):
            scratch[term + at] = scratch[other + at]
            scratch[result + at] += scratch[other + at]
    for _ in range(halvings):
        _multiply(scratch, size, result, result, 1.0, other)
        for at in range(square):
            scratch[result + at] = scratch[other + at]
    for at in range(square):
        scratch[at] = scratch[result + at]


@jit(**HOT)
def _row(forcing, drug):
    """Place of the spare row behind the four matrices of scratch."""
    size = forcing.first[drug + 1] - forcing.first[drug] + 1
    return 4 * size * size


@jit(**INNER)
def _exact_amounts(forcing, drug, lane, span):
    """Amounts of one drug `span` after `since` into the spare row, by the matrix exponential; any eigenvalues."""
    first = forcing.first[drug]
    size = forcing.first[drug + 1] - first
    square = forcing.square[drug]
    scratch = forcing.scratch
    wide = size + 1
    for i in range(wide):
        for j in range(wide):
            scratch[i * wide + j] = 0.0
    for i in range(size):
        for j in range(size):
            scratch[i * wide + j] = forcing.matrix[(square + i * size + j) * W + lane] * span
        scratch[i * wide + size] = forcing.inflow[(first + i) * W + lane] * span
    _exponential(scratch, wide)
    row = _row(forcing, drug)
    for i in range(size):
        total = scratch[i * wide + size]
        for j in range(size):
            total += scratch[i * wide + j] * forcing.amounts[(first + j) * W + lane]
        scratch[row + i] = total


@jit(**HOT)
def _modal_amounts(forcing, drug, lane, span):
    """As `_exact_amounts` through distinct, non-zero eigenvalues."""
    first = forcing.first[drug]
    size = forcing.first[drug + 1] - first
    square = forcing.square[drug]
    row = _row(forcing, drug)
    for i in range(size):
        forcing.scratch[row + i] = 0.0
    for k in range(size):
        weight = 0.0
        drive = 0.0
        for j in range(size):
            left = forcing.left[(square + k * size + j) * W + lane]
            weight += left * forcing.amounts[(first + j) * W + lane]
            drive += left * forcing.inflow[(first + j) * W + lane]
        rate = forcing.rates[(first + k) * W + lane]
        steady = -drive / rate
        mode = (weight - steady) * np.exp(rate * span) + steady
        for i in range(size):
            forcing.scratch[row + i] += forcing.right[(square + i * size + k) * W + lane] * mode


@jit(**HOT)
def settle(forcing, drug, lane, time):
    """Move one drug's reference point to `time`; amounts there become exact starting values."""
    first = forcing.first[drug]
    size = forcing.first[drug + 1] - first
    span = time - forcing.since[drug * W + lane]
    if span != 0.0:
        if forcing.confluent[drug * W + lane] != 0:
            _exact_amounts(forcing, drug, lane, span)
        else:
            _modal_amounts(forcing, drug, lane, span)
        row = _row(forcing, drug)
        for i in range(size):
            forcing.amounts[(first + i) * W + lane] = forcing.scratch[row + i]
    forcing.since[drug * W + lane] = time


@jit(**HOT)
def refresh(forcing, drug, lane):
    """Set the weights of the exponentials from the amounts and infusions at `since`."""
    first = forcing.first[drug]
    size = forcing.first[drug + 1] - first
    square = forcing.square[drug]
    for species in range(forcing.species_drug.size):
        if forcing.species_drug[species] != drug:
            continue
        start = forcing.species_first[species]
        forcing.steady[species * W + lane] = 0.0
        for k in range(size):
            forcing.modes[(start + k) * W + lane] = 0.0
        if forcing.confluent[drug * W + lane] != 0:
            continue
        for k in range(size):
            weight = 0.0
            drive = 0.0
            seen = 0.0
            for j in range(size):
                left = forcing.left[(square + k * size + j) * W + lane]
                weight += left * forcing.amounts[(first + j) * W + lane]
                drive += left * forcing.inflow[(first + j) * W + lane]
                seen += forcing.readout[(start + j) * W + lane] * forcing.right[(square + j * size + k) * W + lane]
            steady = -drive / forcing.rates[(first + k) * W + lane]
            forcing.modes[(start + k) * W + lane] = seen * (weight - steady)
            forcing.steady[species * W + lane] += seen * steady


@jit(**HOT)
def fastest_rate(forcing, drug, lane):
    """Largest rate of one drug's matrix, 1/time."""
    fastest = 0.0
    size = forcing.first[drug + 1] - forcing.first[drug]
    for i in range(size):
        fastest = max(fastest, abs(forcing.matrix[(forcing.square[drug] + i * size + i) * W + lane]))
    return fastest


@jit(**INNER)
def _exact_concentration(forcing, species, lane, time):
    drug = forcing.species_drug[species]
    size = forcing.first[drug + 1] - forcing.first[drug]
    _exact_amounts(forcing, drug, lane, time - forcing.since[drug * W + lane])
    row = _row(forcing, drug)
    total = 0.0
    for j in range(size):
        total += forcing.readout[(forcing.species_first[species] + j) * W + lane] * forcing.scratch[row + j]
    return total


@jit(**ROWS)
def _exponents(lanes, modes, rates, since, time, out):
    """Exponents of each mode (mode, lane) of one drug at time (lane,)."""
    for k in range(modes):
        for lane in range(lanes):
            put(out, k * lanes, lane, get(rates, k * lanes, lane) * (time[lane] - since[lane]))


@jit(**ROWS)
def _exponentials(half, values):
    """Replace 2 `half` values by their exponentials, two at a time: neither waits for the other."""
    for i in range(half):
        first, second = lane_exp(get(values, 0, i)), lane_exp(get(values, half, i))
        put(values, 0, i, first)
        put(values, half, i, second)


@jit(**ROWS)
def _sum_modes(lanes, modes, steady, weights, decay, c):
    """Concentration (lane,) of one species from its weights (mode, lane)."""
    for lane in range(lanes):
        c[lane] = steady[lane]
    for k in range(modes):
        for lane in range(lanes):
            c[lane] += get(weights, k * lanes, lane) * get(decay, k * lanes, lane)


@jit(**HOT)
def _any_confluent(forcing, drug):
    """Whether eigenvalues of a drug meet on any lane."""
    found = 0
    for at in range(drug * W, (drug + 1) * W):
        found |= forcing.confluent[at]
    return found != 0


@jit(**HOT)
def _stirs(forcing, species):
    """Whether any mode of a species carries anything on any lane."""
    for at in range(forcing.species_first[species] * W, forcing.species_first[species + 1] * W):
        if forcing.modes[at] != 0.0:
            return True
    return False


@jit(**HOT)
def _drug_stirs(forcing, drug):
    """Whether any species of a drug stirs."""
    for species in range(forcing.species_drug.size):
        if forcing.species_drug[species] == drug and _stirs(forcing, species):
            return True
    return False


@jit(**HOT)
def _decays(forcing, lanes, time, decay):
    """What is left of each mode (compartment, lane) of the drugs that stir, at time (lane,)."""
    begin = 0
    end = 0
    for drug in range(forcing.first.size - 1):
        first, last = forcing.first[drug] * W, forcing.first[drug + 1] * W
        if not _drug_stirs(forcing, drug):
            continue
        if end == 0:
            begin = first
            end = first
        for at in range(end, first):  # of drugs between, that do not
            decay[at] = 0.0
        since = forcing.since[drug * W : (drug + 1) * W]
        _exponents(lanes, (last - first) // W, forcing.rates[first:last], since, time, decay[first:last])
        end = last
    _exponentials((end - begin) // 2, decay[begin:end])


@jit(**HOT)
def fill_concentrations(forcing, lanes, time, decay, c):
    """As `concentrations`, joined to its caller."""
    _decays(forcing, lanes, time, decay)
    for species in range(forcing.species_drug.size):
        drug = forcing.species_drug[species]
        begin, end = forcing.species_first[species] * W, forcing.species_first[species + 1] * W
        modes = (end - begin) // W if _stirs(forcing, species) else 0
        own = c[species * W : (species + 1) * W]
        steady = forcing.steady[species * W : (species + 1) * W]
        place = forcing.first[drug] * W
        _sum_modes(lanes, modes, steady, forcing.modes[begin:end], decay[place : place + end - begin], own)
        if not _any_confluent(forcing, drug):
            continue
        for lane in range(lanes):
            if forcing.confluent[drug * W + lane] != 0:
                own[lane] = _exact_concentration(forcing, species, lane, time[lane])


@jit(**PLAIN)
def concentrations(forcing, lanes, time, decay, c):
    """Free concentrations (species, lane) at time (lane,); `decay` (compartment, lane) is scratch."""
    fill_concentrations(forcing, lanes, time, decay, c)


@jit(**INNER)
def lane_concentrations(forcing, lane, time, out):
    """Free concentrations of one lane at one time into out[species]."""
    for species in range(forcing.species_drug.size):
        drug = forcing.species_drug[species]
        if forcing.confluent[drug * W + lane] != 0:
            out[species] = _exact_concentration(forcing, species, lane, time)
            continue
        start = forcing.species_first[species]
        span = time - forcing.since[drug * W + lane]
        total = forcing.steady[species * W + lane]
        for k in range(forcing.species_first[species + 1] - start):
            rate = forcing.rates[(forcing.first[drug] + k) * W + lane]
            total += forcing.modes[(start + k) * W + lane] * lane_exp(rate * span)
        out[species] = total


@jit(**INNER)
def lane_concentration_slopes(forcing, lane, time, out):
    """Time derivatives of one lane's free concentrations into out[species]."""
    for species in range(forcing.species_drug.size):
        drug = forcing.species_drug[species]
        first = forcing.first[drug]
        size = forcing.first[drug + 1] - first
        start = forcing.species_first[species]
        span = time - forcing.since[drug * W + lane]
        total = 0.0
        if forcing.confluent[drug * W + lane] != 0:
            _exact_amounts(forcing, drug, lane, span)
            row = _row(forcing, drug)
            for i in range(size):
                flow = forcing.inflow[(first + i) * W + lane]
                for j in range(size):
                    flow += forcing.matrix[(forcing.square[drug] + i * size + j) * W + lane] * forcing.scratch[row + j]
                total += forcing.readout[(start + i) * W + lane] * flow
        else:
            for k in range(size):
                rate = forcing.rates[(first + k) * W + lane]
                total += rate * forcing.modes[(start + k) * W + lane] * lane_exp(rate * span)
        out[species] = total
