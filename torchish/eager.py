"""A tape gone through op by op, without being compiled: forward, and backward one entry at a time.

In: entries, the arrays they start from.  Out: every value and every gradient, shown to a caller that looks for something in
them (anomaly mode, `debug.find_nan`).  Each op is a call of its own; `entrywise` has programs for them.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .dtypes import from_numpy
from .plan import reach
from .replay import Env, Numbers, of_operands, pulled, run_nodes
from .tape import BACKWARD, INPUT, LEAF, MODE, Node

__all__ = ["OneByOne", "flat"]

See = Callable[[Node, Sequence[Any], Sequence[Any]], None]      # entry, what it read, what it made


def flat(node: Node) -> list[int]:
    """The slots an entry reads, one for each use."""
    return [s for o in node.operands for s in (o if o.__class__ is tuple else (o,)) if s.__class__ is int]


class OneByOne:
    """How entries are gone through: each computed, and pulled back, by JAX's own calls."""

    def forward(self, nodes: Sequence[Node], env: Env, numbers: Numbers, see: See | None = None,
                see_back: See | None = None) -> None:
        """Computes entries in order into `env`; a backward among them entry by entry, too."""
        done: list[Node] = []
        for node in nodes:
            if node.kind is BACKWARD and node.info.batch is not None:
                run_nodes([node], env, numbers)
            elif node.kind is BACKWARD:
                b = node.info
                starts: Env = {}
                for root, c in zip(b.roots, b.cotangents, strict=True):
                    g = np.ones(env[root].shape, env[root].dtype) if c is None else env[c].astype(env[root].dtype)
                    starts[root] = starts[root] + g if root in starts else g
                found = self.backward(done, env, starts, b.stops, numbers, see_back)
                env.update({o.slot: found[s] if s in found else np.zeros(env[s].shape, env[s].dtype)
                            for o, s in zip(node.outs, b.wrt, strict=True)})
            elif node.kind is LEAF:
                env[node.slot] = env[node.operands[0]]
            elif node.kind is not INPUT and node.kind is not MODE and node.outs:
                self.compute(node, env, numbers)
                if see is not None:
                    see(node, [env[s] for s in flat(node)], [env[o.slot] for o in node.outs])
            done.append(node)

    def backward(self, nodes: Sequence[Node], env: Env, starts: Env, stops: Any, numbers: Numbers, see: See | None = None,
                 given: Iterable[int] = ()) -> Env:
        """Gradients of every slot that is reached from `starts` (slot -> cotangent, torch's); given: slots from before `nodes`
        that require one."""
        found, _ = reach(list(nodes), starts, [s for s in stops if s not in starts])
        rg = {o.slot for n in nodes for o in n.outs if o.rg}.union(given)
        grads: Env = dict(starts)
        for node in reversed(found):
            results = [k for k, o in enumerate(node.outs) if o.rg and o.slot in grads]
            if not results:         # a mask, an index: read on the way, but no gradient goes there
                continue
            cotangents = [grads[node.outs[k].slot] for k in results]
            if node.kind is BACKWARD:
                slots, made = _through(node, env, results, cotangents, numbers)
            else:
                slots = [s for s in flat(node) if s in rg]
                made = self.pull(node, env, [s in rg for s in flat(node)], results, cotangents, numbers)
            if see is not None:
                see(node, [*cotangents, *(env[s] for s in flat(node))], made)
            for s, g in zip(slots, made, strict=True):
                if s in rg:
                    grads[s] = grads[s] + g if s in grads else g
        return grads

    def compute(self, node: Node, env: Env, numbers: Numbers) -> None:
        """Puts the results of one entry into `env`."""
        run_nodes([node], env, numbers)

    def pull(self, node: Node, env: Env, wanted: list[bool], results: list[int], cotangents: list, numbers: Numbers) -> list:
        """The gradients of the slots that one entry reads and that are wanted (a flag for each use) from those of its results."""
        values = [env[s] for s in flat(node)]
        return pulled(of_operands(node, values, wanted, results, numbers),
                      [v for v, w in zip(values, wanted, strict=True) if w], cotangents)


def _through(node: Node, env: Env, results: list[int], cotangents: list, numbers: Numbers) -> tuple[list[int], list]:
    """The backward of a differentiable backward, as one op."""
    b = node.info
    slots = sorted({s for n in b.between for s in flat(n)} | set(b.wrt) | {c for c in b.cotangents if c is not None})
    slots = [s for s in slots if from_numpy(env[s].dtype).category >= 2]

    def compute(*values: Any) -> list:
        local = dict(env) | dict(zip(slots, values, strict=True))
        run_nodes([node], local, numbers)
        return [local[node.outs[k].slot] for k in results]

    return slots, pulled(compute, [env[s] for s in slots], cotangents)
