"""Outcomes of an integration: one code a patient, each with advice."""

from __future__ import annotations

OK = 0
NAN = 1
STEP_FLOOR = 2
TOO_MANY_STEPS = 3
OVERFLOW = 4
BAD_INPUT = 5
STIFF = 64  # internal: the explicit method hands the patient to the stiff one

MEANINGS = {
    OK: "ok",
    NAN: "nan",
    STEP_FLOOR: "step_floor",
    TOO_MANY_STEPS: "too_many_steps",
    OVERFLOW: "overflow",
    BAD_INPUT: "bad_input",
}

ADVICE = {
    NAN: "a rate became not-a-number; look for a missing or impossible parameter of these patients",
    STEP_FLOOR: "the step size fell to the rounding limit; look for a discontinuity or a rate of huge size",
    TOO_MANY_STEPS: "loosen rtol or set method = 'stiff'; look for a rate that changes faster than anything drives it",
    OVERFLOW: "a state grew beyond 1e300; look for growth without a bound",
    BAD_INPUT: "a parameter, entry state or dose of these patients is missing or not finite",
}
