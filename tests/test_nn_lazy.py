"""Lazy modules, the paths of torch.nn.modules, and data parallelism on one device."""
from __future__ import annotations

import copy
import importlib
import io

import pytest
from nn_more_golden import cases, recorder, same_module

import torchish as torch
from torchish import nn


@pytest.mark.parametrize(("text", "expected"), cases("lazy"))
def test_module(text: str, expected: dict) -> None:
    same_module(text, expected)


@pytest.mark.parametrize(("text", "expected"), cases("errors", "nn.Lazy"))
def test_error(text: str, expected: list) -> None:
    assert recorder.error(torch, text) == tuple(expected)


def test_parameters_stay_the_same_objects() -> None:
    model = nn.Sequential(nn.LazyLinear(4), nn.LazyLinear(2))
    before = list(model.parameters())
    model(torch.ones(1, 3))
    assert all(a is b for a, b in zip(before, model.parameters())) and type(model[0]) is nn.Linear
    assert type(model[0].weight) is nn.Parameter and model[1].in_features == 4


def test_loading_gives_the_shape() -> None:
    layer = nn.LazyLinear(3)
    assert repr(layer.weight) == "<UninitializedParameter>" and layer.has_uninitialized_params()
    layer.load_state_dict(nn.Linear(2, 3).state_dict())
    assert layer.weight.shape == (3, 2) and layer(torch.ones(1, 2)).shape == (1, 3)


def test_paths_of_modules() -> None:
    for path, name in (("conv", "Conv2d"), ("batchnorm", "_BatchNorm"), ("container", "Sequential"), ("rnn", "LSTM"),
                       ("normalization", "LayerNorm"), ("instancenorm", "_InstanceNorm")):
        assert hasattr(importlib.import_module(f"torchish.nn.modules.{path}"), name)
    assert nn.modules.conv.Conv2d is nn.Conv2d and nn.modules.utils._pair(3) == (3, 3)


def test_parallel_wrappers() -> None:
    inner = nn.Linear(2, 2)
    x = torch.ones(1, 2)
    for wrapper in (nn.DataParallel(inner), nn.parallel.DistributedDataParallel(inner)):
        assert wrapper.module is inner and list(wrapper.state_dict()) == ["module.weight", "module.bias"]
        assert torch.equal(wrapper(x), inner(x))
    with wrapper.no_sync():
        assert not wrapper.require_backward_grad_sync
    pieces = nn.parallel.scatter((torch.arange(4), "a"), [0, 1])
    assert [p[0].tolist() for p in pieces] == [[0, 1], [2, 3]] and nn.parallel.gather([x, x], 0).shape == (2, 2)


def test_what_has_no_shape_yet_is_not_counted_but_saved() -> None:
    layer = nn.LazyLinear(2, dtype=torch.float64)
    for call in (lambda p: p.numel(), lambda p: p.dim(), len, lambda p: p.view(-1), lambda p: p + 1):
        with pytest.raises(ValueError, match="Attempted to use an uninitialized parameter in"):
            call(layer.weight)
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    weight = torch.load(file, weights_only=False)["weight"]
    assert isinstance(weight, nn.UninitializedParameter) and weight.dtype is torch.float64
    assert isinstance(copy.deepcopy(layer).weight, nn.UninitializedParameter)
    layer(torch.ones(1, 3, dtype=torch.float64))
    assert layer.weight.numel() == 6 and layer.weight.dim() == 2


def test_a_buffer_without_a_shape_is_registered_where_it_is_assigned() -> None:
    class Holder(nn.modules.lazy.LazyModuleMixin, nn.Module):
        pass
    m, full = Holder(), Holder()
    m.kept, m.passing = nn.parameter.UninitializedBuffer(), nn.parameter.UninitializedBuffer(persistent=False)
    assert m.has_uninitialized_params() and list(m._buffers) == ["kept", "passing"] and isinstance(m.kept, nn.Buffer)
    assert list(m.state_dict()) == ["kept"] and m.state_dict()["kept"] is m.kept
    full.kept = nn.Buffer(torch.ones(2))
    with pytest.raises(RuntimeError, match="Can't access the shape of an uninitialized parameter or buffer"):
        full.load_state_dict(m.state_dict())
    m.load_state_dict(full.state_dict())
    assert m.kept.tolist() == [1, 1] and type(m.kept) is torch.Tensor
