"""Replay: a tape as a pure function of its inputs.

In: the entries of a tape, planned.  Out: `run(plan, env, numbers)`, which fills `env` (slot -> array) from the input slots,
and `call`, one entry.  A region that a backward reaches is computed under `jax.vjp`; the backward goes through the regions
in reverse.  Cotangents inside are jax's; torch's are their conjugates where they are complex.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import ShapedArray
from jax.experimental.hijax import Zero
from jax.tree_util import tree_flatten, tree_unflatten

from .ops.turns import scan
from .plan import Plan, Region, reach
from .reroll import Loop
from .tape import BACKWARD, INPUT, LEAF, MODE, Const, Node, Ref, slots

__all__ = ["Env", "Numbers", "call", "from_words", "number_specs", "of_operands", "pull", "pulled", "put_together", "run",
           "run_nodes", "spec", "taken_apart"]

Env = dict[int, Any]
Numbers = tuple[Any, Any]       # vectors of runtime floats and ints
Cut = Callable[[Any], Any] | None


def from_words(words: Any, dtype: Any) -> Any:
    """A vector of 64-bit numbers from pairs of 32-bit words, which pass any boundary unchanged."""
    return lax.bitcast_convert_type(words, dtype)


def spec(aval: Any) -> jax.ShapeDtypeStruct:
    """What stands for an array of this aval while something is traced."""
    return jax.ShapeDtypeStruct(aval.shape, aval.dtype.np)


def number_specs(node: Node) -> Numbers:
    """What stands for the numbers of an entry while it is traced."""
    return jax.ShapeDtypeStruct((max(node.floats, 1),), np.float64), jax.ShapeDtypeStruct((max(node.ints, 1),), np.int64)


def call(node: Node, operands: list, numbers: Numbers) -> Any:
    """The result of one op entry; `operands` are arrays, lists of them, None, `Const` or `Ref`."""
    values = {name: _attribute(v, numbers) for name, v in node.attrs.items()}
    for k, (p, o) in enumerate(zip(node.op.operands, operands, strict=True)):
        values[p.name] = _operand(o, node.info[k] if node.info else None, numbers)
    return node.op.fn(**values)


def _operand(v: Any, cast: Any, numbers: Numbers) -> Any:
    if v.__class__ is Const:
        if not cast:
            return v.value
        with np.errstate(all="ignore"):     # a number that does not fit wraps around or becomes infinite, as in torch
            return np.asarray(v.value).astype(cast.np)
    if v.__class__ is Ref:
        v = _number(v, numbers)
        return v.astype(cast.np) if cast else v
    if cast and v is not None:
        if v.__class__ is list:
            return [x.astype(cast.np) if jnp.issubdtype(x.dtype, jnp.floating) and x.dtype != np.float64 else x for x in v]
        if v.dtype != cast.np:
            return v.astype(cast.np)
    return v


def _number(ref: Ref, numbers: Numbers) -> Any:
    return numbers[ref.kind == "i"][ref.index]


def _attribute(v: Any, numbers: Numbers) -> Any:
    if v.__class__ is Ref:
        return _number(v, numbers)
    if v.__class__ is tuple and any(x.__class__ is Ref for x in v):
        return tuple(_attribute(x, numbers) for x in v)
    return v


def run_nodes(nodes: Sequence[Node | Loop], env: Env, numbers: Numbers, taps: Env | None = None, cut: Cut = None) -> None:
    """Computes entries in order into `env`. An entry recorded outside grad mode sees its operands as constants.

    taps: values added to slots as they are made (zeros, whose cotangent is that of the slot).
    cut: where the entries are a function that is differentiated as a whole, what cuts gradients; results that require none
    are cut too.
    """
    stop = cut or lax.stop_gradient
    for node in nodes:
        if node.__class__ is Loop:
            _turn_by_turn(node, env, numbers, cut)
            continue
        if node.kind is INPUT or node.kind is MODE:
            continue
        if node.kind is LEAF:
            env[node.slot] = stop(env[node.operands[0]])
        elif node.kind is BACKWARD:
            _again(node, env, numbers, cut)
        else:
            out = call(node, [_fetch(o, env, node.grad, stop) for o in node.operands], numbers)
            if node.outs and node.outs[0] is node:      # unbind of an empty dimension has no results
                env[node.slot] = out
            else:
                env.update({o.slot: v for o, v in zip(node.outs, out, strict=True)})
        if cut is not None:
            env.update({o.slot: cut(env[o.slot]) for o in node.outs if not o.rg})
        if taps:
            env.update({o.slot: env[o.slot] + taps[o.slot] for o in node.outs if o.slot in taps})


def _turn_by_turn(loop: Loop, env: Env, numbers: Numbers, cut: Cut) -> None:
    """Computes a loop into `env`."""
    local = dict(env)
    run_nodes(loop.once, local, numbers, cut=cut)
    rows = (_table(loop.floats, numbers[0], np.float64, loop.turns), _table(loop.ints, numbers[1], np.int64, loop.turns))
    views = [o.slot for n in loop.each for o in n.outs]

    def look(*row: Any) -> list:
        inner = dict(local)
        run_nodes(loop.each, inner, row, cut=cut)    # type: ignore[arg-type]
        return [inner[s] for s in views]

    def turn(values: list, given: tuple) -> tuple[list, list]:
        row, seen, varying = given
        inner = local | dict(zip(carried, values, strict=True)) | dict(zip(views, seen, strict=True))
        inner |= {name: v for (name, *_), v in zip(loop.varying, varying, strict=True)}
        run_nodes(loop.body, inner, row, cut=cut)
        return [inner[s].astype(a.dtype.np) for (*_, s), a in zip(loop.carried, avals, strict=True)], [inner[s] for s in kept]

    carried = [name for name, *_ in loop.carried]
    seen = jax.vmap(look)(*rows) if views else []
    stacked = dict(zip(views, seen, strict=True))
    kept = [s for s, *_ in loop.kept if s not in stacked and s not in local]
    avals = [loop.avals[s] for *_, s in loop.carried]
    first = [jnp.zeros(a.shape, a.dtype.np) if s is None else env[s].astype(a.dtype.np)
             for (_, s, _), a in zip(loop.carried, avals, strict=True)]
    varying = [_stack(each, source, env, cut) for _, each, source in loop.varying]
    last, found = scan(turn, first, (rows, seen, varying), length=loop.turns)
    stacked.update(zip(kept, found, strict=True))
    for s, singles, stacks in loop.kept:
        env.update({o: stacked[s][k] if s in stacked else local[s] for o, k in singles})
        env.update({name: stacked[s][a:b] for name, a, b in stacks})
    env.update({s: last[k] for k, s in loop.last})


def _stack(each: tuple[int, ...], source: tuple[Node, int] | None, env: Env, cut: Cut) -> Any:
    """What varies from turn to turn along a new first dimension: taken at once where one entry made it."""
    if source is None:
        return jnp.stack([env[s] for s in each])
    node, first = source
    stop = cut or lax.stop_gradient
    value = node.op.parts(_fetch(node.operands[0], env, node.grad, stop), first, first + len(each), **node.attrs)
    return cut(value) if cut is not None and not node.outs[first].rg else value


def _table(columns: list[list], given: Any, dtype: Any, turns: int) -> Any:
    """The runtime numbers of a loop: a row for each turn."""
    known = np.array([[0 if v.__class__ is Ref else v for v in column] for column in columns], dtype).reshape(-1, turns).T
    places = np.array([[v.index if v.__class__ is Ref else -1 for v in column] for column in columns], int).reshape(-1, turns).T
    if np.all(places < 0):
        return known
    # read at once: XLA takes seconds over a thousand numbers read one by one
    return jnp.where(places < 0, known, given[np.maximum(places, 0)])


def _fetch(o: Any, env: Env, grad: bool, stop: Callable) -> Any:
    if o.__class__ is int:
        return env[o] if grad else stop(env[o])
    if o.__class__ is tuple:
        return [env[s] if grad else stop(env[s]) for s in o]
    return o


def _again(node: Node, env: Env, numbers: Numbers, cut: Cut) -> None:
    """A backward that can itself be differentiated: each entry on its way is pulled back by itself, at the values it had read.

    So the gradients depend on what lies between their ends, too, as in torch: a gradient of them may be asked for there.
    """
    b = node.info
    passes = {*b.wrt, *(o.slot for n in b.between for o in n.outs if o.rg)}
    found: Env = {}

    def add(s: int, g: Any) -> None:
        found[s] = found[s] + g if s in found else g

    for r, c in zip(b.roots, b.cotangents, strict=True):
        add(r, _conj(_start(env, c, env[r])))
    for n in reversed(b.between):
        results = [o.slot for o in n.outs if o.slot in found]
        moving = sorted(passes.intersection(n.info.sources if n.kind is BACKWARD else slots(n.operands)))
        if not (results and moving):
            continue

        def forward(*values: Any, n: Node = n, results: list = results, moving: list = moving) -> list:
            local = dict(env) | dict(zip(moving, values, strict=True))
            run_nodes([n], local, numbers, cut=cut)
            return [local[s] for s in results]
        _, vjp = jax.vjp(forward, *[env[s] for s in moving])
        starts = [found[s] for s in results]
        for s, g in zip(moving, vjp(starts) if b.batch is None else jax.vmap(vjp)(starts), strict=True):
            add(s, g)
    size = () if b.batch is None else (b.batch,)
    env.update({o.slot: _conj(found[s]) if s in found else jnp.zeros((*size, *env[s].shape), env[s].dtype)
                for o, s in zip(node.outs, b.wrt, strict=True)})


def _start(env: Env, slot: int | None, out: Any) -> Any:
    return jnp.ones_like(out) if slot is None else env[slot].astype(out.dtype)


def _conj(x: Any) -> Any:
    return jnp.conj(x) if jnp.iscomplexobj(x) else x


def of_operands(node: Node, values: list, wanted: list[bool], results: list[int], numbers: Numbers) -> Callable[..., list]:
    """An entry as a function of its wanted operands (one flag for each use): its results of these numbers."""
    def forward(*moving: Any) -> list:
        each, given = iter(moving), iter(zip(values, wanted, strict=True))

        def fetch(o: Any) -> Any:
            if o.__class__ is tuple:
                return [fetch(s) for s in o]
            if o.__class__ is not int:
                return o
            value, moves = next(given)
            return next(each) if moves else value
        out = call(node, [fetch(o) for o in node.operands], numbers)
        return [out] if node.outs[0] is node else [out[k] for k in results]
    return forward


def pulled(fn: Callable[..., list], values: list, cotangents: list) -> list:
    """The gradients of `values` under `fn`, whose results have these cotangents; all in torch's convention."""
    outs, vjp = jax.vjp(fn, *values)
    return [_conj(g) for g in vjp([_conj(c.astype(o.dtype)) for c, o in zip(cotangents, outs, strict=True)])]


