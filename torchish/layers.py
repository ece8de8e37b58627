"""Where boxes stand and how lines run: a layered layout, and SVG of it.

In: boxes with their texts, edges between them, bands of boxes that belong together.  Out: SVG source.
Source: Sugiyama, Tagawa, Toda: Methods for visual understanding of hierarchical system structures, 1981 (layers, places held
for long edges, order by barycenters).
"""
from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from itertools import pairwise

__all__ = ["Box", "svg"]

CHARACTER, LINE, PAD, GAP, STEP, MARGIN = 6.7, 14, 8, 18, 34, 14
STYLE = {       # fill, border, rounding
    "leaf": ("#d5efd9", "#2e7d43", 12), "input": ("#eceff1", "#78909c", 12), "op": ("#ffffff", "#37474f", 3),
    "constant": ("#fafafa", "#b0bec5", 3), "backward": ("#ffe3cc", "#c25a00", 3), "root": ("#d6e6fb", "#1a5fb4", 3),
    "python": ("#efe0f7", "#7b3fa0", 3)}


@dataclass(eq=False)
class Box:
    """A vertex: its lines of text, what it is (a key of STYLE), its band, what a pointer over it shows."""
    lines: list[str]
    kind: str
    band: int
    title: str = ""
    before: list[Box] = field(default_factory=list)
    after: list[Box] = field(default_factory=list)
    layer: int = 0
    x: float = 0.0

    @property
    def width(self) -> float:
        return max(map(len, self.lines)) * CHARACTER + 2 * PAD if self.lines else 2.0

    @property
    def height(self) -> float:
        return len(self.lines) * LINE + PAD if self.lines else 0.0


def svg(boxes: list[Box], edges: list[tuple[Box, Box]], bands: list[str]) -> str:
    """The picture of `boxes` (sources before what reads them) as SVG; `bands` are the captions of their bands."""
    for a, b in edges:
        a.after.append(b)
        b.before.append(a)
    _assign_layers(boxes, len(bands))
    layers, routes = _hold_places(boxes, edges)
    _order(layers)
    _place(layers)
    return _write(boxes, layers, routes, bands)


def _assign_layers(boxes: list[Box], bands: int) -> None:
    """Each box below all it reads; what reads nothing just above its first reader; bands one below the other."""
    start, ordered = 0, _sources_first(boxes)
    for band in range(bands):
        members = [b for b in ordered if b.band == band]
        for b in members:
            b.layer = max([start, *(p.layer + 1 for p in b.before)])
        for b in members:
            readers = [a.layer for a in b.after if a.band == band]
            if not b.before and readers:
                b.layer = min(readers) - 1
        start = max([start, *(b.layer + 1 for b in members)])


def _sources_first(boxes: list[Box]) -> list[Box]:
    """The boxes in an order in which each comes after what it reads."""
    missing = {b: len(b.before) for b in boxes}
    ready = [b for b in reversed(boxes) if not b.before]
    ordered = []
    while ready:
        b = ready.pop()
        ordered.append(b)
        for a in reversed(b.after):
            missing[a] -= 1
            if not missing[a]:
                ready.append(a)
    return ordered


def _hold_places(boxes: list[Box], edges: list[tuple[Box, Box]]) -> tuple[list[list[Box]], list[list[Box]]]:
    """The layers with a place for every edge that passes through, and the places of each edge."""
    layers: list[list[Box]] = [[] for _ in range(max((b.layer for b in boxes), default=0) + 1)]
    for b in boxes:
        b.before, b.after = [], []
        layers[b.layer].append(b)
    routes = []
    for a, b in edges:
        route = [a]
        for layer in range(a.layer + 1, b.layer):
            held = Box([], "op", a.band, layer=layer)
            layers[layer].append(held)
            route.append(held)
        route.append(b)
        for u, v in pairwise(route):
            u.after.append(v)
            v.before.append(u)
        routes.append(route)
    return layers, routes


def _order(layers: list[list[Box]]) -> None:
    """Few crossings: each layer sorted by the mean place of its neighbours, down and up again."""
    for layer in layers:
        for k, b in enumerate(layer):
            b.x = k
    for sweep in range(6):
        down = sweep % 2 == 0
        for layer in layers if down else reversed(layers):
            near = {b: (b.before if down else b.after) for b in layer}
            layer.sort(key=lambda b: sum(n.x for n in near[b]) / len(near[b]) if near[b] else b.x)
            for k, b in enumerate(layer):
                b.x = k


