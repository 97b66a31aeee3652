"""Reference problem with CAR-T cells: clones that differ in antigen and cereblon, T cells, markers and neutrophils.

The cells are infused into a state, and iberdomide follows as a maintenance, its kinetics from the shipped card. Made up
for benchmarks, with magnitudes from the literature: no claim about patients.
"""

from __future__ import annotations

from pdsim.model import (
    Input,
    Model,
    Output,
    Param,
    State,
    competitive_binding,
    each,
    emax,
    hill,
    positive,
    power,
    total,
)


class MyelomaCart(Model):
    """Effector and memory CAR-T cells kill clones by antigen; a cereblon drug kills by IKZF1/3 and helps T cells."""

    ikzf = State(1.0, "1", "IKZF1/3 in each clone relative to baseline", dim="clone")
    signal = State(1.0, "1", "IRF4/MYC signal in each clone relative to baseline", dim="clone")
    cells = State(1e11, "cell", "plasma cells of each clone", dim="clone", extinct_below=1e-20)
    ikzf_lymph = State(1.0, "1", "IKZF1/3 in T cells and marrow relative to baseline")
    effector = State(1.0, "1", "effector T cells relative to baseline")
    exhausted = State(0.3, "1", "exhausted T cells relative to baseline effectors")
    tregs = State(1.0, "1", "regulatory T cells relative to baseline")
    car_t = State(0.0, "cell", "effector CAR-T cells", dosed=True, scale=1e9)
    car_memory = State(0.0, "cell", "memory CAR-T cells", scale=1e8)
    paraprotein = State(30.0, "g/L", "serum M-protein")
    light_chain = State(300.0, "mg/L", "light chain")
    bcma = State(100.0, "ng/mL", "soluble BCMA")
    precursors = State(4.0, "Gpt", "proliferating neutrophil precursors")
    transit_1 = State(4.0, "Gpt", "maturing neutrophils, first stage")
    transit_2 = State(4.0, "Gpt", "maturing neutrophils, second stage")
    neutrophils = State(4.0, "Gpt", "circulating neutrophils")

    cereblon_closed = Input("1", "share of cereblon held closed by drug", combine=competitive_binding)

    cells_entry = Param(3e11, "cell", "cells at entry")
    share = Param(0.2, "1", "share of each clone at entry", dim="clone")
    antigen = Param(1.0, "1", "antigen of each clone relative to normal", dim="clone")
    cereblon = Param(1.0, "1", "cereblon of each clone relative to normal", dim="clone")
    switch_in = Param(1e-6, "1/day", "rate at which other clones turn into this one", dim="clone")
    growth = Param(0.016, "1/day", "growth of an empty marrow")
    capacity = Param(2e12, "cell", "cells that marrow can hold")
    degradation = Param(20.0, "1", "rise of IKZF1/3 loss when all cereblon is closed")
    ikzf_turnover = Param(1.4, "1/day", "turnover of IKZF1/3")
    signal_turnover = Param(0.46, "1/day", "turnover of the signal")
    signal_half = Param(0.6, "1", "signal loss of half-maximal kill")
    steepness = Param(4.0, "1", "Hill coefficient of kill on signal loss")
    signal_kill = Param(0.05, "1/day", "maximal kill by signal loss")
    t_kill = Param(0.004, "1/day", "kill by T cells at baseline")
    treg_half = Param(1.0, "1", "Tregs of half suppression")
    car_kill = Param(0.6, "1/day", "maximal kill by CAR-T cells")
    car_half = Param(5e9, "cell", "CAR-T cells of half-maximal kill")
    expansion = Param(0.9, "1/day", "maximal expansion of CAR-T cells")
    antigen_half = Param(2e10, "cell", "cells with antigen of half-maximal expansion")
    crowd = Param(4e10, "cell", "CAR-T cells that halve the expansion")
    car_loss = Param(0.16, "1/day", "loss of effector CAR-T cells")
    resting = Param(0.01, "1/day", "turn to memory")
    waking = Param(0.03, "1/day", "return of memory cells at full antigen")
    memory_loss = Param(0.006, "1/day", "loss of memory CAR-T cells")
    fitness_gain = Param(0.6, "1", "rise of expansion at full IKZF1/3 loss")
    turnover = Param(0.03, "1/day", "turnover of effector T cells")
    exhaustion = Param(0.02, "1/day", "exhaustion at high burden")
    exhaustion_half = Param(1e11, "cell", "tumour of half-maximal exhaustion")
    rescue = Param(0.02, "1/day", "return of exhausted cells at full IKZF1/3 loss")
    treg_turnover = Param(0.08, "1/day", "turnover of Tregs")
    treg_gain = Param(0.5, "1", "rise of Tregs with the tumour")
    m_protein_entry = Param(30.0, "g/L", "serum M-protein at entry")
    m_protein_loss = Param(0.05, "1/day", "elimination of M-protein")
    flc_entry = Param(300.0, "mg/L", "light chain at entry")
    flc_loss = Param(3.0, "1/day", "elimination of light chain")
    bcma_entry = Param(100.0, "ng/mL", "soluble BCMA at entry")
    bcma_loss = Param(0.55, "1/day", "elimination of soluble BCMA")
    anc_entry = Param(4.0, "Gpt", "neutrophils at entry")
    transit_time = Param(5.0, "day", "mean transit time")
    feedback = Param(0.17, "1", "feedback exponent")
    marrow_loss = Param(0.25, "1", "loss of production at full IKZF1/3 loss")

    m_protein = Output("g/L", "serum M-protein")
    flc = Output("mg/L", "light chain")
    sbcma = Output("ng/mL", "soluble BCMA")
    clone_cells = Output("cell", "plasma cells of each clone", dim="clone")
    anc = Output("Gpt", "circulating neutrophils")
    infused = Output("cell", "CAR-T cells, effector and memory")

    @staticmethod
    def initial(p):
        exhausting = p.exhaustion * emax(p.cells_entry, p.exhaustion_half)
        effector = p.turnover / (p.turnover + exhausting)
        return dict(
            cells=each(lambda share: share * p.cells_entry, p.share),
            effector=effector,
            exhausted=exhausting * effector / p.turnover,
            paraprotein=p.m_protein_entry,
            light_chain=p.flc_entry,
            bcma=p.bcma_entry,
            **dict.fromkeys(("precursors", "transit_1", "transit_2", "neutrophils"), p.anc_entry),
        )

    @staticmethod
    def rates(t, s, p, u, d):
        burden = total(s.cells)
        return d(**_tumour(s, p, u, burden), **_immune(s, p, u, burden), **_blood(s, p, burden))

    @staticmethod
    def outputs(t, s, p, u):
        return dict(
            m_protein=s.paraprotein,
            flc=s.light_chain,
            sbcma=s.bcma,
            clone_cells=s.cells,
            anc=s.neutrophils,
            infused=s.car_t + s.car_memory,
        )


