"""Seconds from the launch of a fresh process to its first result."""

from __future__ import annotations

from benchmarks import start


def track_warm_start() -> float:
    return start.warm_start()


def track_cold_start() -> float:
    return start.cold_start()


for track in (track_warm_start, track_cold_start):
    track.unit = "s"
    track.timeout = 600.0
