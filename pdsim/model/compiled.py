"""Kernels of a model: names and defaults at once, compiled functions on first use."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pdsim._jit import compile_aside
from pdsim.errors import ModelError
from pdsim.model import files
from pdsim.model.declare import FILE_MODULES, flat_names
from pdsim.model.kinetics import with_drugs
from pdsim.model.uses import EffectUse, check_uses

if TYPE_CHECKING:
    from pdsim.model.tracing import Trace


@dataclass(frozen=True, eq=False)
class Kernels:
    """Compiled functions of a model for given clones and drugs; see `pdsim._abi` for their arguments.

    Attributes
    ----------
    key : str
        Hash of everything that the code depends on.
    model : Model
        The model they were made from.
    clones, states, params, concentrations, outputs : tuple of str
        Names along each axis; with the clone dimension as ``cells[sensitive]``. Parameters are those of the model,
        then the drugs' card values such as ``daratumumab.clearance`` or ``lenalidomide.cereblon_closed.affinity``.
        States of drugs, such as ``daratumumab.central``, follow those of the model.
    param_defaults : array of float, (param,)
        The model's defaults; NaN for card values.
    drug_params : tuple of (drug, species, input, key, parameter name)
        Where each card value goes.
    output_dims : dict
        Output name to ``"clone"`` or None.
    extinct_below, scale : array of float, (state,)
        Count below which a state vanishes (0 where it does not), and magnitude for the absolute tolerance.
    dosed : tuple of int
        Places of the states that doses may enter.
    n_derived : int
        Rows of ``p`` behind the parameters that ``derive`` fills.
    units : dict
        Unit of each declared name.
    structure : dict
        Dependency graph; see `pdsim.model.graph.structure`.
    """

    key: str
    model: Any
    clones: tuple[str, ...]
    uses: tuple[EffectUse, ...]
    states: tuple[str, ...]
    params: tuple[str, ...]
    param_defaults: np.ndarray
    drug_params: tuple[tuple[str, str, str, str, str], ...]
    concentrations: tuple[str, ...]
    outputs: tuple[str, ...]
    output_dims: dict[str, str | None]
    extinct_below: np.ndarray
    scale: np.ndarray
    dosed: tuple[int, ...]
    n_derived: int
    units: dict[str, str]
    structure: dict[str, Any]
    module: str
    options: tuple[Any, ...]

    @cached_property
    def derive(self) -> Callable:
        """Fill the derived rows of ``p``."""
        return files.load_kernel(self.module, "derive")

    @cached_property
    def initial(self) -> Callable:
        """Natural entry values of the states."""
        return files.load_kernel(self.module, "initial")

    @cached_property
    def rates(self) -> Callable:
        """Derivatives of the integrated states."""
        return files.load_kernel(self.module, "rates")

    @cached_property
    def observe(self) -> Callable:
        """Natural values of the outputs."""
        return files.load_kernel(self.module, "outputs")

    def compile_aside(self) -> None:
        """Let another process begin to compile what stands beside a cascade's own kernels."""
        found = files.load_module(self.module)
        compile_aside(found.derive, found.initial, found.outputs)

    @cached_property
    def jacobian(self) -> Callable:
        """Derivatives of the natural rates of one lane; traced and compiled when first asked for."""
        name = self.module.replace("kernels", "jacobian")
        if not (files.folder() / f"{name}.py").exists():
            from pdsim.model.lower import jacobian_source

            files.write_once(f"{name}.py", jacobian_source(self.traced))
        return files.load_kernel(name, "jacobian")

    @cached_property
    def traced(self) -> Trace:
        """Expressions of the model; traced when first asked for."""
        from pdsim.model.tracing import trace

        dosed, keep = self.options
        return trace(self.model, self.clones, self.uses, dosed=dosed, keep=keep)


