"""What a model file declares: states, parameters, inputs, outputs and the class that holds them."""

from __future__ import annotations

import hashlib
import linecache
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from pdsim.errors import ModelError, did_you_mean

DIMENSIONS = ("clone",)
FILE_MODULES = "pdsim_models"  # parent name of modules made from model files, whose text alone says what they compute


@dataclass(eq=False)
class Declaration:
    """Name and class of one declared quantity; the name is filled in by the class body."""

    name: str = field(default="", init=False)

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name


@dataclass(eq=False)
class State(Declaration):
    """A quantity that the model integrates.

    Parameters
    ----------
    default : float
        Value at entry, where ``initial`` gives none.
    unit, sentence : str
        Unit and one sentence.
    dim : "clone", optional
        A value for each clone.
    dosed : bool
        Doses may enter this state.
    extinct_below : float, optional
        A count that vanishes below this value; its logarithm is integrated while it is present.
    scale : float, optional
        Magnitude for the absolute tolerance; the default's size, or 1, if not given.
    """

    default: float
    unit: str
    sentence: str
    _: KW_ONLY
    dim: str | None = None
    dosed: bool = False
    extinct_below: float | None = None
    scale: float | None = None

    @property
    def magnitude(self) -> float:
        """Scale for the absolute tolerance."""
        return float(self.scale or abs(self.default) or 1.0)


@dataclass(eq=False)
class Param(Declaration):
    """A constant of one patient, with unit, bounds, source and status."""

    default: float
    unit: str
    sentence: str
    _: KW_ONLY
    dim: str | None = None
    low: float | None = None
    high: float | None = None
    source: str = ""
    status: str = "assumed"


@dataclass(eq=False)
class Input(Declaration):
    """A mechanism that drugs act on; ``combine`` turns the drugs' free concentrations and card values into a number."""

    unit: str
    sentence: str
    _: KW_ONLY
    combine: Callable[[Sequence[Any]], Any]


@dataclass(eq=False)
class Output(Declaration):
    """A quantity that ``outputs`` computes from the states."""

    unit: str
    sentence: str
    _: KW_ONLY
    dim: str | None = None


class OutputTable(dict):
    """The declared Outputs by name; calling it evaluates the author's ``outputs(t, s, p, u)``."""

    def __init__(self, declared: dict[str, Output], function: Callable | None) -> None:
        super().__init__(declared)
        self.function = function

    def __call__(self, t: Any, s: Any, p: Any, u: Any) -> dict[str, Any]:
        return self.function(t, s, p, u) if self.function else {}


class Model:
    """Base of every disease model: declarations in the class body and one pure function ``rates(t, s, p, u, d)``.

    Optional static functions are ``initial(p)``, a dict of entry values, and ``outputs(t, s, p, u)``, a dict with
    every declared Output. The functions see floats, SymPy symbols and pint quantities, so they must not branch on
    values; use the effects of `pdsim.model`.

    Attributes
    ----------
    states, params, inputs, outputs : dict
        The declarations by name, in their order.
    name, file, doc, source_hash : str
        Stem of the file, its path ("" without one), the docstring, and a hash of the source.
    """

    time: ClassVar[str] = "day"
    states: ClassVar[dict[str, State]] = {}
    params: ClassVar[dict[str, Param]] = {}
    inputs: ClassVar[dict[str, Input]] = {}
    outputs: ClassVar[OutputTable] = OutputTable({}, None)
    rates: ClassVar[Callable | None] = None
    initial: ClassVar[Callable | None] = None
    name: ClassVar[str] = ""
    file: ClassVar[str] = ""
    doc: ClassVar[str] = ""
    source_hash: ClassVar[str] = ""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = vars(cls)
        declared = _declared(cls)
        _refuse_reserved(cls.__name__, declared)
        cls.states = {**cls.states, **declared[State]}
        cls.params = {**cls.params, **declared[Param]}
        cls.inputs = {**cls.inputs, **declared[Input]}
        function = own.get("outputs", cls.outputs)
        function = getattr(function, "__func__", getattr(function, "function", function))
        cls.outputs = OutputTable({**cls.outputs_declared(), **declared[Output]}, function)
        cls.doc = (own.get("__doc__") or "").strip()
        _locate(cls)

    @classmethod
    def outputs_declared(cls) -> dict[str, Output]:
        """Outputs declared by the classes below this one."""
        return next((dict(base.outputs) for base in cls.__mro__[1:] if issubclass(base, Model)), {})

    def _repr_html_(self) -> str:
        from pdsim.model.description import describe_html

        return describe_html(self)

    def __repr__(self) -> str:
        sizes = f"{len(self.states)} states, {len(self.params)} parameters, {len(self.inputs)} inputs"
        return f"<Model {self.name}: {sizes}, {len(self.outputs)} outputs>"


