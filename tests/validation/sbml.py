"""Reads the part of SBML that the conformance cases use: reactions, rules, initial assignments, events; MathML to text.

The differential equations become the text of a pdsim model, the same for all cases of one structure, so that they
share compiled kernels; numbers are given as parameters. Events keep expressions over a namespace of SBML names.
"""

from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

_OPERATORS = {
    "plus": " + ", "times": " * ", "lt": " < ", "leq": " <= ", "gt": " > ", "geq": " >= ", "eq": " == ", "neq": " != ",
    "and": " and ", "or": " or ",
}  # fmt: skip
_RELATIONS = ("lt", "leq", "gt", "geq", "eq")
_FUNCTIONS = {"exp": "exp", "ln": "log", "root": "sqrt", "floor": "floor", "abs": "abs"}
_CONSTANTS = {"true": "True", "false": "False", "pi": repr(math.pi), "infinity": "inf", "notanumber": "nan",
              "exponentiale": repr(math.e)}  # fmt: skip
FUNCTIONS = {"exp": math.exp, "log": math.log, "sqrt": math.sqrt, "floor": math.floor, "inf": math.inf, "nan": math.nan}


@dataclass
class Event:
    """An SBML event; every expression is text over SBML names."""

    name: str
    trigger: str
    starts_true: bool
    persistent: bool
    values_at_trigger: bool
    delay: str | None
    priority: str | None
    assignments: dict[str, str]


@dataclass
class Case:
    """A model and what it is asked for.

    `states` are the SBML names that the solver carries; a species is carried as its amount.
    """

    states: list[str]
    constants: dict[str, float]
    initial: dict[str, float]
    assigned: dict[str, str]
    reactions: dict[str, str]
    text: str
    events: list[Event]
    volume: dict[str, str] = field(default_factory=dict)  # species that stand for concentrations -> compartment

    def namespace(self, time: float, amounts: dict[str, float]) -> dict[str, float]:
        """Value of every SBML name; species as their symbol means them."""
        names = {**FUNCTIONS, **self.constants, "time": time, **amounts}
        for name, compartment in self.volume.items():
            if name in amounts:
                names[name] = amounts[name] / names[compartment]
        for name, text in {**self.assigned, **self.reactions}.items():
            names[name] = evaluate(text, names)
        return names


def evaluate(text: str, names: dict[str, float]) -> float:
    """Value of an expression over SBML names."""
    return eval(text, {"__builtins__": {"abs": abs}}, names)


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _all(model: ElementTree.Element, kind: str) -> list[ElementTree.Element]:
    return [element for element in model.iter() if _tag(element) == kind]


def _child(element: ElementTree.Element, kind: str) -> ElementTree.Element | None:
    return next((child for child in element if _tag(child) == kind), None)


def _math(element: ElementTree.Element | None, names: dict[str, str] | None = None, traced: bool = False) -> str:
    """Text of the <math> below an element."""
    maths = None if element is None else _child(element, "math")
    return "None" if maths is None else to_text(maths[0], names or {}, traced)


def to_text(node: ElementTree.Element, names: dict[str, str], traced: bool = False) -> str:
    """Python text of a MathML node; `names` replaces symbols, `traced` writes choices as a model body needs them."""
    kind = _tag(node)
    if kind == "cn":
        return _number(node)
    if kind == "ci":
        name = (node.text or "").strip()
        return names.get(name, name)
    if kind == "csymbol":
        assert node.attrib["definitionURL"].endswith("/time"), node.attrib
        return names.get("time", "time")
    if kind in _CONSTANTS:
        return _CONSTANTS[kind]
    if kind == "piecewise":
        return _piecewise(node, names, traced)
    assert kind == "apply", kind
    operator = _tag(node[0])
    parts = [to_text(part, names, traced) for part in node[1:] if _tag(part) not in ("degree", "logbase")]
    if operator in ("and", "or") and traced:
        return "(" + {"and": " & ", "or": " | "}[operator].join(parts) + ")"
    if operator in _RELATIONS and len(parts) > 2:
        pairs = pairwise(parts)
        return "(" + " and ".join(f"{a}{_OPERATORS[operator]}{b}" for a, b in pairs) + ")"
    if operator in _OPERATORS:
        return "(" + _OPERATORS[operator].join(parts) + ")"
    if operator == "minus":
        return f"(-{parts[0]})" if len(parts) == 1 else f"({parts[0]} - {parts[1]})"
    if operator == "divide":
        return f"({parts[0]} / {parts[1]})"
    if operator == "power" and traced and _tag(node[2]) != "cn":
        return f"power(positive({parts[0]}), {parts[1]})"  # a trial point of the solver may lie just below 0
    if operator == "power":
        return f"({parts[0]} ** {parts[1]})"
    if operator == "not":
        return f"(not {parts[0]})"
    return f"{_FUNCTIONS[operator]}({parts[0]})"


