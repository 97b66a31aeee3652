"""Time, memory and error of pdsim's default path on every frozen problem, on one thread."""

from __future__ import annotations

from benchmarks import problems, references
from benchmarks.calibration import calibrate
from benchmarks.engines import paths

PATIENTS, RTOL = 64, 1e-7


class Solve:
    """A problem that has changed since its reference was made stops here."""

    params = (list(problems.NAMES),)
    param_names = ("problem",)
    timeout = 600.0

    def setup(self, name: str) -> None:
        self.problem = problems.load(name)
        self.reference = references.load(self.problem)
        self.solve, self.tracked = paths.prepare(self.problem, "auto", 1)
        self.solve(1, RTOL)

    def time_solve(self, name: str) -> None:
        self.solve(PATIENTS, RTOL)

    def peakmem_solve(self, name: str) -> None:
        self.solve(PATIENTS, RTOL)

    def track_error(self, name: str) -> float:
        values = self.reference.values
        return self.problem.error(self.tracked(self.solve(len(values), RTOL)), values)

    track_error.unit = "relative"


def track_calibration() -> float:
    """Speed of the machine, by which times of different machines may be scaled."""
    return min(calibrate() for _ in range(50))


track_calibration.unit = "s"
