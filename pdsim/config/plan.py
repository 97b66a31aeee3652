"""The expanded plan of a study: what is simulated, from which files, at what cost."""

from __future__ import annotations

import json
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pdsim._jit import LANES, cache_folder, thread_count
from pdsim.config.checks import check_study, setting
from pdsim.config.load import read_study
from pdsim.config.names import References, load_references
from pdsim.config.resolved import file_hashes, resolved, study_hash
from pdsim.library import Library
from pdsim.units import days

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pdsim.cohort import Population
    from pdsim.config.schema import ArmTable, Study
    from pdsim.model import Model
    from pdsim.pk import DrugCard
    from pdsim.simulate import Arm

_ENOUGH_YEARS = 25.0  # patient-years a thread that a measured run has at least
ASSUMED_SPEED = 150.0  # patient-years a second and thread, until a run on this machine has measured it
_YEAR = 365.25


@dataclass(frozen=True)
class Estimate:
    """What a study costs, and on what that is based."""

    seconds: float
    memory: int
    disk: int
    basis: str


@dataclass(frozen=True)
class Plan:
    """A study expanded: everything loaded, every arm spelled out.

    Attributes
    ----------
    study : Study
        Resolved: every default explicit.
    arms : dict
        `pdsim.simulate.Arm` by label: the plain arms, then one per hypothesis, ``"rep:H1"``.
    drugs : dict
        Cards of all arms, so that one kernel set serves them.
    files : dict
        The file each ``(kind, name)`` was taken from.
    identity : str
        Hash of all that the results depend on.
    notes : tuple of str
        What the user should know before it runs.
    """

    study: Study
    model: Model
    population: Population
    arms: dict[str, Arm]
    drugs: dict[str, DrugCard]
    files: dict[tuple[str, str], Path]
    identity: str
    estimate: Estimate
    notes: tuple[str, ...] = ()

    @property
    def patient_runs(self) -> int:
        """Patients times arms."""
        return self.study.cohort.size * len(self.arms)


def plan_study(
    path: Path | str, overrides: Sequence[str] = (), seed: int | None = None, threads: int | None = None
) -> Plan:
    """Load, validate and expand a study file; the errors are those of `load_study`."""
    study, found, _ = read_study(path, overrides, seed)
    return _expanded(study, found, threads)


def expand(study: Study, library: Library | None = None, threads: int | None = None) -> Plan:
    """Expand a validated study.

    Parameters
    ----------
    study : Study
        From `load_study`.
    library : Library, optional
        Where names are looked up; the study's own by default.
    threads : int, optional
        For the estimate of time.

    Returns
    -------
    Plan

    Raises
    ------
    ConfigError
        Names or values do not fit the library.
    """
    from pdsim.config.messages import Mistakes

    mistakes = Mistakes(study.name)
    library = library or Library(study_folder=study.folder)
    tree = study.model_dump(mode="json")
    found = load_references(tree, library, mistakes)
    check_study(tree, found, mistakes)
    mistakes.raise_if_any()
    return _expanded(study, found, threads)


def _expanded(study: Study, found: References, threads: int | None) -> Plan:
    from pdsim import __version__

    assert found.model is not None
    assert found.population is not None
    written = study.provenance
    study = resolved(study, list(found.model.outputs), _tolerances())
    identity = study_hash(study, found.files, __version__)
    return Plan(
        study=study,
        model=found.model,
        population=found.population,
        arms=_arms(study, found),
        drugs=found.drugs,
        files=found.files,
        identity=identity,
        estimate=_estimate(study, found, threads),
        notes=(*found.notes, *_changes(written, found, identity, __version__)),
    )


def _tolerances() -> dict[str, float]:
    from pdsim.simulate import simulate

    known = signature(simulate).parameters
    return {name: float(known[name].default) for name in ("rtol", "atol")}


def _arms(study: Study, found: References) -> dict[str, Arm]:
    from pdsim.simulate import Arm

    assert found.model is not None
    known = found.settable()

    def numbers(settings: Mapping[str, float | str]) -> dict[str, float]:
        return {name: setting(value, known[name].unit) for name, value in settings.items()}

    def build(name: str, table: ArmTable, changes: dict[str, float], **more: Any) -> Arm:
        regimen = found.regimens.get(name)
        return Arm(regimen=regimen, until=table.until, set={**numbers(table.set), **changes}, **more)

    arms = {name: build(name, table, {}, label=table.label or name, base=name) for name, table in study.arms.items()}
    for entry in study.hypothesis:
        label = entry.label or f"{study.arms[entry.arm].label or entry.arm}, {entry.name}"
        arms[f"{entry.arm}:{entry.name}"] = build(
            entry.arm,
            study.arms[entry.arm],
            numbers(entry.set),
            label=label,
            base=entry.arm,
            hypothesis=entry.name,
        )
    return arms


def _estimate(study: Study, found: References, threads: int | None) -> Estimate:
    assert found.model is not None
    arms = len(study.arms) + len(study.hypothesis)
    runs = study.cohort.size * arms
    speed, basis = measured_speed(found.model)
    threads = busy_threads(study.cohort.size, threads)
    stop = days(study.stop)
    points = int(stop / days(study.every)) + 1
    clones = len(getattr(found.population, "clones", ()) or ()) or 1
    tables = {**found.model.states, **found.model.outputs}
    values = sum(clones if tables[name].dim else 1 for name in study.save or ())
    visits = int(stop / days(study.visits)) + 1
    size = runs * (points * values * 4 + visits * 40)
    return Estimate(runs * stop / _YEAR / (speed * threads), 2 * size, size, f"{basis}, {threads} threads")


def busy_threads(patients: int, threads: int | None) -> int:
    """Return how many threads have patients to work on; blocks of patients go to threads whole."""
    return min(thread_count(threads), -(-patients // LANES))


def measured_speed(model: Model) -> tuple[float, str]:
    """Return patient-years a second and thread, and where the number comes from."""
    try:
        speed = float(json.loads(_speed_file().read_text(encoding="utf-8"))[model.name])
    except (OSError, ValueError, KeyError, TypeError):
        return ASSUMED_SPEED, f"assumed, not measured: {ASSUMED_SPEED:g} patient-years a second and thread"
    return speed, f"{speed:.3g} patient-years a second and thread, as in the last run of '{model.name}' here"


def keep_speed(model: Model, patient_years: float, seconds: float, threads: int) -> None:
    """Keep the speed of a finished run for the next estimate; a cache that cannot be written is no error.

    A run of few patients says how long a start takes, not how fast the solver is: its speed is not kept.
    """
    if patient_years < _ENOUGH_YEARS * threads:
        return
    file = _speed_file()
    try:
        known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        known[model.name] = patient_years / max(seconds, 1e-9) / threads
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(known), encoding="utf-8")
    except (OSError, ValueError, TypeError):
        return


def _speed_file() -> Path:
    return cache_folder() / "speed.json"


def _changes(written: Mapping[str, Any], found: References, identity: str, version: str) -> list[str]:
    """Say what changed since a resolved study was written."""
    if not written or written.get("identity") == identity:
        return []
    if written.get("pdsim_version") != version:
        return [f"This study was written by pdsim {written.get('pdsim_version')}, this is {version}."]
    before = written.get("files", {})
    changed = [name for name, value in file_hashes(found.files).items() if before.get(name) != value]
    what = ", ".join(changed) if changed else "the study itself"
    return [f"Changed since this study was written to its run folder: {what}. Results will differ from that run."]
