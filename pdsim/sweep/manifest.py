"""What of a store is finished: one small file for each piece, with size and checksum of every file of the piece."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from secrets import token_hex
from typing import Any


class Manifest:
    """Finished pieces of a store.

    A piece is finished when its entry is here, and an entry is written, whole, after the piece's files are on the
    disk. So a process that is killed at any moment leaves no piece that looks finished and is not, and many processes
    can write at once without a lock.

    Parameters
    ----------
    folder : Path
        Where the entries are.
    root : Path
        The store; paths in entries are relative to it.
    """

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder, self.root = folder, root

    def record(self, name: str, files: Iterable[Path], **more: Any) -> None:
        """Note a piece as finished, once its files have reached the disk.

        Raises
        ------
        OSError
            A file cannot be read, or the entry cannot be written.
        """
        found = {file.relative_to(self.root).as_posix(): _settled(file) for file in files}
        text = json.dumps({**more, "files": dict(sorted(found.items()))}, indent=0)
        write_whole(self.folder / f"{name}.json", text.encode())

    def entry(self, name: str) -> dict[str, Any] | None:
        """Return the entry of a piece, None if there is none that can be read."""
        try:
            found = json.loads((self.folder / f"{name}.json").read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) and isinstance(found.get("files"), dict) else None

    def damage(self, name: str) -> str | None:
        """Return None for a finished piece whose files are all as they were written, else what is wrong with it."""
        entry = self.entry(name)
        if entry is None:
            return "unfinished"
        for path, expected in entry["files"].items():
            try:
                found = _checksum((self.root / path).read_bytes())
            except OSError:
                return f"{path} is missing"
            if found != list(expected):
                return f"{path} is truncated or altered"
        return None

    def forget(self, name: str) -> None:
        """Remove the entry of a piece."""
        (self.folder / f"{name}.json").unlink(missing_ok=True)


def write_whole(path: Path, content: bytes | memoryview) -> None:
    """Write a file so that it is there whole or not at all, whatever happens in between."""
    aside = path.with_name(f".{path.name}.{token_hex(4)}.part")
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def _settled(file: Path) -> list[int]:
    """Size and checksum of a file, after it has reached the disk."""
    with file.open("rb") as stream:
        os.fsync(stream.fileno())
        return _checksum(stream.read())


def _checksum(content: bytes) -> list[int]:
    from google_crc32c import value

    return [len(content), int(value(content))]
