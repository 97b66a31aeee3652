"""Judges claims: contrasts between arms, their bounds, and how often other patients would agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from pdsim import draws
from pdsim.mechanisms.readouts import measure, summarise

if TYPE_CHECKING:
    from pdsim.mechanisms.experiment import Arms, Experiment
    from pdsim.mechanisms.readouts import View
    from pdsim.mechanisms.schema import CheckTable, ClaimTable

Verdict = Literal["pass", "fail", "none", "sealed"]
REPLICATES = 200


@dataclass(frozen=True)
class Finding:
    """One check of a claim: what was expected, the value found, and each arm's own readout."""

    check: CheckTable
    value: float
    arms: dict[str, float]

    @property
    def passed(self) -> bool:
        """Whether the value lies within the bounds."""
        return self.check.holds(self.value)


@dataclass(frozen=True)
class Result:
    """Verdict on one claim.

    Attributes
    ----------
    claim : ClaimTable
    verdict : {"pass", "fail", "none", "sealed"}
        All checks hold; one does not; there is no experiment; there is, and it must not be looked at yet.
    findings : tuple of Finding
    probability : float
        Share of replicate cohorts of the claim's size in which all checks hold; NaN without. The arms of a blind
        claim hold different patients, as those of a trial do; those of others the same. Parameters are not covered.
    size : int
        Patients an arm, before those that are not read.
    reason : str
        The claim's own remark, and what went wrong.
    """

    claim: ClaimTable
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    probability: float = float("nan")
    size: int = 0
    reason: str = ""

    @property
    def counted(self) -> bool:
        """Whether it counts in the share that passes: dynamic, and not of the check or blind set."""
        return self.claim.kind == "dynamic" and self.claim.basis in ("mechanism", "fit")


def judge(claim: ClaimTable, experiment: Experiment | None, views: Mapping[Arms, View], sealed: bool) -> Result:
    """Judge one claim from the simulated arms.

    Parameters
    ----------
    claim : ClaimTable
    experiment : Experiment or None
        None where the claim has no check or is sealed.
    views : mapping of Request or Joined to View
        At least the arms of the experiment.
    sealed : bool
        Whether the claim must not be looked at.
    """
    if sealed:
        return Result(claim, "sealed", reason=claim.reason)
    if experiment is None:
        return Result(claim, "none", reason=claim.reason)
    samples = [_sampled(check, experiment, views) for check in claim.check]
    findings = tuple(_found(check, sample) for check, sample in zip(claim.check, samples, strict=True))
    verdict: Verdict = "pass" if all(finding.passed for finding in findings) else "fail"
    size = next(iter(experiment.requests.values())).group.size
    remarks = [claim.reason, *(f"{one.check.title}: nothing to read" for one in findings if np.isnan(one.value))]
    failed = sum(int((views[one].endpoints["status"] != 0).sum()) for one in set(experiment.requests.values()))
    if failed:
        remarks.append(f"{failed} patient-runs could not be integrated and are left out")
    probability = _probability(claim.check, samples, size, paired=claim.basis != "blind")
    return Result(claim, verdict, findings, probability, size, "; ".join(text for text in remarks if text))


@dataclass(frozen=True)
class Sample:
    """What the patients of one arm show: values (patient, column), their numbers (patient,), and the end in days."""

    values: np.ndarray
    patients: np.ndarray
    stop: float


Samples = dict[str, Sample]


def _sampled(check: CheckTable, experiment: Experiment, views: Mapping[Arms, View]) -> Samples:
    """Read the arms of a check, in the patients that all of them could start with."""
    chosen = {arm: views[experiment.arm(arm)] for arm in check.arms}
    shared = set.intersection(*(set(view.patients.tolist()) for view in chosen.values()))
    found: Samples = {}
    for arm, view in chosen.items():
        read = view.selected(experiment.among.get(arm)) & np.isin(view.patients, sorted(shared))
        found[arm] = Sample(measure(check.readout, view)[read], view.patients[read], view.request.group.stop)
    return found


def _found(check: CheckTable, samples: Samples) -> Finding:
    arms = {arm: summarise(check.readout, sample.values, sample.stop) for arm, sample in samples.items()}
    return Finding(check, contrast(check.contrast, [arms[arm] for arm in check.arms]), arms)


def contrast(kind: str, values: Sequence[float]) -> float:
    """Contrast the readouts of arms; NaN where a ratio has nothing below.

    Examples
    --------
    >>> contrast("interaction", [5.0, 2.0, 2.0, 1.0])
    2.0
    """
    match kind:
        case "value":
            return values[0]
        case "difference":
            return values[0] - values[1]
        case "ratio":
            return values[0] / values[1] if values[1] else float("nan")
    both, first, second, neither = values
    return (both - first) - (second - neither)


def _probability(checks: Sequence[CheckTable], samples: Sequence[Samples], size: int, paired: bool) -> float:
    """Share of replicate cohorts, drawn with replacement, in which all checks hold."""
    held = np.ones(REPLICATES, dtype=bool)
    for check, arms in zip(checks, samples, strict=True):
        drawn = {arm: _drawn(size, "all" if paired else arm) for arm in check.arms}
        for replicate in np.flatnonzero(held):
            read = [
                summarise(check.readout, _redrawn(arms[arm], drawn[arm][replicate], size), arms[arm].stop)
                for arm in check.arms
            ]
            held[replicate] = check.holds(contrast(check.contrast, read))
    return float(held.mean())


def _drawn(size: int, purpose: str) -> np.ndarray:
    """Numbers of the patients of each replicate, (replicate, patient)."""
    uniform = draws.uniforms(0, np.arange(REPLICATES), f"mechanisms.{purpose}", size)
    return (uniform * size).astype(np.int64)


def _redrawn(sample: Sample, drawn: np.ndarray, size: int) -> np.ndarray:
    """Values of the drawn patients, without those who are not read."""
    row = np.full(size, -1)
    row[sample.patients] = np.arange(len(sample.patients))
    chosen = row[drawn]
    return sample.values[chosen[chosen >= 0]]
