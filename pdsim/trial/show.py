"""The scoreboard as tables and as JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdsim.study.folder import writing
from pdsim.trial.score import CLASSES

if TYPE_CHECKING:
    from rich.console import Console

    from pdsim.trial.power import Power
    from pdsim.trial.run import Scoreboard
    from pdsim.trial.score import Scored

_STYLES = {"close": "green", "near": "yellow", "off": "red", "sealed": "dim", "predicted": "cyan", "no figure": "red"}
_GROUPS = {"fit": "fit", "check_known": "check, known drugs", "check_new": "check, new drugs"}


def as_json(board: Scoreboard) -> dict[str, Any]:
    """Return ``{"endpoints": [...], "summary": {...}}`` of plain values; a number that is not there is null."""
    return {"endpoints": [_entry(one) for one in board.scored], "summary": board.summary}


def write_json(board: Scoreboard, path: Path) -> None:
    """Write `as_json`; StoreError where the file cannot be written."""
    with writing(path):
        path.write_text(json.dumps(as_json(board), indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _entry(one: Scored) -> dict[str, Any]:
    observed, low, high = one.observed
    return {
        "regimen_id": one.regimen_id,
        "trial": one.trial,
        "subgroup": one.one.subgroup or None,
        "endpoint": one.one.endpoint,
        "timepoint": one.one.timepoint or None,
        "unit": one.one.unit,
        "predicted": plain(one.figure.value),
        "pred_low": plain(one.figure.low),
        "pred_high": plain(one.figure.high),
        "observed": plain(observed),
        "obs_low": plain(low),
        "obs_high": plain(high),
        "z": plain(one.z),
        "set": one.one.set,
        "drugs": one.one.drugs,
        "sealed": one.sealed,
    }


def plain(value: float) -> float | None:
    """Return a number with six digits, None where it is not finite."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def show_board(board: Scoreboard, console: Console) -> None:
    """Print a table of figures, one for each set of scores, and what replicate trials show."""
    console.print(_figures(board))
    console.print(interval_text(board), highlight=False)
    scores = score_rows(board.summary)
    if scores:
        console.print(_scores(scores))
    for line in rank_lines(board.summary):
        console.print(line, highlight=False)
    for line in design_lines(board):
        console.print(line, highlight=False)
    failed = sum(result.failed for result in board.arms.values())
    if failed:
        console.print(f"{failed} patients could not be integrated and count nowhere.", highlight=False)


def interval_text(board: Scoreboard) -> str:
    """Say what the intervals cover."""
    cover = "parameters and trial size" if board.options.draws else "trial size alone, parameters as they are"
    sealed = sum(one.sealed for one in board.scored)
    closed = f" {sealed} figures of the check set are sealed: predicted, and held against nothing." if sealed else ""
    return (
        f"Predicted: {board.options.size} patients an arm; in brackets 90 % of trials of the published size: {cover}. "
        f"Observed: as printed, in brackets the 95 % interval that z rests on.{closed}"
    )


def _figures(board: Scoreboard) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table("trial", "arm", "patients", "endpoint", "predicted", "observed", "z", "verdict", title="Trials")
    last = ""
    for one in board.scored:
        if one.file != last and last:
            table.add_section()
        name = one.trial if one.file != last else ""
        last = one.file
        arm = board_arm(board, one)
        what = " ".join(part for part in (one.one.endpoint, one.one.timepoint) if part)
        table.add_row(
            name, arm, one.one.subgroup, what, cell(one.figure.value, one.figure.low, one.figure.high, one.one.unit),
            cell(*one.observed, one.one.unit), "" if math.isnan(one.z) else f"{one.z:.1f}",
            Text(one.verdict, style=_STYLES[one.verdict]),
        )  # fmt: skip
    return table


def board_arm(board: Scoreboard, one: Scored) -> str:
    """Label of the arm of a figure; both arms of a ratio."""
    trial = next(trial for trial in board.trials if trial.name == one.file)
    names = [name for name in (one.one.arm, one.one.against) if name]
    return " : ".join(trial.table.arms[name].label or name for name in names)


