"""Text of a fresh model file to start from."""

from __future__ import annotations

import keyword
import re

from pdsim.errors import ModelError

_TEXT = '''"""{title}: one sentence on what this model is for."""

from pdsim.model import Input, Model, Output, Param, State, competitive_binding, each, hill, total


class {cls}(Model):
    """Clones share a niche; a cereblon drug kills them.

    d(cells)/dt = cells (growth (1 - burden / capacity) - kill), burden = sum of cells
    d(m_protein)/dt = secretion burden - clearance m_protein

    Name the papers that the equations come from here.
    """

    time = "day"
    cells = State(1e11, "cell", "plasma cells of each clone", dim="clone", extinct_below=1.0)
    paraprotein = State(40.0, "g/L", "serum M-protein")

    cells_entry = Param(1e11, "cell", "plasma cells at entry", low=0, source="where it is from")
    clone_fraction = Param(0.5, "1", "share of each clone at entry", dim="clone", low=0, source="the population")
    growth = Param(0.012, "1/day", "growth rate without competition", dim="clone", low=0, source="where it is from")
    cereblon = Param(1.0, "1", "cereblon level relative to normal", dim="clone", low=0, source="where it is from")
    capacity = Param(3e12, "cell", "plasma cells that the marrow holds", low=0, source="where it is from")
    kill_max = Param(0.1, "1/day", "largest kill rate", low=0, source="where it is from")
    kill_half = Param(0.3, "1", "closed cereblon of half the largest kill", low=0, source="where it is from")
    steepness = Param(2.5, "1", "Hill coefficient of the kill", low=0, source="where it is from")
    secretion = Param(1.3e-11, "g/L/day/cell", "M-protein that a cell secretes", low=0, source="where it is from")
    clearance = Param(0.033, "1/day", "elimination of M-protein", low=0, source="where it is from")

    cereblon_closed = Input("1", "share of cereblon that drugs have closed", combine=competitive_binding)

    burden = Output("cell", "all plasma cells")
    clone_cells = Output("cell", "plasma cells of each clone", dim="clone")
    m_protein = Output("g/L", "serum M-protein")

    @staticmethod
    def initial(p):
        return dict(cells=each(lambda share: share * p.cells_entry, p.clone_fraction))

    @staticmethod
    def rates(t, s, p, u, d):
        burden = total(s.cells)
        room = 1 - burden / p.capacity
        kill = each(lambda level: p.kill_max * hill(level * u.cereblon_closed, p.kill_half, p.steepness), p.cereblon)
        return d(
            cells=each(lambda n, g, k: n * (g * room - k), s.cells, p.growth, kill),
            paraprotein=p.secretion * burden - p.clearance * s.paraprotein,
        )

    @staticmethod
    def outputs(t, s, p, u):
        return dict(burden=total(s.cells), clone_cells=s.cells, m_protein=s.paraprotein)
'''


def new_model(name: str) -> str:
    """Return the text of a model file that fulfils the contract.

    Parameters
    ----------
    name : str
        Name of the model, such as ``"my_model"``; the file should bear it too.

    Raises
    ------
    ModelError
        The name cannot be a Python name.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise ModelError(f"'{name}' cannot name a model: use small letters, digits and underscores, such as 'my_model'")
    words = name.split("_")
    return _TEXT.format(cls="".join(word.capitalize() for word in words), title=" ".join(words).capitalize())
