"""One sentence about a file, without loading what it describes."""

from __future__ import annotations

import ast
from pathlib import Path

from pdsim.errors import ConfigError
from pdsim.library.files import read_toml

_KEYS = ("title", "label", "description")


def first_sentence(path: Path) -> str:
    """Return what a model's docstring, or a file's title, label, description or first comment, says first."""
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
