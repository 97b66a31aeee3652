"""Reference problem of 23 states: four clones, T cells, CAR-T cells, markers and neutrophils under three drugs.

The drugs' kinetics are cards, solved in closed form; `mm20_states.py` has the same equations with the kinetics as
states. Clone sizes are relative to the capacity of the marrow. Made up for benchmarks: no claim about patients.
"""

from __future__ import annotations

from pdsim.model import Input, Model, Output, Param, State, additive, emax, hill, positive, power

NEVER = 1e-40  # a size that no clone reaches; its presence makes the solver integrate the logarithm


class Mm20(Model):
    """Disease of the 23-state problem; drug levels in mg/L arrive as Inputs."""

    ikzf = State(1.0, "1", "IKZF1/3 relative to baseline")
    c1 = State(0.3, "1", "first clone", extinct_below=NEVER)
    c2 = State(0.02, "1", "second clone", extinct_below=NEVER)
    c3 = State(1e-3, "1", "third clone", extinct_below=NEVER)
    c4 = State(1e-5, "1", "fourth clone", extinct_below=NEVER)
    t_cells = State(1.0, "1", "effector T cells")
    tregs = State(1.0, "1", "regulatory T cells")
    car_t = State(0.0, "1", "CAR-T cells", dosed=True, scale=0.02)
    car_memory = State(0.0, "1", "resting CAR-T cells", scale=0.02)
    paraprotein = State(30.0, "g/L", "serum M-protein")
    light_chain = State(40.0, "mg/L", "light chain")
    precursors = State(4.0, "Gpt", "proliferating neutrophil precursors")
    transit_1 = State(4.0, "Gpt", "maturing neutrophils, first stage")
    transit_2 = State(4.0, "Gpt", "maturing neutrophils, second stage")
    transit_3 = State(4.0, "Gpt", "maturing neutrophils, third stage")
    neutrophils = State(4.0, "Gpt", "circulating neutrophils")

    lenalidomide = Input("1", "lenalidomide in multiples of 1 mg/L", combine=additive)
    mustard = Input("1", "active metabolite of cyclophosphamide in multiples of 1 mg/L", combine=additive)
    dexamethasone = Input("1", "dexamethasone in multiples of 1 mg/L", combine=additive)

    crbn = Param(1.0, "1", "cereblon")
    KdL = Param(0.15, "1", "lenalidomide of half binding")
    kdI = Param(3.0, "1/day", "turnover of IKZF1/3")
    EmI = Param(12.0, "1", "rise of IKZF1/3 loss")
    B50 = Param(0.4, "1", "binding of half effect")
    rho1 = Param(0.015, "1/day", "growth of the first clone")
    rho2 = Param(0.018, "1/day", "growth of the second clone")
    rho3 = Param(0.020, "1/day", "growth of the third clone")
    rho4 = Param(0.022, "1/day", "growth of the fourth clone")
    Kc = Param(1.0, "1", "capacity")
    km1 = Param(0.05, "1/day", "kill of the first clone by IKZF1/3 loss")
    km2 = Param(0.05, "1/day", "kill of the second clone by IKZF1/3 loss")
    km3 = Param(0.04, "1/day", "kill of the third clone by IKZF1/3 loss")
    km4 = Param(0.03, "1/day", "kill of the fourth clone by IKZF1/3 loss")
    ec1 = Param(0.45, "1", "IKZF1/3 loss of half kill, first clone")
    ec2 = Param(0.6, "1", "IKZF1/3 loss of half kill, second clone")
    ec3 = Param(0.9, "1", "IKZF1/3 loss of half kill, third clone")
    ec4 = Param(1.6, "1", "IKZF1/3 loss of half kill, fourth clone")
    h = Param(2.0, "1", "steepness")
    kCy = Param(0.02, "1/day", "kill by cyclophosphamide at 1 mg/L")
    kDx = Param(0.01, "1/day", "largest kill by dexamethasone")
    ecD = Param(0.1, "1", "dexamethasone of half effect")
    mu12 = Param(1e-5, "1/day", "mutation from the first to the second clone")
    mu13 = Param(1e-6, "1/day", "mutation from the first to the third clone")
    mu34 = Param(1e-5, "1/day", "mutation from the third to the fourth clone")
    mu24 = Param(1e-6, "1/day", "mutation from the second to the fourth clone")
    kT = Param(0.006, "1/day", "kill by T cells")
    KR = Param(1.0, "1", "Tregs of half suppression")
    sT = Param(0.05, "1/day", "supply of T cells")
    aT = Param(0.8, "1", "rise of supply with IKZF1/3 loss")
    dT = Param(0.05, "1/day", "loss of T cells")
    eDT = Param(1.0, "1", "rise of loss under dexamethasone")
    sR = Param(0.10, "1/day", "supply of Tregs")
    bR = Param(0.5, "1", "rise of supply with the tumour")
    dR = Param(0.10, "1/day", "loss of Tregs")
    eR = Param(0.3, "1", "rise of loss with IKZF1/3 loss")
    kCar = Param(0.4, "1/day", "kill by CAR-T cells")
    hC = Param(0.1, "1", "tumour of half kill by CAR-T cells")
    pC = Param(0.30, "1/day", "expansion of CAR-T cells")
    hA = Param(0.05, "1", "tumour of half expansion")
    dE = Param(0.12, "1/day", "loss of CAR-T cells")
    rm = Param(0.03, "1/day", "turn to rest")
    ra = Param(0.05, "1/day", "waking")
    dM = Param(0.003, "1/day", "loss of resting CAR-T cells")
    kMp = Param(3.1, "g/L/day", "secretion of M-protein")
    kcM = Param(0.033, "1/day", "elimination of M-protein")
    kFl = Param(1200.0, "mg/L/day", "secretion of light chain")
    kcF = Param(4.0, "1/day", "elimination of light chain")
    MTT = Param(5.0, "day", "mean transit time")
    gam = Param(0.17, "1", "feedback exponent")
    slL = Param(0.25, "1", "effect of lenalidomide at 1 mg/L on precursors")
    slC = Param(0.20, "1", "effect of cyclophosphamide at 1 mg/L on precursors")
    AN0 = Param(4.0, "Gpt", "neutrophils at entry")

    m_protein = Output("g/L", "serum M-protein")
    flc = Output("mg/L", "light chain")
    anc = Output("Gpt", "circulating neutrophils")
    clone_1 = Output("1", "first clone")
    clone_2 = Output("1", "second clone")
    clone_3 = Output("1", "third clone")
    clone_4 = Output("1", "fourth clone")

    @staticmethod
    def initial(p):
        marrow = ("precursors", "transit_1", "transit_2", "transit_3", "neutrophils")
        return dict(
            t_cells=p.sT / p.dT,
            tregs=p.sR / p.dR,
            paraprotein=p.kMp * (0.3 + 0.02 + 0.8e-3 + 0.5e-5) / p.kcM,
            light_chain=p.kFl * (0.09 + 0.01 + 1e-3 + 1e-5) / p.kcF,
            **dict.fromkeys(marrow, p.AN0),
        )

    @staticmethod
    def rates(t, s, p, u, d):
        return d(**_tumour(s, p, u), **_immune(s, p, u), **_blood(s, p, u))

    @staticmethod
    def outputs(t, s, p, u):
        return dict(
            m_protein=s.paraprotein,
            flc=s.light_chain,
            anc=s.neutrophils,
            clone_1=s.c1,
            clone_2=s.c2,
            clone_3=s.c3,
            clone_4=s.c4,
        )


