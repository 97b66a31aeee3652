"""Warfarin: absorption, and clotting factors whose production it inhibits; time in hours."""

from pdsim.model import Model, Output, Param, State, emax


class Warfarin(Model):
    """Indirect response: dR/dt = production (1 - C / (C + half)) - loss R."""

    time = "hour"

    depot = State(0.0, "mg", "amount at the site of absorption", dosed=True)
    central = State(0.0, "mg", "amount in the body", dosed=True)
    response = State(96.6, "1", "clotting activity in percent")

    absorption = Param(1.6, "1/hour", "absorption rate", low=0, source="Bauer 2019 CPT:PSP tutorial")
    clearance = Param(0.133, "L/hour", "clearance", low=0, source="Bauer 2019 CPT:PSP tutorial")
    volume = Param(7.95, "L", "volume of distribution", low=0, source="Bauer 2019 CPT:PSP tutorial")
    production = Param(5.41, "1/hour", "production of clotting activity", low=0, source="Bauer 2019 CPT:PSP tutorial")
    loss = Param(0.056, "1/hour", "loss of clotting activity", low=0, source="Bauer 2019 CPT:PSP tutorial")
    half = Param(1.2, "mg/L", "concentration at half inhibition", low=0, source="Bauer 2019 CPT:PSP tutorial")

    concentration = Output("mg/L", "plasma concentration")

    @staticmethod
    def initial(p):
        return dict(response=p.production / p.loss)

    @staticmethod
    def rates(t, s, p, u, d):
        absorbed = p.absorption * s.depot
        return d(
            depot=-absorbed,
            central=absorbed - p.clearance / p.volume * s.central,
            response=p.production * (1 - emax(s.central / p.volume, p.half)) - p.loss * s.response,
        )

    @staticmethod
    def outputs(t, s, p, u):
        return dict(concentration=s.central / p.volume)
