"""Robertson's three reactions (1966): rate constants over nine decades.

The source's time goes to 1e11; here a million of its units is one, so that the end is 1e5.
"""

from __future__ import annotations

from pdsim.model import Model, Output, Param, State


class Robertson(Model):
    """``y1 -> y2`` slow, ``y2 + y3 -> y1 + y3`` fast, ``2 y2 -> y2 + y3`` very fast."""

    y1 = State(1.0, "1", "first species", scale=1e-5)
    y2 = State(0.0, "1", "second species", scale=1e-10)
    y3 = State(0.0, "1", "third species", scale=1e-5)
    slow = Param(0.04e6, "1/day", "first reaction")
    fast = Param(1e10, "1/day", "second reaction")
    very_fast = Param(3e13, "1/day", "third reaction")
    out1 = Output("1", "first species")
    out2 = Output("1", "second species")
    out3 = Output("1", "third species")

    @staticmethod
    def rates(t, s, p, u, d):
        first = p.slow * s.y1
        second = p.fast * s.y2 * s.y3
        third = p.very_fast * s.y2 * s.y2
        return d(y1=second - first, y2=first - second - third, y3=third)

    @staticmethod
    def outputs(t, s, p, u):
        return dict(out1=s.y1, out2=s.y2, out3=s.y3)
