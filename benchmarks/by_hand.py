"""The same training steps written by hand for `jax.jit`, with donated parameters and optimizer state.

In: a workload's name and the parameters that the torch-like model began with.  Out: `ByHand`, which steps as
`workloads.Training` does.  Linear weights are kept (in, out), as JAX code has them.
"""
from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from workloads import STEPS, WORKLOADS

Params = dict[str, jax.Array]


def linear(p: Params, name: str, x: jax.Array) -> jax.Array:
    """x @ weight (+ bias); a 3-D input is flattened first, which XLA's CPU backend runs faster."""
    y = (x.reshape(-1, x.shape[-1]) @ p[name + ".weight"]).reshape(*x.shape[:-1], -1)
    return y + p[name + ".bias"] if name + ".bias" in p else y


def mlp(p: Params, x: jax.Array) -> jax.Array:
    names = sorted({int(name.split(".")[0]) for name in p})
    for i in names[:-1]:
        x = jax.nn.relu(linear(p, str(i), x))
    return linear(p, str(names[-1]), x)


def lenet(p: Params, x: jax.Array) -> jax.Array:
    def conv(name, x, padding):
        y = lax.conv_general_dilated(x, p[name + ".weight"], (1, 1), [(padding, padding)] * 2,
                                     dimension_numbers=("NCHW", "OIHW", "NCHW"))
        return y + p[name + ".bias"][:, None, None]

    def pool(x):
        return lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")

    x = pool(jax.nn.relu(conv("0", x, 2)))
    x = pool(jax.nn.relu(conv("3", x, 0)))
    x = x.reshape(x.shape[0], -1)
    x = jax.nn.relu(linear(p, "7", x))
    return linear(p, "11", jax.nn.relu(linear(p, "9", x)))


def layer_norm(p: Params, name: str, x: jax.Array) -> jax.Array:
    mean = x.mean(-1, keepdims=True)
    centred = x - mean
    return centred * lax.rsqrt((centred ** 2).mean(-1, keepdims=True) + 1e-5) * p[name + ".weight"] + p[name + ".bias"]


def gpt(p: Params, tokens: jax.Array, heads: int = 4) -> jax.Array:
    batch, time = tokens.shape
    x = p["token.weight"][tokens] + p["position.weight"][:time]
    width = x.shape[-1]
    past = jnp.tril(jnp.ones((time, time), bool))
    for i in range(sum(name.endswith(".qkv.weight") for name in p)):
        at = f"blocks.{i}."
        q, k, v = (part.reshape(batch, time, heads, -1)
                   for part in jnp.split(linear(p, at + "qkv", layer_norm(p, at + "norm1", x)), 3, axis=-1))
        scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) * (heads / width) ** 0.5
        weights = jax.nn.softmax(jnp.where(past, scores, -jnp.inf), axis=-1)
        mixed = jnp.einsum("bhqk,bkhd->bqhd", weights, v).reshape(batch, time, width)
        x = x + linear(p, at + "out", mixed)
        hidden = linear(p, at + "up", layer_norm(p, at + "norm2", x))
        x = x + linear(p, at + "down", jax.nn.gelu(hidden, approximate=False))
    return linear(p, "scores", layer_norm(p, "norm", x)).reshape(batch * time, -1)


def cross_entropy(scores: jax.Array, targets: jax.Array) -> jax.Array:
    right = jnp.take_along_axis(scores, targets[:, None], axis=1)[:, 0]
    return (jax.nn.logsumexp(scores, axis=1) - right).mean()


def sgd(grads: Params, state: Any, params: Params, lr: float = 0.01, momentum: float = 0.0) -> tuple[Params, Any]:
    if not momentum:
        return jax.tree.map(lambda p, g: p - lr * g, params, grads), state
    state = jax.tree.map(lambda m, g: momentum * m + g, state, grads)
    return jax.tree.map(lambda p, m: p - lr * m, params, state), state


def adam(grads: Params, state: Any, params: Params, lr: float = 1e-3, decay: float = 0.0,
         cosine: bool = False) -> tuple[Params, Any]:
    """Adam; AdamW where `decay` is given; the learning rate follows half a cosine where `cosine` is set."""
    first, second, count = state
    count = count + 1
    if cosine:
        lr = lr * 0.5 * (1 + jnp.cos(jnp.pi * (count - 1) / STEPS))
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, grads)
    second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, grads)
    scale1, scale2 = 1 / (1 - 0.9 ** count), 1 / (1 - 0.999 ** count)
    params = jax.tree.map(
        lambda p, m, v: p * (1 - lr * decay) - lr * (m * scale1) / (jnp.sqrt(v * scale2) + 1e-8), params, first, second)
    return params, (first, second, count)


def clip(grads: Params, limit: float) -> Params:
    norm = jnp.sqrt(sum(jnp.sum(g * g) for g in jax.tree.leaves(grads)))
    factor = jnp.minimum(1.0, limit / (norm + 1e-6))
    return jax.tree.map(lambda g: g * factor, grads)


def zeros(params: Params) -> Params:
    return jax.tree.map(jnp.zeros_like, params)


def adam_state(params: Params) -> Any:
    return zeros(params), zeros(params), jnp.zeros((), jnp.float32)


# name -> (model, update, the state that the update begins with)
STEPS_BY_HAND: dict[str, tuple[Callable, Callable, Callable]] = {
    "tiny MLP": (mlp, sgd, lambda params: None),
    "MNIST MLP": (mlp, sgd, lambda params: None),
    "20-layer MLP": (mlp, adam, adam_state),
    "LeNet": (lenet, partial(sgd, momentum=0.9), zeros),
    "small GPT": (gpt, partial(adam, lr=3e-4, decay=0.01, cosine=True), adam_state),
}


class ByHand:
    """One training by hand: `step()` and `loss()`."""

    def __init__(self, name: str, state: dict[str, np.ndarray]):
        model, update, begin = STEPS_BY_HAND[name]
        limit = WORKLOADS[name].clip
        embeddings = ("token", "position")
        self.params = {key: jnp.array(value.T if value.ndim == 2 and not key.startswith(embeddings) else value)
                       for key, value in state.items()}
        self.state = begin(self.params)
        self.batches = [(jnp.asarray(inputs), jnp.asarray(targets)) for inputs, targets in
                        ((i.astype(np.int32) if i.dtype == np.int64 else i, t.astype(np.int32))
                         for i, t in WORKLOADS[name].batches())]
        self.taken = 0
        self.last: Any = None

        @partial(jax.jit, donate_argnums=(0, 1))
        def train(params, state, inputs, targets):
            loss, grads = jax.value_and_grad(lambda p: cross_entropy(model(p, inputs), targets))(params)
            if limit is not None:
                grads = clip(grads, limit)
            params, state = update(grads, state, params)
            return params, state, loss

        self.train = train

    def step(self) -> None:
        inputs, targets = self.batches[self.taken % len(self.batches)]
        self.taken += 1
        self.params, self.state, self.last = self.train(self.params, self.state, inputs, targets)

    def memory(self) -> int:
        """Bytes the step needs while it runs, inputs and results included, as XLA accounts for them."""
        sizes = self.train.lower(self.params, self.state, *self.batches[0]).compile().memory_analysis()
        return (sizes.temp_size_in_bytes + sizes.argument_size_in_bytes + sizes.output_size_in_bytes
                - sizes.alias_size_in_bytes)

    def loss(self) -> float:
        return float(self.last)
