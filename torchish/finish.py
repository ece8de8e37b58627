"""The end of a tape: from entries to values.

In: a tape.  Out: every tensor of it that is still referenced from outside has its array; inputs nobody refers to any more
were donated; what a later backward needs is kept as a `Graph`.
"""
from __future__ import annotations

from sys import getrefcount
from time import perf_counter
from typing import Any

import numpy as np

from . import log
from .avals import Out
from .config import config
from .entrywise import run_entries, worth
from .errors import LostValueError
from .hooks import hooks
from .inference import settle_flags, used
from .ops.create import filled as FULL
from .ops.engine import alias as ALIAS
from .ops.engine import detach as DETACH
from .ops.engine import laid as LAID
from .plan import make_plan
from .programs import Ending, Program, Rows, bound, compiled_at, drafting, enough, remember, succeed
from .replay import from_words, run
from .segment import Graph, Residuals
from .tape import BACKWARD, INPUT, LEAF, Node, Ref, Tape, input_outs, needs, path, state, stats
from .where import last_line, short
from .xla import compile_program, memory, put, traced, work

__all__ = ["concrete", "ending_of", "finish", "peek", "seal"]

_ALONE = 2      # references of a list item seen by getrefcount: the list's and the call's own
_PICKED = 3     # the same, of an item of a list that is picked into a tuple
_PATIENCE = 4   # how often a program that returns too much is used for one ending
_ROWS = 64      # parts of one tensor that are returned one by one; of more XLA takes some milliseconds each to compile
_SAME = frozenset({DETACH.index, ALIAS.index, LAID.index})     # ops whose result is their operand


def seal(tape: Tape) -> None:
    """Ends `tape` without running it yet: by the time the next step needs its values, more of its tensors may be dead."""
    if state.sealed is not None:
        finish(state.sealed)
    state.sealed, state.tape = tape, Tape(tape.grad, tape.inline, autocast=tape.autocast, extra=tape.extra)


def finish(tape: Tape) -> None:
    """Ends `tape` and runs it: the next entry of this thread begins another one."""
    if tape.nested is not None:
        return
    sealed = state.sealed
    if sealed is not None:
        state.sealed = None
        if sealed is not tape:
            finish(sealed)
    if state.tape is tape:
        state.tape = Tape(tape.grad, tape.inline, autocast=tape.autocast, extra=tape.extra)
    node = tape.last
    live = _live(tape)
    bundles = [b for first, (b, _) in tape.bundles.items() if b.arrays is None and b.tape is tape and b.first == first] \
        if tape.bundles else []
    stands = _standing(tape, node, live) if tape.standing else []
    if not live and not bundles:
        return
    stats.flushes += 1
    if used.ever:
        settle_flags(tape, live)
    if config.logs:
        log.ran(node, len(live) + sum(map(len, bundles)))
    try:
        _run(tape, node, live, bundles, stands)
    except BaseException as e:
        tape.failed = e
        raise
    finally:
        tape.args, tape.inputs, tape.leaves, tape.upstream, tape.foreign, tape.bundles = [], [], {}, {}, {}, {}


def _live(tape: Tape) -> list:
    """The tensors of this tape that something outside it refers to and that have no value yet.

    Latest first, dropping each reference as it goes: a view that is dead must not keep its base alive.
    """
    live = []
    pop = tape.tensors.pop
    for _ in range(len(tape.tensors)):
        t = pop()
        if getrefcount(t) > _ALONE and t._data is None and (t._tape is tape or t._home is tape):
            if t._node.op is FULL and not _constant_again(t):
                continue
            live.append(t)
    inputs = tape.inputs
    counts = list(map(getrefcount, inputs))     # by map: no name of this loop adds a reference
    if counts and min(counts) <= _ALONE:
        dead = {k for k, n in enumerate(counts) if n <= _ALONE}
        for k in dead:
            if not inputs[k]._node.rg:
                inputs[k] = None        # its array may be donated
        found = [x for k, x in enumerate(inputs) if k not in dead and x is not None and x._data is None]
    else:
        found = [x for x in inputs if x is not None and x._data is None]
    if not found:
        return live
    live += [x for x in found if x._tape is tape or x._home is tape]
    return live


def _constant_again(t: Any) -> bool:
    """A constant is not worth computing: it waits again to be read, so that the next step is recorded like this one.

    Returns whether its value must be computed after all.
    """
    value = t._node.attrs["value"]
    if value.__class__ is Ref or t._leaf:
        return True
    t._pending, t._node, t._tape, t._home = (value,), t._node.aval.plain, None, None
    return False


