"""Transforms of custom functions whose forward, backward and jvp compute with numpy."""
from __future__ import annotations

import numpy as np
import pytest
from bilinear import bilinear

import torchish as torch
import torchish.autograd.forward_ad as fw
from torchish.func import grad, hessian, jacfwd, jacrev, jvp, vjp, vmap


def array(x):
    return x.numpy()      # allowed in a forward, where no graph is recorded


def _mapped(info, dims, x, y):
    x, y = (a.expand(info.batch_size, *a.shape) if d is None else a.movedim(d, 0) for a, d in zip((x, y), dims, strict=True))
    return Both.apply(x, y), 0


Both = bilinear(lambda x, y: torch.tensor(array(x) * array(y)), _mapped)


class Cube(torch.autograd.Function):
    """x ** 3, and its derivative, which the derivatives take from there"""

    @staticmethod
    def forward(x):
        return torch.tensor(array(x) ** 3), torch.tensor(3 * array(x) ** 2)

    @staticmethod
    def setup_context(ctx, inputs, outputs):
        ctx.save_for_backward(*inputs, outputs[1])
        ctx.save_for_forward(*inputs, outputs[1])

    @staticmethod
    def backward(ctx, g, h):
        x, slope = ctx.saved_tensors
        return Both.apply(g, slope) + 6 * Both.apply(h, x)

    @staticmethod
    def jvp(ctx, t):
        x, slope = ctx.saved_tensors
        return Both.apply(t, slope), 6 * Both.apply(t, x)

    @staticmethod
    def vmap(info, dims, x):
        return Cube.apply(x), (dims[0], dims[0])


def f(x):
    """8 x ** 4"""
    return Cube.apply(2 * x)[0] * x


def total(x):
    return f(x).sum()


@pytest.fixture
def x():
    return torch.tensor([0.5, 1., 2.])


T = torch.tensor([1., 2., 3.])
FIRST, SECOND = [4., 32., 256.], [24., 96., 384.]


def test_tangents(x):
    out, change = jvp(f, (x,), (T,))
    assert out.tolist() == [0.5, 8, 128] and change.tolist() == [4, 64, 768] and not change.requires_grad
    assert torch.equal(jacfwd(f)(x), torch.tensor(FIRST).diag())
    jacobian, aux = jacfwd(lambda x, y: (f(x) * y, x * 2), has_aux=True, argnums=(0, 1))(x, T)
    assert torch.equal(jacobian[0], (torch.tensor(FIRST) * T).diag()) and torch.equal(jacobian[1], f(x).diag())
    assert aux.tolist() == [1, 2, 4]
    assert jacfwd(f)(torch.ones(0)).shape == (0, 0)
    out, change = vmap(lambda x, t: jvp(f, (x,), (t,)))(x, T)
    assert change.tolist() == [4, 64, 768]
    assert torch.equal(vmap(lambda t: jvp(f, (x,), (t,))[1])(torch.eye(3)), torch.tensor(FIRST).diag())


def test_second_derivatives_in_every_order(x):
    want = torch.tensor(SECOND)
    assert torch.equal(hessian(total)(x[:2]), want[:2].diag())
    for found in (jacfwd(jacrev(total)), jacrev(jacrev(total)), jacfwd(jacfwd(total)), jacrev(jacfwd(total))):
        assert found(x[2:]).tolist() == [[384]]
    for found in (lambda x: jvp(grad(total), (x,), (T,)), lambda x: jvp(lambda x: jvp(f, (x,), (torch.ones(3),))[1], (x,), (T,)),
                  lambda x: jvp(lambda x: vjp(f, x)[1](torch.ones(3))[0], (x,), (T,))):
        first, second = found(x)
        assert first.tolist() == FIRST and torch.equal(second, want * T) and not second.requires_grad
    assert torch.equal(grad(lambda x: grad(total)(x).sum())(x), want)
    assert torch.equal(grad(lambda x: jvp(f, (x,), (T,))[1].sum())(x), want * T)


