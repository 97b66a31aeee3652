"""Kernels as addresses, and compiled functions called without numba's look at their arguments.

A solver is called at every visit. To hand it a jitted function costs numba a fifth of a millisecond, and to find the
types of some hundred arrays as much again: together a third of the time of a study.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from numba.core import cgutils, types
from numba.extending import intrinsic

from pdsim._abi import DERIVE, JACOBIAN, OUTPUTS, RATES
from pdsim._jit import compiled
from pdsim.solvers.arrays import function_type

_entries: dict[Any, Callable[..., None]] = {}


def call(function: Any, *arguments: Any) -> None:
    """Call a function that was compiled for one signature; numba looks at its arguments the first time only.

    They must have exactly those types each time: arrays contiguous, of the right kind.
    """
    entry = _entries.get(function)
    if entry is not None:
        entry(*arguments)
        return
    compiled(function)(*arguments)
    _entries[function] = unchecked(function)


@cache
def address_of(kernel: Any) -> int:
    """Address of a kernel that was compiled for one signature; valid as long as the kernel's module is loaded."""
    (made,) = compiled(kernel).overloads.values()
    return int(made.library.get_pointer_to_function(made.fndesc.llvm_func_name))


@cache
def unchecked(function: Any) -> Callable[..., None]:
    """Entry of a function that was compiled for one signature; its arguments must have exactly those types."""
    (made,) = compiled(function).overloads.values()
    return made.entry_point


def function_at(signature: Any) -> Any:
    """Make the function that turns an address into a first-class function of this signature, numba's or its text."""
    kind = function_type(signature)

    @intrinsic
    def found_at(typingctx, address):
        def generate(context, builder, signature, args):
            found = cgutils.create_struct_proxy(kind)(context, builder)
            found.jit_addr = builder.inttoptr(args[0], context.get_value_type(types.voidptr))
            return found._getvalue()

        return kind(types.int64), generate

    return found_at


rates_at = function_at(RATES)
derive_at = function_at(DERIVE)
outputs_at = function_at(OUTPUTS)
jacobian_at = function_at(JACOBIAN)
