"""What single ops become in XLA's programs: counted operations, not times.

In: the pure functions of ops.  Out: their jaxprs, and XLA's own count of the operations of a compiled program.
"""
from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest

from torchish.ops import conv_grad
from torchish.ops.conv import conv_transpose2d, conv_transpose3d
from torchish.ops.conv_grad import Window, convolve, transposed
from torchish.ops.linalg import linear
from torchish.ops.mersenne import draws


def test_convolution_of_grey_images_is_computed_once() -> None:
    """However many loops read the result; XLA would repeat it in each."""
    if jax.default_backend() != "cpu":
        pytest.skip("accelerators get one XLA convolution")
    window = Window((1, 1), ((2, 2), (2, 2)), (1, 1))

    def read(x: jax.Array, w: jax.Array) -> tuple[jax.Array, ...]:
        y = jax.nn.relu(convolve(x, w, window))
        return y[:, :, ::2], y[:, :, 1::2], y.transpose(1, 2, 3, 0), y > 1

    compiled = jax.jit(read).lower(jnp.ones((8, 1, 16, 16)), jnp.ones((6, 1, 5, 5))).compile()
    once = 2 * 25 * 8 * 6 * 16 * 16
    assert once < compiled.cost_analysis()["flops"] < 1.5 * once


def test_second_derivatives_of_linear_transpose_no_weight() -> None:
    """A transposition of a sum of products is not folded into them."""
    x, w, v = jnp.ones((5, 3)), jnp.ones((4, 3)), jnp.ones((4, 3))
    slope = jax.grad(lambda w: (linear.fn(x, w, None) ** 3).sum())
    made = str(jax.make_jaxpr(jax.grad(lambda w: (slope(w) * v).sum()))(w))
    assert "f32[4,3] = dot_general[" in made and "f32[4,3] = transpose[" not in made and "f32[3,4] = transpose[" not in made


def test_transposed_convolutions_spread_nothing_out() -> None:
    """A convolution over zeros between the elements, or its gradient, takes many times as long on the CPU."""
    if jax.default_backend() != "cpu":
        pytest.skip("accelerators get one XLA convolution")
    x, w = jnp.ones((2, 8, 6, 6)), jnp.ones((8, 4, 4, 4))

    def loss(x: jax.Array, w: jax.Array) -> jax.Array:
        return (conv_transpose2d.fn(x, w, None, 2, 1) ** 2).sum()

    text = jax.jit(jax.grad(loss, (0, 1))).lower(x, w).compile().as_text()
    assert "dilate=" not in text and " dot(" in text


def test_transposed_convolutions_of_large_batches_go_image_by_image() -> None:
    """Where the windows of all of them would take too much memory."""
    if jax.default_backend() != "cpu":
        pytest.skip("accelerators get one XLA convolution")
    x, w = jax.ShapeDtypeStruct((32, 32, 16, 16, 16), jnp.float32), jax.ShapeDtypeStruct((32, 32, 3, 3, 3), jnp.float32)
    made = str(jax.make_jaxpr(lambda x, w: conv_transpose3d.fn(x, w, None, 2, 1))(x, w))
    assert "scan[" in made and "conv_general_dilated" not in made
    small = jnp.cos(jnp.arange(5 * 2 * 3 ** 3, dtype=jnp.float32)).reshape(5, 2, 3, 3, 3), jnp.sin(
        jnp.arange(2 * 2 * 3 ** 3, dtype=jnp.float32)).reshape(2, 2, 3, 3, 3)
    window, size = Window((2, 2, 2), ((1, 1),) * 3, (1, 1, 1)), (5, 5, 5)
    at_once = transposed(*small, window, size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conv_grad, "MOST", 5 ** 3 * 2 * 27 // 8)
        assert jnp.allclose(transposed(*small, window, size), at_once, atol=1e-5)


def test_draws_are_calls_in_a_program() -> None:
    """Inlined, XLA's CPU compiler takes ever longer: minutes for a program that draws 80 times."""
    if jax.default_backend() != "cpu":
        pytest.skip("calls are left where they are on the CPU only")

    def several(key: jax.Array, pos: jax.Array) -> tuple[jax.Array, ...]:
        found = []
        for _ in range(5):
            words, key, pos = draws(key, pos, 100)
            found.append(words)
        return tuple(found)

    text = jax.jit(several).lower(jnp.zeros(624, jnp.uint32), jnp.int32(624)).compile().as_text()
    assert text.count(" call(") == 5
