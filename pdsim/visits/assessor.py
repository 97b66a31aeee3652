"""The visit as the simulator and the endpoints call it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pdsim.visits.assay import MARKERS, AssayError
from pdsim.visits.kernel import STATE, assess_run, assess_visit
from pdsim.visits.rules import ResponseRules

VALUES = (*MARKERS, "burden_true")
RESULTS = ("response", "progression", "neutropenia", "thrombocytopenia", "mrd_negative")
_UNKNOWN = {"progression": 0}  # every other result starts as -1


class Assessor:
    """Measure, classify and decide, visit by visit, for a block of patients.

    Rules: a response class counts when two consecutive evaluable assessments reach it (the weaker of the two is
    confirmed). The lowest confirmed value is the smallest, over baseline and all pairs of consecutive assessments, of
    the larger value of the pair. PD is confirmed when two consecutive assessments meet the criterion; the first of
    them is its time. Nothing after a confirmed PD changes the response. A missing value is no assessment. Patients
    with neither measurable M-protein nor light chain at baseline are not evaluable. Each instance serves one thread.

    Parameters
    ----------
    days : array of float, (visit,)
        Days of the visits, d; the first is baseline, before the first dose.
    n : int
        Patients of the block.
    rules : ResponseRules, optional
        Numbers of the rules.
    noise : mapping of str to array of float, (patient, visit), optional
        Standard normal draws by marker, see `assay_noise`; a marker left out is read without noise.
    until_progression : bool
        Treatment stops at the visit that confirms PD.
    error : AssayError, optional
        Size of the assay errors; by default `AssayError()` where noise is given, else exact.
    treated : bool
        False for an arm without drugs: nobody is on treatment.

    Attributes
    ----------
    record : dict of str to array, (patient, visit)
        Variables of ``/visits``: float32 ``m_protein`` g/L, ``flc`` mg/L, ``anc`` and ``platelets`` 1e9/L,
        ``burden_true`` cell; int8 ``response``, ``progression``, ``neutropenia``, ``thrombocytopenia``,
        ``mrd_negative``, ``dosing``. ``dosing`` is 1 where treatment goes on from that visit to the next.

    Raises
    ------
    ValueError
        Noise of another shape, or visits out of order.
    """

    def __init__(
        self,
        days: np.ndarray,
        n: int,
        rules: ResponseRules | None = None,
        noise: Mapping[str, np.ndarray] | None = None,
        until_progression: bool = False,
        error: AssayError | None = None,
        treated: bool = True,
    ) -> None:
        self.days = np.asarray(days, dtype=float)
        self.rules = rules or ResponseRules()
        self.error = error or (AssayError() if noise else AssayError.none())
        self.until_progression = until_progression
        self.treated = treated
        shape = (n, len(self.days))
        self._noise = np.zeros((len(MARKERS), *shape))
        for marker, normal in (noise or {}).items():
            if marker not in MARKERS or np.shape(normal) != shape:
                raise ValueError(
                    f"assay noise of {marker!r} has shape {np.shape(normal)}; need {shape}, one of {MARKERS}"
                )
            self._noise[MARKERS.index(marker)] = normal
        self._numbers = self.rules.numbers()
        self._state = np.zeros(n, dtype=STATE)
        self._next = 0
        self._true = np.empty((len(MARKERS), n))
        self.record: dict[str, np.ndarray] = {name: np.full(shape, np.nan, dtype=np.float32) for name in VALUES}
        self.record.update({name: np.full(shape, _UNKNOWN.get(name, -1), dtype=np.int8) for name in RESULTS})
        self.record["dosing"] = np.zeros(shape, dtype=np.int8)
        self._values = tuple(self.record[name] for name in VALUES)
        self._results = tuple(self.record[name] for name in RESULTS)

    @property
    def progressed(self) -> np.ndarray:
        """PD is confirmed: bool, (patient,); once true it stays."""
        return self._state["progressed"] == 1

    @property
    def on_treatment(self) -> np.ndarray:
        """Doses are to be given from now on: bool, (patient,)."""
        if not self.treated:
            return np.zeros(len(self._state), dtype=bool)
        return ~self.progressed if self.until_progression else np.ones(len(self._state), dtype=bool)

    def visit(
        self,
        k: int,
        m_protein: np.ndarray | None = None,
        flc: np.ndarray | None = None,
        anc: np.ndarray | None = None,
        platelets: np.ndarray | None = None,
        burden: np.ndarray | None = None,
    ) -> None:
        """Hold visit `k`: measure, classify, decide.

        Parameters
        ----------
        k : int
            Index of the visit; visits come in order from 0.
        m_protein, flc, anc, platelets, burden : array of float, (patient,), optional
            True values before that day's dose: g/L, mg/L, 1e9/L, 1e9/L, cell. NaN, or an output that the model lacks,
            is not measured; a patient with none of the five has failed and is off treatment.
        """
        if k != self._next:
            raise ValueError(f"visit {k} is out of order: visit {self._next} comes next")
        if all(value is None for value in (m_protein, flc, anc, platelets, burden)):
            self._next = k + 1  # nothing is measured, and nothing changes
            return
        for row, value in zip(self._true, (m_protein, flc, anc, platelets), strict=True):
            row[:] = np.nan if value is None else value
        measured = self.error.read(self._true, self._noise[:, :, k])
        for store, value in zip(self._values, measured, strict=False):
            store[:, k] = value
        self._values[-1][:, k] = np.nan if burden is None else burden
        assess_visit(k, self._state, self._numbers, self._values, self._results)
        alive = ~np.isnan(measured).all(axis=0) | ~np.isnan(self._values[-1][:, k])
        self.record["dosing"][:, k] = self.on_treatment & alive
        self._next = k + 1

    def end_treatment(self, k: int, ended: np.ndarray) -> None:
        """Note at visit `k` that treatment has ended for the patients marked in (patient,)."""
        self.record["dosing"][ended, k] = 0


def classify(
    days: np.ndarray,
    measured: Mapping[str, np.ndarray],
    burden: np.ndarray | None = None,
    rules: ResponseRules | None = None,
) -> dict[str, np.ndarray]:
    """Classify stored measurements with the kernel that the simulation stepped.

    Parameters
    ----------
    days : array of float, (visit,)
        Days of the visits, d, baseline first.
    measured : mapping of str to array, (patient, visit)
        ``m_protein`` g/L, ``flc`` mg/L, ``anc`` and ``platelets`` 1e9/L as measured; those left out are missing.
    burden : array, (patient, visit), optional
        All plasma cells, cell.
    rules : ResponseRules, optional
        Numbers of the rules.

    Returns
    -------
    dict of str to array
        int8 (patient, visit): ``response``, ``progression``, ``neutropenia``, ``thrombocytopenia``, ``mrd_negative``.
        (patient,): ``marker`` int8 (0 none, 1 M-protein, 2 light chain, 3 both), ``onset`` int, the visit at which the
        confirmed PD, or the one still unconfirmed at the end, was first met, or -1, and ``progressed`` bool.

    Raises
    ------
    ValueError
        Arrays of different shapes, or none at all.
    """
    given = {name: measured[name] for name in MARKERS if name in measured}
    if burden is not None:
        given["burden_true"] = burden
    shapes = {np.shape(value) for value in given.values()}
    if len(shapes) != 1 or len(shape := shapes.pop()) != 2 or shape[1] != len(days):
        found = {name: np.shape(value) for name, value in given.items()}
        raise ValueError(f"measured values must share one shape (patient, {len(days)}); got {found}")
    values = tuple(
        np.ascontiguousarray(given[name], dtype=np.float32) if name in given else np.full(shape, np.nan, np.float32)
        for name in VALUES
    )
    results = {name: np.full(shape, _UNKNOWN.get(name, -1), dtype=np.int8) for name in RESULTS}
    state = np.zeros(shape[0], dtype=STATE)
    assess_run(state, (rules or ResponseRules()).numbers(), values, tuple(results.values()))
    return {
        **results,
        "marker": state["marker"].astype(np.int8),
        "onset": state["onset"].copy(),
        "progressed": state["progressed"] == 1,
    }
