"""Update rules of optimizers, and gradient clipping: one op for all parameters of a group.

In: lists of parameters, gradients and states, and the numbers of this step.  Out: a flat tuple of new values, first all
parameters, then each list of states in the order of the arguments.  Each rule rounds where torch's does: one rounding
for each of torch's in-place calls, scalars cast to the compute type.
"""
from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp

from .table import Array, Arrays, Runtime, cast, op

__all__: list[str] = []


# ---- torch's in-place arithmetic, out of place ----
def _wide(x: Array) -> jnp.dtype:
    """The type torch computes in: float32 for half precision, otherwise the tensor's own."""
    return jnp.dtype(jnp.float32) if x.dtype in (jnp.float16, jnp.bfloat16) else x.dtype


def _add(x: Array, y: Array, alpha: Runtime | None = None) -> Array:
    wide = _wide(x)
    y = y.astype(wide)
    return (x.astype(wide) + (y if alpha is None else cast(alpha, wide) * y)).astype(x.dtype)


def _shift(x: Array, a: Runtime) -> Array:
    return (x.astype(_wide(x)) + cast(a, _wide(x))).astype(x.dtype)


def _scale(x: Array, a: Runtime) -> Array:
    return (x.astype(_wide(x)) * cast(a, _wide(x))).astype(x.dtype)


def _divide(x: Array, a: Runtime) -> Array:
    return (x.astype(_wide(x)) / cast(a, _wide(x))).astype(x.dtype)


def _sqrt(x: Array) -> Array:
    return jnp.sqrt(x.astype(_wide(x))).astype(x.dtype)


def _lerp(x: Array, y: Array, weight: Runtime) -> Array:
    wide = _wide(x)
    w, start, end = cast(weight, wide), x.astype(wide), y.astype(wide)
    gap = end - start
    return jnp.where(w < 0.5, start + w * gap, end - gap * (1 - w)).astype(x.dtype)


def _addcmul(x: Array, y: Array, z: Array, value: Runtime) -> Array:
    wide = _wide(x)
    return (x.astype(wide) + cast(value, wide) * y.astype(wide) * z.astype(wide)).astype(x.dtype)


def _addcdiv(x: Array, y: Array, z: Array, value: Runtime) -> Array:
    wide = _wide(x)
    return (x.astype(wide) + cast(value, wide) * y.astype(wide) / z.astype(wide)).astype(x.dtype)


# ---- from lists to single parameters and back ----
def _real(x: Array) -> Array:
    return jnp.stack([x.real, x.imag], -1) if jnp.iscomplexobj(x) else x


def _each(rule: Callable, params: Arrays, grads: Arrays, *states: Arrays) -> tuple[Array, ...]:
    """`rule(param, grad, *states) -> (param, *states)` for every parameter; complex ones are seen as pairs of reals."""
    lists = [params, grads, *(s for s in states if s)]
    done = [rule(*map(_real, members)) for members in zip(*lists)]
    columns = []
    for like, values in zip([lists[0], *lists[2:]], zip(*done)):
        columns += [jax.lax.complex(v[..., 0], v[..., 1]) if jnp.iscomplexobj(x) else v for x, v in zip(like, values)]
    return tuple(columns)


def _regular(grad: Array, param: Array, maximize: bool, decay: bool, weight_decay: Runtime) -> Array:
    """The gradient to descend along, with the L2 penalty's part if there is one."""
    grad = -grad if maximize else grad
    return _add(grad, param, weight_decay) if decay else grad


# ---- the rules ----
@op(strides="likewise", forms="function", samples=lambda t: [])
def _sgd(params: Arrays, grads: Arrays, buffers: Arrays, *, lr: Runtime, momentum: Runtime, dampening: Runtime,
         weight_decay: Runtime, decay: bool, nesterov: bool, maximize: bool) -> tuple:
    """p - lr * b, b = momentum * b + (1 - dampening) * g; without buffers p - lr * g (Polyak 1964, Sutskever 2013)."""
    def rule(p: Array, g: Array, *state: Array) -> tuple:
        g = _regular(g, p, maximize, decay, weight_decay)
        if not state:
            return (_add(p, g, -lr),)
        b = _add(_scale(state[0], momentum), g, 1 - dampening)
        return _add(p, _add(g, b, momentum) if nesterov else b, -lr), b
    return _each(rule, params, grads, buffers)


