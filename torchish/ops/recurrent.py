"""Recurrent layers and cells: LSTM, GRU and the plain RNN.

In: a sequence (T, B, in) and the weights of one layer in one direction, gates stacked in torch's order.  Out: the outputs of
all steps and the last state.  A layer is one scan: what the input gives to the gates is one product before it.
Sequences of different lengths are padded, and past its end a sequence keeps its state.
Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html and those of GRU and RNN
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..strides import elementwise, laid
from .check import require
from .table import Array, Arrays, Steps, composite, op
from .turns import scan

__all__ = ["gru_cell", "lstm_cell", "lstm_layer", "packed_places", "recurrent_layer"]

LSTM_GATES, GRU_GATES = 4, 3


def _affine(x: jax.Array, weight: jax.Array, *biases: jax.Array | None) -> jax.Array:
    """x @ weight.T + biases."""
    rows = x.size // max(x.shape[-1], 1)
    require(x.shape[-1] == weight.shape[1], f"mat1 and mat2 shapes cannot be multiplied ({rows}x{x.shape[-1]} and "
            f"{weight.shape[1]}x{weight.shape[0]})")
    out = x @ weight.T
    for bias in biases:
        if bias is not None:
            out = out + bias
    return out


def _lstm(gates: jax.Array, c: jax.Array) -> tuple[jax.Array, jax.Array]:
    """(h, c) from the sums at the gates, in the order input, forget, cell, output."""
    i, f, g, o = jnp.split(gates, LSTM_GATES, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def _gru(x: jax.Array, y: jax.Array, h: jax.Array) -> jax.Array:
    """h from what input (x) and state (y) give to the gates, in the order reset, update, new."""
    (xr, xz, xn), (yr, yz, yn) = (jnp.split(v, GRU_GATES, axis=-1) for v in (x, y))
    z, n = jax.nn.sigmoid(xz + yz), jnp.tanh(xn + jax.nn.sigmoid(xr + yr) * yn)
    return (h - n) * z + n


PLAIN: dict[str, Callable] = {"tanh": jnp.tanh, "relu": lambda x: jnp.maximum(x, 0)}


def _scan(step: Callable, state: Any, gates: jax.Array, lengths: jax.Array | None, reverse: bool) -> tuple[Any, jax.Array]:
    """The last state and all outputs of `step(state, gates) -> state`, whose first part is the output."""
    require(gates.shape[0] > 0, "Expected sequence length to be larger than 0 in RNN")

    def body(old: Any, given: tuple) -> tuple[Any, jax.Array]:
        time, x = given
        new = step(old, x)
        if lengths is None:
            return new, new[0]
        runs = (time < lengths)[:, None]
        return (tuple(jnp.where(runs, a, b) for a, b in zip(new, old, strict=True)),
                jnp.where(runs, new[0], jnp.zeros_like(new[0])))
    return scan(body, state, (jnp.arange(gates.shape[0]), gates), reverse=reverse)


def _sample(gates: int, t: Any, cell: bool) -> list:
    x, h = t(5, 2, 3), t(2, 4, seed=1)
    weights = t(4 * gates, 3, seed=3), t(4 * gates, 4, seed=4), t(4 * gates, seed=5), t(4 * gates, seed=6)
    state = (h, t(2, 4, seed=2)) if cell else (h,)
    return [x, state, weights]


def _lstm_samples(t: Any) -> list:
    x, state, weights = _sample(LSTM_GATES, t, True)
    return [((x, None, *state, *weights, None, False), {}), ((x, None, *state, *weights[:2], None, None, None, True), {})]


def _layer_samples(t: Any) -> list:
    return [((x, None, *state, *weights, mode, reverse), {})
            for mode, gates, reverse in (("gru", GRU_GATES, False), ("tanh", 1, True), ("relu", 1, False))
            for x, state, weights in [_sample(gates, t, False)]]


def _projected(outs: list, _attributes: dict) -> Steps:
    """Without a projection torch has one node for the whole layer."""
    *others, w_hr = range(len(outs))
    return [tuple(range(4)), (4, ~0), (6, ~1), (5, ~2), (7, ~3), (w_hr, ~4)] if outs[w_hr] is not None else [tuple(others)]


@op(name="_lstm_layer", forms="", autocast="low", rule="StackBackward0", separate=True, samples=_lstm_samples, turns=_projected)
def lstm_layer(input: Array, lengths: Array | None, hx: Array, cx: Array, w_ih: Array, w_hh: Array, b_ih: Array | None,
               b_hh: Array | None, w_hr: Array | None, reverse: bool) -> tuple[Array, Array, Array]:
    """One direction of an LSTM layer: (outputs, h, c); w_hr projects the output."""
    def step(state: tuple, x: jax.Array) -> tuple:
        h, c = _lstm(x + state[0] @ w_hh.T, state[1])
        return (h if w_hr is None else h @ w_hr.T), c
    (h, c), output = _scan(step, (hx, cx), _affine(input, w_ih, b_ih, b_hh), lengths, reverse)
    return output, h, c


@op(name="_recurrent_layer", forms="", autocast="low", rule="StackBackward0", separate=True, samples=_layer_samples,
    turns=("b_hh", "w_hh", "b_ih", "w_ih"))
def recurrent_layer(input: Array, lengths: Array | None, hx: Array, w_ih: Array, w_hh: Array, b_ih: Array | None,
                    b_hh: Array | None, mode: str, reverse: bool) -> tuple[Array, Array]:
    """One direction of a GRU or RNN layer (mode gru, tanh or relu): (outputs, h)."""
    if mode == "gru":
        gates = _affine(input, w_ih, b_ih)

        def step(state: tuple, x: jax.Array) -> tuple:
            return (_gru(x, _affine(state[0], w_hh, b_hh), state[0]),)
    else:
        gates = _affine(input, w_ih, b_ih, b_hh)

        def step(state: tuple, x: jax.Array) -> tuple:
            return (PLAIN[mode](x + state[0] @ w_hh.T),)
    (h,), output = _scan(step, (hx,), gates, lengths, reverse)
    return output, h


# ---- cells: one step ----
_INPUT_FIRST = ("b_ih", "w_ih", "b_hh", "w_hh")


def _checked(input: jax.Array, states: Sequence[jax.Array], w_ih: jax.Array, w_hh: jax.Array) -> None:
    require(input.shape[-1] == w_ih.shape[1], f"input has inconsistent input_size: got {input.shape[-1]} expected {w_ih.shape[1]}")
    for k, h in enumerate(states):
        require(input.shape[0] == h.shape[0], f"Input batch size {input.shape[0]} doesn't match hidden{k} batch size {h.shape[0]}")
        require(h.shape[1] == w_hh.shape[1], f"hidden{k} has inconsistent hidden_size: got {h.shape[1]}, expected {w_hh.shape[1]}")


def _cell_samples(gates: int) -> Callable:
    def samples(t: Any) -> list:
        x, state, weights = _sample(gates, t, gates == LSTM_GATES)
        hx = list(state) if gates == LSTM_GATES else state[0]
        return [((x[0], hx, *weights), {})]
    return samples


@op(forms="function", autocast="low", rule="MulBackward0", separate=True, samples=_cell_samples(LSTM_GATES),
    turns=_INPUT_FIRST)
def lstm_cell(input: Array, hx: Arrays, w_ih: Array, w_hh: Array, b_ih: Array | None = None,
              b_hh: Array | None = None) -> tuple[Array, Array]:
    """One step of an LSTM from hx = (h, c): (h, c)."""
    h, c = hx
    _checked(input, hx, w_ih, w_hh)
    return _lstm(_affine(input, w_ih, b_ih) + _affine(h, w_hh, b_hh), c)


def _as_state(avals: list, attributes: dict) -> tuple[int, ...] | None:
    return elementwise(avals[1].shape, [laid(avals[1])])     # what torch computes last is the state, updated element by element


@op(forms="function", autocast="low", strides=_as_state, rule="AddBackward0", samples=_cell_samples(GRU_GATES),
    turns=("b_hh", "w_hh", "b_ih", "w_ih"))
def gru_cell(input: Array, hx: Array, w_ih: Array, w_hh: Array, b_ih: Array | None = None, b_hh: Array | None = None) -> Array:
    """One step of a GRU."""
    _checked(input, [hx], w_ih, w_hh)
    return _gru(_affine(input, w_ih, b_ih), _affine(hx, w_hh, b_hh), hx)


@op(forms="function", autocast="low", rule="TanhBackward0", samples=_cell_samples(1), turns=_INPUT_FIRST)
def rnn_tanh_cell(input: Array, hx: Array, w_ih: Array, w_hh: Array, b_ih: Array | None = None,
                  b_hh: Array | None = None) -> Array:
    """One step of an RNN with tanh."""
    _checked(input, [hx], w_ih, w_hh)
    return jnp.tanh(_affine(input, w_ih, b_ih) + _affine(hx, w_hh, b_hh))


@op(forms="function", autocast="low", rule="ReluBackward0", samples=_cell_samples(1), turns=_INPUT_FIRST)
def rnn_relu_cell(input: Array, hx: Array, w_ih: Array, w_hh: Array, b_ih: Array | None = None,
                  b_hh: Array | None = None) -> Array:
    """One step of an RNN with relu."""
    _checked(input, [hx], w_ih, w_hh)
    return jnp.maximum(_affine(input, w_ih, b_ih) + _affine(hx, w_hh, b_hh), 0)


# ---- all layers and directions ----
def packed_places(batch_sizes: Sequence[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of packed data: the lengths, the row of each padded place (time, sequence), and the padded place of each row.

    A place behind the end of its sequence has the row after the last.
    """
    sizes = np.asarray(batch_sizes)
    there = np.arange(sizes[0]) < sizes[:, None]
    rows = np.where(there, np.cumsum(there).reshape(there.shape) - 1, there.sum())
    return there.sum(0), rows, np.flatnonzero(there)


