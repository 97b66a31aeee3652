"""Two compartments after doses by mouth, with the kinetics as states."""

from __future__ import annotations

from pdsim.model import Model, Output, Param, State


class TwoCompartmentStates(Model):
    """Gut, central and peripheral amounts."""

    gut = State(0.0, "mg", "drug in the gut", dosed=True, scale=100.0)
    central = State(0.0, "mg", "drug in plasma", dosed=True, scale=100.0)
    peripheral = State(0.0, "mg", "drug in tissue", scale=100.0)
    absorption = Param(24.0, "1/day", "absorption")
    clearance = Param(24.0, "L/day", "clearance")
    volume = Param(20.0, "L", "central volume")
    distribution_clearance = Param(48.0, "L/day", "flow to the tissue")
    volume_2 = Param(70.0, "L", "peripheral volume")
    unit_level = Param(1.0, "mg/L", "level in whose multiples the output is written")
    concentration = Output("1", "drug in plasma in multiples of 1 mg/L")

    @staticmethod
    def rates(t, s, p, u, d):
        out = p.distribution_clearance * (s.central / p.volume - s.peripheral / p.volume_2)
        return d(
            gut=-p.absorption * s.gut,
            central=p.absorption * s.gut - p.clearance / p.volume * s.central - out,
            peripheral=out,
        )

    @staticmethod
    def outputs(t, s, p, u):
        return dict(concentration=s.central / p.volume / p.unit_level)