def _standing(tape: Tape, node: Node, live: list) -> list:
    """Takes those tensors out of `live` that only stand at a place of the graph, where a backward has freed it."""
    marked, tape.standing = {id(t()) for t in tape.standing}, []
    freed = {s for n in path(node) if n.kind is BACKWARD for s in n.info.freed}
    found = [t for t in live if id(t) in marked and t._node.slot in freed]
    if len(found) == len(live):     # a place is in the graph of a tape that has been run
        return []
    gone = set(map(id, found))
    live[:] = [t for t in live if id(t) not in gone]
    return found


def _run(tape: Tape, node: Node, live: list, bundles: list, stands: list) -> None:
    if hooks.watch is not None:
        hooks.watch(tape, node)
    need = [t._node.slot for t in live]
    if bundles:
        need += [range(b.first, b.first + len(b)) for b in bundles]     # type: ignore[misc]
    ending = ending_of(node, tuple(need))
    residuals = None
    program = None if tape.inline is not None else _program(tape, node, ending)
    if program is None:
        values = _inline(tape, node) if tape.inline is not None else _singly(tape, node, ending)
        outs: Any = [values[s] for s in (*ending.outs, *ending.row_slots)]
        places = ending.places(ending.outs)
    else:
        outs = program.compiled(*tape.args, *program.vectors(tape.floats, tape.ints))
        places = ending.places(program.outs)
        residuals = program.residuals
        if ending.rows:
            outs = _with_rows(ending.rows, outs, places)
    for bundle, pick in zip(bundles, ending.picks(places), strict=True) if bundles else ():
        bundle.arrays, bundle.tape = list(pick(outs)), None
    graph = spent = None
    if ending.kept:
        graph = Graph.keep(tape, node, ending, {s: outs[places[s]] for s in ending.outs})
        if residuals is not None:
            graph.residuals = residuals.collect(tape.args, outs)
    if ending.freed or stands:
        spent = Graph.spent(tape, node, ending)
    for t in stands:
        t._tape = t._home = None
        spent.stand(t, t._node.slot)    # type: ignore[union-attr]
        t._node = t._node.aval.grad
    tape.graph = graph or spent
    for t, k, (slot, leaf, plain, grad) in zip(live, ending.indices(places), ending.binds, strict=True):
        t._data = outs[k]
        t._tape = t._home = None
        if leaf:
            t._node = grad if t._leaf or t._graph is not None else plain
        else:
            t._node = grad
            (spent if slot in ending.freed else graph).stand(t, slot)     # type: ignore[union-attr]


def _with_rows(rows: list[Rows], outs: Any, places: dict[int, int]) -> list:
    """The results of a program, and the parts that are taken out of them here."""
    found = list(outs)
    for node, source, _, which in rows:
        parts = node.op.fn(np.asarray(outs[places[source]]), **node.attrs)
        found += [put(parts[k].copy(), node.outs[0].aval.device) for k in which]
    return found


def ending_of(node: Node, need: tuple) -> Ending:
    """What is known of tapes that end at `node` with these slots and ranges of slots wanted (in this order); found out once."""
    if node.programs is None:
        node.programs = {}
    ending = node.programs.get(need)
    if ending is None:
        ending = node.programs[need] = _examine(node, need)
    return ending


def _examine(node: Node, wanted: tuple) -> Ending:
    nodes = path(node)
    ranges = [r for r in wanted if r.__class__ is range]
    alone = [s for s in wanted if s.__class__ is not range]
    need = [*alone, *(s for r in ranges for s in r)]
    made = {o.slot: (n, o) for n in nodes for o in n.outs}
    leaves = frozenset(s for s in need if made[s][0].kind in (INPUT, LEAF))
    freed_all = frozenset(s for n in nodes if n.kind is BACKWARD for s in n.info.freed)
    graphs = [s for s in need if made[s][1].rg and s not in leaves]
    freed = frozenset(s for s in graphs if s in freed_all)
    kept = [s for s in graphs if s not in freed]
    # a result that is another one's value is returned once
    same: dict[int, int] = {}
    for n in nodes:
        if n.op is not None and n.op.index in _SAME and made[n.operands[0]][0].kind not in (INPUT, LEAF):
            same[n.slot] = same.get(n.operands[0], n.operands[0])
    rows = _rows(nodes, alone, same)
    apart = {s for r in rows for s in r.slots}
    returned = {same.get(s, s) for s in need if s not in apart} | {r.source for r in rows}
    binds = [(s, s in leaves or not made[s][1].rg, made[s][1].aval.plain, made[s][1].aval.grad) for s in alone]
    if not kept:
        return Ending(binds, tuple(sorted(returned)), freed, (), [], (), nodes, freed_all, ranges, same, rows)
    # the entries needed to compute the kept results again, and what they start from
    asked, inside, values = set(kept), [], set()
    for n in reversed(nodes):
        hit = [o.slot for o in n.outs if o.slot in asked]
        if not hit:
            continue
        # what a backward has freed is not gone through again, but where the op saves nothing (check_not_freed)
        if n.kind in (INPUT, BACKWARD, LEAF) or n.op.saves and all(s in freed_all for s in hit):
            if n.kind is not BACKWARD or not n.info.differentiable:
                values.update(hit)
                continue
        inside.append(n)
        asked.update(needs(n))
    inside.reverse()
    out = tuple(sorted({*returned, *(s for s in values if made[s][0].kind is not INPUT)}))
    return Ending(binds, out, freed, tuple(kept), inside, tuple(sorted(values)), nodes, freed_all, ranges, same, rows)


