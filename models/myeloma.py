"""Multiple myeloma under immunomodulatory drugs, metronomic cyclophosphamide and steroids.

Clones with different cereblon levels share the marrow with T cells, NK cells and Tregs. Cereblon drugs degrade
IKZF1/3 in tumour, in T and NK cells and in neutrophil precursors; in the tumour the IRF4/MYC signal follows and its
loss kills. Cyclophosphamide acts by three separable routes: kill of its own (H1), loss of Tregs with a lasting
activation of T and NK cells (H2), and a lower threshold for cereblon kill (H3). Serum M-protein, light chain and BCMA
follow the tumour; neutrophils and platelets follow their own marrow chains. `models/README.md` has the equations and
says where each value comes from and what was changed. Concentrations are free ones, in nM.
"""

from __future__ import annotations

from pdsim.model import (
    Input,
    Model,
    Output,
    Param,
    State,
    additive,
    competitive_binding,
    each,
    emax,
    exp,
    hill,
    log,
    maximum,
    minimum,
    positive,
    power,
    total,
)

# where values come from: source, and whether it was looked up
PILOT = {"source": "pilot calibration of a reduced model on published trials; a start value, not evidence"}
COMPOSITE = {"source": "composite of published models; a start value without a paper behind it"}
CHOSEN = {"source": "chosen here; see models/README.md"}
TRIALS = {"source": "trial population"}
GALLAHER = {"source": "Gallaher 2018 J Theor Biol 458:31 (BioModels MODEL1907050001)", "status": "verified"}
ABBIATI = {"source": "Abbiati 2021 AAPS J (avadomide neutropenia, myeloma cohort)", "status": "verified"}
HASSELT = {"source": "van Hasselt 2013 Br J Clin Pharmacol", "status": "verified"}
FRIBERG = {"source": "Friberg-type platelet models", "status": "recalled"}
FCRN = {"source": "parameterisation derived from Waldmann and Strober 1969", "status": "recalled"}
CHAINS = {"source": "clinical immunoglobulin and light-chain reference text (Bradwell)", "status": "verified"}
BCMA = {"source": "sBCMA kinetics and response papers (2022)", "status": "verified"}
BURDEN = {"source": "Salmon and Smith 1970; range 2e12 to 1e13", "status": "recalled"}
BASELINES = {"source": "trial baselines", "status": "recalled"}
GE = {"source": "set to the fall of Tregs in Ge 2012 Cancer Immunol Immunother and their return within 3 months"}


