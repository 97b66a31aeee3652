"""Models that other programs have solved, and the reader of SBML cases."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from pdsim.model import load_model_file

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def load():
    """Load a model of this folder by name."""
    return lambda name: load_model_file(HERE / "models" / f"{name}.py")


@pytest.fixture(scope="session")
def part():
    """Import a file of this folder that is no test."""

    def load_part(name):
        label = f"validation_{name}"
        if label not in sys.modules:
            spec = importlib.util.spec_from_file_location(label, HERE / f"{name}.py")
            sys.modules[label] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(sys.modules[label])
        return sys.modules[label]

    return load_part


@pytest.fixture(scope="session")
def deviation():
    """Largest relative difference from a reference; the plain one where the reference is 0."""

    def largest(found, expected):
        found, expected = np.asarray(found, dtype=float), np.asarray(expected, dtype=float)
        return np.max(np.abs(found - expected) / np.where(expected == 0.0, 1.0, np.abs(expected)))

    return largest
