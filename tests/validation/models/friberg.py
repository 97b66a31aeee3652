"""Neutrophils under chemotherapy, Friberg 2002 J Clin Oncol 20:4713, as deviations from baseline; time in hours."""

from pdsim.model import Model, Param, State, power


class Friberg(Model):
    """Two-compartment pharmacokinetics, proliferating cells, three transits and circulating cells with feedback."""

    time = "hour"

    gut = State(0.0, "mg", "amount in the gut", dosed=True)
    central = State(0.0, "mg", "amount in the central compartment", dosed=True)
    peripheral = State(0.0, "mg", "amount in the peripheral compartment")
    proliferating = State(0.0, "Gpt", "proliferating cells less baseline", scale=5.0)
    transit_1 = State(0.0, "Gpt", "first transit less baseline", scale=5.0)
    transit_2 = State(0.0, "Gpt", "second transit less baseline", scale=5.0)
    transit_3 = State(0.0, "Gpt", "third transit less baseline", scale=5.0)
    circulating = State(0.0, "Gpt", "circulating cells less baseline", scale=5.0)

    absorption = Param(2.0, "1/hour", "absorption rate", low=0, source="Torsten, ode_typed_frieberg_karlsson_test")
    clearance = Param(10.0, "L/hour", "clearance", low=0, source="Torsten")
    exchange = Param(15.0, "L/hour", "flow between the compartments", low=0, source="Torsten")
    volume = Param(35.0, "L", "central volume", low=0, source="Torsten")
    peripheral_volume = Param(105.0, "L", "peripheral volume", low=0, source="Torsten")
    transit_time = Param(125.0, "hour", "mean time from proliferating to circulating", low=0, source="Torsten")
    baseline = Param(5.0, "Gpt", "circulating cells without drug", low=0, source="Torsten")
    feedback = Param(0.17, "1", "exponent of the feedback", low=0, source="Torsten")
    effect = Param(3e-4, "L/mg", "loss of proliferation by concentration", low=0, source="Torsten")
    stages = Param(4.0, "1", "stages that share the transit time", low=1, source="Torsten")

    @staticmethod
    def rates(t, s, p, u, d):
        step = p.stages / p.transit_time
        flow = p.exchange * (s.central / p.volume - s.peripheral / p.peripheral_volume)
        proliferation = (1 - p.effect * s.central / p.volume) * power(
            p.baseline / (s.circulating + p.baseline), p.feedback
        )
        return d(
            gut=-p.absorption * s.gut,
            central=p.absorption * s.gut - p.clearance / p.volume * s.central - flow,
            peripheral=flow,
            proliferating=step * (s.proliferating + p.baseline) * (proliferation - 1),
            transit_1=step * (s.proliferating - s.transit_1),
            transit_2=step * (s.transit_1 - s.transit_2),
            transit_3=step * (s.transit_2 - s.transit_3),
            circulating=step * (s.transit_3 - s.circulating),
        )
