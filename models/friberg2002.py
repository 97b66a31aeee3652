"""Leukocytes under chemotherapy: proliferating cells, three transits, blood and feedback (Friberg 2002)."""

from __future__ import annotations

from pdsim.model import Model, Output, Param, State, power

PAPER = {"source": "Friberg 2002 doi:10.1200/JCO.2002.02.140, paclitaxel, leukocytes", "status": "verified"}
DEPOSITED = {"source": "DDMODEL00000186, the deposited code of Friberg 2002", "status": "verified"}
MEDIAN = {"source": "median patient of DDMODEL00000186; the paper took each patient's own", "status": "assumed"}


class Friberg2002(Model):
    """A drug slows proliferation in marrow; cells reach blood after four stages, and few of them speed it up.

    With ``step = stages / transit_time`` and c the drug's concentration:

        d proliferating / dt = step proliferating ((1 - slope c) (baseline / circulating)^feedback - 1)
        d transit_1 / dt     = step (proliferating - transit_1), and so on to transit_3 and circulating

    Under a constant concentration blood settles at ``baseline (1 - slope c)^(1 / feedback)``.

    Friberg LE et al. 2002, J Clin Oncol 20:4713-4721, doi:10.1200/JCO.2002.02.140; paclitaxel and leukocytes. Kinetics
    are not part of the paper, which took each patient's own from earlier work: here two compartments with infusion
    into `central` or absorption from `gut`.
    """

    time = "hour"

    gut = State(0.0, "umol", "drug in the gut, where it is given by mouth", dosed=True, scale=1.0)
    central = State(0.0, "umol", "drug in the central compartment", dosed=True, scale=1.0)
    peripheral = State(0.0, "umol", "drug in the peripheral compartment", scale=1.0)
    proliferating = State(7.21, "Gpt", "proliferating cells")
    transit_1 = State(7.21, "Gpt", "maturing cells, first stage")
    transit_2 = State(7.21, "Gpt", "maturing cells, second stage")
    transit_3 = State(7.21, "Gpt", "maturing cells, third stage")
    circulating = State(7.21, "Gpt", "cells in blood")

    baseline = Param(7.21, "Gpt", "cells in blood without drug, Circ0", low=0, **PAPER)
    transit_time = Param(124.0, "hour", "mean transit time, MTT", low=0, **PAPER)
    feedback = Param(0.239, "1", "exponent of the feedback, gamma", low=0, **PAPER)
    slope = Param(28.9, "L/umol", "loss of proliferation by concentration, Slope", low=0, **PAPER)
    stages = Param(4.0, "1", "stages that share the transit time", low=1, **PAPER)
    clearance = Param(285.0, "L/hour", "clearance", low=0, **MEDIAN)
    volume = Param(290.0, "L", "central volume", low=0, **MEDIAN)
    exchange = Param(204.0, "L/hour", "flow between the compartments", low=0, **DEPOSITED)
    peripheral_volume = Param(1000.0, "L", "peripheral volume", low=0, **MEDIAN)
    absorption = Param(2.0, "1/hour", "absorption from the gut", low=0, source="chosen; paclitaxel is infused")

    leukocytes = Output("Gpt", "leukocytes in blood")
    concentration = Output("umol/L", "drug in plasma")

    @staticmethod
    def initial(p):
        cells = ("proliferating", "transit_1", "transit_2", "transit_3", "circulating")
        return dict.fromkeys(cells, p.baseline)

    @staticmethod
    def rates(t, s, p, u, d):
        step = p.stages / p.transit_time
        concentration = s.central / p.volume
        absorbed = p.absorption * s.gut
        flow = p.exchange * (concentration - s.peripheral / p.peripheral_volume)
        proliferation = (1 - p.slope * concentration) * power(p.baseline / s.circulating, p.feedback)
        return d(
            gut=-absorbed,
            central=absorbed - p.clearance * concentration - flow,
            peripheral=flow,
            proliferating=step * s.proliferating * (proliferation - 1),
            transit_1=step * (s.proliferating - s.transit_1),
            transit_2=step * (s.transit_1 - s.transit_2),
            transit_3=step * (s.transit_2 - s.transit_3),
            circulating=step * (s.transit_3 - s.circulating),
        )

    @staticmethod
    def outputs(t, s, p, u):
        return dict(leukocytes=s.circulating, concentration=s.central / p.volume)
