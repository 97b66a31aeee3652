"""How the work is cut: chunks of scenarios and patients, the same whatever runs them."""

from __future__ import annotations

from dataclasses import dataclass

_FEW = 64  # chunks that a sweep of many small cohorts is cut into at least, where it can be


@dataclass(frozen=True)
class Chunk:
    """A rectangle of scenarios and patients, which one task computes and one write stores."""

    index: int
    scenarios: tuple[int, int]  # first, and one after the last
    patients: tuple[int, int]

    @property
    def name(self) -> str:
        """Name of its entry in the manifest."""
        return f"{self.index:06d}"

    @property
    def region(self) -> tuple[slice, slice]:
        """Its scenarios and patients as slices."""
        return slice(*self.scenarios), slice(*self.patients)

    @property
    def count(self) -> int:
        """Patients times scenarios."""
        return (self.scenarios[1] - self.scenarios[0]) * (self.patients[1] - self.patients[0])


def chunk_shape(scenarios: int, patients: int, chunk: int) -> tuple[int, int]:
    """Scenarios and patients of a chunk of about `chunk` patients in all; depends on the sizes alone."""
    if patients >= chunk:
        return 1, chunk
    return max(1, min(chunk // patients, -(-scenarios // _FEW))), patients


def chunks_of(scenarios: int, patients: int, chunk: int) -> tuple[Chunk, ...]:
    """Cut a sweep into chunks, scenario by scenario.

    Parameters
    ----------
    scenarios, patients : int
        Sizes of the sweep.
    chunk : int
        Patients of a chunk, over its scenarios.

    Examples
    --------
    >>> [(one.scenarios, one.patients) for one in chunks_of(2, 100, 64)]
    [((0, 1), (0, 64)), ((0, 1), (64, 100)), ((1, 2), (0, 64)), ((1, 2), (64, 100))]
    """
    wide, tall = chunk_shape(scenarios, patients, chunk)
    corners = [(s, p) for s in range(0, scenarios, wide) for p in range(0, patients, tall)]
    return tuple(
        Chunk(index, (s, min(s + wide, scenarios)), (p, min(p + tall, patients)))
        for index, (s, p) in enumerate(corners)
    )


def share_of(chunks: tuple[Chunk, ...], number: int, of: int) -> tuple[Chunk, ...]:
    """Chunks of job `number` (from 1) of `of` jobs that share a sweep: every `of`-th, so that shares are alike."""
    return chunks[number - 1 :: of]
