"""Runs trials: simulates their arms and predicts every figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pdsim.library import Library
from pdsim.library.places import shipped
from pdsim.trial.engine import ArmResult, Engine, Progress
from pdsim.trial.options import Options
from pdsim.trial.power import Power, power
from pdsim.trial.predict import members_of, predict
from pdsim.trial.run_in import RunIn
from pdsim.trial.score import Scored, Traits, summary

if TYPE_CHECKING:
    from pdsim.trial.load import Trial
    from pdsim.trial.schema import OutcomeTable

MARKS = ("dexamethasone", "prednisone")


@dataclass(frozen=True)
class Scoreboard:
    """What trials predict and how that compares with what was published.

    Attributes
    ----------
    trials : tuple of Trial
    arms : dict
        `ArmResult` by names of file and arm.
    scored : tuple of Scored
        Outcomes in the order of the files.
    powers : dict of str to Power
        Replicate trials by file, where a trial asks for them.
    run_ins : dict of str to RunIn
        Safety run-ins by file, where a trial has one.
    frozen : bool
        Whether parameters are frozen, so that the check set is open.
    options : Options
    """

    trials: tuple[Trial, ...]
    arms: Mapping[tuple[str, str], ArmResult]
    scored: tuple[Scored, ...]
    powers: Mapping[str, Power]
    run_ins: Mapping[str, RunIn]
    frozen: bool
    options: Options

    @property
    def summary(self) -> dict[str, Any]:
        """Scores of each set; see `pdsim.trial.score.summary`."""
        return summary(self.scored, self.frozen)


def is_frozen() -> bool:
    """Whether ``configs/fits/frozen`` holds parameters."""
    return any((shipped().root / "configs" / "fits" / "frozen").glob("*"))


def run_trials(
    trials: Sequence[Trial],
    options: Options | None = None,
    library: Library | None = None,
    progress: Progress | None = None,
    frozen: bool | None = None,
) -> Scoreboard:
    """Simulate trials and hold their predictions against what was published.

    Parameters
    ----------
    trials : sequence of Trial
        From `load_trials`.
    options : Options, optional
        Sizes and seed.
    library : Library, optional
        Where drug cards and rules come from.
    progress : callable, optional
        Called with patient-runs done and in all.
    frozen : bool, optional
        By default whether ``configs/fits/frozen`` holds anything.

    Returns
    -------
    Scoreboard

    Raises
    ------
    ConfigError
        Nobody can enter a trial, or one of its subgroups.
    PdsimError
        An arm cannot be simulated.
    """
    options = options or Options()
    held = is_frozen() if frozen is None else frozen
    engine = Engine(library or Library(), options, progress)
    arms = engine.run(trials)
    scored = [_scored(trial, one, arms, options, held) for trial in trials for one in trial.table.outcome]
    powers = {trial.name: power(trial, arms, options) for trial in trials if trial.table.power}
    return Scoreboard(tuple(trials), arms, tuple(scored), powers, engine.run_ins, held, options)


def _scored(
    trial: Trial, one: OutcomeTable, arms: Mapping[tuple[str, str], ArmResult], options: Options, frozen: bool
) -> Scored:
    result = arms[trial.name, one.arm]
    places = members_of(trial, one, result)
    regimen = trial.regimens[trial.table.arms[one.arm].regimen]
    drugs = {dose.drug for dose in regimen.doses} - set(MARKS)

    def middle(name: str) -> float:
        return float(np.mean(result.table[name].values[places])) if name in result.table and len(places) else 0.0

    traits = Traits(middle("prior_lines"), middle("len_refractory"), len(drugs))
    return Scored(
        one.trial or trial.table.trial,
        trial.regimen_id(one),
        trial.name,
        one,
        trial.n(one),
        predict(trial, one, arms, options),
        one.set == "check" and not frozen,
        traits,
    )
