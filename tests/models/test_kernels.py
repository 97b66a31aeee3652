"""Generated kernels: names, speed of the warm path, lanes, absent clones, pruning."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from numba.core import types
from numba.core.sigutils import normalize_signature

from pdsim._abi import JACOBIAN, RATES
from pdsim._jit import FLAGS, LANES
from pdsim.model import EffectUse, files, kernels, load_model_file, plain_initial, plain_inputs, plain_rates, trace
from pdsim.model.lower import jacobian_source, kernel_source

HERE = Path(__file__).parent
SHIPPED = HERE.parent.parent / "models"
CLONES = ("first", "second")


def uses_of(model):
    return [
        EffectUse(drug, drug, name, tuple(item.combine.keys))
        for name, item in model.inputs.items()
        for drug in ("beta", "alpha")
    ]


def arrays(made, seed=1):
    """Random parameters around the defaults, entry state and concentrations; every lane another patient."""
    rng = np.random.default_rng(seed)
    defaults = np.where(np.isnan(made.param_defaults), 3.0, made.param_defaults)
    p = np.zeros((len(made.params) + made.n_derived, LANES))
    p[: len(made.params)] = defaults[:, None] * np.exp(0.2 * rng.standard_normal((len(made.params), LANES)))
    p = p.ravel()
    made.derive(LANES, p)
    x = np.zeros(len(made.states) * LANES)
    made.initial(LANES, p, x)
    y = x.reshape(-1, LANES)
    counted = made.extinct_below > 0
    y[counted] = np.log(y[counted])
    c = 5 * rng.random(len(made.concentrations) * LANES)
    return np.full(LANES, 2.0), y.ravel(), p, c, np.ones(len(y) * LANES)


def rates(made, t, y, p, c, present):
    dy = np.full(len(made.states) * LANES, np.nan)
    made.rates(LANES, t, y, p, c, present, dy)
    return dy.reshape(-1, LANES)


def test_names_and_defaults(logistic):
    made = kernels(logistic, CLONES, uses_of(logistic))
    assert made.states == ("cells[first]", "cells[second]", "m_protein")
    assert made.outputs == ("burden", "clone_cells[first]", "clone_cells[second]")
    assert made.output_dims == {"burden": None, "clone_cells": "clone"}
    assert made.concentrations == ("alpha", "beta")
    assert made.params[:3] == ("growth[first]", "growth[second]", "capacity")
    assert made.params[-2:] == ("beta.closed.affinity", "beta.closed.closed")
    assert made.param_defaults[0] == 0.02
    assert np.isnan(made.param_defaults[-1])
    assert made.drug_params[0] == ("alpha", "alpha", "closed", "affinity", "alpha.closed.affinity")
    assert made.extinct_below.tolist() == [1.0, 1.0, 0.0]
    assert made.scale.tolist() == [1e10, 1e10, 40.0]
    assert made.units["m_protein"] == "g/L"
    assert made.dosed == ()


def test_metabolite_beside_its_parent_has_a_name_of_its_own(logistic):
    keys = ("affinity", "closed")
    both = [EffectUse("alpha", "alpha", "closed", keys), EffectUse("alpha", "alpha_m1", "closed", keys)]
    assert trace(logistic, CLONES, both).drug_params[2][-1] == "alpha.alpha_m1.closed.affinity"
    alone = trace(logistic, CLONES, both[1:])
    assert alone.drug_params[0][-1] == "alpha.closed.affinity"
    assert list(alone.concentrations) == ["alpha_m1"]


def test_rates_of_every_lane_equal_plain(logistic):
    made = kernels(logistic, CLONES, uses_of(logistic))
    t, y, p, c, present = arrays(made)
    dy = rates(made, t, y, p, c, present)
    for lane in range(LANES):
        values = dict(zip(made.params, p.reshape(-1, LANES)[:, lane], strict=False))
        natural = dict(zip(made.states, y.reshape(-1, LANES)[:, lane], strict=True))
        natural |= {name: np.exp(natural[name]) for name in made.states[:2]}
        doses = dict(zip(made.concentrations, c.reshape(-1, LANES)[:, lane], strict=True))
        own = {name: value for name, value in values.items() if "." not in name}
        plain = plain_rates(logistic, CLONES, 2.0, natural, own, plain_inputs(logistic, made.uses, doses, values))
        for row, name in enumerate(made.states):
            expected = plain[name] / natural[name] if row < 2 else plain[name]
            assert dy[row, lane] == pytest.approx(expected, rel=1e-12)


def test_lanes_do_not_see_their_neighbours(every_effect):
    made = kernels(every_effect, CLONES, uses_of(every_effect))
    t, y, p, c, present = arrays(made)
    whole = rates(made, t, y, p, c, present)
    order = np.random.default_rng(3).permutation(LANES)
    moved = [np.ascontiguousarray(a.reshape(-1, LANES)[:, order]).ravel() for a in (t, y, p, c, present)]
    assert np.array_equal(rates(made, *moved), whole[:, order])
    alone = [np.repeat(a.reshape(-1, LANES)[:, 5], LANES) for a in (t, y, p, c, present)]
    assert np.array_equal(rates(made, *alone)[:, 0], whole[:, 5])


def test_nan_stays_in_its_lane_and_is_not_hidden(every_effect):
    made = kernels(every_effect, CLONES, uses_of(every_effect))
    t, y, p, c, present = arrays(made)
    whole = rates(made, t, y, p, c, present)
    for row in range(len(made.states)):
        spoilt = y.copy()
        spoilt[row * LANES + 3] = np.nan
        dy = rates(made, t, spoilt, p, c, present)
        readers = [i for i, name in enumerate(made.states) if made.states[row] in made.structure["reads"][name]]
        assert np.isnan(dy[readers, 3]).all()
        others = np.arange(LANES) != 3
        assert np.array_equal(dy[:, others], whole[:, others])


def test_absent_clone_is_zero_and_integrates_its_supply(logistic):
    made = kernels(logistic, CLONES, uses_of(logistic))
    t, y, p, c, present = arrays(made)
    present[:LANES] = 0.0
    y[:LANES] = 0.3  # an integral of supply so far, which no other state may read as a count
    dy = rates(made, t, y, p, c, present)
    second = np.exp(y[LANES : 2 * LANES])
    mutation = p.reshape(-1, LANES)[made.params.index("mutation")]
    np.testing.assert_allclose(dy[0], mutation * second, rtol=1e-14)
    out = np.zeros(len(made.outputs) * LANES)
    made.observe(LANES, t, y, p, c, present, out)
    np.testing.assert_allclose(out[:LANES], second, rtol=1e-14)
    assert not out[LANES : 2 * LANES].any()


def test_all_clones_absent_gives_finite_rates():
    model = load_model_file(SHIPPED / "myeloma")
    made = kernels(model, CLONES, uses_of(model))
    t, y, p, c, present = arrays(made)
    counted = np.repeat(made.extinct_below > 0, LANES)
    present[counted], y[counted] = 0.0, 0.0
    assert np.isfinite(rates(made, t, y, p, c, present)).all()


def test_entry_values_equal_plain(logistic):
    made = kernels(logistic, CLONES)
    p = np.repeat(np.append(made.param_defaults, np.zeros(made.n_derived)), LANES)
    x = np.zeros(len(made.states) * LANES)
    made.initial(LANES, p, x)  # needs no derived rows
    assert dict(zip(made.states, x[::LANES], strict=True)) == plain_initial(logistic, CLONES)


def test_functions_are_first_class(logistic):
    made = kernels(logistic, CLONES, uses_of(logistic))
    pointer = types.FunctionType(_function_type(RATES))
    row = types.Array(types.float64, 1, "C")

    @numba.njit(types.void(pointer, row, row, row, row, row, row))
    def call(f, t, y, p, c, present, dy):
        f(16, t, y, p, c, present, dy)

    t, y, p, c, present = arrays(made)
    dy = np.zeros(len(made.states) * LANES)
    call(made.rates, t, y, p, c, present, dy)
    assert np.array_equal(dy.reshape(-1, LANES), rates(made, t, y, p, c, present))


def _function_type(text):
    arguments, result = normalize_signature(text)
    return result(*arguments)


def test_jacobian_is_compiled_only_when_asked_for(logistic):
    made = kernels(logistic, CLONES, uses_of(logistic))
    assert "jacobian" not in vars(made)
    t, y, p, c, present = arrays(made)
    jac = np.full((3, 3 + 2 + 1), np.nan)
    made.jacobian(4, t, y, p, c, present, jac)
    assert jac[2, 2] == -p.reshape(-1, LANES)[made.params.index("clearance"), 4]
    assert jac[2, 3:].tolist() == [0.0, 0.0, 0.0]
    assert len(made.jacobian.nopython_signatures) == 1
    assert str(_function_type(JACOBIAN)) == str(made.jacobian.nopython_signatures[0])


@pytest.mark.parametrize("name", ["logistic", "myeloma"])
def test_kernels_are_vectorised(name):
    if not numba.core.codegen.ll.get_host_cpu_features().get("fma"):
        pytest.skip("this processor has no packed multiply-add")
    from pdsim._lanes import Separate

    model = load_model_file(next(p for p in [*(HERE / "fixtures").glob("*.py"), SHIPPED / "myeloma"] if p.stem == name))
    made = kernels(model, CLONES, uses_of(model))
    fresh = numba.njit(RATES, pipeline_class=Separate, **FLAGS)(made.rates.py_func)
    (assembly,) = fresh.inspect_asm().values()
    packed = len(re.findall(r"vfn?m(?:add|sub)\d+pd\s.*[yz]mm", assembly))
    single = len(re.findall(r"vfn?m(?:add|sub)\d+sd\s", assembly))
    assert packed > 50
    assert packed >= 0.9 * single  # the remainder loop holds each operation once more, one lane at a time


def test_a_function_is_compiled_when_it_is_asked_for(logistic, write_model):
    made = kernels(load_model_file(write_model(("room = 1", "room = 1.0 * 1"))), CLONES)
    module = files.load_module(made.module)
    assert made.initial is module.initial
    assert len(module.initial.nopython_signatures) == 1
    assert not module.outputs.nopython_signatures


def test_pruning_follows_the_drugs(every_effect):
    keys = {name: tuple(item.combine.keys) for name, item in every_effect.inputs.items()}
    blocked = EffectUse("alpha", "alpha", "blocked", keys["blocked"])
    assert "signal" in trace(every_effect, CLONES, [blocked]).states
    without = trace(every_effect, CLONES, [])
    assert without.dropped == ("signal",)
    assert "signal" in trace(every_effect, CLONES, [], keep=("signal",)).states
    # nothing doses the depot: it and what follows it stay at zero
    assert trace(every_effect, CLONES, [blocked], dosed=("level",)).dropped == ("depot", "echo")
    assert trace(every_effect, CLONES, [blocked], dosed=("depot",)).dropped == ()
    kept = trace(every_effect, CLONES, [blocked], dosed=(), keep=("depot", "echo"))
    assert "depot" in kept.states


def test_what_a_study_gives_nothing_of_is_in_no_kernel():
    model = load_model_file(SHIPPED / "myeloma")
    inputs = ("cereblon_closed", "alkylator", "glucocorticoid")
    uses = [EffectUse(name, name, name, tuple(model.inputs[name].combine.keys)) for name in inputs]
    partners = {"proteasome", "cd38", "car_effector", "car_memory", "car_exhausted"}
    assert set(trace(model, CLONES, uses, dosed=()).dropped) == partners
    assert set(trace(model, CLONES, uses[1:], dosed=()).dropped) >= {*partners, "active", "ikzf_lymph", "ikzf_marrow"}
    assert not partners & set(trace(model, CLONES, uses_of(model)).dropped)


def test_structure_orders_the_blocks():
    model = load_model_file(SHIPPED / "myeloma")
    made = kernels(model, CLONES, uses_of(model))
    blocks = made.structure["blocks"]
    kinds = {state: block["kind"] for block in blocks for state in block["states"]}
    assert kinds["cells[first]"] == "disease"
    assert kinds["ikzf[first]"] == "driver"
    assert kinds["paraprotein"] == "readout"
    assert kinds["neutrophils"] == "side"
    assert all(before < place for place, block in enumerate(blocks) for before in block["after"])
    assert sorted(made.states) == sorted(state for block in blocks for state in block["states"])
    assert json.loads(json.dumps(made.structure)) == made.structure


def test_time_is_seen(every_effect):
    made = kernels(every_effect, CLONES, uses_of(every_effect))
    assert made.structure["time"] == ["clock"]


def run_python(text, **environment):
    done = subprocess.run(
        [sys.executable, "-c", text],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        cwd=HERE.parent.parent,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


LOAD = f"""
from pathlib import Path
from pdsim.model import EffectUse, load_model_file
def uses_of(model):
    return [EffectUse(d, d, n, tuple(i.combine.keys)) for n, i in model.inputs.items() for d in ("alpha", "beta")]
