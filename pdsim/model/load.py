"""Loads a model file by path; what is wrong in it becomes a `ModelError` with its line."""

from __future__ import annotations

import ast
import importlib.util
import linecache
import sys
import traceback
from collections.abc import Collection, Iterator
from hashlib import blake2b
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType

from pdsim.errors import ModelError, NotFoundError
from pdsim.model.declare import FILE_MODULES, Model, name_of_file, source_files, source_text
from pdsim.model.plain import check_plain

_ALLOWED = ("__future__", "math", "typing", "pdsim.model")


def load_model_file(path: str | Path) -> Model:
    """Import a model file and check it in plain Python.

    Parameters
    ----------
    path : path
        A Python file that defines one subclass of `Model` and imports nothing but ``pdsim.model`` (and ``math``), so
        that its text alone says what it computes. A model in parts is a folder: ``__init__.py`` holds the class, the
        files beside it what it imports with ``from .part import ...``.

    Returns
    -------
    Model
        An instance of the class; the same file with the same text is imported once.

    Raises
    ------
    NotFoundError
        No such file.
    ModelError
        The file cannot be read or run, or the model is wrong; all mistakes found are listed with file and line.
    """
    file = Path(path).expanduser().resolve()
    file = file / "__init__.py" if file.is_dir() else file
    if not file.is_file():
        raise NotFoundError(f"no model file {path}")
    text = source_text(file)
    name = f"{FILE_MODULES}.{name_of_file(file)}_{blake2b(f'{file}{text}'.encode(), digest_size=8).hexdigest()}"
    module = sys.modules.get(name)
    if module is None:
        parts = {part.stem for part in source_files(file)} if file.stem == "__init__" else set()
        mistakes = [
            mistake
            for part in source_files(file)
            for mistake in _text_mistakes(part, part.read_text(encoding="utf-8"), parts)
        ]
        if mistakes:
            raise ModelError("\n".join(mistakes))
        module = _run(name, file)
    model = _only_model(module, file)()
    check_plain(model)
    return model


def _text_mistakes(file: Path, text: str, parts: Collection[str]) -> Iterator[str]:
    """Yield syntax errors, names declared twice, imports that are neither `pdsim.model` nor a part of the model."""
    try:
        tree = ast.parse(text, filename=str(file))
    except SyntaxError as error:
        yield f"{file}:{error.lineno}: {error.msg}\n    {(error.text or '').strip()}"
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "where" and node.args:
            compared = [op for part in ast.walk(node.args[0]) if isinstance(part, ast.Compare) for op in part.ops]
            if any(isinstance(op, (ast.Eq, ast.NotEq)) for op in compared):
                yield f"{file}:{node.lineno}: where() cannot test for equality; compare with <, <=, > or >="
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names]
            if isinstance(node, ast.ImportFrom):
                names = [] if node.level == 1 and node.module in parts else ["." * node.level + (node.module or "")]
            for name in names:
                if name not in _ALLOWED:
                    yield f"{file}:{node.lineno}: a model file imports from pdsim.model alone, not '{name}'"
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from _twice(file, node)


def _twice(file: Path, body: ast.ClassDef) -> Iterator[str]:
    seen: dict[str, int] = {}
    for node in body.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        names += [node.name] if isinstance(node, ast.FunctionDef) else []
        for name in names:
            if name in seen:
                yield f"{file}:{node.lineno}: '{name}' is declared twice; first in line {seen[name]}"
            seen[name] = node.lineno


class _Source(SourceFileLoader):
    """Leaves no compiled file beside a model: the folder is the author's."""

    def set_data(self, path: str, data: object, *, _mode: int = 0o666) -> None:
        pass


class _Parts(MetaPathFinder):
    """Finds the parts of one model in its folder."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        """Return the spec of a part, None for any other module."""
        parent, _, part = fullname.rpartition(".")
        if parent != self.name:
            return None
        return importlib.util.spec_from_loader(fullname, _Source(fullname, str(self.folder / f"{part}.py")))


def _run(name: str, file: Path) -> ModuleType:
    for part in source_files(file):
        linecache.checkcache(str(part))
    spec = importlib.util.spec_from_loader(name, _Source(name, str(file)), is_package=file.stem == "__init__")
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    sys.modules[name] = module
    finder = _Parts(name, file.parent)
    sys.meta_path.insert(0, finder)
    try:
        spec.loader.exec_module(module)  # type: ignore[union-attr]
    except BaseException as error:
        for loaded in [other for other in sys.modules if other == name or other.startswith(f"{name}.")]:
            del sys.modules[loaded]
        if not isinstance(error, Exception):
            raise
        own = {str(part) for part in source_files(file)}
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in own]
        at = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else str(file)
        kind = "" if isinstance(error, ModelError) else f"{type(error).__name__}: "
        raise ModelError(f"{at}: {kind}{error}") from error
    finally:
        sys.meta_path.remove(finder)
    return module


def _only_model(module: ModuleType, file: Path) -> type[Model]:
    found = [
        item
        for item in vars(module).values()
        if isinstance(item, type) and issubclass(item, Model) and item.__module__ == module.__name__
    ]
    leaves = [item for item in found if not any(other is not item and issubclass(other, item) for other in found)]
    if len(leaves) != 1:
        names = ", ".join(item.__name__ for item in leaves) or "none"
        raise ModelError(f"{file}: a model file holds one subclass of Model; found {names}")
    return leaves[0]
