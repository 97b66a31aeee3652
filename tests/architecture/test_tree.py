"""Rules of the source tree: names, sizes, imports of model files, numba in one place, no paths of a machine."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import PurePath

FILE_LINES = 400
FUNCTION_LINES = 80
LOOP_LINES = 120
LOOPS = {("pdsim/solvers/explicit.py", "advance"), ("pdsim/solvers/rosenbrock.py", "advance_stiff")}  # event loops

MACHINE_PATH = re.compile(r"(?<![\w.~:/<-])/(?:work|root|home|Users|farm|tmp|mnt|private)/")
NUMBA_COMPILERS = {"njit", "jit", "vectorize", "guvectorize", "cfunc", "stencil", "jitclass", "generated_jit"}


def _modules(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function, clean=False) is not None:
        text = function.body[0]
        lines -= (text.end_lineno or text.lineno) - text.lineno + 1
    return lines


def test_model_files_import_only_the_model_layer(sources):
    models = sources("models")
    assert models
    parts = {f".{PurePath(path).stem}" for path in models if path.count("/") == 2}  # models/NAME/PART.py
    found = {path: set(_modules(tree)) - {"pdsim.model", "__future__", *parts} for path, tree in models.items()}
    assert {path: names for path, names in found.items() if names} == {}


def test_no_file_is_a_drawer_for_anything(sources):
    paths = sources("pdsim", "models", "benchmarks", "tests")
    assert [path for path in paths if re.search(r"(^|[/_])(utils?|helpers?|misc|common)\.py$", path)] == []


def test_files_keep_their_budget(sources, root):
    sizes = {path: len((root / path).read_text(encoding="utf-8").splitlines()) for path in sources("pdsim", "models")}
    assert {path: size for path, size in sizes.items() if size > FILE_LINES} == {}


def test_functions_keep_their_budget(sources):
    long = [
        f"{path}:{function.lineno} {function.name}: {_lines(function)} lines"
        for path, tree in sources("pdsim", "models").items()
        for function in _functions(tree)
        if _lines(function) > (LOOP_LINES if (path, function.name) in LOOPS else FUNCTION_LINES)
    ]
    assert long == []


def test_numba_compiles_only_through_jit(sources):
    """The flags, the cache folder and its key stand in one file; everything else decorates with its `jit`."""
    found = []
    for path, tree in sources("pdsim", "models").items():
        if path == "pdsim/_jit.py":
            continue
        for node in ast.walk(tree):
            own = isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "numba"
            if own and NUMBA_COMPILERS & {name.name for name in node.names}:
                found.append(f"{path}:{node.lineno}")
            if isinstance(node, ast.Attribute) and node.attr in NUMBA_COMPILERS:
                found.append(f"{path}:{node.lineno} .{node.attr}")
    assert found == []


def test_jit_is_imported_so_that_the_cache_key_sees_it(sources):
    """`pdsim._jit` finds modules with compiled code by this form of import."""
    found = [
        f"{path}:{node.lineno}"
        for path, tree in sources("pdsim").items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Import) and any(name.name == "pdsim._jit" for name in node.names))
        or (isinstance(node, ast.ImportFrom) and node.module == "pdsim" and "_jit" in {n.name for n in node.names})
    ]
    assert found == []


def test_no_file_names_a_path_of_a_machine(text_files, root):
    found = [
        f"{path.relative_to(root)}:{number}"
        for path in text_files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert found == []


def test_extra_and_group_of_the_tests_are_one_list(root):
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["optional-dependencies"]["test"] == project["dependency-groups"]["test"]


def test_no_dependency_has_an_upper_cap(root):
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {"core": project["dependencies"], **project["optional-dependencies"]}
    assert [text for texts in wanted.values() for text in texts if re.search(r"<|==|~=", text)] == []


def test_constraints_pin_every_direct_dependency(root):
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["test"]]
    wanted += project["dependency-groups"]["lint"]
    lines = [line for line in (root / "constraints.txt").read_text().splitlines() if line and line[0] != "#"]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
    pinned = {_plain_name(line.split("==")[0]) for line in lines}
    assert {_plain_name(re.split(r"[>\[ ]", text)[0]) for text in wanted} - pinned == set()
    assert "pdsim" not in pinned


def _plain_name(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
