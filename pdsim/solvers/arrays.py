"""The bundles of flat arrays that the jitted solvers share.

W = `pdsim._jit.LANES` patients lie side by side: element (i, lane) of every per-lane array stands at ``i * W + lane``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from pdsim._jit import LANES
from pdsim._lanes import Separate
from pdsim._parts import PART

# a call would count references to every array of the bundles, which cost more than the arithmetic;
# so the solvers allocate nothing and numba's counting is off
PLAIN: dict[str, Any] = {"_nrt": False, "no_cfunc_wrapper": True}
# functions that only jitted code calls: no entries of their own, no machine code
INNER: dict[str, Any] = {**PLAIN, **PART}

# the same, joined to its caller: a call would copy every array of the bundles
HOT: dict[str, Any] = {**INNER, "forceinline": True}

# loops over rows that never overlap, optimised by themselves before they are joined
ROWS: dict[str, Any] = {**INNER, "pipeline_class": Separate}

LARGEST = 1e300  # size of a state at which a lane is given up
LARGEST_LOG = 690.0  # the same of a logarithm

Floats = np.ndarray
Ints = np.ndarray


class Problem(NamedTuple):
    """What a block of patients brings: parameters, tolerances, cell-count rules, output times."""

    params: Floats  # (param, lane)
    absolute: Floats  # (state,) absolute tolerance
    counted: Ints  # (state,) 1 where the state is a cell count integrated as its logarithm
    floor: Floats  # (state,) logarithm of the size below which a counted state is absent
    draws: Floats  # (state, draw, lane) unit exponentials: supply needed before an absent clone enters
    output_times: Floats  # (output,) ascending
    options: Floats  # rtol, largest step, most steps a call, largest number of steps held back by stability


class Forcing(NamedTuple):
    """Linear pharmacokinetics of all drugs, exact between events."""

    first: Ints  # (drug + 1,) first compartment of each drug
    square: Ints  # (drug + 1,) first entry of each drug's matrix
    species_drug: Ints  # (species,)
    species_first: Ints  # (species + 1,) first mode of each species
    matrix: Floats  # (entry, lane) rate matrices, row by row, 1/time
    right: Floats  # (entry, lane) right eigenvectors
    left: Floats  # (entry, lane) left eigenvectors
    rates: Floats  # (compartment, lane) eigenvalues
    readout: Floats  # (mode, lane) free concentration per amount in each compartment
    confluent: Ints  # (drug, lane) 1 where eigenvalues meet and the matrix exponential is used instead
    amounts: Floats  # (compartment, lane) at `since`
    inflow: Floats  # (compartment, lane) running infusions
    since: Floats  # (drug, lane) time of the last event
    modes: Floats  # (mode, lane) concentration carried by each eigenvalue at `since`
    steady: Floats  # (species, lane) concentration that the running infusions lead to
    scratch: Floats  # four square matrices one larger than the largest drug's, and a row


class Lines(NamedTuple):
    """Dosing lines: one drug, route and amount each, with its own ascending times."""

    first: Ints  # (line + 1,) first event of each line
    times: Floats  # (event,)
    opens: Floats  # (line, lane) when the first event enters
    drug: Ints  # (line,) drug of a line that enters linear pharmacokinetics, or -1
    target: Ints  # (line,) compartment within the drug, or state
    duration: Floats  # (line,) 0 is a bolus
    amount: Floats  # (line, lane)
    lag: Floats  # (line, lane)
    factor: Floats  # (line, lane) what is given now relative to plan; 0 is none
    given: Floats  # (event, lane) factor at which each event was taken, NaN if not reached
    next_start: Ints  # (line, lane) next event to be given
    next_stop: Ints  # (line, lane) next infusion to be ended
    latest: Floats  # (line, lane) when it last gave or ended something
    suited: Floats  # (line, lane) step that suited behind its last dose; 0 is not known


class State(NamedTuple):
    """Where each lane stands."""

    time: Floats  # (lane,)
    step: Floats  # (lane,) size of the next step
    y: Floats  # (state, lane)
    present: Floats  # (state, lane) 1 or 0
    slope: Floats  # (state, lane) dy/dt at the present point
    inflow: Floats  # (state, lane) running infusions into states
    redraw: Ints  # (state, lane) how many draws of supply are used up
    fresh: Ints  # (lane,) 1 where the slope has jumped: it and the step must be found anew
    status: Ints  # (lane,)
    next_output: Ints  # (lane,)
    counts: Ints  # (3, lane) accepted steps, rejected steps, steps in a row held back by stability
    stop: Floats  # (lane,) time of the next event


class Record(NamedTuple):
    """States at the output times: y, present and concentrations."""

    y: Floats  # (output, state, lane)
    present: Floats  # (output, state, lane)
    concentrations: Floats  # (output, species, lane)


class Work(NamedTuple):
    """Scratch rows of one block."""

    k: Floats  # (16, state, lane) slopes of the stages; order 5 has seven
    poly: Floats  # (4, state) interpolant of one lane's step
    long_poly: Floats  # (7, state) that of order 7
    trial: Floats  # (state, lane) end of the step
    steps: Floats  # (state, lane) the step of each lane
    sixth: Floats  # (state, lane) point of the last stage before it, at the same time
    inside: Floats  # (state, lane) point of a stage inside
    c: Floats  # (species, lane)
    decay: Floats  # (compartment, lane)
    time: Floats  # (lane,) of a stage
    step: Floats  # (lane,) 0 where the lane waits
    end: Floats  # (lane,) of the step
    error: Floats  # (lane,) relative to tolerance
    other: Floats  # (lane,) the same of a lower order
    held: Floats  # (2, lane) changes of slope and state at constant time
    growth: Floats  # (lane,) what the step may be multiplied by
    rules: Floats  # (lane,) line whose dose the step lies behind, or -1
    accept: Floats  # (lane,) 1 where the step is taken
    crossed: Floats  # (lane,) clones that change sides
    largest: Floats  # (lane,) largest state relative to its limit
    values: Floats  # (state,) of one lane
    species: Floats  # (species,) of one lane


KEPT = ("level", "at", "moments", "start", "end")

# what all lanes share, and scratch, by bundle; every other field has a place for each lane. Of kept panels, some fields
# are mostly empty: see pdsim.solvers.exchange
SHARED = {
    "Problem": {"absolute", "counted", "floor", "output_times", "options"},
    "Forcing": {"first", "square", "species_drug", "species_first", "scratch"},
    "Lines": {"first", "times", "drug", "target", "duration"},
    "State": set(),
    "Panels": {"shape", "grid", *KEPT},
    "Plan": {"tally"},
}


def lane_rows(bundles: Iterable[tuple]) -> dict[int, int]:
    """Address and rows of all that bundles hold of single lanes; an array that two of them share comes once."""
    return {
        array.__array_interface__["data"][0]: array.size // LANES
        for bundle in bundles
        for name, array in zip(type(bundle)._fields, bundle, strict=True)  # type: ignore[attr-defined]
        if name not in SHARED[type(bundle).__name__] and array.size
    }


def numba_type(bundle: type) -> Any:
    """Return the numba type of a bundle."""
    from pdsim.solvers.bundles import bundle_type

    return bundle_type(bundle)


# numba remembers how it first saw a value: it must know a bundle before any is handed to it
for _bundle in (Problem, Forcing, Lines, State, Record, Work):
    numba_type(_bundle)


def function_type(signature: Any) -> Any:
    """Return the first-class function type of a function with this signature, numba's or its text."""
    from numba import types
    from numba.core import sigutils

    arguments, result = sigutils.normalize_signature(signature)
    return types.FunctionType(result(*arguments))
