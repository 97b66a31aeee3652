"""Air pollution chemistry of 20 species and 25 reactions (Verwer 1994 SIAM J Sci Comput 15:1243; Bari test set)."""

from __future__ import annotations

from pdsim.model import Model, Output, Param, State


class Pollution(Model):
    """Mass action; times and amounts have no unit in the source, so a time unit stands for a day."""

    no2 = State(0.0, "1", "species 1", scale=0.01)
    no = State(0.2, "1", "species 2", scale=0.1)
    o3p = State(0.0, "1", "species 3", scale=1e-09)
    o3 = State(0.04, "1", "species 4", scale=0.001)
    ho2 = State(0.0, "1", "species 5", scale=1e-07)
    oh = State(0.0, "1", "species 6", scale=1e-07)
    hcho = State(0.1, "1", "species 7", scale=0.01)
    co = State(0.3, "1", "species 8", scale=0.1)
    ald = State(0.01, "1", "species 9", scale=0.001)
    meo2 = State(0.0, "1", "species 10", scale=1e-08)
    c2o3 = State(0.0, "1", "species 11", scale=1e-08)
    co2 = State(0.0, "1", "species 12", scale=0.001)
    pan = State(0.0, "1", "species 13", scale=0.0001)
    ch3o = State(0.0, "1", "species 14", scale=1e-05)
    hno3 = State(0.0, "1", "species 15", scale=0.001)
    o1d = State(0.0, "1", "species 16", scale=1e-18)
    so2 = State(0.007, "1", "species 17", scale=0.001)
    so4 = State(0.0, "1", "species 18", scale=0.0001)
    no3 = State(0.0, "1", "species 19", scale=1e-06)
    n2o5 = State(0.0, "1", "species 20", scale=1e-05)

    k1 = Param(0.35, "1/day", "rate of reaction 1")
    k2 = Param(26.6, "1/day", "rate of reaction 2")
    k3 = Param(12300.0, "1/day", "rate of reaction 3")
    k4 = Param(0.00086, "1/day", "rate of reaction 4")
    k5 = Param(0.00082, "1/day", "rate of reaction 5")
    k6 = Param(15000.0, "1/day", "rate of reaction 6")
    k7 = Param(0.00013, "1/day", "rate of reaction 7")
    k8 = Param(24000.0, "1/day", "rate of reaction 8")
    k9 = Param(16500.0, "1/day", "rate of reaction 9")
    k10 = Param(9000.0, "1/day", "rate of reaction 10")
    k11 = Param(0.022, "1/day", "rate of reaction 11")
    k12 = Param(12000.0, "1/day", "rate of reaction 12")
    k13 = Param(1.88, "1/day", "rate of reaction 13")
    k14 = Param(16300.0, "1/day", "rate of reaction 14")
    k15 = Param(4800000.0, "1/day", "rate of reaction 15")
    k16 = Param(0.00035, "1/day", "rate of reaction 16")
    k17 = Param(0.0175, "1/day", "rate of reaction 17")
    k18 = Param(100000000.0, "1/day", "rate of reaction 18")
    k19 = Param(444000000000.0, "1/day", "rate of reaction 19")
    k20 = Param(1240.0, "1/day", "rate of reaction 20")
    k21 = Param(2.1, "1/day", "rate of reaction 21")
    k22 = Param(5.78, "1/day", "rate of reaction 22")
    k23 = Param(0.0474, "1/day", "rate of reaction 23")
    k24 = Param(1780.0, "1/day", "rate of reaction 24")
    k25 = Param(3.12, "1/day", "rate of reaction 25")

    y1 = Output("1", "species 1")
    y2 = Output("1", "species 2")
    y3 = Output("1", "species 3")
    y4 = Output("1", "species 4")
    y5 = Output("1", "species 5")
    y6 = Output("1", "species 6")
    y7 = Output("1", "species 7")
    y8 = Output("1", "species 8")
    y9 = Output("1", "species 9")
    y10 = Output("1", "species 10")
    y11 = Output("1", "species 11")
    y12 = Output("1", "species 12")
    y13 = Output("1", "species 13")
    y14 = Output("1", "species 14")
    y15 = Output("1", "species 15")
    y16 = Output("1", "species 16")
    y17 = Output("1", "species 17")
    y18 = Output("1", "species 18")
    y19 = Output("1", "species 19")
    y20 = Output("1", "species 20")

    @staticmethod
    def rates(t, s, p, u, d):
        r1 = p.k1 * s.no2
        r2 = p.k2 * s.no * s.o3
        r3 = p.k3 * s.ho2 * s.no
        r4 = p.k4 * s.hcho
        r5 = p.k5 * s.hcho
        r6 = p.k6 * s.hcho * s.oh
        r7 = p.k7 * s.ald
        r8 = p.k8 * s.ald * s.oh
        r9 = p.k9 * s.c2o3 * s.no
        r10 = p.k10 * s.c2o3 * s.no2
        r11 = p.k11 * s.pan
        r12 = p.k12 * s.meo2 * s.no
        r13 = p.k13 * s.ch3o
        r14 = p.k14 * s.no2 * s.oh
        r15 = p.k15 * s.o3p
        r16 = p.k16 * s.o3
        r17 = p.k17 * s.o3
        r18 = p.k18 * s.o1d
        r19 = p.k19 * s.o1d
        r20 = p.k20 * s.so2 * s.oh
        r21 = p.k21 * s.no3
        r22 = p.k22 * s.no3
        r23 = p.k23 * s.no2 * s.o3
        r24 = p.k24 * s.no3 * s.no2
        r25 = p.k25 * s.n2o5
        return d(
            no2=r2 + r3 + r9 + r11 + r12 + r22 + r25 - r1 - r10 - r14 - r23 - r24,
            no=r1 + r21 - r2 - r3 - r9 - r12,
            o3p=r1 + r17 + r19 + r22 - r15,
            o3=r15 - r2 - r16 - r17 - r23,
            ho2=2 * r4 + r6 + r7 + r13 + r20 - r3,
            oh=r3 + 2 * r18 - r6 - r8 - r14 - r20,
            hcho=r13 - r4 - r5 - r6,
            co=r4 + r5 + r6 + r7,
            ald=-r7 - r8,
            meo2=r7 + r9 - r12,
            c2o3=r8 + r11 - r9 - r10,
            co2=r9,
            pan=r10 - r11,
            ch3o=r12 - r13,
            hno3=r14,
            o1d=r16 - r18 - r19,
            so2=-r20,
            so4=r20,
            no3=r23 + r25 - r21 - r22 - r24,
            n2o5=r24 - r25,
        )

    @staticmethod
    def outputs(t, s, p, u):
        return dict(
            y1=s.no2,
            y2=s.no,
            y3=s.o3p,
            y4=s.o3,
            y5=s.ho2,
            y6=s.oh,
            y7=s.hcho,
            y8=s.co,
            y9=s.ald,
            y10=s.meo2,
            y11=s.c2o3,
            y12=s.co2,
            y13=s.pan,
            y14=s.ch3o,
            y15=s.hno3,
            y16=s.o1d,
            y17=s.so2,
            y18=s.so4,
            y19=s.no3,
            y20=s.n2o5,
        )