def cell(value: float, low: float, high: float, unit: str) -> str:
    """Write a figure with its interval, such as ``12.1 [8.5, 17] months``; empty where there is none."""
    if not math.isfinite(value):
        return ""
    ends = f" [{_number(low)}, {_number(high)}]" if math.isfinite(low) and math.isfinite(high) else ""
    return f"{_number(value)}{ends}" + ("" if unit == "ratio" else f" {unit}")


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 99.5 else f"{value:.3g}" if value < 10 else f"{value:.1f}".rstrip("0").rstrip(".")


def score_rows(summary: dict[str, Any]) -> list[dict[str, str]]:
    """Return the summary as rows of text: one for each class of each set that is open."""
    rows = []
    for key, title in _GROUPS.items():
        group = summary.get(key)
        if not group or not group["figures"]:
            continue
        for name in ("all", *CLASSES):
            rows.append({"set": title if name == "all" else "", "class": name, **_errors(group[name])})
        for name, label in (("median", "every arm the median"), ("regression", "lines, refractory share, drugs")):
            rows.append({"set": "", "class": f"baseline: {label}", **_errors(group["baselines"][name])})
    return rows


def rank_lines(summary: dict[str, Any]) -> list[str]:
    """Return ranks, contrasts inside studies, coverage and the whole of each open set as sentences."""
    lines = []
    for key, title in _GROUPS.items():
        group = summary.get(key)
        if not group or not group["figures"]:
            continue
        ranks, pairs = group["ranks"], group["contrasts"]
        lines.append(
            f"{title}: rho of median PFS and TTP {_share(ranks['time']['rho']) or 'none'} ({ranks['time']['n']} arms), "
            f"of response {_share(ranks['response']['rho']) or 'none'} ({ranks['response']['n']}); "
            f"{pairs['n']} contrasts inside studies, sign right {_share(pairs['sign']) or 'none'}, log ratio within "
            f"0.25 {_share(pairs['close']) or 'none'}; coverage {_share(group['coverage'])}; figures close and "
            f"contrasts right, these twice: {_share(group['combined'])}."
        )
    return lines


def _errors(found: dict[str, Any]) -> dict[str, str]:
    return {
        "n": str(found["n"]),
        "median z": _share(found["median_z"]),
        "z <= 1": _share(found["within_1"]),
        "z <= 2": _share(found["within_2"]),
        "error": _share(found.get("mean_error")),
    }


def _share(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else f"{value:.2f}"


def _scores(rows: list[dict[str, str]]) -> Any:
    from rich.table import Table

    table = Table(*rows[0], title="Scores: median z, shares with z up to 1 and 2, mean signed error (log or logit)")
    for row in rows:
        table.add_row(*row.values())
    return table


def design_lines(board: Scoreboard) -> list[str]:
    """Say what replicate trials and run-ins show."""
    lines = [power_text(name, found) for name, found in board.powers.items()]
    for name, found in board.run_ins.items():
        doses = ", ".join(f"{dose} {share:.0%} ({found.chosen[dose]:.0%})" for dose, share in found.toxic.items())
        lines.append(
            f"{name}: run-in with {found.n} patients a dose; share with grade 4 neutropenia or thrombocytopenia, in "
            f"brackets how often the dose would be fixed: {doses}; none {found.chosen['none']:.0%}. "
            f"{found.patients} simulated patients."
        )
    return lines


def power_text(name: str, found: Power) -> str:
    """Say what the replicates of a trial show."""
    import numpy as np

    ratios = found.ratios[np.isfinite(found.ratios)]
    middle = "no events" if not len(ratios) else "median {1:.2f}, 90 % between {0:.2f} and {2:.2f}".format(
        *np.quantile(ratios, [0.05, 0.5, 0.95])
    )  # fmt: skip
    return (
        f"{name}: {len(found.ratios)} replicate trials of {found.sizes[0]} and {found.sizes[1]} patients, drawn from a "
        f"bank of {found.bank}: hazard ratio of {found.title} {middle}; power {found.power:.0%}. Sampling alone."
    )
