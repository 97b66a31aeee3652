"""Kernels of the cascade: the driver's rates and the forcings, and the disease's rates under given forcings."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pdsim.model import files
from pdsim.model.compiled import Kernels
from pdsim.model.declare import FILE_MODULES


@dataclass(frozen=True, eq=False)
class Cascade:
    """Two kernel sets in the place of one; see `pdsim._abi` for their arguments.

    Attributes
    ----------
    driver, disease : tuple of int
        Places of their states in the whole model.
    n_forcings : int
        How many forcings the disease sees.
    levels : tuple of int
        Place of each driver state in the rows in which they depend on one another, from 1; -1 where there is none.
    ring : tuple of int
        Places among the driver's states of those without a place in these rows: they are found together.
    pulls : tuple of pairs of int
        Places in `ring` of a state and of one that its rate reads. How strongly stands behind the rates of decay.
    fading : tuple of int
        Places among the disease's states of those that decay fast; their rates of decay stand behind the slopes of the
        states.
    driver_derived, disease_derived : int
        Rows behind the parameters that each `derive` fills; the parameters are those of the whole model.
    repeats : bool
        Whether the driver takes the same course under the same doses at any time.
    """

    driver: tuple[int, ...]
    disease: tuple[int, ...]
    n_forcings: int
    levels: tuple[int, ...]
    ring: tuple[int, ...]
    pulls: tuple[tuple[int, int], ...]
    fading: tuple[int, ...]
    driver_derived: int
    disease_derived: int
    repeats: bool
    modules: tuple[str, str]

    @cached_property
    def derive_driver(self) -> Callable:
        """Fill the driver's derived rows."""
        return files.load_kernel(self.modules[0], "derive")

    @cached_property
    def derive_disease(self) -> Callable:
        """Fill the disease's derived rows."""
        return files.load_kernel(self.modules[1], "derive")

    @cached_property
    def driver_rates(self) -> Callable:
        """Derivatives of the driver's states; in the rows behind them their rates of decay, and pulls."""
        return files.load_kernel(self.modules[0], "rates")

    @cached_property
    def forced(self) -> Callable:
        """Forcings, as functions of the driver's states and concentrations."""
        return files.load_kernel(self.modules[0], "outputs")

    @cached_property
    def disease_rates(self) -> Callable:
        """Derivatives of the disease's states, and behind them rates of decay; forcings stand for concentrations."""
        return files.load_kernel(self.modules[1], "rates")

    def load(self) -> None:
        """Load all kernels, or compile them."""
        for module, name in ((0, "derive"), (1, "derive"), (0, "rates"), (0, "outputs"), (1, "rates")):
            files.load_kernel(self.modules[module], name)


def cascade_of(kernels: Kernels) -> Cascade | None:
    """Return the cascade of a model, from the cache where it has it; None where no drug acts on the disease.

    Raises
    ------
    ModelError
        Where the model is wrong.
    """
    name = f"{files.digest_of(kernels.key, 'cascade')}.json"
    # a class from a notebook has no file of its own whose hash would tell of a change
    whole = kernels.model.__module__.startswith(f"{FILE_MODULES}.")
    found = files.read_json(name) if whole else None
    if found is None or not all((files.folder() / f"{module}.py").exists() for module in found.get("modules", [])):
        found = _make(kernels)
        if whole:
            files.write_once(name, json.dumps(found))
    if not found:
        return None
    return Cascade(
        driver=tuple(found["driver"]),
        disease=tuple(found["disease"]),
        n_forcings=found["n_forcings"],
        levels=tuple(found["levels"]),
        ring=tuple(place for place, level in enumerate(found["levels"]) if level < 0),
        pulls=tuple((one, other) for one, other in found["pulls"]),
        fading=tuple(found["fading"]),
        driver_derived=found["derived"][0],
        disease_derived=found["derived"][1],
        repeats=found["repeats"],
        modules=tuple(found["modules"]),
    )


def _make(kernels: Kernels) -> dict[str, Any]:
    """Trace, split and write both kernel files; return their description, empty where there is no cascade."""
    from pdsim.model.lower import kernel_source
    from pdsim.model.split import names_of, reads_time, split
    from pdsim.units import convert

    traced = kernels.traced
    parts = split(traced, convert(1.0, "day", kernels.model.time))
    if parts is None:
        return {}
    diseased = list(parts.disease.states)[: len(parts.disease.states) - len(parts.fading)]
    modules, derived = [], []
    for part in (parts.driver, parts.disease):
        text, rows = kernel_source(part)
        modules.append(f"kernels_{files.digest_of(text, files.generator_key())}")
        derived.append(rows)
        files.write_once(f"{modules[-1]}.py", text)
    return {
        "driver": names_of(traced, list(parts.driver.states)[: len(parts.levels)]),
        "disease": names_of(traced, diseased),
        "n_forcings": len(parts.driver.outputs),
        "levels": parts.levels,
        "pulls": parts.pulls,
        "fading": [diseased.index(name) for name in parts.fading],
        "derived": derived,
        "repeats": not reads_time(parts.driver),
        "modules": modules,
    }