model = load_model_file(Path({str(HERE)!r}) / "fixtures" / "every_effect.py")
"""


def test_second_process_compiles_nothing_and_imports_neither_sympy_nor_pint(every_effect):
    here = kernels(every_effect, CLONES, uses_of(every_effect))
    here.derive, here.initial, here.rates, here.observe, here.jacobian  # noqa: B018
    text = (
        LOAD
        + """
import sys
from pdsim.model import kernels
made = kernels(model, ("first", "second"), uses_of(model))
functions = [made.derive, made.initial, made.rates, made.observe, made.jacobian]
hits = [sum(f.stats.cache_hits.values()) for f in functions]
misses = [sum(f.stats.cache_misses.values()) for f in functions]
print(made.key, hits, misses, [name for name in ("sympy", "pint") if name in sys.modules])
"""
    )
    assert run_python(text).strip() == f"{here.key} [1, 1, 1, 1, 1] [0, 0, 0, 0, 0] []"


def test_text_is_the_same_under_any_hash_seed(every_effect):
    traced = trace(every_effect, CLONES, uses_of(every_effect))
    text = (
        LOAD
        + """
import hashlib
from pdsim.model.tracing import trace
from pdsim.model.lower import jacobian_source, kernel_source
traced = trace(model, ("first", "second"), uses_of(model))
print(hashlib.sha256((kernel_source(traced)[0] + jacobian_source(traced)).encode()).hexdigest())
"""
    )
    import hashlib

    own = hashlib.sha256((kernel_source(traced)[0] + jacobian_source(traced)).encode()).hexdigest()
    assert {run_python(text, PYTHONHASHSEED=seed).strip() for seed in ("1", "2")} == {own}


def test_files_are_never_rewritten(logistic):
    made = kernels(logistic, CLONES, uses_of(logistic))
    path = files.folder() / f"{made.module}.py"
    before = path.stat().st_mtime_ns
    files.write_once(path.name, "something else")
    again = kernels(logistic, CLONES, uses_of(logistic))
    assert again.module == made.module
    assert path.stat().st_mtime_ns == before
    assert not list(files.folder().glob("*.part"))


def test_key_covers_text_drugs_clones_and_generator(logistic, write_model, monkeypatch):
    made = kernels(logistic, CLONES)
    keys = {made.key, kernels(logistic, ("first", "other")).key, kernels(logistic, CLONES, uses_of(logistic)).key}
    keys.add(kernels(load_model_file(write_model(("0.02", "0.03"))), CLONES).key)
    monkeypatch.setattr(files, "generator_key", lambda: "another")
    other = kernels(logistic, CLONES)
    keys.add(other.key)
    assert len(keys) == 5
    assert other.module != made.module


def test_damaged_description_is_made_anew(logistic):
    made = kernels(logistic, CLONES, keep=("m_protein",))
    path = files.folder() / f"{made.key}.json"
    path.write_text("{", encoding="utf-8")
    assert kernels(logistic, CLONES, keep=("m_protein",)).states == made.states
    assert json.loads(path.read_text(encoding="utf-8"))["states"] == list(made.states)


def test_a_class_from_elsewhere_is_traced_anew_but_compiled_once():
    from pdsim.model import Model, Param, State

    factor = {"value": 2.0}

    class Decay(Model):
        amount = State(1.0, "mg", "what is left")
        loss = Param(0.1, "1/day", "loss rate")

        @staticmethod
        def rates(t, s, p, u, d):
            return d(amount=-factor["value"] * p.loss * s.amount)

    first, again = kernels(Decay), kernels(Decay())
    assert first.module == again.module
    assert not (files.folder() / f"{first.key}.json").exists()
    factor["value"] = 3.0  # the source of the class does not show this
    assert kernels(Decay).module != first.module


def test_a_comment_in_the_model_compiles_nothing(logistic, write_model):
    commented = load_model_file(
        write_model(("        room = 1", "        # what is left of the niche\n        room = 1"))
    )
    first, second = kernels(logistic, CLONES), kernels(commented, CLONES)
    assert first.key != second.key
    assert first.module == second.module
