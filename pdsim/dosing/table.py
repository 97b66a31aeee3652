"""Event tables as NONMEM has them: one record a row, read from pandas or CSV and written back."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from pdsim.dosing.records import STANDARD, Mistakes, numbers, standard_columns
from pdsim.errors import DoseError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

    from pdsim.dosing.regimen import Regimen

Found = TypeVar("Found")

_FINDS = 64  # that a table keeps


@dataclass(frozen=True, eq=False)
class EventTable:
    """Records of some patients in the order of the file; every array is (row,) and cannot be written to.

    Parameters
    ----------
    id : array
        Whole numbers where all are, else as written.
    time : array of float
        In the model's time unit.
    evid : array of int
        0 observes, 1 doses, 2 is another event, 3 resets, 4 resets and doses.
    amt, rate, ii : array of float
        Amount; rate of an infusion, 0 for a bolus, -1 and -2 for a modelled rate and duration; time from dose to dose.
    addl, ss, mdv : array of int
        Further doses; 1 for steady state, 2 to add it to what is there; 1 where no value was measured.
    cmt : array of object
        Name of a state, its place from 1, or None.
    columns : dict of str to array
        All other columns by their name in the file: covariates, parameters, text.

    Examples
    --------
    >>> import pandas as pd
    >>> table = EventTable.from_frame(pd.DataFrame({"TIME": [0, 8], "AMT": [100, "."], "CMT": ["gut", "."]}))
    >>> table.evid.tolist()
    [1, 0]
    """

    id: np.ndarray
    time: np.ndarray
    evid: np.ndarray
    amt: np.ndarray
    rate: np.ndarray
    ii: np.ndarray
    addl: np.ndarray
    ss: np.ndarray
    mdv: np.ndarray
    cmt: np.ndarray
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    _found: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        # what is found out about a table is kept, so it must stay as it is
        for name in STANDARD:
            object.__setattr__(self, name, _fixed(getattr(self, name)))
        object.__setattr__(self, "columns", {name: _fixed(column) for name, column in self.columns.items()})

    def __len__(self) -> int:
        return len(self.time)

    @cached_property
    def dose(self) -> np.ndarray:
        """Rows that give a dose, bool (row,)."""
        return (self.evid == 1) | (self.evid == 4)

    @cached_property
    def starts(self) -> np.ndarray:
        """Where the rows of each patient begin, and where those of the last end, (patient + 1,).

        Rows of a patient stand together; see `together`.
        """
        inside = np.flatnonzero(self.id[1:] != self.id[:-1]) + 1
        return np.concatenate([np.zeros(min(1, len(self)), dtype=np.int64), inside, [len(self)]])

    def together(self) -> tuple[EventTable, np.ndarray | None]:
        """Bring the rows of each patient together, patients in the order in which they first appear.

        Returns
        -------
        EventTable
            Itself, where they stand so.
        array of int or None, (row,)
            Where each of its rows stands in this table.
        """
        ids = self.id[self.starts[:-1]].tolist()
        if len(set(ids)) == len(ids):
            return self, None
        _, first, number = np.unique(self.id, return_index=True, return_inverse=True)
        order = np.argsort(first[number], kind="stable")
        own = {name: getattr(self, name)[order] for name in STANDARD}
        return EventTable(**own, columns={name: column[order] for name, column in self.columns.items()}), order

    def changes(self, names: Iterable[str]) -> np.ndarray:
        """First rows of patients, and rows with another value in one of these further columns than the row before."""
        found = [self.starts[:-1]]
        for name in dict.fromkeys(names):
            found.append(self.find(("changes", name), partial(_changes, self.columns[name])))
        return found[0] if len(found) == 1 else np.unique(np.concatenate(found))

    def find(self, key: Hashable, search: Callable[[], Found]) -> Found:
        """Return what a search in this table and nothing else finds; the next time without a search."""
        if key not in self._found:
            if len(self._found) == _FINDS:
                self._found.clear()
            self._found[key] = search()
        return self._found[key]

    def column(self, name: str) -> str | None:
        """Name in the file of a further column, whatever the case of its letters; None if there is none."""
        if name in self.columns:
            return name
        return next((known for known in self.columns if known.lower() == name.lower()), None)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame | Mapping[str, Any]) -> EventTable:
        """Read a pandas DataFrame, or a mapping of columns.

        Parameters
        ----------
        frame : DataFrame or mapping
            Columns ID TIME EVID AMT CMT RATE II ADDL SS MDV in any case, and any others; ``.`` is missing. TIME must
            be there. Without EVID, rows with AMT > 0 are doses; without ID, all rows are of one patient.

        Raises
        ------
        DoseError
            With all mistakes and their rows.
        """
        table, mistakes = read(frame)
        mistakes.check()
        return table

    @classmethod
    def read_csv(cls, path: str | Path, *, separator: str = ",", skip: int = 0) -> EventTable:
        """Read a CSV file, or with ``separator=r"\\s+"`` one in columns; `skip` lines stand before the header.

        Raises
        ------
        DoseError
            With all mistakes and their rows.
        """
        return cls.from_frame(_file(path, separator, skip))

    @classmethod
    def from_regimen(cls, regimen: Regimen, stop: str | float, model: Any = None, **more: Any) -> EventTable:
        """Write a regimen as a table; see `Regimen.to_table`."""
        from pdsim.dosing.regimen_table import regimen_table

        return regimen_table(regimen, stop, model, **more)

    def to_frame(self) -> pd.DataFrame:
        """Return the table as a DataFrame; a missing CMT is ``.``."""
        import pandas as pd

        own = {name.upper(): getattr(self, name) for name in STANDARD if name != "cmt"}
        own["CMT"] = np.array(["." if cmt is None else cmt for cmt in self.cmt], dtype=object)
        return pd.DataFrame({**{name.upper(): own[name.upper()] for name in STANDARD}, **self.columns})

    def to_csv(self, path: str | Path) -> None:
        """Write a CSV file that `read_csv`, and NONMEM where CMT is a number, read back."""
        self.to_frame().to_csv(path, index=False)


def _changes(column: np.ndarray) -> np.ndarray:
    """Rows with another value than the row before."""
    return np.flatnonzero(column[1:] != column[:-1]) + 1


def _fixed(array: np.ndarray) -> np.ndarray:
    """The same numbers, not to be written to."""
    view = array.view()
    view.flags.writeable = False
    return view


def _file(path: str | Path, separator: str = ",", skip: int = 0) -> pd.DataFrame:
    import pandas as pd

    if not Path(path).is_file():
        raise DoseError(f"no event table {path}")
    return pd.read_csv(path, sep=separator, skiprows=skip, dtype=str, keep_default_na=False, skipinitialspace=True)


def read(frame: Any) -> tuple[EventTable, Mistakes]:
    """Read a DataFrame or mapping of columns; return the table and what is wrong with it."""
    mistakes = Mistakes()
    names = [str(name).strip() for name in (frame.columns if hasattr(frame, "columns") else frame)]
    _check_names(names, mistakes)
    mistakes.check()  # without its columns, nothing more can be said
    raw = {
        name: np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values)
        for name, values in zip(names, (frame[key] for key in frame), strict=True)
    }
    lengths = {len(values) for values in raw.values()}
    if len(lengths) > 1:
        raise DoseError(f"the columns of the event table have different lengths: {sorted(lengths)}")
    given = {name.lower(): values for name, values in raw.items() if name.lower() in STANDARD}
    own = standard_columns(given, lengths.pop(), mistakes)
    return EventTable(**own, columns=_others(raw)), mistakes


def _check_names(names: list[str], mistakes: Mistakes) -> None:
    lower = [name.lower() for name in names]
    for name in sorted({name for name in lower if lower.count(name) > 1}):
        written = ", ".join(names[i] for i in range(len(names)) if lower[i] == name)
        mistakes.add(f"column {name.upper()} is there more than once: {written}")
    if "time" not in lower:
        mistakes.add(f"no column TIME.{did_you_mean('time', names)} Columns: {', '.join(names) or 'none'}")


def _others(raw: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Further columns: numbers, NaN where missing, or text as written."""
    found: dict[str, np.ndarray] = {}
    for name, values in raw.items():
        if name.lower() not in STANDARD:
            as_numbers, text = numbers(values)
            found[name] = values.astype(object) if text.any() else as_numbers
    return found


def records(table: Any) -> tuple[EventTable, Mistakes]:
    """Return a table and its mistakes from an `EventTable`, a DataFrame, a mapping of columns or the path of a CSV."""
    if isinstance(table, EventTable):
        return table, Mistakes()
    if isinstance(table, (str, Path)):
        return read(_file(table))
    if not (hasattr(table, "columns") or isinstance(table, Mapping)):
        raise DoseError(f"an event table is a DataFrame, a mapping of columns or a file, not {type(table).__name__}")
    return read(table)