def _place(layers: list[list[Box]]) -> None:
    """The middle of each box: near its neighbours, apart from the boxes beside it."""
    for layer in layers:
        at = 0.0
        for b in layer:
            b.x = at + b.width / 2
            at += b.width + GAP
    for sweep in range(8):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wanted = [_mean(b) for b in layer]
            left, right = wanted[:], wanted[:]
            for k in range(1, len(layer)):
                left[k] = max(left[k], left[k - 1] + _apart(layer[k - 1], layer[k]))
            for k in reversed(range(len(layer) - 1)):
                right[k] = min(right[k], right[k + 1] - _apart(layer[k], layer[k + 1]))
            for b, l, r in zip(layer, left, right, strict=True):
                b.x = (l + r) / 2
    least = min(b.x - b.width / 2 for layer in layers for b in layer)
    for layer in layers:
        for b in layer:
            b.x += MARGIN * 2 - least


def _mean(b: Box) -> float:
    near = b.before + b.after
    return sum(n.x for n in near) / len(near) if near else b.x


def _apart(a: Box, b: Box) -> float:
    return (a.width + b.width) / 2 + GAP


def _write(boxes: list[Box], layers: list[list[Box]], routes: list[list[Box]], bands: list[str]) -> str:
    first = {min(b.layer for b in boxes if b.band == k): k for k in range(len(bands)) if any(b.band == k for b in boxes)}
    tops, heights, at = [], [], float(MARGIN)
    for k, layer in enumerate(layers):
        at += LINE + 2 * MARGIN if k in first else 0
        tops.append(at)
        heights.append(max([b.height for b in layer], default=0))
        at += heights[-1] + STEP
    width = max(b.x + b.width / 2 for layer in layers for b in layer) + 2 * MARGIN
    width = max(width, max(map(len, bands), default=0) * CHARACTER + 4 * MARGIN)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{at:.0f}" viewBox="0 0 {width:.0f} {at:.0f}" '
           'font-family="ui-monospace, Menlo, Consolas, monospace" font-size="11">',
           '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
           '<path d="M0,0 L8,4 L0,8 z" fill="#607d8b"/></marker></defs>',
           f'<rect width="{width:.0f}" height="{at:.0f}" fill="#ffffff"/>']
    for layer_index, k in first.items():
        last = max(b.layer for b in boxes if b.band == k)
        top = tops[layer_index] - LINE - MARGIN
        out.append(f'<rect x="{MARGIN / 2}" y="{top:.1f}" width="{width - MARGIN:.1f}" '
                   f'height="{tops[last] + heights[last] + MARGIN / 2 - top:.1f}" rx="6" fill="#f7f9fb" stroke="#b0bec5" '
                   f'stroke-dasharray="4 3"/>')
    out.extend(_line(route, tops, heights) for route in routes)
    out.extend(f'<text x="{MARGIN}" y="{tops[i] - MARGIN:.1f}" fill="#546e7a" stroke="#f7f9fb" stroke-width="4" '
               f'paint-order="stroke">{escape(bands[k])}</text>' for i, k in first.items())
    for b in boxes:
        fill, border, rounding = STYLE[b.kind]
        y = tops[b.layer]
        texts = "".join(f'<text x="{b.x:.1f}" y="{y + PAD / 2 + LINE * (i + 0.8):.1f}" text-anchor="middle" '
                        f'fill="{"#1b1b1b" if i == 0 else "#607d8b"}">{escape(line)}</text>' for i, line in enumerate(b.lines))
        out.append(f'<g><title>{escape(b.title)}</title><rect x="{b.x - b.width / 2:.1f}" y="{y:.1f}" width="{b.width:.1f}" '
                   f'height="{b.height:.1f}" rx="{rounding}" fill="{fill}" stroke="{border}"/>{texts}</g>')
    return "\n".join([*out, "</svg>\n"])


def _line(route: list[Box], tops: list[float], heights: list[float]) -> str:
    """A smooth line from the foot of a box, through the places held for it, to the head of another."""
    points = [(route[0].x, tops[route[0].layer] + route[0].height)]
    for b in route[1:-1]:
        points += [(b.x, tops[b.layer]), (b.x, tops[b.layer] + heights[b.layer])]
    points.append((route[-1].x, tops[route[-1].layer]))
    path = f"M{points[0][0]:.1f},{points[0][1]:.1f}"
    for (ax, ay), (bx, by) in pairwise(points):
        middle = (ay + by) / 2
        path += f" C{ax:.1f},{middle:.1f} {bx:.1f},{middle:.1f} {bx:.1f},{by:.1f}"
    return f'<path d="{path}" fill="none" stroke="#607d8b" marker-end="url(#tip)"/>'