def taken_apart(fn: Callable[..., list], values: list) -> tuple[list, list, Any]:
    """The results of `fn`, and the residuals of its vjp with the structure that makes the vjp of them again."""
    outs, vjp = jax.vjp(fn, *values)
    return (outs, *tree_flatten(vjp))       # type: ignore[return-value]


def put_together(structure: Any, residuals: list, cotangents: list) -> tuple:
    """The gradients from residuals (`taken_apart`) and cotangents; all in torch's convention."""
    return tuple([_conj(g) for g in tree_unflatten(structure, residuals)([_conj(c) for c in cotangents])])


def run(plan: Plan, env: Env, numbers: Numbers, cut: Cut = None, instead: Env | None = None) -> list[tuple[Region, Any]]:
    """Computes all steps into `env`; returns the regions that were differentiated with their vjps. `cut`: see `run_nodes`.

    instead: values with which it goes on from slots at which a region ends.
    """
    pulls: list[tuple[Region, Any]] = []
    for step in plan.steps:
        if isinstance(step, Region):
            if step.results:
                pulls.append((step, _differentiated(step, env, numbers, cut)))
            else:
                run_nodes(step.steps, env, numbers, cut=cut)
            if instead:
                env.update({s: instead[s] for s in step.made if s in instead})
        elif step.kind is LEAF:
            env[step.slot] = env[step.operands[0]]
        else:
            b = step.info
            start = {}
            for root, c in zip(b.roots, b.cotangents, strict=True):
                ct = _conj(_start(env, c, env[root]))
                start[root] = start[root] + ct if root in start else ct
            found = pull(pulls, start, b.wrt, b.stops)
            env.update({o.slot: jnp.zeros_like(env[s]) if found[s] is None else _conj(found[s])
                        for o, s in zip(step.outs, b.wrt, strict=True)})
            if cut is not None:
                env.update({o.slot: cut(env[o.slot]) for o in step.outs})
    return pulls


