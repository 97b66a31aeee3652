"""How a run is cut into parts, and how these are put together again."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest

from pdsim.ensemble.block_run import BlockResult, _with_patients


def test_patients_that_are_run_again_bring_their_doses_and_decisions():
    """Patients that one solver could not carry are replaced whole, ledger included; the others stay as they were."""

    def result(patients, value):
        count = len(patients)
        ledger = {"patient": np.repeat(patients, 2), "day": np.full(2 * count, value)}
        doses = {"taken": np.full((1, 3, count), value), "planned": np.full((1, 3, count), value)}
        visits = {"anc": np.full((count, 3), value)}
        states = np.full((2, 1, count), value)
        return BlockResult({}, visits, {}, {}, {}, np.full(count, int(value)), states, doses, ledger, 5)

    rows, chosen = np.array([32, 33, 34, 35]), np.array([False, True, False, True])
    found = _with_patients(result(rows, 1.0), rows, chosen, result(rows[chosen], 2.0))
    assert found.doses["taken"][0, 0].tolist() == found.visits["anc"][:, 0].tolist() == [1.0, 2.0, 1.0, 2.0]
    days = {row: found.ledger["day"][found.ledger["patient"] == row].tolist() for row in rows.tolist()}
    assert days == {32: [1.0, 1.0], 33: [2.0, 2.0], 34: [1.0, 1.0], 35: [2.0, 2.0]}
    assert found.steps == 10


@pytest.mark.parametrize(("patients", "threads"), [(1, 1), (500, 2), (333, 7), (2000, 1)])
def test_tasks_cover_every_patient_of_every_arm_once_and_shrink(patients, threads):
    tasks = import_module("pdsim.simulate")._tasks(["a", "b"], patients, threads)
    for arm in ("a", "b"):
        assert np.concatenate([rows for name, rows in tasks if name == arm]).tolist() == list(range(patients))
    sizes = [len(rows) for _, rows in tasks]
    assert max(sizes) <= 32 * 16
    assert sizes[-1] <= 16
    assert all(len(rows) % 16 == 0 or rows[-1] == patients - 1 for _, rows in tasks)
