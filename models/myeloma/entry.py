"""What a patient brings along: disease and covariates at entry."""

from __future__ import annotations

from pdsim.model import Param

from .sources import BASELINES, COMPOSITE, PILOT, TRIALS


class Entry:
    """A patient at entry."""

    cells_entry = Param(3e11, "cell", "myeloma cells at entry", low=0, **COMPOSITE)
    clone_fraction = Param(0.2, "1", "share of each clone at entry", dim="clone", low=0, high=1, **PILOT)
    m_protein_entry = Param(25.0, "g/L", "serum M-protein at entry", low=0, **PILOT)
    flc_entry = Param(400.0, "mg/L", "involved light chain at entry", low=0, **COMPOSITE)
    sbcma_entry = Param(60.0, "ng/mL", "soluble BCMA at entry", low=0, **COMPOSITE)
    anc_entry = Param(3.7, "Gpt", "neutrophils at entry", low=0, **PILOT)
    platelets_entry = Param(190.0, "Gpt", "platelets at entry", low=0, **BASELINES)
    prior_lines = Param(3.0, "1", "prior lines of therapy", low=0, **TRIALS)
    len_refractory = Param(1.0, "1", "1 if refractory to lenalidomide", low=0, high=1, **TRIALS)
    igg = Param(1.0, "1", "1 if the M-protein is IgG", low=0, high=1, **TRIALS)
    creatinine_clearance = Param(80.0, "mL/min", "creatinine clearance", low=0, **TRIALS)
    cd38_entry = Param(1.0, "1", "CD38 on tumour cells at entry relative to normal", low=0, **PILOT)
    del17p = Param(0.0, "1", "1 with deletion 17p", low=0, high=1, **TRIALS)
    t_4_14 = Param(0.0, "1", "1 with translocation t(4;14)", low=0, high=1, **TRIALS)
    t_11_14 = Param(0.0, "1", "1 with translocation t(11;14)", low=0, high=1, **TRIALS)
    del13q = Param(0.0, "1", "1 with deletion 13q", low=0, high=1, **TRIALS)
    gain_1q = Param(0.0, "1", "1 with gain of 1q21", low=0, high=1, **TRIALS)
