"""libRoadRunner: the equations as an SBML model of rate and assignment rules, solved by its CVODE."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.engines.pieces import walk
from benchmarks.equations import Equations
from benchmarks.source import Text

PACKAGE = "roadrunner"
METHODS = {"CVODE": "any"}
_EMPTY = (
    '<?xml version="1.0" encoding="UTF-8"?><sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" '
    'version="1"><model id="benchmark"/></sbml>'
)


def prepare(equations: Equations, method: str) -> Callable[[int, float, float], np.ndarray]:
    """Load the model; RoadRunner compiles it."""
    text = Text(equations)
    constants = text.values()
    runner = _runner(text)
    states = [f"s{i}" for i in range(len(text.slopes))]
    names = [f"p{i}" for i in range(len(equations.params))] + [f"d{i}" for i in range(len(text.derived))]
    known = list(runner.model.getGlobalParameterIds())
    fixed, moving = [known.index(name) for name in names], [known.index(name) for name in states]
    runner.timeCourseSelections = ["time", *states]

    def solve(patients: int, rtol: float, atol: float) -> np.ndarray:
        runner.integrator.relative_tolerance = rtol
        runner.integrator.absolute_tolerance = atol
        return np.stack([_patient(n) for n in range(patients)])

    def _patient(patient: int) -> np.ndarray:
        runner.model.setGlobalParameterValues(fixed, constants[patient])

        def piece(y: np.ndarray, times: np.ndarray) -> np.ndarray:
            runner.model.setTime(times[0])
            runner.model.setGlobalParameterValues(moving, y)
            runner.integrator.restart(times[0])
            try:
                return np.array(runner.simulate(times=times.tolist()))[:, 1:]
            except RuntimeError:
                return np.full((len(times), len(y)), np.nan)

        return walk(equations, patient, piece)

    return solve


def _runner(text: Text) -> Any:
    import roadrunner

    roadrunner.Logger.setLevel(roadrunner.Logger.LOG_FATAL)
    runner = roadrunner.RoadRunner(_EMPTY)
    rules = [line.split(" = ", 1) for line in text.rates()]
    slopes = {f"r{i}": f"s{i}" for i in range(len(text.slopes))}
    count = len(text.equations.params)
    for name in [f"p{i}" for i in range(count)] + [f"d{i}" for i in range(len(text.derived))]:
        runner.addParameter(name, 1.0, False)
    for name in [*(name for name, _ in rules if name not in slopes), *slopes.values()]:
        runner.addParameter(name, 1.0, False)
    for place, (name, formula) in enumerate(rules):
        last = place == len(rules) - 1
        if name in slopes:
            runner.addRateRule(slopes[name], _formula(formula), last)
        else:
            runner.addAssignmentRule(name, _formula(formula), last)
    return runner


class _Calls(ast.NodeTransformer):
    """Writes calls as SBML formulas know them."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        x, *rest = [ast.unparse(arg) for arg in node.args]
        written = {
            "exp": lambda: f"exp({x})",
            "log": lambda: f"ln({x})",
            "sqrt": lambda: f"sqrt({x})",
            "power": lambda: f"pow({x}, {rest[0]})",
            "above": lambda: f"piecewise(1, gt({x}, 0), 0)",
            "positive": lambda: f"piecewise({x}, gt({x}, 0), 0)",
            "gate": lambda: f"piecewise({rest[0]}, gt({x}, 0), 0)",
            "select": lambda: f"piecewise({rest[0]}, gt({x}, 0), {rest[1]})",
        }[name]()
        return ast.parse(written, mode="eval").body


def _formula(text: str) -> str:
    tree = _Calls().visit(ast.parse(text, mode="eval"))
    return ast.unparse(ast.fix_missing_locations(tree)).replace("**", "^")