def _differentiated(region: Region, env: Env, numbers: Numbers, cut: Cut) -> Any:
    """Computes a region under `jax.vjp`; its cotangents go from `results` to `sources`."""
    def forward(*values: Any) -> tuple[list, Env]:
        local = dict(env)
        local.update(zip(region.sources, values, strict=True))
        run_nodes(region.steps, local, numbers, cut=cut)
        return [local[s] for s in region.results], {s: local[s] for s in region.read}

    outs, vjp, made = jax.vjp(forward, *[env[s] for s in region.sources], has_aux=True)
    env.update(made)
    env.update(zip(region.results, outs, strict=True))
    return vjp


def pull(pulls: list[tuple[Region, Any]], cotangents: Env, wrt: tuple[int, ...], stops: frozenset[int]) -> Env:
    """Cotangents of the slots `wrt`, pulled back from those given. A slot nothing reaches has None."""
    handed: Env = {}
    for region, vjp in reversed(pulls):
        for s in region.made.keys() & set(wrt):
            handed[s] = cotangents.pop(s, None) if s in stops else cotangents.get(s)
        starts = {s: cotangents.pop(s) for s in region.results if s in cotangents}
        if not starts:
            continue
        # From a result that has no cotangent nothing is pulled back: zeros would make NaN of an infinite derivative there.
        full = [starts[s] if s in starts else Zero(ShapedArray(region.made[s].aval.shape, region.made[s].aval.dtype.np))
                for s in region.results]
        # to a source that they do not lead to, vjp gives zeros, which would be pulled through all regions before this one
        _, touched = reach(region.nodes, starts)
        for s, g in zip(region.sources, vjp(full), strict=True):
            if s in touched:
                cotangents[s] = cotangents[s] + g if s in cotangents else g
    for s in wrt:
        if s not in handed:
            handed[s] = cotangents.get(s)
    return handed
