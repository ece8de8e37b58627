"""The connectionist temporal classification loss.

In: log-probabilities (T, N, C), targets (N, S), lengths (N).  Out: the loss of each sequence.
Source: Graves et al., Connectionist Temporal Classification, 2006, equations 6 and 7.
"""
from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from .check import refuse_outside, require
from .precision import need_float
from .reduction import last_node, legacy, reduced
from .table import Array, composite, op
from .turns import scan

__all__ = ["ctc"]

_NEVER = -1e30                                  # log 0 whose differences stay finite


def _log_add(*terms: jax.Array) -> jax.Array:
    top = terms[0]
    for term in terms[1:]:
        top = jnp.maximum(top, term)
    top = lax.stop_gradient(top)
    return top + jnp.log(sum(jnp.exp(term - top) for term in terms))


def _alphas(log_probs: jax.Array, labels: jax.Array, input_lengths: jax.Array, blank: int) -> jax.Array:
    """The log-probability of each prefix of the labels (blanks between them) at the end of the input: (N, 2 S + 1)."""
    n, count = labels.shape
    emitted = jnp.take_along_axis(log_probs, jnp.broadcast_to(labels, (log_probs.shape[0], n, count)), 2)
    previous = jnp.pad(labels, ((0, 0), (2, 0)), constant_values=blank)[:, :count]
    may_skip = (labels != blank) & (labels != previous)
    place = jnp.arange(count)
    start = jnp.where(place < 2, emitted[0], _NEVER)

    def step(alpha: jax.Array, now: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        time, log_p = now
        one = jnp.pad(alpha, ((0, 0), (1, 0)), constant_values=_NEVER)[:, :count]
        two = jnp.where(may_skip, jnp.pad(alpha, ((0, 0), (2, 0)), constant_values=_NEVER)[:, :count], _NEVER)
        new = jnp.maximum(_log_add(alpha, one, two) + log_p, _NEVER)
        return jnp.where((time < input_lengths)[:, None], new, alpha), None

    times = jnp.arange(1, log_probs.shape[0])
    return scan(step, start, (times, emitted[1:]))[0]


def _look(log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, *others: Any) -> None:
    """The lengths where they are known."""
    where = "(while checking arguments for ctc_loss_allocate_outputs)"
    for name, lengths in (("input_lengths", input_lengths), ("target_lengths", target_lengths)):
        refuse_outside(lengths, 2**31, lambda n, name=name: RuntimeError(
            f"Expected {name} to have value at least 0, but got value {n} {where}"))
    times, width = log_probs.shape[0], targets.shape[1]
    refuse_outside(input_lengths, times + 1, lambda n: RuntimeError(
        f"Expected input_lengths to have value at most {times}, but got value {n} {where}"))
    refuse_outside(target_lengths, width + 1, lambda n: RuntimeError(
        f"Expected tensor to have size at least {n} at dimension 1, but got size {width} for argument #2 'targets' {where}"))


@op(name="_ctc_loss", autocast="float", forms="", look=_look, rule=last_node("CtcLossBackward0"), samples=lambda t: [
    ((t(5, 2, 4, low=-3, high=-0.5), t(2, 2, dtype="int64", low=1, high=4), t(2, dtype="int64", low=5, high=6),
      t(2, dtype="int64", low=1, high=3), 0, "mean", False), {})])
def ctc(log_probs: Array, targets: Array, input_lengths: Array, target_lengths: Array, blank: int, reduction: str,
        zero_infinity: bool) -> Array:
    """-log of the probability of each target, reduced; the mean is over the target lengths, then over the batch."""
    need_float("ctc_loss_cpu", log_probs)
    n, s = targets.shape
    labels = jnp.full((n, 2 * s + 1), blank, targets.dtype).at[:, 1::2].set(targets)
    alpha = _alphas(log_probs, labels, input_lengths, blank)
    last = 2 * target_lengths[:, None]
    end = jnp.take_along_axis(alpha, last, 1)[:, 0]
    before = jnp.where(target_lengths > 0, jnp.take_along_axis(alpha, jnp.maximum(last - 1, 0), 1)[:, 0], _NEVER)
    values = -_log_add(end, before)
    nothing = input_lengths == 0        # no times: the empty target is certain, every other impossible
    values = jnp.where(nothing, jnp.where(target_lengths == 0, 0, -_NEVER), values)
    impossible = values > -_NEVER / 2
    # torch's gradient is that of what log_softmax was given: exp(log_probs) of the times that count is in it
    counted = jnp.arange(log_probs.shape[0])[:, None] < input_lengths
    powers = jnp.where(counted, jnp.exp(log_probs).sum(2), 0).sum(0)
    values = values + powers - lax.stop_gradient(powers)
    values = jnp.where(impossible, 0 if zero_infinity else jnp.inf, values)
    if reduction == "mean":
        return (values / jnp.maximum(target_lengths, 1)).mean()
    return reduced(values, reduction)


@composite(forms="F")
def ctc_loss(t: Any, log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0,
             reduction: str = "mean", zero_infinity: bool = False) -> Any:
    """The CTC loss of (T, N, C) or (T, C) log-probabilities; targets (N, S), or all of them joined in one dim."""
    legacy(None, None, reduction)
    device, unbatched = log_probs.device, log_probs.dim() == 2
    require(0 <= blank < log_probs.shape[-1], "blank must be in label range")
    for name, given in (("input_lengths", input_lengths), ("target_lengths", target_lengths)):
        require(not (hasattr(given, "is_floating_point") and given.is_floating_point()), f"{name} must be integral")
    lengths = [t.as_tensor(v, dtype=t.int64, device=device) for v in (input_lengths, target_lengths)]
    lengths = [v if v.dim() == 1 else v.reshape(-1) for v in lengths]       # as they are, where their values can be looked at
    if unbatched:
        log_probs = log_probs.unsqueeze(1)
    for name, length in zip(("input_lengths", "target_lengths"), lengths, strict=True):
        require(length.shape[0] == log_probs.shape[1], f"{name} must be of size batch_size")
    targets = targets.to(t.int64)
    if targets.dim() == 1:
        counts = lengths[1].tolist()
        rows = targets.split(counts)
        width = max(counts, default=0)
        targets = t.stack([t.cat([row, t.zeros(width - len(row), dtype=t.int64, device=device)]) for row in rows])
    out = t._ctc_loss(log_probs, targets, *lengths, blank, reduction, zero_infinity)
    return out[0] if unbatched and reduction == "none" else out