class Myeloma(Model):
    """Clones, cereblon, T and NK cells, Tregs, serum markers and blood counts of one patient."""

    # states -------------------------------------------------------------------------------------------------------
    ikzf = State(1.0, "1", "IKZF1/3 in each clone relative to baseline", dim="clone")
    signal = State(1.0, "1", "IRF4/MYC signal in each clone relative to baseline", dim="clone")
    cells = State(6e10, "cell", "plasma cells of each clone", dim="clone", extinct_below=1.0)
    ikzf_lymph = State(1.0, "1", "IKZF1/3 in T and NK cells relative to baseline")
    ikzf_marrow = State(1.0, "1", "IKZF1/3 in neutrophil and platelet precursors relative to baseline")
    steroid_effect = State(0.0, "1", "steroid effect, delayed behind receptor occupancy", scale=1.0)
    effector = State(277.0, "cell/uL", "effector T cells in marrow")
    exhausted = State(100.0, "cell/uL", "exhausted T cells in marrow")
    nk_cells = State(180.0, "cell/uL", "NK cells")
    tregs = State(42.0, "cell/uL", "regulatory T cells")
    treg_drive = State(0.0, "1", "homeostatic drive of Treg production above or below normal, -1 to 1", scale=1.0)
    active = State(0.0, "1", "lasting activation of T and NK cells, 0 to 1", scale=1.0)
    paraprotein = State(25.0, "g/L", "serum M-protein")
    light_chain = State(400.0, "mg/L", "involved free light chain in serum")
    bcma = State(60.0, "ng/mL", "soluble BCMA in serum")
    marrow_1 = State(4.0, "Gpt", "young neutrophil precursors, as circulating equivalents")
    marrow_2 = State(4.0, "Gpt", "maturing neutrophils, first stage")
    marrow_3 = State(4.0, "Gpt", "maturing neutrophils before the step that cereblon drugs block")
    marrow_4 = State(4.0, "Gpt", "maturing neutrophils after that step")
    reservoir = State(10.0, "Gpt", "mature neutrophils held in marrow")
    neutrophils = State(4.0, "Gpt", "circulating neutrophils")
    thrombo_1 = State(190.0, "Gpt", "young platelet precursors, as circulating equivalents")
    thrombo_2 = State(190.0, "Gpt", "maturing platelet precursors, first stage")
    thrombo_3 = State(190.0, "Gpt", "maturing platelet precursors, second stage")
    thrombo_4 = State(190.0, "Gpt", "maturing platelet precursors, third stage")
    thrombocytes = State(190.0, "Gpt", "circulating platelets")

    # what drugs act on --------------------------------------------------------------------------------------------
    cereblon_closed = Input("1", "share of cereblon held closed by drug", combine=competitive_binding)
    alkylator = Input(
        "1", "alkylator exposure; 1 is the typical mean at cyclophosphamide 50 mg daily", combine=additive
    )
    glucocorticoid = Input("1", "steroid concentration over that of half occupancy", combine=additive)

    # entry and covariates -----------------------------------------------------------------------------------------
    cells_entry = Param(3e11, "cell", "myeloma cells at entry", low=0, **COMPOSITE)
    clone_fraction = Param(0.2, "1", "share of each clone at entry", dim="clone", low=0, high=1, **PILOT)
    m_protein_entry = Param(25.0, "g/L", "serum M-protein at entry", low=0, **PILOT)
    flc_entry = Param(400.0, "mg/L", "involved light chain at entry", low=0, **COMPOSITE)
    sbcma_entry = Param(60.0, "ng/mL", "soluble BCMA at entry", low=0, **COMPOSITE)
    anc_entry = Param(3.7, "Gpt", "neutrophils at entry", low=0, **PILOT)
    platelets_entry = Param(190.0, "Gpt", "platelets at entry", low=0, **BASELINES)
    prior_lines = Param(3.0, "1", "prior lines of therapy", low=0, **TRIALS)
    len_refractory = Param(1.0, "1", "1 if refractory to lenalidomide", low=0, high=1, **TRIALS)
    igg = Param(1.0, "1", "1 if the M-protein is IgG", low=0, high=1, **TRIALS)
    creatinine_clearance = Param(80.0, "mL/min", "creatinine clearance", low=0, **TRIALS)

    # clone traits -------------------------------------------------------------------------------------------------
    cereblon = Param(1.0, "1", "functional cereblon relative to normal", dim="clone", low=0, **PILOT)
    fitness = Param(1.0, "1", "net growth relative to the sensitive clone", dim="clone", low=0, **CHOSEN)
    switch_in = Param(1e-6, "1/day", "rate at which other clones turn into this one", dim="clone", low=0, **COMPOSITE)
    pan_resistance = Param(0.0, "1", "share lost of kill without cereblon", dim="clone", low=0, high=1, **PILOT)
    steroid = Param(1.0, "1", "sensitivity to steroids relative to normal", dim="clone", low=0, **PILOT)

    # growth -------------------------------------------------------------------------------------------------------
    growth_net = Param(0.0113, "1/day", "net growth at entry after 2 lines, not lenalidomide-refractory", **PILOT)
    growth_per_line = Param(0.21, "1", "change of log growth per line factor 1.6 (log2(lines) - 1)", **PILOT)
    growth_refractory = Param(0.28, "1", "change of log growth in lenalidomide-refractory disease", **PILOT)
    capacity = Param(2e12, "cell", "cells that marrow can hold; Kcap", low=0, **BURDEN)
    slowing = Param(0.19, "1", "exponent by which growth slows as the tumour grows; soft Gompertz", low=0, **PILOT)

    # cereblon -----------------------------------------------------------------------------------------------------
    degradation = Param(37.0, "1", "rise of IKZF1/3 loss when all cereblon is closed; delta_max", low=0, **COMPOSITE)
    ikzf_turnover = Param(1.39, "1/day", "IKZF1/3 turnover, half-life 12 h; k_K", low=0, **COMPOSITE)
    signal_turnover = Param(0.46, "1/day", "IRF4/MYC turnover, half-life 36 h; k_S", low=0, **COMPOSITE)
    signal_half = Param(0.6, "1", "signal loss of half-maximal kill; theta", low=0, **PILOT)
    signal_steepness = Param(6.0, "1", "Hill coefficient of kill on signal loss; h", low=0, **COMPOSITE)
    cereblon_kill = Param(0.088, "1/day", "maximal kill by signal loss; kmax_IM", low=0, **PILOT)
    cereblon_marrow = Param(0.3, "1", "functional cereblon in marrow precursors relative to T cells", low=0, **CHOSEN)

    # cyclophosphamide and steroids --------------------------------------------------------------------------------
    alkylator_kill = Param(0.0075, "1/day", "kill at alkylator exposure 1 (H1); k_CP", low=0, **CHOSEN)
    treg_loss_max = Param(0.14, "1/day", "maximal extra loss of Tregs (H2)", low=0, **GE)
    treg_loss_half = Param(1.0, "1", "alkylator exposure of half-maximal Treg loss", low=0, **COMPOSITE)
    activation_gain = Param(2.0, "1", "gain of immune kill at full lasting activation (H2)", low=0, **CHOSEN)
    activation_rate = Param(0.1, "1/day", "rise of activation when IKZF1/3 loss and alkylator meet", low=0, **CHOSEN)
    activation_loss = Param(0.01, "1/day", "fading of activation, half-life 70 days", low=0, **CHOSEN)
    resensitisation = Param(0.15, "1", "lowering of signal_half by alkylator (H3); sigma_3", low=0, **PILOT)
    steroid_kill = Param(0.053, "1/day", "kill at full steroid effect; k_GC", low=0, **PILOT)
    steroid_half = Param(5.0, "1", "steroid load of half-maximal effect, in half occupancies", low=0, **CHOSEN)
    steroid_turnover = Param(1.0, "1/day", "rate at which the steroid effect follows occupancy", low=0, **CHOSEN)
    steroid_immune_loss = Param(0.2, "1", "immune kill lost at full steroid effect; dexT", low=0, high=1, **COMPOSITE)

    # immune kill --------------------------------------------------------------------------------------------------
    immune_kill = Param(0.0009, "1/day", "amplitude of immune kill; amp", low=0, **PILOT)
    nk_weight = Param(5.0, "1", "weight of NK cells; aNM", low=0, **GALLAHER)
    nk_half = Param(150.0, "cell/uL", "NK cells of half effect; bNM", low=0, **GALLAHER)
    t_weight = Param(5.0, "1", "weight of effector T cells; aCM", low=0, **GALLAHER)
    t_half = Param(375.0, "cell/uL", "effector T cells of half effect; bCM", low=0, **GALLAHER)
    joint_weight = Param(8.0, "1", "weight of NK and T cells together; aCNM", low=0, **GALLAHER)
    burden_weight = Param(0.5, "1", "suppression by tumour at most; aMM", low=0, **GALLAHER)
    burden_half = Param(3e11, "cell", "tumour of half suppression, as 3 g/dL in Gallaher", low=0, **COMPOSITE)
    treg_weight = Param(0.5, "1", "suppression by Tregs at most; aRM", low=0, **GALLAHER)
    treg_half = Param(25.0, "cell/uL", "Tregs of half suppression; bRM", low=0, **GALLAHER)
    ikzf_immune_gain = Param(1.0, "1", "gain of immune kill at full IKZF1/3 loss; sigma_T", low=0, **PILOT)

    # immune cells -------------------------------------------------------------------------------------------------
    effector_set = Param(461.0, "cell/uL", "set point of effector T cells without tumour; E0", low=0, **GALLAHER)
    effector_turnover = Param(0.02, "1/day", "turnover of effector T cells; k_E", low=0, **GALLAHER)
    effector_gain = Param(1.0, "1", "rise of the set point at full IKZF1/3 loss; eps_E", low=0, **COMPOSITE)
    exhaustion = Param(0.02, "1/day", "exhaustion at high burden; k_exh", low=0, **COMPOSITE)
    exhaustion_half = Param(1e11, "cell", "tumour of half-maximal exhaustion; N_h", low=0, **COMPOSITE)
    reinvigoration = Param(0.01, "1/day", "return of exhausted cells at full IKZF1/3 loss; k_reinv", low=0, **COMPOSITE)
    exhausted_loss = Param(0.03, "1/day", "loss of exhausted cells; d_X", low=0, **COMPOSITE)
    nk_set = Param(180.0, "cell/uL", "set point of NK cells; NK0", low=0, **COMPOSITE)
    nk_turnover = Param(0.05, "1/day", "turnover, 0.069 in Zhang 2007; k_NK", low=0, **COMPOSITE)
    nk_gain = Param(0.5, "1", "rise of the set point at full IKZF1/3 loss; eps_N", low=0, **COMPOSITE)
    treg_set = Param(42.0, "cell/uL", "set point of Tregs; R0", low=0, **GALLAHER)
    treg_turnover = Param(0.0757, "1/day", "turnover of Tregs; d_R", low=0, **GALLAHER)
    treg_gain = Param(0.45, "1", "rise of the set point at full IKZF1/3 loss; eps_R", low=0, **COMPOSITE)
    treg_adaptation = Param(0.03, "1/day", "speed of Treg compensation; k_adapt", low=0, **GE)

    # serum markers ------------------------------------------------------------------------------------------------
    igg_loss_low = Param(0.015, "1/day", "IgG elimination at zero IgG", low=0, **FCRN)
    igg_loss_high = Param(0.1, "1/day", "IgG elimination at saturating IgG", low=0, **FCRN)
    igg_half = Param(37.0, "g/L", "total IgG of half saturation", low=0, **FCRN)
    igg_other = Param(5.0, "g/L", "polyclonal IgG in myeloma", low=0, **CHOSEN)
    iga_loss = Param(0.115, "1/day", "elimination of IgA and of other M-protein", low=0, **FCRN)
    flc_loss_base = Param(0.277, "1/day", "light-chain loss without kidneys, half-life 2.5 days", low=0, **CHAINS)
    flc_loss_renal = Param(0.039, "1/day/(mL/min)", "the same per creatinine clearance; 4 h at 100", low=0, **CHAINS)
    flc_normal = Param(15.0, "mg/L", "light chain of normal plasma cells", low=0, **BASELINES)
    bcma_loss = Param(0.55, "1/day", "elimination of soluble BCMA, half-life 30 h", low=0, **BCMA)
    bcma_normal = Param(10.0, "ng/mL", "soluble BCMA of normal cells", low=0, **CHOSEN)

    # neutrophils --------------------------------------------------------------------------------------------------
    anc_transit = Param(4.54, "day", "mean transit time through the chain; MTT", low=0, **HASSELT)
    anc_feedback = Param(0.216, "1", "feedback exponent; gamma", low=0, **HASSELT)
    anc_loss = Param(0.5545, "1/day", "loss of circulating neutrophils, half-life 30 h", low=0, **ABBIATI)
    reservoir_ratio = Param(2.5, "1", "reservoir over circulating neutrophils", low=0, **ABBIATI)
    block_max = Param(0.93, "1", "maximal block of maturation; E_mb", low=0, high=1, **PILOT)
    block_half = Param(0.6, "1", "IKZF1/3 loss of half-maximal block", low=0, **CHOSEN)
    block_steepness = Param(2.0, "1", "Hill coefficient of the block", low=0, **ABBIATI)
    block_saturation = Param(0.45, "1", "Michaelis constant over baseline; KMf", low=0, **ABBIATI)
    arrest_loss = Param(0.2, "1/day", "loss of arrested cells", low=0, **CHOSEN)
    egress_power = Param(6.0, "1", "exponent of egress on the fall of neutrophils", low=0, **CHOSEN)
    egress_max = Param(4.0, "1", "bound of the rise of egress", low=0, **CHOSEN)
    anc_drug_sensitivity = Param(1.0, "1", "sensitivity of a patient's neutrophil precursors to drugs", low=0, **PILOT)
    anc_alkylator = Param(0.45, "1", "log loss of production at alkylator exposure 1", low=0, **CHOSEN)

    # platelets ----------------------------------------------------------------------------------------------------
    plt_transit = Param(5.42, "day", "mean transit time", low=0, **FRIBERG)
    plt_feedback = Param(0.2, "1", "feedback exponent", low=0, **FRIBERG)
    plt_alkylator = Param(0.2, "1", "log loss of production at alkylator exposure 1", low=0, **CHOSEN)
    plt_ikzf = Param(0.5, "1", "log loss of production at full IKZF1/3 loss", low=0, **CHOSEN)

    # outputs ------------------------------------------------------------------------------------------------------
    m_protein = Output("g/L", "serum M-protein")
    flc = Output("mg/L", "involved free light chain")
    sbcma = Output("ng/mL", "soluble BCMA")
    clone_cells = Output("cell", "plasma cells of each clone", dim="clone")
    burden = Output("cell", "all plasma cells")
    anc = Output("Gpt", "circulating neutrophils")
    platelets = Output("Gpt", "circulating platelets")
    effector_t = Output("cell/uL", "effector T cells")
    exhausted_t = Output("cell/uL", "exhausted T cells")
    nk = Output("cell/uL", "NK cells")
    treg = Output("cell/uL", "regulatory T cells")
    ikzf_t = Output("1", "IKZF1/3 in T and NK cells relative to baseline")
    activation = Output("1", "lasting activation of T and NK cells")

    @staticmethod
    def initial(p):
        effector, exhausted = _settled_t_cells(p)
        chain = p.anc_entry * p.anc_loss * p.anc_transit / 4
        return dict(
            cells=each(lambda share: share * p.cells_entry, p.clone_fraction),
            effector=effector,
            exhausted=exhausted,
            nk_cells=p.nk_set,
            tregs=p.treg_set,
            paraprotein=p.m_protein_entry,
            light_chain=p.flc_entry,
            bcma=p.sbcma_entry,
            **dict.fromkeys(("marrow_1", "marrow_2", "marrow_3", "marrow_4"), chain),
            reservoir=p.reservoir_ratio * p.anc_entry,
            neutrophils=p.anc_entry,
            **dict.fromkeys(("thrombo_1", "thrombo_2", "thrombo_3", "thrombo_4"), p.platelets_entry),
            thrombocytes=p.platelets_entry,
        )

    @staticmethod
    def rates(t, s, p, u, d):
        burden = total(s.cells)
        loss_lymph = 1 - s.ikzf_lymph
        loss_marrow = 1 - s.ikzf_marrow
        alkylator = u.alkylator

        immune = (
            _immune_kill(p, s.effector, s.nk_cells, s.tregs, burden)
            * (1 + p.ikzf_immune_gain * loss_lymph)
            * (1 + p.activation_gain * s.active)
            * (1 - p.steroid_immune_loss * s.steroid_effect)
        )
        threshold = p.signal_half / (1 + p.resensitisation * emax(alkylator))
        growth = _growth_at_entry(p)
        replaced = _immune_kill(p, *_settled_immune(p), p.cells_entry)
        slowing = _slowing(p, burden)
        switching = total(p.switch_in)

        def change(cells, signal, fitness, steroid, pan, switch):
            by_signal = p.cereblon_kill * hill(1 - signal, threshold, p.signal_steepness)
            by_drug = p.alkylator_kill * alkylator + p.steroid_kill * steroid * s.steroid_effect
            uniform = replaced * slowing - by_drug - immune
            net = fitness * growth * slowing - by_signal + (1 - pan) * uniform
            return cells * (net - (switching - switch)) + switch * (burden - cells)

        return d(
            ikzf=each(lambda k, c: _ikzf_rate(p, k, c * u.cereblon_closed), s.ikzf, p.cereblon),
            signal=each(lambda x, k: p.signal_turnover * (k - x), s.signal, s.ikzf),
            cells=each(change, s.cells, s.signal, p.fitness, p.steroid, p.pan_resistance, p.switch_in),
            ikzf_lymph=_ikzf_rate(p, s.ikzf_lymph, u.cereblon_closed),
            ikzf_marrow=_ikzf_rate(p, s.ikzf_marrow, p.cereblon_marrow * u.cereblon_closed),
            steroid_effect=p.steroid_turnover * (emax(u.glucocorticoid, p.steroid_half) - s.steroid_effect),
            **_immune_rates(s, p, burden, loss_lymph, alkylator),
            **_marker_rates(s, p, burden),
            **_neutrophil_rates(s, p, loss_marrow, alkylator),
            **_platelet_rates(s, p, loss_marrow, alkylator),
        )

    @staticmethod
    def outputs(t, s, p, u):
        return dict(
            m_protein=s.paraprotein,
            flc=s.light_chain,
            sbcma=s.bcma,
            clone_cells=s.cells,
            burden=total(s.cells),
            anc=s.neutrophils,
            platelets=s.thrombocytes,
            effector_t=s.effector,
            exhausted_t=s.exhausted,
            nk=s.nk_cells,
            treg=s.tregs,
            ikzf_t=s.ikzf_lymph,
            activation=s.active,
        )


