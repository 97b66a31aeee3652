"""Dose times of a regimen, and the verbs that combine regimens."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pdsim.dosing import Dose, Regimen
from pdsim.errors import DoseError, UnitError


def regimen(*doses: Dose, cycle: float = 28.0) -> Regimen:
    return Regimen("trial", cycle, doses)


def times(dose: Dose, stop: float = 84.0, cycle: float = 28.0) -> list[float]:
    return regimen(dose, cycle=cycle).lines(stop)[0].times.tolist()


def test_day_1_of_cycle_1_is_time_0() -> None:
    assert times(Dose("a", 1.0, days=(1, 8)), 57.0) == [0.0, 7.0, 28.0, 35.0, 56.0]


def test_doses_lie_strictly_below_stop() -> None:
    assert times(Dose("a", 1.0), 3.0) == [0.0, 1.0, 2.0]
    assert times(Dose("a", 1.0, days=(4,)), 3.0) == []


def test_a_line_without_doses_is_kept() -> None:
    lines = regimen(Dose("a", 1.0, days=(20,)), Dose("b", 2.0)).lines(10.0)
    assert [line.drug for line in lines] == ["a", "b"]
    assert lines[0].times.size == 0


def test_cycles_limit_a_line() -> None:
    assert times(Dose("a", 1.0, days=(1,), cycles=(2, 3)), 200.0) == [28.0, 56.0]
    assert times(Dose("a", 1.0, days=(1,), cycles=(2, None)), 85.0) == [28.0, 56.0, 84.0]
    assert times(Dose("a", 1.0, cycles=(1, 1)), 200.0, cycle=3.0) == [0.0, 1.0, 2.0]


def test_several_doses_a_day_are_evenly_spaced_from_the_time_of_day() -> None:
    assert times(Dose("a", 1.0, days=(2,), per_day=3, time_of_day=0.25), 10.0) == pytest.approx(
        [1.25, 1.25 + 1 / 3, 1.25 + 2 / 3]
    )


def test_a_line_may_have_its_own_cycle_start_and_stop() -> None:
    assert times(Dose("a", 1.0, days=(1,), cycle=7.0, start=3.0, stop=18.0)) == [3.0, 10.0, 17.0]


def test_days_of_each_drug_join_its_lines() -> None:
    both = regimen(Dose("a", 1.0, days=(1, 2)), Dose("a", 2.0, days=(2, 3), per_day=2), Dose("b", 1.0, days=(5,)))
    found = both.days(28.0)
    assert found["a"].tolist() == [0, 1, 2]
    assert found["b"].tolist() == [4]
    assert found["a"].dtype == np.int64


def test_times_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        regimen(Dose("a", 1.0)).lines(3.0)[0].times[0] = 9.0


def test_every_gives_a_dose_at_the_start_of_each_interval() -> None:
    weekly = Regimen.every("7 d", "40 mg", drug="dexamethasone", times=3)
    assert weekly.lines(100.0)[0].times.tolist() == [0.0, 7.0, 14.0]
    assert weekly.length == 21.0
    hourly = Regimen.every("12 h", "16 mg/kg", drug="a", route="infusion", duration="1 h").lines(1.6)[0]
    assert hourly.times.tolist() == [0.0, 0.5, 1.0, 1.5]
    assert (hourly.amount, hourly.unit, hourly.per, hourly.duration) == (16.0, "mg", "kg", pytest.approx(1 / 24))


def test_together_keeps_each_cycle() -> None:
    both = Regimen.every("28 d", "25 mg", drug="a") + Regimen.every("7 d", "40 mg", drug="b")
    assert [line.times.tolist() for line in both.lines(29.0)] == [[0.0, 28.0], [0.0, 7.0, 14.0, 21.0, 28.0]]
    assert both.name == "a + b"


def test_then_changes_after_cycles_or_time_or_the_end() -> None:
    first, second = Regimen.every("28 d", "1 mg", drug="a"), Regimen.every("21 d", "1 mg", drug="b")
    changed = first.then(second, after="2 cycles").lines(100.0)
    assert [line.times.tolist() for line in changed] == [[0.0, 28.0], [56.0, 77.0, 98.0]]
    assert first.then(second, after="30 d").lines(60.0)[1].times.tolist() == [30.0, 51.0]
    ended = Regimen.every("7 d", "1 mg", drug="a", times=3).then(second)
    assert ended.lines(40.0)[1].times.tolist() == [21.0]


def test_then_without_an_end_asks_when() -> None:
    first = Regimen.every("28 d", "1 mg", drug="a")
    with pytest.raises(DoseError, match='after="6 cycles"'):
        first.then(first)


def test_repeat_of_an_open_regimen_counts_cycles() -> None:
    assert regimen(Dose("a", 1.0, days=(1, 2)), cycle=7.0).repeat(2).lines(99.0)[0].times.tolist() == [
        0.0,
        1.0,
        7.0,
        8.0,
    ]


def test_repeat_of_a_regimen_with_an_end_repeats_the_whole() -> None:
    twice = (
        Regimen.every("7 d", "1 mg", drug="a", times=2).then(Regimen.every("7 d", "1 mg", drug="b", times=1)).repeat(2)
    )
    given_times = {drug: days.tolist() for drug, days in twice.days(100.0).items()}
    assert given_times == {"a": [0, 7, 21, 28], "b": [14, 35]}


def test_repeat_of_a_mixture_is_refused() -> None:
    mixed = Regimen.every("7 d", "1 mg", drug="a", times=2) + Regimen.every("7 d", "1 mg", drug="b")
    with pytest.raises(DoseError, match="without end"):
        mixed.repeat(2)


@pytest.mark.parametrize(
    ("dose", "match"),
    [
        (Dose("a", -1.0), "not a positive amount"),
        (Dose("a", 1.0, days=(0, 29)), "day 0, 29 is outside the cycle of 28 days"),
        (Dose("a", 1.0, route="infusion"), "needs its length"),
        (Dose("a", 1.0, route="oral", duration=1.0), "only an infusion"),
        (Dose("a", 1.0, route="orla"), "Did you mean 'oral'"),
        (Dose("a", 1.0, time_of_day=1.5), "36 h is not within one day"),
        (Dose("a", 1.0, per_day=0), "from 1"),
        (Dose("a", 1.0, start=5.0, stop=4.0), "not after the start"),
    ],
)
def test_an_impossible_dose_is_refused(dose: Dose, match: str) -> None:
    with pytest.raises(DoseError, match=match):
        regimen(dose)


def test_lines_need_an_end() -> None:
    with pytest.raises(DoseError, match="need an end"):
        regimen(Dose("a", 1.0)).lines(math.inf)


def test_every_names_a_wrong_unit() -> None:
    with pytest.raises(UnitError, match="Did you mean 'mg'"):
        Regimen.every("7 d", "40 mgg", drug="a")
    with pytest.raises(DoseError, match="has no unit"):
        Regimen.every("7 d", "40", drug="a")


def test_describe_says_what_is_given() -> None:
    lines = regimen(Dose("a", 25.0, days=tuple(range(1, 22))), Dose("b", 50.0, status="assumed")).describe()
    assert lines == ("trial: cycle of 28 days", "  a 25 mg, days 1-21 of 28", "  b 50 mg, every day (assumed)")


@given(
    days=st.sets(st.integers(1, 14), min_size=1).map(lambda found: tuple(sorted(found))),
    cycle=st.integers(14, 30),
    stop=st.floats(0.1, 200.0),
    per_day=st.integers(1, 4),
)
def test_times_are_ascending_and_agree_with_the_calendar(
    days: tuple[int, ...], cycle: int, stop: float, per_day: int
) -> None:
    dose = Dose("a", 1.0, days=days, per_day=per_day)
    found = np.array(times(dose, stop, float(cycle)))
    expected = [
        turn * cycle + day - 1 + part / per_day for turn in range(20) for day in days for part in range(per_day)
    ]
    np.testing.assert_allclose(found, [time for time in expected if time < stop], rtol=1e-15, atol=0)
    assert np.all(np.diff(found) > 0)
