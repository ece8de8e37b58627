"""AdaptiveLogSoftmaxWithLoss, LinearCrossEntropyLoss, torch.nn.grad: against what they stand for, and what is refused."""
from __future__ import annotations

from collections.abc import Callable

import pytest

import torchish as torch
from torchish import nn
from torchish.nn import functional as F


def test_adaptive_softmax_is_a_softmax_over_all_classes() -> None:
    torch.manual_seed(0)
    m = nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 10, 15], div_value=2.0)
    assert list(m.state_dict()) == ["head.weight", "tail.0.0.weight", "tail.0.1.weight", "tail.1.0.weight", "tail.1.1.weight",
                                    "tail.2.0.weight", "tail.2.1.weight"] and m.head.weight.shape == (8, 8)
    x, y = torch.randn(4, 8, requires_grad=True), torch.tensor([0, 7, 12, 19])
    every = m.log_prob(x)
    assert torch.allclose(every.exp().sum(1), torch.ones(4))
    out, loss = m(x, y)
    assert torch.allclose(out, every.gather(1, y[:, None])[:, 0]) and torch.allclose(loss, -out.mean())
    assert m.predict(x).tolist() == every.argmax(1).tolist() and m(x[1], y[1]).output.shape == ()
    loss.backward()
    expected, = torch.autograd.grad(-m.log_prob(x).gather(1, y[:, None]).mean(), x)
    assert torch.allclose(x.grad, expected, atol=1e-6)


SMALL = nn.AdaptiveLogSoftmaxWithLoss(4, 6, [2])


@pytest.mark.parametrize(("wrong", "error", "message"), [
    (lambda: nn.AdaptiveLogSoftmaxWithLoss(16, 20, []), ValueError, "cutoffs should be a sequence of length larger than 0"),
    *[(lambda c=c: nn.AdaptiveLogSoftmaxWithLoss(16, 20, c), ValueError, "cutoffs should be a sequence of unique, positive")
      for c in ([5, 15, 15], [15, 5], [5, 25], [-5, 3], [5, 20], [2.5])],
    (lambda: SMALL(torch.ones(2, 4), torch.tensor([0, 6])), RuntimeError, r"Target values should be in \[0, 5\]"),
    (lambda: SMALL(torch.ones(2, 4), torch.tensor([0])), RuntimeError, "Input and target should have the same size in the batch"),
    (lambda: SMALL(torch.ones(2, 4), torch.tensor(0)), RuntimeError, "0D target tensor expects 1D input"),
    (lambda: SMALL(torch.ones(4), torch.tensor([0] * 4)), RuntimeError, "1D target tensor expects 2D input"),
    (lambda: SMALL(torch.ones(2, 4), torch.zeros(2, 2, dtype=torch.long)), RuntimeError, "0D or 1D target tensor expected"),
    (lambda: nn.LinearCrossEntropyLoss(3, 4, weight=torch.ones(3)), RuntimeError, "expected weight shape to be"),
    (lambda: nn.LinearCrossEntropyLoss(3, 4, label_smoothing=2.0), RuntimeError, "expected label_smoothing to be in range"),
    (lambda: nn.LinearCrossEntropyOptions(chunking_method="aspect_ratio:0"), ValueError, "invalid chunking_method"),
    (lambda: F.linear_cross_entropy(torch.ones(2, 3), torch.ones(4, 2), torch.tensor([0, 1])), RuntimeError, "expected equal"),
    (lambda: nn.HuberLoss(delta=1j), TypeError, "delta must be a float or int"),
    (lambda: F.batch_norm(torch.ones(2, 3), None, None, training=True, eps=0.0), ValueError, "batch_norm eps must be positive"),
    (lambda: nn.GaussianNLLLoss()(torch.ones(2, 3), torch.ones(2, 3), torch.ones(3)), ValueError, "var is of incorrect size"),
])
def test_errors(wrong: Callable, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        wrong()


def test_linear_cross_entropy() -> None:
    m = nn.LinearCrossEntropyLoss(3, 4, out_features=(2,), bias=True, reduction="sum", options=None)
    x, y = torch.randn(5, 3), torch.ones(5, 2, dtype=torch.long)
    assert torch.allclose(m(x, y), F.cross_entropy(m.linear(x).reshape(5, 4, 2), y, reduction="sum"))
    with pytest.warns(UserWarning, match="``options`` ignored"):
        F.linear_cross_entropy(x, m.linear.weight, y[:, 0], label_smoothing=0.1, options=nn.LinearCrossEntropyOptions())


def test_gradients_of_convolutions() -> None:
    w, x, g = torch.randn(2, 1, 3), torch.randn(1, 2, 6, requires_grad=True), torch.randn(1, 2, 2)
    F.conv1d(x, w.requires_grad_(), stride=2, groups=2).backward(g)
    assert torch.allclose(nn.grad.conv1d_input((1, 2, 6), w, g, 2, 0, 1, 2), x.grad)
    assert torch.allclose(nn.grad.conv1d_weight(x, (2, 1, 3), g, 2, 0, 1, 2), w.grad)
    assert torch.nn.functional.grad is nn.grad


def test_losses_that_broadcast_and_empty_batches() -> None:
    loss = nn.GaussianNLLLoss()(torch.ones(4, 3, 2), torch.zeros(4, 3, 2), torch.full((4, 1, 2), 2.0))
    assert abs(loss.item() - 0.5 * (torch.log(torch.tensor(2.0)).item() + 0.5)) < 1e-6
    m = nn.BatchNorm1d(3)
    assert m(torch.ones(0, 3, 2)).shape == (0, 3, 2)
    assert m.running_mean.tolist() == [0, 0, 0] and m.running_var.tolist() == [1, 1, 1]
