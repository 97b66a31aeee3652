"""Generated kernel files and their descriptions in the user's cache: written aside, renamed, never rewritten."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import tempfile
import threading
from functools import cache
from hashlib import blake2b
from pathlib import Path
from types import ModuleType
from typing import Any

from pdsim._jit import cache_folder, compiled, source_key

_lock = threading.RLock()


def folder() -> Path:
    """Where generated kernels lie."""
    return cache_folder() / "kernels"


@cache
def generator_key() -> str:
    """Hash of all that decides on the text and the compiled form of a kernel, besides model, clones and drugs."""
    here = Path(__file__).parent
    digest = blake2b(source_key().encode(), digest_size=12)
    for path in sorted([*here.glob("*.py"), here.parent / "_abi.py", here.parent / "_jit.py"]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def digest_of(*parts: Any) -> str:
    """Short hash of some JSON-able parts."""
    return blake2b(json.dumps(parts).encode(), digest_size=12).hexdigest()


def write_once(name: str, text: str) -> Path:
    """Store a text under a name that holds its hash; a file that exists is left alone."""
    path = folder() / name
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=path.parent, suffix=".part")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    try:
        os.link(aside, path)  # unlike a rename, this never replaces another process's file
    except FileExistsError:
        pass
    except OSError:
        os.replace(aside, path)
        return path
    os.unlink(aside)
    return path


def read_json(name: str) -> dict[str, Any] | None:
    """Return a stored description, or None."""
    path = folder() / name
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except json.JSONDecodeError:
        path.unlink(missing_ok=True)  # a disk that filled up; the next writer puts a whole one
        return None


def load_kernel(module: str, name: str) -> Any:
    """Return one function of a generated file, compiled: the others there wait until they are asked for."""
    return compiled(getattr(load_module(module), name))


def load_module(name: str) -> ModuleType:
    """Import a generated file by its stem; it is registered before it runs, so that numba's cache can find it."""
    registered = f"pdsim_kernels.{name}"
    with _lock:
        module = sys.modules.get(registered)
        if module is None:
            path = folder() / f"{name}.py"
            spec = importlib.util.spec_from_file_location(registered, path)
            module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
            sys.modules[registered] = module
            try:
                spec.loader.exec_module(module)  # type: ignore[union-attr]
            except BaseException:
                del sys.modules[registered]
                raise
        return module
