"""The plan of a program: where a tape is cut into regions, and which of them a backward goes through.

In: the entries of a tape and the slots a later backward will start from.  Out: steps in order, each a `Region` (a run of
entries), a leaf, or a backward.  Pure bookkeeping over slots; no jax.

A cut is made around each backward, around each leaf that was computed on the tape, and after the entry whose result's
gradient is asked for; so within a region every differentiated input exists before it begins.
"""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from .avals import Out
from .reroll import Before, Loop, reroll
from .tape import BACKWARD, INPUT, LEAF, MODE, Node, needs, reads, slots

__all__ = ["Backward", "Plan", "Region", "ancestors", "make_plan", "passing", "reach", "refuse_underived", "sources_of"]


class Backward:
    """What a backward entry asks: cotangents of `roots` (slots of `cotangents`, or None: ones) pulled back to `wrt`.

    places: for each of `wrt`, which input of the tape it is, or -1.  order: their numbers as torch's engine comes to them.
    stops: slots of `wrt` whose cotangent is handed out and not pulled back further (a hook will change it, or it is not complete);
    `paused` those that were asked for as such, `down_to` up to which slot all are.
    asked: the slots it was asked for; None: every leaf it reaches.
    differentiable: recorded with create_graph; then it is an entry of its region like any op, recomputing `between`.
    sources: the slots that its gradients depend on; none unless differentiable.
    batch: how many cotangents the first dimension of each counts, and of each result; None where there is one.
    """
    __slots__ = ("roots", "cotangents", "wrt", "stops", "differentiable", "between", "freed", "inner", "asked", "places",
                 "order", "sources", "paused", "down_to", "batch")

    def __init__(self, roots: tuple[int, ...], cotangents: tuple[int | None, ...], wrt: tuple[int, ...],
                 stops: frozenset[int], differentiable: bool, between: list[Node], freed: frozenset[int],
                 inner: frozenset[int], asked: tuple[int, ...] | None, batch: int | None = None) -> None:
        self.roots, self.cotangents, self.wrt, self.stops = roots, cotangents, wrt, stops
        self.differentiable, self.between, self.freed, self.inner = differentiable, between, freed, inner
        self.asked, self.batch = asked, batch
        self.paused: tuple[int, ...] = tuple(stops)
        self.down_to = -1
        self.places: tuple[int, ...] = ()
        self.order: Sequence[int] = range(len(wrt))
        self.sources: list[int] = []


class Region:
    """Consecutive entries. `sources` and `results` are the slots between which cotangents pass, if a backward passes.

    steps: the entries as they are computed, with loops rolled up.  read: the slots that are read after it.
    """
    __slots__ = ("nodes", "steps", "made", "read", "sources", "results")

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = nodes
        self.steps: list[Node | Loop] = list(nodes)
        self.made = {o.slot: o for n in nodes for o in n.outs}
        self.read: set[int] = set(self.made)
        self.sources: list[int] = []
        self.results: list[int] = []


class Plan:
    """The steps of a program, in order."""
    __slots__ = ("steps",)

    def __init__(self, steps: list[Region | Node]) -> None:
        self.steps = steps

    @property
    def turns(self) -> tuple[int, ...]:
        """How many turns each loop has that was rolled up."""
        return tuple(loop.turns for loop in self._loops())

    def pieces(self, results: Iterable[int]) -> int:
        """How many of the `results` are taken one by one out of what loops keep."""
        wanted = set(results)
        return sum(s in wanted for loop in self._loops() for _, singles, _ in loop.kept for s, _ in singles)

    def _loops(self) -> Iterator[Loop]:
        return (loop for step in self.steps if isinstance(step, Region) for loop in step.steps if isinstance(loop, Loop))


def ancestors(nodes: list[Node], ends: Iterable[int], stops: Iterable[int] = ()) -> list[Node]:
    """The differentiable entries, in order, from which a gradient path leads to the slots `ends`."""
    wanted, stopped = set(ends), set(stops)
    found = []
    for node in reversed(nodes):
        # a mask or an index lies on no path: what only it was computed from gets no gradient, not a zero
        if any(o.rg and o.slot in wanted and o.slot not in stopped for o in passing(node)):
            found.append(node)
            wanted.update(sources_of(node))
    found.reverse()
    return found


def passing(node: Node) -> Sequence[Out]:
    """The results of an entry from which gradients go on."""
    if not (node.grad or (node.kind is BACKWARD and node.info.differentiable)):
        return ()
    undefined = node.op.undefined if node.op is not None else None
    if undefined is None:
        return node.outs
    none = undefined(dict(node.attrs), node.outs[0].aval)
    return [o for k, o in enumerate(node.outs) if k not in none]


