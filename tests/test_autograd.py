"""Autograd as torch users know it: leaves, graphs, hooks, orders of differentiation, errors."""
from __future__ import annotations

import math
import warnings

import jax
import numpy as np
import pytest

import torchish as torch
from torchish.autograd import grad


def chain(node):
    """Names along the first edges, to the leaf."""
    names = []
    while node is not None:
        names.append(node.name())
        node = next((n for n, _ in node.next_functions if n is not None), None)
    return names


def test_the_notebook():
    x, y = torch.ones(5), torch.zeros(3)
    w, b = torch.rand(5, 3, requires_grad=True), torch.rand(3, requires_grad=True)
    z = torch.matmul(x, w) + b
    loss = torch.nn.functional.binary_cross_entropy_with_logits(z, y)
    assert repr(z.grad_fn).startswith("<AddBackward0 object at 0x")
    assert repr(loss.grad_fn).startswith("<BinaryCrossEntropyWithLogitsBackward0 object at 0x")
    assert chain(loss.grad_fn) == ["BinaryCrossEntropyWithLogitsBackward0", "AddBackward0", "SqueezeBackward4", "MmBackward0",
                                   "torch::autograd::AccumulateGrad"]
    loss.backward(retain_graph=True)
    expected = torch.sigmoid(z.detach()) / 3
    assert torch.allclose(w.grad, expected.expand(5, 3))
    assert torch.allclose(b.grad, expected)
    loss.backward()
    assert torch.allclose(b.grad, 2 * expected)
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        loss.backward()
    with pytest.warns(UserWarning, match="is not a leaf Tensor is being accessed"):
        assert z.grad is None
    assert not z.detach().requires_grad
    with torch.no_grad():
        assert not (torch.matmul(x, w) + b).requires_grad


def test_graph_that_changes_at_every_iteration():
    for i in range(1, 7):
        x = torch.arange(1.0, i + 1).reshape(i, 1).requires_grad_()
        y = x
        for _ in range(i % 3):
            y = y * x
        y = y.sin() if i % 2 else y.exp()
        y.sum().backward()
        f = {0: lambda v: v, 1: lambda v: v * v, 2: lambda v: v * v * v}[i % 3]
        g = jax.grad(lambda v, f=f, i=i: (jax.numpy.sin(f(v)) if i % 2 else jax.numpy.exp(f(v))).sum())(
            jax.numpy.arange(1.0, i + 1).reshape(i, 1))
        assert torch.allclose(x.grad, torch.tensor(np.asarray(g, np.float32)), rtol=1e-4)


@pytest.mark.parametrize("observe", [False, True])
def test_three_orders(observe):
    x = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64, requires_grad=True)
    y = (x ** 4).sum()
    for power, factor in ((3, 4), (2, 12), (1, 24)):
        if observe:
            float(y)
        g, = grad(y, x, create_graph=True)
        assert torch.allclose(g.detach(), factor * x.detach() ** power)
        y = g.sum()


@pytest.mark.parametrize("ready", [False, True])
def test_what_only_a_mask_or_an_index_was_computed_from_has_no_gradient(ready):
    for use in (lambda x, a: torch.where(x * 2 > 0, a, a * 2), lambda x, a: a[(x * 1).argmax()], lambda x, a: a[x.argsort()],
                lambda x, a: a * (x > 0), lambda x, a: a.gather(0, torch.sort(x * a)[1])):
        x, a = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
        y = use(x, a).sum()
        if ready:
            y.item()
        first, = grad(y, a, create_graph=True)
        assert grad(y, x, retain_graph=True, allow_unused=True) == (None,)
        y.backward()
        assert x.grad is None and a.grad.equal(first)


def test_gradient_penalty():
    torch.manual_seed(0)
    w = torch.randn(3, 3, requires_grad=True)
    x = torch.randn(4, 3, requires_grad=True)

    def penalty(w, x):
        out = jax.numpy.tanh(x @ w).sum()
        return out

    def full(w, x):
        g = jax.grad(penalty, 1)(w, x)
        return ((jax.numpy.sqrt((g ** 2).sum(1)) - 1) ** 2).mean()

    out = torch.tanh(x @ w).sum()
    g, = grad(out, x, create_graph=True)
    ((g.pow(2).sum(1).sqrt() - 1) ** 2).mean().backward()
    expected = jax.grad(full)(w.detach().numpy(), x.detach().numpy())
    assert torch.allclose(w.grad, torch.tensor(expected), rtol=1e-4, atol=1e-6)


def test_gradient_of_a_result_in_the_middle():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    h = x * 3
    y = (h * h).sum()
    gh, gx = grad(y, [h, x])
    assert gh.tolist() == [6.0, 12.0]
    assert gx.tolist() == [18.0, 36.0]


