"""A tape gone through op by op, without being compiled: forward, and backward one entry at a time.

In: entries, the arrays they start from.  Out: every value and every gradient, shown to a caller that looks for something in
them (anomaly mode, `debug.find_nan`).  Slow on purpose: each op is a call of its own.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .dtypes import from_numpy
from .plan import reach
from .replay import Env, Numbers, call, pulled, run_nodes
from .tape import BACKWARD, INPUT, LEAF, MODE, Node

__all__ = ["backward", "forward"]

See = Callable[[Node, Sequence[Any], Sequence[Any]], None]      # entry, what it read, what it made


def _flat(node: Node) -> list[int]:
    """The slots an entry reads, one for each use."""
    return [s for o in node.operands for s in (o if o.__class__ is tuple else (o,)) if s.__class__ is int]


def forward(nodes: Sequence[Node], env: Env, numbers: Numbers, see: See | None, see_back: See | None = None) -> None:
    """Computes entries in order into `env`; a backward among them entry by entry, too."""
    done: list[Node] = []
    for node in nodes:
        if node.kind is BACKWARD:
            b = node.info
            starts: Env = {}
            for root, c in zip(b.roots, b.cotangents, strict=True):
                g = np.ones(env[root].shape, env[root].dtype) if c is None else env[c].astype(env[root].dtype)
                starts[root] = starts[root] + g if root in starts else g
            found = backward(done, env, starts, b.stops, numbers, see_back)
            env.update({o.slot: found.get(s, np.zeros(env[s].shape, env[s].dtype)) for o, s in zip(node.outs, b.wrt, strict=True)})
        elif node.kind is LEAF:
            env[node.slot] = env[node.operands[0]]
        elif node.kind is not INPUT and node.kind is not MODE and node.outs:
            run_nodes([node], env, numbers)
            if see is not None:
                see(node, [env[s] for s in _flat(node)], [env[o.slot] for o in node.outs])
        done.append(node)


def backward(nodes: Sequence[Node], env: Env, starts: Env, stops: Any, numbers: Numbers, see: See | None) -> Env:
    """Gradients of every slot that is reached from `starts` (slot -> cotangent, torch's)."""
    found, _ = reach(list(nodes), starts, [s for s in stops if s not in starts])
    rg = {o.slot for n in nodes for o in n.outs if o.rg}
    grads: Env = dict(starts)
    for node in reversed(found):
        results = [o for o in node.outs if o.rg]
        if not results:         # a mask, an index: read on the way, but no gradient goes there
            continue
        given = [grads[o.slot] if o.slot in grads else np.zeros(env[o.slot].shape, env[o.slot].dtype) for o in results]
        if node.kind is BACKWARD:
            slots, made = _through(node, env, given, numbers)
        else:
            slots, made = _alone(node, env, given, numbers, rg)
        if see is not None:
            see(node, [*given, *(env[s] for s in _flat(node))], made)
        for s, g in zip(slots, made, strict=True):
            if s in rg:
                grads[s] = grads[s] + g if s in grads else g
    return grads


def _alone(node: Node, env: Env, given: list, numbers: Numbers, rg: set[int]) -> tuple[list[int], list]:
    """The backward of one op: the slots it read that require a gradient, one for each use, and their gradients."""
    slots = [s for s in _flat(node) if s in rg]
    index = [k for k, o in enumerate(node.outs) if o.rg]

    def compute(*moving: Any) -> list:
        each = iter(moving)

        def fetch(o: Any) -> Any:
            if o.__class__ is tuple:
                return [fetch(s) for s in o]
            return o if o.__class__ is not int else next(each) if o in rg else env[o]
        out = call(node, [fetch(o) for o in node.operands], numbers)
        return [out] if node.outs[0] is node else [out[k] for k in index]

    return slots, pulled(compute, [env[s] for s in slots], given)


def _through(node: Node, env: Env, given: list, numbers: Numbers) -> tuple[list[int], list]:
    """The backward of a differentiable backward, as one op."""
    b = node.info
    made = {o.slot for n in b.between for o in n.outs}
    slots = sorted(({s for n in b.between for s in _flat(n)} | set(b.wrt) | {c for c in b.cotangents if c is not None}) - made)
    slots = [s for s in slots if from_numpy(env[s].dtype).category >= 2]

    def compute(*values: Any) -> list:
        local = dict(env) | dict(zip(slots, values, strict=True))
        run_nodes([node], local, numbers)
        return [local[o.slot] for o in node.outs if o.rg]

    return slots, pulled(compute, [env[s] for s in slots], given)
