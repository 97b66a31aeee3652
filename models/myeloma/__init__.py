"""Multiple myeloma under treatment: clones, immune cells, CAR-T cells, serum markers and blood counts of one patient.

Clones with different cereblon levels share the marrow with T cells, NK cells and Tregs. Cereblon drugs degrade
IKZF1/3 in tumour, in T and NK cells and in neutrophil precursors; in the tumour the IRF4/MYC signal follows and its
loss kills. Cyclophosphamide acts by three separable routes: kill of its own (H1), loss of Tregs with a lasting
activation of T and NK cells (H2), and a lower threshold for cereblon kill (H3). Other classes, antibodies, engagers
and CAR-T cells add kill that each clone feels by a trait. What no drug of a study touches is left out of its kernels.
`models/README.md` has the equations and says where each value comes from. Concentrations are free ones, in nM.
"""

from __future__ import annotations

from pdsim.model import Model, each, emax, total

from .car_t import CarT, car_kill, car_rates
from .chemo import Chemo, chemo_kill, chemo_rates
from .entry import Entry
from .immune import Immune, host_t_cells, immune_kill, immune_rates, replaced_kill, settled_t_cells, targeted_kill
from .markers import Markers, harm_goal, kidney_function, marker_rates
from .marrow import Marrow, neutrophil_rates, platelet_rates
from .partners import Partners, activity_left, partner_kill, partner_rates
from .tumour import Tumour, cereblon_rates, growth_at_entry, signal_kill, slowing


class Myeloma(Tumour, Chemo, Partners, Immune, CarT, Markers, Marrow, Entry, Model):
    """Clones, cereblon, T and NK cells, Tregs, CAR-T cells, serum markers and blood counts of one patient."""

    @staticmethod
    def initial(p):
        effector, exhausted = settled_t_cells(p)
        chain = p.anc_entry * p.anc_loss * p.anc_transit / 4
        return dict(
            cells=each(lambda share: share * p.cells_entry, p.clone_fraction),
            effector=effector,
            exhausted=exhausted,
            nk_cells=p.nk_set,
            tregs=p.treg_set,
            cd38=p.cd38_entry,
            paraprotein=p.m_protein_entry,
            light_chain=p.flc_entry,
            bcma=p.sbcma_entry,
            kidney_harm=harm_goal(p, p.flc_entry),
            **dict.fromkeys(("marrow_1", "marrow_2", "marrow_3", "marrow_4"), chain),
            reservoir=p.reservoir_ratio * p.anc_entry,
            neutrophils=p.anc_entry,
            **dict.fromkeys(("thrombo_1", "thrombo_2", "thrombo_3", "thrombo_4"), p.platelets_entry),
            thrombocytes=p.platelets_entry,
        )

    @staticmethod
    def rates(t, s, p, u, d):
        burden = total(s.cells)
        bearing = total(each(lambda n, b: n * b, s.cells, p.bcma_trait))
        bearing_entry = p.cells_entry * total(each(lambda f, b: f * b, p.clone_fraction, p.bcma_trait))
        activity = activity_left(s, u)
        inhibited = 1 - activity
        exposed = 1 + p.niche_protection * p.niche_loss * (1 - s.ikzf_lymph)
        immune = immune_kill(s, p, u, burden)
        by_car = car_kill(s, p, burden)
        growth, replaced = growth_at_entry(p), replaced_kill(p)
        slowed = slowing(p, burden)
        switching = total(p.switch_in)

        def change(cells, signal, fitness, pan, switch, alkylator, steroid, proteasome, bcl2, cd38, bcma):
            by_drug = chemo_kill(s, p, u, alkylator, steroid) + partner_kill(p, u, inhibited, proteasome, bcl2)
            uniform = replaced * slowed - exposed * by_drug - immune - targeted_kill(s, p, u, cd38, bcma)
            by_signal = signal_kill(p, signal, emax(u.alkylator))
            net = fitness * growth * slowed - by_signal - by_car * bcma + (1 - pan) * uniform
            return cells * (net - (switching - switch)) + switch * (burden - cells)

        traits = (
            p.fitness,
            p.pan_resistance,
            p.switch_in,
            p.alkylator_sensitivity,
            p.steroid,
            p.proteasome_sensitivity,
            p.bcl2,
            p.cd38_trait,
            p.bcma_trait,
        )
        return d(
            cells=each(change, s.cells, s.signal, *traits),
            **cereblon_rates(s, p, u.cereblon_closed, activity),
            **chemo_rates(s, p, u),
            **partner_rates(s, p, u),
            **immune_rates(s, p, u, burden),
            **car_rates(s, p, bearing, host_t_cells(s, p)),
            **marker_rates(s, p, burden, bearing / bearing_entry),
            **neutrophil_rates(s, p, u, inhibited),
            **platelet_rates(s, p, u, inhibited),
        )

    @staticmethod
    def outputs(t, s, p, u):
        return dict(
            m_protein=s.paraprotein,
            flc=s.light_chain,
            sbcma=s.bcma,
            kidney=kidney_function(s, p),
            clone_cells=s.cells,
            burden=total(s.cells),
            anc=s.neutrophils,
            platelets=s.thrombocytes,
            effector_t=s.effector,
            exhausted_t=s.exhausted,
            nk=s.nk_cells,
            treg=s.tregs,
            car_t=s.car_effector + s.car_memory + s.car_exhausted,
            ikzf_t=s.ikzf_lymph,
            activation=s.active,
            cd38_density=s.cd38,
            proteasome_activity=activity_left(s, u),
        )
