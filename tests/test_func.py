"""torch.func against the same transforms of JAX: gradients, Jacobians, batches, in any order; inside training steps."""
from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import torchish as torch
from torchish.func import grad, grad_and_value, hessian, jacfwd, jacrev, jvp, linearize, vjp, vmap
from torchish.tape import stats


def f(x):
    return (x.sin() * x).sum()


def jf(x):
    return (jnp.sin(x) * x).sum()


@pytest.fixture
def x():
    torch.manual_seed(0)
    return torch.randn(2, 3)


def arr(t):
    return jnp.asarray(t.detach().numpy())


def close(a, b):
    np.testing.assert_allclose(a.detach().numpy(), np.asarray(b), rtol=1e-5, atol=1e-5)


ORDERS = {
    "grad": (lambda: grad(f), lambda: jax.grad(jf)),
    "vmap grad": (lambda: vmap(grad(f)), lambda: jax.vmap(jax.grad(jf))),
    "vmap vmap": (lambda: vmap(vmap(torch.cos)), lambda: jnp.cos),
    "jacrev": (lambda: jacrev(torch.sin), lambda: jax.jacrev(jnp.sin)),
    "jacfwd": (lambda: jacfwd(torch.sin), lambda: jax.jacfwd(jnp.sin)),
    "hessian": (lambda: hessian(f), lambda: jax.hessian(jf)),
    "jacrev jacfwd": (lambda: jacrev(jacfwd(f)), lambda: jax.hessian(jf)),
    "vmap hessian": (lambda: vmap(hessian(f)), lambda: jax.vmap(jax.hessian(jf))),
    "grad vmap grad": (lambda: grad(lambda x: vmap(grad(f))(x).square().sum()),
                       lambda: jax.grad(lambda x: (jax.vmap(jax.grad(jf))(x) ** 2).sum())),
    "jvp grad": (lambda: lambda x: jvp(grad(f), (x,), (x,))[1], lambda: lambda x: jax.jvp(jax.grad(jf), (x,), (x,))[1]),
    "grad jvp": (lambda: grad(lambda x: jvp(f, (x,), (x,))[1]), lambda: jax.grad(lambda x: jax.jvp(jf, (x,), (x,))[1])),
    "vmap jvp": (lambda: vmap(lambda x: jvp(f, (x,), (x,))[1]), lambda: jax.vmap(lambda x: jax.jvp(jf, (x,), (x,))[1])),
    "vjp of vmap": (lambda: lambda x: vjp(vmap(f), x)[1](x[:, 0])[0], lambda: lambda x: jax.vjp(jax.vmap(jf), x)[1](x[:, 0])[0]),
    "linearize": (lambda: lambda x: linearize(grad(f), x)[1](x), lambda: lambda x: jax.jvp(jax.grad(jf), (x,), (x,))[1]),
}


@pytest.mark.parametrize("order", ORDERS)
def test_in_any_order(order, x):
    ours, theirs = ORDERS[order]
    close(ours()(x), theirs()(arr(x)))


def test_third_derivative_of_a_scalar():
    close(grad(grad(grad(torch.sin)))(torch.tensor(1.0)), -np.cos(1.0))


def test_gradients_are_conjugates_of_jax_where_complex():
    c = torch.randn(3, dtype=torch.complex64)
    close(grad(lambda z: z.abs().square().sum())(c), 2 * arr(c))


def test_trees_argnums_and_aux(x):
    y = x * 2

    def loss(d, k, y):
        return (d["a"] * y).sum() * k, {"y": y}
    (g, gy), (value, aux) = grad_and_value(loss, argnums=(0, 2), has_aux=True)({"a": x}, 3.0, y)
    close(g["a"], 3 * arr(y))
    close(gy, 3 * arr(x))
    close(value, 3 * (arr(x) * arr(y)).sum())
    assert aux["y"].shape == (2, 3) and not g["a"].requires_grad
    _, back = vjp(lambda d: {"p": d["a"] * 2, "q": d["a"].sum()}, {"a": x})
    close(back({"p": x, "q": torch.tensor(1.0)})[0]["a"], 2 * arr(x) + 1)
    block = jacrev(lambda a, b: {"o": a * b.sum()}, argnums=(0, 1))(x[0], y)["o"]
    assert [tuple(b.shape) for b in block] == [(3, 3), (3, 2, 3)]


def test_chunks_give_the_same(x):
    close(jacrev(torch.sin, chunk_size=2)(x), jax.jacrev(jnp.sin)(arr(x)))
    close(jacfwd(torch.sin, chunk_size=4)(x), jax.jacrev(jnp.sin)(arr(x)))


def test_the_pullback_may_be_mapped(x):
    _, back = vjp(torch.sin, x)
    close(vmap(back)(torch.stack([x, 2 * x]))[0], jnp.stack([arr(x), 2 * arr(x)]) * jnp.cos(arr(x)))