def _declared(cls: type[Model]) -> dict[type, dict[str, Any]]:
    """Declarations of a class and of its parts: bases that are no Models themselves."""
    found: dict[type, dict[str, Any]] = {kind: {} for kind in (State, Param, Input, Output)}
    owners: dict[str, str] = {}
    for part in (*(base for base in cls.__mro__[1:] if not issubclass(base, Model)), cls):
        for name, item in vars(part).items():
            if not isinstance(item, Declaration):
                continue
            if name in owners:
                raise ModelError(f"'{name}' is declared twice: in {owners[name]} and in {part.__name__}")
            owners[name] = part.__name__
            found[type(item)][name] = item
    return found


def _refuse_reserved(owner: str, declared: dict[type, dict[str, Any]]) -> None:
    reserved = {name for name in vars(Model) if not name.startswith("__")}
    for kind, items in declared.items():
        for name in items:
            if name in reserved or name.startswith("_"):
                raise ModelError(f"{owner}.{name}: this name is taken by pdsim; choose another for the {kind.__name__}")
            dim = getattr(items[name], "dim", None)
            if dim is not None and dim not in DIMENSIONS:
                raise ModelError(f"{owner}.{name}: no dimension {dim!r}; known: {', '.join(DIMENSIONS)}")


def _locate(cls: type[Model]) -> None:
    """Fill in file, name and source hash from the function ``rates``."""
    code = getattr(cls.rates, "__code__", None)
    file = code.co_filename if code else ""
    text = "".join(linecache.getlines(file)) if file else ""
    if Path(file).is_file():
        cls.file, cls.name, text = file, name_of_file(Path(file)), source_text(Path(file))
    else:
        cls.file, cls.name = "", cls.__name__.lower()
    cls.source_hash = hashlib.blake2b(f"{cls.__qualname__}\n{text}".encode(), digest_size=16).hexdigest()


def name_of_file(file: Path) -> str:
    """Name of the model in a file, or in the folder whose ``__init__.py`` it is."""
    return file.parent.name if file.stem == "__init__" else file.stem


def source_files(file: Path) -> list[Path]:
    """Files that say what a model computes: its own, and where that is an ``__init__.py`` those beside it."""
    return sorted(file.parent.glob("*.py")) if file.stem == "__init__" else [file]


def source_text(file: Path) -> str:
    """Text of all files of a model."""
    return "\n".join(path.read_text(encoding="utf-8") for path in source_files(file))


def flat_names(declared: dict[str, Any], clones: Sequence[str]) -> list[str]:
    """Names with one entry a clone, such as ``cells[sensitive]``, in declaration order."""
    flat: list[str] = []
    for name, item in declared.items():
        flat += [f"{name}[{clone}]" for clone in clones] if getattr(item, "dim", None) else [name]
    return flat


def kind_of(model: Any, name: str) -> str:
    """Say what a name is declared as, or ``""``."""
    kinds = {"State": model.states, "Param": model.params, "Input": model.inputs, "Output": model.outputs}
    return next((kind for kind, items in kinds.items() if name in items), "")


def unknown_name(model: Any, receiver: str, name: str) -> str:
    """Explain a name that the receiver ``s``, ``p`` or ``u`` does not have."""
    right = {"State": "s", "Param": "p", "Input": "u"}
    tables = {"s": model.states, "p": model.params, "u": model.inputs}
    kind = kind_of(model, name)
    if kind in right:
        return f"'{name}' is declared as {kind}: write {right[kind]}.{name} instead of {receiver}.{name}"
    label = {"s": "State", "p": "Param", "u": "Input"}[receiver]
    return f"{receiver}.{name}: no {label} '{name}' is declared.{did_you_mean(name, tables[receiver])}"
