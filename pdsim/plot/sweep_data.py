"""What the figures of a sweep read: endpoints by scenario and arm, factors and their levels."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pdsim.errors import PdsimError, did_you_mean
from pdsim.plot.data import dataset

if TYPE_CHECKING:
    import xarray as xr


_MEAN = "mean over patients of: "


@dataclass(frozen=True)
class Axis:
    """A factor over the scenarios of a sweep.

    Attributes
    ----------
    name, title : str
    numbers : (scenario,) float64; the place in `words` where the factor has no number, NaN where it is not set.
    words : names of the levels in the order in which they come; None for a factor with numbers.
    """

    name: str
    title: str
    numbers: np.ndarray
    words: tuple[str, ...] | None = None

    @property
    def levels(self) -> np.ndarray:
        """The levels in order, as numbers."""
        return np.unique(self.numbers[np.isfinite(self.numbers)])

    def word(self, level: float) -> str:
        """Name of a level."""
        return self.words[int(level)] if self.words is not None else f"{level:.4g}"


def factor_names(sweep: xr.DataTree) -> list[str]:
    """Names of the factors, in the order of the study."""
    return list(json.loads(sweep.attrs.get("factors", "[]")))


def axis(sweep: xr.DataTree, name: str) -> Axis:
    """One factor; `PdsimError` if there is none of that name."""
    known = factor_names(sweep)
    if name not in known:
        raise PdsimError(f"The sweep has no factor '{name}'.{did_you_mean(name, known)} Factors: {', '.join(known)}.")
    found = sweep[name]
    title = str(found.attrs.get("long_name", name))
    if found.dtype.kind == "f":
        unit = str(found.attrs.get("units", "1"))
        return Axis(name, title if unit == "1" else f"{title} ({unit})", found.values.astype(float))
    texts = [str(value) for value in found.values]
    words = tuple(dict.fromkeys(text for text in texts if text))
    return Axis(name, title, np.array([words.index(text) if text else np.nan for text in texts]), words)


def endpoint(sweep: xr.DataTree, name: str) -> tuple[np.ndarray, str]:
    """Values (scenario, arm) of one endpoint of the summary, and its name with the unit for an axis."""
    found = dataset(sweep, "summary")
    known = [str(key) for key in found.data_vars if found[key].dims == ("scenario", "arm")]
    if name not in known:
        message = f"The sweep has no endpoint '{name}'.{did_you_mean(name, known)} Endpoints: {', '.join(known)}."
        raise PdsimError(message)
    unit = str(found[name].attrs.get("units", "1"))
    text = str(found[name].attrs.get("long_name", name))
    if text.startswith(_MEAN):
        text = f"{text.removeprefix(_MEAN)}, mean of patients"
    unit = {"%": "% of patients", "month": "months"}.get(unit, unit)
    return found[name].values.astype(float), text if unit == "1" else f"{text} ({unit})"


def endpoints(sweep: xr.DataTree) -> list[str]:
    """Names of the endpoints that the study wants drawn."""
    return list(json.loads(sweep.attrs.get("figures", "[]")))


def arms(sweep: xr.DataTree) -> list[tuple[str, str]]:
    """Name and label of every arm."""
    names = [str(name) for name in sweep["arm"].values]
    labels = [str(name) for name in sweep["label"].values] if "label" in sweep.coords else names
    return list(zip(names, labels, strict=True))


def wrapped(text: str, width: int = 30) -> str:
    """Text broken into lines."""
    return textwrap.fill(text, width)