def _ikzf_rate(p, level, closed):
    return p.ikzf_turnover * (1 - level * (1 + p.degradation * closed))


def _growth_at_entry(p):
    """Net growth of the sensitive clone at entry: rises with the logarithm of prior lines, and if refractory."""
    lines = minimum(maximum(p.prior_lines, 1), 6)
    line_factor = 1.6 * (log(lines) / log(2) - 1)
    return p.growth_net * exp(p.growth_per_line * line_factor + p.growth_refractory * p.len_refractory)


def _slowing(p, burden):
    """Growth relative to entry: slower the fuller the marrow, none at capacity."""

    def room(cells):
        return power(log(1 + p.capacity / cells), p.slowing) * positive(1 - (cells / p.capacity) ** 3)

    return room(burden) / room(p.cells_entry)


def _immune_kill(p, effector, nk, treg, burden):
    nk_share = nk / (p.nk_half + nk)
    t_share = effector / (p.t_half + effector)
    tumour = 3 * burden / p.burden_half
    held = p.burden_weight * emax(tumour, 3) + p.treg_weight * emax(treg, p.treg_half)
    strength = p.nk_weight * nk_share + p.t_weight * t_share + p.joint_weight * nk_share * t_share
    return p.immune_kill * strength * positive(1 - held)


