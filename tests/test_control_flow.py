"""cond, while_loop, scan, associative_scan, map: values, gradients and errors."""
from __future__ import annotations

import numpy as np
import pytest
from counting import counting

import torchish as torch
from torchish._higher_order_ops import associative_scan, map, scan, while_loop

X = np.arange(6, dtype=np.float32).reshape(2, 3)


def test_cond_chooses_without_a_look():
    x, w = torch.tensor(X), torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    with counting() as count:
        for k in range(6):
            y = torch.cond(torch.tensor(k % 2 == 0), lambda a: {"r": (a * w).sum()}, lambda a: {"r": (a * w * w).sum()}, (x,))
            y["r"].backward()
            expected = X.sum(0) if k % 2 == 0 else 2 * w.detach().numpy() * X.sum(0)
            np.testing.assert_allclose(w.grad, expected)
            w.grad = None
    assert count.compiled <= 3


def test_cond_of_a_constant_and_errors():
    x = torch.tensor(X)
    with pytest.warns(UserWarning, match="Pred is a Python constant"):
        assert torch.cond(True, lambda a: a + 1, lambda a: a, (x,))[0, 0].item() == 1
    true = torch.tensor(True)
    for args, message in [((torch.tensor([1, 0]), abs, abs, (x,)), "Expected pred to be bool or single-element tensor"),
                          (("a", abs, abs, (x,)), "Expected pred to be bool or tensor, but got a."),
                          ((true, 3, abs, (x,)), "Expect both branches to be callable."),
                          ((true, abs, abs, x), "Expect operands to be a tuple of possibly nested"),
                          ((true, lambda a: a, lambda a: a.double(), (x,)), "expected same dtype but got torch.float32"),
                          ((true, lambda a: a, lambda a: a[0], (x,)), "expected same shape"),
                          ((true, lambda a: a, lambda a: (a, a), (x,)), "Unmatched output spec from torch.cond branches"),
                          ((true, lambda a: a.add_(1), lambda a: a, (x,)), "do not support input mutation")]:
        with pytest.raises(RuntimeError, match=message):
            torch.cond(*args)
    np.testing.assert_array_equal(x, X)     # what a refused branch wrote is taken back


def test_a_branch_that_draws_moves_the_generator():
    x = torch.ones(20)

    def run(flag):
        torch.manual_seed(0)
        y = torch.cond(torch.tensor(flag), lambda a: torch.nn.functional.dropout(a, 0.5), lambda a: a * 1, (x,))
        return y.tolist(), torch.rand(1).item()
    dropped, after = run(True)
    plain, untouched = run(False)
    torch.manual_seed(0)
    assert plain == [1.0] * 20 and untouched == torch.rand(1).item()
    torch.manual_seed(0)
    assert dropped == torch.nn.functional.dropout(x, 0.5).tolist() and after == torch.rand(1).item()


def test_while_loop():
    x, i = torch.tensor(X), torch.tensor(0)
    with counting() as count:
        for n in (3, 5, 9):
            limit = torch.tensor(n)
            k, y = while_loop(lambda i, y, limit=limit: i < limit, lambda i, y: (i + 1, y * 2), (i, x))
            assert k.item() == n
            np.testing.assert_allclose(y, X * 2 ** n)
    assert count.compiled <= 2
    w = torch.ones(3, requires_grad=True)
    y = torch.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * w * 2), (i, x))[1]
    y.sum().backward()
    np.testing.assert_allclose(w.grad, 24 * X.sum(0))
    for body, message in [(lambda i, y: (i + 1,), "same number of outputs"), (lambda i, y: (i + 1, y.sum()), "differ in 'shape"),
                          (lambda i, y: (i + 1, y.double()), "differ in 'dtype")]:
        with pytest.raises(RuntimeError, match=message):
            while_loop(lambda i, y: i < 3, body, (i, x))
    with pytest.raises(RuntimeError, match="unsupported cond_fn return type"):
        while_loop(lambda i, y: y, lambda i, y: (i + 1, y), (i, x))


def test_an_int_that_while_loop_carries_comes_back_as_one():
    def body(i, y):
        return i + 1, y * 2
    for start in (torch.ones(2), torch.ones(2, requires_grad=True)):
        k, y = while_loop(lambda i, y: i < 3, body, (0, start))
        assert type(k) is int and k == 3 and y.tolist() == [8, 8]
    assert while_loop(lambda i, y: False, body, (0, 1)) == (0, 1)
    pure = torch.to_jax(lambda y: while_loop(lambda i, y: i < 3, body, (0, y))[1])
    np.testing.assert_allclose(pure(np.ones(2, np.float32)), [8, 8])


def recurrent(cell, h, xs):
    out = []
    for x in xs:
        h, y = cell(h, x)
        out.append(y)
    return h, torch.stack(out)


