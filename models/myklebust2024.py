"""Relapse of M-protein: a sensitive part falls, a resistant part rises (Myklebust 2024, IKEMA)."""

from __future__ import annotations

from pdsim.model import Model, Output, Param, State

SHOWN = {"source": "illustrative patient in the authors' code (evenmm/mm-predict-ikema); no estimate, none was seen"}


class Myklebust2024(Model):
    """Two exponentials: M(t) = entry ((1 - resistant) exp(-fall t) + resistant exp(rise t)).

        d sensitive_m / dt = -fall sensitive_m
        d resistant_m / dt = rise resistant_m

    M-protein is lowest after ``ln((1 - resistant) fall / (resistant rise)) / (fall + rise)`` where that is positive.

    Myklebust EM et al. 2024, medRxiv, doi:10.1101/2024.05.02.24306607: a hierarchical Bayesian model of 229 patients
    of IKEMA (isatuximab, carfilzomib, dexamethasone), here for one patient. It reports no typical values that could be
    taken over, so that those below show the shape alone; all are assumed. Each patient has values of its own.
    """

    sensitive_m = State(16.8, "g/L", "M-protein from sensitive cells")
    resistant_m = State(3.2, "g/L", "M-protein from resistant cells")

    entry = Param(20.0, "g/L", "M-protein at the start of treatment, psi", low=0, status="assumed", **SHOWN)
    resistant = Param(0.16, "1", "resistant share at the start, pi_r", low=0, high=1, status="assumed", **SHOWN)
    fall = Param(0.01, "1/day", "decline of the sensitive part, -rho_s", low=0, status="assumed", **SHOWN)
    rise = Param(0.004, "1/day", "growth of the resistant part, rho_r", low=0, status="assumed", **SHOWN)

    m_protein = Output("g/L", "serum M-protein")

    @staticmethod
    def initial(p):
        return dict(sensitive_m=(1 - p.resistant) * p.entry, resistant_m=p.resistant * p.entry)

    @staticmethod
    def rates(t, s, p, u, d):
        return d(sensitive_m=-p.fall * s.sensitive_m, resistant_m=p.rise * s.resistant_m)

    @staticmethod
    def outputs(t, s, p, u):
        return dict(m_protein=s.sensitive_m + s.resistant_m)