def sources_of(node: Node) -> list[int]:
    """The slots an entry passes cotangents to (those that require a gradient are told apart by the caller)."""
    return node.info.sources if node.kind is BACKWARD else list(slots(node.operands))


def reach(nodes: list[Node], roots: Iterable[int], stops: Iterable[int] = ()) -> tuple[list[Node], set[int]]:
    """Entries on gradient paths to `roots`, and all slots on these paths (leaves included)."""
    found = ancestors(nodes, roots, stops)
    touched = set(roots)
    for n in found:
        touched.update(sources_of(n))
    return found, touched


def refuse_underived(found: Iterable[Node], wanted: set[int]) -> None:
    """torch's error where one of the slots `wanted` gets its cotangent from an op of `found` that has no derivative there."""
    for n in found:
        rule = n.op.underived if n.op is not None else None
        if callable(rule):
            said = rule(n.attrs, [o.aval.shape for o in n.outs])
            if said and not wanted.isdisjoint(n.operands):
                raise RuntimeError(said)
        elif rule is not None:
            for p, operand in zip(n.op.operands, n.operands, strict=True):      # type: ignore[union-attr]
                if p.name in rule and operand in wanted:
                    said = rule[p.name]
                    raise RuntimeError(f"derivative for {said} is not implemented") if said.startswith("aten::") else \
                        NotImplementedError(f"the derivative for '{said}' is not implemented.")


def make_plan(nodes: list[Node], ends: Iterable[int] = (), asked: Iterable[int] = (), stops: Iterable[int] = (),
              given: Iterable[int] = (), results: Iterable[int] | None = None, before: Iterable[Node] = ()) -> Plan:
    """Cuts `nodes` into regions.

    ends: slots from which a backward will start after the program; asked: results whose gradient it will hand out; stops:
    those of them it does not go past; given: slots from before `nodes` that require a gradient.  results: what is read of the
    program; where that is told, loops are rolled up.  before: entries from before `nodes`.
    """
    backwards = [n for n in nodes if n.kind is BACKWARD and not n.info.differentiable]
    inner = {s for b in backwards for s in b.info.inner} | set(asked)
    steps: list[Region | Node] = []
    run: list[Node] = []

    def close() -> None:
        if run:
            steps.append(Region(list(run)))
            run.clear()

    for node in nodes:
        if node.kind is INPUT or node.kind is MODE:
            continue
        if node.kind is LEAF or (node.kind is BACKWARD and not node.info.differentiable):
            close()
            steps.append(node)
            continue
        run.append(node)
        if any(o.slot in inner for o in node.outs):
            close()
    close()
    rg = {o.slot for n in nodes for o in n.outs if o.rg} | set(given)
    for k, step in enumerate(steps):
        if step.__class__ is Node and step.kind is BACKWARD:   # type: ignore[union-attr]
            _connect(steps[:k], step.info.roots, step.info.stops, rg)   # type: ignore[union-attr]
    _connect(steps, ends, stops, rg)
    if results is not None:
        outs = {o.slot: o for n in (*before, *nodes) for o in n.outs}
        weights = frozenset(given).union(o.slot for n in nodes if n.kind is INPUT for o in n.outs if o.rg)
        _roll_up(steps, {*results, *ends, *asked}, outs, weights)
    return Plan(steps)


def _roll_up(steps: list[Region | Node], after: set[int], outs: dict[int, Out], weights: frozenset[int]) -> None:
    """Finds what is read after each region, and rolls up its loops."""
    for step in reversed(steps):
        if step.__class__ is Region:
            step.read = {s for s in step.made if s in after}.union(step.results)
            makers = {o.slot: n for n in step.nodes for o in n.outs}        # gradients pass to what the region itself computes
            step.steps = reroll(step.nodes, step.read, Before(outs, makers, weights))
            after.update(*map(needs, step.nodes))
        else:
            after.update(reads(step))


def _connect(steps: list, roots: Iterable[int], stops: Iterable[int], rg: set[int]) -> None:
    """Marks what passes between regions on the way back from `roots`."""
    needed = set(roots)
    for region in reversed(steps):
        if region.__class__ is not Region:
            continue
        ends = [s for s in sorted(needed) if s in region.made and s in rg and s not in stops]
        if not ends:
            continue
        inside = ancestors(region.nodes, ends)
        sources = {s for n in inside for s in sources_of(n) if s in rg and s not in region.made}
        region.results = sorted({*region.results, *ends})
        region.sources = sorted({*region.sources, *sources})
        needed |= sources