def _moments(g: Array, m: Array, v: Array, beta1: Runtime, beta2: Runtime) -> tuple[Array, Array]:
    """The running means of the gradient and of its square."""
    return _lerp(m, g, 1 - beta1), _addcmul(_scale(v, beta2), g, g, 1 - beta2)


@op(strides="likewise", forms="function", samples=lambda t: [])
def _adam(params: Arrays, grads: Arrays, exp_avgs: Arrays, exp_avg_sqs: Arrays, max_exp_avg_sqs: Arrays, *,
          lr: Runtime, step_size: Runtime, bias_correction2_sqrt: Runtime, beta1: Runtime, beta2: Runtime, eps: Runtime,
          weight_decay: Runtime, decay: bool, decoupled: bool, maximize: bool) -> tuple:
    """p - step_size * m / (sqrt(v) / bias_correction2_sqrt + eps) (Kingma & Ba 2014; decoupled: Loshchilov 2017)."""
    def rule(p: Array, g: Array, m: Array, v: Array, *top: Array) -> tuple:
        g = _regular(g, p, maximize, decay and not decoupled, weight_decay)
        if decay and decoupled:
            p = _scale(p, 1 - lr * weight_decay)
        m, v = _moments(g, m, v, beta1, beta2)
        top = tuple(jnp.maximum(t, v) for t in top)
        denom = _shift(_divide(_sqrt(top[0] if top else v), bias_correction2_sqrt), eps)
        return _addcdiv(p, m, denom, -step_size), m, v, *top
    return _each(rule, params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs)


@op(strides="likewise", forms="function", samples=lambda t: [])
def _nadam(params: Arrays, grads: Arrays, exp_avgs: Arrays, exp_avg_sqs: Arrays, *, lr: Runtime, grad_scale: Runtime,
           momentum_scale: Runtime, bias_correction2: Runtime, beta1: Runtime, beta2: Runtime, eps: Runtime,
           weight_decay: Runtime, decay: bool, decoupled: bool, maximize: bool) -> tuple:
    """Adam with Nesterov momentum (Dozat 2016): the scales hold the learning rate and the momentum schedule."""
    def rule(p: Array, g: Array, m: Array, v: Array) -> tuple:
        g = _regular(g, p, maximize, decay and not decoupled, weight_decay)
        if decay and decoupled:
            p = _scale(p, 1 - lr * weight_decay)
        m, v = _moments(g, m, v, beta1, beta2)
        denom = _shift(_sqrt(_divide(v, bias_correction2)), eps)
        return _addcdiv(_addcdiv(p, g, denom, grad_scale), m, denom, momentum_scale), m, v
    return _each(rule, params, grads, exp_avgs, exp_avg_sqs)


@op(strides="likewise", forms="function", samples=lambda t: [])
def _radam(params: Arrays, grads: Arrays, exp_avgs: Arrays, exp_avg_sqs: Arrays, *, lr: Runtime,
           bias_correction1: Runtime, bias_correction2_sqrt: Runtime, rectification: Runtime, beta1: Runtime,
           beta2: Runtime, eps: Runtime, weight_decay: Runtime, decay: bool, decoupled: bool, maximize: bool,
           adaptive: bool) -> tuple:
    """Adam whose adaptive part sets in when its variance allows (Liu et al. 2019)."""
    def rule(p: Array, g: Array, m: Array, v: Array) -> tuple:
        g = _regular(g, p, maximize, decay and not decoupled, weight_decay)
        if decay and decoupled:
            p = _scale(p, 1 - lr * weight_decay)
        m, v = _moments(g, m, v, beta1, beta2)
        update = _scale(_divide(m, bias_correction1), lr)
        if adaptive:
            rate = cast(bias_correction2_sqrt, v.dtype) / _shift(_sqrt(v), eps)
            update = _scale(update * rate, rectification)
        return p - update, m, v
    return _each(rule, params, grads, exp_avgs, exp_avg_sqs)


