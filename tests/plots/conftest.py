"""A synthetic run that looks like a finished study: 5 arms, 3 hypotheses, 60 patients, no solver needed."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr

CLONES = ("sensitive", "crbn_low", "crbn_lowest", "pi_resistant", "pan_resistant")
TYPICAL = np.array([0.09, 0.75, 0.14, 0.01, 0.01])
RESPONSES = "not_evaluable PD SD MR PR VGPR CR sCR"
HYPOTHESES = {"H1": 0.85, "H2": 0.65, "H3": 0.3}
# label, regimen, kill of the five clones per day, depth of the neutropenia, drugs with their days of the cycle
ARMS: dict[str, tuple[str, str, tuple[float, ...], float, dict[str, list[int]]]] = {
    "none": ("no treatment", "", (0.0,) * 5, 0.0, {}),
    "rd": (
        "lenalidomide + dexamethasone",
        "rd",
        (0.05, 0.016, 0.004, 0.05, 0.002),
        0.45,
        {"lenalidomide": list(range(21)), "dexamethasone": [0, 7, 14, 21]},
    ),
    "rep": (
        "REP",
        "rep",
        (0.06, 0.034, 0.022, 0.06, 0.012),
        0.5,
        {"lenalidomide": list(range(21)), "cyclophosphamide": list(range(28)), "prednisone": list(range(28))},
    ),
    "ibercd": (
        "iberdomide + cyclophosphamide + dexamethasone",
        "ibercd",
        (0.08, 0.06, 0.03, 0.08, 0.015),
        0.6,
        {"iberdomide": list(range(21)), "cyclophosphamide": list(range(28)), "dexamethasone": [0, 7, 14, 21]},
    ),
    "dvd": (
        "daratumumab + bortezomib + dexamethasone",
        "dvd",
        (0.045, 0.045, 0.045, 0.012, 0.02),
        0.25,
        {"daratumumab": [0, 7, 14, 21], "bortezomib": [0, 3, 7, 10], "dexamethasone": [0, 1, 3, 4, 7, 8, 10, 11]},
    ),
}


def categories(change: np.ndarray) -> np.ndarray:
    """Response codes of the run contract from the relative change of the M-protein."""
    codes = np.select(
        [change <= -0.995, change <= -0.98, change <= -0.9, change <= -0.5, change <= -0.25, change < 0.25],
        [6, 5, 4, 3, 2, 1],
        default=0,
    )
    return np.where(np.isfinite(change), codes, -1).astype(np.int8)


def clone_curves(days: np.ndarray, kill: np.ndarray, patients: int, seed: int) -> np.ndarray:
    """Cells (patient, time, clone): every clone grows and is killed at its own constant rate, which wanes."""
    rng = np.random.default_rng(seed)
    logits = np.log(TYPICAL) + rng.normal(0.0, 1.8, (patients, len(CLONES)))
    fraction = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    burden = 1e12 * np.exp(rng.normal(0.0, 0.6, patients))
    growth = 0.009 * np.exp(rng.normal(0.0, 0.45, patients))
    strength = np.exp(rng.normal(0.0, 0.35, patients))
    effective = 240.0 * -np.expm1(-days / 240.0)
    exponent = growth[:, None, None] * days[None, :, None] * np.linspace(1.0, 0.9, len(CLONES))
    exponent = exponent - strength[:, None, None] * kill * effective[None, :, None]
    cells = burden[:, None, None] * fraction[:, None, :] * np.exp(exponent)
    total = cells.sum(axis=2, keepdims=True)
    cells = cells * (1.0 / (1.0 + total / 4e12))
    return np.where(cells < 1.0, 0.0, cells)


def dip(days: np.ndarray, base: np.ndarray, depth: float, until: np.ndarray) -> np.ndarray:
    """Counts (patient, time) that fall in every 28-day cycle while a patient is on treatment."""
    cycle = 0.5 - 0.5 * np.cos(2 * np.pi * days / 28.0)
    onset = -np.expm1(-days / 30.0)
    on = days[None, :] < until[:, None]
    return base[:, None] * (1.0 - depth * on * onset * (0.55 + 0.45 * cycle))


def arm_datasets(key: str, kill: np.ndarray, depth: float, days: np.ndarray, n: int, failed: int) -> dict:
    """Trajectories, visits and endpoints of one arm as plain arrays."""
    rng = np.random.default_rng(abs(hash_of(key)))
    cells = clone_curves(days, kill, n, seed=3)
    m_protein = 30.0 * cells.sum(axis=2) / 1e12 + 0.02
    visits = np.arange(0.0, days[-1] + 1e-9, 28.0)
    at = np.searchsorted(days, visits)
    at = np.minimum(at, days.size - 1)
    measured = m_protein[:, at] * (1.0 + 0.05 * rng.standard_normal((n, at.size)))
    lowest = np.minimum.accumulate(measured, axis=1)
    worse = (measured >= 1.25 * lowest) & (measured - lowest >= 5.0)
    progressed = worse.any(axis=1)
    when = np.where(progressed, visits[np.argmax(worse, axis=1)], visits[-1])
    lost = rng.random(n) < 0.2
    leave = np.where(lost, rng.uniform(60.0, days[-1], n).round(), np.inf)
    pfs = np.minimum(when, leave)
    event = (progressed & (when <= leave)).astype(np.int8)
    before = visits[None, :] <= pfs[:, None]
    change = np.min(np.where(before & (visits[None, :] > 0), measured / measured[:, :1] - 1.0, np.inf), axis=1)
    change = np.where(np.isfinite(change), change, np.nan)
    status = np.zeros(n, np.int8)
    anc = dip(days, rng.lognormal(np.log(3.6), 0.3, n), depth, pfs)
    platelets = dip(days, rng.lognormal(np.log(190.0), 0.3, n), 0.7 * depth, pfs)
    for patient in range(n - failed, n):
        status[patient] = 2 + patient % 2
        stop = days >= days[-1] * (0.2 + 0.05 * (patient % 5))
        for curve in (m_protein, anc, platelets, cells):
            curve[patient, stop] = np.nan
        last = visits[visits < days[stop][0]][-1]
        if pfs[patient] > last:
            pfs[patient], event[patient] = last, 0
    return {
        "trajectory": {"m_protein": m_protein, "anc": anc, "platelets": platelets, "clone_cells": cells},
        "endpoints": {
            "best_change": change,
            "best_response": categories(change),
            "pfs_time": pfs,
            "pfs_event": event,
            "status": status,
        },
        "visits": {"m_protein": measured, "day": visits},
    }


def hash_of(text: str) -> int:
    """A number from a text that is the same in every process."""
    return sum((index + 1) * ord(letter) for index, letter in enumerate(text))


def given_days(stop: float) -> xr.Dataset:
    """Nominal dosing days of the plain arms and their hypotheses."""
    drugs = sorted({drug for *_, schedule in ARMS.values() for drug in schedule})
    names = np.array(drugs, dtype=np.dtypes.StringDType())
    day = np.arange(int(stop) + 1)
    keys = arm_keys()
    given = np.zeros((len(keys), len(drugs), day.size), np.int8)
    for row, key in enumerate(keys):
        for drug, cycle_days in ARMS[key.split(":")[0]][4].items():
            given[row, drugs.index(drug)] = np.isin(day % 28, cycle_days)
    return xr.Dataset({"given": (("arm", "drug", "day"), given)}, coords={"arm": keys, "drug": names, "day": day})


def arm_keys(hypotheses: bool = True) -> list[str]:
    """Arm labels: the plain arms, then one per hypothesis."""
    return [*ARMS, *(f"rep:{name}" for name in HYPOTHESES if hypotheses)]


def arm_coords(keys: list[str]) -> dict:
    """Coordinates along `arm` as the run contract asks."""
    plain = [key.split(":")[0] for key in keys]
    hypothesis = [key.partition(":")[2] for key in keys]
    labels = [ARMS[base][0] + (f", {name} only" if name else "") for base, name in zip(plain, hypothesis, strict=True)]
    text = np.dtypes.StringDType()
    return {
        "arm": ("arm", np.array(keys, dtype=text)),
        "regimen": ("arm", np.array([ARMS[base][1] for base in plain], dtype=text)),
        "base_arm": ("arm", np.array(plain, dtype=text)),
        "hypothesis": ("arm", np.array(hypothesis, dtype=text)),
        "label": ("arm", np.array(labels, dtype=text)),
    }


def make_run(n: int = 60, stop: float = 1092.0, failed: int = 2, hypotheses: bool = True) -> xr.DataTree:
    """Build the run: `failed` patients per treated arm end in NaN."""
    days = np.arange(0.0, stop + 1e-9, 7.0)
    keys = arm_keys(hypotheses)
    parts = []
    for key in keys:
        base, _, name = key.partition(":")
        kill = np.array(ARMS[base][2]) * HYPOTHESES.get(name, 1.0)
        parts.append(arm_datasets(key, kill, ARMS[base][3], days, n, failed if base != "none" else 0))
    coords = arm_coords(keys) | {"patient": np.arange(n)}
    curves = {name: np.stack([part["trajectory"][name] for part in parts]) for name in parts[0]["trajectory"]}
    trajectory = xr.Dataset(
        {
            name: (("arm", "patient", "time", "clone")[: values.ndim], values.astype(np.float32))
            for name, values in curves.items()
        },
        coords=coords
        | {"time": ("time", days, {"units": "d"}), "clone": np.array(CLONES, dtype=np.dtypes.StringDType())},
    )
    ends = xr.Dataset(
        {
            name: (("arm", "patient"), np.stack([part["endpoints"][name] for part in parts]))
            for name in parts[0]["endpoints"]
        },
        coords=coords,
    )
    ends["best_response"].attrs |= {"flag_values": [-1, 0, 1, 2, 3, 4, 5, 6], "flag_meanings": RESPONSES}
    visit_day = parts[0]["visits"]["day"]
    visits = xr.Dataset(
        {
            "m_protein": (
                ("arm", "patient", "visit"),
                np.stack([p["visits"]["m_protein"] for p in parts]).astype(np.float32),
            )
        },
        coords=coords | {"visit": np.arange(visit_day.size), "day": ("visit", visit_day)},
    )
    dosing = given_days(stop)
    dosing = dosing.sel(arm=keys).assign_coords(arm=coords["arm"])
    cohort = xr.Dataset({"age": ("patient", np.full(n, 66.0))}, coords={"patient": np.arange(n)})
    tree = xr.DataTree.from_dict(
        {"/cohort": cohort, "/trajectory": trajectory, "/endpoints": ends, "/visits": visits, "/dosing": dosing}
    )
    tree.attrs |= provenance(n)
    return tree


def provenance(n: int) -> dict[str, str | int | float]:
    """Root attributes of a run."""
    study = f'model = "myeloma"\nseed = 7\nstop = "3 yr"\ninterval_n = 67\n[cohort]\nsize = {n}\n'
    return {
        "title": "REP against its neighbours",
        "study": "rep",
        "model": "myeloma",
        "model_hash": "5d1f0c9e8a7b",
        "config": study,
        "config_hash": "a1b2c3d4",
        "seed": 7,
        "solver": "tsit5",
        "rtol": 1e-6,
        "atol": json.dumps({"m_protein": 1e-6}),
        "packages": json.dumps({"numpy": "2.4.6", "numba": "0.68.1"}),
        "commit": "0123abc",
        "created": "2026-01-02T03:04:05+00:00",
        "history": "simulated",
        "pdsim_version": "0.1.0",
    }


@pytest.fixture(scope="session")
def study_run():
    """The generator, for runs of other shapes."""
    return make_run


@pytest.fixture(scope="session")
def run() -> xr.DataTree:
    """The synthetic run; treat as read-only."""
    return make_run()
