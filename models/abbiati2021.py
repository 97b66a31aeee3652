"""Neutrophils under a cereblon modulator that blocks their maturation (Abbiati 2021, avadomide)."""

from __future__ import annotations

from pdsim.model import Model, Output, Param, State, hill, log, power

TABLE = {"source": "Abbiati 2021 doi:10.1208/s12248-021-00623-8, Table I, myeloma", "status": "verified"}
SUPPLEMENT = {"source": "Abbiati 2021 doi:10.1208/s12248-021-00623-8, supplement", "status": "verified"}
SOLVED = {
    "source": "not printed; solved from the kinetics deposited with Abbiati 2021 for 5 mg (nlmixr2lib)",
    "status": "verified",
}


class Abbiati2021(Model):
    """Precursors, three stages of maturation, a reservoir in marrow, and blood; the drug blocks the third step.

    Without drug every stage holds `baseline`, the reservoir `reservoir_ratio` times that. Rates follow from this
    balance, ``loss`` being that of maturing cells:

        out     = elimination / reservoir_ratio,   elimination = ln(2) / half_life
        step_4  = (loss + out) reservoir_ratio,    step_3 = loss + step_4 and so on to step_1
        block   = block_max c^n / (block_half^n + c^n)
        passing = step_3 (1 - block) (1 + saturation) baseline transit_2 / (saturation baseline + transit_2)
        leaving = out (baseline / neutrophils)^egress_power reservoir
        d precursors / dt  = step_1 ((baseline / transit_2)^feedback - 1) precursors
        d transit_1 / dt   = step_1 precursors - (step_2 + loss) transit_1
        d transit_2 / dt   = step_2 transit_1 - passing - loss transit_2
        d transit_3 / dt   = passing - (step_4 + loss) transit_3
        d reservoir / dt   = step_4 transit_3 - leaving - loss reservoir
        d neutrophils / dt = leaving - elimination neutrophils

    Abbiati RA et al. 2021, AAPS J 23:103, doi:10.1208/s12248-021-00623-8, equations 1-9 and the supplement's code.
    Values are those of the myeloma column, for which the paper shows no fit. The twentieth power of egress is the
    paper's: stiff in a deep nadir. Absorption begins after `lag`, which no rate can hold: `simulate_events` takes it
    as ``lag={"gut": "lag"}``, regimens do without.
    """

    time = "hour"

    gut = State(0.0, "ug", "avadomide in the gut", dosed=True, scale=1000.0)
    central = State(0.0, "ug", "avadomide in the central compartment", scale=1000.0)
    peripheral = State(0.0, "ug", "avadomide in the peripheral compartment", scale=1000.0)
    precursors = State(4.5, "Gpt", "proliferating precursors")
    transit_1 = State(4.5, "Gpt", "maturing cells, first stage")
    transit_2 = State(4.5, "Gpt", "maturing cells, second stage, before the step that is blocked")
    transit_3 = State(4.5, "Gpt", "maturing cells, third stage")
    reservoir = State(11.25, "Gpt", "mature cells held in marrow")
    neutrophils = State(4.5, "Gpt", "neutrophils in blood")

    absorption = Param(5.5, "1/hour", "absorption, k_abs", low=0, **SUPPLEMENT)
    lag = Param(0.406, "hour", "time before absorption begins, Abs_lag", low=0, **SUPPLEMENT)
    drug_elimination = Param(0.0708, "1/hour", "elimination of the drug, k_el", low=0, **SUPPLEMENT)
    outwards = Param(0.0265, "1/hour", "to the peripheral compartment, k12", low=0, **SUPPLEMENT)
    inwards = Param(0.0195, "1/hour", "from the peripheral compartment, k21", low=0, **SUPPLEMENT)
    volume = Param(48.7, "L", "central volume over bioavailability", low=0, **SOLVED)

    block_max = Param(0.9, "1", "largest block, Emax", low=0, high=1, **TABLE)
    block_half = Param(15.0, "ng/mL", "concentration of half block, EC50", low=0, **TABLE)
    block_steepness = Param(2.0, "1", "Hill coefficient of the block, n", low=0, **TABLE)
    baseline = Param(4.5, "Gpt", "neutrophils in blood without drug, Circ0", low=0, **TABLE)
    half_life = Param(30.0, "hour", "half-life of neutrophils in blood", low=0, **TABLE)
    maturing_loss = Param(0.001, "1/hour", "loss of maturing cells, kd", low=0, **TABLE)
    reservoir_ratio = Param(2.5, "1", "reservoir over blood without drug", low=0, **TABLE)
    saturation = Param(0.45, "1", "second stage at half of the blocked step, KM fraction", low=0, **TABLE)
    feedback = Param(0.017, "1", "exponent of the feedback on proliferation, gamma", low=0, **TABLE)
    egress_power = Param(20.0, "1", "exponent of the feedback on egress, beta", low=0, **TABLE)

    anc = Output("Gpt", "neutrophils in blood")
    concentration = Output("ng/mL", "avadomide in plasma")

    @staticmethod
    def initial(p):
        stages = ("precursors", "transit_1", "transit_2", "transit_3", "neutrophils")
        return {**dict.fromkeys(stages, p.baseline), "reservoir": p.reservoir_ratio * p.baseline}

    @staticmethod
    def rates(t, s, p, u, d):
        elimination = log(2) / p.half_life
        out = elimination / p.reservoir_ratio
        step_4 = (p.maturing_loss + out) * p.reservoir_ratio
        step_3 = p.maturing_loss + step_4
        step_2 = p.maturing_loss + step_3
        step_1 = p.maturing_loss + step_2
        block = p.block_max * hill(s.central / p.volume, p.block_half, p.block_steepness)
        half = p.saturation * p.baseline
        passing = step_3 * (1 - block) * (half + p.baseline) * s.transit_2 / (half + s.transit_2)
        leaving = out * power(p.baseline / s.neutrophils, p.egress_power) * s.reservoir
        proliferation = step_1 * (power(p.baseline / s.transit_2, p.feedback) - 1)
        flow = p.outwards * s.central - p.inwards * s.peripheral
        return d(
            gut=-p.absorption * s.gut,
            central=p.absorption * s.gut - p.drug_elimination * s.central - flow,
            peripheral=flow,
            precursors=proliferation * s.precursors,
            transit_1=step_1 * s.precursors - (step_2 + p.maturing_loss) * s.transit_1,
            transit_2=step_2 * s.transit_1 - passing - p.maturing_loss * s.transit_2,
            transit_3=passing - (step_4 + p.maturing_loss) * s.transit_3,
            reservoir=step_4 * s.transit_3 - leaving - p.maturing_loss * s.reservoir,
            neutrophils=leaving - elimination * s.neutrophils,
        )

    @staticmethod
    def outputs(t, s, p, u):
        return dict(anc=s.neutrophils, concentration=s.central / p.volume)
