"""The only place with numba flags, the kernel cache folder and the thread count.

numba caches a compiled function by the text of the file it stands in, and does not see that a function or constant
imported from another file has changed: it would silently run old code. So the cache folder carries a hash of every
source that a compiled function can reach.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from pdsim.errors import PdsimError

LANES = 16  # patients that one kernel call carries side by side

FLAGS: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract"}, "boundscheck": False, "nogil": True}

_PACKAGE = Path(__file__).resolve().parent
_IMPORT = re.compile(
    r"^\s*(?:from\s+(pdsim[\w.]*)\s+import\s+(\([^)]*\)|[^\n]*)|import\s+(pdsim[\w., ]*))", re.MULTILINE
)
_HARMLESS = {"NUMBA_CACHE_DIR", "NUMBA_NUM_THREADS", "NUMBA_DEBUG_CACHE"}  # settings that leave the code as it is
_lock = threading.RLock()
_signatures: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()  # of functions that have one
_aside: dict[Callable, Any] = {}  # processes that compile


def cache_folder() -> Path:
    """Folder of compiled kernels: ``PDSIM_CACHE``, else the user's cache folder."""
    chosen = os.environ.get("PDSIM_CACHE")
    if chosen:
        return Path(chosen).expanduser().resolve()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "pdsim"


