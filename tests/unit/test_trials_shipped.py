"""Every published figure is scored by one trial as it is printed, or listed with the reason why not."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from pdsim.library import Library
from pdsim.trial.load import load_trials, not_scored
from pdsim.trial.schema import ENDPOINTS

TABLES = Path(__file__).resolve().parents[3] / "shared" / "trials"
LIBRARY = Library(paths=[])
OTHER_CLASSES = ("p_value_", "n_PR", "n_SD", "n_ge_PR", "median_PFS_gain")  # speak of the same endpoints


@pytest.fixture(scope="module")
def trials():
    return load_trials(library=LIBRARY)


@pytest.fixture(scope="module")
def figures(trials):
    """Outcomes with the trial that they stand in, by row."""
    return {row: (trial, one) for trial in trials for one in trial.table.outcome for row in one.row}


def rows_of(name: str) -> list[dict[str, str]]:
    path = TABLES / name
    if not path.is_file():
        pytest.skip("the published results are not beside the repository")
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_no_row_is_scored_twice_or_both_scored_and_listed(trials, figures):
    rows = Counter(row for trial in trials for one in trial.table.outcome for row in one.row)
    assert [row for row, times in rows.items() if times > 1] == []
    assert set(rows) & set(not_scored(LIBRARY)) == set()
    assert len(figures) == 169


def test_every_trial_has_a_source_and_says_who_entered(trials):
    for trial in trials:
        assert trial.table.source
        assert trial.population.title, trial.name
        assert all(entry.source for entry in trial.table.eligibility), trial.name
        assert [one.name for one in trial.population.variables if not (one.source and one.status)] == []


def test_every_number_is_scored_or_listed(figures):
    listed = not_scored(LIBRARY)
    table = rows_of("outcomes.csv")
    numbered = {place: row for place, row in enumerate(table, 1) if row["unit"] != "qualitative"}
    spoken = [
        place
        for place, row in numbered.items()
        if row["endpoint"] in ENDPOINTS or row["endpoint"].startswith(OTHER_CLASSES)
    ]
    assert len(spoken) > 200
    assert [place for place in spoken if place not in figures and place not in listed] == []
    assert set(listed) <= set(numbered)


def test_figures_are_those_printed(figures):
    table = rows_of("outcomes.csv")
    for place, (trial, one) in figures.items():
        row = table[place - 1]
        printed = [row[key] for key in ("regimen_id", "trial", "endpoint", "subgroup", "timepoint", "unit")]
        found = [trial.regimen_id(one), trial.table.trial, one.endpoint, one.subgroup, one.timepoint, one.unit]
        assert found == printed, place
        numbers = [float(row[key]) if row[key] else None for key in ("value", "ci_low", "ci_high", "n")]
        assert [one.observed, one.low, one.high, one.n] == numbers, place


def test_sets_are_those_that_were_frozen(figures):
    for row in rows_of("sets.csv"):
        place = int(row["row"])
        if place not in figures:
            assert place in not_scored(LIBRARY)
            continue
        one = figures[place][1]
        drugs = "known" if row["drugs"] == "known" else "new"
        assert (one.set, one.drugs, str(one.duplicate_of)) == (row["set"], drugs, row["duplicate_of"]), place
