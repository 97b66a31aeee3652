"""What a benchmark problem is: equations, patients, doses, outputs, and what counts as its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

    from pdsim.dosing import Regimen
    from pdsim.model import Model
    from pdsim.pk import DrugCard

FOLDER = Path(__file__).resolve().parent
MATCH = 1e-5  # error at which engines are compared


@dataclass(frozen=True)
class Setup:
    """One way to write a problem for pdsim.

    Parameters
    ----------
    model : str
        File in ``benchmarks/models``, or the name of a shipped model.
    cohort : callable
        Number of patients to their Dataset; patient i is the same in every cohort.
    regimen : Regimen or None
        What is given.
    cards : mapping of str to dict
        Drug cards as their files would be read; drugs that are not here come from the library.
    """

    model: str
    cohort: Callable[[int], xr.Dataset]
    regimen: Regimen | None = None
    cards: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @cached_property
    def loaded(self) -> Model:
        """The model, ready to simulate."""
        import pdsim

        file = FOLDER / "models" / f"{self.model}.py"
        return pdsim.load_model(str(file) if file.is_file() else self.model)

    @cached_property
    def drugs(self) -> dict[str, DrugCard]:
        """Cards of the drugs that are given and are no states of the model."""
        import pdsim
        from pdsim.pk import card_from_dict

        given = {dose.drug for dose in self.regimen.doses} if self.regimen else set()
        return {
            name: card_from_dict(self.cards[name], name, "benchmarks") if name in self.cards else pdsim.load_drug(name)
            for name in sorted(given - set(self.loaded.states))
        }


@dataclass(frozen=True)
class Problem:
    """A frozen problem.

    Parameters
    ----------
    name, title : str
        Identifier, and a line of text.
    setup : Setup
        Drugs in closed form where there are any; the equations of the peers come from here too.
    span, every : float
        End and distance of the output times, in the model's time unit (days).
    tracked : tuple of str
        Outputs, by flat name, that the error is taken over.
    patients : int
        Patients of the reference.
    states : Setup or None
        The same problem with the drugs' kinetics as states of the model.
    tables : bool
        Also through event tables, from `states`: for linear problems, which have a closed form there.
    stiff : bool
        Explicit methods are hopeless.
    absolute : float
        Absolute over relative tolerance, for states of their own scale.
    floor : float
        Errors are relative to the value, or to this part of the variable's largest value where that is more.
    """

    name: str
    title: str
    setup: Setup
    span: float
    every: float
    tracked: tuple[str, ...]
    patients: int
    states: Setup | None = None
    tables: bool = False
    stiff: bool = False
    absolute: float = 1e-3
    floor: float = 1e-12

    @property
    def times(self) -> np.ndarray:
        """Output times, (output,), from 0; what is given at an output time is in the output."""
        return np.arange(round(self.span / self.every) + 1) * self.every

    def error(self, found: np.ndarray, reference: np.ndarray) -> float:
        """Largest relative error over patients, outputs and variables, (patient, output, variable) each."""
        if found.shape != reference.shape:
            raise ValueError(f"{self.name}: answer {found.shape}, reference {reference.shape}")
        size = np.abs(reference)
        # a value of exactly zero, such as before absorption begins, has no relative error
        size = np.maximum(size, self.floor * size.max(axis=1, keepdims=True))
        with np.errstate(divide="ignore", invalid="ignore"):
            errors = np.where(size > 0.0, np.abs(found - reference) / size, np.abs(found))
        return float(errors.max()) if np.isfinite(errors).all() else float("inf")


def make_cohort(values: Mapping[str, np.ndarray], count: int, seed: int = 0) -> xr.Dataset:
    """Cohort of numbered patients from model parameters and card values, (patient,) each."""
    import xarray as xr

    variables = {name: ("patient", np.asarray(array, dtype=np.float64)) for name, array in values.items()}
    return xr.Dataset(variables, {"patient": np.arange(count)}, attrs={"seed": seed})


def spread(typical: Mapping[str, float], cv: float, count: int, seed: int) -> dict[str, np.ndarray]:
    """Lognormal values of mean `typical`, (patient,) each; a patient's depend on seed and number alone."""
    deviation = np.sqrt(np.log1p(cv**2))
    draws = [np.random.Generator(np.random.PCG64([seed, i])).standard_normal(len(typical)) for i in range(count)]
    factors = np.exp(deviation * np.array(draws) - 0.5 * deviation**2)
    return {name: value * factors[:, i] for i, (name, value) in enumerate(typical.items())}
