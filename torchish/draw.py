"""A picture of the graph of a tensor: leaves, operations, shapes, and which entries became which program.

In: tensors.  Out: `Drawing`, which a notebook shows, `save` writes as SVG, and whose `dot` is the source text for graphviz.
The tape on which a tensor stands and every ended tape (segment) behind it are bands of the picture, oldest first.
"""
from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from .layers import Box, svg
from .segment import Graph
from .tape import BACKWARD, INPUT, LEAF, MODE, Const, Node, Ref, Tape, input_outs, path, reads, state
from .tensor import Tensor
from .where import short

__all__ = ["Drawing", "draw"]

OPEN = "open tape: recorded, not computed yet"
SEALED = "ended tape: to be computed when a value is needed"


class Drawing:
    """The picture: `svg` and `dot` are its sources; notebooks show it by themselves."""

    def __init__(self, boxes: list[Box], edges: list[tuple[Box, Box]], bands: list[str]) -> None:
        self.dot = _dot(boxes, edges, bands)
        self.svg = svg(boxes, edges, bands)

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: Any) -> None:
        """Writes the SVG, or for a name that ends in .dot the source text for graphviz."""
        file = Path(path)
        if file.suffix not in (".svg", ".dot"):
            raise ValueError(f"save(): wanted a file name that ends in .svg or .dot, got {str(path)!r}")
        file.write_text(self.dot if file.suffix == ".dot" else self.svg, encoding="utf-8")

    def __repr__(self) -> str:
        return f"<Drawing of {self.dot.count('[label=')} nodes, {self.dot.count(' -> ')} edges; .save('graph.svg') writes it>"


def draw(*tensors: Tensor, params: Any = None) -> Drawing:
    """The graph that computes `tensors`, as a picture.

    params: a module, or a dict of tensors by name: leaves are shown with these names.
    """
    for x in tensors:
        if not isinstance(x, Tensor):
            raise TypeError(f"draw(): wanted tensors, got {type(x).__name__}")
    if not tensors:
        raise TypeError("draw(): wanted at least one tensor")
    if not (params is None or isinstance(params, Mapping) or hasattr(params, "named_parameters")):
        raise TypeError(f"draw(): argument 'params' must be a module or a dict of tensors by name, not {type(params).__name__}")
    named = dict(params.named_parameters()) if hasattr(params, "named_parameters") else dict(params or {})
    return _Collection(tensors, {id(x): name for name, x in named.items()}).drawing()


class _Place:
    """A tape, open or ended: its entries, and where what it starts from came from."""

    def __init__(self, home: Tape | Graph) -> None:
        self.home = home
        self.wanted: set[int] = set()
        if isinstance(home, Tape):
            self.order, self.nodes = float("inf"), path(home.node)
            self.sources: dict[int, Any] = {o.slot: t for o, t in zip(input_outs(self.nodes), home.inputs, strict=False) if o.rg}
            self.sources |= home.leaves | home.upstream
            self.caption = SEALED if home is state.sealed else OPEN
        else:
            self.order, self.nodes, self.sources = home.serial, home.entries(), home.sources
            last = next((n.where for n in reversed(self.nodes) if n.where), None)
            count = sum(n.kind not in (INPUT, LEAF, MODE) for n in self.nodes)
            freed = "" if home.values is not None else ", freed by backward"
            self.caption = f"program that ended at {short(last)}: {count} entries{freed}"


