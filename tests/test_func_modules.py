"""torch.func.functional_call at the edges: modules that contain themselves or assign attributes, names that are new."""
from __future__ import annotations

import pytest

import torchish as torch
from torchish import nn
from torchish.func import functional_call


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.count = nn.Buffer(torch.zeros(1))
        self.step = 1.0

    def forward(self, x: torch.Tensor) -> tuple:
        self.count = self.count + self.step
        return x + self.count, list(self.parameters()), list(self.buffers())


def test_what_is_assigned_inside_is_found_among_the_values() -> None:
    m, count = Counting(), torch.tensor([2.0])
    values = {"count": count}
    result = functional_call(m, values, torch.ones(1))[0]
    assert result.tolist() == [4] and values["count"].tolist() == [3] and count.tolist() == [2] and m.count.tolist() == [0]


def test_a_parameter_under_a_new_name_is_one_of_the_module_inside() -> None:
    m, extra = Counting(), nn.Parameter(torch.ones(1))
    _, parameters, buffers = functional_call(m, {"extra": extra}, torch.ones(1))
    assert len(parameters) == 1 and parameters[0] is extra and len(buffers) == 1
    assert not functional_call(m, {"extra": torch.ones(1)}, torch.ones(1))[1]
    assert not hasattr(m, "extra") and not list(m.parameters())


def test_an_attribute_that_is_no_tensor_is_not_replaced() -> None:
    with pytest.raises(TypeError, match="attribute `step`: 1.0 is not an instance of torch.Tensor"):
        functional_call(Counting(), {"step": torch.ones(1)}, torch.ones(1))


def test_a_module_that_contains_itself() -> None:
    m = nn.Sequential(nn.Linear(1, 1))
    m[0].above = m
    values = {"0.above.0.weight": torch.full((1, 1), 2.0), "0.bias": torch.zeros(1)}
    assert functional_call(m, values, torch.ones(1, 1), tie_weights=False).tolist() == [[2]]
