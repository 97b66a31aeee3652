"""One compartment with first-order absorption, as in the NONMEM dosing scenarios; time in hours."""

from pdsim.model import Model, Output, Param, State


class Absorption(Model):
    """Depot and central compartment: ADVAN2 of NONMEM."""

    time = "hour"

    depot = State(0.0, "mg", "amount at the site of absorption", dosed=True)
    central = State(0.0, "mg", "amount in the body", dosed=True)

    absorption = Param(1.5, "1/hour", "absorption rate", low=0, source="mrgsolve nmtests")
    clearance = Param(1.1, "L/hour", "clearance", low=0, source="mrgsolve nmtests")
    volume = Param(20.0, "L", "volume of distribution", low=0, source="mrgsolve nmtests")
    bioavailability = Param(1.0, "1", "share of a dose to the central compartment", low=0, source="mrgsolve nmtests")

    concentration = Output("mg/L", "plasma concentration")

    @staticmethod
    def rates(t, s, p, u, d):
        absorbed = p.absorption * s.depot
        return d(depot=-absorbed, central=absorbed - p.clearance / p.volume * s.central)

    @staticmethod
    def outputs(t, s, p, u):
        return dict(concentration=s.central / p.volume)
