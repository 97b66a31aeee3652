"""``python -m benchmarks``: measure pdsim and its peers side by side, print tables, write JSON and figures."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import baseline, engines, problems, start, suite
from benchmarks.measure import FULL, QUICK
from benchmarks.record import Record
from benchmarks.table import heading, problem_table, summary_table
from benchmarks.targets import PROBLEMS, target_table


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    known = ", ".join
    parser.add_argument("--quick", action="store_true", help="fast peers, few tolerances; under 90 s once compiled")
    parser.add_argument("--problem", nargs="+", metavar="NAME", choices=problems.NAMES, help=known(problems.NAMES))
    parser.add_argument("--engine", nargs="+", metavar="NAME", choices=engines.NAMES, help=known(engines.NAMES))
    parser.add_argument("--targets", action="store_true", help="only what the table of targets needs, with start-up")
    parser.add_argument("--start", action="store_true", help="also start-up times in fresh processes (minutes)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write records and machine")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write a work-precision figure (.svg, .png)")
    parser.add_argument("--read", type=Path, metavar="FILE", help="print and draw an earlier run; measure nothing")
    parser.add_argument(
        "--against", type=Path, metavar="FILE", nargs="?", const=baseline.STORED,
        help="compare with a stored run, the one in the repository by default; status 1 where something is slower",
    )  # fmt: skip
    parser.add_argument("--store", action="store_true", help="make this run the stored one that --against reads")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; 1 where a comparison finds something slower."""
    options = parse(arguments)
    outcome = baseline.load(options.read) if options.read else _measure(options)
    records = baseline.read_records(outcome)
    report(records, outcome["notes"])
    if options.json:
        options.json.write_text(json.dumps(outcome, indent=1) + "\n", encoding="utf-8")
    if options.plot:
        from benchmarks import plots

        plots.draw(records, _titles(), options.plot)
    status = 0
    if options.against:
        changes = baseline.compare(outcome, baseline.load(options.against))
        print(f"\nAgainst {options.against.name}\n\n{baseline.change_table(changes)}")
        status = int(any(change.slower for change in changes))
    if options.store:
        baseline.STORED.write_text(json.dumps(baseline.reduced(outcome), indent=1) + "\n", encoding="utf-8")
    return status


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    effort = QUICK if options.quick else FULL
    names = options.problem or (PROBLEMS if options.targets else problems.NAMES)
    fast = (engines.PDSIM, *engines.QUICK)
    chosen = options.engine or (fast if options.quick or options.targets else engines.NAMES)
    if options.targets and options.quick:
        effort = replace(effort, forms=True)
    outcome = suite.run(names, chosen, effort, _say)
    if options.start or (options.targets and not options.quick):
        _say("start-up in fresh processes")
        outcome.records += start.measure()
    return outcome.to_dict()


def report(records: Sequence[Record], notes: Sequence[str]) -> None:
    """Print all tables."""
    print(heading())
    titles = _titles()
    for name, title in titles.items():
        own = [record for record in records if record.problem == name]
        if own:
            print(f"\n{problem_table(f'{name}: {title}', own)}")
    print(f"\nBest of either\n\n{summary_table(records, titles)}")
    print(f"\nTargets\n\n{target_table(records)}")
    for note in notes:
        print(f"\n- {note}", end="")
    print()


def _titles() -> dict[str, str]:
    return {name: problems.load(name).title for name in problems.NAMES}


def _say(text: str) -> None:
    """Progress on one line of a terminal, and nowhere else."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
