"""Errors that say what is wrong, where, and how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PdsimError(Exception):
    """Base of every error that pdsim raises on purpose."""


class ModelError(PdsimError):
    """A model file is wrong: a name, a unit, a derivative."""


class UnitError(PdsimError):
    """A unit cannot be read, or does not fit."""


class ConfigError(PdsimError):
    """A TOML file is wrong; the message lists every mistake with file and key."""


class DoseError(PdsimError):
    """A regimen or an event table cannot be given as written."""


class CohortError(PdsimError):
    """A population or cohort is impossible or incomplete."""


class SolverError(PdsimError):
    """Patients could not be integrated."""


class StoreError(PdsimError):
    """A run folder or store is damaged, foreign or not writable."""


class NotFoundError(PdsimError):
    """A name is in none of the places searched."""


def did_you_mean(word: str, known: Iterable[str], limit: int = 3) -> str:
    """Return ``" Did you mean 'a' or 'b'?"``, or ``""`` if nothing comes close."""
    names = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), names, n=limit, cutoff=0.6)
    if not close:
        return ""
    return " Did you mean " + " or ".join(f"'{names[name]}'" for name in close) + "?"
