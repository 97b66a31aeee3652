"""Reading TOML files and naming them in messages."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from pdsim.errors import ConfigError, NotFoundError


def shown(path: Path) -> str:
    """Return a path as messages print it: relative where it lies below the current folder."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def read_toml(path: Path) -> dict[str, Any]:
    """Read one TOML file.

    Parameters
    ----------
    path : Path
        The file, UTF-8.

    Returns
    -------
    dict
        The parsed tree.

    Raises
    ------
    ConfigError
        The text is not TOML (with file and line) or cannot be read.
    NotFoundError
        There is no such file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFoundError(f"There is no file {shown(path)}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{shown(path)}: cannot be read ({error}).") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_syntax_message(path, text, str(error))) from None


def read_reasons(path: Path) -> dict[str, str]:
    """Read a file ``name = "reason"``; ConfigError if a reason is no text."""
    reasons = read_toml(path)
    wrong = [name for name, reason in reasons.items() if not isinstance(reason, str) or not reason.strip()]
    if wrong:
        raise ConfigError(f'{shown(path)}: write every line as name = "reason", not so: {", ".join(wrong)}')
    return reasons


def _syntax_message(path: Path, text: str, error: str) -> str:
    where = re.search(r"\(at line (\d+), column (\d+)\)", error)
    what = error.split(" (at ")[0]
    lines = text.splitlines()
    if where is None:  # tomllib says "at end of document"
        return f"{shown(path)}, line {len(lines)}: not valid TOML: {what} at the end of the file."
    number, column = int(where[1]), int(where[2])
    line = lines[number - 1].strip() if number <= len(lines) else ""
    return f"{shown(path)}, line {number}, column {column}: not valid TOML: {what}. The line reads: {line}"
