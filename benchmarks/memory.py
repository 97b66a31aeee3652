"""Peak memory of this process, from a moment on where the system allows it."""

from __future__ import annotations

import contextlib
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def forget_peak() -> None:
    """Begin a new peak; without effect where the system keeps one for the whole process."""
    with contextlib.suppress(OSError):
        _CLEAR.write_text("5")


def peak_megabytes() -> float:
    """Largest resident memory since `forget_peak`, in MB."""
    if _STATUS.is_file():
        lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines() if ":" in line)
        return float(lines["VmHWM"].split()[0]) / 1024.0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
