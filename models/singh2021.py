"""Ide-cel against myeloma: CAR-T cells, BCMA complexes, tumour, M-protein and soluble BCMA (Singh 2021)."""

from __future__ import annotations

from pdsim.model import Model, Output, Param, State, emax, power

TABLE = {"source": "Singh 2021 doi:10.1002/psp4.12598, Table 1, clinical model", "status": "verified"}
CODE = {"source": "Singh 2021 doi:10.1002/psp4.12598, authors' Monolix code", "status": "verified"}


class Singh2021(Model):
    """Effector and memory CAR-T cells in blood and marrow; complexes with BCMA expand them and kill the tumour.

    With ``cart`` the CAR-T cells in a litre of marrow, ``complexes`` those in a litre of marrow:

        expansion = expansion_max x / (expansion_half + x),   x = complexes / cart
        kill      = kill_max y / (kill_half + y),             y = complexes / tumour
        d effector_blood / dt  = to_blood effector_marrow - (to_marrow + effector_loss) effector_blood
        d memory_blood / dt    = to_blood memory_marrow - (to_marrow + memory_loss) memory_blood
        d effector_marrow / dt = to_marrow effector_blood + (expansion - to_blood - conversion) effector_marrow
        d memory_marrow / dt   = to_marrow memory_blood - to_blood memory_marrow + conversion effector_marrow
        d complexes / dt = binding (cars cart - complexes) (antigens tumour - complexes) - unbinding complexes
        d tumour / dt    = (growth - kill) tumour
        d paraprotein / dt = secretion tumour_entry (tumour / tumour_entry)^secretion_power - clearance paraprotein
        d bcma / dt        = shedding tumour_entry (tumour / tumour_entry)^shedding_power - bcma_clearance bcma

    Singh AP et al. 2021, CPT Pharmacometrics Syst Pharmacol 10:362-376, doi:10.1002/psp4.12598, equations 6-20 of its
    supplement and the authors' Monolix code, fitted to CRB-401. Cells are numbers here and concentrations there. A
    dose enters `effector_blood`. `effector_loss` is no life span: it takes in all leaving of blood. There is neither
    exhaustion nor loss of antigen.
    """

    effector_blood = State(0.0, "cell", "effector CAR-T cells in blood; the infusion", dosed=True, scale=1e6)
    memory_blood = State(0.0, "cell", "memory CAR-T cells in blood", scale=1e4)
    effector_marrow = State(3.65e-6, "cell", "effector CAR-T cells in marrow", scale=1e4)
    memory_marrow = State(0.0, "cell", "memory CAR-T cells in marrow", scale=1e4)
    complexes = State(0.0, "1/L", "complexes of CAR and BCMA in marrow", scale=1e9)
    tumour = State(2.5e9, "cell/L", "myeloma cells in marrow", scale=1e6)
    paraprotein = State(0.2585, "g/L", "serum M-protein")
    bcma = State(625.0, "ng/mL", "soluble BCMA in serum", scale=1.0)

    expansion_max = Param(1.73, "1/day", "largest expansion of effector cells, Kexp_max", low=0, **TABLE)
    expansion_half = Param(10.0, "1/cell", "complexes on a CAR-T cell at half expansion, EC50_exp", low=0, **TABLE)
    conversion = Param(2e-5, "1/day", "effector to memory, Rm", low=0, **TABLE)
    effector_loss = Param(113.0, "1/day", "loss of effector cells from blood, Kel_e", low=0, **TABLE)
    memory_loss = Param(0.219, "1/day", "loss of memory cells from blood, Kel_m", low=0, **TABLE)
    to_marrow = Param(1.71, "1/day", "blood to marrow, K12", low=0, **TABLE)
    to_blood = Param(0.176, "1/day", "marrow to blood, K21", low=0, **TABLE)
    kill_max = Param(0.343, "1/day", "largest kill of tumour cells, Kkill_max", low=0, **TABLE)
    kill_half = Param(2.24, "1/cell", "complexes on a tumour cell at half kill, KC50", low=0, **TABLE)
    growth = Param(0.008, "1/day", "growth of the tumour, Kg", low=0, **TABLE)
    association = Param(7.103e4, "L/mol/s", "binding of CAR and BCMA, Kon (printed 7.1e4)", low=0, **CODE)
    dissociation = Param(2.385e-3, "1/s", "unbinding of CAR and BCMA, Koff (printed 2.39e-3)", low=0, **CODE)
    cars = Param(15000.0, "1/cell", "receptors on a CAR-T cell, Ag_CAR", low=0, **TABLE)
    antigens = Param(12590.0, "1/cell", "BCMA on a tumour cell, Ag_Tumor", low=0, **TABLE)
    transgene_per_cell = Param(0.002, "copy*L/ug/cell", "transgene copies in DNA, TransC", low=0, **TABLE)
    blood_volume = Param(5.0, "L", "blood, Vb", low=0, **TABLE)
    marrow_volume = Param(3.65, "L", "marrow, Vbm", low=0, **TABLE)
    tumour_entry = Param(2.5e9, "cell/L", "myeloma cells in marrow at entry, Tumor0", low=0, **CODE)
    effector_entry = Param(1e-6, "cell/L", "effector cells in marrow at entry, to keep ratios finite", low=0, **CODE)
    secretion = Param(12.1e-12, "g/day/cell", "M-protein from a cell, Pm (12.1 pg)", low=0, **TABLE)
    secretion_power = Param(0.215, "1", "exponent of the tumour in that, gamma_m", low=0, **TABLE)
    clearance = Param(0.117, "1/day", "elimination of M-protein, Km", low=0, **TABLE)
    shedding = Param(0.175e-6, "ng*L/mL/day/cell", "BCMA shed by a cell, Pb (0.175 pg)", low=0, **TABLE)
    shedding_power = Param(1.0, "1", "exponent of the tumour in that, gamma_b", low=0, **TABLE)
    bcma_clearance = Param(0.7, "1/day", "elimination of soluble BCMA, Kb", low=0, **TABLE)
    avogadro = Param(6.023e23, "1/mol", "molecules in a mole, as in the code", low=0, **CODE)
    seconds = Param(86400.0, "s/day", "seconds in a day", low=0, source="definition", status="verified")

    m_protein = Output("g/L", "serum M-protein")
    sbcma = Output("ng/mL", "soluble BCMA in serum")
    tumour_cells = Output("cell/L", "myeloma cells in marrow")
    car_t = Output("cell", "CAR-T cells in blood and marrow")
    transgene = Output("copy/ug", "transgene copies in the DNA of blood")

    @staticmethod
    def initial(p):
        return dict(
            effector_marrow=p.effector_entry * p.marrow_volume,
            tumour=p.tumour_entry,
            paraprotein=p.secretion * p.tumour_entry / p.clearance,
            bcma=p.shedding * p.tumour_entry / p.bcma_clearance,
        )

    @staticmethod
    def rates(t, s, p, u, d):
        cart = (s.effector_marrow + s.memory_marrow) / p.marrow_volume
        relative = s.tumour / p.tumour_entry
        expansion = p.expansion_max * emax(s.complexes / cart, p.expansion_half)
        kill = p.kill_max * emax(s.complexes / s.tumour, p.kill_half)
        free_cars = p.cars * cart - s.complexes
        free_antigens = p.antigens * s.tumour - s.complexes
        binding = p.association * p.seconds / p.avogadro
        converted = p.conversion * s.effector_marrow
        return d(
            effector_blood=p.to_blood * s.effector_marrow - (p.to_marrow + p.effector_loss) * s.effector_blood,
            memory_blood=p.to_blood * s.memory_marrow - (p.to_marrow + p.memory_loss) * s.memory_blood,
            effector_marrow=p.to_marrow * s.effector_blood + (expansion - p.to_blood) * s.effector_marrow - converted,
            memory_marrow=p.to_marrow * s.memory_blood - p.to_blood * s.memory_marrow + converted,
            complexes=binding * free_cars * free_antigens - p.dissociation * p.seconds * s.complexes,
            tumour=(p.growth - kill) * s.tumour,
            paraprotein=p.secretion * p.tumour_entry * power(relative, p.secretion_power) - p.clearance * s.paraprotein,
            bcma=p.shedding * p.tumour_entry * power(relative, p.shedding_power) - p.bcma_clearance * s.bcma,
        )

    @staticmethod
    def outputs(t, s, p, u):
        blood = s.effector_blood + s.memory_blood
        return dict(
            m_protein=s.paraprotein,
            sbcma=s.bcma,
            tumour_cells=s.tumour,
            car_t=blood + s.effector_marrow + s.memory_marrow,
            transgene=p.transgene_per_cell * blood / p.blood_volume,
        )
