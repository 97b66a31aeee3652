"""Two compartments with doses into the central one; time in hours."""

from pdsim.model import Model, Output, Param, State


class TwoCompartment(Model):
    """Central and peripheral amounts: ADVAN3 of NONMEM."""

    time = "hour"

    central = State(0.0, "mg", "amount in the central compartment", dosed=True)
    peripheral = State(0.0, "mg", "amount in the peripheral compartment")

    clearance = Param(3.5, "L/hour", "clearance", low=0, source="set by every table")
    volume = Param(9.0, "L", "central volume", low=0, source="set by every table")
    exchange = Param(6.7, "L/hour", "flow between the compartments", low=0, source="set by every table")
    peripheral_volume = Param(25.0, "L", "peripheral volume", low=0, source="set by every table")

    concentration = Output("mg/L", "plasma concentration")

    @staticmethod
    def rates(t, s, p, u, d):
        flow = p.exchange * (s.central / p.volume - s.peripheral / p.peripheral_volume)
        return d(central=-p.clearance / p.volume * s.central - flow, peripheral=flow)

    @staticmethod
    def outputs(t, s, p, u):
        return dict(concentration=s.central / p.volume)
