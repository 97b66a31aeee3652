"""Model files that the tests of this folder run over."""

from __future__ import annotations

from pathlib import Path

import pytest

from pdsim.model import load_model_file

HERE = Path(__file__).parent


@pytest.fixture
def logistic():
    return load_model_file(HERE / "fixtures" / "logistic.py")


@pytest.fixture
def every_effect():
    return load_model_file(HERE / "fixtures" / "every_effect.py")


@pytest.fixture
def write_model(tmp_path):
    """Write the logistic model with some texts replaced, and return the path."""

    def write(*replacements: tuple[str, str]) -> Path:
        text = (HERE / "fixtures" / "logistic.py").read_text(encoding="utf-8")
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "mine.py"
        path.write_text(text, encoding="utf-8")
        return path

    return write
