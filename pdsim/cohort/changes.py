"""A population like another: its file says only what is different."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BASE = "same_as"
_SECTIONS = ("parameters", "covariates")


def changed_tree(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a population file after another's changes.

    A variable whose table gives a ``distribution`` is replaced, in its place among the draws; one whose table does not
    keeps all keys but those given. New variables come last. Traits of the clones are replaced one by one, and
    ``clones.fraction`` key by key.

    Parameters
    ----------
    base : mapping
        Keys of a population file.
    changes : mapping
        Keys of another, or of the table ``[population]`` of a trial; ``same_as`` is left out.

    Returns
    -------
    dict
        Tables that are no tables stay as they are, for the reader to report.

    Examples
    --------
    >>> base = {"covariates": {"age": {"distribution": "normal", "mean": 66, "sd": 9, "unit": "yr"}}}
    >>> changed_tree(base, {"covariates": {"age": {"mean": 70}}})["covariates"]["age"]["mean"]
    70
    """
    found = {**base, **{key: value for key, value in changes.items() if key not in (BASE, *_SECTIONS, "clones")}}
    for section in (*_SECTIONS, "clones"):
        given = changes.get(section)
        if isinstance(given, Mapping):
            found[section] = _section(found.get(section, {}), given)
        elif given is not None:
            found[section] = given
    return _moved(found, changes)


def _section(base: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(base)
    for name, table in given.items():
        old = out.get(name)
        if isinstance(table, Mapping) and isinstance(old, Mapping) and "distribution" not in table:
            out[name] = {**old, **table}
        else:
            out[name] = table
    return out


def _moved(found: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Take a variable out of the section that it was in, where the changes have it in the other."""
    for section, other in (_SECTIONS, _SECTIONS[::-1]):
        given, old = changes.get(section), found.get(other)
        if isinstance(given, Mapping) and isinstance(old, Mapping):
            again = changes.get(other)
            kept = again if isinstance(again, Mapping) else {}
            found[other] = {name: table for name, table in old.items() if name not in given or name in kept}
    return found
