"""Memory of answers: used again when it is free, and never while anybody can see it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pdsim._memory import LARGE, SMALL, Kept

SHAPE = (2, SMALL)


def place(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


@pytest.mark.parametrize(
    "hold",
    [
        lambda array: array,
        lambda array: array[1:, ::2].T,
        lambda array: memoryview(array),
        lambda array: pd.DataFrame({"a": array[0], "b": array[1]}, copy=False),
        lambda array: pd.DataFrame({"a": array[0]}, copy=False)["a"].iloc[3:5],
    ],
    ids=["array", "view", "buffer", "frame", "part of a column"],
)
def test_memory_is_its_holders_own(hold):
    kept = Kept()
    array = kept.empty(SHAPE)
    array[:] = 1.0
    first, held = place(array), hold(array)
    del array
    other = kept.empty(SHAPE)
    other[:] = 2.0
    assert place(other) != first
    assert (np.asarray(held) == 1.0).all()
    del other, held
    assert place(kept.empty(SHAPE)) == first


def test_a_smaller_answer_takes_part_of_it_and_a_larger_one_replaces_it():
    kept = Kept()
    first = place(kept.empty((4, SMALL)))
    array = kept.empty((1, SMALL + 3))
    assert place(array) == first
    assert array.shape == (1, SMALL + 3)
    del array
    assert kept.empty((5, SMALL)).shape == (5, SMALL)
    assert kept.empty((4, SMALL)).flags.writeable


@pytest.mark.parametrize("size", [0, SMALL - 1, LARGE + 1])
def test_what_is_small_or_very_large_is_left_to_the_system(size):
    kept = Kept()
    array = kept.empty((size,))
    assert array.shape == (size,)
    assert array.base is None
