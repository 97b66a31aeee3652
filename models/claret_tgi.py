"""Tumour growth inhibition with resistance, with values for M-protein (Claret 2009; Li 2025)."""

from __future__ import annotations

from pdsim.model import Model, Output, Param, State, exp

LI = {"source": "Li 2025 doi:10.1111/cts.70296, Table 3 (M-protein under modakafusp alfa)", "status": "verified"}


class ClaretTgi(Model):
    """A tumour grows, and a drug whose effect wanes shrinks it.

        d size / dt = growth size - shrinkage exposure exp(-resistance t) size

    Under constant exposure size is
    ``start exp(growth t - shrinkage exposure / resistance (1 - exp(-resistance t)))``, which the output `closed_form`
    gives, and smallest after ``ln(shrinkage exposure / growth) / resistance``.

    Claret L et al. 2009, J Clin Oncol 27:4103-4108, doi:10.1200/JCO.2008.21.0807, where size is the sum of diameters.
    Values are those of Li C et al. 2025, Clin Transl Sci 18:e70296, where size is M-protein and exposure is
    ``c / (447 ng/mL + c)`` of the drug's concentration. Others took dose, its logarithm or an area under the curve:
    `exposure` is a parameter, which an event table or a cohort sets. It has no published default.
    """

    time = "week"

    paraprotein = State(17.4, "g/L", "serum M-protein, or another size of the tumour")

    start = Param(17.4, "g/L", "size at the start, M0 (CV 64 %)", low=0, **LI)
    growth = Param(0.0303, "1/week", "growth, kg (CV 132 %)", low=0, **LI)
    shrinkage = Param(0.816, "1/week", "shrinkage at exposure 1, kmax (CV 143 %)", low=0, **LI)
    resistance = Param(0.0568, "1/week", "loss of effect, kr (CV 157 %)", low=0, **LI)
    exposure = Param(0.5, "1", "exposure; 0.5 is the concentration of half effect", source="chosen", status="assumed")

    m_protein = Output("g/L", "serum M-protein, or another size of the tumour")
    closed_form = Output("g/L", "the same had exposure always been the present one")

    @staticmethod
    def initial(p):
        return dict(paraprotein=p.start)

    @staticmethod
    def rates(t, s, p, u, d):
        shrinkage = p.shrinkage * p.exposure * exp(-p.resistance * t)
        return d(paraprotein=(p.growth - shrinkage) * s.paraprotein)

    @staticmethod
    def outputs(t, s, p, u):
        lost = p.shrinkage * p.exposure / p.resistance * (1 - exp(-p.resistance * t))
        return dict(m_protein=s.paraprotein, closed_form=p.start * exp(p.growth * t - lost))
