"""CAR-T cells against BCMA: expansion by antigen, memory, exhaustion, kill."""

from __future__ import annotations

from pdsim.model import Output, Param, State, emax, positive

from .sources import ASSUMED, CART, MINUCCI, PEAK


class CarT:
    """CAR-T cells in the whole body; doses enter the effector cells."""

    car_effector = State(0.0, "cell", "CAR-T effector cells", dosed=True, scale=1e7)
    car_memory = State(0.0, "cell", "CAR-T memory cells", scale=1e7)
    car_exhausted = State(0.0, "cell", "exhausted CAR-T cells", scale=1e7)

    bcma_trait = Param(1.0, "1", "BCMA relative to normal", dim="clone", low=0, **ASSUMED)

    car_expansion = Param(
        2.9, "1/day", "division at full antigen and an empty T-cell space, one in 5.7 h; rho", low=0, **MINUCCI
    )
    car_antigen_half = Param(1e9, "cell", "BCMA-bearing cells of half stimulation", low=0, **CART)
    car_capacity = Param(7e11, "cell", "T cells, host and CAR-T, with which CAR-T cells stop dividing", low=0, **PEAK)
    host_t_cells = Param(9e11, "cell", "host T cells at entry", low=0, **CART)
    car_loss = Param(0.16, "1/day", "loss of effector cells, contraction in Stein 2019", low=0, **CART)
    car_memory_rate = Param(
        0.0013, "1/day", "turning into memory without antigen; share that persists in Stein 2019", low=0, **CART
    )
    car_recall = Param(0.05, "1/day", "return of memory cells at full antigen", low=0, **CART)
    car_memory_loss = Param(0.0032, "1/day", "loss of memory cells, persistence in Stein 2019", low=0, **CART)
    car_exhaustion = Param(0.05, "1/day", "exhaustion at full antigen", low=0, **CART)
    car_exhausted_loss = Param(0.16, "1/day", "loss of exhausted cells, as that of effectors", low=0, **CART)
    car_rescue = Param(0.05, "1/day", "return of exhausted cells at full IKZF1/3 loss", low=0, **ASSUMED)
    car_ikzf_gain = Param(0.3, "1", "rise of division and kill at full IKZF1/3 loss", low=0, **ASSUMED)
    car_steroid_loss = Param(0.6, "1", "division and kill lost at full steroid effect", low=0, high=1, **ASSUMED)
    car_kill = Param(0.34, "1/day", "maximal kill by CAR-T cells", low=0, **CART)
    car_half = Param(5e8, "cell", "effector cells of half-maximal kill of few tumour cells; C_50", low=0, **CART)
    car_ratio = Param(0.01, "1", "effector over tumour cells of half-maximal kill", low=0, **CART)

    car_t = Output("cell", "all CAR-T cells")


def car_kill(s, p, burden):
    """Kill of a clone with normal BCMA."""
    fit = (1 + p.car_ikzf_gain * (1 - s.ikzf_lymph)) * (1 - p.car_steroid_loss * s.steroid_effect)
    return p.car_kill * fit * s.car_effector / (s.car_effector + p.car_half + p.car_ratio * burden)


def car_rates(s, p, antigen, host):
    """Change of CAR-T cells; `antigen` counts cells weighted by BCMA, `host` is host T cells relative to entry."""
    stimulated = emax(antigen, p.car_antigen_half)
    loss_lymph = 1 - s.ikzf_lymph
    car_cells = s.car_effector + s.car_memory + s.car_exhausted
    # what raises the set point of host T cells makes room for all
    capacity = p.car_capacity * (1 + p.effector_gain * loss_lymph)
    room = positive(1 - (car_cells + p.host_t_cells * host) / capacity)
    fit = (1 + p.car_ikzf_gain * loss_lymph) * (1 - p.car_steroid_loss * s.steroid_effect)
    dividing = p.car_expansion * stimulated * room * fit
    resting = p.car_memory_rate * (1 - stimulated)
    recalled = p.car_recall * stimulated * s.car_memory
    tiring = p.car_exhaustion * stimulated
    rescued = p.car_rescue * loss_lymph * s.car_exhausted
    return dict(
        car_effector=(dividing - p.car_loss - resting - tiring) * s.car_effector + recalled + rescued,
        car_memory=resting * s.car_effector - recalled - p.car_memory_loss * s.car_memory,
        car_exhausted=tiring * s.car_effector - rescued - p.car_exhausted_loss * s.car_exhausted,
    )