def test_transforms_of_the_members_of_a_batch(x):
    X = torch.stack([x[:2], x[1:]], 1)      # members: columns
    first, second = (torch.tensor([[a[0], a[1]], [a[1], a[2]]]) for a in (FIRST, SECOND))
    diagonal = torch.diag_embed
    ones = torch.ones(2)
    for mapped, want in ((lambda x: vjp(f, x)[1](ones)[0], first), (jacrev(f), diagonal(first)), (jacfwd(f), diagonal(first)),
                         (hessian(total), diagonal(second)), (grad(lambda x: grad(total)(x).sum()), second),
                         (vmap(lambda x: vjp(f, x)[1](ones[0])[0]), first)):
        assert torch.equal(vmap(mapped, in_dims=1)(X), want)
    value, (slope, kept) = vmap(lambda x, k: (vjp(f, x)[0], (jacrev(f)(x), k)), (1, None), (1, (-1, None)))(X, x)
    assert torch.equal(value, f(X)) and torch.equal(slope, diagonal(first).movedim(0, -1)) and kept is x
    X.requires_grad_()
    pulled, = torch.autograd.grad(vmap(grad(total), in_dims=1)(X).sum(), X)
    assert torch.equal(pulled, second.T) and X.grad is None
    torch.manual_seed(0)
    state = torch.get_rng_state()
    noisy = lambda x: jacrev(f)(x) * torch.rand(1)
    with pytest.raises(RuntimeError, match="vmap: called random operation while in randomness error mode"):
        vmap(noisy)(x[:, None])
    assert torch.equal(torch.get_rng_state(), state)
    one = torch.rand(1).item()
    torch.set_rng_state(state)
    for randomness, equal in (("same", True), ("different", False)):
        ratio = vmap(noisy, randomness=randomness)(x[:, None]).flatten() / torch.tensor(FIRST)
        assert torch.allclose(ratio[:1], torch.tensor(one)) is equal and torch.allclose(ratio, ratio[:1]) is equal


def test_gradients_of_tangents_outside(x):
    x.requires_grad_()
    out, change = jvp(f, (x,), (T,))
    assert torch.equal(torch.autograd.grad(change.sum(), x)[0], torch.tensor(SECOND) * T)
    out, change = jvp(lambda x: vjp(f, x)[1](torch.ones(3))[0], (x,), (T,))
    assert torch.equal(torch.autograd.grad(out.sum(), x, retain_graph=True)[0], torch.tensor(SECOND))
    assert torch.allclose(torch.autograd.grad(change.sum(), x)[0], 192 * x * T)


def test_dual_tensors(x):
    x.requires_grad_()
    with fw.dual_level():
        out, change = fw.unpack_dual(f(fw.make_dual(x, T)))
        assert change.tolist() == [4, 64, 768]
        first, = torch.autograd.grad(out.sum(), x, retain_graph=True)
        second, = torch.autograd.grad(change.sum(), x)
    assert first.tolist() == FIRST and torch.equal(second, torch.tensor(SECOND) * T)


def test_gradients_inside_a_dual_level_have_tangents(x):
    for leaf in (True, False):
        w = x.clone().requires_grad_() if leaf else x.clone().requires_grad_() * 1
        with fw.dual_level():
            dual = fw.make_dual(w, T)
            out = f(dual * 1).sum()
            for at in (w, dual):
                slope, change = fw.unpack_dual(torch.autograd.grad(out, at, create_graph=True)[0])
                assert slope.tolist() == FIRST and torch.equal(change, torch.tensor(SECOND) * T)


class Old(torch.autograd.Function):
    """exp: forward has the ctx, and jvp reads a value of the tangent"""
    seen: list = []

    @staticmethod
    def forward(ctx, x, scale):
        ctx.result = torch.tensor(np.exp(array(x)))
        ctx.save_for_forward(x)
        out = ctx.result * 1
        ctx.save_for_backward(out)
        ctx.set_materialize_grads(False)
        return out, x.round()

    @staticmethod
    def backward(ctx, g, h):
        return g * ctx.saved_tensors[0], None

    @staticmethod
    def jvp(ctx, t, s):
        Old.seen.append((t.tolist(), s))
        return ctx.result * t, None


def test_a_jvp_of_the_old_form_gets_what_forward_kept():
    x = torch.tensor([0., 1.])
    with fw.dual_level():
        y, z = Old.apply(fw.make_dual(x, torch.tensor([1., 2.])), torch.ones(1))
        assert torch.allclose(fw.unpack_dual(y * 2).tangent, 2 * x.exp() * torch.tensor([1., 2.]))
        assert fw.unpack_dual(z).tangent is None
        assert Old.apply(x, torch.ones(1))[1].tolist() == [0, 1]
    assert Old.seen == [([1, 2], None)]
    w = x.clone().requires_grad_()
    with fw.dual_level():
        y, _ = Old.apply(fw.make_dual(w, torch.tensor([1., 2.])), torch.ones(1))
        slope, change = fw.unpack_dual(torch.autograd.grad(y.sum(), w)[0])
    assert torch.allclose(slope, x.exp()) and torch.allclose(change, x.exp() * torch.tensor([1., 2.]))
