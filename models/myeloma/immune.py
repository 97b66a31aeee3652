"""T cells, NK cells, Tregs, their kill, and antibodies that work through them."""

from __future__ import annotations

from pdsim.model import Input, Output, Param, State, additive, bliss, combine, emax, hill, positive

from .sources import ASSUMED, CHOSEN, COMPOSITE, GALLAHER, GE, KIMMEL, PILOT


@combine(potency="nM", strength="{unit}")
def coverage(drugs):
    """Antibodies on different targets act apart: ``1 - prod(1 - strength * occupied)``."""
    spared = 1
    for drug in drugs:
        spared = spared * (1 - drug.strength * drug.c / (drug.c + drug.potency))
    return 1 - spared


class Immune:
    """Immune cells, lasting activation, and what antibodies and engagers do to them."""

    effector = State(277.0, "cell/uL", "effector T cells in marrow")
    exhausted = State(100.0, "cell/uL", "exhausted T cells in marrow")
    nk_cells = State(180.0, "cell/uL", "NK cells")
    tregs = State(42.0, "cell/uL", "regulatory T cells")
    treg_drive = State(0.0, "1", "homeostatic drive of Treg production above or below normal, -1 to 1", scale=1.0)
    active = State(0.0, "1", "lasting activation of T and NK cells, 0 to 1", scale=1.0)
    cd38 = State(1.0, "1", "CD38 on tumour cells relative to normal")

    cd38_bound = Input("1", "share of CD38 held by antibody", combine=bliss)
    opsonised = Input("1", "strength of antibodies to other targets", combine=coverage)
    kir_block = Input("1", "share of NK inhibitory receptors blocked", combine=bliss)
    engaged = Input("1", "share of T-cell engagement at its maximum", combine=bliss)
    lymphotoxic = Input("1", "lymphodepleting exposure; 1 is half of the maximal loss", combine=additive)

    cd38_trait = Param(1.0, "1", "kill by CD38 antibody relative to normal", dim="clone", low=0, **ASSUMED)

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

    treg_loss_max = Param(0.14, "1/day", "maximal extra loss of Tregs (H2)", low=0, **GE)
    treg_loss_half = Param(1.0, "1", "alkylator exposure of half-maximal Treg loss", low=0, **COMPOSITE)
    activation_gain = Param(2.0, "1", "gain of immune kill at full lasting activation (H2)", low=0, **CHOSEN)
    activation_rate = Param(0.1, "1/day", "rise of activation when IKZF1/3 loss and alkylator meet", low=0, **CHOSEN)
    activation_loss = Param(0.01, "1/day", "fading of activation, half-life 70 days", low=0, **CHOSEN)

    cd38_kill = Param(0.053, "1/day", "kill by CD38 antibody at full density and normal NK cells", low=0, **PILOT)
    cd38_without_nk = Param(0.5, "1", "share of that kill that needs no NK cells", low=0, high=1, **COMPOSITE)
    cd38_strip = Param(0.2, "1/day", "loss of CD38 under antibody", low=0, **COMPOSITE)
    cd38_floor = Param(0.3, "1", "CD38 that antibody leaves, relative to entry", low=0, high=1, **COMPOSITE)
    cd38_recovery = Param(0.01, "1/day", "return of CD38 without antibody, half-life 70 days", low=0, **COMPOSITE)
    cd38_nk_loss = Param(0.06, "1/day", "extra loss of NK cells, which carry CD38", low=0, **COMPOSITE)
    cd38_treg_loss = Param(0.03, "1/day", "extra loss of Tregs, part of which carry CD38", low=0, **ASSUMED)
    antibody_kill = Param(
        0.012, "1/day", "kill by other antibodies at full strength and normal NK cells", low=0, **ASSUMED
    )
    kir_gain = Param(0.5, "1", "rise of NK kill when inhibitory receptors are blocked", low=0, **ASSUMED)
    engager_kill = Param(0.12, "1/day", "kill by engaged T cells at their normal number", low=0, **ASSUMED)
    engager_exhaustion = Param(0.02, "1/day", "extra exhaustion of engaged T cells", low=0, **ASSUMED)
    lymph_loss = Param(1.2, "1/day", "maximal loss of lymphocytes by lymphodepletion", low=0, **ASSUMED)
    lymph_steepness = Param(2.0, "1", "Hill coefficient of lymphodepletion", low=0, **ASSUMED)

    effector_set = Param(461.0, "cell/uL", "set point of effector T cells without tumour; E0", low=0, **GALLAHER)
    effector_turnover = Param(0.02, "1/day", "turnover of effector T cells; k_E", low=0, **GALLAHER)
    homeostasis = Param(2.5, "1", "rise of the production of effector T cells when none are left", low=0, **KIMMEL)
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
    treg_gain = Param(0.45, "1", "rise of the set point at full IKZF1/3 loss, no tumour; eps_R", low=0, **COMPOSITE)
    treg_tumour = Param(2.0, "1", "rise of the set point by tumour at most, through IKZF1/3; aMR", low=0, **GALLAHER)
    treg_adaptation = Param(0.03, "1/day", "speed of Treg compensation; k_adapt", low=0, **GE)

    effector_t = Output("cell/uL", "effector T cells")
    exhausted_t = Output("cell/uL", "exhausted T cells")
    nk = Output("cell/uL", "NK cells")
    treg = Output("cell/uL", "regulatory T cells")
    activation = Output("1", "lasting activation of T and NK cells")
    cd38_density = Output("1", "CD38 on tumour cells relative to normal")


