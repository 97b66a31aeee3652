"""A small study of the shipped model whose results are stored: four patients, three arms, six months."""

from __future__ import annotations

import csv
from pathlib import Path

import pdsim

FILE = Path(__file__).with_name("baseline.csv")
UPDATE = "python -m tests.regression.update"
TOLERANCE = 5e-4
"""Relative to the largest value of a curve: the solver's own error at its default tolerance, 1e-5 a step, with room for
another processor and another numba; less than what any change of the model that matters does."""

PATIENTS, SEED = 4, 20
DAYS = (0.0, 28.0, 84.0, 182.0)
VARIABLES = ("m_protein", "anc", "treg")
COLUMNS = ("arm", "patient", "variable", "day", "value")

Results = dict[tuple[str, int, str], list[float]]


def compute() -> Results:
    """Simulate; (arm, patient, variable) -> values at `DAYS`."""
    arms = {"none": None, "cp": pdsim.load_regimen("cp"), "rep": pdsim.load_regimen("rep")}
    cohort = pdsim.sample_cohort("len_refractory", PATIENTS, seed=SEED)
    run = pdsim.simulate(
        pdsim.load_model("myeloma"), cohort, arms, stop=DAYS[-1], every="14 d", save=VARIABLES, on_failure="raise"
    )
    found = run["trajectory"].to_dataset().sel(time=list(DAYS))
    return {
        (arm, patient, variable): found[variable].sel(arm=arm, patient=patient).values.tolist()
        for arm in arms
        for patient in range(PATIENTS)
        for variable in VARIABLES
    }


def write(results: Results, file: Path = FILE) -> None:
    """Store results, a value a line, so that a change of the file shows what moved."""
    with file.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(COLUMNS)
        for (arm, patient, variable), values in results.items():
            for day, value in zip(DAYS, values, strict=True):
                writer.writerow([arm, patient, variable, f"{day:g}", f"{value:.6g}"])


def read(file: Path = FILE) -> Results:
    """Read stored results."""
    results: Results = {}
    with file.open(encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            key = (row["arm"], int(row["patient"]), row["variable"])
            results.setdefault(key, []).append(float(row["value"]))
    return results


def differences(found: Results, stored: Results) -> list[str]:
    """Say which curves differ by more than the tolerance, and by how much of their largest value."""
    lines = []
    for key in sorted({*found, *stored}):
        if key not in found or key not in stored or len(found[key]) != len(stored[key]):
            lines.append(f"{key}: only {'stored' if key in stored else 'computed'}, or at other days")
            continue
        scale = max(map(abs, stored[key])) or 1.0
        gap = max(abs(a - b) for a, b in zip(found[key], stored[key], strict=True)) / scale
        if not gap <= TOLERANCE:
            lines.append(f"{key}: {gap:.2g} of the largest value; computed {found[key]}, stored {stored[key]}")
    return lines
