from __future__ import annotations

import inspect

import pytest

from pdsim import errors


def _classes() -> list[type]:
    return [found for _, found in inspect.getmembers(errors, inspect.isclass) if found.__module__ == errors.__name__]


@pytest.mark.parametrize("found", _classes(), ids=lambda found: found.__name__)
def test_every_error_has_the_one_base_and_a_sentence(found):
    assert issubclass(found, errors.PdsimError)
    assert found.__doc__


@pytest.mark.parametrize(
    ("word", "known", "answer"),
    [
        ("lenalidomid", ["lenalidomide", "pomalidomide"], " Did you mean 'lenalidomide' or 'pomalidomide'?"),
        ("TREG", ["treg", "nk"], " Did you mean 'treg'?"),
        ("qqq", ["treg", "nk"], ""),
        ("rep", [], ""),
    ],
)
def test_did_you_mean(word, known, answer):
    assert errors.did_you_mean(word, known) == answer


def test_did_you_mean_stops_at_the_limit():
    assert errors.did_you_mean("dose", ["dose1", "dose2", "dose3"], limit=1).count("'") == 2
