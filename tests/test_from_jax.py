"""JAX functions as differentiable ops of a recorded step."""
from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from counting import counting

import torchish as torch
from torchish.testing import check_against_jax


@torch.from_jax
def gate(x, weights, *, power=2):
    y = jnp.tanh(x * weights["w"] + weights["b"]) ** power
    return {"y": y, "best": jnp.argmax(x), "ones": (jnp.ones(2) * y.sum(),)}


def inputs():
    torch.manual_seed(0)
    return torch.randn(4, requires_grad=True), {"w": torch.randn(4, requires_grad=True), "b": torch.zeros(4)}


def test_results_have_the_functions_structure_and_jax_dtypes():
    x, weights = inputs()
    out = gate(x, weights, power=3)
    assert set(out) == {"y", "best", "ones"} and out["ones"][0].shape == (2,)
    assert out["best"].dtype == torch.int32 and not out["best"].requires_grad
    assert out["ones"][0].dtype == torch.float32        # as with jax_enable_x64 off
    assert out["y"].grad_fn.name() == "GateBackward0"
    np.testing.assert_allclose(out["y"].detach(), np.tanh(x.detach().numpy() * weights["w"].detach().numpy()) ** 3, rtol=1e-5)


def test_gradients_to_second_order():
    x, weights = inputs()
    check_against_jax(lambda x, w: gate(x, {"w": w, "b": torch.zeros(4)})["y"].sum(), x, weights["w"])
    y = torch.from_jax(lambda x: x ** 3, name="cube")(x)
    first, = torch.autograd.grad(y.sum(), x, create_graph=True)
    second, = torch.autograd.grad(first.sum(), x)
    torch.testing.assert_close(second, 6 * x.detach())


def test_a_step_with_it_is_one_program():
    x, weights = inputs()
    with counting() as count:
        for _ in range(8):
            loss = gate(x.detach(), weights)["y"].sum() + weights["w"].square().sum()
            loss.backward()
            with torch.no_grad():
                weights["w"] -= 0.1 * weights["w"].grad
            weights["w"].grad = None
        loss.item()
    assert count.compiled <= 3


def test_custom_vjp_is_respected():
    @jax.custom_vjp
    def same(x):
        return x * 1
    same.defvjp(lambda x: (x * 1, None), lambda _, g: (g * 7,))
    x = torch.ones(3, requires_grad=True)
    torch.from_jax(same)(x).sum().backward()
    assert x.grad.tolist() == [7.0, 7.0, 7.0]


def test_64_bits_and_loops():
    @torch.from_jax
    def total(x):
        return jax.lax.scan(lambda c, t: (c + t * t, c), x[0] * 0, x)[0]
    x = torch.arange(4.0, dtype=torch.float64, requires_grad=True)
    y = total(x)
    y.backward()
    assert y.dtype == torch.float64 and x.grad.tolist() == [0.0, 2.0, 4.0, 6.0]


def test_bad_arguments():
    x, weights = inputs()
    with pytest.raises(TypeError, match="neither an array nor hashable"):
        gate(x, weights, power={1, 2})
    with pytest.raises(TypeError, match="incompatible shapes"):
        gate(x[:3], weights)
    with pytest.raises(TypeError, match="must be callable"):
        torch.from_jax(3, name="three")
