"""Populations and the virtual cohorts drawn from them."""

from pdsim.cohort.changes import changed_tree
from pdsim.cohort.parse import population_from_dict
from pdsim.cohort.population import Population, Trait, Variable
from pdsim.cohort.sampling import sample_cohort
from pdsim.cohort.storage import load_cohort, save_cohort
from pdsim.cohort.summary import summary

__all__ = [
    "Population",
    "Trait",
    "Variable",
    "changed_tree",
    "load_cohort",
    "population_from_dict",
    "sample_cohort",
    "save_cohort",
    "summary",
]
