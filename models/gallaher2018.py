"""Myeloma under immune control: M-protein, cytotoxic T cells, NK cells and Tregs (Gallaher 2018)."""

from __future__ import annotations

from pdsim.model import Model, Output, Param, State, emax

PAPER = {"source": "Gallaher 2018 J Theor Biol 458:31, PMID 30172689 (BioModels MODEL1907050001)", "status": "verified"}


class Gallaher2018(Model):
    """M-protein stands for the tumour; T and NK cells kill it, Tregs and M-protein hold them back.

    With ``by_x(y) = x_on_y x / (x_on_y_half + x)`` for what x does to y:

        kill   = (by_nk(m) + by_t(m) + joint nk t / ((nk_half + nk) (t_half + t))) (1 - by_m(m) - by_treg(m))
        dm/dt  = m_source + m_growth (1 - m / m_capacity) m - m_loss (1 + kill) m
        dt/dt  = t_growth (1 - t / t_capacity) (1 + by_m(t) + by_nk(t)) t - t_loss t
        dnk/dt = nk_source + nk_growth (1 - nk / nk_capacity) (1 + by_t(nk)) nk - nk_loss nk
        dr/dt  = treg_growth (1 - r / treg_capacity) (1 + by_m(r)) r - treg_loss r

    Gallaher J et al. 2018, J Theor Biol 458:31-46, PMID 30172689; values of BioModels MODEL1907050001.
    The deposited code lets M-protein and NK cells change places in the growth of T cells; here they stand as in the
    paper. It starts 464 T cells, the paper's mean is 461. No drugs: the base model. `m_on_m` and `treg_on_m` together
    must not exceed 1, or kill could turn into growth.
    """

    paraprotein = State(4.0, "g/dL", "serum M-protein, M")
    effector = State(461.0, "cell/uL", "cytotoxic T cells, TC")
    nk_cells = State(227.0, "cell/uL", "NK cells, N")
    tregs = State(42.0, "cell/uL", "regulatory T cells, TR")

    m_entry = Param(4.0, "g/dL", "M-protein at entry, as deposited", low=0, **PAPER)
    effector_entry = Param(461.0, "cell/uL", "T cells at entry, C0", low=0, **PAPER)
    nk_entry = Param(227.0, "cell/uL", "NK cells at entry, N0", low=0, **PAPER)
    treg_entry = Param(42.0, "cell/uL", "Tregs at entry, R0", low=0, **PAPER)

    m_source = Param(0.001, "g/dL/day", "inflow of M-protein, sM", low=0, **PAPER)
    m_growth = Param(0.0175, "1/day", "growth of M-protein, rM (0.004 to 0.5)", low=0, **PAPER)
    m_capacity = Param(10.0, "g/dL", "capacity for M-protein, KM (7 to 15)", low=0, **PAPER)
    m_loss = Param(0.002, "1/day", "loss of M-protein without kill, deltaM (0.001 to 0.1)", low=0, **PAPER)
    nk_on_m = Param(5.0, "1", "kill by NK cells, aNM (0 to 20)", low=0, **PAPER)
    nk_on_m_half = Param(150.0, "cell/uL", "NK cells at half of that, bNM (0 to 650)", low=0, **PAPER)
    t_on_m = Param(5.0, "1", "kill by T cells, aCM (0 to 20)", low=0, **PAPER)
    t_on_m_half = Param(375.0, "cell/uL", "T cells at half of that, bCM (0 to 1500)", low=0, **PAPER)
    joint = Param(8.0, "1", "kill by NK and T cells together, aCNM (0 to 20)", low=0, **PAPER)
    m_on_m = Param(0.5, "1", "share of kill that M-protein can stop, aMM", low=0, high=1, **PAPER)
    m_on_m_half = Param(3.0, "g/dL", "M-protein at half of that, bMM (0 to 15)", low=0, **PAPER)
    treg_on_m = Param(0.5, "1", "share of kill that Tregs can stop, aRM", low=0, high=1, **PAPER)
    treg_on_m_half = Param(25.0, "cell/uL", "Tregs at half of that, bRM (0 to 120)", low=0, **PAPER)

    t_growth = Param(0.013, "1/day", "growth of T cells, rC (0.01 to 0.5)", low=0, **PAPER)
    t_capacity = Param(800.0, "cell/uL", "capacity for T cells, KC (600 to 1500)", low=0, **PAPER)
    t_loss = Param(0.02, "1/day", "loss of T cells, deltaC (0.01 to 0.5)", low=0, **PAPER)
    m_on_t = Param(5.0, "1", "growth of T cells by M-protein, aMC (0 to 10)", low=0, **PAPER)
    m_on_t_half = Param(3.0, "g/dL", "M-protein at half of that, bMC", low=0, **PAPER)
    nk_on_t = Param(1.0, "1", "growth of T cells by NK cells, aNC (0 to 10)", low=0, **PAPER)
    nk_on_t_half = Param(150.0, "cell/uL", "NK cells at half of that, bNC", low=0, **PAPER)

    nk_source = Param(0.03, "cell/uL/day", "inflow of NK cells, sN (0.001 to 5)", low=0, **PAPER)
    nk_growth = Param(0.04, "1/day", "growth of NK cells, rN (0.01 to 0.5)", low=0, **PAPER)
    nk_capacity = Param(450.0, "cell/uL", "capacity for NK cells, KN (300 to 650)", low=0, **PAPER)
    nk_loss = Param(0.025, "1/day", "loss of NK cells, deltaN", low=0, **PAPER)
    t_on_nk = Param(1.0, "1", "growth of NK cells by T cells, aCN", low=0, **PAPER)
    t_on_nk_half = Param(375.0, "cell/uL", "T cells at half of that, bCN", low=0, **PAPER)

    treg_growth = Param(0.0831, "1/day", "growth of Tregs, rR", low=0, **PAPER)
    treg_capacity = Param(80.0, "cell/uL", "capacity for Tregs, KR (60 to 120)", low=0, **PAPER)
    treg_loss = Param(0.0757, "1/day", "loss of Tregs, deltaR", low=0, **PAPER)
    m_on_treg = Param(2.0, "1", "growth of Tregs by M-protein, aMR (0 to 10)", low=0, **PAPER)
    m_on_treg_half = Param(3.0, "g/dL", "M-protein at half of that, bMR", low=0, **PAPER)

    decilitres = Param(10.0, "dL/L", "decilitres in a litre", low=0, source="definition", status="verified")

    m_protein = Output("g/L", "serum M-protein")
    effector_t = Output("cell/uL", "cytotoxic T cells")
    nk = Output("cell/uL", "NK cells")
    treg = Output("cell/uL", "regulatory T cells")
    m_loss_rate = Output("1/day", "loss of M-protein, with kill")

    @staticmethod
    def initial(p):
        return dict(paraprotein=p.m_entry, effector=p.effector_entry, nk_cells=p.nk_entry, tregs=p.treg_entry)

    @staticmethod
    def rates(t, s, p, u, d):
        m_on_t = p.m_on_t * emax(s.paraprotein, p.m_on_t_half)
        nk_on_t = p.nk_on_t * emax(s.nk_cells, p.nk_on_t_half)
        t_on_nk = p.t_on_nk * emax(s.effector, p.t_on_nk_half)
        m_on_treg = p.m_on_treg * emax(s.paraprotein, p.m_on_treg_half)
        m_gain = p.m_growth * (1 - s.paraprotein / p.m_capacity)
        t_gain = p.t_growth * (1 - s.effector / p.t_capacity) * (1 + m_on_t + nk_on_t)
        nk_gain = p.nk_growth * (1 - s.nk_cells / p.nk_capacity) * (1 + t_on_nk)
        treg_gain = p.treg_growth * (1 - s.tregs / p.treg_capacity) * (1 + m_on_treg)
        return d(
            paraprotein=p.m_source + (m_gain - _loss(s, p)) * s.paraprotein,
            effector=(t_gain - p.t_loss) * s.effector,
            nk_cells=p.nk_source + (nk_gain - p.nk_loss) * s.nk_cells,
            tregs=(treg_gain - p.treg_loss) * s.tregs,
        )

    @staticmethod
    def outputs(t, s, p, u):
        return dict(
            m_protein=p.decilitres * s.paraprotein,
            effector_t=s.effector,
            nk=s.nk_cells,
            treg=s.tregs,
            m_loss_rate=_loss(s, p),
        )


def _loss(s, p):
    """Loss rate of M-protein with kill by T and NK cells."""
    by_nk, by_t = emax(s.nk_cells, p.nk_on_m_half), emax(s.effector, p.t_on_m_half)
    strength = p.nk_on_m * by_nk + p.t_on_m * by_t + p.joint * by_nk * by_t
    held = p.m_on_m * emax(s.paraprotein, p.m_on_m_half) + p.treg_on_m * emax(s.tregs, p.treg_on_m_half)
    return p.m_loss * (1 + strength * (1 - held))
