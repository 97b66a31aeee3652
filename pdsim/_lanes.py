"""Reads, writes and choices in generated kernels that leave LLVM nothing but straight-line code to vectorise.

numba's own indexing tests for negative indices and its conditional expressions are branches; in a kernel of 40 states
the vectoriser gives up on either. Offsets are literals and lanes run from 0, so neither test is needed.
"""

from __future__ import annotations

from numba.core import types
from numba.core.compiler import Compiler
from numba.extending import intrinsic

from pdsim._parts import RowLibrary


class Separate(Compiler):
    """Compiler that promises LLVM that array arguments do not overlap, which spares checks at run time."""

    def define_pipelines(self):
        self.state.flags.noalias = True
        if self.state.flags.no_cpython_wrapper:  # only compiled code calls it
            self.state.library = RowLibrary(self.state.targetctx.codegen(), self.state.func_id.func_qualname)
        return super().define_pipelines()


@intrinsic
def get(typingctx, array, offset, lane):
    """Element ``offset + lane`` of a flat array."""

    def generate(context, builder, signature, args):
        return builder.load(_place(context, builder, signature, args))

    return types.float64(array, types.int64, types.int64), generate


@intrinsic
def put(typingctx, array, offset, lane, value):
    """Set element ``offset + lane`` of a flat array."""

    def generate(context, builder, signature, args):
        builder.store(args[3], _place(context, builder, signature, args))
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64, types.float64), generate


@intrinsic
def pick(typingctx, condition, yes, no):
    """``yes`` where the condition holds, else ``no``; both are computed."""

    def generate(context, builder, signature, args):
        return builder.select(*args)

    return types.float64(types.boolean, types.float64, types.float64), generate


def _place(context, builder, signature, args):
    data = context.make_array(signature.args[0])(context, builder, args[0]).data
    return builder.gep(data, [builder.add(args[1], args[2], flags=("nsw",))], inbounds=True)
