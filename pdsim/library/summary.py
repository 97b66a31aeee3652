"""One line about an entry of the library."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from pdsim.errors import ConfigError, PdsimError
from pdsim.library.files import read_toml

if TYPE_CHECKING:
    from pdsim.library.core import Library

_KEYS = ("title", "label", "description")


def regimen_lines(library: Library) -> list[str]:
    """List the regimens by name, each with its status and label, and those that cannot be simulated with the reason."""
    rows = [(name, *_status_and_label(library, name)) for name in library.names("regimens")]
    rows += [(name, "not simulated", reason) for name, reason in library.not_simulated().items()]
    width, status_width = (max(len(row[column]) for row in rows) for column in (0, 1))
    return [f"{name:{width}}  {status:{status_width}}  {text}".rstrip() for name, status, text in sorted(rows)]


def _status_and_label(library: Library, name: str) -> tuple[str, str]:
    try:
        regimen = library.load_regimen(name)
    except PdsimError:
        return "wrong", first_sentence(library.find("regimen", name))
    label = regimen.label if regimen.label != name else regimen.meaning
    return (regimen.status or "not stated") if regimen.doses else "no drug", label


def first_sentence(path: Path) -> str:
    """Return what a model's docstring, or a file's title, label, description or first comment, says first.

    What the file describes is not loaded.
    """
    try:
        text = path.read_text(encoding="utf-8")
        found = _of_model(text) if path.suffix == ".py" else _of_toml(path, text)
    except (OSError, SyntaxError, UnicodeDecodeError, ConfigError):
        return "(cannot be read)"
    return " ".join(found.split("\n\n")[0].split())


def _of_model(text: str) -> str:
    tree = ast.parse(text)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    said = [ast.get_docstring(tree), *(ast.get_docstring(node) for node in classes)]
    return next((text for text in said if text), "")


def _of_toml(path: Path, text: str) -> str:
    tree = read_toml(path)
    said = next((str(tree[key]) for key in _KEYS if tree.get(key)), "")
    comment = next((line.lstrip("# ") for line in text.splitlines() if line.startswith("#")), "")
    return said or comment
