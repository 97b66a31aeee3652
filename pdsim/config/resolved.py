"""A study written back with every default explicit, and the hash that identifies its results."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pdsim.config.schema import Study

_NOT_RESULTS = {"folder", "provenance"}


def resolved(study: Study, outputs: list[str], tolerances: Mapping[str, float]) -> Study:
    """Return the study with the defaults that depend on others filled in.

    Parameters
    ----------
    study : Study
        As loaded.
    outputs : list of str
        Outputs that the simulator stores when a study names none.
    tolerances : mapping of str to float
        The simulator's own ``rtol`` and ``atol``.
    """
    return study.model_copy(
        update={
            "interval_n": study.interval_n or study.cohort.size,
            "save": study.save or tuple(outputs),
            "title": study.title or study.name,
            "solver": study.solver.model_copy(
                update={name: getattr(study.solver, name) or value for name, value in tolerances.items()}
            ),
        }
    )


def to_toml(study: Study, provenance: Mapping[str, Any]) -> str:
    """Return the text of a study file that gives the same run.

    Parameters
    ----------
    study : Study
        Resolved; see `resolved`.
    provenance : mapping
        Written as the table ``[provenance]``, which a later run reads over.
    """
    import tomlkit

    tree = _without_none(study.model_dump(mode="json", exclude={"provenance"}))
    for entry in (tree["cohort"], *tree["arms"].values(), *tree["hypothesis"]):
        for key in ("set", "dose", "change"):
            if not entry.get(key):
                entry.pop(key, None)
    if not tree["hypothesis"]:
        del tree["hypothesis"]
    tree["provenance"] = dict(provenance)
    head = "# Written by pdsim: the study as it was run, with every default explicit.\n\n"
    return head + tomlkit.dumps(tree)


def study_hash(study: Study, files: Mapping[tuple[str, str], Path], version: str) -> str:
    """Return the hash of all that results depend on: the resolved study, its files' contents, pdsim's version."""
    parts: dict[str, Any] = {
        "study": study.model_dump(mode="json", exclude=_NOT_RESULTS),
        "files": file_hashes(files),
        "pdsim": version,
    }
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=8).hexdigest()


def file_hashes(files: Mapping[tuple[str, str], Path]) -> dict[str, str]:
    """Return the hash of every file's contents by ``kind:name``."""
    return {
        f"{kind}:{name}": hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()
        for (kind, name), path in sorted(files.items())
    }


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(entry) for key, entry in value.items() if entry is not None}
    if isinstance(value, list):
        return [_without_none(entry) for entry in value]
    return value
