"""Results of a suite as a table, and as JSON."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdsim.study.folder import writing

if TYPE_CHECKING:
    from rich.console import Console

    from pdsim.mechanisms.judge import Finding, Result

_STYLES = {"pass": "green", "fail": "red", "none": "dim", "sealed": "yellow"}


def pass_share(results: Sequence[Result]) -> tuple[int, int]:
    """Return how many dynamic claims of basis mechanism or fit passed, and how many were judged."""
    judged = [result for result in results if result.counted and result.verdict in ("pass", "fail")]
    return sum(result.verdict == "pass" for result in judged), len(judged)


def as_json(results: Sequence[Result]) -> dict[str, Any]:
    """Return ``{"claims": [...], "summary": {...}}`` of plain values; a number that is not there is null."""
    passed, judged = pass_share(results)
    return {
        "claims": [_entry(result) for result in results],
        "summary": {
            "kinds": dict(Counter(result.claim.kind for result in results)),
            "results": dict(Counter(result.verdict for result in results)),
            "dynamic_judged": judged,
            "dynamic_passed": passed,
        },
    }


def write_json(results: Sequence[Result], path: Path) -> None:
    """Write `as_json`; StoreError where the file cannot be written."""
    with writing(path):
        path.write_text(json.dumps(as_json(results), indent=2, allow_nan=False) + "\n", encoding="utf-8")


def show_results(results: Sequence[Result], console: Console) -> None:
    """Print one row for each claim, a line for each check, and the share that passes."""
    from rich.table import Table
    from rich.text import Text

    table = Table(
        "claim", "", "kind", "basis", "result", "check", "expected", "observed", "P", title="Mechanism claims"
    )
    for result in results:
        claim, findings = result.claim, result.findings
        table.add_row(
            claim.id,
            claim.title,
            claim.kind,
            claim.basis,
            Text(result.verdict, style=_STYLES[result.verdict]),
            "\n".join(finding.check.title for finding in findings) or result.reason,
            "\n".join(finding.check.expected for finding in findings),
            "\n".join(_number(finding.value) for finding in findings),
            "" if math.isnan(result.probability) else f"{result.probability:.2f}",
        )
    console.print(table)
    passed, judged = pass_share(results)
    kinds = Counter(result.claim.kind for result in results)
    console.print(", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())), highlight=False)
    if judged:
        share = f"{passed} of {judged} ({passed / judged:.0%})"
        console.print(f"Dynamic claims of basis mechanism or fit that pass: {share}", highlight=False)
    console.print("P: share of replicate cohorts of that size in which a claim holds; parameters are not covered.")


def _entry(result: Result) -> dict[str, Any]:
    claim = result.claim
    return {
        "id": claim.id,
        "title": claim.title,
        "kind": claim.kind,
        "basis": claim.basis,
        "result": result.verdict,
        "expected": "; ".join(f"{check.title} {check.expected}" for check in claim.check) or None,
        "observed": "; ".join(_number(finding.value) for finding in result.findings) or None,
        "probability": _plain(result.probability),
        "size": result.size or None,
        "reason": result.reason,
        "checks": [_check(finding) for finding in result.findings],
    }


def _check(finding: Finding) -> dict[str, Any]:
    return {
        "title": finding.check.title,
        "contrast": finding.check.contrast,
        "expected": finding.check.expected,
        "observed": _plain(finding.value),
        "arms": {arm: _plain(value) for arm, value in finding.arms.items()},
        "passed": finding.passed,
    }


def _plain(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _number(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "not reached"
