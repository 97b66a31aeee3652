"""``--set a.b=1``: changes of a study from the command line."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any

from pdsim.config.schema import known_keys
from pdsim.errors import ConfigError, did_you_mean

_OPEN = ("cohort", "solver", "sweep")  # tables that a study may leave out


def apply(tree: dict[str, Any], overrides: Sequence[str]) -> tuple[dict[tuple[str, ...], str], dict[str, str]]:
    """Apply ``key.path=value`` texts to a parsed study, in place.

    Parameters
    ----------
    tree : dict
        The parsed file.
    overrides : sequence of str
        Values in TOML syntax; a bare word is text. Hypotheses go by name: ``hypothesis.H1.set.x=0``.

    Returns
    -------
    changed : dict
        ``--set key.path=value`` by the path it set.
    refused : dict
        What is wrong, by the ``--set key.path=value`` that could not be applied.
    """
    changed: dict[tuple[str, ...], str] = {}
    refused: dict[str, str] = {}
    for text in overrides:
        try:
            changed[_apply_one(tree, text)] = f"--set {text}"
        except ConfigError as error:
            refused[f"--set {text}"] = str(error)
    return changed, refused


def _apply_one(tree: dict[str, Any], text: str) -> tuple[str, ...]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError("should read key.path=value, such as cohort.size=20.")
    return set_key(tree, key, read_value(value.strip()))


def set_key(tree: dict[str, Any], key: str, value: Any) -> tuple[str, ...]:
    """Set one key of a parsed study in place and return its path.

    Parameters
    ----------
    tree : dict
        The parsed study.
    key : str
        Path with dots, such as ``"arms.rep.dose.cyclophosphamide.amount"``; below ``set`` the rest is one name.

    Raises
    ------
    ConfigError
        There is no such key.
    """
    parts = [part.strip().strip("\"'") for part in key.split(".")]
    if len(parts) > 4 and parts[0] in ("arms", "hypothesis") and parts[2] == "set":
        parts[3:] = [".".join(parts[3:])]  # a value of a drug card has dots in its name
    table: Any = tree
    path: list[str] = []
    for part in parts[:-1]:
        table, step = _enter(table, tuple(path), part)
        path.append(step)
    last = parts[-1]
    known = known_keys(tuple(path))
    if not isinstance(table, dict):
        raise ConfigError(f"'{'.'.join(path)}' is a value, not a table.")
    if known and last not in known:
        raise ConfigError(f"there is no key '{last}'{_inside(path)}.{did_you_mean(last, known)}")
    table[last] = value
    return (*path, last)


def _enter(table: Any, path: tuple[str, ...], part: str) -> tuple[Any, str]:
    """Return the table called `part` inside `table`, and its step in the path."""
    if isinstance(table, list):
        names = [str(entry.get("name", "")) for entry in table if isinstance(entry, dict)]
        position = names.index(part) if part in names else int(part) - 1 if part.isdigit() else -1
        if not 0 <= position < len(table):
            hint = did_you_mean(part, names) or f" Known are: {', '.join(names)}."
            raise ConfigError(f"there is no {path[-1]} '{part}'.{hint}")
        return table[position], str(position)
    if not isinstance(table, dict):
        raise ConfigError(f"'{'.'.join(path)}' is a value, not a table.")
    if part not in table:
        known = known_keys(path) or list(table)
        if not _creatable(path, part):
            raise ConfigError(f"there is no '{part}'{_inside(path)}.{did_you_mean(part, known)}")
        table[part] = {}
    return table[part], part


def _creatable(path: tuple[str, ...], part: str) -> bool:
    """Whether a table that the study does not hold may be made by naming it."""
    if not path:
        return part in _OPEN
    if path[0] == "cohort":
        return path[1:2] == ("change",) or part == "change"
    return (len(path) == 2 and part in ("set", "dose")) or (len(path) == 3 and path[2] == "dose")


def _inside(path: Sequence[str]) -> str:
    return f" in '{'.'.join(path)}'" if path else " in a study"


def read_value(text: str) -> Any:
    """Read a TOML value; a bare word is text. Raises ConfigError."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        if text.startswith(("[", "{", '"', "'")):
            raise ConfigError(f"'{text}' is not a TOML value.") from None
        return text
