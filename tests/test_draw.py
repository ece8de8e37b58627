"""The picture of a graph."""
from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as xml

import pytest

import torchish as torch

ROOT = pathlib.Path(__file__).parent.parent


def texts(picture):
    root = xml.fromstring(picture._repr_svg_())
    return [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]


def test_leaves_ops_and_shapes_are_shown(tmp_path):
    x, w = torch.randn(8, 3), torch.zeros(3, requires_grad=True)
    picture = torch.draw((x @ w).square().mean(), params={"w": w})
    shown = texts(picture)
    for text in ("w", "f32[3]", "matmul", "square", "mean", "f32[]", "open tape: recorded, not computed yet"):
        assert text in shown
    assert picture.dot.count(" -> ") == 4       # x and w to matmul, on to square, on to mean
    picture.save(tmp_path / "graph.svg")
    picture.save(tmp_path / "graph.dot")
    assert (tmp_path / "graph.svg").read_text() == picture.svg
    assert (tmp_path / "graph.dot").read_text().startswith("digraph {")


def test_ended_tapes_are_bands():
    a = torch.ones(3, requires_grad=True)
    hidden = torch.tanh(a)
    hidden.sum().item()
    picture = torch.draw((hidden * a).sum())
    bands = [t for t in texts(picture) if "entries" in t or "open tape" in t]
    assert len(bands) == 2 and "program that ended" in bands[0]
    assert picture.dot.count("subgraph") == 2


def test_what_is_refused():
    x = torch.ones(2, requires_grad=True)
    for args, params, message in [((), None, "at least one tensor"), (([x],), None, "wanted tensors, got list"),
                                  ((x,), [x], "'params' must be a module or a dict of tensors by name, not list")]:
        with pytest.raises(TypeError, match=message):
            torch.draw(*args, params=params)


def test_backward_and_python_functions():
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2
    w = torch.ones(3, requires_grad=True)
    y = Double.apply(w * 3)
    assert "Double" in texts(torch.draw(y.sum()))
    loss = w.square().sum()
    loss.backward()
    assert "backward" in texts(torch.draw(w.grad * 2))


def test_no_box_lies_on_another():
    torch.manual_seed(0)
    net = torch.nn.Sequential(*[torch.nn.Linear(4, 4) for _ in range(5)])
    x = torch.randn(2, 4)
    y = net(x) + net[0](x) * net[1](x)
    root = xml.fromstring(torch.draw(y.sum(), params=net).svg)
    boxes = [[float(r.get(k)) for k in ("x", "y", "width", "height")]
             for g in root.iter("{http://www.w3.org/2000/svg}g") for r in g.iter("{http://www.w3.org/2000/svg}rect")]
    assert len(boxes) > 15
    for i, (x1, y1, w1, h1) in enumerate(boxes):
        for x2, y2, w2, h2 in boxes[:i]:
            assert x1 + w1 <= x2 or x2 + w2 <= x1 or y1 + h1 <= y2 or y2 + h2 <= y1


def test_bad_arguments():
    with pytest.raises(TypeError, match="wanted tensors, got int"):
        torch.draw(3)
    with pytest.raises(ValueError, match=r"ends in \.svg or \.dot"):
        torch.draw(torch.ones(2)).save("graph.png")


def test_the_pictures_of_the_documentation_are_what_is_drawn():
    code = "import sys; sys.path.insert(0, 'tools'); import draw_docs, json; print(json.dumps(draw_docs.pictures()))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    drawn = json.loads(run.stdout)
    assert {name: (ROOT / "docs" / name).read_text(encoding="utf-8") for name in drawn} == drawn
