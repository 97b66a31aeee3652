"""A population: what is known about the patients that a cohort is drawn from."""

from __future__ import annotations

from dataclasses import dataclass

from pdsim.cohort.composition import Composition
from pdsim.cohort.correlation import Correlation
from pdsim.cohort.distributions import Categorical, Distribution
from pdsim.cohort.expressions import Expression

FRACTION = "clone_fraction"


@dataclass(frozen=True)
class Variable:
    """A parameter or covariate of the patients.

    Attributes
    ----------
    name : str
    role : str
        ``"parameter"`` of the disease model or of a drug card, or ``"covariate"``.
    rule : Distribution or Expression
        How its value arises.
    unit : str
        Unit of the values, as the file states it; ``"1"`` without dimension.
    long_name, source, status : str
        A few words; where the numbers come from; ``"verified"``, ``"recalled"`` or ``"assumed"``.
    """

    name: str
    role: str
    rule: Distribution | Expression
    unit: str = "1"
    long_name: str = ""
    source: str = ""
    status: str = ""

    @property
    def levels(self) -> tuple[str, ...]:
        """Level names of a category; empty for a number."""
        return self.rule.levels if isinstance(self.rule, Categorical) else ()

    @property
    def derived(self) -> bool:
        """Whether it is computed from other variables."""
        return isinstance(self.rule, Expression)


@dataclass(frozen=True)
class Trait:
    """A property of the clones, the same in every patient; `values` has one number for each clone."""

    name: str
    values: tuple[float, ...]
    unit: str = "1"
    long_name: str = ""
    source: str = ""
    status: str = ""


@dataclass(frozen=True)
class Population:
    """Distributions of parameters and covariates, clones with their traits and shares, correlations.

    Attributes
    ----------
    name, where, title, source : str
        Name; file it was read from; one line; where it comes from as a whole.
    clones : tuple of str
        Names of the clones; empty for a model without clones.
    traits : tuple of Trait
    composition : Composition or None
        Shares of the clones at entry.
    variables : tuple of Variable
        In the order of the file; derived ones after what they are computed from.
    correlations : tuple of Correlation
    """

    name: str
    where: str = ""
    title: str = ""
    source: str = ""
    clones: tuple[str, ...] = ()
    traits: tuple[Trait, ...] = ()
    composition: Composition | None = None
    variables: tuple[Variable, ...] = ()
    correlations: tuple[Correlation, ...] = ()

    @property
    def scores(self) -> tuple[str, ...]:
        """Names of everything drawn, in the order of the Sobol dimensions.

        First the shares of all clones but the first (``clone_fraction.<clone>``), then parameters and covariates in
        the order of the file. A fixed value takes its dimension too, so that fixing one moves no other.
        """
        drawn = tuple(variable.name for variable in self.variables if not variable.derived)
        return (*self.fractions, *drawn)

    @property
    def fractions(self) -> tuple[str, ...]:
        """Names of the scores behind the shares of all clones but the first."""
        return tuple(f"{FRACTION}.{clone}" for clone in self.clones[1:]) if self.composition else ()

    def variable(self, name: str) -> Variable:
        """Look a variable up; KeyError if there is none of that name."""
        for variable in self.variables:
            if variable.name == name:
                return variable
        raise KeyError(name)
