"""The expanded plan of a sweep: every scenario as a study of its own, checked, with what is kept and what it costs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdsim.config.factors import read_design
from pdsim.config.kept import check_kept
from pdsim.config.load import read_file, validated
from pdsim.config.messages import Mistakes
from pdsim.config.overrides import set_key
from pdsim.config.plan import Plan, _arms, _expanded, measured_speed
from pdsim.config.resolved import file_hashes, resolved
from pdsim.errors import ConfigError, PdsimError
from pdsim.library import Library
from pdsim.units import days

if TYPE_CHECKING:
    from pdsim.cohort import Population
    from pdsim.config.names import References
    from pdsim.config.schema import Study
    from pdsim.config.sweep_schema import SensitivityTable, SweepTable
    from pdsim.model import Model
    from pdsim.pk import DrugCard
    from pdsim.simulate import Arm
    from pdsim.sweep.design import Design, Scenario

# tables and keys that no result depends on, and keys that shape the store
_FIXED = ("name", "title", "description", "folder", "interval_n", "save", "sweep", "sensitivity", "provenance")
_SHAPE = ("cohort.size", "cohort", "arms", "hypothesis")
_SHOWN = 20  # mistakes of scenarios that a message lists


@dataclass(frozen=True)
class ScenarioPlan:
    """One scenario ready to run."""

    study: Study
    model: Model
    population: Population
    arms: dict[str, Arm]

    @property
    def seed(self) -> int:
        """Seed of its patients and measurements."""
        return self.study.seed


@dataclass(frozen=True)
class SweepPlan:
    """A study with ``[sweep]`` expanded.

    Attributes
    ----------
    base : Plan
        The study as it is without any change.
    design : Design
        Factors and scenarios.
    scenarios : tuple of ScenarioPlan
        In the order of the design.
    drugs : dict
        Cards of all arms of all scenarios, so that one kernel set serves them.
    files : dict
        The files of all scenarios by ``(kind, name)``.
    identity : str
        Hash of all that the results depend on but the code.
    """

    base: Plan
    design: Design
    scenarios: tuple[ScenarioPlan, ...]
    drugs: dict[str, DrugCard]
    files: dict[tuple[str, str], Path]
    identity: str
    threads: int | None = None

    @property
    def study(self) -> Study:
        """The study as it is."""
        return self.base.study

    @property
    def sweep(self) -> SweepTable:
        """Its table ``[sweep]``."""
        assert self.study.sweep is not None
        return self.study.sweep

    @property
    def sensitivity(self) -> SensitivityTable | None:
        """Its table ``[sensitivity]``."""
        return self.study.sensitivity

    @cached_property
    def patient_runs(self) -> int:
        """Patients times arms times scenarios."""
        return len(self.scenarios) * self.base.patient_runs

    @cached_property
    def patient_years(self) -> float:
        """Simulated years of all patients in all arms and scenarios."""
        return sum(days(plan.study.stop) for plan in self.scenarios) / 365.25 * self.base.patient_runs

    def seconds(self, workers: int) -> tuple[float, str]:
        """Expected seconds on that many threads, and on what the number is based."""
        speed, basis = measured_speed(self.base.model)
        return self.patient_years / (speed * workers), f"{basis}, {workers} threads"


def plan_sweep(
    path: Path | str, overrides: Sequence[str] = (), seed: int | None = None, threads: int | None = None
) -> SweepPlan:
    """Load, validate and expand a study file that has ``[sweep]``.

    Raises
    ------
    ConfigError
        Listing the mistakes of the study, or of its scenarios, each with the value that makes it.
    """
    tree, mistakes = read_file(path, overrides, seed)
    return expand_sweep(tree, mistakes, threads)


def expand_sweep(tree: dict[str, Any], mistakes: Mistakes, threads: int | None = None) -> SweepPlan:
    """Expand a parsed study; see `plan_sweep`."""
    from pdsim.config.plan import _tolerances

    library = _Snapshot(study_folder=tree["folder"])
    study, found = validated(tree, mistakes, library)
    if study.sweep is None:
        raise ConfigError(f"{mistakes.file}: this study has no table [sweep].")
    base = _expanded(study, found, threads)
    design = read_design(study, mistakes)
    check_kept(study, base.model, base.arms, mistakes)
    mistakes.raise_if_any()
    plain = {key: value for key, value in tree.items() if key not in ("sweep", "sensitivity", "provenance")}
    tolerances = _tolerances()
    references: list[References] = []
    plans: list[ScenarioPlan] = []
    wrong: list[str] = []
    for scenario in design.scenarios:
        try:
            one, loaded = _scenario(plain, scenario, study.sweep, library, mistakes.file)
            one = resolved(one, list(base.study.save or ()), tolerances)
            plans.append(ScenarioPlan(one, _of(loaded.model), _of(loaded.population), _arms(one, loaded)))
            references.append(loaded)
            _check_shape(base, plans[-1], bool(study.sweep.save))
        except PdsimError as error:
            wrong += [text for text in _lines(scenario, error) if text not in wrong]
    if wrong:
        more = [f"  and {len(wrong) - _SHOWN} more"] if len(wrong) > _SHOWN else []
        raise ConfigError(
            "\n".join([f"{len(wrong)} mistakes in scenarios of {mistakes.file}:", *wrong[:_SHOWN], *more])
        )
    files = {key: file for one in (found, *references) for key, file in one.files.items()}
    drugs = {name: card for one in references for name, card in one.drugs.items()}
    return SweepPlan(
        base=base,
        design=design,
        scenarios=tuple(plans),
        drugs=dict(sorted(drugs.items())),
        files=files,
        identity=_identity(base, design, plans, files),
        threads=threads,
    )


class _Snapshot(Library):
    """A library that looks every name up once, so that hundreds of scenarios cost little more than one."""

    def find(self, kind: str, name: str) -> Path:
        places: dict[tuple[str, str], Path] = self.__dict__.setdefault("_found", {})
        if (kind, name) not in places:
            places[kind, name] = super().find(kind, name)
        return places[kind, name]


def _of(loaded: Any) -> Any:
    assert loaded is not None
    return loaded


def _scenario(
    plain: Mapping[str, Any], scenario: Scenario, sweep: SweepTable, library: Library, file: str
) -> tuple[Study, References]:
    """Apply a scenario's settings to the study and validate it as any other."""
    tree = deepcopy(dict(plain))
    for key, value in scenario.settings:
        for one in _spread(key, tree):
            set_key(tree, one, deepcopy(value))
    if not sweep.paired:
        word = f"{tree.get('seed', 1)}:{scenario.index}".encode()
        tree["seed"] = int.from_bytes(hashlib.blake2b(word, digest_size=4).digest(), "big") >> 1
    return validated(tree, Mistakes(file), library)


