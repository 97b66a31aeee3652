"""Drug concentrations between events in closed form, lane by lane.

Amounts obey ``dA/dt = M A + inflow``. The eigenvalues of M are real; a species' free concentration is a sum of
exponentials whose weights are set anew at each event. Where eigenvalues meet, the matrix exponential is taken.
"""

from __future__ import annotations

import numpy as np

from pdsim._jit import LANES as W
from pdsim._jit import jit
from pdsim.solvers.arrays import INNER
from pdsim._lanemath import lane_exp


@jit(**INNER)
def _multiply(a, b, factor, out):
    """out = factor a b for small square matrices; plain loops compile faster than a library call."""
    for i in range(a.shape[0]):
        for j in range(a.shape[0]):
            total = 0.0
            for k in range(a.shape[0]):
                total += a[i, k] * b[k, j]
            out[i, j] = factor * total


@jit(**INNER)
def _exponential(matrix):
    """Replace a small square matrix by its exponential: scaling, 18 Taylor terms, squaring. Entries are finite."""
    size = matrix.shape[0]
    norm = 0.0
    for i in range(size):
        row = 0.0
        for j in range(size):
            row += abs(matrix[i, j])
        norm = max(norm, row)
    halvings = 0
    while norm > 0.5 and halvings < 1000:
        norm *= 0.5
        halvings += 1
    shrink = 0.5**halvings
    term = np.zeros((size, size))
    other = np.zeros((size, size))
    result = np.zeros((size, size))
    for i in range(size):
        term[i, i] = 1.0
        result[i, i] = 1.0
    for order in range(1, 19):
        _multiply(term, matrix, shrink / order, other)
        for i in range(size):
            for j in range(size):
                term[i, j] = other[i, j]
                result[i, j] += other[i, j]
    for _ in range(halvings):
        _multiply(result, result, 1.0, other)
        for i in range(size):
            for j in range(size):
                result[i, j] = other[i, j]
    for i in range(size):
        for j in range(size):
            matrix[i, j] = result[i, j]


@jit(**INNER)
def _exact_amounts(forcing, drug, lane, span, out):
    """Amounts of one drug `span` after `since` into out[:n], by the matrix exponential; any eigenvalues."""
    first = forcing.first[drug]
    size = forcing.first[drug + 1] - first
    square = forcing.square[drug]
    augmented = np.zeros((size + 1, size + 1))
    for i in range(size):
        for j in range(size):
            augmented[i, j] = forcing.matrix[(square + i * size + j) * W + lane] * span
        augmented[i, size] = forcing.inflow[(first + i) * W + lane] * span
    _exponential(augmented)
    for i in range(size):
        total = augmented[i, size]
        for j in range(size):
            total += augmented[i, j] * forcing.amounts[(first + j) * W + lane]
        out[i] = total


@jit(**INNER)
def _modal_amounts(forcing, drug, lane, span, out):
    """As `_exact_amounts` through distinct, non-zero eigenvalues."""
    first = forcing.first[drug]
    size = forcing.first[drug + 1] - first
    square = forcing.square[drug]
    for i in range(size):
        out[i] = 0.0
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
            out[i] += forcing.right[(square + i * size + k) * W + lane] * mode


@jit(**INNER)
def settle(forcing, drug, lane, time):
    """Move one drug's reference point to `time`; amounts there become exact starting values."""
    first = forcing.first[drug]
    size = forcing.first[drug + 1] - first
    span = time - forcing.since[drug * W + lane]
    if span != 0.0:
        now = np.empty(size)
        if forcing.confluent[drug * W + lane] != 0:
            _exact_amounts(forcing, drug, lane, span, now)
        else:
            _modal_amounts(forcing, drug, lane, span, now)
        for i in range(size):
            forcing.amounts[(first + i) * W + lane] = now[i]
    forcing.since[drug * W + lane] = time


@jit(**INNER)
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


@jit(**INNER)
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
    now = np.empty(size)
    _exact_amounts(forcing, drug, lane, time - forcing.since[drug * W + lane], now)
    total = 0.0
    for j in range(size):
        total += forcing.readout[(forcing.species_first[species] + j) * W + lane] * now[j]
    return total


@jit
def concentrations(forcing, lanes, time, decay, c):
    """Free concentrations (species, lane) at time (lane,); `decay` (compartment, lane) is scratch."""
    for drug in range(forcing.first.size - 1):
        for i in range(forcing.first[drug], forcing.first[drug + 1]):
            for lane in range(lanes):
                span = time[lane] - forcing.since[drug * W + lane]
                decay[i * W + lane] = lane_exp(forcing.rates[i * W + lane] * span)
    for species in range(forcing.species_drug.size):
        drug = forcing.species_drug[species]
        start = forcing.species_first[species]
        for lane in range(lanes):
            c[species * W + lane] = forcing.steady[species * W + lane]
        for k in range(forcing.species_first[species + 1] - start):
            i = forcing.first[drug] + k
            for lane in range(lanes):
                c[species * W + lane] += forcing.modes[(start + k) * W + lane] * decay[i * W + lane]
        for lane in range(lanes):
            if forcing.confluent[drug * W + lane] != 0:
                c[species * W + lane] = _exact_concentration(forcing, species, lane, time[lane])


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
            now = np.empty(size)
            _exact_amounts(forcing, drug, lane, span, now)
            for i in range(size):
                flow = forcing.inflow[(first + i) * W + lane]
                for j in range(size):
                    flow += forcing.matrix[(forcing.square[drug] + i * size + j) * W + lane] * now[j]
                total += forcing.readout[(start + i) * W + lane] * flow
        else:
            for k in range(size):
                rate = forcing.rates[(first + k) * W + lane]
                total += rate * forcing.modes[(start + k) * W + lane] * lane_exp(rate * span)
        out[species] = total