def _rows(nodes: list[Node], wanted: list[int], same: dict[int, int]) -> list[Rows]:
    """Of the slots `wanted` those that are better taken out of the tensor that they are parts of."""
    rows, asked = [], set(wanted)
    for n in nodes:
        if n.op is None or n.op.parts is None or len(n.outs) < _ROWS:
            continue
        which = tuple([k for k, o in enumerate(n.outs) if o.slot in asked])
        if len(which) >= _ROWS:
            rows.append(Rows(n, same.get(n.operands[0], n.operands[0]), tuple([n.outs[k].slot for k in which]), which))
    return rows


def _program(tape: Tape, node: Node, ending: Ending) -> Program | None:
    """A compiled program of this ending whose donations are allowed now; compiled if there is none. None: it is run entry by entry.

    A program that was compiled for the same entries and returns more than is wanted will do a few times; a loop is worth one of
    its own, which returns no gradients that nobody reads.
    """
    args = tape.args

    def allowed(program: Program) -> bool:
        pick = program.pick
        return pick is None or max(map(getrefcount, pick(args))) <= _PICKED

    for program in ending.programs:
        if program.compiled is not None and _serves(program, ending) and allowed(program):
            if program.outgrown:
                better = _compile(tape, node, ending, list(program.donated), False)
                succeed(better, program)
                return _added(ending, better)
            remember(program)
            return program
    if ending.residuals is None and ending.lent < _PATIENCE:
        wanted = set(ending.outs)
        for program in [p for other in node.programs.values() for p in other.programs if p.compiled is not None]:
            if wanted.issubset(program.outs) and allowed(program) and not _held(ending, node, program):
                ending.lent += 1
                return program
    if ending.residuals is None and worth(path(node), ending.singly):
        return None
    free = [k for k in range(len(args)) if getrefcount(args[k]) <= _ALONE]
    return _added(ending, _compile(tape, node, ending, free))


def _serves(program: Program, ending: Ending) -> bool:
    """Whether it keeps the residuals that the backwards after such tapes want."""
    return ending.residuals is None or (program.residuals is not None and program.residuals.cuts >= ending.residuals)


def _added(ending: Ending, program: Program) -> Program:
    ending.programs = [p for p in ending.programs if p.compiled is not None] + [program]
    remember(program)
    return program


def _held(ending: Ending, node: Node, program: Program) -> bool:
    """Whether a graph that lives on needs an input which the program would consume."""
    if not ending.kept:
        return False
    inputs = [o.slot for o in input_outs(path(node))]
    return any(inputs[k] in ending.values for k in program.donated)


def _links(nodes: list[Node], kept: set[int], outs: tuple[int, ...]) -> int:
    """How many of the results are made one of the other: values that a graph keeps, and where custom functions meet."""
    counted = {o.slot for n in nodes for o in n.outs if n.kind is LEAF or o.slot in kept}.intersection(outs)
    depth: dict[int, int] = {}
    for n in nodes if counted else ():
        before = max((depth[s] for s in needs(n)), default=0)
        depth.update({o.slot: before + (o.slot in counted) for o in n.outs})
    return max(depth.values(), default=0)


def _compile(tape: Tape, node: Node, ending: Ending, free: list[int], draft: bool | None = None) -> Program:
    """A program of `ending`; it may donate the inputs `free`. Where `draft` is not said, it is as `drafting` says."""
    nodes = path(node)
    again = draft is False
    device = next((o.aval.device for x in nodes for o in x.outs), "cpu")
    inputs = input_outs(nodes)
    cuts = ending.residuals
    residuals = None if cuts is None else Residuals(len(ending.outs), cuts)
    plan = make_plan(nodes, () if cuts is None else {*ending.kept, *cuts}, cuts or (), results=ending.outs)
    draft = device == "cpu" and (drafting(nodes, plan.pieces(ending.outs)) if draft is None else draft)
    kept = set(ending.values)
    # residuals may be inputs themselves: then nothing is donated
    outs, donated = _donation(tape, inputs, ending.outs, [k for k in free if inputs[k].slot not in kept], nodes) \
        if residuals is None else (ending.outs, ())
    n, floats, ints = len(inputs), bool(node.floats), bool(node.ints)

    def program(*args: Any) -> list:
        env = {i.slot: a for i, a in zip(inputs, args, strict=False)}
        rest = list(args[n:])
        numbers = (from_words(rest.pop(0), np.float64) if floats else None, from_words(rest.pop(0), np.int64) if ints else None)
        pulls = run(plan, env, numbers)
        results = [env[s] for s in outs]
        return results if residuals is None else results + residuals.take(pulls, args, results)

    specs: list[tuple] = [(i.aval.shape, i.aval.dtype.np) for i in inputs]
    specs += [((n, 2), np.dtype(np.uint32)) for n in (node.floats, node.ints) if n]
    line = last_line(nodes)
    compiled, seconds = compile_program(program, specs, donated, short(line), device, draft, _links(nodes, kept, ending.outs))
    stats.compilations += 1
    log.compiled(nodes, seconds, donated, memory(compiled), plan.turns, "run again: compiled for good" if again else None)
    found = Program(outs, donated, compiled, residuals, device, enough(len(nodes), work(compiled)) if draft else None)
    compiled_at(line, found)
    return found


