"""Clones: their traits, growth, and the kill that cereblon drugs bring about."""

from __future__ import annotations

from pdsim.model import (
    Input,
    Output,
    Param,
    State,
    competitive_binding,
    each,
    exp,
    hill,
    log,
    maximum,
    minimum,
    positive,
    power,
)

from .sources import ASSUMED, BURDEN, CHOSEN, COMPOSITE, KISSELEV, PILOT


class Tumour:
    """Clones and the IKZF1/3 and IRF4/MYC signal in them."""

    ikzf = State(1.0, "1", "IKZF1/3 in each clone relative to baseline", dim="clone")
    signal = State(1.0, "1", "IRF4/MYC signal in each clone relative to baseline", dim="clone")
    cells = State(6e10, "cell", "plasma cells of each clone", dim="clone", extinct_below=1.0)
    ikzf_lymph = State(1.0, "1", "IKZF1/3 in T and NK cells relative to baseline")
    ikzf_marrow = State(1.0, "1", "IKZF1/3 in neutrophil and platelet precursors relative to baseline")

    cereblon_closed = Input("1", "share of cereblon held closed by drug", combine=competitive_binding)

    cereblon = Param(1.0, "1", "functional cereblon relative to normal", dim="clone", low=0, **PILOT)
    fitness = Param(1.0, "1", "net growth relative to the sensitive clone", dim="clone", low=0, **CHOSEN)
    switch_in = Param(1e-6, "1/day", "rate at which other clones turn into this one", dim="clone", low=0, **COMPOSITE)
    pan_resistance = Param(0.0, "1", "share lost of kill without cereblon", dim="clone", low=0, high=1, **PILOT)

    growth_net = Param(0.0113, "1/day", "net growth at entry after 2 lines, not lenalidomide-refractory", **PILOT)
    growth_per_line = Param(0.21, "1", "change of log growth per line factor 1.6 (log2(lines) - 1)", **PILOT)
    growth_refractory = Param(0.28, "1", "change of log growth in lenalidomide-refractory disease", **PILOT)
    growth_del17p = Param(0.25, "1", "change of log growth with deletion 17p", **ASSUMED)
    growth_t_4_14 = Param(0.25, "1", "change of log growth with t(4;14)", **ASSUMED)
    growth_del13q = Param(0.05, "1", "change of log growth with deletion 13q", **ASSUMED)
    growth_gain_1q = Param(0.15, "1", "change of log growth with gain of 1q21", **ASSUMED)
    capacity = Param(2e12, "cell", "cells that marrow can hold; Kcap", low=0, **BURDEN)
    slowing = Param(0.19, "1", "exponent by which growth slows as the tumour grows; soft Gompertz", low=0, **PILOT)

    degradation = Param(37.0, "1", "rise of IKZF1/3 loss when all cereblon is closed; delta_max", low=0, **COMPOSITE)
    ikzf_turnover = Param(1.39, "1/day", "IKZF1/3 turnover, half-life 12 h; k_K", low=0, **COMPOSITE)
    proteasome_reserve = Param(
        0.1, "1", "proteasome activity at which IKZF1/3 loss is limited by it as much as by tagging", low=0, **KISSELEV
    )
    signal_turnover = Param(0.46, "1/day", "IRF4/MYC turnover, half-life 36 h; k_S", low=0, **COMPOSITE)
    signal_half = Param(0.6, "1", "signal loss of half-maximal kill; theta", low=0, **PILOT)
    signal_steepness = Param(6.0, "1", "Hill coefficient of kill on signal loss; h", low=0, **COMPOSITE)
    cereblon_kill = Param(0.088, "1/day", "maximal kill by signal loss; kmax_IM", low=0, **PILOT)
    cereblon_marrow = Param(0.3, "1", "functional cereblon in marrow precursors relative to T cells", low=0, **CHOSEN)
    resensitisation = Param(0.15, "1", "lowering of signal_half by alkylator (H3); sigma_3", low=0, **PILOT)
    apoptosis_del17p = Param(0.15, "1", "share of kill lost without 17p (TP53)", low=0, high=1, **ASSUMED)
    niche_loss = Param(0.5, "1", "stromal support lost at full IKZF1/3 loss", low=0, high=1, **ASSUMED)
    niche_protection = Param(0.3, "1", "rise of other drugs' kill when all stromal support is lost", low=0, **ASSUMED)

    clone_cells = Output("cell", "plasma cells of each clone", dim="clone")
    burden = Output("cell", "all plasma cells")
    ikzf_t = Output("1", "IKZF1/3 in T and NK cells relative to baseline")


def ikzf_rate(p, level, tagging):
    """Change of IKZF1/3, whose extra loss follows `tagging`."""
    return p.ikzf_turnover * (1 - level * (1 + p.degradation * tagging))


def cereblon_rates(s, p, closed, activity):
    """IKZF1/3 and signal in tumour, lymphocytes and marrow; `activity` of the proteasome is what tagging ends in."""
    # 1 at normal activity: proteasomes are in excess, so that half of them are missed little
    handled = activity * (1 + p.proteasome_reserve) / (activity + p.proteasome_reserve)
    tagging = closed * handled
    return dict(
        ikzf=each(lambda k, c: ikzf_rate(p, k, c * tagging), s.ikzf, p.cereblon),
        signal=each(lambda x, k: p.signal_turnover * (k - x), s.signal, s.ikzf),
        ikzf_lymph=ikzf_rate(p, s.ikzf_lymph, tagging),
        ikzf_marrow=ikzf_rate(p, s.ikzf_marrow, p.cereblon_marrow * tagging),
    )


def growth_at_entry(p):
    """Net growth of the sensitive clone: rises with the logarithm of prior lines, refractoriness and cytogenetics."""
    lines = minimum(maximum(p.prior_lines, 1), 6)
    line_factor = 1.6 * (log(lines) / log(2) - 1)
    risk = (
        p.growth_del17p * p.del17p
        + p.growth_t_4_14 * p.t_4_14
        + p.growth_del13q * p.del13q
        + p.growth_gain_1q * p.gain_1q
    )
    return p.growth_net * exp(p.growth_per_line * line_factor + p.growth_refractory * p.len_refractory + risk)


def slowing(p, burden):
    """Growth relative to entry: slower the fuller the marrow, none at capacity."""

    def room(cells):
        return power(log(1 + p.capacity / cells), p.slowing) * positive(1 - (cells / p.capacity) ** 3)

    return room(burden) / room(p.cells_entry)


def signal_kill(p, signal, alkylated):
    """Kill by loss of the IRF4/MYC signal, at a threshold that alkylator lowers."""
    threshold = p.signal_half / (1 + p.resensitisation * alkylated)
    return p.cereblon_kill * (1 - p.apoptosis_del17p * p.del17p) * hill(1 - signal, threshold, p.signal_steepness)