def settled_t_cells(p):
    """Effector and exhausted T cells at the root of their equations, given the tumour at entry and no drug."""
    exhausting = p.exhaustion * emax(p.cells_entry, p.exhaustion_half)
    effector = p.effector_turnover * p.effector_set / (p.effector_turnover + exhausting)
    return effector, exhausting * effector / p.exhausted_loss


def natural_kill(p, effector, nk, treg, burden, unleashed):
    """Kill by T and NK cells without drug; `unleashed` multiplies what NK cells do."""
    nk_share = nk / (p.nk_half + nk) * unleashed
    t_share = effector / (p.t_half + effector)
    tumour = 3 * burden / p.burden_half
    held = p.burden_weight * emax(tumour, 3) + p.treg_weight * emax(treg, p.treg_half)
    strength = p.nk_weight * nk_share + p.t_weight * t_share + p.joint_weight * nk_share * t_share
    return p.immune_kill * strength * positive(1 - held)


def replaced_kill(p):
    """Natural kill at entry, which net growth already contains."""
    return natural_kill(p, settled_t_cells(p)[0], p.nk_set, p.treg_set, p.cells_entry, 1)


def arousal(s, p):
    """Factor on all immune kill: IKZF1/3 loss, lasting activation, steroid."""
    return (
        (1 + p.ikzf_immune_gain * (1 - s.ikzf_lymph))
        * (1 + p.activation_gain * s.active)
        * (1 - p.steroid_immune_loss * s.steroid_effect)
    )


def immune_kill(s, p, u, burden):
    """Kill of every clone alike: natural kill, and that of antibodies that need NK cells."""
    unleashed = 1 + p.kir_gain * u.kir_block
    natural = natural_kill(p, s.effector, s.nk_cells, s.tregs, burden, unleashed)
    by_antibody = p.antibody_kill * u.opsonised * unleashed * s.nk_cells / p.nk_set
    return arousal(s, p) * (natural + by_antibody)


def targeted_kill(s, p, u, cd38_trait, bcma):
    """Kill of one clone by CD38 antibody and by engaged T cells."""
    nk_part = p.cd38_without_nk + (1 - p.cd38_without_nk) * arousal(s, p) * s.nk_cells / p.nk_set
    by_cd38 = p.cd38_kill * cd38_trait * s.cd38 * u.cd38_bound * nk_part
    return by_cd38 + p.engager_kill * bcma * u.engaged * arousal(s, p) * s.effector / p.effector_set


def treg_induction(p, burden):
    """Rise of the Treg set point by the tumour, which turns other T cells into Tregs."""
    return p.treg_tumour * emax(3 * burden / p.burden_half, 3)


def host_t_cells(s, p):
    """Host T cells relative to entry."""
    return (s.effector + s.exhausted) / sum(settled_t_cells(p))


def immune_rates(s, p, u, burden):
    """Change of immune cells, of their activation and of CD38."""
    loss_lymph = 1 - s.ikzf_lymph
    depleted = p.lymph_loss * hill(u.lymphotoxic, 1, p.lymph_steepness)
    exhausting = (p.exhaustion * emax(burden, p.exhaustion_half) + p.engager_exhaustion * u.engaged) * s.effector
    returning = p.reinvigoration * loss_lymph * s.exhausted
    refilling = 1 + p.homeostasis * positive(1 - host_t_cells(s, p))
    effector_made = p.effector_turnover * p.effector_set * (1 + p.effector_gain * loss_lymph) * refilling
    nk_goal = p.nk_set * (1 + p.nk_gain * loss_lymph)
    induced = treg_induction(p, burden) * s.ikzf_lymph
    treg_goal = p.treg_set * (1 + p.treg_gain * loss_lymph + induced) / (1 + treg_induction(p, p.cells_entry))
    treg_killed = p.treg_loss_max * emax(u.alkylator, p.treg_loss_half) + p.cd38_treg_loss * u.cd38_bound + depleted
    meeting = loss_lymph * emax(u.alkylator)
    return dict(
        effector=effector_made - (p.effector_turnover + depleted) * s.effector - exhausting + returning,
        exhausted=exhausting - returning - (p.exhausted_loss + depleted) * s.exhausted,
        nk_cells=p.nk_turnover * (nk_goal - s.nk_cells) - (p.cd38_nk_loss * u.cd38_bound + depleted) * s.nk_cells,
        tregs=p.treg_turnover * (treg_goal * (1 + s.treg_drive) - s.tregs) - treg_killed * s.tregs,
        treg_drive=p.treg_adaptation * (1 - s.tregs / treg_goal) * (1 - s.treg_drive) * (1 + s.treg_drive),
        active=p.activation_rate * meeting * (1 - s.active) - p.activation_loss * s.active,
        cd38=p.cd38_recovery * (p.cd38_entry - s.cd38)
        - p.cd38_strip * u.cd38_bound * (s.cd38 - p.cd38_floor * p.cd38_entry),
    )