@op(strides="likewise", forms="function", samples=lambda t: [])
def _adamax(params: Arrays, grads: Arrays, exp_avgs: Arrays, exp_infs: Arrays, *, step_size: Runtime, beta1: Runtime,
            beta2: Runtime, eps: Runtime, weight_decay: Runtime, decay: bool, maximize: bool) -> tuple:
    """p - step_size * m / u, u = max(beta2 * u, |g| + eps) (Kingma & Ba 2014)."""
    def rule(p: Array, g: Array, m: Array, u: Array) -> tuple:
        g = _regular(g, p, maximize, decay, weight_decay)
        m = _lerp(m, g, 1 - beta1)
        u = jnp.maximum(_scale(u, beta2), _shift(jnp.abs(g), eps))
        return _addcdiv(p, m, u, -step_size), m, u
    return _each(rule, params, grads, exp_avgs, exp_infs)


@op(strides="likewise", forms="function", samples=lambda t: [])
def _rmsprop(params: Arrays, grads: Arrays, square_avgs: Arrays, buffers: Arrays, grad_avgs: Arrays, *, lr: Runtime,
             alpha: Runtime, eps: Runtime, momentum: Runtime, weight_decay: Runtime, decay: bool,
             maximize: bool) -> tuple:
    """p - lr * g / (sqrt(v) + eps), v the running mean of g^2, less its mean's square if centred (Hinton 2012)."""
    def rule(p: Array, g: Array, v: Array, *rest: Array) -> tuple:
        g = _regular(g, p, maximize, decay, weight_decay)
        v = _addcmul(_scale(v, alpha), g, g, 1 - alpha)
        spread, centre = v, ()
        if grad_avgs:
            mean = _lerp(rest[-1], g, 1 - alpha)
            spread, centre = _addcmul(v, mean, mean, -1.0), (mean,)
        root = _shift(_sqrt(spread), eps)
        if not buffers:
            return _addcdiv(p, g, root, -lr), v, *centre
        b = _addcdiv(_scale(rest[0], momentum), g, root, 1.0)
        return _add(p, b, -lr), v, b, *centre
    return _each(rule, params, grads, square_avgs, buffers, grad_avgs)


@op(strides="likewise", forms="function", samples=lambda t: [])
def _adagrad(params: Arrays, grads: Arrays, sums: Arrays, *, lr: Runtime, eps: Runtime, weight_decay: Runtime,
             decay: bool, maximize: bool) -> tuple:
    """p - lr * g / (sqrt(s) + eps), s the sum of g^2 (Duchi et al. 2011)."""
    def rule(p: Array, g: Array, s: Array) -> tuple:
        g = _regular(g, p, maximize, decay, weight_decay)
        s = _addcmul(s, g, g, 1.0)
        return _addcdiv(p, g, _shift(_sqrt(s), eps), -lr), s
    return _each(rule, params, grads, sums)


@op(strides="likewise", forms="function", samples=lambda t: [])
def _adadelta(params: Arrays, grads: Arrays, square_avgs: Arrays, acc_deltas: Arrays, *, lr: Runtime, rho: Runtime,
              eps: Runtime, weight_decay: Runtime, decay: bool, maximize: bool) -> tuple:
    """p - lr * d, d = sqrt(u + eps) / sqrt(v + eps) * g with running means v of g^2 and u of d^2 (Zeiler 2012)."""
    def rule(p: Array, g: Array, v: Array, u: Array) -> tuple:
        g = _regular(g, p, maximize, decay, weight_decay)
        v = _addcmul(_scale(v, rho), g, g, 1 - rho)
        delta = _sqrt(_shift(u, eps)) / _sqrt(_shift(v, eps)) * g
        return _add(p, delta, -lr), v, _addcmul(_scale(u, rho), delta, delta, 1 - rho)
    return _each(rule, params, grads, square_avgs, acc_deltas)


