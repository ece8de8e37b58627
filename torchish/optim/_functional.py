"""One step of an optimizer as a function: `torch.optim.adam.adam` and the like, and torch.optim._functional.

In: lists of parameters, gradients, states and step counts (tensors of one element), and the numbers of the step.  Out: nothing; the
parameters, states and counts are written in place.  A count is read, so a step that is open ends there.
"""
from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

from .. import api as torch
from ..tensor import Tensor
from .adam import Adam, Adamax, NAdam, RAdam
from .adaptive import Adadelta, Adagrad, RMSprop, Rprop
from .asgd import ASGD
from .driver import Rule, fill
from .sgd import SGD

__all__ = ["adadelta", "adagrad", "adam", "adamax", "adamw", "asgd", "nadam", "radam", "rmsprop", "rprop", "sgd"]

Tensors = list[Tensor]


def _step(cls: type[Rule], params: Tensors, grads: Tensors, states: Sequence[Tensors], counts: Sequence[Tensors],
          **group: Any) -> None:
    """Calls the rule of an optimizer; `states` are in the order of its slots, `counts` in that of its host numbers."""
    if not all(isinstance(x, Tensor) for x in chain(*counts)):
        raise RuntimeError("API has changed, `state_steps` argument must contain a list of singleton tensors")
    rule: Any = cls.__new__(cls)
    if torch.is_grad_enabled():
        for i, (p, g) in enumerate(zip(params, grads, strict=True)):
            old, own = [[column[i]] for column in states], [column[i] for column in counts]
            values, new = rule._call(group, [p], [g], old, tuple(x if cls.counts_in_graph else float(x) for x in own))
            for x, value in zip([p, *chain(*old), *own], [*values, *new], strict=True):
                x.copy_(value)
        return
    buckets: dict[tuple, list[int]] = {}
    for i in range(len(params)):
        buckets.setdefault(tuple(float(column[i]) for column in counts), []).append(i)
    for host, places in buckets.items():
        old = [[column[i] for i in places] for column in states]
        some = [params[i] for i in places]
        values, new = rule._call(group, some, [grads[i] for i in places], old, host)
        torch._assign([*some, *chain(*old)], values)
        for column, number in zip(counts, new, strict=False):
            for i in places:
                column[i].fill_(number)


def _unscaled(grads: Tensors, fused: bool | None, grad_scale: Tensor | None, found_inf: Tensor | None) -> bool:
    """Divides the gradients by the scale; False where one of them is infinite, and nothing is to be done."""
    if not fused and (grad_scale is not None or found_inf is not None):
        raise AssertionError("Expected grad_scale and found_inf to be None")
    if found_inf is not None and float(found_inf):
        return False
    if grad_scale is not None:
        for g in grads:
            g.div_(grad_scale)
    return True


def sgd(params: Tensors, d_p_list: Tensors, momentum_buffer_list: list[Tensor | None], has_sparse_grad: bool = False,
        foreach: bool | None = None, fused: bool | None = None, grad_scale: Tensor | None = None,
        found_inf: Tensor | None = None, *, weight_decay: float, momentum: float, lr: float, dampening: float, nesterov: bool,
        maximize: bool) -> None:
    """A step of SGD; a momentum buffer that is None begins with the first gradient, undamped."""
    if not _unscaled(d_p_list, fused, grad_scale, found_inf):
        return
    group = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "nesterov": nesterov, "maximize": maximize}
    if not momentum:
        _step(SGD, params, d_p_list, (), (), dampening=0.0, **group)
        return
    new = [i for i in range(len(params)) if momentum_buffer_list[i] is None]
    for places, damped in ((new, 0.0), ([i for i in range(len(params)) if i not in set(new)], dampening)):
        buffers = [fill(params[i], 0.0) if (b := momentum_buffer_list[i]) is None else b for i in places]
        _step(SGD, [params[i] for i in places], [d_p_list[i] for i in places], (buffers,), (), dampening=damped, **group)
        for i, buffer in zip(places, buffers, strict=True):
            momentum_buffer_list[i] = buffer


def adam(params: Tensors, grads: Tensors, exp_avgs: Tensors, exp_avg_sqs: Tensors, max_exp_avg_sqs: Tensors, state_steps: Tensors,
         foreach: bool | None = None, capturable: bool = False, differentiable: bool = False, fused: bool | None = None,
         grad_scale: Tensor | None = None, found_inf: Tensor | None = None, has_complex: bool = False,
         decoupled_weight_decay: bool = False, *, amsgrad: bool, beta1: float, beta2: float, lr: float, weight_decay: float,
         eps: float, maximize: bool) -> None:
    """A step of Adam."""
    if _unscaled(grads, fused, grad_scale, found_inf):
        _step(Adam, params, grads, (exp_avgs, exp_avg_sqs, *([max_exp_avg_sqs] if amsgrad else [])), (state_steps,), lr=lr, eps=eps,
              betas=(beta1, beta2), weight_decay=weight_decay, amsgrad=amsgrad, maximize=maximize,
              decoupled_weight_decay=decoupled_weight_decay)


def adamw(params: Tensors, grads: Tensors, exp_avgs: Tensors, exp_avg_sqs: Tensors, max_exp_avg_sqs: Tensors, state_steps: Tensors,
          foreach: bool | None = None, capturable: bool = False, differentiable: bool = False, fused: bool | None = None,
          grad_scale: Tensor | None = None, found_inf: Tensor | None = None, has_complex: bool = False, *, amsgrad: bool,
          beta1: float, beta2: float, lr: float, weight_decay: float, eps: float, maximize: bool) -> None:
    """A step of AdamW."""
    adam(params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, state_steps, foreach, capturable, differentiable, fused, grad_scale,
         found_inf, has_complex, True, amsgrad=amsgrad, beta1=beta1, beta2=beta2, lr=lr, weight_decay=weight_decay, eps=eps,
         maximize=maximize)


