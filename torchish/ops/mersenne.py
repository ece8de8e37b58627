"""MT19937 as pure jax functions: raw draws and the uniforms made of them.

In: the generator's state `key: uint32[624]`, `pos: int32` and a static number of draws.  Out: the draws and the state
after them, the same numbers as torchish.rng.Engine makes.
"""
from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from ..xla import apart
from .turns import scan

__all__ = ["block", "draws", "halves", "u24", "u53"]

WORDS = 624


def _twist(x: jax.Array, y: jax.Array) -> jax.Array:
    z = (x & jnp.uint32(0x80000000)) | (y & jnp.uint32(0x7fffffff))
    return (z >> 1) ^ ((y & jnp.uint32(1)) * jnp.uint32(0x9908b0df))


def block(k: jax.Array) -> jax.Array:
    """The next 624 words: word i needs the old words i, i + 1, i + 397 and the new word i - 227, so three steps do."""
    t = _twist(k[:623], k[1:])
    a = k[397:] ^ t[:227]
    b = a ^ t[227:454]
    c = b[:169] ^ t[454:]
    d = b[169:170] ^ _twist(k[623:], a[:1])
    return jnp.concatenate([a, b, c, d])


def _temper(y: jax.Array) -> jax.Array:
    y = y ^ (y >> 11)
    y = y ^ ((y << 7) & jnp.uint32(0x9d2c5680))
    y = y ^ ((y << 15) & jnp.uint32(0xefc60000))
    return y ^ (y >> 18)


def draws(key: jax.Array, pos: jax.Array, n: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The next n draws, uint32[n], and the state after them."""
    pos = pos.astype(jnp.int32)
    if n == 0:
        return jnp.zeros(0, jnp.uint32), key, pos
    return apart(_draws, key, pos, n=n)     # a program that draws 16 times compiles in a tenth of the time


def _draws(key: jax.Array, pos: jax.Array, n: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    blocks = -(-n // WORDS)

    def step(both: jax.Array, _: None) -> tuple[jax.Array, jax.Array]:
        # Cut out and tempered here, so that what follows reads plain memory: fused with it, it ran ten times slower;
        # and without the barrier each block would be computed twice.
        both = lax.optimization_barrier(jnp.concatenate([both[WORDS:], block(both[WORDS:])]))
        return both, _temper(lax.dynamic_slice(both, (pos,), (WORDS,)))

    both, made = scan(step, jnp.concatenate([key, key]), None, length=blocks)
    end = pos + jnp.int32(n - WORDS * blocks)       # in the last block made, if positive, else in the one before
    whole = end > 0
    # A dynamic slice, since a select of two slices took twice as long to compile.
    key = lax.dynamic_slice(both, (jnp.where(whole, jnp.int32(WORDS), jnp.int32(0)),), (WORDS,))
    return made.reshape(-1)[:n], key, jnp.where(whole, end, end + WORDS)


def u24(words: jax.Array) -> jax.Array:
    """Uniforms of one draw each, float32."""
    return (words & jnp.uint32(0xffffff)).astype(jnp.int32).astype(jnp.float32) * jnp.float32(2.0 ** -24)


def halves(words: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The first and the second draw of each pair, uint32."""
    pairs = words.reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def u53(words: jax.Array) -> jax.Array:
    """Uniforms of two draws each, float64: ((first & 0x1fffff) * 2^32 + second) * 2^-53."""
    first, second = halves(words)
    return ((first & jnp.uint32(0x1fffff)).astype(jnp.float64) * 2.0 ** -21 + second.astype(jnp.float64) * 2.0 ** -53)
