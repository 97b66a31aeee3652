"""Session set-up: kernel cache in the checkout, markers from the path, quiet figures."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

# All are read when pdsim, matplotlib and numpy are first imported, which no conftest code may do earlier.
os.environ.setdefault("PDSIM_CACHE", str(ROOT / ".pdsim_cache"))
os.environ["MPLBACKEND"] = "Agg"
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # with as many workers as cores, more wait for each other
if int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) >= (os.cpu_count() or 1):
    os.environ.setdefault("PDSIM_THREADS", "1")

settings.register_profile("pdsim", deadline=None, derandomize=True)
settings.load_profile("pdsim")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with the name of its folder under tests/."""
    for item in items:
        path = item.path.relative_to(ROOT / "tests")
        if len(path.parts) == 1:
            raise pytest.UsageError(f"tests/{path} stands in no folder; its folder gives a test its marker")
        item.add_marker(path.parts[0])


@pytest.fixture(scope="session")
def root() -> Path:
    """Root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def conformance() -> Path:
    """Reference tables of other programs, kept beside the checkout."""
    folder = ROOT.parent / "shared" / "conformance"
    if not folder.is_dir():
        pytest.skip("no conformance tables beside this checkout (../shared/conformance)")
    return folder