def test_retain_grad_and_hooks():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    h = x * 2
    h.retain_grad()
    h.register_hook(lambda g: g * 10)
    seen = []
    x.register_hook(lambda g: seen.append(g.tolist()))
    handle = h.register_hook(lambda g: g * 1000)
    handle.remove()
    (h * h).sum().backward()
    assert h.grad.tolist() == [40.0, 80.0]
    assert x.grad.tolist() == [80.0, 160.0]
    assert seen == [[80.0, 160.0]]


def test_hook_after_the_value_was_seen():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    h = x * 2
    y = (h * h).sum()
    assert float(y) == 20.0
    h.register_hook(lambda g: g * 10)
    y.backward()
    assert x.grad.tolist() == [80.0, 160.0]


def test_post_accumulate_hook():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    handle = x.register_post_accumulate_grad_hook(lambda p: p.grad.mul_(2) is None or None)
    (x * 3).sum().backward()
    assert x.grad.tolist() == [6.0, 6.0]
    handle.remove()
    x.register_post_accumulate_grad_hook(lambda p: p.detach())
    with pytest.raises(RuntimeError, match="Tensor post accumulate grad hooks should return None."):
        (x * 3).sum().backward()


def test_errors():
    with pytest.raises(RuntimeError, match="element 0 of tensors does not require grad and does not have a grad_fn"):
        torch.ones(2).sum().backward()
    x = torch.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar outputs"):
        (x * 2).backward()
    with pytest.raises(RuntimeError, match="Mismatch in shape"):
        (x * 2).backward(torch.ones(3))
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place operation"):
        x.add_(1)
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad is being used in an in-place operation"):
        x[0] = 3
    with pytest.raises(RuntimeError, match="only Tensors of floating point"):
        torch.ones(2, dtype=torch.int64).requires_grad_()
    with pytest.raises(RuntimeError, match="you can only change requires_grad flags of leaf variables"):
        (x * 2).requires_grad_(False)
    with pytest.raises(RuntimeError, match="not have been used in the graph"):
        grad(x.sum(), torch.ones(2, requires_grad=True))
    assert grad(x.sum(), torch.ones(2, requires_grad=True), allow_unused=True) == (None,)
    with pytest.raises(RuntimeError, match="Can't call numpy"):
        (x * 2).numpy()
    with torch.no_grad():
        np.testing.assert_array_equal(x.numpy(), np.asarray(x))


def test_an_op_that_saves_nothing_may_be_gone_through_twice():
    x = torch.ones(3, requires_grad=True)
    y = (x + 1).sum()
    y.backward()
    y.backward()
    assert x.grad.tolist() == [2.0] * 3
    z = (x * x).sum()
    z.backward()
    with pytest.raises(RuntimeError, match="second time"):
        z.backward()


def test_no_grad_in_all_forms():
    x = torch.ones(2, requires_grad=True)

    @torch.no_grad()
    def decorated():
        return x * 2

    @torch.no_grad
    def bare():
        return x * 2

    @torch.no_grad()
    def generator():
        yield x * 2
        yield x * 3

    assert not decorated().requires_grad
    assert not bare().requires_grad
    for y in generator():
        assert not y.requires_grad
        assert (x * 2).requires_grad
    with torch.no_grad():
        with torch.enable_grad():
            assert (x * 2).requires_grad
        assert not (x * 2).requires_grad
    torch.set_grad_enabled(False)
    assert not (x * 2).requires_grad
    torch.set_grad_enabled(True)
    with torch.inference_mode():
        assert not (x * 2).requires_grad
    assert torch.is_grad_enabled()


def test_in_place_on_results_keeps_gradients_right():
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 2
    y[1] = 0
    y += x
    y[0] *= 5
    (y * y).sum().backward()
    # y = [15 x0, x1, 3 x2]
    assert x.grad.tolist() == [2 * 15 * 15 * 1.0, 2 * 2.0, 2 * 9 * 3.0]


def test_writes_through_data_leave_no_trace():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * 3
    y.data.mul_(10)
    assert y.tolist() == [30.0, 60.0]
    (y * y).sum().backward()
    assert x.grad.tolist() == [180.0, 360.0]
    x.data += 1
    assert x.tolist() == [2.0, 3.0]
    assert x.is_leaf


def test_backward_with_inputs_and_grad_of_several_roots():
    a, b = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    (a * b).sum().backward(inputs=[a])
    assert a.grad is not None
    assert b.grad is None
    ga, gb = grad([(a * 2).sum(), (a * b * 3).sum()], [a, b])
    assert ga.tolist() == [5.0, 5.0]
    assert gb.tolist() == [3.0, 3.0]


