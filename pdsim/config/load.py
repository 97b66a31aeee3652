"""From a study file and the command line's changes to a validated Study, or one list of mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pdsim.config.checks import check_study
from pdsim.config.messages import Mistakes, explain
from pdsim.config.names import References, load_references
from pdsim.config.overrides import apply
from pdsim.config.schema import Study, known_keys
from pdsim.errors import NotFoundError, did_you_mean
from pdsim.library import Library
from pdsim.library.files import read_toml, shown

ONE_REGIMEN = "one_regimen"  # the shipped study that the name of a regimen is run in


def load_study(path: Path | str, overrides: Sequence[str] = (), seed: int | None = None) -> Study:
    """Read, change and validate a study file with all it refers to.

    Parameters
    ----------
    path : Path or str
        The file, the name of a shipped study such as ``"rep"``, or that of a regimen, which is then run alone.
    overrides : sequence of str
        ``key.path=value`` texts; see `pdsim.config.overrides`.
    seed : int, optional
        Replaces the study's seed.

    Returns
    -------
    Study

    Raises
    ------
    ConfigError
        Listing every mistake of the study, its regimens, drug cards, population and model.
    NotFoundError
        There is no such study.
    """
    return read_study(path, overrides, seed)[0]


def read_study(
    path: Path | str, overrides: Sequence[str] = (), seed: int | None = None
) -> tuple[Study, References, Library]:
    """As `load_study`, with everything the study refers to and the library it came from."""
    tree, mistakes = read_file(path, overrides, seed)
    library = Library(study_folder=tree["folder"] if isinstance(tree["folder"], str) else locate(path).parent)
    study, found = validated(tree, mistakes, library)
    return study, found, library


def has_sweep(path: Path | str, overrides: Sequence[str] = ()) -> bool:
    """Whether a study file, or the command line's changes of it, ask for a sweep."""
    return "sweep" in _study_tree(path)[1] or any(text.strip().startswith("sweep.") for text in overrides)


def read_file(
    path: Path | str, overrides: Sequence[str] = (), seed: int | None = None
) -> tuple[dict[str, Any], Mistakes]:
    """Read a study file and apply the command line's changes; what could not be applied is noted."""
    file, tree = _study_tree(path)
    changed, refused = apply(tree, overrides)
    if seed is not None:
        tree["seed"] = seed
        changed["seed",] = f"--seed {seed}"
    tree.setdefault("name", file.stem)
    folder = tree.get("folder", ".")
    tree["folder"] = str((file.resolve().parent / folder).resolve()) if isinstance(folder, str) else folder
    mistakes = Mistakes(shown(file), changed)
    for text, what in refused.items():
        mistakes.add((), what, text)
    return tree, mistakes


def validated(tree: dict[str, Any], mistakes: Mistakes, library: Library) -> tuple[Study, References]:
    """Validate a parsed study and load what it refers to; raises one ConfigError with every mistake."""
    study = _validated(tree, mistakes)
    found = load_references(tree, library, mistakes)
    check_study(tree, found, mistakes)
    mistakes.raise_if_any()
    assert study is not None
    return study, found


def _study_tree(path: Path | str) -> tuple[Path, dict[str, Any]]:
    """Return a study's file and tables; the name of a regimen stands for `ONE_REGIMEN` with that regimen as its arm."""
    library, name = Library(study_folder=Path.cwd()), str(path)
    study = not _is_bare(name) or Path(name).exists() or name in library.names("study")
    if study or (name not in library.names("regimens") and name not in library.not_simulated()):
        file = locate(path)
        return file, read_toml(file)
    regimen = library.load_regimen(name)
    file = library.find("study", ONE_REGIMEN)
    tree = read_toml(file)
    arm = {**tree["arms"].pop("treated"), "regimen": name, "label": regimen.label}
    tree |= {"name": name, "title": regimen.label, "folder": str(Path.cwd()), "arms": {**tree["arms"], name: arm}}
    return file, tree


def _is_bare(name: str) -> bool:
    return Path(name).name == name and not Path(name).suffix


def locate(path: Path | str) -> Path:
    """Return the study file that a path, or the bare name of a shipped study, stands for."""
    file = Path(path).expanduser()
    if file.is_file():
        return file
    if file.is_dir():
        raise NotFoundError(f"{shown(file)} is a folder; name the study file in it, such as {shown(file)}/study.toml.")
    if _is_bare(str(path)):
        return Library(study_folder=Path.cwd()).find("study", str(path))
    near = [found.name for found in file.parent.glob("*.toml")] if file.parent.is_dir() else []
    raise NotFoundError(f"There is no study file {shown(file)}.{did_you_mean(file.name, near)}")


def _validated(tree: dict[str, Any], mistakes: Mistakes) -> Study | None:
    try:
        return Study.model_validate(tree)
    except ValidationError as error:
        for one in error.errors():
            # pydantic marks the key of a mapping, not its value, with "[key]"
            location = [part for part in one["loc"] if part != "[key]"]
            mistakes.add(location, explain(dict(one), known_keys(tuple(location[:-1]))))
        return None