@op(strides="likewise", forms="function", samples=lambda t: [])
def _rprop(params: Arrays, grads: Arrays, prevs: Arrays, step_sizes: Arrays, *, etaminus: Runtime, etaplus: Runtime,
           smallest: Runtime, largest: Runtime, maximize: bool) -> tuple:
    """Steps by the gradient's sign alone, longer while it stays and shorter when it turns (Riedmiller 1993)."""
    def rule(p: Array, g: Array, prev: Array, size: Array) -> tuple:
        g = -g if maximize else g
        sign = jnp.sign(g * prev)
        factor = jnp.where(sign > 0, cast(etaplus, p.dtype), jnp.where(sign < 0, cast(etaminus, p.dtype), 1))
        size = jnp.clip(size * factor, cast(smallest, p.dtype), cast(largest, p.dtype))
        g = jnp.where(sign < 0, jnp.zeros((), g.dtype), g)
        return p - jnp.sign(g) * size, g, size
    return _each(rule, params, grads, prevs, step_sizes)


@op(strides="likewise", forms="function", samples=lambda t: [])
def _asgd(params: Arrays, grads: Arrays, means: Arrays, *, lambd: Runtime, eta: Runtime, mu: Runtime, weight_decay: Runtime,
          decay: bool, maximize: bool) -> tuple:
    """p (1 - lambd eta) - eta g; the mean moves by mu towards p, and is p where mu is 1 (Polyak & Juditsky 1992)."""
    def rule(p: Array, g: Array, ax: Array) -> tuple:
        g = _regular(g, p, maximize, decay, weight_decay)
        p = _add(_scale(p, 1 - lambd * eta), g, -eta)
        return p, jnp.where(mu == 1, p, _add(ax, p - ax, mu))
    return _each(rule, params, grads, means)


# ---- rules that see a matrix as a matrix ----
def _rms(x: Array) -> Array:
    """The root of the mean of squares, in the type torch computes norms in."""
    return jnp.sqrt(jnp.sum(jnp.square(x.astype(_wide(x))))) / math.sqrt(x.size)


def _mean_square(x: Array, axis: int) -> Array:
    return (jnp.sum(jnp.square(x.astype(_wide(x))), axis, keepdims=True) / x.shape[axis]).astype(x.dtype)


@op(strides="likewise", forms="function", samples=lambda t: [])
def _adafactor(params: Arrays, grads: Arrays, firsts: Arrays, seconds: Arrays, *, lr: Runtime, rho: Runtime, weight: Runtime,
               eps2: Runtime, d: Runtime, weight_decay: Runtime, eps1: float | None, decay: bool, maximize: bool) -> tuple:
    """p - a u, u = g / sqrt(v) made smaller where its rms is above d, a = max(eps2, rms(p)) rho (Shazeer & Stern 2018).

    firsts, seconds: the means of g^2 of the rows and of the columns, whose product stands for v; or v itself and nothing.
    """
    def rule(p: Array, g: Array, *state: Array) -> tuple:
        g = -g if maximize else g
        least = float(jnp.finfo(p.dtype).eps) if eps1 is None else eps1
        step = jnp.maximum(cast(eps2, _wide(p)), _rms(p)) * cast(rho, _wide(p))
        if decay:
            p = _scale(p, 1 - lr * weight_decay)
        if len(state) == 2:
            rows, columns = (_lerp(old, _mean_square(g, axis), weight) for old, axis in zip(state, (-1, -2), strict=True))
            state = rows, columns
            v = rows @ columns / jnp.maximum(rows.mean(-2, keepdims=True), jnp.asarray(least, p.dtype))
        else:
            v = _lerp(state[0], g * g, weight)
            state = (v,)
        update = jax.lax.rsqrt(jnp.maximum(v, jnp.asarray(least * least, p.dtype))) * g
        return (_add(p, update, -step / jnp.maximum(1, _rms(update) / cast(d, _wide(p)))), *state)
    return _each(rule, params, grads, firsts, seconds)


def _orthogonal(x: Array, coefficients: tuple, steps: int, eps: float) -> Array:
    """Near the nearest (half) orthogonal matrix, by a quintic Newton-Schulz iteration in bfloat16."""
    a, b, c = coefficients
    y = x.astype(jnp.bfloat16)
    tall = x.shape[0] > x.shape[1]
    if tall:
        y = y.T
    norm = jnp.sqrt(jnp.sum(jnp.square(y.astype(jnp.float32)))).astype(y.dtype)
    y = y / jnp.maximum(norm, jnp.asarray(eps, y.dtype))
    for _ in range(steps):
        gram = y @ y.T
        update = (b * gram.astype(jnp.float32) + c * jnp.matmul(gram, gram, preferred_element_type=jnp.float32)).astype(y.dtype)
        y = (a * y.astype(jnp.float32) + jnp.matmul(update, y, preferred_element_type=jnp.float32)).astype(y.dtype)
    return y.T if tall else y