def test_complex_gradients_follow_torch():
    z = torch.tensor([1 + 2j, 3 - 1j], requires_grad=True)
    (z * z.conj()).real.sum().backward()
    assert z.grad.tolist() == [2 + 4j, 6 - 2j]
    w = torch.tensor([1 + 2j], requires_grad=True)
    (w * w).imag.sum().backward()
    # d imag(w^2) = 2 (v du + u dv): torch's gradient is 2v + 2u j
    assert w.grad.tolist() == [4 + 2j]


def test_leaf_made_on_the_tape():
    base = torch.arange(4.0)
    x = (base * 2 + 1).requires_grad_()
    (x * x).sum().backward()
    assert x.grad.tolist() == [2.0, 6.0, 10.0, 14.0]


def test_warning_only_for_non_leaves():
    x = torch.ones(2, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert x.grad is None
        assert torch.ones(2).grad is None


def test_gradgradcheck_draws_its_cotangents_as_torch_does():
    torch.manual_seed(0)
    x = torch.rand(3, 3, requires_grad=True, dtype=torch.double)
    assert torch.autograd.gradcheck(torch.sin, x) and torch.autograd.gradgradcheck(torch.sin, x)
    assert round(torch.rand(1).item(), 4) == 0.2081


@pytest.mark.parametrize("look", [False, True])
def test_third_derivatives_beside_second_ones(look):
    """A network's u_t + 6 u u_x + u_xxx: each further gradient goes through the entries of those before."""
    weights = [np.linspace(-1.0, 1.0, math.prod(shape), dtype=np.float32).reshape(shape)
               for shape in ((2, 5), (5,), (5, 5), (5,), (5, 1), (1,))]
    at = np.linspace(-0.5, 0.7, 4, dtype=np.float32)

    def network(w, x, t, stack, tanh):
        h = tanh(stack([x, t], 1) @ w[0] + w[1])
        return (tanh(h @ w[2] + w[3]) @ w[4] + w[5])[:, 0]

    def d(y, of):
        found = grad(y.sum(), of, create_graph=True)[0]
        if look:
            found.tolist()      # ends the tape: what follows goes through older graphs
        return found

    def in_jax(w, x, t):
        def u(x, t):
            return network(w, x[None], t[None], jax.numpy.stack, jax.numpy.tanh)[0]
        def residual(x, t):
            third = jax.grad(jax.grad(jax.grad(u)))(x, t)
            return jax.grad(u, 1)(x, t) + 6 * u(x, t) * jax.grad(u)(x, t) + third
        return (jax.vmap(residual)(x, t) ** 2).mean()

    value, slopes = jax.value_and_grad(in_jax)(weights, at, at[::-1])
    for _ in range(3):
        w = [torch.tensor(a, requires_grad=True) for a in weights]
        x, t = torch.tensor(at, requires_grad=True), torch.tensor(at[::-1].copy(), requires_grad=True)
        u = network(w, x, t, torch.stack, torch.tanh)
        u_x = d(u, x)
        loss = (d(u, t) + 6 * u * u_x + d(d(u_x, x), x)).square().mean()
        for found, wanted in zip([loss, *grad(loss, w)], [value, *slopes], strict=True):
            np.testing.assert_allclose(found.detach().numpy(), wanted, rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("counted", [
    lambda x: x.norm(0), lambda x: torch.linalg.vector_norm(x, 0, dim=(0, 1)), lambda x: torch.dist(x, torch.zeros(3, 3), 0),
    lambda x: torch.linalg.slogdet(x).sign, lambda x: torch.slogdet(x * 2)[0]])
def test_what_has_no_derivative_requires_a_gradient_and_passes_none(counted):
    x = (torch.ones(3, 3) + torch.eye(3)).requires_grad_()
    y = counted(x)
    assert y.requires_grad
    y.backward()
    assert x.grad is None
    (counted(x) + x.sum()).backward()
    assert x.grad.tolist() == torch.ones(3, 3).tolist()
    seen, z = [], counted(x)
    z.grad_fn.register_hook(lambda below, above: seen.append(below))
    z.backward()
    assert x.grad.tolist() == torch.ones(3, 3).tolist() and all(g is None for g in seen[0])
    counted(x).item()       # in the graph of an ended tape, too
    with pytest.raises(RuntimeError, match="appears to not have been used in the graph"):
        torch.autograd.grad(counted(x), x)


def test_the_sign_of_a_complex_determinant_passes_gradients():
    x = (torch.ones(2, 2) + 1j * torch.eye(2)).requires_grad_()
    torch.linalg.slogdet(x).sign.real.backward()
    assert x.grad.abs().max() > 0.01


@pytest.mark.parametrize(("mean", "std", "number"), [(True, False, 1), (False, True, 2), (True, True, 3)])
def test_normal_numbers_have_the_node_of_their_overload(mean, std, number):
    given = [torch.ones(2, requires_grad=True) if tensor else 1.0 for tensor in (mean, std)]
    assert torch.normal(*given).grad_fn.name() == f"NormalBackward{number}"
