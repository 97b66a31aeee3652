"""Bundles of arrays in compiled code: a table of addresses and sizes, handed on as one pointer.

As numba's own tuples, bundles are taken apart at every call into some hundred arguments, which costs most of the time
of compiling them. The table is made where Python calls, and never changes.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel.models import PrimitiveModel
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    NativeValue,
    infer_getattr,
    intrinsic,
    lower_getattr_generic,
    register_model,
    typeof_impl,
    unbox,
)
from numba.np.arrayobj import populate_array

_KINDS = {"Floats": types.float64[::1], "Ints": types.int64[::1]}
_WORD = ir.IntType(64)


class BundleType(types.Type):
    """The type of a NamedTuple whose fields are rows of float64 or int64."""

    def __init__(self, bundle: type) -> None:
        self.bundle = bundle
        kinds = {name: getattr(kind, "__forward_arg__", str(kind)) for name, kind in bundle.__annotations__.items()}
        self.fields = {name: _KINDS[kind] for name, kind in kinds.items()}
        super().__init__(name=f"{bundle.__module__}.{bundle.__qualname__}")


@cache
def bundle_type(bundle: type) -> BundleType:
    """Return the numba type of a bundle; numba knows its values by it from then on."""
    found = BundleType(bundle)
    typeof_impl.register(bundle)(lambda value, context: found)
    return found


@register_model(BundleType)
class _Model(PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, ir.ArrayType(_WORD, 2 * len(kind.fields)).as_pointer())


@infer_getattr
class _Fields(AttributeTemplate):
    key = BundleType

    def generic_resolve(self, kind, name):
        return kind.fields.get(name)


@lower_getattr_generic(BundleType)
def _field(context, builder, kind, table, name):
    place = 2 * list(kind.fields).index(name)
    array = context.make_array(kind.fields[name])(context, builder)
    address = builder.bitcast(_place(builder, table, place), array.data.type.as_pointer())
    data, size = (_constant(builder, at) for at in (address, _place(builder, table, place + 1)))
    item = context.get_constant(types.intp, 8)
    populate_array(array, data, [size], [item], item, None)
    return array._getvalue()


def _place(builder, table, number):
    return cgutils.gep_inbounds(builder, table, 0, number)


def _constant(builder, place):
    """Read what never changes, so that it need not be read again behind any write."""
    found = builder.load(place)
    found.set_metadata("invariant.load", builder.module.add_metadata([]))
    return found


@unbox(BundleType)
def _table_of(kind: BundleType, value: Any, c: Any) -> NativeValue:
    table = cgutils.alloca_once(c.builder, ir.ArrayType(_WORD, 2 * len(kind.fields)))
    wrong = cgutils.alloca_once_value(c.builder, cgutils.false_bit)
    for number, field in enumerate(kind.fields.values()):
        native = c.unbox(field, c.pyapi.tuple_getitem(value, number))
        array = c.context.make_array(field)(c.context, c.builder, native.value)
        c.builder.store(c.builder.ptrtoint(array.data, _WORD), _place(c.builder, table, 2 * number))
        c.builder.store(array.nitems, _place(c.builder, table, 2 * number + 1))
        with c.builder.if_then(native.is_error, likely=False):
            c.builder.store(cgutils.true_bit, wrong)
    return NativeValue(table, is_error=c.builder.load(wrong))


def words_of(value: Any) -> np.ndarray:
    """Table of a bundle, (2 * field,): address and size of each; it is valid as long as the arrays stand."""
    words = [(array.__array_interface__["data"][0], array.size) for array in value]
    return np.array(words, dtype=np.int64).reshape(-1)


def bundle_at(bundle: type) -> Any:
    """Make the function that turns the address of a bundle's table into the bundle."""
    kind = bundle_type(bundle)

    @intrinsic
    def found(typingctx, address):
        def generate(context, builder, signature, args):
            return builder.inttoptr(args[0], context.get_value_type(kind))

        return kind(types.int64), generate

    return found
