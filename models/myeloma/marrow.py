"""Neutrophils and platelets."""

from __future__ import annotations

from pdsim.model import Input, Output, Param, State, additive, emax, exp, hill, log, power

from .sources import ABBIATI, ASSUMED, CHOSEN, FRIBERG, HASSELT, PILOT, QUARTINO


class Marrow:
    """Neutrophils with a maturation block and a reservoir, and platelets."""

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

    gcsf = Input("1", "granulocyte growth factor; 1 is half of the maximal effect", combine=additive)

    anc_transit = Param(4.54, "day", "mean transit time through the chain; MTT", low=0, **HASSELT)
    anc_feedback = Param(0.216, "1", "feedback exponent; gamma", low=0, **HASSELT)
    anc_loss = Param(0.5545, "1/day", "loss of circulating neutrophils, half-life 30 h", low=0, **ABBIATI)
    reservoir_ratio = Param(2.5, "1", "reservoir over circulating neutrophils", low=0, **ABBIATI)
    block_max = Param(0.93, "1", "maximal block of maturation; E_mb", low=0, high=1, **PILOT)
    block_half = Param(0.29, "1", "IKZF1/3 loss of half-maximal block", low=0, **CHOSEN)
    block_steepness = Param(4.0, "1", "Hill coefficient of the block on IKZF1/3 loss", low=0, **CHOSEN)
    block_saturation = Param(0.45, "1", "Michaelis constant over baseline; KMf", low=0, **ABBIATI)
    arrest_loss = Param(0.2, "1/day", "loss of arrested cells", low=0, **CHOSEN)
    egress_power = Param(6.0, "1", "exponent of egress on the fall of neutrophils", low=0, **CHOSEN)
    egress_max = Param(4.0, "1", "bound of the rise of egress", low=0, **CHOSEN)
    anc_drug_sensitivity = Param(1.0, "1", "sensitivity of a patient's neutrophil precursors to drugs", low=0, **PILOT)
    anc_alkylator = Param(0.3, "1", "log loss of production at alkylator exposure 1", low=0, **CHOSEN)
    anc_cytotoxic = Param(1.2, "1", "log loss of production at full cytotoxic effect", low=0, **PILOT)
    anc_cd38 = Param(0.3, "1", "log rise of the loss of circulating neutrophils under CD38 antibody", low=0, **CHOSEN)
    anc_proteasome = Param(0.05, "1", "log loss of production at full proteasome inhibition", low=0, **PILOT)
    anc_bcl2 = Param(0.3, "1", "log loss of production at full BCL2 block", low=0, **ASSUMED)
    anc_targeted = Param(0.2, "1", "log loss of production at full XPO1, HDAC or mTOR block", low=0, **ASSUMED)
    gcsf_production = Param(1.5, "1", "rise of production at the full effect of growth factor", low=0, **ASSUMED)
    gcsf_maturation = Param(1.0, "1", "rise of maturation at that effect", low=0, **QUARTINO)
    gcsf_release = Param(1.0, "1", "rise of release from the reservoir at that effect", low=0, **ASSUMED)

    plt_transit = Param(5.42, "day", "mean transit time", low=0, **FRIBERG)
    plt_feedback = Param(0.2, "1", "feedback exponent", low=0, **FRIBERG)
    plt_alkylator = Param(0.2, "1", "log loss of production at alkylator exposure 1", low=0, **CHOSEN)
    plt_ikzf = Param(0.5, "1", "log loss of production at full IKZF1/3 loss", low=0, **CHOSEN)
    plt_cytotoxic = Param(0.6, "1", "log loss of production at full cytotoxic effect", low=0, **ASSUMED)
    plt_proteasome = Param(0.9, "1", "log loss of production at full proteasome inhibition", low=0, **ASSUMED)
    plt_targeted = Param(0.7, "1", "log loss of production at full XPO1, HDAC or mTOR block", low=0, **ASSUMED)

    anc = Output("Gpt", "circulating neutrophils")
    platelets = Output("Gpt", "circulating platelets")


def neutrophil_rates(s, p, u, inhibited):
    """Change of the neutrophil chain; `inhibited` is the share of proteasome activity lost."""
    step = 4 / p.anc_transit
    base = p.anc_entry * p.anc_loss / step
    half = p.block_saturation * base
    open_share = 1 - p.block_max * hill(p.anc_drug_sensitivity * (1 - s.ikzf_marrow), p.block_half, p.block_steepness)
    helped = emax(u.gcsf)
    maturing = step * (1 + p.gcsf_maturation * helped)
    passing = maturing * (base + half) * open_share * s.marrow_3 / (half + s.marrow_3)
    arrested = p.arrest_loss * (1 - open_share) * s.marrow_3
    feedback = power(p.anc_entry / s.neutrophils, p.anc_feedback)
    # bounded: the twentieth power alone grows without limit in a deep nadir
    fall = p.egress_power * log(p.anc_entry / s.neutrophils)
    rise = (1 + p.egress_max) / (1 + p.egress_max * exp(-fall))
    leaving = p.anc_loss / p.reservoir_ratio * rise * (1 + p.gcsf_release * helped) * s.reservoir
    targeted = p.anc_bcl2 * u.bcl2_block + p.anc_targeted * (u.xpo1_block + u.hdac_block + u.mtor_block)
    harm = p.anc_alkylator * u.alkylator + p.anc_cytotoxic * emax(u.cytotoxic) + p.anc_proteasome * inhibited + targeted
    lost = p.anc_loss * exp(p.anc_drug_sensitivity * p.anc_cd38 * u.cd38_bound)
    survive = exp(-p.anc_drug_sensitivity * harm) * (1 + p.gcsf_production * helped)
    return dict(
        marrow_1=step * (base * survive * feedback - s.marrow_1),
        marrow_2=step * (s.marrow_1 - s.marrow_2),
        marrow_3=step * s.marrow_2 - passing - arrested,
        marrow_4=passing - step * s.marrow_4,
        reservoir=step * s.marrow_4 - leaving,
        neutrophils=leaving - lost * s.neutrophils,
    )


def platelet_rates(s, p, u, inhibited):
    """Change of the platelet chain."""
    step = 4 / p.plt_transit
    harm = (
        p.plt_alkylator * u.alkylator
        + p.plt_ikzf * (1 - s.ikzf_marrow)
        + p.plt_cytotoxic * emax(u.cytotoxic)
        + p.plt_proteasome * inhibited
        + p.plt_targeted * (u.xpo1_block + u.hdac_block + u.mtor_block)
    )
    feedback = power(p.platelets_entry / s.thrombocytes, p.plt_feedback)
    return dict(
        thrombo_1=step * (p.platelets_entry * exp(-harm) * feedback - s.thrombo_1),
        thrombo_2=step * (s.thrombo_1 - s.thrombo_2),
        thrombo_3=step * (s.thrombo_2 - s.thrombo_3),
        thrombo_4=step * (s.thrombo_3 - s.thrombo_4),
        thrombocytes=step * (s.thrombo_4 - s.thrombocytes),
    )
