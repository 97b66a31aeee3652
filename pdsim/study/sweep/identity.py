"""What a sweep's results depend on besides the study: the code; and how two sweeps differ, in words."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).resolve().parents[2]
_NO_RESULTS = {"cli.py", "mechanisms", "plot", "report", "trial", "fit"}  # change nothing that a store holds
_PACKAGES = ("llvmlite", "numba", "numpy", "scipy", "zarr")
_MOST = 5  # differences to name


@cache
def code_parts() -> dict[str, str]:
    """Hash of every part of pdsim that results depend on, and the version of every package, by name."""
    from importlib.metadata import version

    found: dict[str, str] = {}
    for part in sorted(_PACKAGE.iterdir()):
        files = [part] if part.suffix == ".py" else sorted(part.rglob("*.py")) if part.is_dir() else []
        if part.name in _NO_RESULTS or part.name.startswith("_shipped") or not files:
            continue
        digest = hashlib.blake2b(digest_size=8)
        for file in files:
            digest.update(str(file.relative_to(_PACKAGE)).encode() + b"\0" + file.read_bytes() + b"\0")
        found[f"pdsim/{part.name}"] = digest.hexdigest()
    return found | {name: version(name) for name in _PACKAGES}


def cpu_name() -> str:
    """Type of the processor, for which kernels are compiled."""
    from llvmlite.binding import get_host_cpu_name

    return str(get_host_cpu_name())


@cache
def code_hash() -> str:
    """One hash of `code_parts`."""
    return hashlib.blake2b(repr(sorted(code_parts().items())).encode(), digest_size=8).hexdigest()


def differences(held: Mapping[str, Any], own: Mapping[str, Any]) -> list[str]:
    """Name what differs between two studies as they are written to their folders.

    Parameters
    ----------
    held, own : mapping
        Parsed ``study.toml`` with its table ``[provenance]``.
    """
    there, here = dict(held.get("provenance", {})), dict(own.get("provenance", {}))
    found = []
    if held.get("name") != own.get("name"):
        found.append(f"name: {held.get('name')} there, {own.get('name')} here")
    found += [f"{what} has changed" for what in _unlike(there.get("files", {}), here.get("files", {}))]
    flat = [_flat({key: value for key, value in tree.items() if key not in _NOT_COMPARED}) for tree in (held, own)]
    found += [
        f"{key}: {flat[0].get(key, 'not set')} there, {flat[1].get(key, 'not set')} here" for key in _unlike(*flat)
    ]
    for what in _unlike(there.get("code", {}), here.get("code", {})):
        versions = [tree.get("code", {}).get(what, "none") for tree in (there, here)]
        text = f"{what} has changed" if what.startswith("pdsim/") else f"{what} {versions[0]} there, {versions[1]} here"
        found.append(text)
    return found[:_MOST] + ([f"and {len(found) - _MOST} more"] if len(found) > _MOST else [])


_NOT_COMPARED = ("provenance", "folder", "name")


def _unlike(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    return [key for key in dict.fromkeys([*one, *other]) if one.get(key) != other.get(key)]


def _flat(tree: Any, path: str = "") -> dict[str, Any]:
    """Leaves of a parsed file by key path."""
    if isinstance(tree, Mapping):
        pairs = [(f"{path}.{key}" if path else str(key), value) for key, value in tree.items()]
    elif isinstance(tree, list) and any(isinstance(entry, Mapping) for entry in tree):
        pairs = [(f"{path}[{number}]", value) for number, value in enumerate(tree, 1)]
    else:
        return {path: tree}
    return {key: value for where, entry in pairs for key, value in _flat(entry, where).items()}