def nadam(params: Tensors, grads: Tensors, exp_avgs: Tensors, exp_avg_sqs: Tensors, mu_products: Tensors, state_steps: Tensors,
          decoupled_weight_decay: bool = False, foreach: bool | None = None, capturable: bool = False, differentiable: bool = False,
          has_complex: bool = False, maximize: bool = False, *, beta1: float, beta2: float, lr: float, weight_decay: float,
          momentum_decay: float, eps: float) -> None:
    """A step of NAdam."""
    _step(NAdam, params, grads, (exp_avgs, exp_avg_sqs), (state_steps, mu_products), lr=lr, betas=(beta1, beta2), eps=eps,
          weight_decay=weight_decay, momentum_decay=momentum_decay, decoupled_weight_decay=decoupled_weight_decay,
          maximize=maximize)


def radam(params: Tensors, grads: Tensors, exp_avgs: Tensors, exp_avg_sqs: Tensors, state_steps: Tensors,
          decoupled_weight_decay: bool = False, foreach: bool | None = None, differentiable: bool = False, capturable: bool = False,
          has_complex: bool = False, maximize: bool = False, *, beta1: float, beta2: float, lr: float, weight_decay: float,
          eps: float) -> None:
    """A step of RAdam."""
    _step(RAdam, params, grads, (exp_avgs, exp_avg_sqs), (state_steps,), lr=lr, betas=(beta1, beta2), eps=eps,
          weight_decay=weight_decay, decoupled_weight_decay=decoupled_weight_decay, maximize=maximize)


def adamax(params: Tensors, grads: Tensors, exp_avgs: Tensors, exp_infs: Tensors, state_steps: Tensors, foreach: bool | None = None,
           maximize: bool = False, differentiable: bool = False, capturable: bool = False, has_complex: bool = False, *, eps: float,
           beta1: float, beta2: float, lr: float, weight_decay: float) -> None:
    """A step of Adamax."""
    _step(Adamax, params, grads, (exp_avgs, exp_infs), (state_steps,), lr=lr, betas=(beta1, beta2), eps=eps,
          weight_decay=weight_decay, maximize=maximize)


def rmsprop(params: Tensors, grads: Tensors, square_avgs: Tensors, grad_avgs: Tensors, momentum_buffer_list: Tensors,
            state_steps: Tensors, foreach: bool | None = None, maximize: bool = False, differentiable: bool = False,
            capturable: bool = False, has_complex: bool = False, *, lr: float, alpha: float, eps: float, weight_decay: float,
            momentum: float, centered: bool) -> None:
    """A step of RMSprop."""
    states = (square_avgs, *([momentum_buffer_list] if momentum > 0 else []), *([grad_avgs] if centered else []))
    _step(RMSprop, params, grads, states, (state_steps,), lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum,
          centered=centered, maximize=maximize)


def adagrad(params: Tensors, grads: Tensors, state_sums: Tensors, state_steps: Tensors, fused: bool | None = None,
            grad_scale: Tensor | None = None, found_inf: Tensor | None = None, has_sparse_grad: bool = False,
            foreach: bool | None = None, differentiable: bool = False, has_complex: bool = False, *, lr: float, weight_decay: float,
            lr_decay: float, eps: float, maximize: bool) -> None:
    """A step of Adagrad."""
    if _unscaled(grads, fused, grad_scale, found_inf):
        _step(Adagrad, params, grads, (state_sums,), (state_steps,), lr=lr, weight_decay=weight_decay, lr_decay=lr_decay, eps=eps,
              maximize=maximize)


def adadelta(params: Tensors, grads: Tensors, square_avgs: Tensors, acc_deltas: Tensors, state_steps: Tensors,
             capturable: bool = False, foreach: bool | None = None, differentiable: bool = False, has_complex: bool = False, *,
             lr: float, rho: float, eps: float, weight_decay: float, maximize: bool) -> None:
    """A step of Adadelta."""
    _step(Adadelta, params, grads, (square_avgs, acc_deltas), (state_steps,), lr=lr, rho=rho, eps=eps, weight_decay=weight_decay,
          maximize=maximize)


def rprop(params: Tensors, grads: Tensors, prevs: Tensors, step_sizes: Tensors, state_steps: Tensors, foreach: bool | None = None,
          capturable: bool = False, maximize: bool = False, differentiable: bool = False, has_complex: bool = False, *,
          step_size_min: float, step_size_max: float, etaminus: float, etaplus: float) -> None:
    """A step of Rprop."""
    _step(Rprop, params, grads, (prevs, step_sizes), (state_steps,), etas=(etaminus, etaplus),
          step_sizes=(step_size_min, step_size_max), maximize=maximize)


def asgd(params: Tensors, grads: Tensors, axs: Tensors, mus: Tensors, etas: Tensors, state_steps: Tensors,
         foreach: bool | None = None, maximize: bool = False, differentiable: bool = False, capturable: bool = False,
         has_complex: bool = False, *, lambd: float,
         lr: float, t0: float, alpha: float, weight_decay: float) -> None:
    """A step of ASGD."""
    _step(ASGD, params, grads, (axs,), (state_steps, etas, mus), lr=lr, lambd=lambd, alpha=alpha, t0=t0, weight_decay=weight_decay,
          maximize=maximize)
