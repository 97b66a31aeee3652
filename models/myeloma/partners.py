"""Drugs on one target inside the cell: proteasome, BCL2, XPO1, HDAC, mTOR and AKT."""

from __future__ import annotations

from pdsim.model import Input, Output, Param, State, additive, bliss, competitive_binding, hill

from .sources import ASSUMED, PILOT, PROTEASOME


class Partners:
    """Proteasome activity and the classes that need no state of their own."""

    proteasome = State(1.0, "1", "proteasomes that are not inactivated, relative to normal")

    proteasome_inactivation = Input("1/day", "irreversible inactivation of proteasomes", combine=additive)
    proteasome_block = Input("1", "share of proteasome activity blocked reversibly", combine=competitive_binding)
    bcl2_block = Input("1", "share of BCL2 occupied", combine=bliss)
    xpo1_block = Input("1", "share of XPO1 occupied", combine=bliss)
    hdac_block = Input("1", "share of histone deacetylase occupied", combine=bliss)
    mtor_block = Input("1", "share of mTOR or AKT signalling blocked", combine=bliss)

    proteasome_sensitivity = Param(1.0, "1", "proteasome inhibition felt, to normal", dim="clone", low=0, **PILOT)
    bcl2 = Param(1.0, "1", "dependence on BCL2 relative to normal", dim="clone", low=0, **ASSUMED)

    proteasome_turnover = Param(0.4, "1/day", "renewal of proteasomes, half-life 42 h", low=0, **PROTEASOME)
    proteasome_kill = Param(0.09, "1/day", "maximal kill by proteasome inhibition", low=0, **PILOT)
    proteasome_half = Param(0.4, "1", "inhibition of half-maximal kill", low=0, **ASSUMED)
    proteasome_steepness = Param(3.0, "1", "Hill coefficient of kill on inhibition", low=0, **ASSUMED)
    proteasome_t_4_14 = Param(0.2, "1", "rise of the kill with t(4;14)", **ASSUMED)
    bcl2_kill = Param(0.06, "1/day", "maximal kill by BCL2 block with t(11;14)", low=0, **ASSUMED)
    bcl2_other = Param(0.15, "1", "share of that kill without t(11;14)", low=0, high=1, **ASSUMED)
    xpo1_kill = Param(0.025, "1/day", "maximal kill by XPO1 block", low=0, **ASSUMED)
    hdac_kill = Param(0.008, "1/day", "maximal kill by HDAC block alone", low=0, **ASSUMED)
    hdac_proteasome = Param(2.0, "1", "gain of HDAC kill when the proteasome is fully inhibited", low=0, **ASSUMED)
    mtor_kill = Param(0.006, "1/day", "maximal kill by mTOR or AKT block", low=0, **ASSUMED)

    proteasome_activity = Output("1", "proteasome activity relative to normal")


def activity_left(s, u):
    """Proteasome activity, 1 without drug."""
    return s.proteasome * (1 - u.proteasome_block)


def partner_kill(p, u, inhibited, proteasome_sensitivity, bcl2):
    """Kill of one clone."""
    felt = proteasome_sensitivity * inhibited
    by_proteasome = (
        p.proteasome_kill * (1 + p.proteasome_t_4_14 * p.t_4_14) * hill(felt, p.proteasome_half, p.proteasome_steepness)
    )
    by_bcl2 = p.bcl2_kill * bcl2 * (p.bcl2_other + (1 - p.bcl2_other) * p.t_11_14) * u.bcl2_block
    by_hdac = p.hdac_kill * (1 + p.hdac_proteasome * felt) * u.hdac_block
    return by_proteasome + by_bcl2 + by_hdac + p.xpo1_kill * u.xpo1_block + p.mtor_kill * u.mtor_block


def partner_rates(s, p, u):
    """Change of the proteasomes."""
    return dict(proteasome=p.proteasome_turnover * (1 - s.proteasome) - u.proteasome_inactivation * s.proteasome)