def kernels(
    model: Any,
    clones: Sequence[str] = (),
    uses: Iterable[EffectUse] = (),
    *,
    dosed: Sequence[str] | None = None,
    keep: Sequence[str] = (),
) -> Kernels:
    """Return the kernels of a model, from the cache where it has them.

    Parameters are those of `pdsim.model.tracing.trace`. The first call for a model, its clones and drugs traces it and
    checks its units; later ones read a description and import neither SymPy nor pint.

    Raises
    ------
    ModelError
        Where the model or the drugs' effects on it are wrong.
    """
    has_clones = any(getattr(item, "dim", None) for item in _declared(model).values())
    names = tuple(clones) if has_clones else ()
    if has_clones and (not names or len(set(names)) < len(names)):
        raise ModelError(f"model '{model.name}' needs clones with names of their own; got {list(names)}")
    ordered = check_uses(model, uses)
    options = (None if dosed is None else sorted(dosed), sorted(keep))
    parts = [model.source_hash, names, [asdict(use) for use in ordered], options, files.generator_key()]
    key = files.digest_of(parts)
    # a class from a notebook or package may call functions that its own source does not show
    whole = model.__module__.startswith(f"{FILE_MODULES}.")
    found = files.read_json(f"{key}.json") if whole else None
    if found is not None and (files.folder() / f"{found['module']}.py").exists():
        return _from_description(model, names, ordered, key, options, found)
    found, traced = _make(model, names, ordered, *options)
    if whole:
        files.write_once(f"{key}.json", json.dumps(found))
    made = _from_description(model, names, ordered, key, options, found)
    vars(made)["traced"] = traced  # the cascade needs it next
    return made


def _declared(model: Any) -> dict[str, Any]:
    return {**model.states, **model.params, **model.inputs, **model.outputs}


def _make(
    model: Any, clones: tuple, uses: tuple, dosed: list[str] | None, keep: list[str]
) -> tuple[dict[str, Any], Trace]:
    """Check, trace and write the kernel file; return its description and the trace."""
    from pdsim.model.balance import check_units
    from pdsim.model.graph import structure
    from pdsim.model.lower import kernel_source
    from pdsim.model.plain import check_plain
    from pdsim.model.tracing import trace

    check_plain(model)
    check_units(model)
    traced = trace(model, clones, uses, dosed=dosed, keep=keep)
    text, n_derived = kernel_source(traced)
    module = f"kernels_{files.digest_of(text, files.generator_key())}"
    files.write_once(f"{module}.py", text)
    found = {
        "states": list(traced.states),
        "params": list(traced.params),
        "drug_params": traced.drug_params,
        "concentrations": list(traced.concentrations),
        "outputs": list(traced.outputs),
        "n_derived": n_derived,
        "structure": structure(traced),
        "module": module,
    }
    return json.loads(json.dumps(found)), traced  # tuples become lists, as on the warm path


def _from_description(
    model: Any, clones: tuple, uses: tuple, key: str, options: tuple, found: dict[str, Any]
) -> Kernels:
    declared = _declared(with_drugs(model, uses))
    defaults = dict.fromkeys(found["params"], np.nan)
    for name, item in model.params.items():
        for label in flat_names({name: item}, clones):
            defaults[label] = item.default
    items = [declared[name.split("[")[0]] for name in found["states"]]
    return Kernels(
        key=key, model=model, clones=clones, uses=uses, options=options, module=found["module"],
        states=tuple(found["states"]),
        params=tuple(found["params"]),
        param_defaults=_fixed(defaults.values()),
        drug_params=tuple(tuple(row) for row in found["drug_params"]),
        concentrations=tuple(found["concentrations"]),
        outputs=tuple(found["outputs"]),
        output_dims={name: item.dim for name, item in model.outputs.items()},
        extinct_below=_fixed(item.extinct_below or 0.0 for item in items),
        scale=_fixed(item.magnitude for item in items),
        dosed=tuple(i for i, item in enumerate(items) if item.dosed),
        n_derived=found["n_derived"],
        units={name: item.unit for name, item in declared.items()},
        structure=found["structure"],
    )  # fmt: skip


def _fixed(values: Iterable[float]) -> np.ndarray:
    array = np.array([float(value) for value in values])
    array.flags.writeable = False
    return array