@cache
def source_key(file: str = "") -> str:
    """Hash of what compiled code depends on and numba does not look at.

    Covers the flags, numba's settings in the environment, the versions of Python, numba, llvmlite and numpy, the CPU,
    and source files of pdsim: those that `file` imports, directly or through others. Without `file`, or for a file
    outside the package (a generated kernel), every module with jitted code and what these import.
    """
    from llvmlite.binding import get_host_cpu_name

    start = Path(file).resolve() if file else _PACKAGE
    inside = _PACKAGE in start.parents
    sources = _reached([start] if inside else _jitted())
    settings = {key: value for key, value in os.environ.items() if key.startswith("NUMBA_") and key not in _HARMLESS}
    flags = {key: sorted(value) if isinstance(value, set) else value for key, value in FLAGS.items()}
    about = (
        sorted(flags.items()),
        sorted(settings.items()),
        _versions(),
        platform.python_version(),
        get_host_cpu_name(),
    )
    digest = blake2b(repr(about).encode(), digest_size=8)
    for path in sorted(sources):
        digest.update(str(path.relative_to(_PACKAGE)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def _versions() -> list[str]:
    from importlib.metadata import version

    return [version(name) for name in ("numba", "llvmlite", "numpy")]


def jit(function: Callable | None = None, *, signature: Any = None, **more: Any) -> Any:
    """Compile with pdsim's flags, cached on disk; ``nogil`` so that a thread pool can run blocks.

    Used as ``@jit`` or ``@jit(...)``. With `signature` the function is compiled for those types alone, when `compiled`
    asks for it; `more` adds to numba's options or replaces `FLAGS`.
    """
    if function is None:
        return lambda late: jit(late, signature=signature, **more)
    import numba

    _vectorise_large()
    options = {**FLAGS, "cache": True, **more}
    kept = options.pop("cache")
    made = numba.njit(**options)(function)
    if kept:
        from pdsim._kept import Kept

        with _cache_at(_folder_of(function)):
            made._cache = Kept(function)
    if signature is not None:
        _signatures[made] = signature
    return made


def compiled(function: Any) -> Any:
    """Compile a function with a signature, or load it from the cache, if that has not been done."""
    if function in _signatures and not function.signatures:
        own = function.py_func
        with _alone(_folder_of(own) / f"{own.__module__}.{own.__qualname__}.lock"), _lock:
            if not function.signatures:  # another thread may have been here
                function.compile(_signatures[function])
                function.disable_compile()
        if own in _aside:
            _aside[own].poll()  # it has ended; else Python would say at the end that it had not
    return function


def compile_aside(*functions: Any) -> None:
    """Let another process compile functions with a signature, if the cache has none, while this one goes on.

    Nothing waits but `compiled`, for what is not there by then. Where every other core has a process that compiles
    already, nothing is begun.
    """
    late = [one for one in functions if not (one.signatures or one._cache.kept or one.py_func in _aside)]
    if not late or sum(process.poll() is None for process in {*_aside.values()}) >= thread_count() - 1:
        return
    task = f"import sys; sys.path[:] = {sys.path!r}; from pdsim._jit import _compile_found\n"
    for one in late:
        own = one.py_func
        task += f"_compile_found({own.__module__!r}, {own.__code__.co_filename!r}, {own.__name__!r})\n"
    none = subprocess.DEVNULL
    with suppress(OSError):
        process = subprocess.Popen([sys.executable, "-c", task], stdin=none, stdout=none, stderr=none)
        _aside.update((one.py_func, process) for one in late)


def _compile_found(module: str, file: str, name: str) -> None:
    """Compile a function of a module, which may be a generated file that no import finds."""
    if module not in sys.modules and not module.startswith(f"{_PACKAGE.name}."):
        spec = importlib.util.spec_from_file_location(module, file)
        sys.modules[module] = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
        spec.loader.exec_module(sys.modules[module])  # type: ignore[union-attr]
    compiled(getattr(importlib.import_module(module), name))


def _folder_of(function: Callable) -> Path:
    """Where numba keeps a function."""
    return cache_folder() / f"numba-{source_key(function.__code__.co_filename)}"


@cache
def _vectorise_large() -> None:
    """Let LLVM compare more pairs of rows before it gives up: a kernel of fifty states would lose all SIMD."""
    from llvmlite import binding

    binding.set_option("pdsim", "--memory-check-merge-threshold=2000")


def thread_count(threads: int | None = None) -> int:
    """Threads to use: the argument, ``PDSIM_THREADS``, or the cores this process may use."""
    if threads is None:
        text = os.environ.get("PDSIM_THREADS", "") or "0"
        if not text.isdigit():
            raise PdsimError(f"PDSIM_THREADS is '{text}'; it must be a whole number of threads, for example 4")
        usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        threads = int(text) or usable
    return max(1, int(threads))


@contextmanager
def _cache_at(folder: Path) -> Iterator[None]:
    """Point numba's cache at `folder` while a function is decorated; other packages keep their own place."""
    from numba.core import config

    with _lock:
        before, config.CACHE_DIR = config.CACHE_DIR, str(folder)
        try:
            yield
        finally:
            config.CACHE_DIR = before


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold other processes off while a function is compiled: they then load it instead of compiling it too."""
    with ExitStack() as held:
        with suppress(ImportError, OSError):  # where there are no locks, each compiles for itself
            import fcntl

            path.parent.mkdir(parents=True, exist_ok=True)
            file = held.enter_context(path.open("w"))
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@cache
def _jitted() -> tuple[Path, ...]:
    """Every module of the package that takes `jit` from here."""
    return tuple(
        path
        for path in _modules().values()
        if b"pdsim._jit" in path.read_bytes()  # the others need no closer look
        and any(module == "pdsim._jit" and "jit" in names for module, names in _imports(path))
    )


def _reached(start: Iterable[Path]) -> set[Path]:
    """These files and every pdsim module they import, directly or through others, and this one."""
    found: set[Path] = set()
    waiting = [*start, Path(__file__).resolve()]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _next(path)
    return found


@cache
def _next(path: Path) -> list[Path]:
    """Source files that the imports of a file may load."""
    return [file for module, names in _imports(path) for file in _files(module, names)]


@cache
def _imports(path: Path) -> list[tuple[str, list[str]]]:
    """Pairs of pdsim module and names, one for each import statement."""
    pairs = []
    for origin, names, modules in _IMPORT.findall(path.read_text(encoding="utf-8")):
        if origin:
            pairs.append((origin, re.findall(r"\w+", names)))
        pairs += [(module, []) for module in re.findall(r"pdsim[\w.]*", modules)]
    return pairs


def _files(module: str, names: list[str]) -> list[Path]:
    """Source files that an import statement may load; a package's own `__init__` counts, except pdsim's lazy one."""
    near = [module, *(f"{module}.{name}" for name in names)]
    return [_modules()[name] for name in near if name in _modules() and name != _PACKAGE.name]


@cache
def _modules() -> dict[str, Path]:
    """Source files of the package by the names of the modules."""
    found = {}
    for folder, _, files in os.walk(_PACKAGE):
        at = [_PACKAGE.name, *Path(folder).relative_to(_PACKAGE).parts]
        for file in files:
            if file.endswith(".py"):
                found[".".join(at if file == "__init__.py" else [*at, file[:-3]])] = Path(folder, file)
    return found
