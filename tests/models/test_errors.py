"""Golden error messages: each says what is wrong, in which line, and how to mend it."""

from __future__ import annotations

import pytest

from pdsim.errors import ModelError, NotFoundError
from pdsim.model import EffectUse, check_units, kernels, load_model_file, trace

M_RATE = "            m_protein=p.secretion * burden - p.clearance * s.m_protein,\n"
ROOM = "room = 1 - burden / p.capacity"


def message(path, act=None):
    with pytest.raises(ModelError) as caught:
        (act or str)(load_model_file(path))
    return str(caught.value).replace(f"{path.parent}/", "")


def line_of(path, text):
    return next(i for i, line in enumerate(path.read_text().splitlines(), 1) if text in line)


def test_missing_derivative(write_model):
    path = write_model((M_RATE, ""))
    at = line_of(path, "def rates") - 1
    assert message(path) == f"model 'mine': 1 mistake\n  mine.py:{at}: State 'm_protein' has no derivative in rates"


def test_misspelt_names_are_listed_together(write_model):
    path = write_model(
        ("s.cells, p.growth", "s.cells, p.grwth"), ("* s.m_protein", "* s.m_protien"), ("burden=", "burdn=")
    )
    cells, m_protein = line_of(path, "p.grwth"), line_of(path, "s.m_protien")
    outputs = line_of(path, "def outputs") - 1
    assert message(path) == (
        "model 'mine': 4 mistakes\n"
        f"  mine.py:{cells}: p.grwth: no Param 'grwth' is declared. Did you mean 'growth'?\n"
        f"  mine.py:{m_protein}: s.m_protien: no State 'm_protien' is declared. Did you mean 'm_protein'?\n"
        f"  mine.py:{outputs}: outputs returns 'burdn', but no Output 'burdn' is declared. Did you mean 'burden'?\n"
        f"  mine.py:{outputs}: Output 'burden' is not returned in outputs"
    )


def test_wrong_receiver(write_model):
    path = write_model(("s.m_protein,", "p.m_protein,"))
    assert "'m_protein' is declared as State: write s.m_protein instead of p.m_protein" in message(path)


def test_wrong_unit(write_model):
    path = write_model(('growth = Param(0.02, "1/day"', 'growth = Param(0.02, "g/L"'))
    at = line_of(path, "cells=each(lambda n, g, k")
    text = message(path, check_units)
    assert text.startswith("model 'mine': units do not balance\n")
    assert f"mine.py:{at}: rates: Cannot convert from 'gram / liter'" in text
    assert "cells=each(lambda n, g, k" in text


def test_wrong_unit_of_a_whole_derivative(write_model):
    path = write_model((M_RATE, "            m_protein=p.capacity * p.clearance,\n"))
    assert "d(m_protein)/dt: has unit cell/d, not (g/L)/(day)" in message(path, check_units)


def test_wrong_scale(write_model):
    path = write_model(
        (M_RATE, "            m_protein=-p.clearance * s.m_protein,\n"), ('0.05, "1/day"', '0.05, "1/hour"')
    )
    at = line_of(path, "def rates") - 1
    assert message(path, check_units) == (
        "model 'mine': units do not balance\n"
        f"  mine.py:{at}: d(m_protein)/dt: wrong scale: in (g/L)/(day) it is 24 times "
        "the number that the equation gives; the model's time unit is day, but clearance is in 1/hour, 24 times 1/day"
    )


def test_wrong_scale_of_an_output(write_model):
    path = write_model(('Output("cell", "all', 'Output("1000 * cell", "all'))
    assert "has a number in the unit" in message(path, check_units)
    path = write_model(('m_protein = State(40.0, "g/L"', 'm_protein = State(40.0, "mg/L"'))
    assert "d(m_protein)/dt: wrong scale: in (mg/L)/(day)" in message(path, check_units)


def test_exponent_with_a_unit(write_model):
    path = write_model(("p.half, p.steep", "p.capacity, p.steep"))
    assert "Cannot convert from '1 / cell'" in message(path, check_units)