def _settled_t_cells(p):
    """Effector and exhausted T cells at the root of their equations, given the tumour at entry and no drug."""
    exhausting = p.exhaustion * emax(p.cells_entry, p.exhaustion_half)
    effector = p.effector_turnover * p.effector_set / (p.effector_turnover + exhausting)
    return effector, exhausting * effector / p.exhausted_loss


def _settled_immune(p):
    return _settled_t_cells(p)[0], p.nk_set, p.treg_set


def _immune_rates(s, p, burden, loss_lymph, alkylator):
    exhausting = p.exhaustion * emax(burden, p.exhaustion_half) * s.effector
    returning = p.reinvigoration * loss_lymph * s.exhausted
    effector_goal = p.effector_set * (1 + p.effector_gain * loss_lymph)
    nk_goal = p.nk_set * (1 + p.nk_gain * loss_lymph)
    treg_goal = p.treg_set * (1 + p.treg_gain * loss_lymph)
    treg_killed = p.treg_loss_max * emax(alkylator, p.treg_loss_half) * s.tregs
    meeting = loss_lymph * emax(alkylator)
    return dict(
        effector=p.effector_turnover * (effector_goal - s.effector) - exhausting + returning,
        exhausted=exhausting - returning - p.exhausted_loss * s.exhausted,
        nk_cells=p.nk_turnover * (nk_goal - s.nk_cells),
        tregs=p.treg_turnover * (treg_goal * (1 + s.treg_drive) - s.tregs) - treg_killed,
        treg_drive=p.treg_adaptation * (1 - s.tregs / treg_goal) * (1 - s.treg_drive) * (1 + s.treg_drive),
        active=p.activation_rate * meeting * (1 - s.active) - p.activation_loss * s.active,
    )


