"""Draws of parameters that are not known well: factors on their values, in pairs of opposite sign."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pdsim import draws
from pdsim.errors import ConfigError, did_you_mean
from pdsim.library.files import read_toml, shown

if TYPE_CHECKING:
    from pdsim.library import Library
    from pdsim.model import Model

FILE = "uncertainty.toml"


def log_spreads(model: Model, library: Library) -> dict[str, float]:
    """Return the SD of the logarithm of every uncertain parameter of a model, from ``configs/fits/uncertainty.toml``.

    Raises
    ------
    ConfigError
        A parameter that the model does not have, or a spread that is no positive number.
    """
    path = library.places[-1].root / "configs" / "fits" / FILE
    if not path.is_file():
        return {}
    given = read_toml(path).get(model.name, {})
    wrong = [f"{name}: no parameter of {model.name}.{did_you_mean(name, model.params)}" for name in given
             if name not in model.params]  # fmt: skip
    spreads = {name: _spread(table) for name, table in given.items()}
    wrong += [f"{name}: write log_sd = 0.2, a positive number" for name, spread in spreads.items() if spread <= 0]
    if wrong:
        raise ConfigError("\n".join(f"{shown(path)}: {text}" for text in wrong))
    return spreads


def _spread(table: Any) -> float:
    """SD of the logarithm, 0 where none is given."""
    value = table.get("log_sd") if isinstance(table, dict) else None
    return float(value) if isinstance(value, int | float) else 0.0


def spreads(model: Model, library: Library, count: int, seed: int) -> dict[str, np.ndarray]:
    """Draw factors of the uncertain parameters: name -> (draw,); empty where none is asked for or none is uncertain.

    Draws come in pairs of opposite sign, so that their mean is the parameters' own value. A parameter's draws do not
    depend on which others are uncertain.
    """
    if count <= 0:
        return {}
    found = {}
    for name, spread in sorted(log_spreads(model, library).items()):
        half = draws.normals(seed, np.arange((count + 1) // 2), f"trial.parameter.{name}", 1)[:, 0]
        found[name] = np.exp(spread * np.column_stack([half, -half]).ravel()[:count])
    return found
