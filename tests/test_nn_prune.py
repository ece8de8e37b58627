"""torch.nn.utils.prune: masks, their combination, and what is refused; values from torch."""
from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

import torchish as torch
from torchish import nn
from torchish.nn.utils import prune


def linear() -> nn.Linear:
    m = nn.Linear(3, 2, bias=False)
    with torch.no_grad():
        m.weight.copy_(torch.tensor([[1.0, -5.0, 3.0], [-2.0, 6.0, 4.0]]))
    return m


@pytest.mark.parametrize(("function", "options", "mask"), [
    (prune.identity, {}, [[1, 1, 1], [1, 1, 1]]),
    (prune.l1_unstructured, {"amount": 2}, [[0, 1, 1], [0, 1, 1]]),
    (prune.l1_unstructured, {"amount": 0.5, "importance_scores": torch.arange(6.0).reshape(2, 3)}, [[0, 0, 0], [1, 1, 1]]),
    (prune.ln_structured, {"amount": 1, "n": 2, "dim": 1}, [[0, 1, 1], [0, 1, 1]]),
    (prune.ln_structured, {"amount": 0.5, "n": float("inf"), "dim": 0}, [[0, 0, 0], [1, 1, 1]]),
    (prune.ln_structured, {"amount": 0, "n": 1, "dim": 0}, [[1, 1, 1], [1, 1, 1]]),
    (prune.custom_from_mask, {"mask": torch.tensor([[1, 0, 1], [0, 0, 1]])}, [[1, 0, 1], [0, 0, 1]]),
])
def test_masks(function: Callable, options: dict, mask: list) -> None:
    m = function(linear(), "weight", **options)
    before = m.weight_orig.detach().clone()
    assert m.weight_mask.tolist() == mask and list(m.state_dict()) == ["weight_orig", "weight_mask"]
    assert prune.is_pruned(m) and torch.equal(m.weight, before * m.weight_mask) and m.weight.requires_grad
    m(torch.ones(1, 3)).sum().backward()
    assert m.weight_orig.grad.tolist() == mask
    assert torch.equal(pickle.loads(pickle.dumps(m))(torch.ones(1, 3)), m(torch.ones(1, 3)))
    prune.remove(m, "weight")
    assert list(m.state_dict()) == ["weight"] and torch.equal(m.weight, before * torch.tensor(mask)) and not m._forward_pre_hooks


def test_random_ones_draw_as_torch_does() -> None:
    m = linear()
    torch.manual_seed(3)
    prune.random_unstructured(m, "weight", amount=2)
    assert m.weight_mask.tolist() == [[1, 1, 0], [1, 0, 1]]
    prune.random_structured(m, "weight", amount=1, dim=1)
    assert m.weight_mask.tolist() == [[1, 1, 0], [1, 0, 0]]


def test_one_after_the_other() -> None:
    m = linear()
    prune.l1_unstructured(m, "weight", 2)
    prune.ln_structured(m, "weight", 1, 1, 1)
    hook, = m._forward_pre_hooks.values()
    assert isinstance(hook, prune.PruningContainer) and [type(h).__name__ for h in hook] == ["L1Unstructured", "LnStructured"]
    assert m.weight_mask.tolist() == [[0, 1, 0], [0, 1, 0]] and len(hook) == 2 and hook._tensor_name == "weight"
    assert prune.L1Unstructured(1).prune(torch.tensor([3.0, -1.0])).tolist() == [3, 0]


def test_several_parameters_as_one() -> None:
    a, b = linear(), linear()
    places = [(a, "weight"), (b, "weight")]
    prune.global_unstructured(places, pruning_method=prune.L1Unstructured, amount=4, importance_scores={places[1]: a.weight * 10})
    assert a.weight_mask.tolist() == [[0, 1, 0], [0, 1, 0]] and b.weight_mask.sum().item() == 6


def container(method: Any) -> None:
    box = prune.PruningContainer()
    box._tensor_name = "t"
    box.add_pruning_method(method)


def named(name: str) -> prune.L1Unstructured:
    method = prune.L1Unstructured(1)
    method._tensor_name = name
    return method


@pytest.mark.parametrize(("wrong", "error", "message"), [
    (lambda: prune.l1_unstructured(linear(), "weight", "x"), TypeError, "Invalid type for amount: x"),
    (lambda: prune.l1_unstructured(linear(), "weight", 1.5), ValueError, "amount=1.5 should either be a float in the range"),
    (lambda: prune.l1_unstructured(linear(), "weight", 7), ValueError, "amount=7 should be smaller than the number of parameters"),
    (lambda: prune.l1_unstructured(linear(), "weight", 1, torch.ones(2)), AssertionError, "importance_scores should have the same"),
    (lambda: prune.ln_structured(nn.Linear(2, 2), "bias", 1, 1, 0), ValueError, "Structured pruning can only be applied to"),
    (lambda: prune.ln_structured(linear(), "weight", 1, 1, 2), IndexError, "Invalid index 2 for tensor of size"),
    (lambda: prune.remove(linear(), "weight"), ValueError, "Parameter 'weight' of module"),
    (lambda: prune.global_unstructured(3, prune.L1Unstructured), TypeError, "parameters is not an Iterable"),
    (lambda: prune.global_unstructured([(linear(), "weight")], prune.LnStructured, amount=1, n=1), TypeError, "Only .unstr"),
    (lambda: container(3), TypeError, "is not a BasePruningMethod subclass"),
    (lambda: container(named("u")), ValueError, "Can only add pruning methods acting on the parameter named 't'"),
])
def test_errors(wrong: Callable, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        wrong()


def test_a_failure_leaves_the_module_as_it_was() -> None:
    m = linear()
    with pytest.raises(ValueError):
        prune.l1_unstructured(m, "weight", 7)
    assert list(m.state_dict()) == ["weight"] and isinstance(m.weight, nn.Parameter) and not prune.is_pruned(m)
