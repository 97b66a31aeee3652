"""Compares a run with a stored one, speeds scaled by the calibration loop of either machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.engines import PDSIM
from benchmarks.problem import FOLDER
from benchmarks.record import Record, by_case, matched
from benchmarks.table import grid

STORED = FOLDER / "baseline.json"
TOLERANCE = 0.25  # a change of less is noise on a shared machine
SPREADS = 4.0  # the same for a measurement's own spread


@dataclass(frozen=True)
class Change:
    """Speed of a case now over its stored speed, on a machine as fast as that of then.

    ratio : None where the case no longer gives a right answer
    noise : how far from 1 the ratio may be without meaning anything
    """

    case: tuple[str, str, str, int]
    ratio: float | None
    noise: float

    @property
    def slower(self) -> bool:
        """Whether the case has become slower, or wrong, beyond noise."""
        return self.ratio is None or self.ratio < 1.0 / (1.0 + self.noise)

    @property
    def word(self) -> str:
        """What to say of it."""
        if self.ratio is None:
            return "no right answer"
        return "slower" if self.slower else "faster" if self.ratio > 1.0 + self.noise else "same"


def read_records(stored: dict[str, Any]) -> list[Record]:
    """Records of a file that ``--json`` wrote."""
    return [Record(**entry) for entry in stored["records"]]


def load(path: Path) -> dict[str, Any]:
    """Read a file that ``--json`` wrote."""
    return json.loads(path.read_text(encoding="utf-8"))


def reduced(outcome: dict[str, Any]) -> dict[str, Any]:
    """What of a run is stored: pdsim's own records and the machine."""
    kept = [entry for entry in outcome["records"] if entry["engine"] == PDSIM]
    return {"records": kept, "machine": outcome["machine"]}


def compare(now: dict[str, Any], stored: dict[str, Any]) -> list[Change]:
    """Changes of the cases that both runs have."""
    # the loop takes longer on a slow or busy machine, on which fewer patients a second are the same
    scale = now["machine"]["calibration_s"] / stored["machine"]["calibration_s"]
    before, after = (by_case(read_records(reduced(run))) for run in (stored, now))
    changes = []
    for case in (case for case in before if case in after):
        then, found = matched(before[case]), matched(after[case])
        if then is None:
            continue
        noise = max(TOLERANCE, SPREADS * max(then.spread, found.spread if found else 0.0))
        changes.append(Change(case, found and scale * found.patients_per_s / then.patients_per_s, noise))
    return changes


def change_table(changes: Sequence[Change]) -> str:
    """Changes as Markdown."""
    rows = [
        (*map(str, change.case), "-" if change.ratio is None else f"{change.ratio:.2f}", change.word)
        for change in changes
    ]
    return grid(("problem", "engine", "method", "threads", "speed over stored", "verdict"), rows)