def _tumour(s, p, u):
    bound = p.crbn * emax(u.lenalidomide, p.KdL)
    lost = positive(1 - s.ikzf)
    whole = s.c1 + s.c2 + s.c3 + s.c4
    room = 1 - whole / p.Kc
    killed = p.kCy * u.mustard + p.kDx * emax(u.dexamethasone, p.ecD)
    killed = killed + p.kT * s.t_cells / (1 + s.tregs / p.KR) + p.kCar * s.car_t / (p.hC + whole)

    def net(growth, kill, half):
        return growth * room - kill * hill(lost, half, p.h) - killed

    return dict(
        ikzf=p.kdI * (1 - (1 + p.EmI * emax(bound, p.B50)) * s.ikzf),
        c1=s.c1 * (net(p.rho1, p.km1, p.ec1) - p.mu12 - p.mu13),
        c2=s.c2 * (net(p.rho2, p.km2, p.ec2) - p.mu24) + p.mu12 * s.c1,
        c3=s.c3 * (net(p.rho3, p.km3, p.ec3) - p.mu34) + p.mu13 * s.c1,
        c4=s.c4 * net(p.rho4, p.km4, p.ec4) + p.mu34 * s.c3 + p.mu24 * s.c2,
    )


def _immune(s, p, u):
    lost = positive(1 - s.ikzf)
    whole = s.c1 + s.c2 + s.c3 + s.c4
    antigen = emax(whole, p.hA)
    woken = p.ra * s.car_memory * antigen
    steroid = emax(u.dexamethasone, p.ecD)
    return dict(
        t_cells=p.sT * (1 + p.aT * lost) - p.dT * (1 + p.eDT * steroid) * s.t_cells,
        tregs=p.sR * (1 + p.bR * whole) - p.dR * (1 + p.eR * lost) * s.tregs,
        car_t=s.car_t * (p.pC * antigen - p.dE - p.rm) + woken,
        car_memory=p.rm * s.car_t - p.dM * s.car_memory - woken,
    )


def _blood(s, p, u):
    step = 4 / p.MTT
    feedback = power(p.AN0 / s.neutrophils, p.gam)
    toxic = p.slL * u.lenalidomide + p.slC * u.mustard
    return dict(
        paraprotein=p.kMp * (s.c1 + s.c2 + 0.8 * s.c3 + 0.5 * s.c4) - p.kcM * s.paraprotein,
        light_chain=p.kFl * (0.3 * s.c1 + 0.5 * s.c2 + s.c3 + s.c4) - p.kcF * s.light_chain,
        precursors=step * s.precursors * ((1 - toxic) * feedback - 1),
        transit_1=step * (s.precursors - s.transit_1),
        transit_2=step * (s.transit_1 - s.transit_2),
        transit_3=step * (s.transit_2 - s.transit_3),
        neutrophils=step * (s.transit_3 - s.neutrophils),
    )
