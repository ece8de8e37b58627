"""The 30-second smoke test: if one of these fails, look here before anywhere else."""
from __future__ import annotations

import torchish as torch


def test_a_tensor_is_made_added_and_printed():
    x = torch.tensor([1.0, 2.0, 3.0])
    assert (x + x).tolist() == [2.0, 4.0, 6.0]
    assert repr(x + 1) == "tensor([2., 3., 4.])"


def test_backward_fills_grad():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    (x * x).sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]
    assert repr(x.sum()).startswith("tensor(3., grad_fn=<SumBackward0>)")


def test_in_place_and_views_share_storage():
    x = torch.zeros(2, 2)
    x[0] += 1
    x.t()[1, 1] = 5
    assert x.tolist() == [[1.0, 1.0], [0.0, 5.0]]


def test_integers_are_64_bits_wide():
    assert (torch.arange(3) + 2**40).tolist() == [2**40, 2**40 + 1, 2**40 + 2]
    assert torch.arange(3).dtype is torch.int64


def test_five_steps_of_training_lower_the_loss():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x = torch.randn(16, 4)
    y = x.sum(dim=1, keepdim=True)
    losses = []
    for _ in range(5):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True) and losses[-1] < 0.8 * losses[0]