def _number(node: ElementTree.Element) -> str:
    parts = [part.strip() for part in node.itertext() if part.strip()]
    if node.attrib.get("type") == "e-notation":
        return repr(float(f"{parts[0]}e{parts[1]}"))
    if node.attrib.get("type") == "rational":
        return repr(float(parts[0]) / float(parts[1]))
    return repr(float(parts[0]))


def _piecewise(node: ElementTree.Element, names: dict[str, str], traced: bool) -> str:
    pieces = [piece for piece in node if _tag(piece) == "piece"]
    otherwise = _child(node, "otherwise")
    text = "nan" if otherwise is None else to_text(otherwise[0], names, traced)
    for piece in reversed(pieces):
        value, condition = (to_text(part, names, traced) for part in piece)
        text = f"where({condition}, {value}, {text})" if traced else f"({value} if {condition} else {text})"
    return text


def read(path: Path) -> Case:
    """Read an SBML file."""
    return _Reader(ElementTree.parse(path).getroot()).case()


class _Reader:
    def __init__(self, root: ElementTree.Element) -> None:
        self.model = _child(root, "model")
        self.species = {item.attrib["id"]: item.attrib for item in _all(self.model, "species")}
        self.rates = {item.attrib["variable"]: item for item in _all(self.model, "rateRule")}
        self.rules = {item.attrib["variable"]: item for item in _all(self.model, "assignmentRule")}
        self.reactions = _all(self.model, "reaction")
        changed = {item.attrib["variable"] for item in _all(self.model, "eventAssignment")} | set(self.rates)
        units = {name: item.get("hasOnlySubstanceUnits") for name, item in self.species.items()}
        self.concentrations = {n: item["compartment"] for n, item in self.species.items() if units[n] != "true"}
        self.sums = self._stoichiometry()
        self.values = self._entry_values()
        self.states = [name for name in self.values if name in changed or name in self.sums]

    def _free(self, species: str) -> bool:
        """Whether reactions change a species."""
        item = self.species[species]
        return "true" not in (item.get("boundaryCondition"), item.get("constant"))

    def _stoichiometry(self) -> dict[str, list[tuple[str, str]]]:
        """Species to (reaction, factor) of each part that it has in a reaction."""
        found: dict[str, list[tuple[str, str]]] = {}
        for reaction in self.reactions:
            for side, sign in (("listOfReactants", "-"), ("listOfProducts", "")):
                for item in _child(reaction, side) if _child(reaction, side) is not None else ():
                    factor = item.attrib.get("stoichiometry") or f"{{{item.attrib.get('id')}}}"
                    if self._free(item.attrib["species"]):
                        found.setdefault(item.attrib["species"], []).append((reaction.attrib["id"], sign + factor))
        return found

    def _entry_values(self) -> dict[str, float]:
        """Value of every name at the start, species as amounts."""
        written: dict[str, float] = {}
        for kind, key in (("compartment", "size"), ("parameter", "value"), ("speciesReference", "stoichiometry")):
            for item in _all(self.model, kind):
                if "id" in item.attrib:
                    written[item.attrib["id"]] = float(item.attrib.get(key, "nan"))
        amounts = {}
        for name, item in self.species.items():
            size = written[item["compartment"]]
            concentration = float(item.get("initialConcentration", "nan"))
            amounts[name] = float(item["initialAmount"]) if "initialAmount" in item else concentration * size
        assigned = {item.attrib["symbol"]: _math(item) for item in _all(self.model, "initialAssignment")}
        assigned |= {name: _math(item) for name, item in self.rules.items()}
        return self._resolved({**written, **amounts}, assigned)

    def _resolved(self, values: dict[str, float], assigned: dict[str, str]) -> dict[str, float]:
        """Work out assignments in whatever order they allow."""
        local = {item.attrib["id"]: item for item in self.reactions}
        laws = {name: self._law(item) for name, item in local.items()}
        for _ in range(len(assigned) + 1):
            symbols = {**FUNCTIONS, **values, "time": 0.0}
            for name, compartment in self.concentrations.items():
                symbols[name] = values[name] / values[compartment]
            symbols |= {name: evaluate(text, symbols) for name, text in laws.items() if assigned}
            for name, text in assigned.items():
                found = evaluate(text, symbols)
                values[name] = found * values[self.concentrations[name]] if name in self.concentrations else found
        return values

    def _law(self, reaction: ElementTree.Element, names: dict[str, str] | None = None, traced: bool = False) -> str:
        law = _child(reaction, "kineticLaw")
        if law is None:
            return "0.0"
        local = {item.attrib["id"]: repr(float(item.attrib["value"])) for item in _all(law, "localParameter")}
        return _math(law, {**(names or {}), **local}, traced)

    def case(self) -> Case:
        constants = {name: value for name, value in self.values.items() if name not in [*self.states, *self.rules]}
        for name, compartment in self.concentrations.items():
            if name in constants:
                constants[name] /= self.values[compartment]
        return Case(
            states=self.states,
            constants=constants,
            initial={name: self.values[name] for name in self.states},
            assigned=self._ordered({name: _math(item) for name, item in self.rules.items()}),
            reactions={item.attrib["id"]: self._law(item) for item in self.reactions},
            text=self._text(constants),
            events=[_event(item) for item in _all(self.model, "event")],
            volume=self.concentrations,
        )

    def _ordered(self, assigned: dict[str, str]) -> dict[str, str]:
        """Assignment rules, each after those that it reads."""
        ordered: dict[str, str] = {}
        while len(ordered) < len(assigned):
            for name, text in assigned.items():
                code = compile(text, name, "eval").co_names
                if name not in ordered and not [other for other in code if other in assigned and other not in ordered]:
                    ordered[name] = text
        return ordered

    def _text(self, constants: dict[str, float]) -> str:
        """Text of the model file; every quantity is a plain number, so that its units balance."""
        names = {name: f"p.p_{name}" for name in constants} | {"time": "(t * p.per_second)"}
        names |= {name: f"s.x_{name}" for name in self.states}
        for name, compartment in self.concentrations.items():
            if name in self.states:
                names[name] = f"(s.x_{name} / {names[compartment]})"
        for name in self._ordered({name: _math(item) for name, item in self.rules.items()}):
            names[name] = _math(self.rules[name], names, True)
        laws = {item.attrib["id"]: self._law(item, names, True) for item in self.reactions}
        names |= laws
        rates = []
        for name in self.states:
            terms = [f"{factor.format_map(names)} * {laws[reaction]}" for reaction, factor in self.sums.get(name, ())]
            if name in self.rates:
                size = f" * {names[self.concentrations[name]]}" if name in self.concentrations else ""
                terms = [_math(self.rates[name], names, True) + size]
            rates.append(f"            x_{name}=p.per_second * ({' + '.join(terms) or '0.0 * p.one'}),")
        states = [f'    x_{name} = State(0.0, "1", "carried", dosed=True)' for name in self.states]
        params = [f'    p_{name} = Param(1.0, "1", "constant", source="SBML")' for name in constants]
        return _MODEL.format(states="\n".join(states), params="\n".join(params), rates="\n".join(rates))


_MODEL = '''"""Written from SBML."""

from pdsim.model import Model, Param, State, exp, log, positive, power, sqrt, where


class Case(Model):
    """Written from SBML."""

    time = "second"
{states}
{params}
    one = Param(1.0, "1", "one", source="SBML")
    per_second = Param(1.0, "1/second", "time in the file is a plain number", source="SBML")

    @staticmethod
    def rates(t, s, p, u, d):
        return d(
{rates}
        )
'''


def _event(element: ElementTree.Element) -> Event:
    trigger = _child(element, "trigger")
    assignments = _child(element, "listOfEventAssignments")
    return Event(
        name=element.attrib.get("id", ""),
        trigger=_math(trigger),
        starts_true=trigger.attrib["initialValue"] == "true",
        persistent=trigger.attrib["persistent"] == "true",
        values_at_trigger=element.attrib["useValuesFromTriggerTime"] == "true",
        delay=None if _child(element, "delay") is None else _math(_child(element, "delay")),
        priority=None if _child(element, "priority") is None else _math(_child(element, "priority")),
        assignments={item.attrib["variable"]: _math(item) for item in ([] if assignments is None else assignments)},
    )