def no_grad_inside(v):
    with torch.no_grad():
        c = v * 2
    return (c * v).sum()


def test_no_grad_stops_cotangents_and_not_tangents(x):
    """As torch: no_grad is nothing to forward mode; detach stops both."""
    ones = torch.ones(2, 3)
    close(grad(no_grad_inside)(x), 2 * arr(x))
    close(grad(lambda v: vmap(no_grad_inside)(v).sum())(x), 2 * arr(x))
    close(jvp(no_grad_inside, (x,), (ones,))[1], (4 * arr(x)).sum())
    close(jvp(vmap(no_grad_inside), (x,), (ones,))[1], (4 * arr(x)).sum(1))
    close(jvp(grad(no_grad_inside), (x,), (ones,))[1], np.full((2, 3), 2.0))
    close(jvp(lambda v: (v.detach() * v).sum(), (x,), (ones,))[1], arr(x).sum())


def test_what_requires_grad_outside(x):
    w = torch.ones(3, requires_grad=True)
    assert grad(lambda v: (v * w).sum())(x).requires_grad
    assert not grad(lambda v: v.sum())(x).requires_grad
    with torch.no_grad():
        assert not grad(lambda v: (v * w).sum())(x).requires_grad
    grad(lambda v: (v * w * w).sum())(x).sum().backward()
    close(w.grad, np.full(3, 4.0))


def test_autograd_inside(x):
    w = torch.ones(3, requires_grad=True)
    close(vmap(lambda v: torch.autograd.grad((v * w * w).sum(), w)[0])(x), 2 * arr(x))


def test_python_may_look_at_values_where_there_is_no_batch(x):
    def branch(v):
        return (v * 2).sum() if v.sum() > 1000 else (v * 3).sum() * v.sum().item()
    close(grad(branch)(x), np.full((2, 3), 3 * arr(x).sum()))
    close(jvp(branch, (x,), (torch.ones(2, 3),))[1], 18 * arr(x).sum())


def test_writes_outside_happen_and_are_undone_by_an_error(x):
    z = x.clone()
    row = z[0]

    def writes(v, fail=False):
        z.mul_(2)
        if fail:
            raise ValueError("stop")
        return (v * row).sum()
    close(vmap(writes)(x), 2 * arr(x) @ arr(x)[0])
    close(z, 2 * arr(x))
    close(row, 2 * arr(x)[0])
    with pytest.raises(ValueError, match="stop"):
        vmap(lambda v: writes(v, fail=True))(x)
    close(z, 2 * arr(x))
    for write in (writes, lambda v: vmap(writes)(v).sum(), torch.nn.BatchNorm1d(3)):
        with pytest.raises(RuntimeError, match=r"During a grad .vjp, jvp, grad, etc. transform, .* would mutate a captured Tensor"):
            jvp(write, (x,), (x,))
    close(z, 2 * arr(x))


def test_a_step_with_transforms_is_one_program():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    opt = torch.optim.SGD(net.parameters(), 0.1)
    seen = []
    for step in range(6):
        v = torch.randn(6, 3)
        slope = vmap(grad(lambda row: net(row).sum()))(v)
        loss = net(v).square().mean() + (slope * (step + 1.5)).square().mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        seen.append(stats.compilations)
    # one program, and another one where the number is seen to change
    assert seen[5] == seen[2] and seen[2] - seen[0] <= 2
    assert all(np.isfinite(arr(p)).all() for p in net.parameters())


def test_a_step_has_the_gradients_of_jax():
    w = torch.randn(3, requires_grad=True)
    v = torch.randn(5, 3)

    def loss(w, v, tanh, mapped, gradient):
        return (mapped(gradient(lambda r: tanh((r * w).sum())))(v) ** 2).sum()
    loss(w, v, torch.tanh, vmap, grad).backward()
    close(w.grad, jax.grad(loss)(arr(w), arr(v), jnp.tanh, jax.vmap, jax.grad))


ERRORS = [
    (lambda x: grad(lambda v: v)(x), RuntimeError, "Expected f.* to return a scalar Tensor, got tensor with 2 dims"),
    (lambda x: grad(lambda v: 1.0)(x), RuntimeError, "Expected f.* to return a Tensor, got <class 'float'>"),
    (lambda x: grad(lambda v: v.sum(), argnums=1)(x), RuntimeError, "Got argnum=1, but only 1 positional inputs"),
    (lambda x: grad(lambda v: v.sum(), has_aux=True)(x), RuntimeError, "should be a tuple: .output, aux. if has_aux is True"),
    (lambda x: grad(lambda v: v.sum())(torch.ones(2, dtype=torch.int64)), RuntimeError, "only Tensors of floating point dtype"),
    (lambda x: vjp(torch.sin, x)[1](x[0]), RuntimeError, r"Mismatch in shape: grad_output\[0\] has a shape of torch.Size"),
    (lambda x: vjp(torch.sin, x)[1]((x,)), RuntimeError, r"cotangents: \(\*,\), primal output: \*"),
    (lambda x: jvp(torch.sin, x, x), RuntimeError, "Expected primals to be a tuple"),
    (lambda x: jvp(torch.sin, (x,), (x[0],)), RuntimeError, "different size than that of the original Tensor"),
    (lambda x: jvp(lambda v: torch.ones(3), (x,), (x,), strict=True), RuntimeError, "independent of the inputs"),
    (lambda x: jacrev(lambda v: v * 1j)(x), RuntimeError, "jacrev: Expected all outputs to be real"),
    (lambda x: linearize(torch.sin, x)[1](x[0]), RuntimeError, "tangent:0 with shape"),
]