@op(strides="likewise", forms="function", samples=lambda t: [])
def _muon(params: Arrays, grads: Arrays, buffers: Arrays, *, lr: Runtime, momentum: Runtime, weight_decay: Runtime, nesterov: bool,
          coefficients: tuple, eps: float, steps: int, like_adamw: bool) -> tuple:
    """p - lr r o, o the running mean of g made orthogonal, r from the shape (Jordan 2024; like AdamW: Liu 2025)."""
    def rule(p: Array, g: Array, b: Array) -> tuple:
        b = _lerp(b, g, 1 - momentum)
        update = _orthogonal(_lerp(g, b, momentum) if nesterov else b, coefficients, steps, eps)
        rows, columns = p.shape
        ratio = 0.2 * math.sqrt(max(rows, columns)) if like_adamw else math.sqrt(max(1, rows / columns))
        return _add(_scale(p, 1 - lr * weight_decay), update, -lr * ratio), b
    return _each(rule, params, grads, buffers)


# ---- clipping ----
def _norm(x: Array, p: float) -> Array:
    """The p-norm of all elements, summed in the compute type, in the type of the elements' magnitude."""
    wide = _wide(x)
    size = jnp.abs(x.astype(wide)).reshape(-1)
    kind = size.dtype if wide == x.dtype else x.dtype
    if size.size == 0:
        return jnp.zeros((), kind)
    if math.isinf(p):
        return (size.max() if p > 0 else size.min()).astype(kind)
    if p == 0:
        return (size != 0).sum(dtype=size.dtype).astype(kind)
    if p == 1:
        return size.sum().astype(kind)
    if p == 2:
        return jnp.sqrt((size * size).sum()).astype(kind)
    return ((size**p).sum() ** (1 / p)).astype(kind)


def _norm_of_all(tensors: Arrays, p: float) -> Array:
    norms = [_norm(x, p) for x in tensors]
    return _norm(jnp.stack([n.astype(jnp.result_type(*norms)) for n in norms]), p)


def _shrink(grads: Arrays, max_norm: Runtime, total: Array) -> tuple[Array, ...]:
    wide = _wide(total)
    factor = (cast(max_norm, wide) / _shift(total, 1e-6).astype(wide)).astype(total.dtype)
    factor = jnp.minimum(factor, jnp.ones((), total.dtype))
    return tuple((g.astype(_wide(g)) * factor.astype(_wide(g))).astype(g.dtype) for g in grads)


@op(forms="function", samples=lambda t: [])
def _total_norm(tensors: Arrays, *, norm_type: float = 2.0) -> Array:
    """The norm of all tensors seen as one vector."""
    return _norm_of_all(tensors, norm_type)


@op(strides="likewise", forms="function", samples=lambda t: [])
def _clip_grads(grads: Arrays, *, max_norm: Runtime, norm_type: float = 2.0) -> tuple:
    """(*gradients, total norm), the gradients scaled by min(1, max_norm / (total norm + 1e-6))."""
    total = _norm_of_all(grads, norm_type)
    return *_shrink(grads, max_norm, total), total


@op(strides="likewise", forms="function", samples=lambda t: [])
def _clip_grads_with_norm(grads: Arrays, total_norm: Array, *, max_norm: Runtime) -> tuple:
    """The gradients scaled by min(1, max_norm / (total_norm + 1e-6))."""
    return _shrink(grads, max_norm, total_norm)


@op(strides="likewise", forms="function", samples=lambda t: [])
def _clip_values(grads: Arrays, *, low: Runtime, high: Runtime) -> tuple:
    """Every element limited to [low, high]."""
    return tuple(jnp.clip(g, cast(low, g.dtype), cast(high, g.dtype)) for g in grads)
