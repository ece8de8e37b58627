"""Parametrizations, the older hooks, further optimizers, averaged models and fused layers, against recorded answers of torch."""
from __future__ import annotations

import copy

import numpy as np
import pytest
from nn_more_golden import cases, recorder, same_module

import torchish as torch
from torchish import nn, optim
from torchish.nn.utils import parametrize


@pytest.mark.parametrize(("text", "expected"), cases("parametrized"))
def test_module(text: str, expected: dict) -> None:
    same_module(text, expected)


@pytest.mark.parametrize(("text", "expected"), cases("errors", "nn.utils.parametrize", "optim"))
def test_error(text: str, expected: list) -> None:
    assert recorder.error(torch, text) == tuple(expected)


@pytest.mark.parametrize(("text", "expected"), cases("optimizers"))
def test_optimizer(text: str, expected: list) -> None:
    np.testing.assert_allclose(recorder.train(torch, text), expected, rtol=1e-3, atol=1e-3)


class Double(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 2

    def right_inverse(self, x: torch.Tensor) -> torch.Tensor:
        return x / 2


def test_parametrization_comes_and_goes() -> None:
    layer = nn.Linear(2, 2)
    weight, value = layer.weight, layer.weight.detach().clone()
    parametrize.register_parametrization(layer, "weight", Double())
    assert torch.equal(layer.weight, value) and layer.parametrizations.weight.original is weight
    assert parametrize.is_parametrized(layer, "weight") and not parametrize.is_parametrized(layer, "bias")
    assert parametrize.type_before_parametrizations(layer) is nn.Linear and type(layer).__name__ == "ParametrizedLinear"
    with parametrize.cached():
        assert layer.weight is layer.weight
    assert layer.weight is not layer.weight
    layer.weight = torch.ones(2, 2)
    assert weight.tolist() == [[0.5, 0.5], [0.5, 0.5]]
    assert torch.equal(copy.deepcopy(layer).weight, torch.ones(2, 2))
    parametrize.remove_parametrizations(layer, "weight")
    assert type(layer) is nn.Linear and layer.weight is weight and weight.sum().item() == 4


class Outer(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return x[:, None] * y

    def right_inverse(self, matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return matrix[:, 0] / matrix[0, 0], matrix[0]


def test_parametrizations_go_to_a_module_without_the_tensor() -> None:
    layer, other = nn.Linear(3, 2), nn.Module()
    parametrize.register_parametrization(layer, "weight", Outer())
    parametrize.register_parametrization(layer, "weight", Double())
    assert parametrize.transfer_parametrizations_and_params(layer, other) is other
    assert [name for name, _ in other.named_parameters()] == [f"parametrizations.weight.original{k}" for k in (0, 1)]
    assert other.parametrizations.weight.original1 is layer.parametrizations.weight.original1
    assert torch.equal(other.weight, layer.weight)
    norm, second = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    parametrize.register_parametrization(norm, "running_mean", Double())
    norm.running_mean = torch.ones(3)
    parametrize.transfer_parametrizations_and_params(norm, second, "running_mean")
    assert second.running_mean.tolist() == [1, 1, 1]


def test_old_names_are_read() -> None:
    with pytest.warns(FutureWarning, match="parametrizations.weight_norm"):
        old = nn.utils.weight_norm(nn.Linear(2, 3))
    new = nn.utils.parametrizations.weight_norm(nn.Linear(2, 3))
    new.load_state_dict(old.state_dict())
    assert torch.allclose(new.weight, old.weight)
    nn.utils.remove_weight_norm(old)
    assert isinstance(old.weight, nn.Parameter) and list(old.state_dict()) == ["bias", "weight"]


def test_averaged_model() -> None:
    swa = optim.swa_utils
    model = nn.Linear(1, 1, bias=False)
    plain, ema = swa.AveragedModel(model), swa.AveragedModel(model, multi_avg_fn=swa.get_ema_multi_avg_fn(0.5))
    for value in (1.0, 2.0, 6.0):
        nn.init.constant_(model.weight, value)
        plain.update_parameters(model)
        ema.update_parameters(model)
    assert plain.module.weight.item() == pytest.approx(3.0) and ema.module.weight.item() == pytest.approx(3.75)
    assert plain.n_averaged.item() == 3
    norm = nn.BatchNorm1d(1)
    swa.update_bn([torch.tensor([[1.0], [3.0]]), torch.tensor([[5.0], [7.0]])], norm)
    assert norm.running_mean.item() == pytest.approx(4.0) and norm.momentum == 0.1


def test_annealed_rate() -> None:
    optimizer = optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1)
    schedule = optim.swa_utils.SWALR(optimizer, swa_lr=0.02, anneal_epochs=2, anneal_strategy="linear")
    rates = []
    for _ in range(3):
        optimizer.step()
        schedule.step()
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.06, 0.02, 0.02])


def test_fused_layer() -> None:
    conv, norm = nn.Conv1d(1, 2, 2).eval(), nn.BatchNorm1d(2).eval()
    norm.running_mean.add_(1)
    x = torch.ones(1, 1, 3)
    assert torch.allclose(nn.utils.fuse_conv_bn_eval(conv, norm)(x), norm(conv(x)), atol=1e-6)


def test_parameters_that_were_read_before_the_loop() -> None:
    """What is computed before the first step is cut off the tape of step 1, and the parameters stay leaves of it."""
    layer = nn.utils.spectral_norm(nn.Linear(3, 2))
    start = layer.weight_orig.detach() * 2
    optimizer = optim.SGD(layer.parameters(), lr=0.01)
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = layer(torch.ones(4, 3)).square().sum()
        loss.backward()
        optimizer.step()
        losses.append(loss)
    values = [loss.item() for loss in losses]
    assert values[0] > values[1] > values[2]
    assert not torch.allclose(start / 2, layer.weight_orig)


class Cayley(nn.Module):
    """Its inverse takes orthogonal matrices only."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("start", torch.eye(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        one = torch.eye(3)
        return self.start @ torch.linalg.solve(one + x, one - x)

    def right_inverse(self, x: torch.Tensor) -> torch.Tensor:
        if not torch.allclose(x.T @ x, torch.eye(3), atol=1e-4):
            raise ValueError("not orthogonal")
        self.start = x
        return torch.zeros_like(x)


class Skew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.triu(1) - x.triu(1).T

    def right_inverse(self, x: torch.Tensor) -> torch.Tensor:
        return x.triu(1)


def test_a_further_parametrization_is_tried_backwards_on_what_it_gave() -> None:
    layer = nn.Linear(3, 3)
    parametrize.register_parametrization(layer, "weight", Skew())
    parametrize.register_parametrization(layer, "weight", Cayley())
    wanted = nn.init.orthogonal_(torch.empty(3, 3))
    layer.weight = wanted
    torch.testing.assert_close(layer.weight, wanted)
    assert not layer.parametrizations.weight.original.any()


@pytest.mark.parametrize("name", ["weight_norm", "spectral_norm"])
@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
def test_the_older_hooks_need_a_weight_with_a_shape(name: str) -> None:
    with pytest.raises(ValueError, match="can't have uninitialized parameters. Make sure to run the dummy forward before applying "
                                         f"{name.split('_')[0]} normalization"):
        getattr(nn.utils, name)(nn.LazyLinear(3))
