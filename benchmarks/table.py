"""Tables of a run: speed at matched error beside the best peer, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.engines import PDSIM
from benchmarks.problem import MATCH
from benchmarks.record import Matched, Record, by_case, matched

HEADER = ("engine", "method", "threads", "patients/s", "achieved error", "x best peer", "first call, s", "peak, MB")


def best(records: Iterable[Record], *, own: bool, threads: int = 1, methods: Sequence[str] = ()) -> Matched | None:
    """Fastest of pdsim's paths, or of the peers, at matched error; of these methods only, if any are named."""
    found = []
    for (_, engine, method, count), rungs in by_case(records).items():
        if (engine == PDSIM) == own and count == threads and (not methods or method in methods):
            found.append(matched(rungs))
    return max((one for one in found if one), key=lambda one: one.patients_per_s, default=None)


def best_ratio(records: Iterable[Record]) -> float | None:
    """How many times faster pdsim's best path is than the best peer, both on one thread."""
    kept = list(records)
    mine, theirs = best(kept, own=True), best(kept, own=False)
    return mine.patients_per_s / theirs.patients_per_s if mine and theirs else None


def problem_table(title: str, records: Sequence[Record]) -> str:
    """Cases of one problem, the fastest first; those without a right answer at the end."""
    peer = best(records, own=False)
    rows = []
    for (_, engine, method, threads), rungs in by_case(records).items():
        found = matched(rungs)
        if found is None:
            closest = min((r.error for r in rungs if r.error is not None), default=None)
            text = f"best {closest:.1e}" if closest is not None else "none"
            rows.append((0.0, (engine, method, str(threads), "-", text, "-", f"{rungs[0].first_call_s:.1f}", "-")))
            continue
        speed = found.patients_per_s
        ratio = f"{speed / peer.patients_per_s:.2f}" if peer else "-"
        spread = f"{speed:.3g} ± {100.0 * found.spread:.0f} %"
        tail = (f"{found.error:.1e}", ratio, f"{found.first_call_s:.1f}", f"{found.peak_mb:.0f}")
        rows.append((speed, (engine, method, str(threads), spread, *tail)))
    rows.sort(key=lambda row: -row[0])
    return f"{title}\n\n{grid(HEADER, [row for _, row in rows])}"


def summary_table(records: Sequence[Record], titles: dict[str, str]) -> str:
    """One line a problem: the best path of pdsim, the best peer and their ratio."""
    rows = []
    for name, title in titles.items():
        own = [record for record in records if record.problem == name]
        if not own:
            continue
        mine, theirs, ratio = best(own, own=True), best(own, own=False), best_ratio(own)
        rows.append(
            (
                f"`{name}`",
                title,
                f"{mine.patients_per_s:.3g} ({_who(own, mine)[1]})" if mine else "-",
                f"{theirs.patients_per_s:.3g} ({' '.join(_who(own, theirs))})" if theirs else "-",
                f"{ratio:.2g}" if ratio else "-",
            )
        )
    return grid(("problem", "what", "pdsim, patients/s", "best peer, patients/s", "ratio"), rows)


def _who(records: Sequence[Record], found: Matched) -> tuple[str, str]:
    """Engine and method that a result belongs to."""
    for (_, engine, method, _), rungs in by_case(records).items():
        if matched(rungs) == found:
            return engine, method
    raise ValueError("the result is of none of these records")


def grid(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown table with columns padded, so that it reads well as plain text too."""
    widths = [max(len(str(row[i])) for row in (header, *rows)) for i in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(str(cell).ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in lines
    )


def heading() -> str:
    """What the tables hold."""
    return f"Patients per second where the largest relative error is {MATCH:g}; a peer runs on one thread."
