"""The contract over every model file, and that its checks can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from pdsim.errors import ModelError
from pdsim.model import check_model, load_model_file, new_model
from pdsim.model.comparison import compiled_against_plain, jacobian_against_differences

HERE = Path(__file__).parent
FIXTURES = sorted((HERE / "fixtures").glob("*.py"))
MODELS = HERE.parent.parent / "models"
SHIPPED = sorted([*MODELS.glob("*.py"), *MODELS.glob("*/__init__.py")])


@pytest.mark.parametrize(
    "path", [*SHIPPED, *FIXTURES], ids=lambda path: path.parent.name if path.stem == "__init__" else path.stem
)
def test_model_fulfils_the_contract(path):
    report = check_model(path)
    assert not report.findings, str(report)
    assert len(report.passed) == 7


def test_fresh_model_fulfils_the_contract(tmp_path):
    path = tmp_path / "my_model.py"
    path.write_text(new_model("my_model"), encoding="utf-8")
    report = check_model(path)
    assert report, str(report)
    assert load_model_file(path).name == "my_model"


@pytest.mark.parametrize("name", ["My model", "class", "2nd", ""])
def test_a_model_needs_a_python_name(name):
    with pytest.raises(ModelError, match="cannot name a model"):
        new_model(name)


def test_findings_name_the_parameter(write_model):
    path = write_model(
        ('"growth rate", dim="clone", low=0, source="made up for tests"', '"growth rate", dim="clone", low=1'),
        ('"""Clones share a niche: dN/dt = N (growth (1 - B / capacity) - kill) + mutation B."""', ""),
    )
    report = check_model(path)
    assert [str(finding) for finding in report] == [
        "texts and sources: the class has no docstring; it holds the equations and their sources",
        "texts and sources: Param 'growth' has no source; name one, or say how the value was chosen",
        "bounds: Param 'growth': the default 0.02 lies below low = 1",
    ]
    assert not report


def test_a_file_that_cannot_load_is_a_finding(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("class X(:\n", encoding="utf-8")
    (finding,) = check_model(path)
    assert finding.check == "loads"
    assert "broken.py:1: invalid syntax" in finding.message


def test_comparison_sees_a_wrong_kernel(logistic, monkeypatch, tmp_path):
    monkeypatch.setenv("PDSIM_CACHE", str(tmp_path))  # the wrong kernel must not stay for others
    from pdsim.model import lower

    whole = lower.kernel_source

    def wrong(traced):
        text, derived = whole(traced)
        return text.replace("choose(get(present, 0, l), g0", "choose(get(present, 0, l), 1.00000001*g0"), derived

    monkeypatch.setattr(lower, "kernel_source", wrong)
    monkeypatch.setattr("pdsim.model.files.generator_key", lambda: "another generator")
    messages = compiled_against_plain(logistic)
    assert messages
    assert all("rate of 'cells[first]'" in message for message in messages)


def test_comparison_sees_a_wrong_jacobian(logistic, monkeypatch, tmp_path):
    monkeypatch.setenv("PDSIM_CACHE", str(tmp_path))
    from pdsim.model import lower

    whole = lower.jacobian_source
    monkeypatch.setattr(
        lower, "jacobian_source", lambda traced: whole(traced).replace("put(jac, 0, 0, ", "put(jac, 0, 0, 1.001*")
    )
    monkeypatch.setattr("pdsim.model.files.generator_key", lambda: "one more generator")
    messages = jacobian_against_differences(logistic)
    assert messages
    assert all("d(cells[first])/d(cells[first])" in message for message in messages)
