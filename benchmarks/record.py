"""One measurement, and the speed of an engine at the error at which engines are compared."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.problem import MATCH

WRONG = 10.0  # an answer is wrong when its error is more than this times what was asked
FARTHEST = 1000.0  # errors farther apart are not interpolated between


@dataclass(frozen=True)
class Record:
    """A tolerance of an engine on a problem.

    error : largest relative error of the checked patients; None where there is no answer
    patients_per_s : by processor seconds on one thread; None where the answer is wrong or the start was measured
    spread : median absolute deviation of the time over its median
    first_call_s : preparing and solving one patient for the first time in the process
    peak_mb : largest memory of the process while it ran
    """

    problem: str
    engine: str
    method: str
    threads: int
    rtol: float | None
    error: float | None
    patients_per_s: float | None
    spread: float | None
    first_call_s: float | None
    peak_mb: float | None

    @property
    def case(self) -> tuple[str, str, str, int]:
        """What a curve of tolerances belongs to."""
        return self.problem, self.engine, self.method, self.threads

    def to_dict(self) -> dict[str, Any]:
        """Plain values, rounded to what they are good for."""
        return {
            key: float(f"{value:.6g}") if isinstance(value, float) else value for key, value in asdict(self).items()
        }


@dataclass(frozen=True)
class Matched:
    """Speed of a case at an error."""

    patients_per_s: float
    spread: float
    error: float
    first_call_s: float
    peak_mb: float


def is_right(error: float | None, rtol: float) -> bool:
    """Whether an answer counts: within ten times what was asked, and no more than the comparison is about."""
    return error is not None and math.isfinite(error) and error < WRONG * max(rtol, MATCH)


def by_case(records: Iterable[Record]) -> dict[tuple[str, str, str, int], list[Record]]:
    """Group records by problem, engine, method and threads, in their order."""
    found: dict[tuple[str, str, str, int], list[Record]] = {}
    for record in records:
        found.setdefault(record.case, []).append(record)
    return found


def matched(records: Iterable[Record], error: float = MATCH) -> Matched | None:
    """Speed of one case at an error: log time over log error, between the two tolerances around it.

    A tolerance that is slower than another of smaller error is passed over. Where even the loosest answer is better
    than asked, that one's time counts; where none is good enough there is no result.
    """
    timed = [r for r in records if r.patients_per_s and r.error is not None]
    front = _front(timed)
    good = [r for r in front if (r.error or 0.0) <= error]
    if not good:
        return None
    tight = good[0]
    loose = [r for r in front if (r.error or 0.0) > error]
    speed, spread = tight.patients_per_s or 0.0, tight.spread or 0.0
    reached = tight.error or 0.0
    if loose and (loose[-1].error or 0.0) <= FARTHEST * max(reached, 1e-15):
        near = loose[-1]
        low, high = math.log(max(reached, 1e-15)), math.log(near.error or 1.0)
        share = (math.log(error) - low) / (high - low)
        speed = math.exp((1.0 - share) * math.log(speed) + share * math.log(near.patients_per_s or 1.0))
        spread, reached = max(spread, near.spread or 0.0), error
    first = max(r.first_call_s or 0.0 for r in timed)
    return Matched(speed, spread, reached, first, max(r.peak_mb or 0.0 for r in timed))


def _front(records: list[Record]) -> list[Record]:
    """Records from the largest error to the smallest, without those that another beats in both error and speed."""
    kept: list[Record] = []
    for record in sorted(records, key=lambda r: (r.error or 0.0, -(r.patients_per_s or 0.0))):
        if not kept or (record.patients_per_s or 0.0) > (kept[-1].patients_per_s or 0.0):
            kept.append(record)
    return kept[::-1]
