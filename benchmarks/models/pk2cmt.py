"""Two compartments after doses by mouth, kinetics from a card and solved in closed form."""

from __future__ import annotations

from pdsim.model import Input, Model, Output, Param, State, additive


class TwoCompartments(Model):
    """Nothing but the concentration that the card gives; the one state stands still."""

    idle = State(1.0, "1", "a state without change, for a model has one")
    stay = Param(0.0, "1/day", "rate of the idle state")
    level = Input("1", "drug in plasma in multiples of 1 mg/L", combine=additive)
    concentration = Output("1", "drug in plasma in multiples of 1 mg/L")

    @staticmethod
    def rates(t, s, p, u, d):
        return d(idle=p.stay * s.idle)

    @staticmethod
    def outputs(t, s, p, u):
        return dict(concentration=u.level)
