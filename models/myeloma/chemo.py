"""Cytotoxic drugs and steroids."""

from __future__ import annotations

from pdsim.model import Input, Param, State, additive, emax

from .sources import ASSUMED, CHOSEN, COMPOSITE, PILOT


class Chemo:
    """Alkylators, anthracyclines and other cytotoxic drugs, and steroids."""

    steroid_effect = State(0.0, "1", "steroid effect, delayed behind receptor occupancy", scale=1.0)

    alkylator = Input(
        "1", "alkylator exposure; 1 is the typical mean at cyclophosphamide 50 mg daily", combine=additive
    )
    cytotoxic = Input("1", "anthracycline and antimitotic exposure; 1 is half of the maximal kill", combine=additive)
    glucocorticoid = Input("1", "steroid concentration over that of half occupancy", combine=additive)

    alkylator_sensitivity = Param(1.0, "1", "kill by alkylators relative to normal", dim="clone", low=0, **ASSUMED)
    steroid = Param(1.0, "1", "sensitivity to steroids relative to normal", dim="clone", low=0, **PILOT)
    alkylator_kill = Param(0.0075, "1/day", "kill at alkylator exposure 1 (H1); k_CP", low=0, **CHOSEN)
    cytotoxic_kill = Param(0.06, "1/day", "maximal kill by anthracyclines and antimitotics", low=0, **PILOT)
    steroid_kill = Param(0.053, "1/day", "kill at full steroid effect; k_GC", low=0, **PILOT)
    steroid_half = Param(5.0, "1", "steroid load of half-maximal effect, in half occupancies", low=0, **CHOSEN)
    steroid_turnover = Param(1.0, "1/day", "rate at which the steroid effect follows occupancy", low=0, **CHOSEN)
    steroid_immune_loss = Param(0.2, "1", "immune kill lost at full steroid effect; dexT", low=0, high=1, **COMPOSITE)


def chemo_kill(s, p, u, alkylator_sensitivity, steroid):
    """Kill of one clone."""
    cell_death = p.alkylator_kill * alkylator_sensitivity * u.alkylator + p.cytotoxic_kill * emax(u.cytotoxic)
    return (1 - p.apoptosis_del17p * p.del17p) * cell_death + p.steroid_kill * steroid * s.steroid_effect


def chemo_rates(s, p, u):
    """Change of the steroid effect."""
    return dict(steroid_effect=p.steroid_turnover * (emax(u.glucocorticoid, p.steroid_half) - s.steroid_effect))
