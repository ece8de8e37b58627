"""Gradients through graphs whose tape has ended as a value was read: that changes no gradient and no call of a hook."""
from __future__ import annotations

from typing import Any

import pytest

import torchish as torch

TURNS = 3       # what is known of a tape changes how its graph is run
HOOKS = ("none", "scale", "clamp", "after node", "before node")


def ends() -> tuple[torch.Tensor, torch.Tensor]:
    return (torch.tensor([0.3, -1.2, 0.7, 2.0], requires_grad=True), torch.tensor([1.1, 0.4, -0.8, 0.5], requires_grad=True))


def hooked(h: torch.Tensor, kind: str, calls: list) -> torch.Tensor:
    def times(factor: float) -> Any:
        return lambda grads: tuple([None if g is None else g * factor for g in grads])
    if kind == "scale":
        h.register_hook(lambda g: (calls.append(1), g * 2)[1])
    elif kind == "clamp":
        h.register_hook(lambda g: g.clamp(-0.5, 0.5))
    elif kind == "after node":
        h.grad_fn.register_hook(lambda inputs, outputs: times(3.0)(inputs))
    elif kind == "before node":
        h.grad_fn.register_prehook(times(3.0))
    return h


def numbers(grads: Any) -> list:
    return [None if g is None else g.tolist() for g in grads]


def alike(a: list, b: list) -> bool:
    """The same but for rounding, None where the other has None."""
    return all(p is q if p is None or q is None else p == pytest.approx(q, rel=1e-4, abs=1e-5) for p, q in zip(a, b, strict=True))


@pytest.mark.parametrize("hook", HOOKS)
def test_the_gradient_passes_hooks_of_activations_that_are_gone(hook):
    def turn(read: bool) -> tuple[list, int]:
        (x, w), calls = ends(), []
        loss = (lambda h: ((h * h * w)**3).sum())(hooked((x * w).sin(), hook, calls))
        if read:
            loss.item()
        loss.backward()
        return numbers((x.grad, w.grad)), len(calls)
    plain = turn(False)
    for _ in range(TURNS):
        found = turn(True)
        assert alike(found[0], plain[0]) and found[1] == plain[1] == (hook == "scale")


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("alive", [False, True])
@pytest.mark.parametrize("more", [False, True])
def test_second_gradients_pass_hooks(hook, alive, more):
    def turn(read: bool) -> tuple[list, int]:
        (x, w), calls = ends(), []
        h = hooked((x * w).sin(), hook, calls)
        loss = ((h * h * w)**3).sum()
        if not alive:
            del h
        if read:
            loss.item()
        g, = torch.autograd.grad(loss, x, create_graph=True)
        return numbers(torch.autograd.grad((g * g).sum() + (loss if more else 0), [x, w])), len(calls)
    plain = turn(False)
    for _ in range(TURNS):
        found = turn(True)
        assert alike(found[0], plain[0]) and found[1] == plain[1]


@pytest.mark.parametrize("first", ["x", "h", "x h"])
@pytest.mark.parametrize("way", ["grad", "retain_grad", "third"])
def test_second_gradients_at_activations(first, way):
    def turn(read: bool) -> list:
        x, w = ends()
        h = (x * w).sin()
        k = h * h * w
        if way == "retain_grad":
            h.retain_grad()
            k.retain_grad()
        loss = (k**3).sum()
        if read:
            loss.item()
        there = {"x": x, "h": h}
        grads = torch.autograd.grad(loss, [there[name] for name in first.split()], create_graph=True)
        s = sum((g * g).sum() for g in grads)
        if way == "retain_grad":
            s.backward()
            return numbers((h.grad, k.grad, x.grad, w.grad))
        if way == "third":
            g, = torch.autograd.grad(s, h, create_graph=True)
            s = (g * g).sum()
        return numbers(torch.autograd.grad(s, [h, k, x, w]))
    plain = turn(False)
    assert all(any(g) for g in plain)
    for _ in range(TURNS):
        assert alike(turn(True), plain)


@pytest.mark.parametrize("read", [False, True])
def test_a_second_gradient_does_not_go_where_the_first_does_not_depend(read):
    x, w = ends()
    h = x * 2
    calls = []
    loss = (h + w).sum() + (w * w * w).sum()
    h.register_hook(lambda g: calls.append(1))
    if read:
        loss.item()
    g, = torch.autograd.grad(loss, w, create_graph=True)
    assert torch.autograd.grad(g.sum(), [h, x], allow_unused=True, retain_graph=True) == (None, None)
    assert calls == []


@pytest.mark.parametrize("read", [False, True])
def test_hooks_beyond_what_is_asked_for_do_not_run(read):
    x, w = ends()
    h = x * w
    h.retain_grad()
    k = h * h
    loss = (k * k).sum()
    if read:
        loss.item()
    g, = torch.autograd.grad(loss, k, retain_graph=True)
    assert h.grad is None and g is not None
    loss.backward()
    torch.testing.assert_close(h.grad, 4 * h**3)


def test_what_does_not_depend_on_a_value_is_told_through_loops():
    x, w = ends()
    values = [w, *(w * k for k in range(2, 12))]
    h = x * 2
    loss = h.sum() + sum((v * v.sin()).sum() for v in values)
    loss.item()
    gx, gw = torch.autograd.grad(loss, [x, w], create_graph=True)
    assert not gx.requires_grad and gw.requires_grad
    assert torch.autograd.grad(gw.sum(), [x, h], allow_unused=True) == (None, None)
