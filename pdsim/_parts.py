"""Functions that only compiled code calls: they are joined to their callers before machine code is made.

numba finishes each function by itself, with all that it calls, before it joins it to a caller: where calls are ten
deep the innermost one is optimised ten times, and machine code is made each time that nobody runs. Here a function
waits, as it was lowered, for the one with an address that reaches it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler


class PartLibrary(JITCodeLibrary):
    """Code without an address."""

    _whole: Any = None

    def finalize(self) -> None:
        """Accept no more code."""
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """There is none."""
        return 0

    @property
    def codegen(self) -> Any:
        """Where numba notes the constants of a function that runs; of this one there are none."""
        return self

    def set_env(self, name: str, environment: Any) -> None:
        """Note nothing."""

    def _get_module_for_linking(self) -> Any:
        """With all that it calls."""
        if self._whole is None:
            self._whole = self._own_module().clone()
            for library in _reached(self):
                own = library._own_module() if isinstance(library, PartLibrary) else library._get_module_for_linking()
                self._whole.link_in(own, preserve=True)
        return self._whole

    def _own_module(self) -> Any:
        """This function alone; each caller may have a copy of it."""
        for function in self._final_module.functions:
            if not function.is_declaration and function.linkage.name == "external":
                function.linkage = "linkonce_odr"
        return self._final_module


class RowLibrary(PartLibrary):
    """Code without an address that is optimised with all that it calls, while its loops stand by themselves."""

    def finalize(self) -> None:
        """Join what is called, and optimise."""
        for library in dict.fromkeys(self._linking_libraries):
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._optimize_final_module()
        self._linking_libraries.clear()
        self._finalized = True


class Part(Compiler):
    """Compiler of functions that only compiled code calls."""

    def define_pipelines(self):
        self.state.library = PartLibrary(self.state.targetctx.codegen(), self.state.func_id.func_qualname)
        return super().define_pipelines()


def _reached(start: PartLibrary) -> Iterator[Any]:
    """Every library that the code of a part calls, directly or through other parts."""
    seen = {start}
    waiting = [start]
    while waiting:
        for library in waiting.pop()._linking_libraries:
            if library not in seen:
                seen.add(library)
                yield library
                if isinstance(library, PartLibrary):
                    waiting.append(library)


PART: dict[str, Any] = {
    "cache": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True, "pipeline_class": Part
}  # fmt: skip
"""Options of a function that only compiled code calls."""
