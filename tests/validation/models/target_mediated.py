"""Target-mediated disposition with saturable binding, from NONMEM's design tutorial; time in days."""

from pdsim.model import Model, Output, Param, State


class TargetMediated(Model):
    """Two compartments; drug and target eliminate each other at a saturable rate."""

    central = State(0.0, "nmol", "drug in the central compartment", dosed=True)
    peripheral = State(0.0, "nmol", "drug in the peripheral compartment")
    target = State(0.0, "nmol", "target; its entry amount comes as a dose", dosed=True)

    volume = Param(49.82, "L", "central volume", low=0, source="Bauer 2021 CPT:PSP tutorial")
    elimination = Param(0.1122, "1/day", "elimination rate", low=0, source="Bauer 2021 CPT:PSP tutorial")
    outwards = Param(1.747, "1/day", "rate to the periphery", low=0, source="Bauer 2021 CPT:PSP tutorial")
    inwards = Param(0.83, "1/day", "rate from the periphery", low=0, source="Bauer 2021 CPT:PSP tutorial")
    binding = Param(9.6, "1/day", "largest elimination by the target", low=0, source="Bauer 2021 CPT:PSP tutorial")
    half = Param(61.5, "nmol", "amount at half of that", low=0, source="Bauer 2021 CPT:PSP tutorial")
    production = Param(40.77, "nmol/day", "production of target", low=0, source="Bauer 2021 CPT:PSP tutorial")
    turnover = Param(0.4922, "1/day", "turnover rate of target", low=0, source="Bauer 2021 CPT:PSP tutorial")
    baseline = Param(82.8, "1", "amount of target at entry, as the bioavailability of a dose of 1 nmol", low=0,
                     source="production / turnover")  # fmt: skip

    drug = Output("nM", "drug in plasma")
    free_target = Output("nM", "target in plasma")

    @staticmethod
    def rates(t, s, p, u, d):
        met = s.central * s.target / (s.central + p.half)
        return d(
            central=-(p.elimination + p.outwards) * s.central + p.inwards * s.peripheral - p.binding * met,
            peripheral=p.outwards * s.central - p.inwards * s.peripheral,
            target=p.production - p.turnover * s.target - (p.binding - p.turnover) * met,
        )

    @staticmethod
    def outputs(t, s, p, u):
        return dict(drug=s.central / p.volume, free_target=s.target / p.volume)
