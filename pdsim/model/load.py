"""Loads a model file by path; what is wrong in it becomes a `ModelError` with its line."""

from __future__ import annotations

import ast
import importlib.util
import linecache
import sys
import traceback
from collections.abc import Iterator
from hashlib import blake2b
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

from pdsim.errors import ModelError, NotFoundError
from pdsim.model.declare import FILE_MODULES, Model
from pdsim.model.plain import check_plain

_ALLOWED = ("__future__", "math", "typing", "pdsim.model")


def load_model_file(path: str | Path) -> Model:
    """Import a model file and check it in plain Python.

    Parameters
    ----------
    path : path
        A Python file that defines one subclass of `Model` and imports nothing but ``pdsim.model`` (and ``math``), so
        that its text alone says what it computes.

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
    if not file.is_file():
        raise NotFoundError(f"no model file {path}")
    text = file.read_text(encoding="utf-8")
    name = f"{FILE_MODULES}.{file.stem}_{blake2b(f'{file}{text}'.encode(), digest_size=8).hexdigest()}"
    module = sys.modules.get(name)
    if module is None:
        mistakes = list(_text_mistakes(file, text))
        if mistakes:
            raise ModelError("\n".join(mistakes))
        module = _run(name, file)
    model = _only_model(module, file)()
    check_plain(model)
    return model


def _text_mistakes(file: Path, text: str) -> Iterator[str]:
    """Yield syntax errors, foreign imports and names declared twice."""
    try:
        tree = ast.parse(text, filename=str(file))
    except SyntaxError as error:
        yield f"{file}:{error.lineno}: {error.msg}\n    {(error.text or '').strip()}"
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "where" and node.args:
            compared = [op for part in ast.walk(node.args[0]) if isinstance(part, ast.Compare) for op in part.ops]
            if any(isinstance(op, (ast.Eq, ast.NotEq)) for op in compared):
                yield f"{file}:{node.lineno}: where() cannot test for equality; compare with <, <=, > or >="
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [node.module or "."] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
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


def _run(name: str, file: Path) -> ModuleType:
    linecache.checkcache(str(file))
    spec = importlib.util.spec_from_loader(name, _Source(name, str(file)))
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)  # type: ignore[union-attr]
    except BaseException as error:
        del sys.modules[name]
        if not isinstance(error, Exception):
            raise
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
        at = f"{file}:{frames[-1].lineno}" if frames else str(file)
        kind = "" if isinstance(error, ModelError) else f"{type(error).__name__}: "
        raise ModelError(f"{at}: {kind}{error}") from error
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
