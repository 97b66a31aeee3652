"""Declarations, descriptions and the dependency graph."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pdsim.errors import ModelError
from pdsim.model import Model, Output, Param, State, describe, each, trace
from pdsim.model.graph import blocks, reached_by


class Decay(Model):
    """Something decays."""

    amount = State(2.0, "mg", "what is left", dim="clone", extinct_below=0.5)
    loss = Param(0.1, "1/day", "loss rate", source="an example", status="recalled")
    rest = Output("mg", "what is left", dim="clone")

    @staticmethod
    def rates(t, s, p, u, d):
        return d(amount=each(lambda a: -p.loss * a, s.amount))

    @staticmethod
    def outputs(t, s, p, u):
        return dict(rest=s.amount)


def test_tables_keep_the_order_of_the_class_body():
    assert (list(Decay.states), list(Decay.params), list(Decay.outputs)) == (["amount"], ["loss"], ["rest"])
    assert Decay.loss is Decay.params["loss"]
    assert Decay.loss.name == "loss"
    assert (Decay.name, Decay.doc) == ("test_model_declare", "Something decays.")
    assert Decay.file == __file__


def test_a_subclass_extends_its_base():
    class More(Decay):
        other = State(1.0, "mg", "more")

        @staticmethod
        def rates(t, s, p, u, d):
            return d(amount=s.amount, other=-p.loss * s.other)

    assert list(More.states) == ["amount", "other"]
    assert list(Decay.states) == ["amount"]
    assert More.outputs(0.0, type("S", (), {"amount": (1.0,)}), None, None) == {"rest": (1.0,)}
    assert More.source_hash != Decay.source_hash


def test_scale_falls_back_to_the_default_then_to_one():
    assert [State(d, "1", "x", scale=s).magnitude for d, s in ((-3.0, None), (0.0, None), (3.0, 7.0))] == [
        3.0,
        1.0,
        7.0,
    ]


def test_reserved_names_are_refused():
    with pytest.raises(ModelError, match=r"Bad\.states: this name is taken by pdsim"):
        type("Bad", (Model,), {"states": Param(1.0, "1", "x")})


def test_text_names_value_unit_source_and_status():
    text = str(describe(Decay()))
    assert text.startswith("test_model_declare: 1 state, 1 parameter, 0 inputs, 1 output; time in day")
    assert "  loss  0.1    1/day  loss rate  recalled  an example" in text
    assert "what is left (each clone)  absent below 0.5" in text


def test_html_holds_the_equations():
    html = Decay()._repr_html_()
    assert "<td>loss</td><td>0.1</td><td>1/day</td>" in html
    assert r"\frac{\mathrm{d}}{\mathrm{d}t}\,\mathrm{amount}_{1} &amp;= - \mathrm{amount}_{1}\,\mathrm{loss}" in html
    assert r"\mathrm{amount}_{2} &" not in html


def test_html_of_a_model_that_cannot_be_traced_says_why():
    class Branching(Decay):
        @staticmethod
        def rates(t, s, p, u, d):
            return d(amount=each(lambda a: max(a, 0), s.amount))

    assert "use maximum(a, b) or positive(x)" in Branching()._repr_html_()


def test_jacobian_has_natural_slopes():
    traced = trace(Decay, ("one", "two"))
    assert {place: str(slope) for place, slope in traced.jacobian().items()} == {(0, 0): "-loss", (1, 1): "-loss"}


def test_blocks_come_after_what_they_read():
    reads = {"d": ["c"], "a": ["a"], "b": ["a", "c"], "c": ["b"], "e": []}
    assert blocks(reads) == [["a"], ["b", "c"], ["d"], ["e"]]
    assert reached_by(reads, ["b"]) == {"a", "b", "c"}


def test_importing_the_layer_is_light():
    text = "import sys, pdsim.model as m; print([n for n in ('numpy', 'sympy', 'pint', 'numba') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
