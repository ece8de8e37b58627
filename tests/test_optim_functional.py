"""A step of an optimizer as a function gives what the optimizer gives."""
from __future__ import annotations

import pytest

import torchish as torch
from torchish import optim
from torchish.optim import _functional as F

ADAM = {"beta1": 0.9, "beta2": 0.99, "lr": 0.1, "weight_decay": 0.1, "eps": 1e-8}
BETAS = {"betas": (0.9, 0.99), "lr": 0.1, "weight_decay": 0.1, "eps": 1e-8}
# the optimizer, its options, those of the function, how its states begin (None: the maximum that is not kept), its other counts
CASES = {
    "adam": (optim.Adam, BETAS | {"amsgrad": True}, ADAM | {"amsgrad": True, "maximize": False}, (0, 0, 0), ()),
    "adamw": (optim.AdamW, BETAS, ADAM | {"amsgrad": False, "maximize": False}, (0, 0, None), ()),
    "nadam": (optim.NAdam, BETAS, ADAM | {"momentum_decay": 4e-3}, (0, 0), (1.0,)),
    "radam": (optim.RAdam, BETAS, ADAM, (0, 0), ()), "adamax": (optim.Adamax, BETAS, ADAM, (0, 0), ()),
    "adagrad": (optim.Adagrad, {"lr_decay": 0.1}, {"lr": 0.01, "lr_decay": 0.1, "eps": 1e-10, "weight_decay": 0.0,
                                                   "maximize": False}, (0,), ()),
    "adadelta": (optim.Adadelta, {}, {"lr": 1.0, "rho": 0.9, "eps": 1e-6, "weight_decay": 0.0, "maximize": False}, (0, 0), ()),
    "rprop": (optim.Rprop, {}, {"step_size_min": 1e-6, "step_size_max": 50, "etaminus": 0.5, "etaplus": 1.2}, (0, 0.01), ()),
    "asgd": (optim.ASGD, {"t0": 1.0}, {"lambd": 1e-4, "lr": 0.01, "t0": 1.0, "alpha": 0.75, "weight_decay": 0.0}, (0,),
             (1.0, 0.01)),
    "rmsprop": (optim.RMSprop, {"momentum": 0.9, "centered": True}, {"lr": 0.01, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0.0,
                                                                      "momentum": 0.9, "centered": True}, (0, 0, 0), ()),
}


def gradient(p: torch.Tensor, step: int) -> torch.Tensor:
    return p.detach() * (step + 1) + 0.3


@pytest.mark.parametrize("name", CASES)
def test_a_step_is_that_of_the_optimizer(name: str) -> None:
    cls, options, group, begin, counts = CASES[name]
    start = [torch.tensor([1.0, -2.0, 3.0]), torch.tensor([[0.5]])]
    params, own = [p.clone() for p in start], [torch.nn.Parameter(p.clone()) for p in start]
    states = [[] if first is None else [torch.full_like(p, first) for p in params] for first in begin]
    numbers = [[torch.tensor(first) for _ in params] for first in (*counts, 0.0)]
    optimizer = cls(own, **options)
    for step in range(3):
        grads = [gradient(p, step) for p in params]
        with torch.no_grad():
            getattr(F, name)(params, grads, *states, *numbers, **group)
        for p in own:
            p.grad = gradient(p, step)
        optimizer.step()
    torch.testing.assert_close(params, [p.detach() for p in own])
    assert [float(x) for x in numbers[-1]] == [3.0, 3.0]


def test_sgd_begins_its_buffers() -> None:
    own, params, buffers = torch.nn.Parameter(torch.ones(2)), [torch.ones(2)], [None]
    optimizer = optim.SGD([own], 0.1, momentum=0.9, dampening=0.5)
    for step in range(3):
        optim.sgd.sgd(params, [gradient(params[0], step)], buffers, weight_decay=0.0, momentum=0.9, lr=0.1, dampening=0.5,
                      nesterov=False, maximize=False)
        own.grad = gradient(own, step)
        optimizer.step()
    torch.testing.assert_close([params[0], buffers[0]], [own.detach(), optimizer.state[own]["momentum_buffer"]])


def test_steps_in_the_graph_scaled_ones_and_refusals() -> None:
    options = ADAM | {"amsgrad": False, "maximize": False}

    def zeros() -> list:
        return [torch.zeros(2)]
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    p, count = w * 1, torch.tensor(0.0)
    optim.adam.adam([p], [w.cos()], [w * 0], [w * 0 + 0.5], [], [count], differentiable=True, **options)
    assert count == 1
    torch.testing.assert_close(torch.autograd.grad(p.sum(), w)[0], torch.tensor([1.010, 1.011]), atol=1e-3, rtol=0)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        F.adam([w], zeros(), zeros(), zeros(), [], [torch.tensor(0.0)], **options)
    with torch.no_grad():
        one, other = zeros(), zeros()
        F.adam(one, [torch.ones(2)], zeros(), zeros(), [], [torch.tensor(0.0)], fused=True, grad_scale=torch.tensor(2.0), **options)
        F.adam(other, [torch.ones(2) / 2], zeros(), zeros(), [], [torch.tensor(0.0)], **options)
        assert torch.equal(one[0], other[0])
        F.adam(one, [torch.ones(2)], zeros(), zeros(), [], [torch.tensor(0.0)], fused=True, found_inf=torch.tensor(1.0), **options)
        assert torch.equal(one[0], other[0])
        with pytest.raises(AssertionError, match="Expected grad_scale and found_inf to be None"):
            F.adam(one, zeros(), zeros(), zeros(), [], [torch.tensor(0.0)], grad_scale=torch.tensor(2.0), **options)
        with pytest.raises(RuntimeError, match="API has changed, `state_steps` argument must contain a list of singleton tensors"):
            F.adam(one, zeros(), zeros(), zeros(), [], [1], **options)
    with pytest.raises(AttributeError, match=r"module 'torch\.optim\.sgd' has no attribute 'nothing'"):
        optim.sgd.nothing