def _donation(tape: Tape, inputs: list[Out], outs: tuple[int, ...], free: list[int], nodes: list[Node],
              ) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The results in the order in which they should find buffers, and the inputs to donate.

    XLA gives each result in turn the first donated buffer of its shape and dtype.  So the new values of tensors that were
    inputs come first, in the inputs' order: a parameter stays where it was.  What is left over goes to any result it fits.
    """
    avals = {o.slot: (o.aval.shape, o.aval.dtype) for n in nodes for o in n.outs}
    follows: dict[int, int] = {}        # input -> the slot of the same tensor's new value
    for k in free:
        x = tape.inputs[k]
        if x is not None and x._data is None and x._node.slot in avals and avals[x._node.slot] == avals[inputs[k].slot]:
            follows[k] = x._node.slot
    for bundle, k in tape.bundles.values():
        if k is not None and bundle.arrays is None and bundle.tape is tape:
            follows |= {k + i: bundle.first + i for i in range(len(bundle)) if k + i in free}
    first = [s for s in dict.fromkeys(follows.values()) if s in outs]
    rest = [s for s in outs if s not in set(first)]
    room: dict[tuple, int] = {}
    for s in rest:
        room[avals[s]] = room.get(avals[s], 0) + 1
    taken = {avals[inputs[k].slot] for k in follows}
    donated = []
    for k in free:
        key = avals[inputs[k].slot]
        if k in follows:
            donated.append(k)
        elif key not in taken and room.get(key, 0):
            room[key] -= 1
            donated.append(k)
    return (*first, *rest), tuple(donated)


def _singly(tape: Tape, node: Node, ending: Ending) -> dict[int, Any]:
    """The values of all slots, entry by entry."""
    began, nodes = perf_counter(), path(node)
    env = dict(zip((o.slot for o in input_outs(nodes)), tape.args, strict=True))
    fresh = run_entries(nodes, env, (np.array(tape.floats, np.float64), np.array(tape.ints, np.int64)))
    ending.singly += 1
    bound()
    log.ran_singly(nodes, fresh, perf_counter() - began)
    return env


def _inline(tape: Tape, node: Node) -> dict[int, Any]:
    """Functional mode: the tape is replayed at once over the tracers that its inputs hold."""
    nodes = path(node)
    env = dict(zip((o.slot for o in input_outs(nodes)), tape.args, strict=True))
    traced(run, make_plan(nodes), env, (np.array(tape.floats), np.array(tape.ints)))
    return env


def concrete(x: Any) -> Any:
    """The array of tensor `x`, which has none yet. Ends the tape it lives on, or looks into another thread's."""
    tape = x._tape if x._tape is not None else x._home
    nested = state.tape.nested or tape.nested
    if nested is not None:
        return nested.value(x)
    if tape is state.tape or tape is state.sealed:
        finish(tape)
    elif tape.failed is not None:
        raise LostValueError("this tensor has no value: the step that was to compute it failed or was interrupted "
                             f"({type(tape.failed).__name__}: {tape.failed})") from tape.failed
    else:
        peek(tape, x)
    return hooks.concrete_pending(x) if x._pending is not None else x._data


def peek(tape: Tape, x: Any) -> None:
    """Computes the value of `x` on a tape that goes on (another thread's), donating nothing."""
    node, need = tape.last, (x._node.slot,)
    args = list(tape.args)
    ending = ending_of(node, need)
    program = next((p for p in ending.programs if not p.donated and p.compiled is not None), None)
    if program is None:
        program = _compile(tape, node, ending, [])
        ending.programs.append(program)
    outs = program.compiled(*args[:node.inputs], *program.vectors(tape.floats[:node.floats], tape.ints[:node.ints]))
    x._data = dict(zip(program.outs, outs, strict=True))[ending.same.get(need[0], need[0])]
