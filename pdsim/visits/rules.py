"""Numbers of the response, progression and toxicity rules, and the codes of their results."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import asdict, dataclass, fields
from enum import IntEnum
from itertools import pairwise

from pdsim.errors import ConfigError


class Response(IntEnum):
    """Codes of response, deepest last."""

    NOT_EVALUABLE = -1
    PD = 0
    SD = 1
    MR = 2
    PR = 3
    VGPR = 4
    CR = 5
    SCR = 6


class Progression(IntEnum):
    """Codes of progression at one visit."""

    NONE = 0
    UNCONFIRMED = 1
    CONFIRMED = 2


@dataclass(frozen=True)
class ResponseRules:
    """IMWG 2016 response and progression and CTCAE 5 grades as numbers.

    The defaults are those of Kumar 2016 (doi:10.1016/S1470-2045(16)30206-6) and recent trial protocols. Urine, imaging
    and the uninvolved light chain are not simulated, so their clauses are left out: the fall and rise of the involved
    light chain stand for those of the difference of involved and uninvolved.

    Parameters
    ----------
    measurable_m_protein : float
        Baseline serum M-protein from which a patient is followed by M-protein, g/L (trials; formal IMWG 10).
    measurable_flc : float
        Baseline involved light chain from which a patient without measurable M-protein is followed by it, mg/L.
    follow_unmeasurable : float
        1: a patient in whom neither is measurable at baseline, in remission, is followed for PD by the sum of both,
        each in units of the absolute rise that PD needs, which it must then exceed by 1; 0: is not evaluable.
    minimal_fall, partial_fall, very_good_fall : float
        Falls from baseline, as shares, of MR, PR and VGPR.
    very_good_m_protein : float
        Below it no band is seen on electrophoresis, only by immunofixation: VGPR, g/L.
    complete_m_protein : float
        Below it immunofixation is negative: CR, g/L (assumed).
    normal_flc : float
        Upper normal involved light chain, mg/L: sCR, and CR of patients followed by light chain (kappa; lambda 26.3).
    complete_marrow : float
        Share of plasma cells in marrow below which CR is possible.
    stringent_marrow : float
        Share of clonal cells below which marrow counts as free of them for sCR (four-colour flow; assumed).
    mrd_marrow : float
        Share of clonal cells below which a patient is MRD negative.
    marrow_cells : float
        Nucleated marrow cells, cell.
    progression_rise : float
        Rise from the lowest confirmed value, as a share of it, that PD needs.
    progression_m_protein : float
        Absolute rise of M-protein that PD needs as well, g/L.
    high_m_protein, high_m_protein_rise : float
        Where the lowest confirmed value is at least the first, a rise by the second is PD by itself, g/L.
    progression_flc : float
        Absolute rise of light chain that PD must exceed as well, mg/L.
    neutropenia, thrombocytopenia : tuple of float
        Counts below which grades 1 to 4 begin, 1e9/L.

    Raises
    ------
    ConfigError
        A number is negative or not finite, or limits are out of order; all mistakes at once.
    """

    measurable_m_protein: float = 5.0
    measurable_flc: float = 100.0
    minimal_fall: float = 0.25
    partial_fall: float = 0.50
    very_good_fall: float = 0.90
    very_good_m_protein: float = 0.5
    complete_m_protein: float = 0.35
    normal_flc: float = 19.4
    complete_marrow: float = 0.05
    stringent_marrow: float = 1e-4
    mrd_marrow: float = 1e-5
    marrow_cells: float = 1e12
    progression_rise: float = 0.25
    progression_m_protein: float = 5.0
    high_m_protein: float = 50.0
    high_m_protein_rise: float = 10.0
    progression_flc: float = 100.0
    follow_unmeasurable: float = 0.0
    neutropenia: tuple[float, float, float, float] = (2.0, 1.5, 1.0, 0.5)
    thrombocytopenia: tuple[float, float, float, float] = (150.0, 75.0, 50.0, 25.0)

    def __post_init__(self) -> None:
        wrong: list[str] = []
        for name, value in asdict(self).items():
            if isinstance(getattr(self, name), (tuple, list)):
                limits = tuple(float(limit) for limit in value)
                object.__setattr__(self, name, limits)
                if len(limits) != 4 or not all(a > b >= 0 for a, b in pairwise(limits)):
                    wrong.append(f"{name} = {limits}: give four falling counts, for grades 1 to 4")
                continue
            object.__setattr__(self, name, float(value))
            if not 0 <= float(value) < float("inf"):
                wrong.append(f"{name} = {value}: give a finite number that is not negative")
        if not self.minimal_fall <= self.partial_fall <= self.very_good_fall <= 1:
            wrong.append("minimal_fall, partial_fall, very_good_fall must rise in this order and not pass 1")
        if self.complete_m_protein > self.very_good_m_protein:
            wrong.append("complete_m_protein must not exceed very_good_m_protein")
        if wrong:
            raise ConfigError("response rules:\n  " + "\n  ".join(wrong))

    def numbers(self) -> tuple:
        """Return the rules as the named tuple that the kernel reads."""
        return RuleNumbers(*(getattr(self, field.name) for field in fields(self)))


RuleNumbers = namedtuple("RuleNumbers", [field.name for field in fields(ResponseRules)])  # type: ignore[misc]
