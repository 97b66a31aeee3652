"""What the engine must reach, beside what was measured: ratios of one run at equal achieved error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.record import Matched, Record
from benchmarks.start import EMPTY, MODEL, WARM
from benchmarks.table import best, grid

PROBLEMS = ("mm20", "mm20_visits", "myeloma_rep", "pk2cmt", "singh_cart")
DIRECT = ("explicit", "explicit/states")
CLOSED, INTEGRATED = ("auto", "explicit", "events/closed"), ("explicit/states", "events/ode")


@dataclass(frozen=True)
class Target:
    """A row: what must be reached, in times faster or in seconds (then less is better).

    measure : records to the value, None where it was not measured
    """

    what: str
    measure: Callable[[Sequence[Record]], float | None]
    floor: float
    target: float
    stretch: float | None = None
    seconds: bool = False

    def verdict(self, value: float | None) -> str:
        """Say which mark a value reaches."""
        if value is None:
            return "not measured"
        for name, mark in (("stretch", self.stretch), ("target", self.target), ("floor", self.floor)):
            if mark is not None and (value <= mark if self.seconds else value >= mark):
                return name
        return "below"


def _own(records: Sequence[Record], problem: str) -> list[Record]:
    return [record for record in records if record.problem == problem]


def _over(mine: Matched | None, theirs: Matched | None) -> float | None:
    return mine.patients_per_s / theirs.patients_per_s if mine and theirs else None


def against_peers(problem: str, methods: Sequence[str] = ()) -> Callable[[Sequence[Record]], float | None]:
    """Ratio of pdsim's best path, or the best of these, to the best peer."""

    def measure(records: Sequence[Record]) -> float | None:
        kept = _own(records, problem)
        return _over(best(kept, own=True, methods=methods), best(kept, own=False))

    return measure


def closed_form(records: Sequence[Record]) -> float | None:
    """Ratio of the closed form of linear kinetics to pdsim's own integration of them."""
    kept = _own(records, "pk2cmt")
    return _over(best(kept, own=True, methods=CLOSED), best(kept, own=True, methods=INTEGRATED))


def two_threads(records: Sequence[Record]) -> float | None:
    """Ratio of two threads to one on the default path."""
    kept = _own(records, "mm20")
    both = [best(kept, own=True, threads=count, methods=("auto",)) for count in (2, 1)]
    return _over(*both)


def started(method: str) -> Callable[[Sequence[Record]], float | None]:
    """Seconds of a start-up."""
    return lambda records: next((r.first_call_s for r in _own(records, "start") if r.method == method), None)


TARGETS = (
    Target("`mm20`, periodic regimen, against the best peer", against_peers("mm20"), 20, 50, 100),
    Target("`mm20_visits`, doses that change, against the best peer", against_peers("mm20_visits"), 6, 15, 40),
    Target("`myeloma_rep`, 3 years, against the best peer", against_peers("myeloma_rep"), 20, 50, 100),
    Target("direct path, not stiff (`mm20`), against the best peer", against_peers("mm20", DIRECT), 3, 5, 8),
    Target("direct path, stiff (`singh_cart`), against the best peer", against_peers("singh_cart"), 1, 2, 4),
    Target("linear kinetics (`pk2cmt`), closed form against own ODE path", closed_form, 10, 20, 50),
    Target("2 threads against 1 (`mm20`, auto)", two_threads, 1.7, 1.85, 1.95),
    Target("start, kernels compiled, seconds", started(WARM), 2.0, 1.5, 1.0, seconds=True),
    Target("start, new model, seconds", started(MODEL), 10.0, 10.0, seconds=True),
    Target("start, empty cache, seconds", started(EMPTY), 40.0, 40.0, seconds=True),
)


def target_table(records: Sequence[Record]) -> str:
    """All rows as Markdown."""
    rows = []
    for row in TARGETS:
        value = row.measure(records)
        marks = [f"{mark:g}" if mark is not None else "-" for mark in (row.floor, row.target, row.stretch)]
        rows.append((row.what, "-" if value is None else f"{value:.3g}", *marks, row.verdict(value)))
    return grid(("what", "measured", "floor", "target", "stretch", "reached"), rows)