def _marker_rates(s, p, burden):
    def m_loss(level):
        whole = level + p.igg_other
        igg = p.igg_loss_low + (p.igg_loss_high - p.igg_loss_low) * emax(whole, p.igg_half)
        return p.igg * igg + (1 - p.igg) * p.iga_loss

    tumour = burden / p.cells_entry
    flc_loss = p.flc_loss_base + p.flc_loss_renal * p.creatinine_clearance
    flc_goal = minimum(p.flc_normal, p.flc_entry) + positive(p.flc_entry - p.flc_normal) * tumour
    bcma_goal = minimum(p.bcma_normal, p.sbcma_entry) + positive(p.sbcma_entry - p.bcma_normal) * tumour
    return dict(
        paraprotein=m_loss(p.m_protein_entry) * p.m_protein_entry * tumour - m_loss(s.paraprotein) * s.paraprotein,
        light_chain=flc_loss * (flc_goal - s.light_chain),
        bcma=p.bcma_loss * (bcma_goal - s.bcma),
    )


def _neutrophil_rates(s, p, loss_marrow, alkylator):
    step = 4 / p.anc_transit
    base = p.anc_entry * p.anc_loss / step
    half = p.block_saturation * base
    open_share = 1 - p.block_max * hill(p.anc_drug_sensitivity * loss_marrow, p.block_half, p.block_steepness)
    passing = step * (base + half) * open_share * s.marrow_3 / (half + s.marrow_3)
    arrested = p.arrest_loss * (1 - open_share) * s.marrow_3
    feedback = power(p.anc_entry / s.neutrophils, p.anc_feedback)
    # bounded: the twentieth power alone grows without limit in a deep nadir
    fall = p.egress_power * log(p.anc_entry / s.neutrophils)
    rise = (1 + p.egress_max) / (1 + p.egress_max * exp(-fall))
    leaving = p.anc_loss / p.reservoir_ratio * rise * s.reservoir
    survive = exp(-p.anc_alkylator * p.anc_drug_sensitivity * alkylator)
    return dict(
        marrow_1=step * (base * survive * feedback - s.marrow_1),
        marrow_2=step * (s.marrow_1 - s.marrow_2),
        marrow_3=step * s.marrow_2 - passing - arrested,
        marrow_4=passing - step * s.marrow_4,
        reservoir=step * s.marrow_4 - leaving,
        neutrophils=leaving - p.anc_loss * s.neutrophils,
    )


def _platelet_rates(s, p, loss_marrow, alkylator):
    step = 4 / p.plt_transit
    survive = exp(-p.plt_alkylator * alkylator - p.plt_ikzf * loss_marrow)
    feedback = power(p.platelets_entry / s.thrombocytes, p.plt_feedback)
    return dict(
        thrombo_1=step * (p.platelets_entry * survive * feedback - s.thrombo_1),
        thrombo_2=step * (s.thrombo_1 - s.thrombo_2),
        thrombo_3=step * (s.thrombo_2 - s.thrombo_3),
        thrombo_4=step * (s.thrombo_3 - s.thrombo_4),
        thrombocytes=step * (s.thrombo_4 - s.thrombocytes),
    )
