"""A linear model with solutions on paper."""

from __future__ import annotations

from pathlib import Path

import pytest
import xarray as xr

import pdsim
from pdsim.model import Model


@pytest.fixture(scope="session")
def turnover() -> Model:
    return pdsim.load_model(str(Path(__file__).parent / "fixtures" / "turnover.py"))


@pytest.fixture(scope="session")
def three() -> xr.Dataset:
    """Three patients of the turnover."""
    variables = {"loss": ("patient", [0.1, 0.2, 0.5]), "weight": ("patient", [60.0, 70.0, 80.0])}
    return xr.Dataset(variables, {"patient": [3, 4, 8]}, {"seed": 1})
