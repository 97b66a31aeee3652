"""Walks over the source tree that several rules share."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

_HIDDEN_BUT_OURS = {".ci", ".gitignore"}
_PRODUCTS = {"build", "dist", "runs", "htmlcov", "__pycache__", "venv"}
_TEXT = {".py", ".md", ".toml", ".txt", ".html", ".mplstyle", ".csv", ".json", ".yml", ".yaml", ".cfg", ".sh", ""}


def _ours(part: str) -> bool:
    return part not in _PRODUCTS and (not part.startswith(".") or part in _HIDDEN_BUT_OURS)


@pytest.fixture(scope="session")
def text_files(root: Path) -> list[Path]:
    """Every text file that belongs to the repository."""
    found = [path for path in root.rglob("*") if path.is_file() and path.suffix in _TEXT]
    return sorted(path for path in found if all(_ours(part) for part in path.relative_to(root).parts))


@pytest.fixture(scope="session")
def sources(text_files: list[Path], root: Path) -> Callable[..., dict[str, ast.Module]]:
    """Parsed Python files under the given folders, by path relative to the root."""

    def read(*folders: str) -> dict[str, ast.Module]:
        return {
            str(path.relative_to(root)): ast.parse(path.read_text(encoding="utf-8"))
            for path in text_files
            if path.suffix == ".py" and path.relative_to(root).parts[0] in folders
        }

    return read
