"""A drug card: values with a source each, and what the drug acts on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pdsim.pk.expression import Expression, Measured

if TYPE_CHECKING:
    import xarray as xr

    from pdsim.pk.build import System

FRACTIONS = ("unbound", "fraction", "closed")  # keys that lie between 0 and 1
MAY_BE_ZERO = ("lag", "depot_lag")


@dataclass(frozen=True)
class Value:
    """One quantity of a card.

    Parameters
    ----------
    expression : Expression
        Typical value, a number with a unit or a relation to covariates.
    unit : str
        Unit in which it is handed on.
    log_sd, logit_sd : float
        Standard deviation between patients of the logarithm, or of the log-odds; 0 for none.
    status : {"verified", "recalled", "assumed"}
        Read in a source, remembered from one, or chosen.
    source : str
        Where it comes from.
    """

    expression: Expression
    unit: str
    log_sd: float = 0.0
    logit_sd: float = 0.0
    status: str = ""
    source: str = ""

    @property
    def varies(self) -> bool:
        """Whether patients with the same covariates differ."""
        return self.log_sd > 0 or self.logit_sd > 0

    def typical(self, covariates: Mapping[str, Measured]) -> Any:
        """Compute the typical value in `unit` for covariates of one or more patients."""
        return self.expression.evaluate(covariates, self.unit)

    def __str__(self) -> str:
        spread = f", log SD {self.log_sd:.3g}" if self.log_sd else ""
        spread += f", log-odds SD {self.logit_sd:.3g}" if self.logit_sd else ""
        return f"{self.expression.text}{spread}"


@dataclass(frozen=True)
class Effect:
    """What one species of the drug does to one input of the disease model.

    Parameters
    ----------
    input : str
        Name of the model's input.
    species : str
        The drug or metabolite whose free concentration acts.
    keys : dict of str to Value
        The keys that the input's combine asks for.
    """

    input: str
    species: str
    keys: Mapping[str, Value]


@dataclass(frozen=True)
class Metabolite:
    """An active species that a drug turns into.

    Parameters
    ----------
    name : str
        Name of the species.
    molar_mass : float
        g/mol.
    form : {"ratio", "fraction"}
        ``"ratio"``: ``dC/dt = elimination * (ratio * C_parent - C)``, in total molar concentrations.
        The average concentration is the ratio times the parent's, and the input is not taken
        from the parent, whose clearance includes it already.
        ``"fraction"``: that part of the parent's elimination enters a volume of its own.
    """

    name: str
    molar_mass: float
    form: Literal["ratio", "fraction"]


@dataclass(frozen=True)
class Covariate:
    """Unit in which a card reads a covariate, its value in the reference patient, whether a cohort may lack it.

    Every patient of a cohort that lacks an optional one has the reference value.
    """

    unit: str
    reference: float
    optional: bool = False


@dataclass(frozen=True)
class Reference:
    """The dose at which a card's exposure is shown and checked.

    Parameters
    ----------
    amount : float
        mg in the reference patient.
    every : float
        Days between doses.
    route : str
    duration : float
        Days that an infusion takes.
    text : str
        As written, for people.
    """

    amount: float
    every: float
    route: str
    duration: float
    text: str


@dataclass(frozen=True, eq=False)
class DrugCard:
    """A drug as its card declares it; see `card_from_dict`.

    Parameters
    ----------
    name, label, drug_class : str
        Name in regimens, name for people, class.
    where : str
        File, for messages.
    molar_mass : float
        g/mol of what is swallowed or injected.
    route : str or None
        Route of doses that name none.
    compartments, species : tuple of str
        Amounts of the linear system; free concentrations read from it, the parent first.
    values : mapping of str to Value
        Every quantity of the pharmacokinetics by key; a metabolite's as ``"name.key"``.
    metabolites : tuple of Metabolite
    effects : tuple of Effect
    covariates : mapping of str to Covariate
        Covariates that the card's relations read.
    kind : {"linear", "states", "cells"}
        Closed form; states of the model; an amount into a state of the disease model, named by `state`.
    state : str
        Where cells go.
    reference : Reference or None
        Usual dose, for the exposure that is shown.
    checks : mapping of str to Value
        Published exposure at that dose, ``auc`` at steady state and ``half_life``.
    """

    name: str
    label: str
    drug_class: str
    where: str
    molar_mass: float
    route: str | None
    compartments: tuple[str, ...]
    species: tuple[str, ...]
    values: Mapping[str, Value]
    metabolites: tuple[Metabolite, ...] = ()
    effects: tuple[Effect, ...] = ()
    covariates: Mapping[str, Covariate] = field(default_factory=dict)
    kind: str = "linear"
    state: str = ""
    reference: Reference | None = None
    checks: Mapping[str, Value] = field(default_factory=dict)

    def all_values(self) -> dict[str, Value]:
        """Return every value by its key, effects as ``"input.key"``."""
        acting = {f"{effect.input}.{key}": value for effect in self.effects for key, value in effect.keys.items()}
        return {**self.values, **acting}

    def system(self, cohort: xr.Dataset) -> System:
        """Build the kinetics of every patient of a cohort.

        A cohort variable ``"<drug>.<key>"``, such as ``"lenalidomide.clearance"``, replaces what
        the card says for that key, its variability included; its attribute ``units`` is heeded.

        Parameters
        ----------
        cohort : Dataset
            Dimension ``patient`` with its integer coordinate; the covariates that the card reads;
            attribute ``seed`` if the card has variability.

        Returns
        -------
        LinearSystem, StatesSystem or CellsSystem
            By the card's kind.

        Raises
        ------
        CohortError
            If a covariate or the seed is missing, or a value comes out impossible; names card,
            key and patients.
        """
        from pdsim.pk.build import system
        from pdsim.pk.individual import from_cohort

        return system(self, from_cohort(self, cohort), cohort.sizes["patient"])

    def typical_system(self, **covariates: float) -> System:
        """Build the kinetics of one patient without variability.

        Parameters
        ----------
        **covariates : float
            Covariates in the card's units; others are those of the reference patient.
        """
        from pdsim.pk.build import system
        from pdsim.pk.individual import typical

        return system(self, typical(self, covariates), 1)

    def sources(self) -> tuple[tuple[str, str, str], ...]:
        """List (key, status, source) of every value."""
        return tuple((key, value.status, value.source) for key, value in self.all_values().items())

    def describe(self) -> tuple[str, ...]:
        """Say in lines of text what the card holds: kinetics, effects, status, sources."""
        from pdsim.pk.describe import card_lines

        return card_lines(self)
