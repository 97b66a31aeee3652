"""What a study changes of the files it refers to: doses and rules of a regimen, keys of a population."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pdsim.config.messages import Mistakes
from pdsim.errors import PdsimError
from pdsim.library import Library

if TYPE_CHECKING:
    from pdsim.dosing import Regimen

_KEPT = ("unit", "long_name", "source", "status")  # of a variable whose distribution is replaced


def changed_regimen(
    regimen: Regimen, name: str, arm: Mapping[str, Any], library: Library, mistakes: Mistakes
) -> Regimen:
    """Return an arm's regimen with the changes of its ``dose`` and ``rules``; those that cannot be made are noted.

    Parameters
    ----------
    regimen : Regimen
        As its file has it.
    name : str
        Name of the arm.
    arm : mapping
        The arm's parsed table; entries of a wrong type are passed over, the schema reports them.
    library : Library
        Where rule files are found.
    mistakes : Mistakes
        Takes what is wrong.
    """
    from pdsim.dosing.change import change_drug, change_rules

    names = arm.get("rules")
    if isinstance(names, list | tuple) and all(isinstance(one, str) for one in names):
        try:
            regimen = change_rules(regimen, [library.load_rule_set(one) for one in names], names)
        except PdsimError as error:
            mistakes.add(("arms", name, "rules"), _in_one_line(error))
    changes = arm.get("dose")
    for drug, change in changes.items() if isinstance(changes, dict) else ():
        given = {key: value for key, value in change.items() if value is not None} if isinstance(change, dict) else {}
        try:
            regimen = change_drug(regimen, drug, **given)
        except TypeError:
            continue  # an unknown key or a wrong type
        except (PdsimError, ValueError) as error:
            mistakes.add(("arms", name, "dose", drug), _in_one_line(error))
    return regimen


def merged(tree: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Return a parsed file with some keys replaced, table by table.

    A table that gives a ``distribution`` replaces the whole of what the file says about that variable but its unit,
    name and source.
    """
    found = dict(tree)
    for key, value in change.items():
        before = tree.get(key)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            if "distribution" in value:
                before = {word: text for word, text in before.items() if word in _KEPT}
            found[key] = merged(before, value)
        else:
            found[key] = value
    return found


def _in_one_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines()]
    return " ".join(lines)
