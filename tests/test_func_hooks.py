"""Hooks inside functions that are differentiated, and what such functions may not do to their tensors."""
from __future__ import annotations

import pytest

import torchish as torch
from torchish.func import grad, grad_and_value, hessian, jacfwd, jacrev, jvp, vjp, vmap


@pytest.fixture
def x():
    return torch.tensor([1.0, 2.0])


def hooked(v):
    v.register_hook(lambda g: g * 10)
    return (v * v).sum()


def test_a_hook_replaces_the_gradient_in_every_transform(x):
    assert grad(hooked)(x).tolist() == [20, 40]
    g, value = grad_and_value(hooked)(x)
    assert (g.tolist(), value.item()) == ([20, 40], 5)
    assert vjp(hooked, x)[1](torch.tensor(3.0))[0].tolist() == [60, 120]
    first, second = jacrev(lambda v: (hooked(v), v * 3))(x)
    assert (first.tolist(), second.tolist()) == ([20, 40], [[30, 0], [0, 30]])
    assert jacrev(hooked, chunk_size=1)(x).tolist() == [20, 40]
    assert vmap(grad(hooked))(torch.stack([x, 2 * x])).tolist() == [[20, 40], [40, 80]]


def test_a_hooks_own_computation_is_differentiated(x):
    def f(v):
        y = v ** 2
        y.register_hook(lambda g: g * y)
        return (y * v).sum()
    diagonal = [[10, 0], [0, 68]]
    for second in (jacrev(grad(f)), jacfwd(grad(f)), hessian(f)):
        assert second(x).tolist() == diagonal
    x.requires_grad_()
    assert torch.autograd.grad(grad(f)(x).sum(), x)[0].tolist() == [10, 68]


def test_what_a_hook_has_kept_has_the_value_of_the_last_pull(x):
    kept = []

    def f(v):
        y = v * 2
        y.register_hook(lambda g: (kept.append(g), g * 10)[1])
        return y * y, v.sum()
    _, pull = vjp(f, x)
    one, two = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    assert pull((one, torch.tensor(1.0)))[0].tolist() == [81, 1]
    assert kept[-1].tolist() == [4, 0]
    assert pull((two, torch.tensor(0.0)))[0].tolist() == [0, 160]


def test_hooks_for_saved_tensors_are_refused(x):
    def packs(v):
        with torch.autograd.graph.save_on_cpu():
            return v.sin().sum()
    match = r"torch.func.{grad, vjp, jacrev, hessian} don't yet support saved tensor hooks"
    for run in (grad(packs), jacrev(packs), hessian(packs), lambda v: vjp(packs, v)):
        with pytest.raises(RuntimeError, match=match):
            run(x)
    with torch.autograd.graph.save_on_cpu(), pytest.raises(RuntimeError, match=match):
        grad(lambda v: v.sum())(x)
    assert jvp(packs, (x,), (x,))[0].shape == ()
    with torch.autograd.graph.save_on_cpu():        # and afterwards all is as before
        assert torch.autograd.graph.save_on_cpu is not None


def test_what_is_differentiated_is_a_leaf_that_flags_do_not_change(x):
    seen = []
    grad(lambda v: (seen.append((v.is_leaf, v.requires_grad, v.grad_fn)), v.sum())[1])(x)
    assert seen == [(True, True, None)]
    for transform in (grad, lambda f: lambda v: vjp(f, v), jacrev):
        with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place operation"):
            transform(lambda v: v.mul_(2).sum())(x)
    for transform in (grad, vmap, jacfwd, lambda f: vmap(grad(f))):
        with pytest.raises(RuntimeError, match=r"You are attempting to call Tensor.requires_grad_\(\)"):
            transform(lambda v: v.clone().requires_grad_().sum())(torch.ones(2, 2))
    with pytest.raises(RuntimeError, match=r"You are attempting to call Tensor.retain_grad\(\)"):
        grad(lambda v: (v * 2).retain_grad())(x)
    y = torch.zeros(2)
    assert jvp(lambda v, y: y.copy_(v), (x, y), (x, x))[1].tolist() == [1, 2] and y.tolist() == [1, 2]


EMPTY = r"Expected f to be a function that has non-empty output \(got output = "
REFUSED = [
    (lambda x: vjp(lambda v: None, x), r"vjp\(f, \*primals\): " + EMPTY + r"\[None\]\)"),
    (lambda x: jvp(lambda v: (), (x,), (x,)), r"jvp\(f, primals, tangents\): " + EMPTY + r"\[\]\)"),
    (lambda x: jacrev(lambda v: ())(x), r"vjp\(f, \*primals\): " + EMPTY),
    (lambda x: jacfwd(lambda v: None)(x), r"jvp\(f, primals, tangents\): " + EMPTY),
    (lambda x: jacrev(torch.conj)(x * 1j), "jacrev: Expected all inputs to be real"),
    (lambda x: jacrev(lambda v: v * 1j)(x), "jacrev: Expected all outputs to be real"),
    (lambda x: jacfwd(lambda v: v * 1j)(x), "jacfwd: Expected all outputs to be real"),
]


@pytest.mark.parametrize("k", range(len(REFUSED)))
def test_errors_are_torchs(k, x):
    call, text = REFUSED[k]
    with pytest.raises(RuntimeError, match=text):
        call(x)
