"""Meeting place of model, cohort, drugs and solver: what `pdsim.simulate` is made of."""
