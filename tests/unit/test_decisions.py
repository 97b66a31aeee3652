"""Dose decisions as a state machine on arrays: what holds for any course of counts, and what one block may not do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdsim.visits import Decisions, Order

LADDER = np.array([1.0, 0.8, 0.6, 0.4])
LIMITS = {"hold": 1.0, "reduce": 1.5, "escalate": 2.5, "give": 0.8, "stop": 0.2, "set": 2.2}


def below(limit):
    return lambda values: values["anc"] < limit


def above(limit):
    return lambda values: values["anc"] >= limit


def orders(actions, repeat=np.inf, ends=False, after=0):
    """One rule of each action on drug 0, courses on drug 1."""
    return [
        Order(
            f"{action} {number}", 1 if action == "give" else 0, action,
            above(LIMITS[action]) if action in ("escalate", "set") else below(LIMITS[action]),
            above(LIMITS[action]), LADDER, ends=ends, after=after, share=0.9, span=10.0, repeat=repeat,
        )
        for number, action in enumerate(actions)
    ]  # fmt: skip


def run(machine, counts, step=7.0, alive=None):
    """Step through counts (visit, patient); return what is given from each visit on, (visit, drug, patient)."""
    given = []
    for k, anc in enumerate(counts):
        living = np.ones(len(anc), dtype=bool) if alive is None else alive[k]
        machine.visit(k * step, (k + 1) * step, {"anc": anc}, living, np.zeros(len(anc), dtype=bool))
        given.append([machine.given(drug) for drug in range(len(machine.waits))])
    return np.array(given)


def replay(ledger, patient, drug, day, start):
    """What the ledger says is given at the end of a visit's decisions."""
    amount = start
    for entry in ledger:
        if entry.drug == drug and entry.day <= day and entry.decision != "end":
            found = entry.after[entry.patient == patient]
            amount = found[0] if len(found) else amount
        if entry.drug == drug and entry.day <= day and entry.decision == "end" and patient in entry.patient:
            amount = 0.0
    return amount


count = st.one_of(st.sampled_from([0.1, 0.5, 0.9, 1.2, 2.0, 3.0]), st.just(float("nan")))
courses = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(count, min_size=width, max_size=width), min_size=1, max_size=14)
)
chosen = st.lists(st.sampled_from(sorted(LIMITS)), min_size=1, max_size=6)


@settings(max_examples=200)
@given(courses, chosen, st.sampled_from([7.0, 14.0, np.inf]), st.booleans(), st.integers(0, 2))
def test_any_course(counts, actions, repeat, ends, after):
    machine = Decisions(orders(actions, repeat, ends, after), np.array([False, True]), len(counts[0]))
    amounts = run(machine, np.array(counts))
    steps = {0.0, 1.0, 0.9, *LADDER}
    assert set(np.unique(amounts[:, 0])) <= steps
    assert machine.step[0].min() >= LADDER[-1]
    for entry in machine.ledger:
        if entry.decision == "stop":
            assert not amounts[round(entry.day / 7.0) :, entry.drug, entry.patient].any()
    for k in range(len(counts)):
        for drug, start in ((0, 1.0), (1, 0.0)):
            said = [replay(machine.ledger, patient, drug, 7.0 * k, start) for patient in range(len(counts[0]))]
            assert said == amounts[k, drug].tolist()
    days = [entry.day for entry in machine.ledger if entry.decision != "end"]
    assert days == sorted(days)
    for entry in machine.ledger:
        assert entry.before.shape == entry.after.shape == entry.step.shape == entry.patient.shape


@settings(max_examples=60)
@given(courses, chosen, st.randoms(use_true_random=False))
def test_a_patient_is_alone_as_beside_others(counts, actions, random):
    whole = np.array(counts)
    order = list(range(whole.shape[1]))
    random.shuffle(order)
    machine = Decisions(orders(actions, 14.0), np.array([False, True]), whole.shape[1])
    together = run(machine, whole)
    mixed = run(Decisions(orders(actions, 14.0), np.array([False, True]), len(order)), whole[:, order])
    np.testing.assert_array_equal(mixed, together[:, :, order])
    alone = run(Decisions(orders(actions, 14.0), np.array([False, True]), 1), whole[:, :1])
    np.testing.assert_array_equal(alone, together[:, :, :1])


def test_stopped_stays_stopped():
    machine = Decisions(orders(["hold", "stop", "escalate"]), np.array([False, True]), 1)
    amounts = run(machine, np.array([[3.0], [0.1], [3.0], [3.0]]))
    assert amounts[:, 0, 0].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert machine.going.tolist() == [False]
    assert [entry.decision for entry in machine.ledger] == ["hold", "stop"]


def test_nothing_is_decided_for_patients_that_failed():
    alive = np.array([[True, True], [True, False], [True, False]])
    machine = Decisions(orders(["hold"]), np.array([False, True]), 2)
    amounts = run(machine, np.array([[3.0, 3.0], [0.5, 0.5], [0.5, 0.5]]), alive=alive)
    assert amounts[:, 0].tolist() == [[1.0, 1.0], [0.0, 1.0], [0.0, 1.0]]


def test_rules_act_in_their_order():
    low = [Order(f"to {share}", 0, "set", below(1.0), above(1.0), LADDER[:0], share=share) for share in (0.8, 0.6)]
    machine = Decisions(low, np.array([False]), 1)
    assert run(machine, np.array([[0.5]])).item() == 0.6
    assert [(entry.before.item(), entry.after.item()) for entry in machine.ledger] == [(1.0, 0.8), (0.8, 0.6)]


@pytest.mark.parametrize(("share", "given_amount"), [(0.5, 0.5), (1.0, 1.0), (1.5, 1.0)])
def test_a_limit_never_raises(share, given_amount):
    limit = Order("limit", 0, "limit", below(1.0), above(1.0), LADDER[:0], share=share)
    machine = Decisions([limit], np.array([False]), 1)
    assert run(machine, np.array([[0.5]])).item() == given_amount
    assert len(machine.ledger) == (share < 1.0)
