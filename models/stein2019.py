"""Transgene of CAR-T cells in blood: expansion, then decline in two phases (Stein 2019, tisagenlecleucel)."""

from __future__ import annotations

from pdsim.model import Model, Output, Param, State, exp, log, where

TABLE = {"source": "Stein 2019 doi:10.1002/psp4.12388, Table 1 (tisagenlecleucel)", "status": "verified"}


class Stein2019(Model):
    """Effector cells expand until a fixed time, then contract; a small share turns into persisting memory cells.

        d effector / dt = expansion effector                        before peak_time, expansion = ln(fold) / peak_time
        d effector / dt = -contraction effector                     from peak_time on
        d memory / dt   = conversion effector - decline memory      from peak_time on, 0 before
        conversion = persisting (contraction - decline)

    It starts at ``peak / fold``, so that `peak` is reached at `peak_time`, and is
    ``peak ((1 - persisting) exp(-contraction x) + persisting exp(-decline x))`` at ``x = t - peak_time`` after that:
    the output `closed_form`.

    Stein AM et al. 2019, CPT Pharmacometrics Syst Pharmacol 8:285-295, doi:10.1002/psp4.12388, Figure 2 and Table 1.
    Dose, antigen and tumour do not enter. Tocilizumab and corticosteroids, which the paper found without effect on
    expansion, are left out.
    """

    effector = State(6.15, "copy/ug", "transgene of effector cells in the DNA of blood")
    memory = State(0.0, "copy/ug", "transgene of memory cells in the DNA of blood", scale=1.0)

    fold = Param(3900.0, "1", "fold expansion, foldx", low=1, **TABLE)
    peak_time = Param(9.3, "day", "end of expansion, Tmax", low=0, **TABLE)
    peak = Param(24000.0, "copy/ug", "largest transgene, Cmax", low=0, **TABLE)
    contraction = Param(0.16, "1/day", "fast decline, alpha", low=0, **TABLE)
    persisting = Param(0.0079, "1", "share of the peak that declines slowly, FB", low=0, high=1, **TABLE)
    decline = Param(0.0032, "1/day", "slow decline, beta", low=0, **TABLE)

    transgene = Output("copy/ug", "transgene copies in the DNA of blood")
    closed_form = Output("copy/ug", "the same from the closed form")

    @staticmethod
    def initial(p):
        return dict(effector=p.peak / p.fold)

    @staticmethod
    def rates(t, s, p, u, d):
        peaked = where(t < p.peak_time, 0.0, 1.0)
        expansion = log(p.fold) / p.peak_time
        conversion = p.persisting * (p.contraction - p.decline)
        return d(
            effector=((1 - peaked) * expansion - peaked * p.contraction) * s.effector,
            memory=peaked * conversion * s.effector - p.decline * s.memory,
        )

    @staticmethod
    def outputs(t, s, p, u):
        after = t - p.peak_time
        growing = exp(log(p.fold) / p.peak_time * t) / p.fold
        fading = (1 - p.persisting) * exp(-p.contraction * after) + p.persisting * exp(-p.decline * after)
        return dict(transgene=s.effector + s.memory, closed_form=p.peak * where(t < p.peak_time, growing, fading))
