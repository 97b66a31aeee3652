"""Serum markers and kidney function."""

from __future__ import annotations

from pdsim.model import Output, Param, State, emax, minimum, positive

from .sources import ASSUMED, BASELINES, BCMA, CHAINS, CHOSEN, FCRN


class Markers:
    """M-protein, involved light chain, soluble BCMA, and the harm that light chains do to the kidney."""

    paraprotein = State(25.0, "g/L", "serum M-protein")
    light_chain = State(400.0, "mg/L", "involved free light chain in serum")
    bcma = State(60.0, "ng/mL", "soluble BCMA in serum")
    kidney_harm = State(0.1, "1", "share of kidney function lost to light chains")

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
    harm_max = Param(0.5, "1", "share of kidney function that light chains can take", low=0, high=1, **ASSUMED)
    harm_half = Param(1500.0, "mg/L", "light chain of half of that", low=0, **ASSUMED)
    harm_rate = Param(0.02, "1/day", "rate at which the kidney is harmed and recovers", low=0, **ASSUMED)

    m_protein = Output("g/L", "serum M-protein")
    flc = Output("mg/L", "involved free light chain")
    sbcma = Output("ng/mL", "soluble BCMA")
    kidney = Output("mL/min", "creatinine clearance")


def harm_goal(p, light_chain):
    """Share of kidney function lost at a steady light chain."""
    return p.harm_max * emax(light_chain, p.harm_half)


def kidney_function(s, p):
    """Creatinine clearance, that of the patient at entry."""
    return p.creatinine_clearance * (1 - s.kidney_harm) / (1 - harm_goal(p, p.flc_entry))


def marker_rates(s, p, burden, bearing):
    """Change of serum markers; `bearing` is cells weighted by BCMA."""

    def m_loss(level):
        whole = level + p.igg_other
        igg = p.igg_loss_low + (p.igg_loss_high - p.igg_loss_low) * emax(whole, p.igg_half)
        return p.igg * igg + (1 - p.igg) * p.iga_loss

    tumour = burden / p.cells_entry
    flc_loss = p.flc_loss_base + p.flc_loss_renal * kidney_function(s, p)
    flc_made = p.flc_loss_base + p.flc_loss_renal * p.creatinine_clearance
    flc_from = minimum(p.flc_normal, p.flc_entry) + positive(p.flc_entry - p.flc_normal) * tumour
    bcma_goal = minimum(p.bcma_normal, p.sbcma_entry) + positive(p.sbcma_entry - p.bcma_normal) * bearing
    return dict(
        paraprotein=m_loss(p.m_protein_entry) * p.m_protein_entry * tumour - m_loss(s.paraprotein) * s.paraprotein,
        light_chain=flc_made * flc_from - flc_loss * s.light_chain,
        bcma=p.bcma_loss * (bcma_goal - s.bcma),
        kidney_harm=p.harm_rate * (harm_goal(p, s.light_chain) - s.kidney_harm),
    )
