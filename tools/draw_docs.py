"""Draws the pictures of docs/autograd.md: docs/graph.svg and docs/segments.svg.

In: the two small graphs below.  Out: the SVG that `torchish.draw` makes of them.
Run: python tools/draw_docs.py
"""
from __future__ import annotations

import pathlib

DOCS = pathlib.Path(__file__).parent.parent / "docs"
GRAPH = """\
import torchish as torch

x, y = torch.randn(8, 3), torch.randn(8)
w = torch.zeros(3, requires_grad=True)
loss = (x @ w - y).square().mean()
picture = torch.draw(loss, params={"w": w})
"""
SEGMENTS = """\
import torchish as torch

x = torch.randn(8, 3)
a, b = torch.randn(3, 4, requires_grad=True), torch.randn(4, requires_grad=True)
hidden = torch.tanh(x @ a)
print(hidden.mean().item())
loss = (hidden @ b).square().sum()
picture = torch.draw(loss, params={"a": a, "b": b})
"""
PICTURES = {"graph.svg": ("graph.py", GRAPH), "segments.svg": ("segments.py", SEGMENTS)}


def pictures() -> dict[str, str]:
    """The SVG of each picture by file name."""
    found = {}
    for file, (script, source) in PICTURES.items():
        names: dict = {"__name__": "__main__", "print": lambda *_: None}
        exec(compile(source, script, "exec"), names)
        found[file] = names["picture"].svg
    return found


if __name__ == "__main__":
    for name, text in pictures().items():
        (DOCS / name).write_text(text, encoding="utf-8")
