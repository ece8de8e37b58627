"""Products over the rows of a wide and a narrow matrix are compiled with the narrow one first, and give the same numbers."""
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import torchish as torch
from torchish.products import narrow_first


def over_rows(a, b):
    """The sum over the rows, batch by batch."""
    batch = tuple(range(a.ndim - 2))
    return lax.dot_general(a, b, (((a.ndim - 2,), (b.ndim - 2,)), (batch, batch)), precision=lax.Precision.HIGHEST)


def shapes(closed):
    """The shapes of what each product reads, those in inner programs too."""
    found = []
    for eqn in closed.jaxpr.eqns:
        if eqn.primitive.name == "dot_general":
            found.append(tuple(v.aval.shape for v in eqn.invars))
        for inner in eqn.params.values():
            found += shapes(inner) if hasattr(inner, "jaxpr") else []
    return found


def normal(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("wide, narrow", [((1024, 64), (1024, 2)), ((256, 64), (256, 16)), ((3, 256, 64), (3, 256, 8))])
@pytest.mark.parametrize("where", ["alone", "transposed", "in a call", "in a loop"])
def test_the_narrow_matrix_comes_first(wide, narrow, where):
    def alone(a, b):
        return over_rows(a, b) * 2
    fn = {"alone": alone, "transposed": lambda a, b: jnp.swapaxes(alone(a, b), -1, -2), "in a call": jax.jit(alone),
          "in a loop": lambda a, b: lax.scan(lambda c, _: (c + alone(a, b), None), jnp.zeros_like(alone(a, b)), length=3)[0]}[where]
    for given in ((normal(*wide), normal(*narrow)), (normal(*narrow), normal(*wide))):
        before = jax.make_jaxpr(fn)(*given)
        after = narrow_first(before)
        assert shapes(before)
        assert shapes(after) == [(narrow, wide)] * len(shapes(before))
        np.testing.assert_allclose(jax.core.eval_jaxpr(after.jaxpr, after.consts, *given)[0], fn(*given), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("a, b", [((1024, 64), (1024, 32)), ((1024, 64), (1024, 1)), ((16, 64), (16, 2)), ((1024, 64), (1024, 64))])
def test_other_products_stay(a, b):
    program = jax.make_jaxpr(over_rows)(normal(*a), normal(*b))
    assert narrow_first(program) is program
    forward = jax.make_jaxpr(jnp.matmul)(normal(1024, 64), normal(64, 2))
    assert narrow_first(forward) is forward


def test_gradients_of_a_layer_with_a_short_side():
    x, w = torch.from_numpy(normal(1024, 2)), torch.from_numpy(normal(64, 2)).requires_grad_()
    loss = torch.nn.functional.linear(x, w).square().sum()
    loss.backward()
    assert w.grad.shape == (64, 2)
    expected = 2 * (normal(1024, 2) @ normal(64, 2).T).T @ normal(1024, 2)
    np.testing.assert_allclose(w.grad.numpy(), expected, rtol=1e-4, atol=1e-2)
