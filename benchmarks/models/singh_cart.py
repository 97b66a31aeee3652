"""CAR-T cells against myeloma (Singh 2021 CPT Pharmacometrics Syst Pharmacol 10:362, doi 10.1002/psp4.12598)."""

from __future__ import annotations

from pdsim.model import Model, Output, Param, State, emax, power


class SinghCart(Model):
    """Effector and memory CAR-T cells in blood and marrow, complexes with BCMA, tumour, M-protein and soluble BCMA."""

    effector_blood = State(450e6, "cell", "effector CAR-T cells in blood")
    memory_blood = State(0.0, "cell", "memory CAR-T cells in blood", scale=1e4)
    effector_marrow = State(3.65e-6, "cell", "effector CAR-T cells in marrow", scale=1e4)
    memory_marrow = State(0.0, "cell", "memory CAR-T cells in marrow", scale=1e4)
    complexes = State(0.0, "1/L", "CAR-BCMA complexes in marrow", scale=1e9)
    tumour = State(2.5e9, "cell/L", "tumour cells in marrow", scale=1e6)
    paraprotein = State(0.25, "g/L", "serum M-protein")
    bcma = State(0.6, "ng/mL", "soluble BCMA", scale=1e-3)

    dose = Param(450e6, "cell", "CAR-T cells given at day 0")
    start_marrow = Param(1e-6, "cell/L", "effector cells in marrow at day 0")
    K12 = Param(1.71, "1/day", "blood to marrow")
    K21 = Param(0.176, "1/day", "marrow to blood")
    Kele = Param(113.0, "1/day", "loss of effector cells from blood")
    Kelm = Param(0.219, "1/day", "loss of memory cells from blood")
    Kexp = Param(1.73, "1/day", "largest expansion")
    EC50 = Param(10.0, "1/cell", "complexes a CAR-T cell of half expansion")
    Rm = Param(2e-5, "1/day", "effector to memory")
    Kkill = Param(0.343, "1/day", "largest kill")
    KC50 = Param(2.24, "1/cell", "complexes a tumour cell of half kill")
    Kg = Param(0.008, "1/day", "growth of the tumour")
    gm = Param(0.215, "1", "exponent of M-protein on tumour")
    gb = Param(1.0, "1", "exponent of soluble BCMA on tumour")
    kon = Param(7.103e4 * 86400 / 6.023e23, "L/day", "binding")
    koff = Param(2.385e-3 * 86400, "1/day", "unbinding")
    AgC = Param(15000.0, "1/cell", "receptors a CAR-T cell")
    AgT = Param(12590.0, "1/cell", "BCMA molecules a tumour cell")
    Vbm = Param(3.65, "L", "marrow volume")
    T0 = Param(2.5e9, "cell/L", "tumour at entry")
    Km = Param(0.117, "1/day", "elimination of M-protein")
    Pm = Param(12.1e-12, "g/cell/day", "secretion of M-protein")
    Kb = Param(0.7, "1/day", "elimination of soluble BCMA")
    Pb = Param(0.175e-6, "ng*L/mL/cell/day", "shedding of BCMA")

    m_protein = Output("g/L", "serum M-protein")
    sbcma = Output("ng/mL", "soluble BCMA")
    tumour_cells = Output("cell/L", "tumour cells in marrow")
    marrow_cart = Output("cell", "effector CAR-T cells in marrow")

    @staticmethod
    def initial(p):
        return dict(
            effector_blood=p.dose,
            effector_marrow=p.start_marrow * p.Vbm,
            tumour=p.T0,
            paraprotein=p.Pm * p.T0 / p.Km,
            bcma=p.Pb * p.T0 / p.Kb,
        )

    @staticmethod
    def rates(t, s, p, u, d):
        cart = (s.effector_marrow + s.memory_marrow) / p.Vbm
        expansion = p.Kexp * emax(s.complexes / cart, p.EC50)
        kill = p.Kkill * emax(s.complexes / s.tumour, p.KC50)
        free_receptors = cart * p.AgC - s.complexes
        free_antigen = s.tumour * p.AgT - s.complexes
        resting = p.Rm * s.effector_marrow
        return d(
            effector_blood=p.K21 * s.effector_marrow - (p.K12 + p.Kele) * s.effector_blood,
            memory_blood=p.K21 * s.memory_marrow - (p.K12 + p.Kelm) * s.memory_blood,
            effector_marrow=p.K12 * s.effector_blood + (expansion - p.K21) * s.effector_marrow - resting,
            memory_marrow=p.K12 * s.memory_blood - p.K21 * s.memory_marrow + resting,
            complexes=p.kon * free_receptors * free_antigen - p.koff * s.complexes,
            tumour=(p.Kg - kill) * s.tumour,
            paraprotein=p.Pm * p.T0 * power(s.tumour / p.T0, p.gm) - p.Km * s.paraprotein,
            bcma=p.Pb * p.T0 * power(s.tumour / p.T0, p.gb) - p.Kb * s.bcma,
        )

    @staticmethod
    def outputs(t, s, p, u):
        return dict(
            m_protein=s.paraprotein,
            sbcma=s.bcma,
            tumour_cells=s.tumour,
            marrow_cart=s.effector_marrow,
        )
