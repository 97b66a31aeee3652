"""Collects the mistakes of a study and words them: file, key path, what is wrong, nearest name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pdsim.errors import ConfigError, PdsimError, did_you_mean

_WORDS: dict[str, str] = {
    "string_type": "should be text in quotes",
    "int_type": "should be a whole number",
    "int_from_float": "should be a whole number",
    "float_type": "should be a number",
    "bool_type": "should be true or false",
    "finite_number": "should be a finite number",
    "dict_type": "should be a table",
    "model_type": "should be a table",
    "model_attributes_type": "should be a table",
    "tuple_type": "should be a list",
    "list_type": "should be a list",
}


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong: the file (or the command line), the key path, the sentence."""

    file: str
    key: str
    what: str

    def __str__(self) -> str:
        return f"{self.key}: {self.what}" if self.key else self.what


@dataclass
class Mistakes:
    """The mistakes of one study, or another kind of thing, over all the files it reaches."""

    file: str
    overridden: Mapping[tuple[str, ...], str] = field(default_factory=dict)
    found: list[Mistake] = field(default_factory=list)
    kind: str = "study"

    def add(self, location: Iterable[str | int], what: str, file: str | None = None) -> None:
        """Note a mistake at a key path of the study, or of another `file`."""
        path = tuple(str(part) for part in location)
        mistake = Mistake(file or self._origin(path), key_path(path), what)
        if mistake not in self.found:
            self.found.append(mistake)

    def adopt(self, error: PdsimError, file: str) -> None:
        """Note the mistakes that loading another file raised, one for each entry of its list."""
        for item in _items(str(error)):
            key, what = _strip_file(item, file)
            mistake = Mistake(file, key, what)
            if mistake not in self.found:
                self.found.append(mistake)

    def raise_if_any(self) -> None:
        """Raise one ConfigError that lists every mistake, file by file."""
        if not self.found:
            return
        count = len(self.found)
        lines = [f"{count} mistake{'s' if count > 1 else ''} in the {self.kind} {self.file}:"]
        files = dict.fromkeys(mistake.file for mistake in self.found)
        for file in files:
            lines.append(f"  {file}")
            lines += [f"    - {mistake}" for mistake in self.found if mistake.file == file]
        raise ConfigError("\n".join(lines))

    def _origin(self, path: tuple[str, ...]) -> str:
        for changed, text in self.overridden.items():
            if path[: len(changed)] == changed:
                return text
        return self.file


def key_path(parts: Iterable[str | int]) -> str:
    """Return ``arms.rep.until`` or ``hypothesis[1].arm``; entries of lists count from 1."""
    text = ""
    for part in parts:
        if str(part).isdigit():
            text += f"[{int(part) + 1}]"
        else:
            text += f".{part}" if text else str(part)
    return text


def explain(error: Mapping[str, Any], known: Iterable[str]) -> str:
    """Word one pydantic error; `known` are the keys that its table accepts."""
    kind, given, more = error["type"], error["input"], error.get("ctx", {})
    names = list(known)
    if kind == "extra_forbidden":
        hint = did_you_mean(str(error["loc"][-1]), names) or f" Known are: {', '.join(names)}."
        return f"unknown {'table' if isinstance(given, dict | list) else 'key'}.{hint}"
    if kind == "missing":
        return "is missing."
    if kind == "literal_error":
        choices = [word.strip("' ") for word in re.split(r",|\bor\b", more["expected"])]
        return f"'{given}' is not one of {', '.join(choices)}.{did_you_mean(str(given), choices)}"
    if kind in ("greater_than", "greater_than_equal"):
        bound = next(iter(more.values()))
        return f"should be {'more than' if kind == 'greater_than' else 'at least'} {bound:g}, not {given}."
    if kind in ("less_than", "less_than_equal"):
        bound = next(iter(more.values()))
        return f"should be {'less than' if kind == 'less_than' else 'at most'} {bound:g}, not {given}."
    if kind == "too_short":
        return "should not be empty."
    if kind == "value_error":
        return str(more["error"])
    if kind in _WORDS:
        return f"{_WORDS[kind]}, not {_shown(given)}."
    return f"{error['msg']}, not {_shown(given)}."


def _shown(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


def _items(message: str) -> list[str]:
    """Split a message into its mistakes: entries of its list under a heading, else its unindented lines."""
    lines = [line for line in message.splitlines() if line.strip()]
    if len(lines) > 1 and re.search(r":$|\d+ mistakes?\b", lines[0]):
        lines = lines[1:]
    margin = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    items: list[str] = []
    for line in lines:
        if items and line[margin : margin + 1].isspace():
            items[-1] += f" | {line.strip()}"
        else:
            items.append(line.strip().removeprefix("- "))
    return items


def _strip_file(item: str, file: str) -> tuple[str, str]:
    """Split ``file: key: what`` into key and what."""
    text = item.strip()
    for lead in (f"{file}: ", f"{file}, ", f"{file} "):
        text = text.removeprefix(lead)
    key, colon, what = text.partition(": ")
    return (key, what) if colon and " " not in key else ("", text)