class _Collection:
    """Boxes and edges of all places, found from the tensors backwards.

    A key names a box: (id of a place, slot), (id of a place, id of a leaf) or (id of a call of a Python function, "call").
    """

    def __init__(self, tensors: tuple, names: dict[int, str]) -> None:
        self.names = names
        self.places: dict[int, _Place] = {}
        self.calls: dict[int, tuple[Any, _Place]] = {}      # a call of a Python function, and the oldest place that reads it
        self.links: list[tuple[Any, Any]] = []
        self.made: dict[Any, Box] = {}
        self.boxes: list[Box] = []
        self.roots = [key for x in tensors if (key := self._want(x, None)) is not None]
        done: list[_Place] = []
        while rest := [p for p in self.places.values() if p not in done]:
            done.append(max(rest, key=lambda p: p.order))
            self._spread(done[-1])
        done.reverse()
        self.bands = {p: k for k, p in enumerate(done)}
        for place in done:
            self._fill(place)
        self.captions = [p.caption for p in done]
        values = [x for x in tensors if self._want(x, None) is None]
        self.boxes.extend(self._leaf(x, len(done)) for x in values)
        self.captions.extend(["values"] if values else [])

    def _want(self, x: Tensor, reader: _Place | None) -> Any:
        """Notes that `x` is to be drawn; the key of its box, None for a value that nothing computes."""
        if x.requires_grad and x._data is not None and x._graph is not None and not x._leaf:    # (a view is up to date now)
            return self._mark(*x._graph, reader)
        home = x._tape if x._tape is not None else x._home
        return None if x._data is not None or home is None else self._mark(home, x._node.slot, reader)

    def _mark(self, home: Any, slot: int, reader: _Place | None) -> Any:
        if isinstance(home, (Tape, Graph)):
            self.places.setdefault(id(home), _Place(home)).wanted.add(slot)
            return id(home), slot
        place = reader or self.places.setdefault(id(state.tape), _Place(state.tape))
        if id(home) not in self.calls or place.order < self.calls[id(home)][1].order:
            self.calls[id(home)] = home, place
            for x in home.inputs:
                if x is not None:
                    self.links.append((self._want(x, place) or (id(place.home), id(x)), (id(home), "call")))
        return id(home), "call"

    def _spread(self, place: _Place) -> None:
        """Wants everything that the wanted slots of `place` were computed from."""
        home = id(place.home)
        for n in reversed(place.nodes):
            hit = [o.slot for o in n.outs if o.slot in place.wanted]
            source = place.sources.get(n.slot) if hit and n.kind in (INPUT, LEAF) else None
            if isinstance(source, tuple):
                self.links.append((self._mark(*source, place), (home, n.slot)))
            elif hit:
                read = dict.fromkeys(reads(n))
                place.wanted.update(read)
                self.links.extend(((home, s), (home, hit[0])) for s in read)

    def _fill(self, place: _Place) -> None:
        """The boxes of a place: one for each entry that computes something wanted."""
        home, band = id(place.home), self.bands[place]
        for call, at in self.calls.values():
            if at is place:
                box = Box([call.cls.__name__, "autograd.Function"], "python", band, "its backward is Python")
                self.made[id(call), "call"] = box
                self.boxes.append(box)
                self._add_leaves(call, home, band)
        joined = {b: a for a, b in self.links}
        for n in place.nodes:
            hit = [o.slot for o in n.outs if o.slot in place.wanted]
            source = place.sources.get(n.slot) if hit and n.kind in (INPUT, LEAF) else None
            if isinstance(source, tuple):
                self.made[home, n.slot] = self.made[joined[home, n.slot]]
            elif hit:
                box = self.made.get((home, id(source)))
                if box is None:
                    box = _box(n, band) if source is None else self._leaf(source, band)
                    self.boxes.append(box)
                self.made.update({(home, s): box for s in hit} | ({(home, id(source)): box} if source is not None else {}))

    def _add_leaves(self, call: Any, home: int, band: int) -> None:
        """The leaves that a Python function takes, where no entry reads them."""
        for x in call.inputs:
            if x is not None and self._want(x, None) is None and (home, id(x)) not in self.made:
                self.made[home, id(x)] = self._leaf(x, band)
                self.boxes.append(self.made[home, id(x)])

    def _leaf(self, x: Tensor, band: int) -> Box:
        name, leaf = self.names.get(id(x)), x.requires_grad
        aval = str(x._node.aval)
        return Box([name, aval] if name else [f"{aval} leaf" if leaf else aval], "leaf" if leaf else "input", band,
                   "leaf that requires a gradient" if leaf else "value")

    def drawing(self) -> Drawing:
        for key in self.roots:
            if self.made[key].kind in ("op", "python"):
                self.made[key].kind = "root"
        edges = dict.fromkeys((self.made[a], self.made[b]) for a, b in self.links if self.made[a] is not self.made[b])
        return Drawing(self.boxes, list(edges), self.captions)


def _box(n: Node, band: int) -> Box:
    """The box of an entry: name and the numbers among its arguments, shapes, user line."""
    shapes = ", ".join(str(o.aval) for o in n.outs)
    place = short(n.where) if n.where else ""
    if n.kind is INPUT:
        return Box([shapes], "input", band, "value")
    if n.kind is LEAF:
        return Box([f"{shapes} leaf"], "leaf", band, "leaf that was computed on this tape")
    if n.kind is BACKWARD:
        return Box(["backward", *([place] if place else [])], "backward", band, f"gradients {shapes}")
    if n.op.name == "_full":
        return Box([f"constant {n.attrs['value']!r}", shapes], "constant", band, place)
    numbers = [repr(o) for o in n.operands if isinstance(o, (Const, Ref))]
    usual = {p.name: p.default for p in n.op.params}
    numbers += [f"{k}={v}" for k, v in n.attrs.items() if v != usual[k] and len(repr(v)) < 14]
    name = n.op.name + (f" {' '.join(numbers)}" if numbers else "")
    kind = "constant" if not n.operands else "op"
    return Box([name, shapes], kind, band, f"{place} {'' if n.grad else '(no gradient passes)'}".strip())


def _dot(boxes: list[Box], edges: list[tuple[Box, Box]], bands: list[str]) -> str:
    """The same as source text for graphviz."""
    number = {b: f"n{k}" for k, b in enumerate(boxes)}
    shape = {"leaf": "box, style=\"rounded,filled\", fillcolor=\"#d5efd9\"", "input": "box, style=rounded"}
    out = ["digraph {", "  node [shape=box, fontname=monospace, fontsize=10];"]
    for k, caption in enumerate(bands):
        out.append(f'  subgraph cluster_{k} {{ label="{escape(caption)}"; style=dashed;')
        out.extend(f'    {number[b]} [label="{_quoted(b.lines)}", shape={shape.get(b.kind, "box")}];'
                   for b in boxes if b.band == k)
        out.append("  }")
    out.extend(f"  {number[a]} -> {number[b]};" for a, b in edges)
    return "\n".join([*out, "}\n"])


def _quoted(lines: list[str]) -> str:
    return "\\n".join(line.replace("\\", "\\\\").replace('"', '\\"') for line in lines)
