"""Describes a model as text, HTML and LaTeX equations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from pdsim.errors import ModelError

_CLONES = ("1", "2")
Rows = list[tuple[str, ...]]


@dataclass(frozen=True)
class Description:
    """A model in words: ``str()`` gives text, `latex` the equations, and notebooks show tables."""

    model: Any

    def __str__(self) -> str:
        return describe_text(self.model)

    def _repr_html_(self) -> str:
        return describe_html(self.model)

    def latex(self) -> str:
        """Equations as a LaTeX ``align*`` block; traces the model."""
        return latex_equations(self.model)


def describe(model: Any) -> Description:
    """Describe a model.

    Examples
    --------
    >>> from pdsim.model import Model, Param, State, describe
    >>> class Decay(Model):
    ...     amount = State(1.0, "mg", "what is left")
    ...     loss = Param(0.1, "1/day", "loss rate", source="an example")
    ...
    ...     @staticmethod
    ...     def rates(t, s, p, u, d):
    ...         return d(amount=-p.loss * s.amount)
    >>> print(str(describe(Decay())).splitlines()[0])
    decay: 1 state, 1 parameter, 0 inputs, 0 outputs; time in day
    """
    return Description(model)


def describe_text(model: Any) -> str:
    """Describe a model as plain text."""
    lines = [_headline(model)]
    lines += [f"file: {model.file}"] if model.file else []
    lines += ["", *model.doc.splitlines()] if model.doc else []
    for title, header, rows in _tables(model):
        lines += ["", title, *_columns([header, *rows])]
    return "\n".join(lines)


def describe_html(model: Any) -> str:
    """Describe a model as HTML with its equations, for a notebook."""
    parts = [f"<h3>{escape(_headline(model))}</h3>", f"<pre>{escape(model.doc)}</pre>" if model.doc else ""]
    for title, header, rows in _tables(model):
        head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
        body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
        parts.append(f"<h4>{escape(title)}</h4><table><tr>{head}</tr>{body}</table>")
    try:
        equations = f"<p>$${escape(latex_equations(model))}$$</p>"
    except ModelError as error:
        equations = f"<pre>{escape(str(error))}</pre>"
    return "".join([*parts, f"<details><summary>Equations</summary>{equations}</details>"])


def latex_equations(model: Any) -> str:
    """Return the equations as a LaTeX ``aligned`` block, vector states for the first of two clones."""
    import sympy

    from pdsim.model.tracing import equations_of

    traced = equations_of(model, _CLONES)
    symbols = [*traced.states.values(), *traced.params.values(), *traced.inputs.values()]
    names = {symbol: _latex_name(symbol.name) for symbol in symbols}
    names[traced.time] = "t"
    lines = []
    for kind, table in (("d", traced.equations), ("", traced.outputs)):
        for name, expression in table.items():
            if name.endswith("]") and not name.endswith(f"[{_CLONES[0]}]"):
                continue
            left = _latex_name(name)
            left = rf"\frac{{\mathrm{{d}}}}{{\mathrm{{d}}t}}\,{left}" if kind else left
            right = sympy.latex(expression, symbol_names=names, mul_symbol=r"\,")
            lines.append(rf"{left} &= {right} \\")
    return "\n".join([r"\begin{aligned}", *lines, r"\end{aligned}"])


def _latex_name(flat: str) -> str:
    name, _, clone = flat.removeprefix("u.").partition("[")
    text = name.replace("_", r"\_")
    return rf"\mathrm{{{text}}}" + (rf"_{{{clone.rstrip(']')}}}" if clone else "")


def _headline(model: Any) -> str:
    counts = (("state", model.states), ("parameter", model.params), ("input", model.inputs), ("output", model.outputs))
    sizes = ", ".join(f"{len(items)} {word}{'' if len(items) == 1 else 's'}" for word, items in counts)
    return f"{model.name}: {sizes}; time in {model.time}"


def _tables(model: Any) -> Iterable[tuple[str, tuple[str, ...], Rows]]:
    def each_clone(item: Any) -> str:
        return f" (each {item.dim})" if item.dim else ""

    states: Rows = [
        (name, f"{item.default:g}", item.unit, item.sentence + each_clone(item), _state_notes(item))
        for name, item in model.states.items()
    ]
    params: Rows = [
        (name, f"{item.default:g}", item.unit, item.sentence + each_clone(item), item.status, item.source)
        for name, item in model.params.items()
    ]
    inputs: Rows = [
        (name, item.unit, item.sentence, f"{item.combine.__name__}({', '.join(item.combine.keys)})")
        for name, item in model.inputs.items()
    ]
    outputs: Rows = [(name, item.unit, item.sentence + each_clone(item)) for name, item in model.outputs.items()]
    yield "States", ("name", "entry", "unit", "meaning", "notes"), states
    yield "Parameters", ("name", "value", "unit", "meaning", "status", "source"), params
    yield "Inputs", ("name", "unit", "meaning", "combined by"), inputs
    yield "Outputs", ("name", "unit", "meaning"), outputs


def _state_notes(item: Any) -> str:
    notes = ["dosed"] if item.dosed else []
    notes += [f"absent below {item.extinct_below:g}"] if item.extinct_below is not None else []
    return ", ".join(notes)


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    if len(rows) == 1:
        return ["  none"]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