def test_scan_against_a_python_loop():
    torch.manual_seed(0)
    w, b = torch.randn(3, 3, requires_grad=True), torch.randn(3, requires_grad=True)
    xs, h = torch.randn(5, 3), torch.zeros(3)

    def cell(h, x):     # the carry requires a gradient from the second turn on
        new = torch.tanh(h * 2 + x @ w + b)
        return new, new * x
    results = []
    for run in (lambda: scan(cell, h, xs), lambda: recurrent(cell, h, xs)):
        last, ys = run()
        grads = torch.autograd.grad(last.sum() + ys.square().sum(), (w, b))
        results.append([last, ys, *grads])
    for a, e in zip(*results, strict=True):
        torch.testing.assert_close(a, e, rtol=1e-4, atol=1e-5)


def test_scan_dimensions_structures_and_errors():
    x = torch.tensor(X)

    def add(c, t):
        return c + t, {"c": c + t, "t": (t * 1,)}
    _, ys = scan(add, torch.zeros(2), x, dim=1)
    np.testing.assert_allclose(ys["c"], np.cumsum(X, 1))
    np.testing.assert_allclose(ys["t"][0], X)
    _, ys = scan(add, torch.zeros(3), x, reverse=True)
    np.testing.assert_allclose(ys["c"], np.cumsum(X[::-1], 0)[::-1])
    for args, kwargs, error, message in [
            ((3, x[0], x), {}, RuntimeError, "Combine_fn must be a callable, but got 3"),
            ((add, (), x), {}, RuntimeError, r"scan\(\) operator requires init leaves"),
            ((add, 0.0, x), {}, RuntimeError, "All init leaves must be a Tensor but got 0.0"),
            ((add, x[0], x), {"dim": 5}, IndexError, "Dimension out of range"),
            ((add, x[0], x), {"reverse": 3}, RuntimeError, "Reverse must be a bool, but got"),
            ((lambda c, t: (c.sum(), t), x[0], x), {}, RuntimeError, "Expected init and carry to have same metadata")]:
        with pytest.raises(error, match=message):
            scan(*args, **kwargs)


def test_scan_draws_anew_at_every_turn():
    torch.manual_seed(0)
    _, ys = scan(lambda c, t: (c, torch.rand(20) + t * 0), torch.zeros(()), torch.zeros(4))
    after = torch.rand(1)
    torch.manual_seed(0)
    torch.testing.assert_close(ys, torch.stack([torch.rand(20) for _ in range(4)]))
    assert torch.equal(after, torch.rand(1))
    with pytest.raises(RuntimeError, match="draws when it is called"):
        scan(lambda c, t: (c, torch.randint(3, (2,))), torch.zeros(()), torch.zeros(4))


def test_associative_scan():
    x = torch.tensor(X, requires_grad=True)

    def linear(a, b):
        return {"u": a["u"] * b["u"], "v": b["u"] * a["v"] + b["v"]}
    y = associative_scan(linear, {"u": x, "v": x}, 1)
    u, v = np.cumprod(X, 1), X.copy()
    for k in (1, 2):
        v[:, k] += X[:, k] * v[:, k - 1]
    np.testing.assert_allclose(y["u"].detach(), u)
    np.testing.assert_allclose(y["v"].detach(), v)
    total, = torch.autograd.grad(associative_scan(torch.add, x, 1, combine_mode="generic").sum(), x)
    np.testing.assert_allclose(total, [[3, 2, 1]] * 2)
    with pytest.raises(ValueError, match="Combine_mode must either 'pointwise' or 'generic', but got foo"):
        associative_scan(torch.add, x, 0, combine_mode="foo")
    with pytest.raises(RuntimeError, match="differ in 'dtype"):
        associative_scan(lambda a, b: (a + b).double(), x, 0)


def test_map():
    x, w = torch.tensor(X), torch.ones(3, requires_grad=True)
    y = map(lambda row, v: {"s": (row * w).sum(), "r": row + v}, x, torch.ones(3))
    np.testing.assert_allclose(y["r"].detach(), X + 1)
    y["s"].sum().backward()
    np.testing.assert_allclose(w.grad, X.sum(0))
    with pytest.raises(RuntimeError, match="Leading dimensions of mapped xs must be consistent"):
        map(lambda p: p[0], (x, x[:1]))


def folded(a):
    return scan(lambda h, t: (h * t + t, h), torch.ones(()), a)[0]


def unrolled(a):
    h = torch.ones(())
    for t in a:
        h = h * t + t
    return h


def test_inside_function_transforms():
    x = torch.tensor(X) / 5
    v = x[1]
    func = torch.func

    def choose(a):
        return torch.cond(a.sum() > 1, lambda b: b * 2, lambda b: b * 3, (a,))

    def power(a):
        return while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * a), (torch.tensor(0), a))[1]
    for got, expected in [(func.vmap(folded)(x), torch.stack([unrolled(r) for r in x])),
                          (func.grad(folded)(v), func.grad(unrolled)(v)), (func.hessian(folded)(v), func.hessian(unrolled)(v)),
                          (func.vmap(choose)(x), torch.stack([x[0] * 3, x[1] * 2])), (func.jacfwd(choose)(v), 2 * torch.eye(3)),
                          (func.vmap(power)(x), x ** 4), (func.jacfwd(power)(v), torch.diag(4 * v ** 3)),
                          (torch.jit(folded)(v), unrolled(v)),
                          (scan(lambda h, t: (h + folded(t), h), torch.zeros(()), x)[0], unrolled(x[0]) + unrolled(x[1]))]:
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)