def _spread(key: str, tree: Mapping[str, Any]) -> list[str]:
    """Keys that a path stands for: ``arms.*`` is every arm, or for ``dose`` every arm with a regimen."""
    parts = key.split(".")
    if parts[0] in _FIXED or key in _SHAPE:
        raise ConfigError(f"'{key}' cannot be varied: it names the study or shapes its store.")
    if parts[:2] != ["arms", "*"]:
        return [key]
    arms = tree.get("arms", {})
    treated = [name for name, arm in arms.items() if "regimen" in arm or parts[2:3] != ["dose"]]
    return [".".join(["arms", name, *parts[2:]]) for name in treated]


def _check_shape(base: Plan, one: ScenarioPlan, courses: bool) -> None:
    """Raise a ConfigError where a scenario's results would not fit into the store of the others."""
    if list(one.arms) != list(base.arms):
        raise ConfigError(f"its arms are {', '.join(one.arms)}; those of the study are {', '.join(base.arms)}")
    grid = [(plan.study.stop, plan.study.every) for plan in (base, one)]
    if courses and [days(text) for text in grid[0]] != [days(text) for text in grid[1]]:
        raise ConfigError("courses are stored (sweep.save), so stop and every cannot be varied; store reductions")
    clones = [getattr(plan.population, "clones", ()) for plan in (base, one)]
    if clones[0] != clones[1]:
        raise ConfigError("its population has other clones than that of the study")
    if one.model.name != base.model.name:
        raise ConfigError("the model cannot be varied; make a study for each")


def _lines(scenario: Scenario, error: PdsimError) -> list[str]:
    """The mistakes of one scenario, each with the scenario's name."""
    lines = str(error).splitlines()
    found = [line.strip().removeprefix("- ") for line in lines[1:] if line.startswith("    - ")] or [" ".join(lines)]
    return [f"  - {scenario.label}: {text}" for text in found]


def _identity(base: Plan, design: Design, plans: Sequence[ScenarioPlan], files: Mapping[Any, Path]) -> str:
    parts = {
        "study": base.identity,
        "model": base.model.source_hash,
        "scenarios": [plan.study.model_dump(mode="json", exclude={"folder", "provenance"}) for plan in plans],
        "labels": [scenario.label for scenario in design.scenarios],
        "files": file_hashes(files),
    }
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=8).hexdigest()