def _layers(t: Any, mode: str, x: Any, sizes: list | None, hx: Sequence, params: Sequence, has_biases: bool, num_layers: int,
            dropout: float, train: bool, bidirectional: bool) -> tuple:
    """Runs every layer of (T, B, in), or of packed data with its batch sizes: (outputs, h[, c])."""
    lengths = None
    if sizes is not None:
        lengths, rows, places = (t.tensor(v, device=x.device) for v in packed_places(sizes))
        rows = rows.clamp_(max=x.shape[0] - 1)      # what stands in padding is read, and not used
        x = x[rows]
    lstm, directions = mode == "lstm", 2 if bidirectional else 1
    each = len(params) // (num_layers * directions)
    last: list[list] = [[] for _ in hx]
    for layer in range(num_layers):
        outputs = []
        for direction in range(directions):
            k = layer * directions + direction
            weights = list(params[k * each:(k + 1) * each])
            if not has_biases:
                weights[2:2] = [None, None]
            states = [state[k] for state in hx]
            if lstm:
                output, *state = t._lstm_layer(x, lengths, *states, *weights[:4], weights[4] if len(weights) > 4 else None,
                                               direction == 1)
            else:
                output, *state = t._recurrent_layer(x, lengths, *states, *weights, mode, direction == 1)
            outputs.append(output)
            for kept, value in zip(last, state, strict=True):
                kept.append(value)
        x = outputs[0] if len(outputs) == 1 else t.cat(outputs, -1)
        if dropout and train and layer < num_layers - 1:
            # torch draws one number for each element that there is: none for padding
            x = t.dropout(x, dropout, True) if sizes is None else t.dropout(x.flatten(0, 1)[places], dropout, True)[rows]
    return (x if sizes is None else x.flatten(0, 1)[places], *(t.stack(values) for values in last))


def _several(mode: str, name: str) -> None:
    """torch.lstm and the like: (input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first), or
    (data, batch_sizes, hx, params, has_biases, num_layers, dropout, train, bidirectional)."""
    def fn(t: Any, *args: Any) -> Any:
        packed = isinstance(args[1], t.Tensor) and (mode == "lstm" or isinstance(args[2], t.Tensor))
        if packed:
            data, sizes, hx, *rest = args
            return _layers(t, mode, data, sizes.tolist(), hx if mode == "lstm" else [hx], *rest)
        x, hx, *rest, batch_first = args
        out, *state = _layers(t, mode, x.transpose(0, 1) if batch_first else x, None, hx if mode == "lstm" else [hx], *rest)
        return (out.transpose(0, 1) if batch_first else out, *state)
    fn.__doc__, fn.__module__ = f"All layers of an {name}; see torch.nn.", __name__
    composite(name=name, forms="function")(fn)


_several("lstm", "lstm")
_several("gru", "gru")
_several("tanh", "rnn_tanh")
_several("relu", "rnn_relu")
