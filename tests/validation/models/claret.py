"""Tumour growth inhibition with resistance, Claret 2009 J Clin Oncol 27:4103; time in weeks."""

from pdsim.model import Model, Output, Param, State, exp, log


class Claret(Model):
    """dY/dt = growth Y - shrinkage exp(-resistance t) log(dose) Y."""

    time = "week"

    size = State(70.0, "mm", "sum of tumour diameters")

    start = Param(70.0, "mm", "size at time 0", low=0, source="mrgsolve nmtests, claret_tgi")
    growth = Param(0.6, "1/week", "growth rate", low=0, source="mrgsolve nmtests, claret_tgi")
    shrinkage = Param(0.4, "1/week", "shrinkage at log(dose) = 1", low=0, source="mrgsolve nmtests, claret_tgi")
    resistance = Param(0.8, "1/week", "rate at which the effect is lost", low=0, source="mrgsolve nmtests, claret_tgi")
    dose = Param(10.0, "1", "dose", low=1, source="mrgsolve nmtests, claret_tgi")

    written_out = Output("mm", "size at this time had the dose always been the present one")

    @staticmethod
    def initial(p):
        return dict(size=p.start)

    @staticmethod
    def rates(t, s, p, u, d):
        return d(size=p.growth * s.size - p.shrinkage * exp(-p.resistance * t) * log(p.dose) * s.size)

    @staticmethod
    def outputs(t, s, p, u):
        lost = p.shrinkage * log(p.dose) / p.resistance * (1 - exp(-p.resistance * t))
        return dict(written_out=p.start * exp(p.growth * t - lost))
