"""Which state depends on which: strongly connected blocks in the order in which they can be solved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def reached_by(edges: Mapping[str, Iterable[str]], roots: Iterable[str]) -> set[str]:
    """Return the roots and all that can be reached from them."""
    found: set[str] = set()
    todo = list(roots)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(edges.get(name, ()))
    return found


def blocks(reads: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """Return strongly connected components, each after all that it reads; stable in the order of ``reads``."""
    order = {name: place for place, name in enumerate(reads)}
    ahead = {name: reached_by(reads, [name]) for name in reads}
    groups: list[list[str]] = []
    seen: set[str] = set()
    for name in reads:
        if name not in seen:
            group = [other for other in reads if other in ahead[name] and name in ahead[other]]
            seen.update(group)
            groups.append(group)
    done: set[str] = set()
    ordered: list[list[str]] = []
    while groups:
        ready = next(group for group in groups if ahead[group[0]] - set(group) <= done)
        groups.remove(ready)
        done.update(ready)
        ordered.append(sorted(ready, key=order.__getitem__))
    return ordered


def structure(traced: Any) -> dict[str, Any]:
    """Describe the dependency graph of a trace in plain lists and strings.

    Returns
    -------
    dict
        ``reads``: state -> states; ``inputs``: state -> concentrations; ``outputs``: output -> states and
        concentrations; ``time``: states whose rate names the time; ``dropped``: pruned states; ``blocks``: strongly
        connected components in order, each with ``states``, ``after`` (blocks it reads), ``inputs`` (concentrations it
        reads), ``from_inputs`` (a concentration reaches it), ``linear`` (rates linear in its own states) and ``kind``.
        With the disease being the blocks of extinguishable states and all between them, ``kind`` is "driver" (feeds
        the disease, not fed by it), "disease", "readout" (fed by it only) or "side" (neither).
    """
    known = {symbol: name for name, symbol in traced.states.items()}
    species = {symbol: name for name, symbol in traced.concentrations.items()}

    def named(expression: Any, table: Mapping[Any, str]) -> list[str]:
        free = expression.free_symbols
        return [name for symbol, name in table.items() if symbol in free]

    reads = {name: named(expression, known) for name, expression in traced.derivatives.items()}
    inputs = {name: named(expression, species) for name, expression in traced.derivatives.items()}
    groups = blocks(reads)
    return {
        "reads": reads,
        "inputs": inputs,
        "outputs": {
            name: {"states": named(expression, known), "concentrations": named(expression, species)}
            for name, expression in traced.outputs.items()
        },
        "time": [name for name, expression in traced.derivatives.items() if traced.time in expression.free_symbols],
        "dropped": list(traced.dropped),
        "blocks": _described(traced, groups, reads, inputs),
    }


def _described(traced: Any, groups: list[list[str]], reads: Mapping, inputs: Mapping) -> list[dict[str, Any]]:
    place = {name: index for index, group in enumerate(groups) for name in group}
    after = [sorted({place[other] for name in group for other in reads[name]} - {i}) for i, group in enumerate(groups)]
    upstream: list[set[int]] = []
    for before in after:
        upstream.append(set(before).union(*(upstream[i] for i in before)))
    downstream = [{j for j in range(len(groups)) if i in upstream[j]} for i in range(len(groups))]
    counts = {name for name, item in traced.model.states.items() if item.extinct_below}
    core = {i for i, group in enumerate(groups) if any(name.split("[")[0] in counts for name in group)}
    core |= {i for i in range(len(groups)) if upstream[i] & core and downstream[i] & core}
    described: list[dict[str, Any]] = []
    for i, group in enumerate(groups):
        direct = [name for name in traced.concentrations if any(name in inputs[state] for state in group)]
        fed = bool(direct) or any(described[j]["from_inputs"] for j in after[i])
        kind = (
            "disease"
            if i in core
            else "driver"
            if downstream[i] & core
            else "readout"
            if upstream[i] & core
            else "side"
        )
        described.append({
            "states": group, "after": after[i], "inputs": direct, "from_inputs": fed,
            "linear": _linear(traced, group), "kind": kind,
        })  # fmt: skip
    return described


def _linear(traced: Any, group: list[str]) -> bool:
    own = {traced.states[name] for name in group}
    return all(_degree(traced.derivatives[name], own) < 2 for name in group)


def _degree(expression: Any, own: set[Any]) -> int:
    """Degree of an expression in some symbols; 2 stands for whatever is not linear."""
    if expression in own:
        return 1
    degrees = [_degree(part, own) for part in expression.args]
    if expression.is_Mul:
        return sum(degrees)
    highest = max(degrees, default=0)
    return highest if expression.is_Add or highest == 0 else 2