def _tumour(s, p, u, burden):
    immune = p.t_kill * s.effector * (2 - s.ikzf_lymph) / (1 + s.tregs / p.treg_half)
    by_car = p.car_kill * emax(s.car_t, p.car_half)
    room = 1 - burden / p.capacity

    def change(cells, signal, antigen, switch):
        by_signal = p.signal_kill * hill(positive(1 - signal), p.signal_half, p.steepness)
        net = p.growth * room - by_signal - immune - antigen * by_car - total(p.switch_in)
        return cells * net + switch * burden

    return dict(
        ikzf=each(lambda k, c: _loss(p, k, c * u.cereblon_closed), s.ikzf, p.cereblon),
        signal=each(lambda x, k: p.signal_turnover * (k - x), s.signal, s.ikzf),
        cells=each(change, s.cells, s.signal, p.antigen, p.switch_in),
        ikzf_lymph=_loss(p, s.ikzf_lymph, u.cereblon_closed),
    )


def _loss(p, level, closed):
    return p.ikzf_turnover * (1 - level * (1 + p.degradation * closed))


def _immune(s, p, u, burden):
    seen = emax(total(each(lambda n, a: n * a, s.cells, p.antigen)), p.antigen_half)
    lost = 1 - s.ikzf_lymph
    woken = p.waking * seen * s.car_memory
    growing = p.expansion * seen * (1 + p.fitness_gain * lost) / (1 + s.car_t / p.crowd)
    exhausting = p.exhaustion * emax(burden, p.exhaustion_half) * s.effector
    returning = p.rescue * lost * s.exhausted
    return dict(
        effector=p.turnover * (1 - s.effector) - exhausting + returning,
        exhausted=exhausting - returning - p.turnover * s.exhausted,
        tregs=p.treg_turnover * (1 + p.treg_gain * emax(burden, p.exhaustion_half) - s.tregs),
        car_t=s.car_t * (growing - p.car_loss - p.resting) + woken,
        car_memory=p.resting * s.car_t - woken - p.memory_loss * s.car_memory,
    )


def _blood(s, p, burden):
    step = 3 / p.transit_time
    tumour = burden / p.cells_entry
    made = (1 - p.marrow_loss * (1 - s.ikzf_lymph)) * power(p.anc_entry / s.neutrophils, p.feedback)
    return dict(
        paraprotein=p.m_protein_loss * (p.m_protein_entry * tumour - s.paraprotein),
        light_chain=p.flc_loss * (p.flc_entry * tumour - s.light_chain),
        bcma=p.bcma_loss * (p.bcma_entry * tumour - s.bcma),
        precursors=step * s.precursors * (made - 1),
        transit_1=step * (s.precursors - s.transit_1),
        transit_2=step * (s.transit_1 - s.transit_2),
        neutrophils=step * (s.transit_2 - s.neutrophils),
    )
