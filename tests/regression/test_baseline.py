"""The shipped model gives what it gave; a change that is meant is stored with ``python -m tests.regression.update``."""

from __future__ import annotations

import copy
import importlib.util
import math
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def baseline():
    spec = importlib.util.spec_from_file_location("regression_baseline", Path(__file__).with_name("baseline.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_results_are_the_stored_ones(baseline):
    changed = baseline.differences(baseline.compute(), baseline.read())
    assert not changed, "\n".join([*changed, f"if this is meant: {baseline.UPDATE}"])


def test_a_change_is_seen(baseline):
    stored = baseline.read()
    key = ("rep", 2, "anc")
    for factor, seen in ((1.0 + 0.5 * baseline.TOLERANCE, 0), (1.0 + 3.0 * baseline.TOLERANCE, 1), (math.nan, 1)):
        moved = copy.deepcopy(stored)
        moved[key] = [value * factor for value in moved[key]]
        assert len(baseline.differences(moved, stored)) == seen
    del moved[key]
    assert "only stored" in baseline.differences(moved, stored)[0]


def test_written_results_are_read_back(baseline, tmp_path):
    stored = baseline.read()
    assert len(stored) == 3 * baseline.PATIENTS * len(baseline.VARIABLES)
    baseline.write(stored, tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_text() == baseline.FILE.read_text()
