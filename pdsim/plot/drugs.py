"""Concentrations of a drug and its metabolites after a dose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pdsim.errors import PdsimError
from pdsim.plot.style import line_look, own_axes, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

SHORT = 4.0


@styled
def drug_concentration(
    times: ArrayLike,
    conc: ArrayLike,
    species: str | Sequence[str],
    ax: Axes | None = None,
    *,
    unit: str = "nM",
    scale: str = "linear",
) -> Axes:
    """Draw concentrations of one or more species over time.

    Parameters
    ----------
    times
        (time,) days; the axis is in hours where they span at most 4 days.
    conc
        (time,) or (time, species), in `unit`.
    species
        Name, or one name per column of `conc`.
    unit
        Unit written on the axis.
    scale
        "linear" or "log".

    Raises
    ------
    PdsimError
        Shapes that do not fit, or another scale.
    """
    names = [species] if isinstance(species, str) else [str(name) for name in species]
    days = np.asarray(times, float)
    values = np.asarray(conc, float)
    values = values[:, None] if values.ndim == 1 else values
    if days.ndim != 1 or values.shape != (days.size, len(names)):
        message = (
            f"Concentrations have shape {values.shape}, but {days.size} times and {len(names)} species "
            f"({', '.join(names)}) ask for ({days.size}, {len(names)}): one row per time, one column per species."
        )
        raise PdsimError(message)
    if scale not in ("linear", "log"):
        message = f"Unknown scale '{scale}'. Use 'linear' or 'log'."
        raise PdsimError(message)
    ax, _ = own_axes(ax)
    hours = days.size == 0 or np.ptp(days) <= SHORT
    for index, name in enumerate(names):
        ax.plot(24.0 * days if hours else days, values[:, index], label=name.replace("_", " "), **line_look(index))
    ax.set_yscale(scale)
    ax.set_xlabel("hours" if hours else "days")
    ax.set_ylabel(f"concentration ({unit})")
    ax.margins(x=0.0)
    if scale == "linear":
        ax.set_ylim(bottom=0.0)
    ax.legend(loc="best")
    return ax
