"""The model contract as a function: what every model file must fulfil before a study uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pdsim.errors import ModelError
from pdsim.model.declare import Model, name_of_file


@dataclass(frozen=True)
class Finding:
    """One way in which a model breaks the contract."""

    check: str
    message: str

    def __str__(self) -> str:
        return f"{self.check}: {self.message}"


@dataclass
class Report:
    """Findings of `check_model`; iterates over them, and is true if there are none."""

    name: str
    passed: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __bool__(self) -> bool:
        return not self.findings

    def __str__(self) -> str:
        count = len(self.findings)
        verdict = "fulfils the contract" if not count else f"{count} finding{'' if count == 1 else 's'}"
        lines = [f"model '{self.name}' {verdict}"] if not count else [f"model '{self.name}': {verdict}"]
        lines += [f"  passed: {check}" for check in self.passed]
        return "\n".join([*lines, *(f"  {finding}" for finding in self.findings)])


def check_model(model: Model | type[Model] | str | Path) -> Report:
    """Check a model, or a model file, against the contract.

    The file loads; names, lengths and units (in dimension and scale) fit; every parameter has a source and lies within
    its bounds; there is a docstring; the compiled functions equal plain Python to 1e-12; the traced Jacobian equals
    differences. A check that needs an earlier one is left out where that one failed.

    Returns
    -------
    Report
        With one finding for each mistake.
    """
    if isinstance(model, (str, Path)):
        from pdsim.model.load import load_model_file

        file = Path(model)
        try:
            model = load_model_file(file)
        except ModelError as error:
            return Report(name_of_file(file), findings=[Finding("loads", str(error))])
    report = Report(model.name)
    ready = _run(report, "names and lengths", _plain, model)
    _run(report, "texts and sources", _texts, model)
    _run(report, "bounds", _bounds, model)
    ready = _run(report, "units in dimension and scale", _units, model) and ready
    if ready and _run(report, "can be traced", _traced, model):
        from pdsim.model import comparison

        _run(report, "compiled equals plain", comparison.compiled_against_plain, model)
        _run(report, "Jacobian equals differences", comparison.jacobian_against_differences, model)
    return report


def _run(report: Report, check: str, function: Callable[[Any], list[str]], model: Any) -> bool:
    try:
        messages = function(model)
    except ModelError as error:
        messages = [str(error)]
    report.findings += [Finding(check, message) for message in messages]
    if not messages:
        report.passed.append(check)
    return not messages


def _plain(model: Any) -> list[str]:
    from pdsim.model.plain import check_plain

    check_plain(model)
    return []


def _units(model: Any) -> list[str]:
    from pdsim.model.balance import check_units

    check_units(model)
    return []


def _traced(model: Any) -> list[str]:
    from pdsim.model.tracing import equations_of

    equations_of(model, ("first", "second"))
    return []


def _texts(model: Any) -> list[str]:
    messages = [] if model.doc else ["the class has no docstring; it holds the equations and their sources"]
    declared = {**model.states, **model.params, **model.inputs, **model.outputs}
    messages += [
        f"'{name}' has no sentence that says what it is" for name, item in declared.items() if not item.sentence.strip()
    ]
    messages += [
        f"Param '{name}' has no source; name one, or say how the value was chosen"
        for name, item in model.params.items()
        if not item.source.strip()
    ]
    return messages


def _bounds(model: Any) -> list[str]:
    messages = []
    for name, item in model.params.items():
        if item.low is not None and item.default < item.low:
            messages.append(f"Param '{name}': the default {item.default:g} lies below low = {item.low:g}")
        if item.high is not None and item.default > item.high:
            messages.append(f"Param '{name}': the default {item.default:g} lies above high = {item.high:g}")
    return messages