def test_unknown_unit(write_model):
    path = write_model(('40.0, "g/L"', '40.0, "g/LL"'))
    assert "m_protein: unknown unit 'LL'. Did you mean 'L'" in message(path, check_units)


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        (
            f"{ROOM}\n        if room < 0:\n            room = 0",
            "`if` on a value; use where(condition, a, b) or positive(x)",
        ),
        (f"{ROOM} if burden > 0 else 1", "`if` on a value; use where(condition, a, b) or positive(x)"),
        ("room = max(1 - burden / p.capacity, 0)", "max() of a value; use maximum(a, b) or positive(x)"),
        ("room = min(1 - burden / p.capacity, 0)", "min() of a value; use minimum(a, b)"),
        ("room = math.exp(-burden / p.capacity)", "math.exp() of a value; use exp"),
        ("room = float(1 - burden / p.capacity)", "float() of a value; leave it out"),
        ("room = burden > 0 and 1", "a decision on a value; use where(condition, a, b), positive(x)"),
    ],
)
def test_decisions_on_values(write_model, wrong, advice):
    path = write_model((ROOM, wrong), ("from pdsim.model", "import math\n\nfrom pdsim.model"))
    text = message(path, lambda model: trace(model, ("first", "second")))
    assert text.startswith("mine.py:")
    assert f"rates: {advice}" in text


def test_if_names_its_own_line(write_model):
    path = write_model((ROOM, f"{ROOM}\n        if room < 0:\n            room = 0"))
    at = line_of(path, "if room < 0")
    assert message(path, kernels_of) == (
        f"mine.py:{at}: rates: `if` on a value; use where(condition, a, b) or positive(x)\n    if room < 0:"
    )


def kernels_of(model):
    return kernels(model, ("first", "second"))


@pytest.mark.parametrize(
    ("replacement", "expected"),
    [
        ((ROOM, "room = = 1"), "mine.py:{line}: invalid syntax"),
        (
            ("from pdsim.model", "import numpy\nfrom pdsim.model"),
            "a model file imports from pdsim.model alone, not 'numpy'",
        ),
        (("    half = Param", "    capacity = Param(1.0, '1', 'x')\n    half = Param"), "'capacity' is declared twice"),
        (("clone_cells=s.cells", "clone_cells=total(s.cells)"), "'clone_cells' has dimension clone and needs an entry"),
        (("dict(burden=total(s.cells)", "dict(burden=s.cells"), "'burden' has no dimension but 2 values were returned"),
        (
            ("s.cells, p.growth, kill)", "s.cells, p.growth, (1, 2, 3))"),
            "each() needs arguments over one dimension, got lengths",
        ),
        (("n * (g * room - k)", "n * (s.cells - k)"), "apply each(...) to values over a dimension"),
        (("return d(", "d("), "rates must return d(name=..., ...), got NoneType"),
        (('dim="clone", extinct', 'dim="clones", extinct'), "Logistic.cells: no dimension 'clones'; known: clone"),
        (("extinct_below=1.0", "extinct=1.0"), "unexpected keyword argument 'extinct'"),
        (
            ("    half = Param", "    file = Param(1.0, '1', 'x')\n    half = Param"),
            "Logistic.file: this name is taken by pdsim",
        ),
        ((ROOM, "room = where(burden == 0, 1, 2)"), "where() cannot test for equality"),
        (("(Model):", "(object):"), "a model file holds one subclass of Model; found none"),
        (("    def rates(", "    def rate("), "no function rates(t, s, p, u, d)"),
        ((ROOM, "room = 1 - burden / 0"), "ZeroDivisionError"),
        ((ROOM, "s.cells = 1; room = 1"), "a model body must not assign to s, p or u"),
        (("combine=competitive_binding", "combine=total"), "its combine has no keys"),
    ],
)
def test_other_mistakes(write_model, replacement, expected):
    path = write_model(replacement)
    line = line_of(path, replacement[1].splitlines()[0].strip()) if "{line}" in expected else 0
    assert expected.format(line=line) in message(path)


def test_missing_file(tmp_path):
    with pytest.raises(NotFoundError, match="no model file"):
        load_model_file(tmp_path / "none.py")


def test_uses_that_do_not_fit_are_listed_together(logistic):
    uses = [
        EffectUse("alpha", "alpha", "closd", ("affinity", "closed")),
        EffectUse("beta", "beta", "closed", ("potency",)),
        EffectUse("gamma", "gamma", "closed", ("affinity", "closed")),
        EffectUse("gamma", "gamma", "closed", ("affinity", "closed")),
    ]
    with pytest.raises(ModelError) as caught:
        kernels(logistic, ("first",), uses)
    assert str(caught.value) == (
        "drug 'alpha', effect on 'closd': model 'logistic' has no such Input. Did you mean 'closed'?\n"
        "drug 'beta', effect on 'closed': needs exactly the keys affinity, closed; got potency\n"
        "drug 'gamma': species 'gamma' acts twice on 'closed'"
    )


def test_clones_are_needed_and_have_names_of_their_own(logistic):
    for clones in ((), ("a", "a")):
        with pytest.raises(ModelError, match="needs clones with names of their own"):
            kernels(logistic, clones)
