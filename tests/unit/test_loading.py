"""Garbage collection while libraries are loaded."""

import gc

import pytest

from pdsim._loading import loading


@pytest.fixture(autouse=True)
def collection():
    before = gc.isenabled()
    yield
    (gc.enable if before else gc.disable)()


@pytest.mark.parametrize("before", [True, False])
def test_collection_is_off_meanwhile_and_as_before_behind(before):
    (gc.enable if before else gc.disable)()
    with loading():
        assert not gc.isenabled()
    assert gc.isenabled() == before


def test_collection_goes_on_after_a_module_that_cannot_be_loaded():
    gc.enable()
    with pytest.raises(ImportError), loading():
        raise ImportError
    assert gc.isenabled()
