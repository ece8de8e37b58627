"""Pure JAX functions of torchish code, and gradients against `jax.grad`."""
from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import torchish as torch
from torchish import nn
from torchish.testing import check_against_jax


def test_function_becomes_pure():
    def f(x, y):
        return (x * y).sum() + x.max()
    pure = torch.to_jax(f)
    x, y = jnp.array([1.0, 2.0, 3.0]), jnp.array([4.0, 5.0, 6.0])
    assert float(pure(x, y)) == 35.0
    np.testing.assert_allclose(jax.grad(pure)(x, y), [4.0, 5.0, 7.0])
    np.testing.assert_allclose(jax.jit(jax.vmap(pure))(x[None], y[None]), [35.0])


def test_module_and_its_parameters():
    torch.manual_seed(0)
    m = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    pure, params = torch.to_jax(m)
    assert set(params) == {"0.weight", "0.bias", "2.weight", "2.bias"}
    x = torch.randn(5, 4)
    xa = jnp.asarray(x.numpy())
    np.testing.assert_allclose(pure(params, xa), m(x).detach().numpy(), rtol=1e-6)
    grads = jax.grad(lambda p: (pure(p, xa) ** 2).sum())(params)
    (m(x) ** 2).sum().backward()
    for name, p in m.named_parameters():
        np.testing.assert_allclose(grads[name], p.grad.numpy(), rtol=1e-4, atol=1e-6)


def test_buffers_are_as_before():
    m = nn.BatchNorm1d(3)
    pure, params = torch.to_jax(m)
    before = m.running_mean.clone()
    pure(params, jnp.ones((4, 3)))
    assert torch.equal(m.running_mean, before)


def test_backward_inside_a_pure_function():
    def f(x):
        w = x.detach().requires_grad_()
        (w ** 3).sum().backward()
        return w.grad
    np.testing.assert_allclose(jax.jit(torch.to_jax(f))(jnp.array([1.0, 2.0])), [3.0, 12.0])


def test_no_grad_stops_jax_too():
    def f(x):
        with torch.no_grad():
            scale = x.sum()
        return (x * scale).sum()
    np.testing.assert_allclose(jax.grad(torch.to_jax(f))(jnp.array([1.0, 2.0])), [3.0, 3.0])


def test_check_against_jax_reports_the_largest_difference():
    x = torch.randn(3, 4, requires_grad=True)
    w = torch.randn(4, 2, requires_grad=True)
    report = check_against_jax(lambda x, w: torch.softmax(x @ w, -1).log(), x, w)
    assert report.largest < 1e-5
    assert len(report.gradients) == 2


def test_values_are_refused_inside_jit():
    with pytest.raises(jax.errors.ConcretizationTypeError):
        jax.jit(torch.to_jax(lambda x: x * x.sum().item()))(jnp.ones(2))