@pytest.mark.parametrize("k", range(len(ERRORS)))
def test_errors_are_torchs(k, x):
    call, kind, text = ERRORS[k]
    with pytest.raises(kind, match=text):
        call(x)


def test_what_has_outlived_a_transform_keeps_its_value(x):
    """As torch: of grad, vjp and jvp, with its graph outside; of vmap there is no value without the batch."""
    kept, w = [], torch.ones(3, requires_grad=True)

    def keeps(v):
        kept.append(v * w)
        return v.sum()
    for run in (lambda: grad(keeps)(x), lambda: jvp(keeps, (x,), (x,)), lambda: vjp(keeps, x), lambda: grad(grad(keeps))(x.sum())):
        run()
        assert repr(kept[-1]).startswith("GradTrackingTensor(lvl=-2, value=\n    tensor(")
    close(torch.autograd.grad(kept[0].sum() + (kept[1] * 2).sum(), w)[0], 3 * arr(x).sum(0))
    close(vmap(lambda v: kept[2] * v)(x), arr(x) * arr(x)[:, None])
    close(grad(lambda v: (kept[2] * v).sum())(x), arr(x))
    x.add_(1)       # the values it was computed from are gone
    for refused in (lambda: vmap(keeps)(x), lambda: vmap(grad(keeps))(x)):
        refused()
        with pytest.raises(RuntimeError, match="Either your tensor may have escaped from inside a function being vmapped"):
            kept[-1] + 1
    grad(keeps)(x)
    x.add_(1)
    with pytest.raises(RuntimeError, match="made inside grad was used after it returned"):
        kept[-1] + 1


def test_a_gradient_of_a_sparse_argument_stands_at_its_places():
    sparse = torch.sparse_coo_tensor([[0, 1], [1, 0]], [1., 2.], (2, 3))
    found = grad(lambda s, d: torch.sparse.mm(s, d).square().sum(), argnums=(0, 1))(sparse, torch.ones(3, 2))
    assert found[0].is_sparse and found[0]._indices().tolist() == [[0, 1], [1, 0]] and found[0]._values().tolist() == [4, 8]
    assert found[1].tolist() == [[8, 8], [2, 2], [0, 0]]
    out, pull = vjp(lambda s: s.to_dense() * 3, sparse)
    assert out.tolist() == [[0, 3, 0], [6, 0, 0]]
    assert pull(torch.arange(6.).view(2, 3))[0].to_dense().tolist() == [[0, 3, 0], [9, 0, 0]]
    for call in (lambda: jvp(lambda s: s.to_dense(), (sparse,), (sparse,)), lambda: jacrev(lambda s: s.to_dense())(sparse),
                 lambda: jacfwd(lambda s: s.to_dense())(sparse), lambda: vmap(lambda s: s)(sparse)):
        with pytest.raises(NotImplementedError, match="Cannot access storage of SparseTensorImpl"):
            call()


@pytest.mark.parametrize("transform", [
    grad, jacrev, hessian, lambda f: grad(lambda x: grad(f)(x).square().sum()),
    lambda f: lambda x: jvp(f, (x,), (x,))[1]], ids=["grad", "jacrev", "hessian", "grad of grad", "jvp"])
def test_batch_norm_writes_statistics_that_transforms_do_not_see(transform):
    x = torch.tensor([[1., 2.], [3., 6.]])
    mean, var = torch.zeros(2), torch.ones(2)
    for _ in range(2):
        mean.zero_(), var.fill_(1)
        transform(lambda x: (torch.nn.functional.batch_norm(x * 2, mean, var, training=True) ** 3).sum())(x)
        assert torch.allclose(mean, torch.tensor([0.4, 0.8])) and torch.allclose(var, torch.tensor([1.7, 4.1]))
        assert not mean.requires_grad and mean.grad_fn is None
    with pytest.raises(RuntimeError, match="^Batch norm got a batched tensor as input while the running_mean or running_var"):
        vmap(grad(lambda x: torch.nn.functional.batch_norm(x, mean, var, training=True).sum()))(torch.stack([x, x]))
    with pytest.raises(RuntimeError, match=r"attempted to call in-place operation \(aten::add_.Tensor\) that would mutate"):
        grad(lambda x: mean.add_(x[0]).sum())(x)
