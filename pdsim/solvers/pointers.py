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

from pdsim._abi import OUTPUTS, RATES
from pdsim.solvers.arrays import function_type


@cache
def address_of(kernel: Any) -> int:
    """Address of a kernel that was compiled for one signature; valid as long as the kernel's module is loaded."""
    (compiled,) = kernel.overloads.values()
    return int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name))


@cache
def unchecked(function: Any) -> Callable[..., None]:
    """Entry of a function that was compiled for one signature; its arguments must have exactly those types."""
    (compiled,) = function.overloads.values()
    return compiled.entry_point


def _function_at(abi: str) -> Any:
    kind = function_type(abi)

    @intrinsic
    def at(typingctx, address):
        """The kernel at an address, as a first-class function."""

        def generate(context, builder, signature, args):
            found = cgutils.create_struct_proxy(kind)(context, builder)
            found.jit_addr = builder.inttoptr(args[0], context.get_value_type(types.voidptr))
            return found._getvalue()

        return kind(types.int64), generate

    return at


rates_at, outputs_at = _function_at(RATES), _function_at(OUTPUTS)
