"""Anomaly mode, and the search for the first nan."""
from __future__ import annotations

import pytest

import torchish as torch
from torchish import debug

ROOT = "Function 'SqrtBackward0' returned nan values in its 0th output."


@pytest.fixture
def x():
    return torch.tensor([0.0, 1.0], requires_grad=True)


def _loss(x, look):
    loss = ((x * 0).sqrt() * x * 0).sum()
    if look:
        loss.item()
    return loss


@pytest.mark.parametrize("look", [False, True])
def test_a_nan_in_backward_is_refused_with_the_line(x, look):
    _loss(x, look).backward()
    assert x.grad.isnan().all()
    x.grad = None
    with pytest.warns(UserWarning, match="Anomaly Detection has been enabled"), torch.autograd.detect_anomaly():
        assert torch.is_anomaly_enabled()
        loss = _loss(x, look)
        with pytest.warns(UserWarning, match=r"Error detected in SqrtBackward0. Traceback of forward call(?s:.*)sqrt\(\)"), \
                pytest.raises(RuntimeError) as e:
            loss.backward()
    assert str(e.value) == ROOT and x.grad is None and not torch.is_anomaly_enabled()


def test_the_switch_and_custom_functions(x):
    class Bad(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return g * float("nan")

    with torch.autograd.set_detect_anomaly(True):
        with pytest.warns(UserWarning, match="Error detected in BadBackward"), \
                pytest.raises(RuntimeError, match="Function 'BadBackward' returned nan values in its 0th output"):
            Bad.apply(x).sum().backward()
        (x * 2).sum().backward()
    assert x.grad.tolist() == [2, 2]
    with torch.autograd.set_detect_anomaly(True, check_nan=False):
        Bad.apply(x).sum().backward()
    assert x.grad.isnan().all()


def test_find_nan_forward(x):
    w = torch.tensor([1.0, -2.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.1)

    def step():
        optimizer.zero_grad()
        h = w * 2
        y = h.log()
        y.sum().backward()
        optimizer.step()
    found = debug.find_nan(step)
    assert (found.op, found.direction, found.made, found.source) == ("log", "forward", "nan", "y = h.log()")
    assert found.inputs == ("float32[2] min -4 max 2 mean -1, 0 nan, 0 inf",)
    assert str(found).startswith(f"log (forward) made nan at {__file__}:{found.line}")


@pytest.mark.parametrize("look", [False, True])
def test_find_nan_backward(x, look):
    found = debug.find_nan(lambda: _loss(x, look).backward())
    assert (found.op, found.direction, found.made) == ("SqrtBackward0", "backward", "nan")
    assert "sqrt()" in found.source


def test_masks_lie_on_no_path(x):
    with torch.autograd.set_detect_anomaly(True):
        torch.where(x > 0, x, x * 2).sum().backward()
    assert x.grad.tolist() == [2, 1]
    assert debug.find_nan(lambda: torch.where(x > 0, x, x * 2).sum().backward()) is None


def test_find_nan_tells_the_line_of_this_run():
    x, lines = torch.tensor([-1.0]), []
    lines.append(debug.find_nan(lambda: torch.log(x)).line)
    lines.append(debug.find_nan(lambda: torch.log(x)).line)
    lines.append(debug.find_nan(
        lambda: (torch.log(torch.tensor([2.0])).tolist(),
                 torch.log(torch.tensor([-1.0])).tolist())).line)
    assert [n - lines[0] for n in lines] == [0, 1, 4]
    with pytest.raises(TypeError, match="argument 'step' must be callable, not int"):
        debug.find_nan(3)


def test_find_nan_prefers_nan_to_inf_and_finds_nothing_where_nothing_is(x):
    assert debug.find_nan(lambda: (1 / x).tolist()).made == "inf"
    found = debug.find_nan(lambda: (1 / x - 1 / x).tolist())
    assert (found.op, found.earlier.op, found.earlier.made, found.earlier.earlier) == ("sub", "reciprocal", "inf", None)
    assert f"before it, {found.earlier.op} (forward) made inf at {__file__}" in str(found)
    assert debug.find_nan(lambda: (x * 2).sum().backward()) is None


def test_a_function_that_raises_is_named_and_nodes_know_their_line():
    class Raising(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            raise ValueError("mine")
    x = torch.ones(2, requires_grad=True)
    with torch.autograd.set_detect_anomaly(True):
        y = Raising.apply(x) * 2
        assert "y = Raising.apply(x) * 2" in "".join(y.grad_fn.metadata["traceback_"])
        with pytest.warns(UserWarning, match="Error detected in RaisingBackward. Traceback of forward call"), \
                pytest.raises(ValueError, match="mine"):
            y.sum().backward()


def test_the_line_is_that_of_this_call_not_of_the_first_like_it():
    x = torch.ones(3, requires_grad=True)
    for _ in range(2):
        with torch.autograd.set_detect_anomaly(True):
            first = x.sin() * 3
            assert "first = x.sin() * 3" in first.grad_fn.metadata["traceback_"][0]
    del first
    with torch.autograd.set_detect_anomaly(True):
        second = x.sin() * 3
        assert "second = x.sin() * 3" in second.grad_fn.metadata["traceback_"][0]
    assert not torch.is_anomaly_enabled() and "traceback_" not in (x.sin() * 3).grad_fn.metadata
